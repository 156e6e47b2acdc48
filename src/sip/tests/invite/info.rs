//! RFC 6086, and keys told by `application/dtmf-relay`: INFO of both sides within a call.

use sip::invite::Event;
use sip::message::Status;

use super::{ANSWER, Call, body, ended, from_caller, ringing, ringing_and_answered, talking, their_invite};
use crate::stage::{Sent, answer, challenge, ms, uri, with};

/// A message with a body of that type.
fn with_body(message: &str, content_type: &str, body: &str) -> String {
    let (head, _) = message.split_once("Content-Length:").expect("it has one");
    format!("{head}Content-Type: {content_type}\nContent-Length: {}\n\n{body}", body.len())
}

fn info(ours: &Sent, cseq: u32) -> String {
    from_caller(ours, "INFO", &format!("z9hG4bKinfo{cseq}"), cseq)
}

#[test]
fn a_key_is_told_and_its_info_answered() {
    let (mut call, first) = talking();
    for (cseq, content_type) in [(2, "application/dtmf-relay"), (3, "Application/DTMF ; x=y")] {
        call.receive(&with_body(&info(&first, cseq), content_type, "Signal=5"));
        assert_eq!(call.sent_lines(), ["200 OK"]);
        let content_type = content_type.split(' ').next().expect("a word").to_lowercase();
        assert_eq!(call.told(), [Event::Info { content_type, body: b"Signal=5".to_vec() }]);
    }
}

#[test]
fn an_empty_info_asks_only_whether_anybody_is_there() {
    let (mut call, first) = talking();
    call.receive(&info(&first, 2));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert!(call.told().is_empty());
}

#[test]
fn an_info_that_nobody_understands_is_refused_with_what_is_understood() {
    let (mut call, first) = talking();
    call.receive(&with_body(&info(&first, 2), "application/media_control+xml", "<xml/>"));
    let refused = call.sent_one();
    assert_eq!(refused.first_line(), "SIP/2.0 415 Unsupported Media Type");
    assert_eq!(refused.value("Accept"), "application/dtmf-relay, application/dtmf");
    call.receive(&with(&info(&first, 3), "Info-Package: dtmf"));
    assert_eq!(call.sent_lines(), ["469 Bad Info Package"]);
    assert!(call.told().is_empty() && !call.user.is_over());
}

#[test]
fn a_key_is_heard_while_it_rings_too() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    let first = call.sent_one();
    call.receive(&with_body(&info(&first, 2), "application/dtmf", "5"));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert_eq!(call.told(), [Event::Info { content_type: "application/dtmf".into(), body: b"5".to_vec() }]);
}

#[test]
fn keys_go_out_one_after_the_other() {
    let (mut call, _) = talking();
    for key in ["Signal=1", "Signal=2", "Signal=3"] {
        call.send_info(key);
    }
    for (number, key) in [(1, "Signal=1"), (2, "Signal=2"), (3, "Signal=3")] {
        let info = call.sent_one();
        assert_eq!((info.first_line(), body(&info)), ("INFO sip:1001@192.0.2.1 SIP/2.0", key));
        assert_eq!(info.value("CSeq"), format!("{number} INFO"));
        assert_eq!(info.value("Content-Type"), "application/dtmf-relay");
        call.receive(&answer(&info, "200 OK"));
    }
    assert!(call.told().is_empty() && call.sent().is_empty());
}

#[test]
fn a_key_that_is_challenged_is_sent_again_before_the_next() {
    let (mut call, _) = talking();
    call.send_info("Signal=1");
    call.send_info("Signal=2");
    let first = call.sent_one();
    call.receive(&with(&answer(&first, "401 Unauthorized"), &challenge("n1")));
    let again = call.sent_one();
    assert_eq!((again.value("CSeq"), body(&again)), ("2 INFO", "Signal=1"));
    assert!(again.value("Authorization").contains("nonce=\"n1\""));
    call.receive(&answer(&again, "200 OK"));
    assert_eq!(body(&call.sent_one()), "Signal=2");
}

#[test]
fn a_key_that_is_refused_or_lost_is_told_to_nobody() {
    for line in ["415 Unsupported Media Type", "405 Method Not Allowed", "408 Request Timeout"] {
        let (mut call, _) = talking();
        call.send_info("Signal=1");
        let info = call.sent_one();
        call.receive(&answer(&info, line));
        call.run_for(ms(32_000));
        assert!(call.told().is_empty() && call.sent().is_empty() && !call.user.is_over());
    }
}

#[test]
fn keys_wait_for_the_ack_of_a_call_that_was_answered_here() {
    let (mut call, first) = ringing_and_answered(&their_invite());
    call.send_info("Signal=1");
    call.send_info("Signal=2");
    assert!(call.sent().is_empty(), "a caller that has lost the 200 has no dialog, and would refuse them");
    call.receive(&from_caller(&first, "ACK", "z9hG4bKack", 1));
    let info = call.sent_one();
    assert_eq!((info.value("CSeq"), body(&info)), ("1 INFO", "Signal=1"));
    call.receive(&answer(&info, "481 Call/Transaction Does Not Exist"));
    assert_eq!(call.sent_one().value("CSeq"), "2 INFO");
    call.told();
    call.run_for(ms(1_000));
    assert_eq!(call.told(), ended(Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
}

#[test]
fn a_key_and_a_new_offer_do_not_overtake_each_other() {
    let (mut call, _) = talking();
    let reoffer =
        |call: &mut Call| call.act(|session, now, endpoint, tray| session.reoffer(now, endpoint, tray));
    let offer =
        |call: &mut Call| call.act(|session, now, endpoint, _| session.offer(now, endpoint, ANSWER.into()));
    call.send_info("Signal=1");
    let info = call.sent_one();
    reoffer(&mut call);
    assert!(call.told().is_empty(), "the key has no answer yet");
    call.receive(&answer(&info, "200 OK"));
    assert_eq!(call.told(), [Event::OfferDue]);
    call.send_info("Signal=2");
    offer(&mut call);
    call.send_info("Signal=3");
    let reinvite = call.sent_one();
    assert_eq!(reinvite.value("CSeq"), "2 INVITE");
    call.receive(&answer(&reinvite, "488 Not Acceptable Here"));
    let sent = call.sent();
    let [_, info] = &sent[..] else { panic!("{}", sent.len()) };
    assert_eq!((info.value("CSeq"), body(info)), ("3 INFO", "Signal=2"));
}

#[test]
fn a_peer_that_answers_no_info_is_not_sent_more_than_64_at_once() {
    let (mut call, _) = talking();
    for _ in 0..100 {
        call.send_info("Signal=1");
    }
    call.act(|session, now, endpoint, _| session.refer(now, endpoint, uri("sip:1002@pbx.example")));
    let answered = std::iter::from_fn(|| {
        let info = call.sent().pop()?;
        call.receive(&answer(&info, "200 OK"));
        Some(info.first_line().split(' ').next().expect("a method").to_owned())
    });
    let methods: Vec<String> = answered.collect();
    assert_eq!(methods.iter().filter(|method| *method == "INFO").count(), 65);
    assert_eq!(methods.last().expect("one"), "REFER", "it is not forgotten for that");
}

#[test]
fn keys_are_forgotten_when_the_call_ends() {
    let end_by: [fn(&mut Call, &Sent); 2] =
        [|call, _| call.hang_up(), |call, first| call.receive(&from_caller(first, "BYE", "z9hG4bKbye", 2))];
    for end in end_by {
        let (mut call, first) = talking();
        call.send_info("Signal=1");
        call.send_info("Signal=2");
        let info = call.sent_one();
        end(&mut call, &first);
        let last = call.sent_one();
        if last.first_line().starts_with("BYE") {
            call.receive(&answer(&last, "200 OK"));
        }
        assert!(call.user.is_silent());
        call.receive(&answer(&info, "200 OK"));
        assert!(call.sent().is_empty());
    }
}
