//! RFC 3261 §14.1, RFC 6141, RFC 5407 §3.3.1: our own new offers.

use sip::invite::Event;
use sip::message::Status;

use super::{
    CONTACT, Call, OFFER, body, called_and_answered, ended, from_called, from_caller, ok,
    ringing_and_answered, talking, their_invite,
};
use crate::stage::{Sent, answer, challenge, flow_to, ms, with, with_sdp};

impl Call {
    /// The user wants to offer anew.
    fn reoffer(&mut self) {
        self.act(|session, now, endpoint, told| session.reoffer(now, endpoint, told));
    }

    /// The offer that is due goes out.
    fn offer_as_due(&mut self) -> Sent {
        assert_eq!(self.told(), [Event::OfferDue]);
        self.act(|session, now, endpoint, _| session.offer(now, endpoint, OFFER.into()));
        self.sent_one()
    }

    pub(super) fn reoffer_now(&mut self) -> Sent {
        self.reoffer();
        self.offer_as_due()
    }
}

fn answered() -> [Event; 1] {
    [Event::ReofferAnswered { sdp: Some(b"their answer".to_vec()) }]
}

/// The 200 to a re-INVITE.
fn ok_to(reinvite: &Sent) -> String {
    ok(reinvite, "you")
}

fn their_reinvite(ours: &Sent, branch: &str, cseq: u32) -> String {
    with_sdp(&with(&from_caller(ours, "INVITE", branch, cseq), CONTACT), "new offer")
}

#[test]
fn a_new_offer_is_the_dialogs_next_invite_and_its_answer_is_acked() {
    let (mut call, first) = called_and_answered();
    let reinvite = call.reoffer_now();
    assert_eq!(reinvite.first_line(), "INVITE sip:1001@192.0.2.1 SIP/2.0");
    assert_eq!((reinvite.value("CSeq"), body(&reinvite)), ("2 INVITE", OFFER));
    assert_eq!(reinvite.value("To"), "<sip:600@pbx.example>;tag=you");
    for name in ["Call-ID", "From", "Contact", "Content-Type"] {
        assert_eq!(reinvite.value(name), first.value(name));
    }
    call.receive(&answer(&reinvite, "100 Trying"));
    assert!(call.told().is_empty());
    call.receive(&ok_to(&reinvite));
    assert_eq!(call.told(), answered());
    let ack = call.sent_one();
    assert_eq!((ack.first_line(), ack.value("CSeq")), ("ACK sip:1001@192.0.2.1 SIP/2.0", "2 ACK"));
    call.receive(&ok_to(&reinvite));
    assert_eq!(call.sent_one().value("CSeq"), "2 ACK", "its repeat is acked again");
    assert!(call.told().is_empty());
    call.run_for(ms(32_000));
    call.assert_at_rest();
}

#[test]
fn a_call_that_ends_after_a_new_offer_is_forgotten_once_its_answer_can_not_come_again() {
    let (mut call, _) = talking();
    let reinvite = call.reoffer_now();
    call.receive(&ok_to(&reinvite));
    assert_eq!((call.sent_one().value("CSeq"), call.told()), ("1 ACK", answered().to_vec()));
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&answer(&bye, "200 OK"));
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn whom_we_were_called_by_hears_new_offers_too_each_with_the_next_number() {
    let (mut call, first) = talking();
    for number in 1..4 {
        let reinvite = call.reoffer_now();
        assert_eq!(reinvite.value("CSeq"), format!("{number} INVITE"));
        assert_eq!((reinvite.value("From"), reinvite.value("To")), (first.value("To"), first.value("From")));
        call.receive(&ok_to(&reinvite));
        assert_eq!(
            (call.sent_one().value("CSeq"), call.told()),
            (format!("{number} ACK").as_str(), answered().to_vec())
        );
    }
}

#[test]
fn a_new_contact_in_the_answer_is_where_its_ack_and_all_else_goes() {
    let (mut call, _) = called_and_answered();
    let reinvite = call.reoffer_now();
    call.receive(&ok_to(&reinvite).replace("1001@192.0.2.1", "moved@192.0.2.77:5080"));
    let ack = call.sent_one();
    assert_eq!(
        (ack.first_line(), ack.flow),
        ("ACK sip:moved@192.0.2.77:5080 SIP/2.0", flow_to("192.0.2.77:5080"))
    );
    call.hang_up();
    assert_eq!(call.sent_one().first_line(), "BYE sip:moved@192.0.2.77:5080 SIP/2.0");
}

#[test]
fn a_challenged_offer_is_sent_again_with_credentials_that_its_ack_has_too() {
    let (mut call, _) = called_and_answered();
    let reinvite = call.reoffer_now();
    call.receive(&with(&answer(&reinvite, "401 Unauthorized"), &challenge("n1")));
    let sent = call.sent();
    let [ack, again] = sent.as_slice() else { panic!("{}", sent.len()) };
    assert_eq!((ack.value("CSeq"), again.value("CSeq"), body(again)), ("2 ACK", "3 INVITE", OFFER));
    assert!(again.value("Authorization").contains("nonce=\"n1\""));
    call.receive(&ok_to(again));
    let ack = call.sent_one();
    assert_eq!((ack.value("CSeq"), ack.value("Authorization")), ("3 ACK", again.value("Authorization")));
    assert_eq!(call.told(), answered());
}

#[test]
fn a_refused_offer_leaves_the_call_as_it_was() {
    for (line, status) in [
        ("488 Not Acceptable Here", Status::NOT_ACCEPTABLE_HERE),
        ("500 Server Internal Error", Status::SERVER_INTERNAL_ERROR),
        ("503 Service Unavailable", Status::SERVICE_UNAVAILABLE),
        ("302 Moved Temporarily", Status::MOVED_TEMPORARILY),
        ("603 Decline", Status::DECLINE),
    ] {
        let (mut call, _) = called_and_answered();
        let reinvite = call.reoffer_now();
        call.receive(&answer(&reinvite, line));
        assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
        assert_eq!(call.told(), [Event::ReofferRefused { status }]);
        call.run_for(ms(64_000));
        call.assert_at_rest();
        assert!(!call.user.is_over());
    }
}

#[test]
fn an_offer_that_finds_nobody_ends_the_call() {
    let (mut call, _) = called_and_answered();
    let reinvite = call.reoffer_now();
    call.receive(&answer(&reinvite, "408 Request Timeout"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1", "BYE sip:1001@192.0.2.1"]);
    assert_eq!(call.told(), ended(Status::REQUEST_TIMEOUT));

    let (mut call, _) = talking();
    call.reoffer_now();
    call.run_for(ms(32_000));
    assert_eq!(call.told(), ended(Status::REQUEST_TIMEOUT));
    assert_eq!(call.sent_lines().last().expect("its end"), "BYE sip:1001@192.0.2.1");
    call.run_for(ms(32_000));
    call.sent();
    call.assert_over();
}

#[test]
fn an_offer_that_is_never_answered_is_cancelled_after_32_seconds() {
    let (mut call, _) = talking();
    let reinvite = call.reoffer_now();
    call.receive(&answer(&reinvite, "100 Trying"));
    call.run_for(ms(31_999));
    assert!(call.sent().is_empty());
    call.run_for(ms(1));
    let cancel = call.sent_one();
    assert_eq!(
        (cancel.first_line(), cancel.value("CSeq")),
        ("CANCEL sip:1001@192.0.2.1 SIP/2.0", "1 CANCEL")
    );
    call.receive(&answer(&cancel, "200 OK"));
    call.receive(&answer(&reinvite, "487 Request Terminated"));
    assert_eq!(call.told(), [Event::ReofferRefused { status: Status::REQUEST_TERMINATED }]);
    assert!(!call.user.is_over());
}

#[test]
fn offers_that_cross_are_both_refused_and_made_again_the_callers_later() {
    // RFC 3261 §14.1: 2.1 to 4 s for the owner of the Call-ID, 0 to 2 s for the other.
    let (mut call, first) = called_and_answered();
    let reinvite = call.reoffer_now();
    call.receive(&with_sdp(&with(&from_called(&first, "INVITE", "z9hG4bKre", 1), CONTACT), "new offer"));
    assert_eq!(call.sent_lines(), ["491 Request Pending"]);
    call.receive(&from_called(&first, "ACK", "z9hG4bKre", 1));
    call.receive(&answer(&reinvite, "491 Request Pending"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    call.run_for(ms(2_099));
    assert!(call.told().is_empty());
    call.run_for(ms(1_901));
    let again = call.offer_as_due();
    assert_eq!(again.value("CSeq"), "3 INVITE");
    call.receive(&ok_to(&again));
    assert_eq!(call.told(), answered());

    let (mut call, first) = talking();
    let reinvite = call.reoffer_now();
    call.receive(&their_reinvite(&first, "z9hG4bKre", 2));
    call.receive(&answer(&reinvite, "491 Request Pending"));
    assert_eq!(call.sent_lines(), ["491 Request Pending", "ACK sip:1001@192.0.2.1"]);
    call.receive(&from_caller(&first, "ACK", "z9hG4bKre", 2));
    call.run_for(ms(2_000));
    assert_eq!(call.offer_as_due().value("CSeq"), "2 INVITE");
}

#[test]
fn an_offer_waits_while_one_of_the_peers_is_pending_and_until_its_ack() {
    let (mut call, first) = talking();
    call.receive(&their_reinvite(&first, "z9hG4bKre", 2));
    call.told();
    call.reoffer();
    assert!(call.told().is_empty());
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok("our answer".into())));
    assert!(call.told().is_empty());
    call.receive(&from_caller(&first, "ACK", "z9hG4bKreack", 2));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }, Event::OfferDue]);

    let (mut call, first) = talking();
    call.receive(&their_reinvite(&first, "z9hG4bKre", 2));
    call.reoffer();
    call.run_for(ms(300));
    call.told();
    let refusal = Status::NOT_ACCEPTABLE_HERE;
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Err(refusal)));
    call.run_for(ms(1));
    call.sent();
    call.offer_as_due();
}

#[test]
fn an_offer_waits_for_the_ack_of_the_call_itself() {
    let (mut call, ok) = ringing_and_answered(&their_invite());
    call.reoffer();
    assert!(call.told().is_empty());
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }, Event::OfferDue]);
}

#[test]
fn an_offer_waits_until_our_own_ack_has_found_its_way() {
    let (mut call, invite) = super::calling();
    call.hold_back("192.0.2.9:5060");
    call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:192.0.2.9;lr>"));
    call.told();
    call.reoffer();
    assert!(call.told().is_empty());
    call.open_held();
    assert_eq!((call.sent_one().value("CSeq"), call.told()), ("1 ACK", vec![Event::OfferDue]));
}

#[test]
fn an_offer_of_the_peer_that_is_faster_than_ours_is_answered_first() {
    let (mut call, first) = talking();
    call.reoffer();
    assert_eq!(call.told(), [Event::OfferDue]);
    call.receive(&their_reinvite(&first, "z9hG4bKre", 2));
    call.act(|session, now, endpoint, _| session.offer(now, endpoint, OFFER.into()));
    assert!(call.sent().is_empty(), "only one at a time");
    call.act(|session, now, endpoint, _| session.answer_reoffer(now, endpoint, Ok("our answer".into())));
    call.sent();
    call.told();
    call.receive(&from_caller(&first, "ACK", "z9hG4bKreack", 2));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }, Event::OfferDue]);
}

#[test]
fn a_peer_that_asks_for_a_little_time_gets_it() {
    let (mut call, _) = called_and_answered();
    let reinvite = call.reoffer_now();
    call.receive(&with(&answer(&reinvite, "500 Server Internal Error"), "Retry-After: 3"));
    call.sent();
    call.run_for(ms(2_999));
    assert!(call.told().is_empty());
    call.run_for(ms(1));
    assert_eq!(call.offer_as_due().value("CSeq"), "3 INVITE");
}

#[test]
fn a_peer_that_is_never_ready_is_asked_nine_times() {
    let (mut call, _) = called_and_answered();
    let mut reinvite = call.reoffer_now();
    for _ in 0..8 {
        call.receive(&answer(&reinvite, "491 Request Pending"));
        call.sent();
        call.run_for(ms(4_000));
        reinvite = call.offer_as_due();
    }
    call.receive(&answer(&reinvite, "491 Request Pending"));
    assert_eq!(call.told(), [Event::ReofferRefused { status: Status::REQUEST_PENDING }]);
}

#[test]
fn who_changes_his_mind_while_an_offer_is_out_makes_one_more() {
    let (mut call, _) = talking();
    let reinvite = call.reoffer_now();
    call.reoffer();
    call.reoffer();
    assert!(call.told().is_empty());
    call.receive(&ok_to(&reinvite));
    let [Event::ReofferAnswered { .. }, Event::OfferDue] = call.told().as_slice() else { panic!() };
    call.act(|session, now, endpoint, _| session.withdraw_offer(now, endpoint));
    call.run_for(ms(60_000));
    assert!(call.told().is_empty());
}

#[test]
fn what_waited_for_an_offer_goes_out_when_that_is_withdrawn() {
    let (mut call, _) = talking();
    call.send_info("Signal=1");
    call.send_info("Signal=2");
    call.reoffer();
    let first = call.sent_one();
    call.receive(&answer(&first, "200 OK"));
    assert_eq!((call.told(), call.sent().len()), (vec![Event::OfferDue], 0));
    call.act(|session, now, endpoint, _| session.withdraw_offer(now, endpoint));
    assert_eq!(call.sent_one().value("CSeq"), "2 INFO");
}

#[test]
fn an_offer_that_is_withdrawn_is_not_made() {
    let (mut call, first) = talking();
    call.reoffer();
    call.act(|session, now, endpoint, _| session.withdraw_offer(now, endpoint));
    call.told();
    call.act(|session, now, endpoint, _| session.offer(now, endpoint, OFFER.into()));
    assert!(call.sent().is_empty());
    call.receive(&their_reinvite(&first, "z9hG4bKre", 2));
    call.told();
    call.reoffer();
    call.act(|session, now, endpoint, _| session.withdraw_offer(now, endpoint));
    call.receive(&from_caller(&first, "CANCEL", "z9hG4bKre", 2));
    call.run_for(ms(60_000));
    assert!(call.told().is_empty());
}

#[test]
fn a_bye_overtakes_an_offer_that_is_out_and_its_answer_is_acked_all_the_same() {
    let (mut call, _) = talking();
    let reinvite = call.reoffer_now();
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!(bye.value("CSeq"), "2 BYE");
    call.receive(&ok_to(&reinvite));
    assert_eq!(call.sent_one().value("CSeq"), "1 ACK");
    call.receive(&answer(&bye, "200 OK"));
    assert!(call.told().is_empty() && call.user.is_silent());
    call.receive(&ok_to(&reinvite));
    assert_eq!(call.sent_one().value("CSeq"), "1 ACK", "the peer had not heard the first");
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn an_offer_that_is_out_at_the_bye_is_not_made_again() {
    for line in ["401 Unauthorized", "503 Service Unavailable", "491 Request Pending"] {
        let (mut call, invite) = super::calling();
        call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:pbx.example:5070;lr>"));
        call.sent();
        call.told();
        let reinvite = call.reoffer_now();
        call.receive_on(reinvite.flow, &answer(&reinvite, "100 Trying"));
        call.hang_up();
        let bye = call.sent_one();
        call.receive_on(bye.flow, &with(&answer(&reinvite, line), &challenge("n1")));
        assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
        call.receive_on(bye.flow, &answer(&bye, "200 OK"));
        assert!(call.user.is_silent() && call.told().is_empty());
        call.run_for(ms(32_000));
        call.assert_over();
    }
}

#[test]
fn an_offer_that_is_still_on_its_way_at_the_bye_is_not_made() {
    let (mut call, invite) = super::calling();
    call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:192.0.2.9;lr>"));
    call.hold_back("192.0.2.9:5060");
    call.sent();
    call.told();
    call.reoffer();
    call.told();
    call.act(|session, now, endpoint, _| session.offer(now, endpoint, OFFER.into()));
    call.hang_up();
    call.open_held();
    assert_eq!(call.sent_lines(), ["BYE sip:1001@192.0.2.1"]);
}

#[test]
fn a_peers_bye_ends_a_call_whose_offer_is_out() {
    let (mut call, first) = talking();
    let reinvite = call.reoffer_now();
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    assert_eq!(
        (call.sent_lines(), call.told()),
        (vec!["200 OK".into()], vec![Event::Ended { status: None }])
    );
    call.receive(&answer(&reinvite, "487 Request Terminated"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn an_offer_that_the_peer_forgets_at_its_bye_keeps_the_call_no_longer_than_32_seconds() {
    let (mut call, first) = talking();
    let reinvite = call.reoffer_now();
    call.receive(&answer(&reinvite, "100 Trying"));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.sent_lines(), ["200 OK", "CANCEL sip:1001@192.0.2.1"]);
    call.told();
    call.run_for(ms(32_000));
    assert!(call.user.is_over());
}

#[test]
fn an_offer_goes_on_to_its_hops_next_address() {
    let (mut call, invite) = super::calling();
    call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:pbx.example:5070;lr>"));
    call.sent();
    call.told();
    let reinvite = call.reoffer_now();
    assert_eq!(reinvite.flow, flow_to("192.0.2.1:5070"));
    call.refuse("192.0.2.1:5070");
    let again = call.sent_one();
    assert_eq!(
        (again.value("CSeq"), again.flow, body(&again)),
        ("3 INVITE", flow_to("192.0.2.2:5070"), OFFER)
    );
    call.refuse("192.0.2.2:5070");
    assert_eq!(call.told(), [Event::ReofferRefused { status: Status::SERVICE_UNAVAILABLE }]);
}
