//! Noise: nothing grows from it, few answers come of it, and honest peers are still served.

use base::Dice;
use sip::endpoint::{Event, Input};
use sip::message::{Method, Status};

use crate::stage::{Stage, answer, flow_to, ms, our_answer, our_request, their_request};

/// A valid message or pure chance, then up to 8 bytes changed, and some of it cut off.
fn noise(dice: &mut Dice, number: u32) -> Vec<u8> {
    let text = match dice.below(4) {
        0 => their_request("OPTIONS", &format!("z9hG4bK{number}"), number),
        1 => format!("SIP/2.0 200 OK\n{}", their_request("OPTIONS", &format!("z9hG4bK{number}"), 1)),
        2 => their_request("ACK", &format!("z9hG4bK{number}"), number).replace("CSeq", "C5eq"),
        _ => return (0..dice.below(200)).map(|_| u8::try_from(dice.below(256)).unwrap_or(0)).collect(),
    };
    let mut bytes = text.replace('\n', "\r\n").replace("Call-ID: ", "Call-ID ").into_bytes();
    for _ in 0..dice.below(8) {
        let at = dice.below(u32::try_from(bytes.len()).unwrap_or(0)) as usize;
        bytes[at] = u8::try_from(dice.below(256)).unwrap_or(0);
    }
    if dice.percent(20) {
        bytes.truncate(dice.below(u32::try_from(bytes.len()).unwrap_or(0)) as usize);
    }
    bytes
}

#[test]
fn a_flood_of_noise_leaves_nothing_behind_and_gets_20_answers_a_second_at_most() {
    let mut stage = Stage::new();
    let mut dice = Dice::new([3; 32]);
    for number in 0..100_000 {
        let source = format!("198.51.{}.{}:{}", dice.below(256), dice.below(256), 1024 + dice.below(60_000));
        let bytes = noise(&mut dice, number);
        stage.input(Input::Datagram { flow: flow_to(&source), bytes: &bytes });
        if number % 10 == 0 {
            stage.run_for(ms(1));
        }
    }
    let answers = stage.sent().len();
    assert!((100..=220).contains(&answers), "{answers} answers in 10 s");
    assert!(stage.events().is_empty());
    stage.assert_at_rest();
}

#[test]
fn in_a_flood_of_good_requests_our_own_call_and_a_new_peer_are_served() {
    let mut stage = Stage::new();
    let invite = stage.request(our_request(Method::Invite));
    let invite_sent = stage.sent_one();
    for number in 0..5000 {
        let text = their_request("OPTIONS", &format!("z9hG4bKflood{number}"), number + 10);
        stage.receive_on(flow_to("198.51.100.1:5060"), &text);
        let (id, request) = stage.requested();
        stage.respond(id, our_answer(&request, Status::OK));
        assert_eq!(stage.sent().len(), 1);
    }
    stage.receive_on(flow_to("198.51.100.1:5060"), &their_request("OPTIONS", "z9hG4bKflood4999", 5009));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 200 OK", "the latest are still known");
    stage.receive_on(flow_to("198.51.100.1:5060"), &their_request("OPTIONS", "z9hG4bKflood0", 10));
    stage.requested();
    stage.receive(&answer(&invite_sent, "200 OK"));
    assert!(matches!(stage.event(), Event::Response { transaction, .. } if transaction == invite));
    stage.receive(&their_request("INVITE", "z9hG4bKhonest", 1));
    stage.requested();
    stage.run_for(ms(32_000));
    assert_eq!(stage.sent_one().first_line(), "SIP/2.0 100 Trying");
    assert_eq!(stage.endpoint.poll_timeout(), None, "the flood's transactions have lapsed");
}

#[test]
fn requests_that_are_all_still_unanswered_leave_no_room_and_the_next_gets_503() {
    let mut stage = Stage::new();
    for number in 0..256 {
        stage.receive(&their_request("INVITE", &format!("z9hG4bK{number}"), number + 1));
        stage.requested();
    }
    for number in 256..1000 {
        stage.receive(&their_request("INVITE", &format!("z9hG4bK{number}"), number + 1));
    }
    assert!(stage.events().is_empty());
    let sent = stage.sent();
    assert_eq!(sent.len(), 20, "further ones are left to repeat");
    assert_eq!(sent[0].first_line(), "SIP/2.0 503 Service Unavailable");
    assert_eq!(sent[0].value("Retry-After"), "32");
}
