//! RFC 3261 §15, RFC 5407 §3.2: the end of an answered call, from either side and from both.

use sip::invite::Event;
use sip::message::Status;

use super::{Call, called_and_answered, ended, from_called, from_caller, talking};
use crate::stage::{Sent, answer, challenge, ms, uri, with};

#[test]
fn the_callers_bye_follows_its_invite() {
    let (mut call, invite) = called_and_answered();
    call.hang_up();
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!((bye.first_line(), bye.value("CSeq")), ("BYE sip:1001@192.0.2.1 SIP/2.0", "2 BYE"));
    assert_eq!((bye.value("From"), bye.value("Call-ID")), (invite.value("From"), invite.value("Call-ID")));
    assert_eq!(bye.value("To"), "<sip:600@pbx.example>;tag=you");
    call.receive(&answer(&bye, "200 OK"));
    assert!(call.told().is_empty());
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn a_peers_bye_ends_the_call() {
    let (mut call, invite) = called_and_answered();
    call.receive(&from_called(&invite, "BYE", "z9hG4bKbye", 1));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert_eq!(call.told(), [Event::Ended { status: None }]);
    call.run_for(ms(32_000));
    call.assert_over();

    let (mut call, ok) = talking();
    call.receive(&from_caller(&ok, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert_eq!(call.told(), [Event::Ended { status: None }]);
    call.receive(&from_caller(&ok, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.sent_lines(), ["200 OK"], "its repeat");
    call.assert_over();
}

#[test]
fn byes_that_cross_are_both_answered() {
    let (mut call, ok) = talking();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&from_caller(&ok, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert!(!call.user.is_over(), "ours has yet to be answered");
    call.receive(&answer(&bye, "481 Call/Transaction Does Not Exist"));
    assert!(call.told().is_empty());
    call.assert_over();
}

/// What we may ask a peer for that has just hung up; gives back the request.
const ASK: [fn(&mut Call) -> Sent; 3] = [
    Call::reoffer_now,
    |call| {
        call.send_info("Signal=1");
        call.sent_one()
    },
    |call| {
        call.act(|session, now, endpoint, _| session.refer(now, endpoint, uri("sip:1002@pbx.example")));
        call.sent_one()
    },
];

/// A call whose peer answers what we ask with 481.
fn unknown_to_the_peer(ask: fn(&mut Call) -> Sent) -> (Call, Sent) {
    let (mut call, ok) = talking();
    let request = ask(&mut call);
    call.receive(&answer(&request, "481 Call/Transaction Does Not Exist"));
    call.sent();
    assert!(!call.told().iter().any(|event| matches!(event, Event::Ended { .. })));
    (call, ok)
}

#[test]
fn a_request_that_crosses_the_peers_bye_leaves_that_to_end_the_call() {
    for ask in ASK {
        let (mut call, ok) = unknown_to_the_peer(ask);
        call.run_for(ms(999));
        assert!(call.told().is_empty() && call.sent().is_empty(), "a lost BYE comes again");
        call.receive(&from_caller(&ok, "BYE", "z9hG4bKbye", 2));
        assert_eq!(
            (call.told(), call.sent_lines()),
            (vec![Event::Ended { status: None }], vec!["200 OK".into()])
        );
        call.run_for(ms(32_000));
        call.assert_over();
    }
}

#[test]
fn a_dialog_that_the_peer_does_not_know_is_ended_a_second_later() {
    for ask in ASK {
        let (mut call, _) = unknown_to_the_peer(ask);
        call.run_for(ms(1_000));
        assert_eq!(call.told(), ended(Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
        let bye = call.sent_one();
        assert_eq!(bye.first_line(), "BYE sip:1001@192.0.2.1 SIP/2.0");
        call.receive(&answer(&bye, "481 Call/Transaction Does Not Exist"));
        call.assert_over();
    }
}

#[test]
fn who_hangs_up_does_not_wait_for_the_bye_of_a_peer_that_knows_no_dialog() {
    let (mut call, ok) = unknown_to_the_peer(ASK[0]);
    call.receive(&from_caller(&ok, "OPTIONS", "z9hG4bKoptions", 2));
    call.receive(&from_caller(&ok, "INFO", "z9hG4bKinfo", 3));
    assert_eq!(call.sent_lines(), ["200 OK", "481 Call/Transaction Does Not Exist"]);
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!(bye.value("CSeq"), "2 BYE");
    call.receive(&answer(&bye, "481 Call/Transaction Does Not Exist"));
    assert!(call.told().is_empty());
    call.assert_over();
}

#[test]
fn a_challenged_bye_is_sent_again_with_credentials() {
    let (mut call, _) = talking();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&with(
        &answer(&bye, "407 Proxy Authentication Required"),
        &challenge("n1").replace("WWW-", "Proxy-"),
    ));
    let again = call.sent_one();
    assert_eq!((bye.value("CSeq"), again.value("CSeq")), ("1 BYE", "2 BYE"));
    assert!(again.value("Proxy-Authorization").contains("nonce=\"n1\""));
    call.receive(&answer(&again, "200 OK"));
    call.assert_over();
}

#[test]
fn a_request_that_is_challenged_beside_the_bye_is_not_sent_again_behind_it() {
    for ask in &ASK[1..] {
        let (mut call, _) = talking();
        let request = ask(&mut call);
        call.hang_up();
        let bye = call.sent_one();
        for challenged in [&request, &bye] {
            call.receive(&with(&answer(challenged, "401 Unauthorized"), &challenge("n1")));
        }
        let again = call.sent_one();
        assert_eq!((again.value("CSeq"), again.first_line()), ("3 BYE", bye.first_line()));
        call.receive(&answer(&again, "200 OK"));
        call.run_for(ms(32_000));
        assert!(call.user.is_over());
    }
}

#[test]
fn a_bye_that_is_refused_or_not_answered_ends_the_call_all_the_same() {
    for line in [
        "481 Call/Transaction Does Not Exist",
        "408 Request Timeout",
        "403 Forbidden",
        "503 Service Unavailable",
    ] {
        let (mut call, _) = talking();
        call.hang_up();
        let bye = call.sent_one();
        call.receive(&answer(&bye, "100 Trying"));
        call.receive(&answer(&bye, line));
        assert!(call.told().is_empty());
        call.assert_over();
    }
    let (mut call, _) = talking();
    call.hang_up();
    call.run_for(ms(31_999));
    assert!(!call.user.is_over());
    call.run_for(ms(1));
    assert!(call.sent().iter().all(|sent| sent.value("CSeq") == "1 BYE"));
    call.assert_over();

    let (mut call, _) = talking();
    call.hang_up();
    call.sent();
    call.refuse("192.0.2.1:5060");
    call.assert_over();
}

#[test]
fn nothing_of_the_dialog_is_heard_once_it_is_over() {
    let (mut call, invite) = called_and_answered();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&answer(&bye, "200 OK"));
    call.receive(&from_called(&invite, "BYE", "z9hG4bKbye", 1));
    assert!(call.sent().is_empty(), "who owns no dialog answers with 481: the phone");
    assert!(call.told().is_empty());
}
