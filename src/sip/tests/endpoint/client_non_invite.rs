//! RFC 3261 §17.1.2.

use sip::endpoint::{Event, Failure, Input};
use sip::flow::{FlowError, Transport};
use sip::message::Method;

use crate::stage::{REMOTE, Stage, answer, flow_over, flow_to, ms, our_request};

#[test]
fn an_unanswered_request_is_repeated_up_to_every_4_seconds_and_fails_after_32() {
    let mut stage = Stage::new();
    let id = stage.request(our_request(Method::Register));
    stage.run_for(ms(31_999));
    let times = stage.sent_at_ms();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    stage.run_for(ms(1));
    assert!(
        matches!(stage.event(), Event::Failed { transaction, reason: Failure::Timeout } if transaction == id)
    );
    stage.assert_at_rest();
}

#[test]
fn after_a_provisional_answer_repeats_are_4_seconds_apart_and_the_end_is_the_same() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Register));
    let request = stage.sent_one();
    stage.run_for(ms(100));
    stage.receive(&answer(&request, "100 Trying"));
    assert!(stage.events().is_empty(), "a 100 is not told");
    stage.receive(&answer(&request, "182 Queued"));
    assert_eq!(stage.answers(), [182]);
    stage.run_for(ms(31_900));
    assert_eq!(stage.sent_at_ms(), [500, 4500, 8500, 12_500, 16_500, 20_500, 24_500, 28_500]);
    assert!(matches!(stage.event(), Event::Failed { reason: Failure::Timeout, .. }));
    stage.assert_at_rest();
}

#[test]
fn the_final_answer_is_told_once_and_its_repeats_are_absorbed_for_5_seconds() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Register));
    let request = stage.sent_one();
    let challenge = answer(&request, "401 Unauthorized");
    stage.receive(&challenge);
    stage.receive(&challenge);
    assert_eq!(stage.answers(), [401]);
    stage.run_for(ms(4999));
    stage.receive(&challenge);
    assert!(stage.endpoint.poll_timeout().is_some());
    stage.run_for(ms(1));
    stage.receive(&challenge);
    stage.assert_at_rest();
}

#[test]
fn an_answer_is_ours_if_its_via_names_us_with_the_usual_port_or_without() {
    for (sent_by, is_ours) in [
        ("192.0.2.10:5060", true),
        ("192.0.2.10", true),
        ("192.0.2.10:5061", false),
        ("192.0.2.11:5060", false),
        ("phone.example", false),
    ] {
        let mut stage = Stage::new();
        stage.request(our_request(Method::Options));
        let request = stage.sent_one();
        stage
            .receive(&answer(&request, "200 OK").replace("UDP 192.0.2.10:5060;", &format!("UDP {sent_by};")));
        assert_eq!(stage.answers() == [200], is_ours, "{sent_by}");
    }
}

#[test]
fn over_a_stream_nothing_is_repeated_and_nothing_lingers() {
    let mut stage = Stage::new();
    let flow = flow_over(Transport::Tls, REMOTE);
    stage.request_on(flow, our_request(Method::Options));
    stage.run_for(ms(20_000));
    let request = stage.sent_one();
    assert!(request.value("Via").starts_with("SIP/2.0/TLS "));
    stage.receive_on(flow, &answer(&request, "200 OK"));
    assert_eq!(stage.answers(), [200]);
    stage.assert_at_rest();
}

#[test]
fn a_flow_that_ends_fails_what_has_no_final_answer() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Options));
    let answered = stage.sent_one();
    stage.receive(&answer(&answered, "200 OK"));
    assert_eq!(stage.answers(), [200]);
    let lost = stage.request(our_request(Method::Bye));
    stage.input(Input::FlowClosed { flow: flow_to(REMOTE), reason: FlowError::Unreachable });
    let Event::Failed { transaction, reason } = stage.event() else { panic!() };
    assert_eq!((transaction, reason), (lost, Failure::Transport(FlowError::Unreachable)));
}

#[test]
fn more_requests_than_there_may_be_fail_at_once() {
    let mut stage = Stage::new();
    for _ in 0..256 {
        stage.request(our_request(Method::Options));
    }
    assert_eq!(stage.sent().len(), 256);
    stage.request(our_request(Method::Options));
    assert!(stage.sent().is_empty());
    assert!(matches!(stage.event(), Event::Failed { reason: Failure::Full, .. }));
}
