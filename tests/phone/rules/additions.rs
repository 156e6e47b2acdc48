//! What the contract adds to the published API (part 3), as far as no rule is about it.

use serde_json::{Value, json};

use crate::stage::{Ear, Peer, Stage};

#[test]
fn part_3_seq_counts_the_events_of_each_connection_from_1_without_gaps() {
    let mut stage = Stage::new();
    stage.program.asks("sipregister", stage.peer.account());
    stage.peer.registers(3600);
    let seqs: Vec<Value> = (0..2).map(|_| stage.program.event()["seq"].clone()).collect();
    assert_eq!(seqs, [1, 2]);
    let mut late = stage.phone.program();
    assert_eq!(late.asks("getstate", json!({}))["seq"], 0);
    late.asks("startcall", json!({ "number": "600" }));
    assert_eq!((&late.event()["seq"], &stage.program.event()["seq"]), (&json!(1), &json!(3)));
    assert_eq!(stage.program.asks("getstate", json!({}))["seq"], 3);
}

#[test]
fn part_3_a_call_goes_out_with_headers_and_by_a_chosen_account() {
    let mut stage = Stage::new();
    let mut other = Peer::new();
    let chosen = stage.phone.program().registers(&mut other);
    stage.program.hears_of_registration(&chosen);
    stage.registers(3600);
    let headers = json!({ "X-Ticket": "4711", "User-to-User": "56a3;encoding=hex" });
    let call = json!({ "number": "600", "headers": &headers, "connectionId": chosen });
    let id = stage.program.asks("startcall", call)["callId"].clone();
    let told = stage.program.hears("OnNewCall");
    assert_eq!((&told["callId"], &told["connectionId"]), (&id, &chosen));
    assert_eq!(told["headers"], headers);
    let invite = other.hears("INVITE");
    assert_eq!((invite.field("X-Ticket"), invite.field("User-to-User")), ("4711", "56a3;encoding=hex"));

    for (parameters, code) in [
        (json!({ "number": "600", "headers": { "Route": "<sip:x>" } }), 102),
        (json!({ "number": "600", "headers": { "X-Ticket": 7 } }), 102),
        (json!({ "number": "600", "headers": { "X-Ticket": "a\r\nVia: x" } }), 102),
        (json!({ "number": "600", "headers": "X-Ticket: 7" }), 102),
        (json!({ "number": "600", "connectionId": 99 }), 102),
    ] {
        assert_eq!(stage.program.is_refused("startcall", parameters.clone()), code, "{parameters}");
    }
    let lost = Peer::new();
    let pending = stage.phone.program().asks("sipregister", lost.account())["connectionId"].clone();
    let call = json!({ "number": "600", "connectionId": pending });
    assert_eq!(stage.program.is_refused("startcall", call), 601);
}

#[test]
fn part_3_events_tell_the_headers_that_a_program_shows() {
    let mut stage = Stage::registered();
    let fields = "X-Ticket: 4711\r\nDiversion: <sip:1@a>\r\nDiversion: <sip:2@a>\r\nSubject: tea\r\n";
    stage.peer.calls_with(stage.phone.sip, "ada", fields, &Ear::new().sdp());
    let told = stage.program.hears("OnNewCall");
    assert_eq!(told["headers"], json!({ "X-Ticket": "4711", "Diversion": "<sip:1@a>, <sip:2@a>" }));
    assert_eq!(told["sipCallId"], format!("ada@{}", stage.peer.address()));
    assert_eq!(told["displayName"], "Ada");
}

#[test]
fn part_3_levels_are_told_to_who_asked_for_them_while_a_call_speaks() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let mut call = stage.calls(&ear);
    let mut watcher = stage.phone.program();
    watcher.asks("watchlevels", json!({ "watch": true }));
    ear.converses(call.rtp, 50);
    let levels = |told: Value| {
        assert_eq!(told["callId"], call.id);
        ["capture", "playback"].map(|role| told[role].as_i64().expect("whole dBFS"))
    };
    let told: Vec<[i64; 2]> = (0..6).map(|_| levels(watcher.hears("OnAudioLevel"))).collect();
    assert!(told.iter().flatten().all(|level| (-96..=0).contains(level)), "{told:?}");
    // Both tones are loud.
    assert!(told.iter().any(|[capture, _]| *capture > -20), "{told:?}");
    assert!(told.iter().any(|[_, playback]| *playback > -20), "{told:?}");
    stage.program.hears_no_more();

    watcher.asks("watchlevels", json!({ "watch": false }));
    while !watcher.has_heard_all() {
        watcher.hears("OnAudioLevel");
    }
    ear.converses(call.rtp, 25);
    watcher.hears_no_more();
    stage.is_hung_up(&mut call);
}
