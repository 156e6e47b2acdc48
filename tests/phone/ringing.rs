//! What the phone's user hears of a call that comes in.

use crate::stage::{Ear, Stage};

#[test]
fn the_speaker_rings_where_nothing_else_does() {
    let mut stage = Stage::registered();
    rings_for_a_second(&mut stage);
    assert!(stage.stops(|_| ()).heard_ms() > 0, "it rang");
}

#[test]
fn a_ringer_rings_and_leaves_the_speaker_to_speech() {
    let mut stage = Stage::with_ringer();
    rings_for_a_second(&mut stage);
    let room = stage.stops(|_| ());
    assert!(room.loud_ms("ringer.wav") > 0, "it rang");
    assert_eq!(room.heard_ms(), 0, "the speaker was silent");
}

/// A call that gives up by itself (RFC 3261 §13.3.1).
fn rings_for_a_second(stage: &mut Stage) {
    let offer = Ear::new().sdp();
    stage.peer.calls_with(stage.phone.sip, "ada", "Expires: 1\r\n", &offer);
    stage.peer.hears("180");
    stage.program.hears("OnNewCall");
    assert_eq!(stage.program.hears("OnFinalizedCall")["SIPError"], 487);
    stage.peer.hears("487");
}
