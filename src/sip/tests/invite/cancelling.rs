//! RFC 3261 §9.1, §15; RFC 5407 §3.1: a call of ours that is given up, whatever crosses it.

use super::{calling, ok, reaching};
use crate::stage::{answer, challenge, ms, with};

#[test]
fn before_any_answer_the_cancel_waits_for_one() {
    let (mut call, invite) = calling();
    call.hang_up();
    assert!(call.sent().is_empty() && !call.user.is_over());
    call.receive(&answer(&invite, "100 Trying"));
    let cancel = call.sent_one();
    assert_eq!((cancel.value("CSeq"), cancel.value("Via")), ("1 CANCEL", invite.value("Via")));
    call.receive(&answer(&cancel, "200 OK"));
    call.receive(&answer(&invite, "487 Request Terminated"));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
    assert!(call.told().is_empty(), "its user knows already");
    call.assert_over();
}

#[test]
fn a_call_that_rings_is_cancelled_at_once_and_no_more_is_told_of_it() {
    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "180 Ringing"));
    call.told();
    call.hang_up();
    call.hang_up();
    let cancel = call.sent_one();
    assert_eq!(cancel.value("CSeq"), "1 CANCEL");
    call.receive(&answer(&cancel, "200 OK"));
    call.receive(&answer(&invite, "180 Ringing"));
    call.receive(&answer(&invite, "487 Request Terminated"));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
    assert!(call.told().is_empty());
    call.assert_over();
}

#[test]
fn an_answer_that_crosses_the_cancel_is_acked_and_hung_up() {
    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "180 Ringing"));
    call.told();
    call.hang_up();
    let cancel = call.sent_one();
    call.receive(&ok(&invite, "you"));
    let sent = call.sent();
    let [ack, bye] = sent.as_slice() else { panic!("an ACK and a BYE") };
    assert_eq!((ack.value("CSeq"), bye.value("CSeq")), ("1 ACK", "2 BYE"));
    assert_eq!(bye.first_line(), "BYE sip:1001@192.0.2.1 SIP/2.0");
    call.receive(&answer(&cancel, "200 OK"));
    call.receive(&answer(bye, "200 OK"));
    assert!(call.told().is_empty());
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn a_cancelled_call_that_gets_no_final_answer_ends_by_itself() {
    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "180 Ringing"));
    call.told();
    call.hang_up();
    let cancel = call.sent_one();
    call.receive(&answer(&cancel, "200 OK"));
    call.run_for(ms(31_999));
    assert!(!call.user.is_over());
    call.run_for(ms(1));
    call.assert_over();

    let (mut call, _) = calling();
    call.hang_up();
    call.run_for(ms(32_000));
    assert!(call.sent().iter().all(|sent| sent.first_line().starts_with("INVITE ")));
    call.assert_over();
}

#[test]
fn a_challenge_or_an_error_ends_a_call_that_was_given_up() {
    for line in ["401 Unauthorized", "503 Service Unavailable", "486 Busy Here"] {
        let (mut call, invite) = calling();
        call.hang_up();
        call.receive(&with(&answer(&invite, line), &challenge("n1")));
        assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
        call.assert_over();
    }
    let (mut call, _) = calling();
    call.hang_up();
    call.refuse("192.0.2.1:5060");
    call.assert_over();
}

#[test]
fn what_was_never_sent_needs_no_cancel() {
    let mut call = reaching(&[]);
    call.hang_up();
    assert!(call.sent().is_empty());
    call.told();
    call.assert_over();

    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "503 Service Unavailable"));
    call.sent();
    call.told();
    call.hang_up();
    call.assert_over();
}
