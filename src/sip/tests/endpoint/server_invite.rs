//! RFC 3261 §17.2.1 with RFC 6026 §8.5, and §9.2.

use sip::endpoint::{Event, ServerId};
use sip::flow::Transport;
use sip::message::{Method, Request, Status};

use crate::stage::{REMOTE, Stage, flow_over, flow_to, ms, our_answer, our_request, their_request};

const BRANCH: &str = "z9hG4bKthem1";

fn invited(stage: &mut Stage) -> (ServerId, Request) {
    stage.receive(&their_request("INVITE", BRANCH, 1));
    let (id, request) = stage.requested();
    assert!(stage.sent().is_empty());
    (id, request)
}

/// The ACK for a final answer other than 2xx.
fn ack(branch: &str) -> String {
    their_request("ACK", branch, 1)
}

#[test]
fn an_invite_that_the_user_leaves_alone_gets_a_100_after_200_ms() {
    let mut stage = Stage::new();
    invited(&mut stage);
    stage.run_for(ms(199));
    assert!(stage.sent().is_empty());
    stage.run_for(ms(60_000));
    let trying = stage.sent_one();
    assert_eq!((trying.first_line(), trying.at_ms), ("SIP/2.0 100 Trying", 200));
    assert_eq!(trying.value("To"), "<sip:1000@pbx.example>");
    assert_eq!(stage.endpoint.poll_timeout(), None);
}

#[test]
fn of_the_deadlines_of_all_transactions_the_first_one_counts() {
    let mut stage = Stage::new();
    stage.request(our_request(Method::Register));
    stage.run_for(ms(400));
    stage.receive(&their_request("INVITE", BRANCH, 1));
    stage.run_for(ms(1200));
    let sent = stage.sent();
    let sent: Vec<_> = sent.iter().map(|it| (it.at_ms, it.first_line())).collect();
    let (register, trying) = ("REGISTER sip:600@pbx.example SIP/2.0", "SIP/2.0 100 Trying");
    assert_eq!(sent, [(0, register), (500, register), (600, trying), (1500, register)]);
}

#[test]
fn an_invite_that_rings_at_once_gets_no_100() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.run_for(ms(199));
    stage.respond(id, our_answer(&request, Status::RINGING));
    stage.run_for(ms(60_000));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 180 Ringing");
    stage.assert_at_rest();
}

#[test]
fn a_repeated_invite_gets_the_latest_provisional_answer_again_and_is_not_told() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.run_for(ms(50));
    stage.receive(&their_request("INVITE", BRANCH, 1));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 100 Trying");
    stage.respond(id, our_answer(&request, Status::RINGING));
    let ringing = stage.sent_one();
    stage.receive(&their_request("INVITE", BRANCH, 1));
    assert_eq!(stage.sent_one().text(), ringing.text());
    stage.run_for(ms(60_000));
    assert!(stage.sent().is_empty(), "no 100 after a 180");
    stage.assert_at_rest();
}

#[test]
fn a_refusal_is_repeated_until_its_ack_and_the_acks_repeats_are_absorbed() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.respond(id, our_answer(&request, Status::BUSY_HERE));
    stage.run_for(ms(8000));
    let sent = stage.sent();
    assert_eq!(sent.iter().map(|it| it.at_ms).collect::<Vec<_>>(), [0, 500, 1500, 3500, 7500]);
    assert!(sent.iter().all(|it| it.text() == sent[0].text()));
    stage.receive(&their_request("INVITE", BRANCH, 1));
    assert_eq!(stage.sent_one().text(), sent[0].text());

    stage.receive(&ack(BRANCH));
    stage.receive(&ack(BRANCH));
    stage.receive(&their_request("INVITE", BRANCH, 1));
    stage.run_for(ms(4999));
    assert!(stage.sent().is_empty() && stage.events().is_empty());
    assert!(stage.endpoint.poll_timeout().is_some());
    stage.run_for(ms(1));
    stage.assert_at_rest();
}

#[test]
fn a_refusal_that_is_never_acked_expires_after_32_seconds() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.respond(id, our_answer(&request, Status::BUSY_HERE));
    stage.run_for(ms(31_999));
    let times = stage.sent_at_ms();
    assert_eq!(times, [0, 500, 1500, 3500, 7500, 11_500, 15_500, 19_500, 23_500, 27_500, 31_500]);
    assert!(stage.events().is_empty());
    stage.run_for(ms(1));
    assert!(matches!(stage.event(), Event::Expired { transaction } if transaction == id));
    stage.assert_at_rest();
}

#[test]
fn over_a_stream_a_refusal_is_sent_once_and_ends_with_its_ack() {
    let mut stage = Stage::new();
    let flow = flow_over(Transport::Tcp, REMOTE);
    stage.receive_on(flow, &their_request("INVITE", BRANCH, 1).replace("/UDP", "/TCP"));
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::BUSY_HERE));
    stage.run_for(ms(20_000));
    assert_eq!(stage.sent_one().flow, flow);
    stage.receive_on(flow, &ack(BRANCH).replace("/UDP", "/TCP"));
    stage.assert_at_rest();
}

#[test]
fn after_a_2xx_repeated_invites_are_absorbed_and_the_user_may_repeat_its_answer() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    let mut ok = our_answer(&request, Status::OK);
    ok.set_to_tag("mine");
    stage.respond(id, ok.clone());
    let first = stage.sent_one();
    assert_eq!(first.value("To"), "<sip:1000@pbx.example>;tag=mine");
    stage.receive(&their_request("INVITE", BRANCH, 1));
    assert!(stage.sent().is_empty() && stage.events().is_empty());
    stage.run_for(ms(31_999));
    assert!(stage.sent().is_empty(), "the repeats of a 2xx are the user's");
    stage.respond(id, ok.clone());
    assert_eq!(stage.sent_one().text(), first.text());
    stage.respond(id, our_answer(&request, Status::BUSY_HERE));
    stage.run_for(ms(1));
    stage.respond(id, ok);
    stage.assert_at_rest();
}

#[test]
fn the_ack_of_a_2xx_is_told_whichever_branch_it_has() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.respond(id, our_answer(&request, Status::OK));
    for branch in [BRANCH, "z9hG4bKthem2"] {
        stage.receive(&ack(branch));
        assert!(matches!(stage.event(), Event::Ack { flow, .. } if flow == flow_to(REMOTE)));
    }
    assert_eq!(stage.sent().len(), 1);
}

#[test]
fn an_ack_before_any_final_answer_is_dropped() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.receive(&ack(BRANCH));
    assert!(stage.events().is_empty());
    stage.respond(id, our_answer(&request, Status::RINGING));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 180 Ringing");
}

#[test]
fn a_cancel_is_answered_with_the_invites_tag_and_told_once() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    let mut ringing = our_answer(&request, Status::RINGING);
    ringing.set_to_tag("mine");
    stage.respond(id, ringing);
    stage.sent();
    stage.receive(&their_request("CANCEL", BRANCH, 1));
    stage.receive(&their_request("CANCEL", BRANCH, 1));
    let answers = stage.sent();
    assert_eq!(answers.len(), 2, "the repeat gets the same answer");
    assert_eq!(answers[0].first_line(), "SIP/2.0 200 OK");
    assert_eq!(
        (answers[0].value("To"), answers[0].value("CSeq")),
        ("<sip:1000@pbx.example>;tag=mine", "1 CANCEL")
    );
    assert!(matches!(stage.event(), Event::Cancelled { transaction } if transaction == id));
    stage.respond(id, our_answer(&request, Status::REQUEST_TERMINATED));
    let terminated = stage.sent_one();
    assert_eq!(terminated.value("CSeq"), "1 INVITE");
    stage.receive(&ack(BRANCH));
    stage.run_for(ms(32_000));
    assert!(stage.sent().is_empty());
    stage.assert_at_rest();
}

#[test]
fn a_cancel_before_any_answer_has_the_tag_that_the_487_will_have() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.receive(&their_request("CANCEL", BRANCH, 1));
    let ok = stage.sent_one();
    assert!(ok.value("To").contains(";tag="));
    assert!(matches!(stage.event(), Event::Cancelled { .. }));
    stage.respond(id, our_answer(&request, Status::REQUEST_TERMINATED));
    assert_eq!(stage.sent_one().value("To"), ok.value("To"));
}

#[test]
fn a_second_fork_of_a_call_is_cancelled_as_the_first_was() {
    let mut stage = Stage::new();
    for branch in [BRANCH, "z9hG4bKthem2"] {
        stage.receive(&their_request("INVITE", branch, 1));
        let (id, request) = stage.requested();
        stage.receive(&their_request("CANCEL", branch, 1));
        assert!(matches!(stage.event(), Event::Cancelled { transaction } if transaction == id));
        stage.respond(id, our_answer(&request, Status::REQUEST_TERMINATED));
        stage.receive(&their_request("ACK", branch, 1));
        // The INVITE is forgotten after 5 s, the CANCEL only after 32.
        stage.run_for(ms(6_000));
    }
}

#[test]
fn a_cancel_after_the_final_answer_is_answered_and_has_no_effect() {
    let mut stage = Stage::new();
    let (id, request) = invited(&mut stage);
    stage.respond(id, our_answer(&request, Status::OK));
    stage.sent();
    stage.receive(&their_request("CANCEL", BRANCH, 1));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 200 OK");
    assert!(stage.events().is_empty());
}

#[test]
fn a_cancel_for_nothing_is_answered_481() {
    let mut stage = Stage::new();
    stage.receive(&their_request("CANCEL", BRANCH, 1));
    let answer = stage.sent_one();
    assert_eq!(answer.first_line(), "SIP/2.0 481 Call/Transaction Does Not Exist");
    assert!(answer.value("To").contains(";tag="));
    stage.run_for(ms(32_000));
    stage.assert_at_rest();
}

#[test]
fn a_client_of_rfc_2543_is_matched_without_a_unique_branch() {
    let mut stage = Stage::new();
    for via in ["192.0.2.1:5060", "192.0.2.1:5060;branch=z9hG4bK", "192.0.2.1:5060;branch=1"] {
        let old = |method: &str| {
            let text = their_request(method, "", 1).replace("192.0.2.1:5060;branch=;rport", via);
            text.replace("two@", &format!("{}@", via.len()))
        };
        stage.receive(&old("INVITE"));
        let (id, request) = stage.requested();
        stage.receive(&old("INVITE"));
        assert_eq!(stage.sent_one().first_line(), "SIP/2.0 100 Trying", "{via}");
        stage.receive(&old("CANCEL"));
        assert_eq!(stage.sent_one().first_line(), "SIP/2.0 200 OK", "{via}");
        assert!(matches!(stage.event(), Event::Cancelled { transaction } if transaction == id));
        stage.respond(id, our_answer(&request, Status::REQUEST_TERMINATED));
        let terminated = stage.sent_one();
        let acked =
            old("ACK").replace("To: <sip:1000@pbx.example>", &format!("To: {}", terminated.value("To")));
        stage.receive(&acked);
        stage.run_for(ms(32_000));
        assert!(stage.sent().is_empty(), "{via}: the ACK ends the repeats");
        stage.assert_at_rest();
    }
}

#[test]
fn two_invites_whose_branch_is_nothing_but_the_cookie_are_two() {
    let mut stage = Stage::new();
    let invite = their_request("INVITE", "z9hG4bK", 1);
    stage.receive(&invite);
    stage.requested();
    stage.receive(&invite.replace("two@", "three@"));
    stage.requested();
}

#[test]
fn a_cancel_is_its_invites_by_their_branch_however_its_via_is_spelt() {
    let mut stage = Stage::new();
    let (id, _) = invited(&mut stage);
    stage.receive(&their_request("CANCEL", BRANCH, 1).replace("192.0.2.1:5060", "192.0.2.1"));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 200 OK");
    assert!(matches!(stage.event(), Event::Cancelled { transaction } if transaction == id));
}
