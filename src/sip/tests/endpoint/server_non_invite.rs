//! RFC 3261 §17.2.2.

use sip::flow::Transport;
use sip::message::Status;

use crate::stage::{REMOTE, Stage, flow_over, ms, our_answer, their_request};

const BRANCH: &str = "z9hG4bKthem1";

#[test]
fn a_repeat_before_the_answer_is_absorbed_and_after_it_gets_it_again_for_32_seconds() {
    let mut stage = Stage::new();
    let options = their_request("OPTIONS", BRANCH, 1);
    stage.receive(&options);
    let (id, request) = stage.requested();
    stage.receive(&options);
    assert!(stage.sent().is_empty() && stage.events().is_empty());
    stage.respond(id, our_answer(&request, Status::OK));
    let ok = stage.sent_one();
    assert_eq!(ok.first_line(), "SIP/2.0 200 OK");
    stage.respond(id, our_answer(&request, Status::NOT_FOUND));
    stage.run_for(ms(31_999));
    stage.receive(&options);
    assert_eq!(stage.sent_one().text(), ok.text());
    stage.run_for(ms(1));
    stage.assert_at_rest();
    stage.receive(&options);
    stage.requested();
}

#[test]
fn a_provisional_answer_is_repeated_to_a_repeat() {
    let mut stage = Stage::new();
    let options = their_request("OPTIONS", BRANCH, 1);
    stage.receive(&options);
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::TRYING));
    let trying = stage.sent_one();
    stage.receive(&options);
    assert_eq!(stage.sent_one().text(), trying.text());
    stage.respond(id, our_answer(&request, Status::OK));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 200 OK");
}

#[test]
fn over_a_stream_nothing_lingers() {
    let mut stage = Stage::new();
    stage.receive_on(
        flow_over(Transport::Tcp, REMOTE),
        &their_request("OPTIONS", BRANCH, 1).replace("/UDP", "/TCP"),
    );
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::OK));
    stage.sent_one();
    stage.assert_at_rest();
}

#[test]
fn a_request_that_the_user_never_answers_is_forgotten_when_its_client_has_given_up() {
    let mut stage = Stage::new();
    stage.receive(&their_request("OPTIONS", BRANCH, 1));
    let (id, request) = stage.requested();
    stage.run_for(ms(32_000));
    stage.respond(id, our_answer(&request, Status::OK));
    stage.assert_at_rest();
}

#[test]
fn each_answer_to_a_request_has_the_same_tag() {
    let mut stage = Stage::new();
    stage.receive(&their_request("INVITE", BRANCH, 1));
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::RINGING));
    stage.respond(id, our_answer(&request, Status::BUSY_HERE));
    let sent = stage.sent();
    assert!(sent[0].value("To").contains(";tag="));
    assert_eq!(sent[0].value("To"), sent[1].value("To"));
}

#[test]
fn a_request_that_is_left_without_an_answer_is_a_new_one_when_it_comes_again() {
    let mut stage = Stage::new();
    let request = their_request("OPTIONS", BRANCH, 1);
    for _ in 0..2 {
        stage.receive(&request);
        let (id, _) = stage.requested();
        stage.endpoint.ignore(id);
    }
    stage.assert_at_rest();
}
