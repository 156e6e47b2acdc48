//! RFC 3261 §15, RFC 5407 §3.2: the end of an answered call, from either side and from both.

use sip::invite::Event;

use super::{called_and_answered, from_called, from_caller, talking};
use crate::stage::{answer, challenge, ms, with};

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
