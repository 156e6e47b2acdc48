//! RFC 3515, RFC 5589 §6: we send the peer to somebody else, and hear how it goes.

use sip::invite::Event;
use sip::message::Status;

use super::{Call, called_and_answered, from_called, from_caller, talking};
use crate::stage::{Sent, answer, challenge, ms, uri, with};

impl Call {
    fn refer(&mut self, to: &str) -> Sent {
        self.act(|session, now, endpoint, _| session.refer(now, endpoint, uri(to)));
        self.sent_one()
    }
}

fn notify(message: String, event: &str, state: &str, fragment: &str) -> String {
    let message = with(&message, &format!("Event: {event}\nSubscription-State: {state}"));
    let (head, _) = message.split_once("Content-Length:").expect("it has one");
    let length = fragment.len();
    format!("{head}Content-Type: message/sipfrag;version=2.0\nContent-Length: {length}\n\n{fragment}")
}

/// A NOTIFY of whom we called.
fn told_by_called(invite: &Sent, cseq: u32, state: &str, fragment: &str) -> String {
    let message = from_called(invite, "NOTIFY", &format!("z9hG4bKnotify{cseq}"), cseq);
    notify(message, "refer", state, fragment)
}

/// A NOTIFY of who called us.
fn told_by_caller(ours: &Sent, cseq: u32, event: &str, state: &str, fragment: &str) -> String {
    let message = from_caller(ours, "NOTIFY", &format!("z9hG4bKnotify{cseq}"), cseq);
    notify(message, event, state, fragment)
}

fn progress(code: u16, is_last: bool) -> [Event; 1] {
    [Event::ReferProgress { status: Status::new(code).expect("a status"), is_last }]
}

fn accepted() -> [Event; 1] {
    [Event::ReferAnswered { status: Status::ACCEPTED }]
}

const TERMINATED: &str = "terminated;reason=noresource";

#[test]
fn a_blind_transfer_is_told_until_its_target_has_answered() {
    let (mut call, invite) = called_and_answered();
    let refer = call.refer("sip:1002@pbx.example");
    assert_eq!(refer.first_line(), "REFER sip:1001@192.0.2.1 SIP/2.0");
    assert_eq!((refer.value("CSeq"), refer.value("Refer-To")), ("2 REFER", "<sip:1002@pbx.example>"));
    assert_eq!(refer.value("Referred-By"), "<sip:1000@pbx.example>");
    assert_eq!(
        (refer.value("Contact"), refer.value("Call-ID")),
        (invite.value("Contact"), invite.value("Call-ID"))
    );
    call.receive(&answer(&refer, "202 Accepted"));
    assert_eq!(call.told(), accepted());
    for (cseq, state, line, code) in [
        (1, "active;expires=60", "SIP/2.0 100 Trying", 100),
        (2, "Active", "SIP/2.0 180 Ringing\n", 180),
        (3, TERMINATED, "SIP/2.0 200 OK\nContact: <sip:1002@192.0.2.9>\n", 200),
    ] {
        call.receive(&told_by_called(&invite, cseq, state, line));
        assert_eq!(call.sent_lines(), ["200 OK"]);
        assert!(call.user.is_referring() == (code != 200));
        assert_eq!(call.told(), progress(code, code == 200));
    }
    call.hang_up();
    assert_eq!(call.sent_one().value("CSeq"), "3 BYE");
}

#[test]
fn a_notify_may_be_faster_than_the_answer() {
    let (mut call, invite) = called_and_answered();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&told_by_called(&invite, 1, "active;expires=60", "SIP/2.0 100 Trying"));
    assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(100, false).to_vec()));
    call.receive(&told_by_called(&invite, 2, TERMINATED, "SIP/2.0 486 Busy Here"));
    assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(486, true).to_vec()));
    assert!(call.user.is_referring(), "the answer is yet to come");
    call.receive(&answer(&refer, "202 Accepted"));
    assert_eq!(call.told(), accepted());
    assert!(!call.user.is_referring());
}

#[test]
fn a_refer_that_is_refused_leaves_the_call_as_it_was() {
    for (line, code) in
        [("403 Forbidden", 403), ("405 Method Not Allowed", 405), ("503 Service Unavailable", 503)]
    {
        let (mut call, invite) = called_and_answered();
        let refer = call.refer("sip:1002@pbx.example");
        call.receive(&answer(&refer, line));
        assert_eq!(call.told(), [Event::ReferAnswered { status: Status::new(code).expect("a status") }]);
        assert!(!call.user.is_referring() && !call.user.is_over());
        call.receive(&told_by_called(&invite, 1, "active", "SIP/2.0 100 Trying"));
        assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"]);
        assert_eq!(call.refer("sip:1003@pbx.example").value("CSeq"), "3 REFER", "it can be tried again");
    }
}

#[test]
fn a_refer_without_an_answer_is_told_as_408_and_the_call_goes_on() {
    let (mut call, _) = talking();
    call.refer("sip:1002@pbx.example");
    call.run_for(ms(32_000));
    assert_eq!(call.told(), [Event::ReferAnswered { status: Status::REQUEST_TIMEOUT }]);
    assert!(!call.user.is_over());
}

#[test]
fn a_challenged_refer_is_sent_again_and_heard_of_by_any_number_while_it_is_the_only_one() {
    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&with(&answer(&refer, "401 Unauthorized"), &challenge("n1")));
    let again = call.sent_one();
    assert_eq!((refer.value("CSeq"), again.value("CSeq")), ("1 REFER", "2 REFER"));
    assert_eq!(again.value("Refer-To"), "<sip:1002@pbx.example>");
    call.receive(&answer(&again, "202 Accepted"));
    call.told();
    for (cseq, event) in [(2, "Refer; ID=2"), (3, "refer"), (4, "refer;id=93809823")] {
        call.receive(&told_by_caller(&first, cseq, event, "active", "SIP/2.0 100 Trying"));
        assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(100, false).to_vec()));
    }
}

#[test]
fn a_notify_that_tells_no_status_is_heard_all_the_same() {
    for fragment in
        ["", "hello", "SIP/2.0 20", "SIP/2.0 2000 OK", "SIP/2.0 099 x", "SIP/2.0 999 x", "HTTP/1.1 200 OK"]
    {
        let (mut call, first) = talking();
        let refer = call.refer("sip:1002@pbx.example");
        call.receive(&answer(&refer, "202 Accepted"));
        call.told();
        call.receive(&told_by_caller(&first, 2, "refer", "active", fragment));
        assert_eq!(call.sent_lines(), ["200 OK"]);
        assert!(call.told().is_empty());
        call.receive(&told_by_caller(&first, 3, "refer", "terminated;reason=timeout", fragment));
        assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(100, true).to_vec()));
        assert!(!call.user.is_referring());
    }
}

#[test]
fn a_notify_that_is_none_of_ours_is_refused() {
    let (mut call, first) = talking();
    call.receive(&told_by_caller(&first, 2, "refer", "active", "SIP/2.0 100 Trying"));
    assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"], "nobody was referred");
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&answer(&refer, "202 Accepted"));
    call.told();
    for (cseq, event, line) in [
        (3, "message-summary", "489 Bad Event"),
        (4, "presence;id=1", "489 Bad Event"),
        (6, "refer;=", "400 Bad Request"),
    ] {
        call.receive(&told_by_caller(&first, cseq, event, "active", "SIP/2.0 100 Trying"));
        assert_eq!(call.sent_lines(), [line]);
    }
    call.receive(&with(&from_caller(&first, "NOTIFY", "z9hG4bKn7", 7), "Subscription-State: active"));
    assert_eq!(call.sent_lines(), ["489 Bad Event"]);
    call.receive(&with(&from_caller(&first, "NOTIFY", "z9hG4bKn8", 8), "Event: refer"));
    assert_eq!(call.sent_lines(), ["400 Bad Request"]);
    let plain = told_by_caller(&first, 9, "refer", "active", "SIP/2.0 200 OK");
    call.receive(&plain.replace("message/sipfrag;version=2.0", "text/plain"));
    let refused = call.sent_one();
    assert_eq!(
        (refused.first_line(), refused.value("Accept")),
        ("SIP/2.0 415 Unsupported Media Type", "message/sipfrag")
    );
    assert!(call.told().is_empty() && call.user.is_referring());
}

#[test]
fn how_it_goes_is_told_after_the_peers_bye_too_but_not_for_ever() {
    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&answer(&refer, "202 Accepted"));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.told(), [accepted(), [Event::Ended { status: None }]].concat());
    call.sent();
    assert!(call.user.is_silent() && !call.user.is_over());
    call.receive(&told_by_caller(&first, 3, "refer", "active", "SIP/2.0 180 Ringing"));
    assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(180, false).to_vec()));
    call.receive(&from_caller(&first, "OPTIONS", "z9hG4bK4", 4));
    assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"], "but nothing else is heard");
    call.receive(&told_by_caller(&first, 5, "refer", TERMINATED, "SIP/2.0 603 Decline"));
    assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(603, true).to_vec()));
    call.assert_over();

    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&answer(&refer, "202 Accepted"));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    call.run_for(ms(31_999));
    assert!(!call.user.is_over());
    call.run_for(ms(1));
    assert!(call.user.is_over());
}

#[test]
fn a_peer_that_hangs_up_at_once_has_its_answer_heard_all_the_same() {
    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.told(), [Event::Ended { status: None }]);
    call.receive(&answer(&refer, "202 Accepted"));
    assert_eq!(call.told(), accepted());
    call.sent();
    call.receive(&told_by_caller(&first, 3, "refer", TERMINATED, "SIP/2.0 486 Busy Here"));
    assert_eq!((call.sent_lines(), call.told()), (vec!["200 OK".into()], progress(486, true).to_vec()));
    call.assert_over();
}

#[test]
fn who_hangs_up_after_a_transfer_is_told_nothing_more_and_the_peer_is_heard() {
    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.receive(&answer(&refer, "202 Accepted"));
    call.told();
    call.hang_up();
    let bye = call.sent_one();
    call.receive(&answer(&bye, "200 OK"));
    call.receive(&told_by_caller(&first, 2, "refer", TERMINATED, "SIP/2.0 200 OK"));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    assert!(call.told().is_empty());
    call.assert_over();
}

#[test]
fn a_refer_that_waits_its_turn_when_the_call_ends_is_forgotten() {
    let (mut call, first) = talking();
    call.send_info("Signal=1");
    call.sent();
    call.act(|session, now, endpoint, _| session.refer(now, endpoint, uri("sip:1002@pbx.example")));
    call.receive(&from_caller(&first, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.told(), [Event::Ended { status: None }]);
    assert!(call.user.is_over() && !call.user.is_referring());
}

#[test]
fn a_new_refer_takes_the_place_of_one_that_came_to_nothing() {
    let (mut call, first) = talking();
    let refer = call.refer("sip:1002@pbx.example");
    call.act(|session, now, endpoint, _| session.refer(now, endpoint, uri("sip:1003@pbx.example")));
    assert!(call.sent().is_empty(), "the first has no answer yet");
    call.receive(&answer(&refer, "202 Accepted"));
    let second = call.refer("sip:1003@pbx.example");
    call.told();
    call.receive(&told_by_caller(&first, 2, "refer;id=2", "active", "SIP/2.0 100 Trying"));
    assert_eq!(call.told(), progress(100, false), "it may be faster than the answer");
    call.receive(&answer(&second, "202 Accepted"));
    call.told();
    call.sent();
    for (cseq, event) in [(3, "refer;id=1"), (4, "refer;id=x")] {
        call.receive(&told_by_caller(&first, cseq, event, TERMINATED, "SIP/2.0 408 Request Timeout"));
        assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"]);
    }
    call.receive(&told_by_caller(&first, 5, "refer;id=2", TERMINATED, "SIP/2.0 200 OK"));
    assert_eq!(call.told(), progress(200, true));
}
