//! What programs hear of registrations: rule 8. What takes its time is told in virtual time, in src/phone/phone/tests.rs:
//! that no answer is 408 after 32 s, that attempts go on in silence, and when a refused account is tried again.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Peer, Phone, Stage};

/// The story of a registration that comes to nothing: what it is told as.
fn fails(stage: &mut Stage, event: &str, status: u16) {
    let told = stage.program.hears(event);
    assert_eq!(told["SIPError"], status);
    assert_eq!(stage.program.hears("OnSIPRegisterFinalized"), told);
    stage.program.hears_no_more();
}

#[test]
fn rule_08_credentials_that_are_refused_twice_are_told_as_a_refusal() {
    let mut stage = Stage::new();
    stage.program.asks("sipregister", stage.peer.account());
    // The first asks for credentials; then they are refused twice.
    for nonce in ["one", "two", "three"] {
        let register = stage.peer.hears("REGISTER");
        stage.peer.challenges(&register, nonce);
    }
    fails(&mut stage, "OnSIPRegisterRefused", 401);
    assert_eq!(stage.program.asks("getstate", json!({}))["accounts"][0]["state"], "refused");
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_08_a_final_answer_that_would_not_change_is_a_refusal_with_its_status() {
    for status in ["403 Forbidden", "404 Not Found", "604 Does Not Exist Anywhere"] {
        let mut stage = Stage::new();
        stage.program.asks("sipregister", stage.peer.account());
        let register = stage.peer.hears("REGISTER");
        stage.peer.answers(&register, status);
        fails(&mut stage, "OnSIPRegisterRefused", status[..3].parse().expect("a status"));
    }
}

#[test]
fn rule_08_a_registration_that_is_unregistered_first_is_cancelled_with_487() {
    let mut stage = Stage::new();
    stage.program.asks("sipregister", stage.peer.account());
    let register = stage.peer.hears("REGISTER");
    stage.program.asks("sipunregister", json!({}));
    fails(&mut stage, "OnSIPRegisterCancelled", 487);
    // The binding that was made nevertheless is removed, silently.
    stage.peer.binds(&register, 600);
    stage.peer.unbinds();
    stage.peer.hears_no_more(stage.phone.sip);
    stage.program.hears_no_more();
    assert_eq!(stage.program.asks("getstate", json!({}))["accounts"], json!([]));
}

#[test]
fn rule_08_a_port_that_refuses_is_503_at_once() {
    let mut stage = Stage::new();
    let account = stage.peer.account();
    // Its socket closes, and the kernel refuses what is sent there (ICMP port unreachable).
    stage.peer = Peer::new();
    stage.program.asks("sipregister", account);
    fails(&mut stage, "OnSIPRegisterExpired", 503);
}

#[test]
fn rule_08_a_5xx_is_told_as_it_is_and_tried_again() {
    for status in ["500 Server Internal Error", "503 Service Unavailable"] {
        let mut stage = Stage::new();
        stage.program.asks("sipregister", stage.peer.account());
        let register = stage.peer.hears("REGISTER");
        stage.peer.answers_with(&register, status, "Retry-After: 1\r\n", "");
        fails(&mut stage, "OnSIPRegisterExpired", status[..3].parse().expect("a status"));
        assert_eq!(stage.program.asks("getstate", json!({}))["accounts"][0]["state"], "lost");
    }
}

#[test]
fn rule_08_register_finalized_may_be_kept_to_failures() {
    let mut stage = Stage::with("[api]\nregister_finalized = \"failure\"\n");
    stage.program.asks("sipregister", stage.peer.account());
    stage.peer.registers(600);
    stage.program.hears("OnSIPRegister");
    stage.program.hears_no_more();
    let mut other = Peer::new();
    stage.program.asks("sipregister", other.account());
    stage.peer.unbinds();
    let register = other.hears("REGISTER");
    other.answers(&register, "403 Forbidden");
    stage.program.hears("OnSIPUnRegister");
    fails(&mut stage, "OnSIPRegisterRefused", 403);
}

#[test]
fn rule_08_a_refresh_is_silent() {
    let mut stage = Stage::new();
    // The shortest that the phone keeps to: it refreshes after 5 s.
    stage.registers(6);
    let refresh = stage.peer.hears("REGISTER");
    stage.peer.binds(&refresh, 3600);
    stage.peer.hears_no_more(stage.phone.sip);
    stage.program.hears_no_more();
}

#[test]
fn rule_08_a_refresh_that_fails_says_what_a_first_registration_would() {
    let mut stage = Stage::new();
    let mut other = Peer::new();
    let mut program = stage.phone.program();
    stage.registers(6);
    program.hears("OnSIPRegister");
    program.hears("OnSIPRegisterFinalized");
    let lost = program.registers_for(&mut other, 6);
    stage.program.hears_of_registration(&lost);
    let refresh = stage.peer.hears("REGISTER");
    stage.peer.answers(&refresh, "403 Forbidden");
    fails(&mut stage, "OnSIPRegisterRefused", 403);
    let refresh = other.hears("REGISTER");
    other.answers(&refresh, "500 Server Internal Error");
    fails(&mut stage, "OnSIPRegisterExpired", 500);
}

#[test]
fn rule_08_a_disconnection_is_told_within_2_s_though_the_registrar_is_silent() {
    let mut stage = Stage::new();
    let id = stage.registers(600);
    let asked = Instant::now();
    stage.program.asks("sipunregister", json!({}));
    stage.peer.hears("REGISTER");
    let told = stage.program.hears("OnSIPUnRegister");
    // A second more, for a busy machine.
    assert!(asked.elapsed() < Duration::from_secs(3), "it took {:?}", asked.elapsed());
    assert_eq!(told, json!({ "connectionId": id, "SIPError": 0 }));
    stage.program.hears_no_more();
}

#[test]
fn rule_08_a_disconnection_is_told_once_the_registrar_has_answered() {
    let mut stage = Stage::new();
    let id = stage.registers(600);
    stage.program.asks("sipunregister", json!({}));
    stage.peer.unbinds();
    assert_eq!(stage.program.hears("OnSIPUnRegister"), json!({ "connectionId": id, "SIPError": 0 }));
    stage.program.hears_no_more();
}

#[test]
fn rule_08_a_configured_account_is_told_like_any_other() {
    let mut peer = Peer::new();
    let phone = Phone::start(&peer.section());
    let mut program = phone.program();
    let id = program.asks("getstate", json!({}))["accounts"][0]["connectionId"].clone();
    peer.registers(600);
    program.hears_of_registration(&id);
}
