//! RFC 3261 §13.2.2.4 with RFC 6026: every 2xx to an INVITE of ours, repeated or of another fork.

use super::{Call, called_and_answered, calling, ok};
use crate::stage::{Sent, answer, ms};

/// What was sent since the last look: an ACK and a BYE to the fork with this tag.
fn acked_and_hung_up(call: &mut Call, tag: &str) -> Sent {
    let mut sent = call.sent();
    let to = format!("<sip:600@pbx.example>;tag={tag}");
    let said: Vec<_> = sent.iter().map(|it| (it.value("CSeq"), it.value("To"))).collect();
    assert_eq!(said, [("1 ACK", to.as_str()), ("2 BYE", to.as_str())]);
    sent.remove(1)
}

#[test]
fn a_repeated_answer_is_acked_again_and_told_once() {
    let (mut call, invite) = called_and_answered();
    for _ in 0..3 {
        call.run_for(ms(4000));
        call.receive(&ok(&invite, "you"));
        let ack = call.sent_one();
        assert_eq!((ack.value("CSeq"), ack.value("To")), ("1 ACK", "<sip:600@pbx.example>;tag=you"));
    }
    assert!(call.told().is_empty());
}

#[test]
fn the_first_fork_that_answers_is_kept_and_the_others_are_acked_and_hung_up() {
    let (mut call, invite) = called_and_answered();
    call.receive(&ok(&invite, "other"));
    let bye = acked_and_hung_up(&mut call, "other");
    call.receive(&ok(&invite, "other"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"], "its repeat is ACKed, the BYE is out");
    call.receive(&answer(&bye, "200 OK"));
    call.receive(&ok(&invite, "other"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"], "it has been hung up already");
    call.receive(&ok(&invite, "you"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    call.run_for(ms(64_000));
    assert!(call.told().is_empty() && !call.user.is_over());
    call.assert_at_rest();
}

#[test]
fn a_fork_that_answers_when_the_call_is_over_is_hung_up_too() {
    let (mut call, invite) = called_and_answered();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&answer(&bye, "200 OK"));
    assert!(call.user.is_silent() && !call.user.is_over(), "it listens for other forks");
    call.run_for(ms(10_000));
    call.receive(&ok(&invite, "late"));
    let bye = acked_and_hung_up(&mut call, "late");
    assert!(!call.user.is_silent());
    call.receive(&answer(&bye, "200 OK"));
    call.receive(&ok(&invite, "you"));
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"]);
    call.run_for(ms(22_000));
    assert!(call.told().is_empty());
    call.assert_over();
}

#[test]
fn no_more_forks_are_heard_than_a_call_can_have() {
    let (mut call, invite) = called_and_answered();
    for fork in 0..20 {
        call.receive(&ok(&invite, &format!("fork{fork}")));
    }
    assert_eq!(call.sent().len(), 2 * 8);
    assert!(call.told().is_empty());
}

#[test]
fn the_progress_of_several_forks_is_told_as_it_comes() {
    let (mut call, invite) = calling();
    for tag in ["you", "other", "third"] {
        call.receive(&answer(&invite, "180 Ringing").replace("tag=you", &format!("tag={tag}")));
    }
    assert_eq!(call.told().len(), 3);
    call.receive(&ok(&invite, "other"));
    assert_eq!(call.sent_one().value("To"), "<sip:600@pbx.example>;tag=other");
}
