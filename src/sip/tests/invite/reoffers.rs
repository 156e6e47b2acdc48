//! RFC 3261 §14.2, RFC 6141, RFC 5407 §3.1.4: new offers within a call, and other requests.

use sip::invite::Event;
use sip::message::Status;

use super::{
    ALLOW, ANSWER, CONTACT, body, called_and_answered, from_called, from_caller, ringing_and_answered,
    talking, their_invite,
};
use crate::stage::{Sent, answer, ms, their_request, with, with_sdp};

fn reinvite(ours: &Sent, branch: &str, cseq: u32) -> String {
    with_sdp(&with(&from_caller(ours, "INVITE", branch, cseq), CONTACT), "new offer")
}

fn reoffered() -> [Event; 1] {
    [Event::Reoffered { sdp: Some(b"new offer".to_vec()) }]
}

#[test]
fn a_new_offer_is_answered_and_its_answer_repeated_until_the_ack() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    assert_eq!(call.told(), reoffered());
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(ANSWER.into())));
    let ok = call.sent_one();
    assert_eq!((ok.first_line(), ok.value("CSeq"), body(&ok)), ("SIP/2.0 200 OK", "2 INVITE", ANSWER));
    assert_eq!((ok.value("Contact"), ok.value("To")), (first.value("Contact"), first.value("To")));
    call.run_for(ms(500));
    assert_eq!(call.sent_one().text(), ok.text());
    call.receive(&from_caller(&first, "ACK", "z9hG4bKack", 1));
    assert!(call.told().is_empty(), "a late ACK of the first answer");
    call.receive(&from_caller(&first, "ACK", "z9hG4bKreack", 2));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }]);
    call.run_for(ms(60_000));
    call.assert_at_rest();
}

#[test]
fn whom_we_call_may_offer_anew_too_and_may_ask_for_an_offer() {
    let (mut call, invite) = called_and_answered();
    call.receive(&with(&from_called(&invite, "INVITE", "z9hG4bKre", 1), CONTACT));
    assert_eq!(call.told(), [Event::Reoffered { sdp: None }]);
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(b"our offer".to_vec())));
    assert_eq!(body(&call.sent_one()), "our offer");
    call.receive(&with_sdp(&from_called(&invite, "ACK", "z9hG4bKreack", 1), "late answer"));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: Some(b"late answer".to_vec()) }]);
}

#[test]
fn a_refused_offer_leaves_all_as_it_was() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    call.told();
    let refusal = Status::NOT_ACCEPTABLE_HERE;
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Err(refusal)));
    assert_eq!(call.sent_lines(), ["488 Not Acceptable Here"]);
    call.receive(&from_caller(&first, "ACK", "z9hG4bKre", 2));
    call.run_for(ms(60_000));
    call.assert_at_rest();
    assert!(!call.user.is_over());
}

#[test]
fn an_offer_before_the_ack_is_heard_if_the_first_is_answered_already() {
    let (mut call, first) = ringing_and_answered(&their_invite());
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    assert_eq!(call.told(), reoffered());
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(ANSWER.into())));
    assert_eq!(call.sent_one().value("CSeq"), "2 INVITE");
    call.receive(&from_caller(&first, "ACK", "z9hG4bKack", 1));
    assert!(call.told().is_empty(), "the first ACK, which was late, says nothing");
    call.receive(&from_caller(&first, "ACK", "z9hG4bKreack", 2));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }]);
    call.run_for(ms(60_000));
    assert!(call.sent().is_empty());
}

#[test]
fn an_offer_before_the_ack_that_brings_an_answer_is_told_to_come_again() {
    let without_offer = with(&their_request("INVITE", "z9hG4bKinvite", 1), CONTACT);
    let (mut call, first) = ringing_and_answered(&without_offer);
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    assert_eq!(call.sent_lines(), ["491 Request Pending"]);
    call.receive(&with_sdp(&from_caller(&first, "ACK", "z9hG4bKack", 1), "their answer"));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: Some(b"their answer".to_vec()) }]);
}

#[test]
fn who_hangs_up_does_not_wait_for_the_ack_of_a_new_offer() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(ANSWER.into())));
    call.sent();
    call.told();
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!(bye.first_line(), "BYE sip:1001@192.0.2.1 SIP/2.0");
    call.receive(&answer(&bye, "200 OK"));
    call.run_for(ms(60_000));
    assert!(call.told().is_empty() && call.sent().is_empty() && call.user.is_over());
}

#[test]
fn an_offer_while_the_one_before_has_no_answer_is_told_to_come_a_little_later() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    assert_eq!(call.told(), reoffered());
    call.receive(&reinvite(&first, "z9hG4bKre2", 3));
    let later = call.sent_one();
    assert_eq!(later.first_line(), "SIP/2.0 500 Server Internal Error");
    assert!(later.value("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    assert!(call.told().is_empty());
}

#[test]
fn a_cancelled_offer_is_answered_with_487_and_the_call_goes_on() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    call.told();
    call.receive(&from_caller(&first, "CANCEL", "z9hG4bKre", 2));
    assert_eq!(call.sent_lines(), ["200 OK", "487 Request Terminated"]);
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(ANSWER.into())));
    assert!(call.sent().is_empty() && call.told().is_empty() && !call.user.is_over());
}

#[test]
fn hanging_up_answers_a_pending_offer_with_487() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    call.hang_up();
    assert_eq!(call.sent_lines(), ["487 Request Terminated", "BYE sip:1001@192.0.2.1"]);

    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 3));
    assert_eq!(call.sent_lines(), ["200 OK", "487 Request Terminated"]);
    assert_eq!(call.told().last(), Some(&Event::Ended { status: None }));
}

#[test]
fn an_offer_to_a_call_that_is_being_hung_up_finds_none() {
    let (mut call, first) = talking();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&reinvite(&first, "z9hG4bKre", 2));
    assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"]);
    call.receive(&answer(&bye, "200 OK"));
    assert!(call.told().is_empty() && call.user.is_over());
}

#[test]
fn a_new_contact_is_where_the_next_request_goes() {
    let (mut call, first) = talking();
    call.receive(&reinvite(&first, "z9hG4bKre", 2).replace("1001@192.0.2.1>", "moved@192.0.2.77:5080>"));
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok(ANSWER.into())));
    call.receive(&from_caller(&first, "ACK", "z9hG4bKreack", 2));
    call.sent();
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!(bye.first_line(), "BYE sip:moved@192.0.2.77:5080 SIP/2.0");
    assert_eq!(bye.flow, crate::stage::flow_to("192.0.2.77:5080"));
}

#[test]
fn requests_are_heard_in_the_order_of_their_numbers() {
    let (mut call, first) = talking();
    call.receive(&from_caller(&first, "OPTIONS", "z9hG4bK5", 5));
    let options = call.sent_one();
    assert_eq!(options.first_line(), "SIP/2.0 200 OK");
    assert_eq!(options.values("Allow"), ALLOW);
    for method in ["BYE", "INVITE", "OPTIONS"] {
        for cseq in [5, 4] {
            let branch = format!("z9hG4bK{method}{cseq}");
            call.receive(&with(&from_caller(&first, method, &branch, cseq), CONTACT));
            assert_eq!(call.sent_lines(), ["500 Server Internal Error"]);
        }
    }
    assert!(call.told().is_empty() && !call.user.is_over());
}

#[test]
fn what_a_call_cannot_carry_is_refused_as_it_would_be_without_one() {
    let (mut call, first) = talking();
    for (method, line) in [
        ("MESSAGE", "405 Method Not Allowed"),
        ("UPDATE", "405 Method Not Allowed"),
        ("PUBLISH", "405 Method Not Allowed"),
        ("FROB", "501 Not Implemented"),
    ] {
        call.receive(&from_caller(&first, method, &format!("z9hG4bK{method}"), 2));
        assert_eq!(call.sent_lines(), [line]);
    }
    call.receive(&with(&reinvite(&first, "z9hG4bKreq", 3), "Require: frob"));
    let refused = call.sent_one();
    assert_eq!((refused.first_line(), refused.value("Unsupported")), ("SIP/2.0 420 Bad Extension", "frob"));
    assert!(call.told().is_empty() && !call.user.is_over());
}
