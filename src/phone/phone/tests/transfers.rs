//! Transfers that our side asks for, and how they end: rule 11.

use super::offers::{ack, described, invite, within};
use super::*;
use crate::command::{Refusal, RefusalCode};
use crate::event::HoldState;
use crate::interface::RingingTransfer;

impl World {
    /// A call is held, and its peer referred to 601, which it accepts.
    fn transfers(&mut self, call: CallId) {
        self.ask(Command::TransferCall { call, to: "601".into() });
        let offer = self.hears("INVITE ");
        let held = SDP.replace("o=- 1 1", "o=- 1 2") + "a=recvonly\r\n";
        self.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &held);
        let refer = self.hears("REFER ");
        self.answers(&refer, "202 Accepted", "Contact: <sip:600@192.0.2.1>\r\n", "");
        self.told();
    }
}

/// What the peer of this call tells of a transfer (RFC 3515 §2.4.5).
fn notify(invite: &str, cseq: u32, status: &str) -> String {
    let (from, to) = (field(invite, "To"), field(invite, "From"));
    let call_id = field(invite, "Call-ID");
    let body = format!("SIP/2.0 {status}\r\n");
    format!(
        "NOTIFY sip:1000@192.0.2.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKnotify{cseq};rport\r\n\
         Max-Forwards: 70\r\nFrom: {from};tag=peer\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} NOTIFY\r\n\
         Contact: <sip:600@192.0.2.1>\r\nEvent: refer\r\nSubscription-State: active;expires=300\r\n\
         Content-Type: message/sipfrag\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
}

#[test]
fn rule_11_a_transfer_of_which_60_s_nothing_is_told_fails_and_the_call_speaks_again() {
    let mut world = World::registered(Config::default());
    let (call, invite) = world.calls();
    world.transfers(call);

    // That the target rings counts as a word.
    world.pass(59 * SECOND);
    world.receives(&notify(&invite, 2, "180 Ringing"));
    world.hears("SIP/2.0 200 ");
    world.pass(59 * SECOND);
    assert_eq!(world.told(), []);
    world.pass(SECOND);
    assert_eq!(world.told(), [Event::TransferFailed { call, sip_error: 408 }]);
    let offer = world.hears("INVITE ");
    assert!(offer.contains("a=sendrecv\r\n"), "{offer}");
    let resumed = SDP.replace("o=- 1 1", "o=- 1 3");
    world.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &resumed);
    assert_eq!(world.told(), [Event::Hold { call, hold: false, by: Side::Local, sip_error: 0 }]);
}

#[test]
fn rule_11_a_transfer_that_fails_leaves_the_call_held_where_another_speaks() {
    let mut world = World::registered(Config::default());
    let (first, invite) = world.calls();
    world.transfers(first);
    world.calls();
    world.receives(&notify(&invite, 2, "486 Busy Here"));
    assert_eq!(world.told(), [Event::TransferFailed { call: first, sip_error: 486 }]);
    assert_eq!((world.hold_state(first), world.speaking()), (HoldState::Local, vec![world.legs[1]]));
}

#[test]
fn rule_11_a_peer_that_hangs_up_has_a_second_for_its_last_word_whatever_else_goes_on() {
    let mut world = World::registered(Config::default());
    let (call, invite) = world.calls();
    world.transfers(call);
    // It is repeated after half a second.
    world.ask(start_call());
    world.told();
    world.receives(&within(&invite, "BYE", 2, ""));
    world.pass(SECOND - Duration::from_millis(1));
    assert_eq!(world.told(), []);
    world.pass(Duration::from_millis(1));
    let told = world.told();
    assert!(matches!(&told[..], [Event::CallTransferred(_), Event::CallFinalized(_)]), "{told:?}");
}

#[test]
fn rule_11_a_peer_that_tells_of_a_transfer_has_accepted_it_though_its_202_is_lost() {
    let mut world = World::registered(Config::default());
    let (call, ours) = world.calls();
    world.ask(Command::TransferCall { call, to: "601".into() });
    let offer = world.hears("INVITE ");
    world.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &described(2, "a=recvonly\r\n"));
    world.hears("REFER ");
    world.receives(&notify(&ours, 2, "100 Trying"));
    world.told();
    world.receives(&within(&ours, "BYE", 3, ""));
    world.pass(SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [Event::CallTransferred(_), Event::CallFinalized(_)]), "{told:?}");
}

#[test]
fn rule_11_a_peer_whose_last_word_is_that_the_transfer_failed_is_gone_nevertheless() {
    let mut world = World::registered(Config::default());
    let (call, invite) = world.calls();
    world.transfers(call);
    world.receives(&within(&invite, "BYE", 2, ""));
    world.receives(&notify(&invite, 3, "486 Busy Here"));
    let told = world.told();
    assert!(
        matches!(&told[..], [Event::TransferFailed { sip_error: 486, .. }, Event::CallFinalized(_)]),
        "{told:?}"
    );
}

#[test]
fn rule_11_a_call_that_is_being_transferred_can_not_be_transferred_again() {
    let mut world = World::registered(Config::default());
    let (call, _) = world.calls();
    world.transfers(call);
    let refused = world.ask_as(PROGRAM, Command::TransferCall { call, to: "602".into() });
    assert!(matches!(refused, Err(Refusal { code: RefusalCode::InvalidArgument, .. })), "{refused:?}");
    world.hears_nothing();
}

#[test]
fn rule_17_a_call_that_is_answered_to_be_transferred_lets_the_other_speak_on() {
    let ringing_transfer = RingingTransfer::Answer;
    let mut world = World::registered(Config { ringing_transfer, ..Config::default() });
    let (first, _) = world.calls();
    world.receives(&invite("new", SDP));
    let told = world.told();
    let [Event::NewCall(told)] = &told[..] else { panic!("no call: {told:?}") };
    world.ask(Command::TransferCall { call: told.call, to: "601".into() });
    assert_eq!((world.hold_state(first), world.speaking()), (HoldState::None, vec![world.legs[0]]));
    let ok = world.hears("SIP/2.0 200 ");
    world.receives(&ack(&ok, ""));
    let offer = world.hears("INVITE sip:600@192.0.2.1 ");
    assert_eq!(field(&offer, "Call-ID"), "new");
    world.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &described(2, "a=recvonly\r\n"));
    world.hears("REFER ");
}

#[test]
fn rule_11_an_answered_call_is_referred_whatever_is_done_with_those_that_ring() {
    let ringing_transfer = RingingTransfer::Answer;
    let mut world = World::registered(Config { ringing_transfer, ..Config::default() });
    let (call, _) = world.calls();
    world.transfers(call);
}
