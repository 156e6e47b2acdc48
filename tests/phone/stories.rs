//! Registrations and calls, from the program's request to the bytes on the wire and back.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::ear::Ear;
use crate::program::Program;
use crate::stage::{Stage, converse};

/// Packets of a call that is long enough to hear: one second.
const A_WHILE: u16 = 50;

#[test]
fn only_a_program_that_has_authenticated_may_ask_and_only_a_registered_phone_calls() {
    let mut stage = Stage::new();
    let mut stranger = Program::connect(stage.api);
    assert_eq!(stranger.request("getstate", json!({})), Err(602));
    let wrong = json!({ "user": "operator", "password": "sesame" });
    assert_eq!(stranger.request("authenticate", wrong), Err(600));
    assert_eq!(stage.program.request("startcall", json!({ "number": "600" })), Err(601));
    assert_eq!(stage.program.request("sipunregister", json!({})), Err(601));
    assert_eq!(stage.program.request("finalizecall", json!({ "callid": 1 })), Err(102));
}

#[test]
fn a_program_registers_by_challenge_and_unregisters() {
    let mut stage = Stage::new();
    let id = stage.program.ask("sipregister", stage.account())["connectionId"].clone();
    let signed = stage.peer.register(3600);
    assert_eq!(signed.start(), format!("REGISTER sip:{} SIP/2.0", stage.peer.address()));
    assert!(signed.field("Authorization").starts_with("Digest "), "{}", signed.text);
    let told = json!({ "connectionId": id, "SIPError": 0 });
    assert_eq!(stage.program.hear("OnSIPRegister"), told);
    assert_eq!(stage.program.hear("OnSIPRegisterFinalized"), told);
    assert_eq!(stage.program.ask("getstate", json!({}))["accounts"][0]["state"], "connected");

    stage.program.ask("sipunregister", json!({}));
    let farewell = stage.peer.expect("REGISTER ");
    assert_eq!(farewell.field("Expires"), "0");
    stage.peer.answer(&farewell, "200 OK", "", "");
    assert_eq!(stage.program.hear("OnSIPUnRegister"), told);
    assert_eq!(stage.program.ask("getstate", json!({}))["accounts"], json!([]));
}

#[test]
fn credentials_that_are_refused_twice_are_told_as_a_refusal() {
    let mut stage = Stage::new();
    stage.program.ask("sipregister", stage.account());
    // The first asks for credentials; then they are refused twice (rule 8).
    for nonce in ["one", "two", "three"] {
        let register = stage.peer.expect("REGISTER ");
        let challenge = format!("WWW-Authenticate: Digest realm=\"lab\", nonce=\"{nonce}\"\r\n");
        stage.peer.answer(&register, "401 Unauthorized", &challenge, "");
    }
    assert_eq!(stage.program.hear("OnSIPRegisterRefused")["SIPError"], 401);
    assert_eq!(stage.program.hear("OnSIPRegisterFinalized")["SIPError"], 401);
    assert_eq!(stage.program.request("startcall", json!({ "number": "600" })), Err(601));
}

#[test]
fn a_call_goes_out_is_heard_on_both_sides_and_is_hung_up_by_the_program() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let (call, invite) = stage.dial();
    assert_eq!(invite.start(), format!("INVITE sip:600@{} SIP/2.0", stage.peer.address()));
    assert_eq!(invite.target().split(';').next(), Some(format!("sip:1000@{}", stage.sip).as_str()));
    stage.ring(&invite);
    stage.answer(&invite, &ear);

    converse(&mut ear, invite.rtp(), A_WHILE);
    let state = stage.program.ask("getstate", json!({}));
    assert_eq!(state["calls"][0]["state"], "answered");
    assert!(state["calls"][0]["duration"].as_u64() > Some(0));
    stage.hang_up(call);
    assert_eq!(stage.program.ask("getstate", json!({}))["calls"], json!([]));

    let room = stage.stop(|_| ());
    assert!(room.heard_ms() > 500, "{} ms of the peer's sound were played", room.heard_ms());
}

#[test]
fn a_call_comes_in_is_accepted_and_is_hung_up_by_the_caller() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.call_in(&ear);
    assert_eq!(call.told["type"], "incoming");
    assert_eq!(call.told["from"], format!("sip:ada@{}", stage.peer.address()));
    assert_eq!(call.told["to"], "sip:1000@phone.example");
    assert_eq!(call.told["displayName"], "Ada");
    converse(&mut ear, call.rtp, A_WHILE);
    let ended = stage.caller_hangs_up(&call);
    assert!(ended["duration"].as_u64() > Some(0));

    let room = stage.stop(|_| ());
    assert!(room.heard_ms() > 500, "{} ms of the caller's sound were played", room.heard_ms());
}

#[test]
fn a_caller_gives_up() {
    let mut stage = Stage::registered();
    let mut dialog = stage.peer.call(stage.sip, "ada", &Ear::new().sdp());
    stage.peer.expect("SIP/2.0 180 ");
    let call = stage.program.hear("OnNewCall")["callId"].clone();
    stage.peer.request("CANCEL", 1, &dialog, "", "");
    assert_eq!(stage.peer.expect("SIP/2.0 200 ").field("CSeq"), "1 CANCEL");
    let terminated = stage.peer.expect("SIP/2.0 487 ");
    assert_eq!(terminated.field("CSeq"), "1 INVITE");
    dialog.to = terminated.field("To").into();
    stage.peer.request("ACK", 1, &dialog, "", "");
    let ended = stage.program.hear("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&call, &json!(487)));
}

#[test]
fn a_program_gives_up_a_call_that_rings() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dial();
    stage.ring(&invite);
    stage.program.ask("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.hear("OnFinalizedCall")["SIPError"], 487);

    let cancel = stage.peer.expect("CANCEL ");
    assert_eq!(cancel.field("Via"), invite.field("Via"));
    stage.peer.answer(&cancel, "200 OK", "", "");
    stage.peer.answer(&invite, "487 Request Terminated", "", "");
    assert_eq!(stage.peer.expect("ACK ").field("Via"), invite.field("Via"));
}

#[test]
fn a_busy_number_ends_the_call_with_its_status_and_a_ringing_one_is_declined() {
    let mut stage = Stage::registered();
    let (_, invite) = stage.dial();
    stage.peer.answer(&invite, "486 Busy Here", "", "");
    stage.peer.expect("ACK ");
    assert_eq!(stage.program.hear("OnFinalizedCall")["SIPError"], 486);

    stage.peer.call(stage.sip, "ada", &Ear::new().sdp());
    let call = stage.program.hear("OnNewCall")["callId"].clone();
    stage.program.ask("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.hear("OnFinalizedCall")["SIPError"], 486);
    stage.peer.expect("SIP/2.0 486 ");
}

#[test]
fn a_phone_that_is_stopped_in_a_call_hangs_up_and_disconnects() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let (_, invite) = stage.dial();
    stage.answer(&invite, &ear);
    converse(&mut ear, invite.rtp(), 5);
    stage.stop(|peer| {
        let bye = peer.expect("BYE ");
        peer.answer(&bye, "200 OK", "", "");
    });
}

#[test]
fn a_phone_that_is_stopped_ends_though_nobody_answers() {
    let mut stage = Stage::registered();
    let (_, invite) = stage.dial();
    stage.answer(&invite, &Ear::new());
    stage.phone.signal(Signal::SIGTERM);
    stage.peer.expect("BYE ");
    stage.peer.expect("REGISTER ");
    assert_eq!(stage.phone.end().code(), Some(0));
}
