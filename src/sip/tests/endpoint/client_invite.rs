//! RFC 3261 §17.1.1 with RFC 6026 §8.4, and §9.1.

use sip::endpoint::{Event, Failure, Input};
use sip::flow::{FlowError, Transport};
use sip::message::Method;

use crate::stage::{REMOTE, Stage, answer, flow_over, flow_to, ms, our_request};

#[test]
fn an_unanswered_invite_is_repeated_at_doubling_intervals_and_fails_after_32_seconds() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    stage.run_for(ms(31_999));
    assert_eq!(stage.sent_at_ms(), [0, 500, 1500, 3500, 7500, 15_500, 31_500]);
    assert!(stage.events().is_empty());
    stage.run_for(ms(1));
    let Event::Failed { transaction, reason } = stage.event() else { panic!() };
    assert_eq!((transaction, reason, reason.status().code()), (id, Failure::Timeout, 408));
    stage.assert_at_rest();
}

#[test]
fn over_a_stream_nothing_is_repeated() {
    let mut stage = Stage::new();
    stage.request_on(flow_over(Transport::Tcp, REMOTE), our_request(Method::Invite));
    stage.run_for(ms(60_000));
    assert_eq!(stage.sent_at_ms(), [0]);
    assert!(matches!(stage.event(), Event::Failed { reason: Failure::Timeout, .. }));
    stage.assert_at_rest();
}

#[test]
fn the_via_names_the_flow_and_a_branch_of_its_own() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Invite));
    stage.request(our_request(Method::Options));
    let sent = stage.sent();
    let vias: Vec<&str> = sent.iter().map(|sent| sent.value("Via")).collect();
    assert!(vias.iter().all(|via| via.starts_with("SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK")));
    assert!(vias.iter().all(|via| via.len() >= vias[0].find("z9hG4bK").unwrap() + 7 + 32));
    assert_ne!(vias[0], vias[1]);
    assert!(sent[0].text().starts_with("INVITE sip:600@pbx.example SIP/2.0\r\nVia: "));
}

#[test]
fn a_provisional_answer_ends_the_repeats_and_the_call_may_ring_for_hours() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "100 Trying"));
    assert!(stage.events().is_empty(), "a 100 is not told");
    assert_eq!(stage.endpoint.poll_timeout(), None);
    stage.run_for(ms(3_600_000));
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.receive(&answer(&invite, "180 Ringing"));
    assert_eq!(stage.answers(), [180, 180]);
    assert!(stage.sent().is_empty());
}

#[test]
fn each_2xx_is_passed_on_repeats_and_forks_alike_for_32_seconds() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    let ok = answer(&invite, "200 OK");
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.receive(&ok);
    stage.receive(&ok);
    stage.receive(&ok.replace("tag=you", "tag=fork"));
    stage.receive(&answer(&invite, "486 Busy Here"));
    stage.receive(&answer(&invite, "180 Ringing"));
    assert_eq!(stage.answers(), [180, 200, 200, 200]);
    assert!(stage.sent().is_empty(), "the ACK for a 2xx is the user's");
    stage.run_for(ms(31_999));
    stage.receive(&ok);
    assert_eq!(stage.answers(), [200]);
    stage.run_for(ms(1));
    stage.receive(&ok);
    stage.assert_at_rest();
}

#[test]
fn another_final_answer_is_acked_in_the_same_transaction_and_its_repeats_too() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    let busy = answer(&invite, "486 Busy Here");
    stage.receive(&busy);
    assert_eq!(stage.answers(), [486]);
    let ack = stage.sent_one();
    assert_eq!(ack.first_line(), "ACK sip:600@pbx.example SIP/2.0");
    for same in ["Via", "From", "Call-ID", "Max-Forwards"] {
        assert_eq!(ack.value(same), invite.value(same));
    }
    assert_eq!(ack.values("Route"), ["<sip:edge.example;lr>", "<sip:core.example;lr>"]);
    assert_eq!(ack.value("To"), "<sip:600@pbx.example>;tag=you");
    assert_eq!((ack.value("CSeq"), ack.value("Content-Length"), ack.flow), ("7 ACK", "0", flow_to(REMOTE)));
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.receive(&answer(&invite, "200 OK"));
    assert!(stage.sent().is_empty(), "what comes late is no repeat");
    stage.run_for(ms(31_999));
    stage.receive(&busy);
    assert_eq!(stage.sent_one().text(), ack.text());
    stage.run_for(ms(1));
    stage.receive(&busy);
    stage.assert_at_rest();
}

#[test]
fn over_a_stream_the_transaction_ends_with_its_ack() {
    let mut stage = Stage::new();
    let flow = flow_over(Transport::Tcp, REMOTE);
    stage.request_on(flow, our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive_on(flow, &answer(&invite, "404 Not Found"));
    assert_eq!(stage.answers(), [404]);
    assert_eq!(stage.sent_one().first_line(), "ACK sip:600@pbx.example SIP/2.0");
    stage.assert_at_rest();
}

#[test]
fn a_flow_that_ends_fails_the_invite_at_once_of_which_only_the_next_hop_knows() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "100 Trying"));
    let elsewhere = flow_to("192.0.2.99:5060");
    stage.input(Input::FlowClosed { flow: elsewhere, reason: FlowError::Refused });
    assert!(stage.events().is_empty());
    stage.input(Input::FlowClosed { flow: flow_to(REMOTE), reason: FlowError::Refused });
    let Event::Failed { transaction, reason } = stage.event() else { panic!() };
    assert_eq!((transaction, reason), (id, Failure::Transport(FlowError::Refused)));
    assert_eq!(reason.status().code(), 503);
    stage.sent();
    stage.assert_at_rest();
}

#[test]
fn a_flow_that_ends_while_the_callee_rings_fails_nothing_before_the_invite_is_given_up() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.input(Input::FlowClosed { flow: flow_to(REMOTE), reason: FlowError::Refused });
    assert_eq!(stage.answers(), [180]);
    stage.receive(&answer(&invite, "180 Ringing"));
    assert_eq!(stage.answers(), [180]);
    stage.cancel(id);
    stage.sent();
    stage.input(Input::FlowClosed { flow: flow_to(REMOTE), reason: FlowError::Refused });
    assert!(matches!(stage.event(), Event::Failed { transaction, .. } if transaction == id));
    stage.assert_at_rest();
}

#[test]
fn a_cancel_waits_for_a_provisional_answer_and_goes_the_way_of_the_invite() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.cancel(id);
    assert!(stage.sent().is_empty());
    stage.receive(&answer(&invite, "100 Trying"));
    let cancel = stage.sent_one();
    assert_eq!(cancel.first_line(), "CANCEL sip:600@pbx.example SIP/2.0");
    for same in ["Via", "From", "To", "Call-ID"] {
        assert_eq!(cancel.value(same), invite.value(same));
    }
    assert_eq!(cancel.values("Route"), invite.values("Route"));
    assert_eq!(cancel.value("CSeq"), "7 CANCEL");

    stage.receive(&answer(&cancel, "200 OK"));
    assert!(stage.events().is_empty(), "the CANCEL's own answer is not told");
    stage.receive(&answer(&invite, "487 Request Terminated"));
    assert_eq!(stage.answers(), [487]);
    assert_eq!(stage.sent_one().value("CSeq"), "7 ACK");
    stage.run_for(ms(32_000));
    stage.assert_at_rest();
}

#[test]
fn a_ringing_invite_is_cancelled_at_once_and_only_once() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.cancel(id);
    stage.cancel(id);
    let cancel = stage.sent_one();
    assert_eq!(cancel.value("CSeq"), "7 CANCEL");
    stage.receive(&answer(&invite, "183 Session Progress"));
    stage.run_for(ms(500));
    assert_eq!(stage.sent_one().text(), cancel.text(), "the CANCEL has a transaction of its own");
}

#[test]
fn a_cancelled_invite_without_a_final_answer_fails_after_32_seconds() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.run_for(ms(10_000));
    stage.cancel(id);
    assert_eq!(stage.answers(), [180]);
    let cancel = stage.sent_one();
    stage.receive(&answer(&cancel, "200 OK"));
    stage.run_for(ms(31_999));
    assert!(stage.events().is_empty());
    stage.run_for(ms(1));
    assert!(
        matches!(stage.event(), Event::Failed { transaction, reason: Failure::Timeout } if transaction == id)
    );
    stage.assert_at_rest();
}

#[test]
fn a_2xx_that_crosses_the_cancel_is_passed_on() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    stage.receive(&answer(&invite, "180 Ringing"));
    stage.cancel(id);
    stage.receive(&answer(&invite, "200 OK"));
    assert_eq!(stage.answers(), [180, 200]);
    stage.cancel(id);
    assert_eq!(stage.sent().len(), 1, "an answered INVITE is not cancelled");
}

#[test]
fn a_cancelled_invite_that_nobody_hears_is_never_followed_by_a_cancel() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Invite));
    stage.cancel(id);
    stage.run_for(ms(60_000));
    assert!(stage.sent().iter().all(|sent| sent.first_line().starts_with("INVITE")));
    assert!(matches!(stage.event(), Event::Failed { reason: Failure::Timeout, .. }));
    stage.assert_at_rest();
}

#[test]
fn an_answer_that_is_not_to_our_request_is_dropped() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Invite));
    let invite = stage.sent_one();
    let ok = answer(&invite, "200 OK");
    let branch_at = ok.find("z9hG4bK").unwrap() + 7;
    let mut other_branch = ok.clone();
    other_branch.replace_range(branch_at..branch_at + 8, "00000000");
    for stray in [
        other_branch,
        ok.replace("192.0.2.10:5060", "192.0.2.66:5060"),
        ok.replace("192.0.2.10:5060", "192.0.2.10:5070"),
        ok.replace("CSeq: 7 INVITE", "CSeq: 7 OPTIONS"),
        ok.replace("From: ", "Via: SIP/2.0/UDP 255.255.255.255;branch=z9hG4bK1saber23\nFrom: "),
    ] {
        stage.receive(&stray);
        assert!(stage.events().is_empty(), "{stray}");
    }
    stage.receive(&ok);
    assert_eq!(stage.answers(), [200]);
    assert!(stage.sent().is_empty());
}

#[test]
fn the_ack_for_a_2xx_is_sent_as_often_as_its_user_says() {
    let mut stage = Stage::new();
    for _ in 0..2 {
        stage.endpoint.send_ack(flow_to(REMOTE), our_request(Method::Ack));
    }
    stage.collect();
    let acks = stage.sent();
    assert_eq!(acks.len(), 2);
    assert!(
        acks.iter()
            .all(|ack| ack.value("Via").starts_with("SIP/2.0/UDP 192.0.2.10:5060;rport;branch=z9hG4bK"))
    );
    stage.assert_at_rest();
}
