//! Invitations, as the other end of a call sees them.

mod answering;
mod calling;
mod cancelling;
mod ending;
mod expiring;
mod following;
mod forks;
mod info;
mod offers;
mod pairs;
mod referred;
mod referring;
mod reoffers;
mod ringing;
mod routes;

use base::Dice;
use sip::endpoint::Event as Heard;
use sip::invite::{Event, Invitation, Session};
use sip::message::Status;

use crate::stage::{Sent, Stage, Story, answer, flow_to, profile, their_request, uri, with, with_sdp};

pub(crate) type Call = Story<Session>;

const OFFER: &str = "our offer";
const ANSWER: &str = "our answer";

/// What we allow a peer to ask.
const ALLOW: [&str; 8] = ["INVITE", "ACK", "CANCEL", "BYE", "OPTIONS", "REFER", "NOTIFY", "INFO"];

/// The peer's Contact, at its own address.
const CONTACT: &str = "Contact: <sip:1001@192.0.2.1>";

/// A call to 600 by its domain, which has the addresses 192.0.2.1 and 192.0.2.2; no flow opens to those that are
/// `dead`.
fn reaching(dead: &[&str]) -> Call {
    Story::with_dead(dead, |stage| begin(stage, "sip:600@pbx.example", "sip:pbx.example"))
}

/// A call to `target` by way of `hop`.
fn reaching_by(target: &str, hop: &str) -> Call {
    Story::new(|stage| begin(stage, target, hop))
}

fn begin(stage: &mut Stage, target: &str, hop: &str) -> Session {
    let invitation = Invitation { target: uri(target), hop: uri(hop), headers: Vec::new() };
    Session::call(stage.now, &mut stage.endpoint, profile(), invitation, Dice::new([3; 32]))
}

/// A call to 600 whose INVITE is out.
fn calling() -> (Call, Sent) {
    let mut call = reaching(&[]);
    let invite = call.offer_as_told("192.0.2.1:5060");
    (call, invite)
}

/// A call of ours that was answered with the SDP "their answer".
fn called_and_answered() -> (Call, Sent) {
    let (mut call, invite) = calling();
    call.receive(&ok(&invite, "you"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);
    (call, invite)
}

/// A 200 of the fork with this tag.
fn ok(invite: &Sent, tag: &str) -> String {
    let ok = answer(invite, "200 OK").replace("tag=you", &format!("tag={tag}"));
    with_sdp(&with(&ok, CONTACT), "their answer")
}

/// A request of whom we called, within the dialog that its 200 made.
fn from_called(invite: &Sent, method: &str, branch: &str, cseq: u32) -> String {
    their_request(method, branch, cseq)
        .replace("From: <sip:1001@pbx.example>;tag=them", &format!("From: {};tag=you", invite.value("To")))
        .replace("To: <sip:1000@pbx.example>", &format!("To: {}", invite.value("From")))
        .replace("two@192.0.2.1", invite.value("Call-ID"))
}

/// The INVITE that calls us.
fn their_invite() -> String {
    with_sdp(&with(&their_request("INVITE", "z9hG4bKinvite", 1), CONTACT), "their offer")
}

/// Takes an INVITE, and says nothing about it yet.
fn ringing(invite: &str) -> Call {
    Story::new(|stage: &mut Stage| {
        stage.receive(invite);
        let Heard::Request { transaction, flow, request } = stage.event() else { panic!() };
        assert_eq!(flow, flow_to("192.0.2.1:5060"));
        Session::ring(transaction, flow, request, profile(), Dice::new([4; 32])).expect("it makes a dialog")
    })
}

/// Takes an INVITE and answers it; gives back the 200.
fn ringing_and_answered(invite: &str) -> (Call, Sent) {
    let mut call = ringing(invite);
    call.accept();
    let ok = call.sent_one();
    (call, ok)
}

/// The same, and the ACK has come.
fn talking() -> (Call, Sent) {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }]);
    (call, ok)
}

/// A request of the caller, within the dialog that our answer made.
fn from_caller(ours: &Sent, method: &str, branch: &str, cseq: u32) -> String {
    their_request(method, branch, cseq)
        .replace("To: <sip:1000@pbx.example>", &format!("To: {}", ours.value("To")))
}

fn body(sent: &Sent) -> &str {
    sent.text().split_once("\r\n\r\n").map_or("", |(_, body)| body)
}

fn ended(status: Status) -> [Event; 1] {
    [Event::Ended { status: Some(status) }]
}

impl Call {
    /// `Reached` has been told for a flow to `remote`; the offer goes out on it.
    fn offer_as_told(&mut self, remote: &str) -> Sent {
        assert_eq!(self.told(), [Event::Reached(flow_to(remote))]);
        self.act(|session, now, endpoint, _| session.offer(now, endpoint, OFFER.into()));
        let invite = self.sent_one();
        assert_eq!(invite.flow, flow_to(remote));
        invite
    }

    fn accept(&mut self) {
        self.act(|session, now, endpoint, _| session.accept(now, endpoint, ANSWER.into()));
    }

    fn send_info(&mut self, body: &str) {
        let body = body.into();
        self.act(|session, now, endpoint, _| {
            session.send_info(now, endpoint, "application/dtmf-relay", body)
        });
    }

    fn send_ringing(&mut self) {
        self.act(|session, now, endpoint, _| session.send_ringing(now, endpoint));
    }

    fn hang_up(&mut self) {
        self.act(|session, now, endpoint, _| session.hang_up(now, endpoint, Status::BUSY_HERE));
    }

    /// Nothing more crosses on the wire: the phone may forget it.
    fn assert_over(&mut self) {
        assert!(self.user.is_over());
        self.run_for(crate::stage::ms(64_000));
        self.assert_at_rest();
    }
}
