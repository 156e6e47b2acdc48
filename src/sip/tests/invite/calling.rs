//! RFC 3261 §13.2, §22.2; RFC 3263 §4.3: an INVITE of ours, until its final answer.

use sip::invite::Event;
use sip::message::Status;

use super::{ALLOW, ANSWER, OFFER, body, called_and_answered, calling, ended, ok, reaching_by};
use crate::stage::{answer, challenge, flow_to, ms, with, with_sdp};

#[test]
fn an_invite_says_who_calls_whom_from_where_and_what_the_phone_can_do() {
    let (_, invite) = calling();
    assert_eq!(invite.first_line(), "INVITE sip:600@pbx.example SIP/2.0");
    assert_eq!((invite.value("To"), invite.value("CSeq")), ("<sip:600@pbx.example>", "1 INVITE"));
    assert!(invite.value("From").starts_with("<sip:1000@pbx.example>;tag="));
    assert_eq!(invite.value("Contact"), "<sip:1000@192.0.2.10:5060>");
    assert_eq!((invite.value("Max-Forwards"), invite.value("User-Agent")), ("70", "neonphone"));
    assert_eq!(invite.values("Allow"), ALLOW);
    assert_eq!((invite.value("Content-Type"), body(&invite)), ("application/sdp", OFFER));
    assert!(invite.values("Route").is_empty(), "the domain itself is the hop");
}

#[test]
fn a_call_that_rings_and_is_answered_is_acked_at_the_answers_contact() {
    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "100 Trying"));
    assert!(call.told().is_empty());
    call.receive(&answer(&invite, "180 Ringing"));
    assert_eq!(call.told(), [Event::Progress { status: Status::RINGING, sdp: None }]);
    call.receive(&ok(&invite, "you"));
    assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);

    let ack = call.sent_one();
    assert_eq!(ack.first_line(), "ACK sip:1001@192.0.2.1 SIP/2.0");
    assert_eq!((ack.value("To"), ack.value("CSeq")), ("<sip:600@pbx.example>;tag=you", "1 ACK"));
    for same in ["From", "Call-ID", "Max-Forwards"] {
        assert_eq!(ack.value(same), invite.value(same));
    }
    assert_ne!(ack.value("Via"), invite.value("Via"), "it is a transaction of its own");
    assert_eq!(ack.flow, flow_to("192.0.2.1:5060"));
    call.run_for(ms(120_000));
    call.assert_at_rest();
    assert!(!call.user.is_over());
}

#[test]
fn early_media_is_told_with_the_progress_that_brings_it() {
    let (mut call, invite) = calling();
    call.receive(&with_sdp(&answer(&invite, "183 Session Progress"), "early"));
    let progress = Event::Progress { status: Status::SESSION_PROGRESS, sdp: Some(b"early".to_vec()) };
    assert_eq!(call.told(), [progress]);
    let bare = answer(&invite, "200 OK")
        .replace("Content-Length: 0", "Contact: <sip:1001@192.0.2.1>\nContent-Length: 0");
    call.receive(&bare);
    assert_eq!(call.told(), [Event::Answered { sdp: None }]);
}

#[test]
fn a_body_that_is_no_sdp_is_not_taken_for_it() {
    let (mut call, invite) = calling();
    let isup = with_sdp(&answer(&invite, "183 Session Progress"), "isup")
        .replace("application/sdp", "application/ISUP");
    call.receive(&isup);
    assert_eq!(call.told(), [Event::Progress { status: Status::SESSION_PROGRESS, sdp: None }]);
}

#[test]
fn a_refused_call_ends_with_the_status_that_refused_it() {
    for (line, status) in [
        ("486 Busy Here", Status::BUSY_HERE),
        ("404 Not Found", Status::NOT_FOUND),
        ("603 Decline", Status::DECLINE),
        ("302 Moved Temporarily", Status::MOVED_TEMPORARILY),
    ] {
        let (mut call, invite) = calling();
        call.receive(&answer(&invite, line));
        assert_eq!(call.told(), ended(status));
        assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
        call.assert_over();
    }
}

#[test]
fn every_final_answer_known_or_not_is_acked_on_the_way_of_its_invite_and_ends_the_call() {
    for code in [400, 477, 480, 487, 488, 499, 500, 504, 599, 600, 604, 606, 699, 300, 399] {
        let mut call = reaching_by("sip:600@example.net", "sip:pbx.example");
        let invite = call.offer_as_told("192.0.2.1:5060");
        call.receive(&answer(&invite, "199 Early Dialog Terminated"));
        let progress = Event::Progress { status: Status::EARLY_DIALOG_TERMINATED, sdp: None };
        assert_eq!(call.told(), [progress]);
        call.receive(&answer(&invite, &format!("{code} Whatever")));
        let ack = call.sent_one();
        for name in ["Via", "Route", "From", "Call-ID"] {
            assert_eq!(ack.value(name), invite.value(name), "{code}");
        }
        assert_eq!(call.told(), ended(Status::new(code).expect("a status")));
        call.assert_over();
    }
}

#[test]
fn a_success_of_any_number_is_an_answer() {
    let (mut call, invite) = calling();
    call.receive(&ok(&invite, "you").replace("200 OK", "299 Fine"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);
}

#[test]
fn a_challenged_invite_is_sent_again_with_credentials_which_its_ack_repeats() {
    for (line, asks, answers) in [
        ("401 Unauthorized", "WWW-Authenticate", "Authorization"),
        ("407 Proxy Authentication Required", "Proxy-Authenticate", "Proxy-Authorization"),
    ] {
        let (mut call, first) = calling();
        let challenged = with(&answer(&first, line), &challenge("n1")).replace("WWW-Authenticate", asks);
        call.receive(&challenged);
        let sent = call.sent();
        let [ack, second] = sent.as_slice() else { panic!("an ACK and an INVITE") };
        assert_eq!(ack.value("CSeq"), "1 ACK");
        assert_eq!((second.value("CSeq"), body(second)), ("2 INVITE", OFFER));
        for same in ["From", "To", "Call-ID", "Contact"] {
            assert_eq!(second.value(same), first.value(same));
        }
        let credentials = second.value(answers);
        assert!(
            credentials.contains("username=\"1000\"") && credentials.contains("uri=\"sip:600@pbx.example\"")
        );

        call.receive(&challenged);
        assert_eq!(call.sent_one().value("CSeq"), "1 ACK", "a late repeat of the challenge");
        call.receive(&ok(second, "you"));
        // RFC 3261 §22.1: "the ACK ... has the same credentials".
        let ack = call.sent_one();
        assert_eq!((ack.value("CSeq"), ack.value(answers)), ("2 ACK", credentials));
        assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);
    }
}

#[test]
fn a_wrong_password_is_tried_on_two_nonces_and_no_more() {
    let (mut call, mut invite) = calling();
    for nonce in ["n1", "n2"] {
        call.receive(&with(&answer(&invite, "401 Unauthorized"), &challenge(nonce)));
        let mut sent = call.sent();
        assert_eq!(sent.len(), 2);
        invite = sent.remove(1);
        assert!(call.told().is_empty());
    }
    call.receive(&with(&answer(&invite, "401 Unauthorized"), &challenge("n3")));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
    assert_eq!(call.told(), ended(Status::UNAUTHORIZED));
    call.assert_over();
}

#[test]
fn a_call_that_nobody_answers_tries_the_hops_next_address_and_then_ends_with_408() {
    let (mut call, first) = calling();
    call.run_for(ms(32_000));
    assert!(call.sent_lines().iter().all(|line| line == "INVITE sip:600@pbx.example"));
    let second = call.offer_as_told("192.0.2.2:5060");
    assert_eq!((second.value("CSeq"), second.value("Call-ID")), ("2 INVITE", first.value("Call-ID")));
    call.run_for(ms(32_000));
    call.sent();
    assert_eq!(call.told(), ended(Status::REQUEST_TIMEOUT));
    call.assert_over();
}

#[test]
fn an_icmp_error_and_a_503_lead_to_the_next_address_at_once() {
    let (mut call, _) = calling();
    call.refuse("192.0.2.1:5060");
    let second = call.offer_as_told("192.0.2.2:5060");
    call.receive(&answer(&second, "503 Service Unavailable"));
    assert_eq!(call.told(), ended(Status::SERVICE_UNAVAILABLE));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);

    let (mut call, first) = calling();
    call.receive(&answer(&first, "503 Service Unavailable"));
    call.sent();
    let second = call.offer_as_told("192.0.2.2:5060");
    call.receive(&ok(&second, "you"));
    assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);
}

/// RFC 3263 §4.3 names no answer but 503: a 408 says that whom we call did not answer, not that the server didn't.
#[test]
fn a_408_of_the_server_is_final_and_rings_nobody_twice() {
    let (mut call, invite) = calling();
    call.receive(&answer(&invite, "408 Request Timeout"));
    assert_eq!(call.told(), ended(Status::REQUEST_TIMEOUT));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
    call.assert_over();
}

#[test]
fn credentials_that_one_address_asked_for_go_to_the_next_one_unasked() {
    let (mut call, first) = calling();
    call.receive(&with(&answer(&first, "401 Unauthorized"), &challenge("n1")));
    let signed = call.sent().remove(1);
    call.receive(&answer(&signed, "503 Service Unavailable"));
    call.sent();
    let third = call.offer_as_told("192.0.2.2:5060");
    assert!(
        third.value("Authorization").contains("nonce=\"n1\"")
            && third.value("Authorization").contains("nc=00000002")
    );
}

#[test]
fn a_hop_that_cannot_be_reached_ends_the_call_with_503() {
    let mut call = super::reaching(&["192.0.2.1:5060", "192.0.2.2:5060"]);
    assert_eq!(call.told(), ended(Status::SERVICE_UNAVAILABLE));
    call.assert_over();
    let mut call = super::reaching(&["192.0.2.1:5060"]);
    call.offer_as_told("192.0.2.2:5060");
}

#[test]
fn what_is_asked_of_a_session_in_the_wrong_state_changes_nothing() {
    let (mut call, _) = called_and_answered();
    call.act(|session, now, endpoint, _| {
        session.offer(now, endpoint, OFFER.into());
        session.accept(now, endpoint, ANSWER.into());
        session.send_ringing(now, endpoint);
        session.answer_reoffer(now, endpoint, Ok(ANSWER.into()));
    });
    assert!(call.sent().is_empty() && call.told().is_empty() && !call.user.is_over());
}
