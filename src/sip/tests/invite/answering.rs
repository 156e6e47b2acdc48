//! RFC 3261 §13.3.1.4: our 2xx, until its ACK.

use sip::invite::Event;
use sip::message::Status;

use super::{ALLOW, ANSWER, CONTACT, body, ended, from_caller, ringing, ringing_and_answered, their_invite};
use crate::stage::{answer, ms, their_request, with, with_sdp};

#[test]
fn the_answer_says_what_makes_the_dialog_and_what_it_can_carry() {
    let mut call = ringing(&with(&their_invite(), "Record-Route: <sip:192.0.2.1;lr>"));
    call.send_ringing();
    let ringing = call.sent_one();
    call.accept();
    let ok = call.sent_one();
    assert_eq!((ok.first_line(), ok.value("CSeq")), ("SIP/2.0 200 OK", "1 INVITE"));
    assert_eq!((ok.value("To"), ok.value("Contact")), (ringing.value("To"), "<sip:1000@192.0.2.10:5060>"));
    assert_eq!(ok.values("Record-Route"), ["<sip:192.0.2.1;lr>"]);
    assert_eq!(ok.values("Allow"), ALLOW);
    assert_eq!((ok.value("Content-Type"), body(&ok)), ("application/sdp", ANSWER));
}

#[test]
fn it_is_repeated_at_doubling_intervals_up_to_4_seconds_until_the_ack() {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.run_for(ms(14_000));
    let again = call.sent();
    assert_eq!(again.iter().map(|sent| sent.at_ms).collect::<Vec<_>>(), [500, 1500, 3500, 7500, 11_500]);
    assert!(again.iter().all(|sent| sent.bytes == ok.bytes));
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack2", 1));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }], "once");
    call.run_for(ms(60_000));
    call.assert_at_rest();
}

#[test]
fn the_ack_of_another_number_acknowledges_nothing() {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 2));
    assert!(call.told().is_empty());
    call.run_for(ms(500));
    assert_eq!(call.sent_one().text(), ok.text());
}

#[test]
fn without_an_ack_the_call_is_hung_up_after_32_seconds() {
    let (mut call, _) = ringing_and_answered(&their_invite());
    call.run_for(ms(31_999));
    assert!(call.sent().iter().all(|sent| sent.first_line() == "SIP/2.0 200 OK"));
    assert!(call.told().is_empty());
    call.run_for(ms(1));
    assert_eq!(call.told(), ended(Status::REQUEST_TIMEOUT));
    let bye = call.sent_one();
    assert_eq!((bye.first_line(), bye.value("CSeq")), ("BYE sip:1001@192.0.2.1 SIP/2.0", "1 BYE"));
    call.receive(&answer(&bye, "481 Call/Transaction Does Not Exist"));
    call.assert_over();
}

#[test]
fn an_invite_without_an_offer_gets_one_and_its_answer_comes_in_the_ack() {
    let invite = with(&their_request("INVITE", "z9hG4bKinvite", 1), CONTACT);
    let (mut call, ok) = ringing_and_answered(&invite);
    call.receive(&with_sdp(&from_caller(&ok, "ACK", "z9hG4bKack", 1), "late answer"));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: Some(b"late answer".to_vec()) }]);
}

#[test]
fn hanging_up_before_the_ack_waits_for_it() {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.hang_up();
    call.hang_up();
    assert!(call.sent().is_empty() && !call.user.is_over() && !call.user.is_silent());
    call.run_for(ms(500));
    assert_eq!(call.sent_one().text(), ok.text());
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    let bye = call.sent_one();
    assert_eq!(bye.first_line(), "BYE sip:1001@192.0.2.1 SIP/2.0");
    assert_eq!((bye.value("From"), bye.value("To")), (ok.value("To"), ok.value("From")));
    call.receive(&answer(&bye, "200 OK"));
    assert!(call.told().is_empty());
    call.assert_over();

    let (mut call, _) = ringing_and_answered(&their_invite());
    call.hang_up();
    call.run_for(ms(32_000));
    let bye = call.sent().pop().expect("repeats of the 200, and the BYE");
    assert_eq!(bye.value("CSeq"), "1 BYE");
    assert!(call.told().is_empty());
}

#[test]
fn who_asks_before_its_ack_finds_the_call_though_it_is_being_hung_up() {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.hang_up();
    for (cseq, method) in [(2, "INVITE"), (3, "INFO"), (4, "REFER")] {
        call.receive(&with(&from_caller(&ok, method, &format!("z9hG4bK{method}"), cseq), CONTACT));
        let later = call.sent_one();
        assert_eq!(later.first_line(), "SIP/2.0 500 Server Internal Error");
        assert!(later.value("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    }
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    assert_eq!(call.sent_lines(), ["BYE sip:1001@192.0.2.1"]);
    assert!(call.told().is_empty());
}

#[test]
fn a_bye_before_the_ack_ends_the_call_and_the_repeats() {
    for hangs_up in [false, true] {
        let (mut call, ok) = ringing_and_answered(&their_invite());
        if hangs_up {
            call.hang_up();
        }
        call.receive(&from_caller(&ok, "BYE", "z9hG4bKbye", 2));
        assert_eq!(call.sent_lines(), ["200 OK"]);
        let told = call.told();
        assert_eq!(told.is_empty(), hangs_up, "{told:?}");
        call.assert_over();
    }
}
