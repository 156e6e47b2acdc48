//! What programs hear of calls: rule 9, and who may ring. That a call which nothing answers ends with 408 is told in
//! src/phone/phone/tests.rs.

use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stage::{Call, Dialog, Ear, Peer, Stage};

#[test]
fn rule_09_a_refused_call_ends_with_the_status_that_refused_it() {
    let mut stage = Stage::registered();
    for status in [
        "404 Not Found",
        "480 Temporarily Unavailable",
        "486 Busy Here",
        "488 Not Acceptable Here",
        "603 Decline",
    ] {
        let (call, invite) = stage.dials();
        stage.peer.answers(&invite, status);
        stage.peer.hears("ACK");
        let ended = stage.program.hears("OnFinalizedCall");
        let expected = (json!(call), json!(status[..3].parse::<u16>().expect("a status")), json!(0));
        assert_eq!((ended["callId"].clone(), ended["SIPError"].clone(), ended["duration"].clone()), expected);
    }
    stage.program.hears_no_more();
}

#[test]
fn rule_09_a_call_that_the_program_cancels_ends_with_487_and_one_that_the_caller_cancels_too() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    stage.rings(&invite);
    stage.program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 487);
    let cancel = stage.peer.hears("CANCEL");
    stage.peer.answers(&cancel, "200 OK");
    stage.peer.answers(&invite, "487 Request Terminated");
    stage.peer.hears("ACK");

    let (mut dialog, told) = stage.is_called("ada", &Ear::new());
    dialog.to = "<sip:1000@phone.example>".into();
    stage.peer.sends_in(&mut dialog, "CANCEL", "", "");
    let ended = stage.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (&told["callId"], &json!(487)));
    stage.program.hears_no_more();
}

#[test]
fn rule_09_duration_counts_from_the_answer() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    let mut ear = Ear::new();
    stage.rings(&invite);
    std::thread::sleep(Duration::from_millis(300));
    let rung = Instant::now();
    stage.answers(&invite, &ear);
    let answered = Instant::now();
    ear.converses(invite.rtp(), 10);
    let least = answered.elapsed().as_millis();
    stage.program.asks("finalizecall", json!({ "callid": call }));
    let ended = stage.program.hears("OnFinalizedCall");
    let duration = u128::from(ended["duration"].as_u64().expect("a number"));
    assert!((least..=rung.elapsed().as_millis()).contains(&duration), "{duration} ms, at least {least} ms");
}

#[test]
fn rule_09_finalizecall_takes_effect_at_once_though_the_peer_is_silent() {
    let mut stage = Stage::registered();
    for answered in [false, true] {
        let (call, invite) = stage.dials();
        if answered {
            stage.answers(&invite, &Ear::new());
        }
        stage.program.asks("finalizecall", json!({ "callid": call }));
        let status = if answered { 0 } else { 487 };
        assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], status);
        assert_eq!(stage.program.asks("getstate", json!({}))["calls"], json!([]));
    }
    stage.peer.hears("BYE");
}

#[test]
fn rule_09_an_answer_that_crosses_a_cancel_is_acknowledged_and_hung_up_silently() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    stage.rings(&invite);
    stage.program.asks("finalizecall", json!({ "callid": call }));
    stage.program.hears("OnFinalizedCall");
    let cancel = stage.peer.hears("CANCEL");
    stage.peer.answers_with(&invite, "200 OK", &stage.peer.contact(), &Ear::new().sdp());
    stage.peer.answers(&cancel, "481 Call/Transaction Does Not Exist");
    stage.peer.hears("ACK");
    let bye = stage.peer.hears("BYE");
    stage.peer.answers(&bye, "200 OK");
    stage.peer.hears_no_more(stage.phone.sip);
    stage.program.hears_no_more();
}

#[test]
fn rule_09_two_byes_that_cross_end_a_call_once() {
    let mut stage = Stage::registered();
    let mut call = stage.calls(&Ear::new());
    stage.program.asks("finalizecall", json!({ "callid": call.id }));
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 0);
    let bye = stage.peer.hears("BYE");
    stage.peer.sends_in(&mut call.dialog, "BYE", "", "");
    stage.peer.hears("200");
    stage.peer.answers(&bye, "481 Call/Transaction Does Not Exist");
    stage.peer.hears_no_more(stage.phone.sip);
    stage.program.hears_no_more();
}

#[test]
fn rule_09_a_hang_up_that_crosses_a_hold_is_one_though_the_hold_is_answered_first() {
    let mut stage = Stage::registered();
    let mut call = stage.calls(&Ear::new());
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let hold = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    stage.peer.answers(&hold, "481 Call/Transaction Does Not Exist");
    stage.is_hung_up(&mut call);
    stage.program.hears_no_more();
}

#[test]
fn rule_09_a_call_that_is_answered_has_one_event_of_each_kind_whatever_is_repeated() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    stage.rings(&invite);
    let answer = Ear::new().sdp();
    for _ in 0..2 {
        stage.peer.answers_with(&invite, "200 OK", &stage.peer.contact(), &answer);
    }
    stage.peer.hears("ACK");
    assert_eq!(stage.program.hears("OnAcceptCall")["callId"], call);
    stage.peer.asks_for_options(stage.phone.sip);
    stage.program.hears_no_more();
    stage.is_hung_up(&mut Call { id: call.into(), rtp: invite.rtp(), dialog: Dialog::of(&invite) });

    let mut call = stage.accepts(&Ear::new());
    stage.peer.asks_for_options(stage.phone.sip);
    stage.program.hears_no_more();
    stage.is_hung_up(&mut call);
    stage.program.hears_no_more();
}

#[test]
fn rule_09_a_ringing_call_is_declined_with_the_configured_status() {
    for (config, status) in [
        ("", 486),
        ("[calls]\ndecline_status = 480\n", 480),
        ("[calls]\ndecline_status = 486\n", 486),
        ("[calls]\ndecline_status = 603\n", 603),
    ] {
        let mut stage = Stage::registered_with(config);
        let (_, told) = stage.is_called("ada", &Ear::new());
        stage.program.asks("finalizecall", json!({ "callid": told["callId"] }));
        assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], status);
        stage.peer.hears(&status.to_string());
    }
}

#[test]
fn rule_09_a_call_that_finds_the_phone_full_is_refused_without_an_event() {
    let mut stage = Stage::registered_with("[calls]\nmax = 1\n");
    stage.is_called("ada", &Ear::new());
    stage.peer.calls(stage.phone.sip, "bob", &Ear::new().sdp());
    stage.peer.hears("486");
    stage.program.hears_no_more();
}

#[test]
fn rule_09_calls_that_come_in_at_the_same_moment_all_ring() {
    let mut stage = Stage::registered();
    let names = ["ada", "bob", "eve", "joe"];
    // The phone sleeps over their INVITEs, and finds all of them at once.
    stage.phone.signal(Signal::SIGSTOP);
    for name in names {
        stage.peer.calls(stage.phone.sip, name, &Ear::new().sdp());
    }
    stage.phone.signal(Signal::SIGCONT);
    for name in names {
        stage.peer.hears_of("180", name);
        stage.program.hears("OnNewCall");
    }
}

#[test]
fn only_servers_of_accounts_and_configured_peers_may_ring() {
    let mut stage = Stage::registered_with("[calls]\npeers = [\"127.0.0.16/28\"]\n");
    for (address, may) in [("127.0.0.17", true), ("127.0.0.32", false)] {
        let mut peer = Peer::at(address);
        peer.calls(stage.phone.sip, "call", &Ear::new().sdp());
        if may {
            peer.hears("180");
            stage.program.hears("OnNewCall");
        } else {
            peer.hears("403");
        }
        stage.program.hears_no_more();
    }
}
