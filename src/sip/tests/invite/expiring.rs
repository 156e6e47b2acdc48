//! RFC 3261 §13.3.1: an INVITE that says how long it holds; §21.3.3: a call that is sent to somebody else.

use sip::message::Status;

use super::{ANSWER, ended, from_caller, ringing, talking, their_invite};
use crate::stage::{ms, uri, with};

#[test]
fn an_invite_that_expires_is_answered_with_487() {
    let mut call = ringing(&with(&their_invite(), "Expires: 90"));
    call.send_ringing();
    call.run_for(ms(89_999));
    assert_eq!(call.sent_lines(), ["180 Ringing", "180 Ringing"], "and once more after a minute");
    call.run_for(ms(1));
    let refused = call.sent_one();
    assert_eq!(refused.first_line(), "SIP/2.0 487 Request Terminated");
    assert_eq!(call.told(), ended(Status::REQUEST_TERMINATED));
    call.receive(&from_caller(&refused, "ACK", "z9hG4bKinvite", 1));
    call.assert_over();
}

#[test]
fn a_caller_that_is_gone_without_a_word_is_not_rung_for_for_ever() {
    for lines in ["", "Expires: 4294967295"] {
        let invite = if lines.is_empty() { their_invite() } else { with(&their_invite(), lines) };
        let mut call = ringing(&invite);
        call.send_ringing();
        call.run_for(ms(599_999));
        assert!(call.sent_lines().iter().all(|line| line == "180 Ringing"));
        call.run_for(ms(1));
        assert_eq!(call.sent_lines(), ["487 Request Terminated"]);
        assert_eq!(call.told(), ended(Status::REQUEST_TERMINATED));
        call.run_for(ms(32_000));
        assert!(call.sent_lines().iter().all(|line| line == "487 Request Terminated"), "nobody ACKs");
        call.assert_over();
    }
}

#[test]
fn an_answered_call_expires_no_more() {
    let mut call = ringing(&with(&their_invite(), "Expires: 30"));
    call.send_ringing();
    call.act(|session, now, endpoint, _| session.accept(now, endpoint, ANSWER.into()));
    let ok = call.sent().pop().expect("the 200");
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    call.told();
    call.run_for(ms(60_000));
    assert!(call.told().is_empty() && !call.user.is_over());
}

#[test]
fn a_caller_is_sent_to_somebody_else() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    call.sent();
    call.act(|session, now, endpoint, _| session.redirect(now, endpoint, &uri("sip:1002@pbx.example")));
    let moved = call.sent_one();
    assert_eq!(moved.first_line(), "SIP/2.0 302 Moved Temporarily");
    assert_eq!(moved.value("Contact"), "<sip:1002@pbx.example>");
    call.receive(&from_caller(&moved, "ACK", "z9hG4bKinvite", 1));
    assert!(call.told().is_empty());
    call.assert_over();
}

#[test]
fn an_answered_call_is_not_sent_elsewhere_by_302() {
    let (mut call, _) = talking();
    call.act(|session, now, endpoint, _| session.redirect(now, endpoint, &uri("sip:1002@pbx.example")));
    assert!(call.sent().is_empty() && !call.user.is_over());
}
