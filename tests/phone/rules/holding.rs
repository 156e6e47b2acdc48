//! Who speaks, holds and is muted: rules 17 and 18, and the events that tell of media.

use serde_json::{Value, json};

use crate::stage::{Call, Dialog, Ear, Message, Stage};

/// What `OnHoldCall` tells.
fn hold(call: &Call, hold: bool, by: &str, status: u16) -> Value {
    json!({ "callId": call.id, "hold": hold, "by": by, "SIPError": status })
}

/// The re-INVITE of a call, which offers sound in this direction.
fn hears_offer(stage: &mut Stage, call: &Call, direction: &str) -> Message {
    let offer = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    assert!(offer.body().contains(&format!("a={direction}\r\n")), "{}", offer.text);
    offer
}

/// The peer answers it so, and the phone acknowledges that.
fn answers_offer(stage: &mut Stage, offer: &Message, ear: &Ear, direction: &str) {
    let answer = ear.sdp_with(&format!("a={direction}\r\n"));
    stage.peer.answers_with(offer, "200 OK", &stage.peer.contact(), &answer);
    stage.peer.hears_of("ACK", offer.field("Call-ID"));
}

fn state_of(stage: &mut Stage, call: &Call) -> Value {
    let calls = stage.program.asks("getstate", json!({}))["calls"].clone();
    let is_it = |told: &&Value| told["callId"] == call.id;
    calls.as_array().expect("a list").iter().find(is_it).expect("it is listed").clone()
}

/// The program holds a call; the peer takes that.
fn holds(stage: &mut Stage, call: &Call, ear: &Ear) {
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let offer = hears_offer(stage, call, "sendonly");
    answers_offer(stage, &offer, ear, "recvonly");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(call, true, "local", 0));
}

#[test]
fn rule_18_a_hold_is_offered_and_told_once_and_so_is_its_end() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    ear.converses(call.rtp, 10);
    holds(&mut stage, &call, &ear);
    assert_eq!(state_of(&mut stage, &call)["hold"], "local");
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": "true" }));
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);

    stage.program.asks("sethold", json!({ "callid": call.id, "hold": false }));
    let offer = hears_offer(&mut stage, &call, "sendrecv");
    answers_offer(&mut stage, &offer, &ear, "sendrecv");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, false, "local", 0));
    assert_eq!(state_of(&mut stage, &call)["hold"], "none");
    ear.converses_soon(call.rtp);
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": false }));
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_18_a_hold_that_the_peer_refuses_is_told_with_the_state_that_stays() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let call = stage.calls(&ear);
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let offer = hears_offer(&mut stage, &call, "sendonly");
    stage.peer.answers(&offer, "488 Not Acceptable Here");
    stage.peer.hears("ACK");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, false, "local", 488));
    assert_eq!(state_of(&mut stage, &call)["hold"], "none");

    holds(&mut stage, &call, &ear);
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": false }));
    let offer = hears_offer(&mut stage, &call, "sendrecv");
    stage.peer.answers(&offer, "488 Not Acceptable Here");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, true, "local", 488));
    assert_eq!(state_of(&mut stage, &call)["hold"], "local");
}

#[test]
fn rule_18_a_hold_that_meets_the_peers_own_offer_is_offered_again() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    // Ada's call: she may wait longer than the phone (RFC 3261 §14.1), which tries within 2 s.
    let call = stage.accepts(&ear);
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let offer = hears_offer(&mut stage, &call, "sendonly");
    stage.peer.answers(&offer, "491 Request Pending");
    stage.peer.hears("ACK");
    stage.program.hears_no_more();
    let offer = hears_offer(&mut stage, &call, "sendonly");
    answers_offer(&mut stage, &offer, &ear, "recvonly");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, true, "local", 0));
}

#[test]
fn rule_18_the_peers_hold_is_told_as_remote_and_both_hold_apart() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let mut call = stage.accepts(&ear);
    for (direction, answered) in [("sendonly", "recvonly"), ("inactive", "inactive")] {
        let offer = ear.sdp_with(&format!("a={direction}\r\n"));
        for _ in 0..2 {
            offers(&mut stage, &mut call, &offer, answered);
        }
        assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, true, "remote", 0));
        assert_eq!(state_of(&mut stage, &call)["hold"], "remote");
        offers(&mut stage, &mut call, &ear.sdp(), "sendrecv");
        assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, false, "remote", 0));
        stage.program.hears_no_more();
    }

    // As phones held before RFC 3264 (§8.4).
    let old = ear.sdp().replace("c=IN IP4 127.0.0.1", "c=IN IP4 0.0.0.0");
    offers(&mut stage, &mut call, &old, "");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, true, "remote", 0));
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let offer = hears_offer(&mut stage, &call, "inactive");
    answers_offer(&mut stage, &offer, &ear, "inactive");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&call, true, "local", 0));
    assert_eq!(state_of(&mut stage, &call)["hold"], "both");
}

/// The peer offers anew, and the phone's answer has this direction.
fn offers(stage: &mut Stage, call: &mut Call, offer: &str, answered: &str) {
    let contact = stage.peer.contact();
    stage.peer.sends_in(&mut call.dialog, "INVITE", &contact, offer);
    let answer = stage.peer.hears_of("200", &call.dialog.call_id);
    stage.peer.sends_in(&mut call.dialog, "ACK", "", "");
    assert!(answer.body().contains(&format!("a={answered}")), "{}", answer.text);
}

#[test]
fn rule_18_a_muted_call_sends_silence_and_a_change_is_told_once() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    ear.converses(call.rtp, 10);
    for (mute, changes) in [(false, false), (true, true), (true, false), (false, true), (false, false)] {
        stage.program.asks("mutecall", json!({ "callid": call.id, "mute": mute }));
        assert_eq!(state_of(&mut stage, &call)["mute"], mute);
        if changes {
            let told = json!({ "calls": [{ "callId": call.id, "mute": mute }] });
            assert_eq!(stage.program.hears("OnStateChanged"), told);
        }
        stage.program.hears_no_more();
        // What was on its way may still come.
        ear.hears_all();
        let packets: Vec<usize> = (0..10).map(|_| ear.converse(call.rtp).loud()).collect();
        let is_silent = packets.iter().rev().take(5).all(|loud| *loud == 0);
        assert_eq!(is_silent, mute, "{packets:?}");
    }
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_18_a_100_and_a_repetition_give_no_progress_and_others_do_with_early_media_or_without() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    let mut ear = Ear::new();
    stage.peer.answers(&invite, "100 Trying");
    for _ in 0..2 {
        stage.peer.answers_with(&invite, "180 Ringing", &stage.peer.contact(), "");
    }
    let told = |status: u16, early: bool| json!({ "callId": call, "SIPError": status, "earlyMedia": early });
    assert_eq!(stage.program.hears("OnCallProgress"), told(180, false));
    stage.peer.answers_with(&invite, "183 Session Progress", &stage.peer.contact(), &ear.sdp());
    assert_eq!(stage.program.hears("OnCallProgress"), told(183, true));
    ear.hears();
    // What rings after it takes the sound from nobody.
    stage.peer.answers_with(&invite, "180 Ringing", &stage.peer.contact(), "");
    assert_eq!(stage.program.hears("OnCallProgress"), told(180, true));
    stage.program.hears_no_more();
}

#[test]
fn rule_18_media_are_lost_after_5_s_from_the_answer_but_not_while_either_side_holds() {
    let mut stage = Stage::registered();
    let (held, mut mute) = (Ear::new(), Ear::new());
    let first = stage.calls(&held);
    holds(&mut stage, &first, &held);
    let mut second = stage.accepts(&held);
    offers(&mut stage, &mut second, &held.sdp_with("a=sendonly\r\n"), "recvonly");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&second, true, "remote", 0));

    // Nobody ever speaks here.
    let (id, invite) = stage.dials();
    let offer = hears_offer(&mut stage, &second, "inactive");
    answers_offer(&mut stage, &offer, &held, "inactive");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&second, true, "local", 0));
    stage.answers(&invite, &mute);
    assert_eq!(stage.program.hears("OnMediaLost"), json!({ "callId": id }));
    mute.hears_all();
    mute.converse(invite.rtp());
    assert_eq!(stage.program.hears("OnMediaBack"), json!({ "callId": id }));
    stage.program.hears_no_more();
}

#[test]
fn rule_17_one_call_speaks_and_what_was_held_stays_so() {
    let mut stage = Stage::registered();
    let (mut ear, mut other) = (Ear::new(), Ear::new());
    let first = stage.calls(&ear);

    // `startcall`: the hold is sent first, and the new call doesn't wait for its answer.
    let id = stage.program.asks("startcall", json!({ "number": "601" }))["callId"].clone();
    let offer = stage.peer.hears_next();
    assert_eq!((offer.kind(), offer.field("Call-ID")), ("INVITE", first.dialog.call_id.as_str()));
    assert!(offer.body().contains("a=sendonly\r\n"), "{}", offer.text);
    let invite = stage.peer.hears_next();
    assert!(invite.start().starts_with("INVITE sip:601@"), "{}", invite.text);
    assert_eq!(stage.program.hears("OnNewCall")["callId"], id);
    answers_offer(&mut stage, &offer, &ear, "recvonly");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&first, true, "local", 0));
    stage.answers(&invite, &other);
    let mut second = Call { id, rtp: invite.rtp(), dialog: Dialog::of(&invite) };
    stage.program.hears_no_more();
    other.converse(second.rtp);
    ear.hears_all();
    other.converses(second.rtp, 25);
    assert!(ear.hears_all().iter().all(|packet| packet.loud() == 0), "the microphone is heard in both");

    // `sethold` false: the other one is held.
    stage.program.asks("sethold", json!({ "callid": first.id, "hold": false }));
    let offer = hears_offer(&mut stage, &second, "sendonly");
    answers_offer(&mut stage, &offer, &other, "recvonly");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&second, true, "local", 0));
    let offer = hears_offer(&mut stage, &first, "sendrecv");
    answers_offer(&mut stage, &offer, &ear, "sendrecv");
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&first, false, "local", 0));

    // `acceptcall`: the one that speaks is held.
    let (mut dialog, told) = stage.is_called("ada", &Ear::new());
    stage.program.hears_no_more();
    stage.program.asks("acceptcall", json!({ "callid": told["callId"] }));
    let offer = hears_offer(&mut stage, &first, "sendonly");
    answers_offer(&mut stage, &offer, &ear, "recvonly");
    assert_eq!(stage.program.hears("OnAcceptCall")["callId"], told["callId"]);
    assert_eq!(stage.program.hears("OnHoldCall"), hold(&first, true, "local", 0));
    dialog.learns_from(&stage.peer.hears("200"));
    stage.peer.sends_in(&mut dialog, "ACK", "", "");

    // And stays so, when those that spoke are gone.
    stage.is_hung_up(&mut second);
    let mut third = Call { id: told["callId"].clone(), rtp: first.rtp, dialog };
    stage.is_hung_up(&mut third);
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
    assert_eq!(state_of(&mut stage, &first)["hold"], "local");
}

#[test]
fn rule_03_a_call_that_is_not_answered_can_not_be_held() {
    let mut stage = Stage::registered();
    let (call, _) = stage.dials();
    assert_eq!(stage.program.is_refused("sethold", json!({ "callid": call, "hold": true })), 102);
    assert_eq!(stage.program.is_refused("sethold", json!({ "callid": call, "hold": 1 })), 102);
    assert_eq!(stage.program.is_refused("sethold", json!({ "callid": call })), 102);
}
