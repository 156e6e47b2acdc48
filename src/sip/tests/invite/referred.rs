//! RFC 3515 §2.4, RFC 4488, RFC 5057 §4: the peer sends us to somebody else, and is told how it goes.

use sip::invite::Event;
use sip::message::{NameAddr, Status};

use super::{Call, body, called_and_answered, from_called, from_caller, ringing, talking, their_invite};
use crate::stage::{Sent, answer, challenge, ms, uri, with};

impl Call {
    fn answer_refer(&mut self, answer: Result<(), Status>) {
        self.act(|session, now, endpoint, _| session.answer_refer(now, endpoint, answer));
    }

    fn notify_refer(&mut self, code: u16, is_last: bool) {
        let status = Status::new(code).expect("a status");
        self.act(|session, now, endpoint, _| session.notify_refer(now, endpoint, status, is_last));
    }

    /// The NOTIFY that goes out says this; the peer takes it.
    fn assert_notified(&mut self, line: &str, state: &str) {
        let notify = self.sent_one();
        assert_eq!(body(&notify), format!("{line}\r\n"));
        assert_eq!(notify.value("Subscription-State"), state);
        self.receive(&answer(&notify, "200 OK"));
    }
}

fn refer(ours: &Sent, cseq: u32, lines: &str) -> String {
    let refer = from_caller(ours, "REFER", &format!("z9hG4bKrefer{cseq}"), cseq);
    with(&refer, &format!("Contact: <sip:1001@192.0.2.1>\n{lines}"))
}

/// A call whose peer has sent us to 1002, which we have accepted; the first NOTIFY is answered.
fn referred() -> (Call, Sent) {
    let (mut call, first) = talking();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    call.told();
    call.answer_refer(Ok(()));
    let sent = call.sent();
    let [_, notify] = sent.as_slice() else { panic!("{}", sent.len()) };
    call.receive(&answer(notify, "200 OK"));
    (call, first)
}

#[test]
fn a_refer_is_accepted_and_told_of_until_its_end() {
    let (mut call, invite) = called_and_answered();
    let refer = with(
        &from_called(&invite, "REFER", "z9hG4bKrefer", 7),
        "Contact: <sip:1001@192.0.2.1>\nRefer-To: \"Two\" <sip:1002@pbx.example>\nReferred-By: <sip:1001@pbx.example>",
    );
    call.receive(&refer);
    let told = call.told();
    let [Event::Referred { to, referred_by }] = told.as_slice() else { panic!("{told:?}") };
    assert_eq!(
        (to.to_string().as_str(), referred_by.as_deref()),
        ("\"Two\" <sip:1002@pbx.example>", Some("<sip:1001@pbx.example>"))
    );
    assert!(call.sent().is_empty());
    call.answer_refer(Ok(()));
    let sent = call.sent();
    let [accepted, notify] = sent.as_slice() else { panic!("{}", sent.len()) };
    assert_eq!(
        (accepted.first_line(), accepted.value("Contact")),
        ("SIP/2.0 202 Accepted", invite.value("Contact"))
    );
    assert_eq!(
        (notify.first_line(), notify.value("CSeq")),
        ("NOTIFY sip:1001@192.0.2.1 SIP/2.0", "2 NOTIFY")
    );
    assert_eq!(
        (notify.value("Event"), notify.value("Subscription-State")),
        ("refer;id=7", "active;expires=300")
    );
    assert_eq!(
        (notify.value("Content-Type"), body(notify)),
        ("message/sipfrag;version=2.0", "SIP/2.0 100 Trying\r\n")
    );
    assert_eq!(notify.value("Contact"), invite.value("Contact"));
    call.receive(&answer(notify, "200 OK"));
    call.run_for(ms(10_000));
    call.notify_refer(180, false);
    call.assert_notified("SIP/2.0 180 Ringing", "active;expires=290");
    call.notify_refer(200, true);
    call.assert_notified("SIP/2.0 200 OK", "terminated;reason=noresource");
    call.notify_refer(200, true);
    assert!(call.sent().is_empty() && call.told().is_empty(), "it has ended");
}

#[test]
fn a_refer_that_our_user_refuses_is_refused_and_the_next_may_do_better() {
    let (mut call, first) = talking();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    call.answer_refer(Err(Status::DECLINE));
    assert_eq!(call.sent_lines(), ["603 Decline"]);
    call.notify_refer(100, false);
    assert!(call.sent().is_empty());
    call.receive(&refer(&first, 3, "Refer-To: sip:1002@pbx.example"));
    assert!(matches!(call.told().as_slice(), [Event::Referred { .. }, Event::Referred { .. }]));
}

#[test]
fn a_refer_while_another_is_under_way_is_told_to_wait() {
    let (mut call, first) = talking();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    call.told();
    call.receive(&refer(&first, 3, "Refer-To: <sip:1003@pbx.example>"));
    assert_eq!(call.sent_lines(), ["491 Request Pending"]);
    let (mut call, first) = referred();
    call.receive(&refer(&first, 3, "Refer-To: <sip:1003@pbx.example>"));
    assert_eq!(call.sent_lines(), ["491 Request Pending"]);
    assert!(call.told().is_empty());
    call.notify_refer(486, true);
    call.assert_notified("SIP/2.0 486 Busy Here", "terminated;reason=noresource");
    call.receive(&refer(&first, 4, "Refer-To: <sip:1003@pbx.example>"));
    assert!(matches!(call.told().as_slice(), [Event::Referred { .. }]), "the first has come to its end");
}

#[test]
fn a_refer_that_names_nobody_who_can_be_called_is_refused() {
    for (lines, answer) in [
        ("Subject: nobody", "400 Bad Request"),
        ("Refer-To: <sip:a@example.net>\nRefer-To: <sip:b@example.net>", "400 Bad Request"),
        ("Refer-To: <sip:a@example.net>, <sip:b@example.net>", "400 Bad Request"),
        ("Refer-To: <nonsense>", "400 Bad Request"),
        (
            "Refer-To: <sip:a@example.net>\nReferred-By: <sip:b@example.net>\nReferred-By: <sip:c@example.net>",
            "400 Bad Request",
        ),
        ("Refer-To: <https://example.net/>", "416 Unsupported URI Scheme"),
        ("Refer-To: <sips:a@example.net>", "416 Unsupported URI Scheme"),
        ("Refer-To: <sip:a@example.net;method=BYE>", "603 Decline"),
        ("Refer-To: <sip:a@example.net?Replaces=x%3Bto-tag%3Dy%3Bfrom-tag%3Dz>", "420 Bad Extension"),
    ] {
        let (mut call, first) = talking();
        call.receive(&refer(&first, 2, lines));
        assert_eq!(call.sent_lines(), [answer], "{lines}");
        assert!(call.told().is_empty() && !call.user.is_over());
    }
}

#[test]
fn whom_to_call_is_told_without_what_the_invite_should_carry() {
    for (text, bare) in [
        ("sip:1002@pbx.example;method=INVITE?X-Evil=1", "sip:1002@pbx.example"),
        ("sip:1002@pbx.example;transport=tcp", "sip:1002@pbx.example;transport=tcp"),
        ("tel:+4930123", "tel:+4930123"),
    ] {
        let (mut call, first) = talking();
        call.receive(&refer(&first, 2, &format!("r: <{text}>")));
        let to = NameAddr::new(uri(bare));
        assert_eq!(call.told(), [Event::Referred { to, referred_by: None }]);
    }
}

#[test]
fn who_wants_no_notifies_gets_none() {
    let (mut call, first) = talking();
    let lines =
        "Refer-To: <sip:1002@pbx.example>\nRefer-Sub: false\nRequire: norefersub\nSupported: norefersub";
    call.receive(&refer(&first, 2, lines));
    call.told();
    call.answer_refer(Ok(()));
    let accepted = call.sent_one();
    assert_eq!((accepted.first_line(), accepted.value("Refer-Sub")), ("SIP/2.0 202 Accepted", "false"));
    call.notify_refer(200, true);
    assert!(call.sent().is_empty());
}

#[test]
fn a_peer_that_hangs_up_at_once_is_told_all_the_same() {
    let (mut call, first) = referred();
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 3));
    assert_eq!(
        (call.sent_lines(), call.told()),
        (vec!["200 OK".into()], vec![Event::Ended { status: None }])
    );
    assert!(call.user.is_silent() && !call.user.is_over());
    call.notify_refer(180, false);
    call.assert_notified("SIP/2.0 180 Ringing", "active;expires=300");
    call.notify_refer(200, true);
    assert!(!call.user.is_silent(), "the last has no answer yet");
    call.assert_notified("SIP/2.0 200 OK", "terminated;reason=noresource");
    call.assert_over();
}

#[test]
fn what_waits_to_be_told_when_the_call_ends_is_told() {
    let (mut call, first) = referred();
    call.send_info("Signal=1");
    call.send_info("Signal=2");
    let info = call.sent_one();
    call.notify_refer(180, false);
    call.notify_refer(200, true);
    assert!(call.sent().is_empty(), "the INFO has no answer yet");
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 3));
    let sent = call.sent();
    let [_, last] = sent.as_slice() else { panic!("{}", sent.len()) };
    assert_eq!(body(last), "SIP/2.0 200 OK\r\n", "that it rang is no news any more");
    call.receive(&answer(&info, "200 OK"));
    call.receive(&answer(last, "200 OK"));
    call.told();
    call.assert_over();
}

#[test]
fn nothing_that_is_told_overtakes_our_bye() {
    let (mut call, _) = referred();
    call.hang_up();
    let bye = call.sent_one();
    call.notify_refer(180, false);
    call.notify_refer(200, true);
    assert!(call.sent().is_empty(), "a peer that lost the BYE would refuse it for its number then");
    call.receive(&answer(&bye, "200 OK"));
    call.assert_notified("SIP/2.0 200 OK", "terminated;reason=noresource");
    call.told();
    call.assert_over();
}

#[test]
fn a_transfer_that_is_never_told_of_ends_after_five_minutes() {
    let (mut call, first) = referred();
    call.notify_refer(180, false);
    call.assert_notified("SIP/2.0 180 Ringing", "active;expires=300");
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 3));
    call.sent();
    call.told();
    call.run_for(ms(299_999));
    assert!(call.sent().is_empty());
    call.run_for(ms(1));
    call.assert_notified("SIP/2.0 180 Ringing", "terminated;reason=noresource");
    call.assert_over();
}

#[test]
fn a_peer_that_wants_to_hear_no_more_hears_no_more() {
    let (mut call, _) = referred();
    call.notify_refer(180, false);
    let notify = call.sent_one();
    call.receive(&answer(&notify, "481 Call/Transaction Does Not Exist"));
    call.notify_refer(200, true);
    assert!(
        call.sent().is_empty() && call.told().is_empty() && !call.user.is_over(),
        "the call itself goes on"
    );
}

#[test]
fn what_became_of_one_refer_does_not_end_the_next() {
    let (mut call, first) = referred();
    call.notify_refer(486, true);
    let last = call.sent_one();
    call.receive(&refer(&first, 3, "Refer-To: <sip:1003@pbx.example>"));
    call.told();
    call.answer_refer(Ok(()));
    assert_eq!(call.sent_lines(), ["202 Accepted"]);
    call.receive(&answer(&last, "481 Call/Transaction Does Not Exist"));
    call.assert_notified("SIP/2.0 100 Trying", "active;expires=300");
    call.notify_refer(200, true);
    call.assert_notified("SIP/2.0 200 OK", "terminated;reason=noresource");
}

#[test]
fn a_refer_that_our_user_has_not_answered_comes_to_nothing_when_the_call_ends() {
    let (mut call, first) = talking();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 3));
    assert_eq!(call.sent_lines(), ["200 OK", "481 Call/Transaction Does Not Exist"]);
    call.answer_refer(Ok(()));
    call.told();
    call.assert_over();
}

#[test]
fn what_is_told_keeps_its_order_and_answers_challenges() {
    let (mut call, _) = referred();
    call.notify_refer(180, false);
    call.notify_refer(200, true);
    let ringing = call.sent_one();
    call.receive(&with(&answer(&ringing, "401 Unauthorized"), &challenge("n1")));
    let again = call.sent_one();
    assert_eq!((ringing.value("CSeq"), again.value("CSeq")), ("2 NOTIFY", "3 NOTIFY"));
    assert!(again.value("Authorization").contains("nonce=\"n1\""));
    call.receive(&answer(&again, "200 OK"));
    call.assert_notified("SIP/2.0 200 OK", "terminated;reason=noresource");
}

#[test]
fn a_refer_is_not_followed_before_the_call_is_answered_nor_when_it_is_being_hung_up() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    let first = call.sent_one();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    assert_eq!(call.sent_lines(), ["603 Decline"]);

    let (mut call, first) = talking();
    call.hang_up();
    call.sent();
    call.receive(&refer(&first, 2, "Refer-To: <sip:1002@pbx.example>"));
    assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"]);
    assert!(call.told().is_empty());
}
