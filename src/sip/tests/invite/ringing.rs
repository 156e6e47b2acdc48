//! RFC 3261 §13.3.1, §9.2: an INVITE that came in, until its final answer.

use base::Dice;
use sip::invite::{Event, Session};
use sip::message::Status;

use super::{ALLOW, CONTACT, ended, from_caller, ringing, their_invite};
use crate::stage::{Stage, Story, ms, profile, their_request, with};

#[test]
fn ringing_is_said_with_what_makes_a_dialog_and_again_each_minute() {
    let mut call = ringing(&with(
        &their_invite(),
        "Record-Route: <sip:edge.example;lr>\nRecord-Route: <sip:core.example;lr>",
    ));
    call.send_ringing();
    let first = call.sent_one();
    assert_eq!(first.first_line(), "SIP/2.0 180 Ringing");
    assert!(first.value("To").starts_with("<sip:1000@pbx.example>;tag="));
    assert_eq!(first.value("Contact"), "<sip:1000@192.0.2.10:5060>");
    assert_eq!(first.values("Record-Route"), ["<sip:edge.example;lr>", "<sip:core.example;lr>"]);
    call.run_for(ms(180_000));
    let again = call.sent();
    assert_eq!(again.iter().map(|sent| sent.at_ms).collect::<Vec<_>>(), [60_000, 120_000, 180_000]);
    assert!(again.iter().all(|sent| sent.bytes == first.bytes));
}

#[test]
fn a_declined_call_is_refused_until_its_ack() {
    let mut call = ringing(&their_invite());
    call.hang_up();
    let busy = call.sent_one();
    assert_eq!(busy.first_line(), "SIP/2.0 486 Busy Here");
    assert!(call.user.is_over(), "its repeats are the transaction's");
    call.run_for(ms(500));
    assert_eq!(call.sent_one().text(), busy.text());
    call.receive(&from_caller(&busy, "ACK", "z9hG4bKinvite", 1));
    call.assert_over();
}

#[test]
fn a_cancelled_call_is_answered_with_487() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    let ringing = call.sent_one();
    call.receive(&their_request("CANCEL", "z9hG4bKinvite", 1));
    let sent = call.sent();
    let lines: Vec<_> = sent.iter().map(|it| (it.first_line(), it.value("CSeq"))).collect();
    assert_eq!(lines, [("SIP/2.0 200 OK", "1 CANCEL"), ("SIP/2.0 487 Request Terminated", "1 INVITE")]);
    assert!(sent.iter().all(|it| it.value("To") == ringing.value("To")), "one tag for all");
    assert_eq!(call.told(), ended(Status::REQUEST_TERMINATED));
    call.receive(&from_caller(&ringing, "ACK", "z9hG4bKinvite", 1));
    call.assert_over();
}

#[test]
fn a_cancel_after_the_answer_changes_nothing() {
    let mut call = ringing(&their_invite());
    call.accept();
    let ok = call.sent_one();
    call.receive(&their_request("CANCEL", "z9hG4bKinvite", 1));
    assert_eq!(call.sent_one().value("CSeq"), "1 CANCEL");
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    assert_eq!(call.told(), [Event::Acknowledged { sdp: None }]);
}

#[test]
fn a_bye_ends_a_call_that_only_rings() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    let ringing = call.sent_one();
    call.receive(&from_caller(&ringing, "BYE", "z9hG4bKbye", 2));
    assert_eq!(call.sent_lines(), ["200 OK", "487 Request Terminated"]);
    assert_eq!(call.told(), ended(Status::REQUEST_TERMINATED));
    call.receive(&from_caller(&ringing, "ACK", "z9hG4bKinvite", 1));
    call.assert_over();
}

#[test]
fn other_requests_within_the_early_dialog_get_the_answer_that_is_due_to_them() {
    let mut call = ringing(&their_invite());
    call.send_ringing();
    let ringing = call.sent_one();
    call.receive(&from_caller(&ringing, "OPTIONS", "z9hG4bK2", 2));
    let options = call.sent_one();
    assert_eq!(options.first_line(), "SIP/2.0 200 OK");
    assert_eq!(options.values("Allow"), ALLOW);
    call.receive(&from_caller(&ringing, "OPTIONS", "z9hG4bK3", 1));
    assert_eq!(call.sent_lines(), ["500 Server Internal Error"], "its number is not above the last one's");
    call.receive(&from_caller(&ringing, "UPDATE", "z9hG4bK4", 4));
    assert_eq!(call.sent_lines(), ["405 Method Not Allowed"]);
    // RFC 3261 §14.2: the first INVITE has no final answer yet.
    call.receive(&with(&from_caller(&ringing, "INVITE", "z9hG4bK5", 5), CONTACT));
    let later = call.sent_one();
    assert_eq!(later.first_line(), "SIP/2.0 500 Server Internal Error");
    assert!(later.value("Retry-After").parse::<u32>().is_ok_and(|seconds| seconds <= 10));
    let notify = with(&from_caller(&ringing, "NOTIFY", "z9hG4bK6", 6), CONTACT);
    call.receive(&with(&notify, "Event: refer\nSubscription-State: active"));
    assert_eq!(call.sent_lines(), ["481 Call/Transaction Does Not Exist"], "nobody was referred");
    assert!(call.told().is_empty() && !call.user.is_over());
}

#[test]
fn an_invite_that_lacks_a_contact_makes_no_call() {
    let mut stage = Stage::new();
    stage.receive(&their_request("INVITE", "z9hG4bKinvite", 1));
    let (transaction, invite) = stage.requested();
    let flow = crate::stage::flow_to(crate::stage::REMOTE);
    let refused = Session::ring(transaction, flow, invite, profile(), Dice::new([4; 32]));
    assert_eq!(refused.map(|_| ()).unwrap_err(), Status::BAD_REQUEST);
}

#[test]
fn requests_of_other_dialogs_are_not_this_calls() {
    let mut call: Story<Session> = ringing(&their_invite());
    call.send_ringing();
    let ringing = call.sent_one();
    for other in [
        from_caller(&ringing, "BYE", "z9hG4bK2", 2).replace("two@", "three@"),
        from_caller(&ringing, "BYE", "z9hG4bK3", 2).replace("tag=them", "tag=they"),
        their_request("BYE", "z9hG4bK4", 2),
    ] {
        call.receive(&other);
    }
    assert!(call.sent().is_empty() && call.told().is_empty() && !call.user.is_over());
}
