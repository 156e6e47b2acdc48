//! What whoever dials the exchange's numbers meets.

use std::time::Duration;

use serde_json::{Value, json};

use super::Demo;
use crate::stage::Program;

/// The program calls this number; the call's id.
fn dials(program: &mut Program, number: &str) -> Value {
    let call = program.asks("startcall", json!({ "number": number }))["callId"].clone();
    assert_eq!(program.hears("OnNewCall")["callId"], call);
    call
}

/// And it is answered, after it has rung.
fn reaches(program: &mut Program, number: &str) -> Value {
    let call = dials(program, number);
    is_answered(program);
    call
}

fn is_answered(program: &mut Program) {
    assert_eq!(program.hears("OnCallProgress")["SIPError"], 180);
    program.hears("OnAcceptCall");
}

fn hangs_up(program: &mut Program, call: &Value) {
    program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(program.hears("OnFinalizedCall")["SIPError"], 0);
}

#[test]
fn who_calls_the_echo_hears_himself() {
    let mut demo = Demo::start();
    let call = reaches(&mut demo.program, "600");
    demo.speaks_for(Duration::from_millis(1_500));
    hangs_up(&mut demo.program, &call);
    let room = demo.stops();
    assert!(room.heard_ms() > 1_000, "{} ms of the microphone's tone came back", room.heard_ms());
}

#[test]
fn numbers_that_nobody_answers_say_why() {
    let mut demo = Demo::start();
    for (number, status) in [("486", 486), ("404", 404), ("1001", 480)] {
        dials(&mut demo.program, number);
        assert_eq!(demo.program.hears("OnFinalizedCall")["SIPError"], status);
    }
    let call = dials(&mut demo.program, "480");
    assert_eq!(demo.program.hears("OnCallProgress")["SIPError"], 180);
    demo.program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(demo.program.hears("OnFinalizedCall")["SIPError"], 487);
    demo.stops();
}

#[test]
fn who_wants_it_is_called_back() {
    let mut demo = Demo::start();
    reaches(&mut demo.program, "603");
    assert_eq!(demo.program.hears("OnFinalizedCall")["SIPError"], 0);
    let back = demo.program.hears("OnNewCall");
    assert_eq!((&back["type"], &back["displayName"]), (&json!("incoming"), &json!("Demonstration exchange")));
    demo.program.asks("acceptcall", json!({ "callid": back["callId"] }));
    demo.program.hears("OnAcceptCall");
    hangs_up(&mut demo.program, &back["callId"]);
    demo.stops();
}

#[test]
fn who_is_transferred_by_the_exchange_hears_the_echo() {
    let mut demo = Demo::start();
    let first = reaches(&mut demo.program, "604");
    let second = demo.program.hears("OnNewCall");
    assert!(second["to"].as_str().is_some_and(|to| to.starts_with("sip:600@")), "{second}");
    is_answered(&mut demo.program);
    // The call before is held for the new one (rule 17), and ended by the exchange.
    demo.program.hears("OnHoldCall");
    let ended = demo.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&first, &json!(0)));
    hangs_up(&mut demo.program, &second["callId"]);
    demo.stops();
}

#[test]
fn a_call_is_transferred_to_a_number_of_the_exchange_or_comes_back_from_none() {
    let mut demo = Demo::start();
    let call = reaches(&mut demo.program, "600");
    demo.program.asks("transferecall", json!({ "callid": call, "to": "404" }));
    assert_eq!(demo.program.hears("OnHoldCall")["hold"], true);
    assert_eq!(demo.program.hears("OnTransferFailed")["SIPError"], 404);
    assert_eq!(demo.program.hears("OnHoldCall")["hold"], false);
    demo.program.asks("transferecall", json!({ "callid": call, "to": "602" }));
    demo.program.hears("OnHoldCall");
    demo.program.hears("OnTransferredCall");
    assert_eq!(demo.program.hears("OnFinalizedCall")["SIPError"], 0);
    demo.stops();
}

#[test]
fn each_key_comes_back() {
    let mut demo = Demo::start();
    let call = reaches(&mut demo.program, "605");
    // Keys are read once the beeps are over: a comma is a pause of 2 s (rule 12).
    demo.program.asks("senddtmf", json!({ "callid": call, "DTMF": ",15#" }));
    for key in ["1", "5", "#"] {
        assert_eq!(demo.program.hears("OnDTMF")["DTMF"], key);
    }
    hangs_up(&mut demo.program, &call);
    demo.stops();
}

#[test]
fn who_waits_is_put_on_hold_and_taken_back() {
    let mut demo = Demo::start();
    let call = reaches(&mut demo.program, "606");
    for hold in [true, false] {
        let told = demo.program.hears("OnHoldCall");
        assert_eq!((&told["hold"], &told["by"]), (&json!(hold), &json!("remote")));
    }
    hangs_up(&mut demo.program, &call);
    demo.stops();
}

#[test]
fn two_phones_call_each_other() {
    let mut demo = Demo::start();
    // Both accounts are this phone's here, which makes no difference to the exchange.
    let domain = demo.state()["accounts"][0]["domain"].clone();
    let second = json!({ "domain": domain, "number": "1001", "password": "demo" });
    demo.program.asks("sipregister", second);
    demo.program.hears("OnSIPRegister");
    demo.program.hears("OnSIPRegisterFinalized");
    let call = dials(&mut demo.program, "1000");
    let incoming = demo.program.hears("OnNewCall");
    assert_eq!(incoming["type"], "incoming");
    assert_eq!(demo.program.hears("OnCallProgress")["SIPError"], 180);
    demo.program.asks("finalizecall", json!({ "callid": incoming["callId"] }));
    for id in [&incoming["callId"], &call] {
        let ended = demo.program.hears("OnFinalizedCall");
        assert_eq!((&ended["callId"], &ended["SIPError"]), (id, &json!(486)));
    }
    demo.stops();
}
