//! Registrations and calls, from the program's request to the bytes on the wire and back.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stage::{Ear, Stage};

/// Packets of a call that is long enough to hear: one second.
const A_WHILE: u16 = 50;

#[test]
fn a_program_registers_by_challenge_and_unregisters() {
    let mut stage = Stage::new();
    let id = stage.program.asks("sipregister", stage.peer.account())["connectionId"].clone();
    let signed = stage.peer.registers(3600);
    assert_eq!(signed.start(), format!("REGISTER sip:{} SIP/2.0", stage.peer.address()));
    assert!(signed.field("Authorization").starts_with("Digest "), "{}", signed.text);
    let told = json!({ "connectionId": id, "SIPError": 0 });
    assert_eq!(stage.program.hears("OnSIPRegister"), told);
    assert_eq!(stage.program.hears("OnSIPRegisterFinalized"), told);
    assert_eq!(stage.program.asks("getstate", json!({}))["accounts"][0]["state"], "connected");

    stage.program.asks("sipunregister", json!({}));
    stage.peer.unbinds();
    assert_eq!(stage.program.hears("OnSIPUnRegister"), told);
    assert_eq!(stage.program.asks("getstate", json!({}))["accounts"], json!([]));
}

#[test]
fn a_call_goes_out_is_heard_on_both_sides_and_is_hung_up_by_the_program() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let (call, invite) = stage.dials();
    assert_eq!(invite.start(), format!("INVITE sip:600@{} SIP/2.0", stage.peer.address()));
    assert_eq!(invite.target().split(';').next(), Some(format!("sip:1000@{}", stage.phone.sip).as_str()));
    stage.rings(&invite);
    stage.answers(&invite, &ear);

    ear.converses(invite.rtp(), A_WHILE);
    let state = stage.program.asks("getstate", json!({}));
    assert_eq!(state["calls"][0]["state"], "answered");
    assert!(state["calls"][0]["duration"].as_u64() > Some(0));
    stage.program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 0);
    let bye = stage.peer.hears("BYE");
    stage.peer.answers(&bye, "200 OK");
    assert_eq!(stage.program.asks("getstate", json!({}))["calls"], json!([]));

    let room = stage.stops(|_| ());
    assert!(room.heard_ms() > 500, "{} ms of the peer's sound were played", room.heard_ms());
}

#[test]
fn a_call_goes_out_and_is_hung_up_by_who_was_called() {
    let mut stage = Stage::registered();
    let mut call = stage.calls(&Ear::new());
    stage.is_hung_up(&mut call);
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn a_call_comes_in_is_accepted_and_is_hung_up_by_the_caller() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let mut call = stage.accepts(&ear);
    ear.converses(call.rtp, A_WHILE);
    let ended = stage.is_hung_up(&mut call);
    assert!(ended["duration"].as_u64() > Some(0));

    let room = stage.stops(|_| ());
    assert!(room.heard_ms() > 500, "{} ms of the caller's sound were played", room.heard_ms());
}

#[test]
fn a_caller_gives_up() {
    let mut stage = Stage::registered();
    let (mut dialog, told) = stage.is_called("ada", &Ear::new());
    // RFC 3261 §9.1: a CANCEL has the To of its INVITE.
    let to = std::mem::replace(&mut dialog.to, "<sip:1000@phone.example>".into());
    stage.peer.sends_in(&mut dialog, "CANCEL", "", "");
    assert_eq!(stage.peer.hears("200").field("CSeq"), "1 CANCEL");
    let terminated = stage.peer.hears("487");
    assert_eq!((terminated.field("CSeq"), terminated.field("To")), ("1 INVITE", to.as_str()));
    dialog.to = to;
    stage.peer.sends_in(&mut dialog, "ACK", "", "");
    let ended = stage.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&told["callId"], &json!(487)));
}

#[test]
fn a_program_gives_up_a_call_that_rings() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    stage.rings(&invite);
    stage.program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 487);

    let cancel = stage.peer.hears("CANCEL");
    assert_eq!(cancel.field("Via"), invite.field("Via"));
    stage.peer.answers(&cancel, "200 OK");
    stage.peer.answers(&invite, "487 Request Terminated");
    assert_eq!(stage.peer.hears("ACK").field("Via"), invite.field("Via"));
}

#[test]
fn a_busy_number_ends_the_call_with_its_status_and_a_ringing_one_is_declined() {
    let mut stage = Stage::registered();
    let (_, invite) = stage.dials();
    stage.peer.answers(&invite, "486 Busy Here");
    stage.peer.hears("ACK");
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 486);

    let (_, told) = stage.is_called("ada", &Ear::new());
    stage.program.asks("finalizecall", json!({ "callid": told["callId"] }));
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 486);
    stage.peer.hears("486");
}

#[test]
fn a_phone_that_is_stopped_in_a_call_hangs_up_and_disconnects() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    ear.converses(call.rtp, 5);
    stage.stops(|peer| {
        let bye = peer.hears("BYE");
        peer.answers(&bye, "200 OK");
    });
}

#[test]
fn a_phone_that_is_stopped_ends_though_nobody_answers() {
    let mut stage = Stage::registered();
    stage.calls(&Ear::new());
    stage.phone.signal(Signal::SIGTERM);
    stage.peer.hears("BYE");
    stage.peer.hears("REGISTER");
    assert_eq!(stage.phone.end().code(), Some(0));
}
