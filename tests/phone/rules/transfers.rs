//! Transfers, both ways: rule 11. That 60 s of silence are a failure is told in src/phone/phone/tests.rs.

use serde_json::{Value, json};

use crate::stage::{Call, Ear, Message, Peer, Stage};

/// The program transfers a call to 601, the peer takes the hold, and hears the REFER.
fn refers(stage: &mut Stage, call: &Call, ear: &Ear) -> Message {
    stage.program.asks("transferecall", json!({ "callid": call.id, "to": "601" }));
    let offer = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    assert!(offer.body().contains("a=sendonly\r\n"), "{}", offer.text);
    stage.peer.answers_with(&offer, "200 OK", &stage.peer.contact(), &ear.sdp_with("a=recvonly\r\n"));
    assert_eq!(stage.program.hears("OnHoldCall")["hold"], true);
    let refer = stage.peer.hears("REFER");
    let target = format!("sip:601@{}", stage.peer.address());
    assert!(refer.field("Refer-To").contains(&target), "{}", refer.text);
    assert!(refer.field("Referred-By").contains("sip:1000@"), "{}", refer.text);
    refer
}

/// The peer tells how the transfer goes, by RFC 3515 §2.4.5.
fn notifies(stage: &mut Stage, call: &mut Call, state: &str, status: &str) {
    let fields = format!(
        "Event: refer\r\nSubscription-State: {state}\r\nContent-Type: message/sipfrag;version=2.0\r\n{}",
        stage.peer.contact()
    );
    stage.peer.sends_in(&mut call.dialog, "NOTIFY", &fields, &format!("SIP/2.0 {status}\r\n"));
    stage.peer.hears_of("200", " NOTIFY\r\n");
}

/// The call returns to speech.
fn resumes(stage: &mut Stage, call: &Call, ear: &Ear) {
    let offer = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    assert!(offer.body().contains("a=sendrecv\r\n"), "{}", offer.text);
    stage.peer.answers_with(&offer, "200 OK", &stage.peer.contact(), &ear.sdp());
    let told = json!({ "callId": call.id, "hold": false, "by": "local", "SIPError": 0 });
    assert_eq!(stage.program.hears("OnHoldCall"), told);
}

fn is_transferred(stage: &mut Stage, call: &Value, status: u16) {
    let told = stage.program.hears("OnTransferredCall");
    assert_eq!(&told["callId"], call);
    let ended = stage.program.hears("OnFinalizedCall");
    assert_eq!((&ended["callId"], &ended["SIPError"]), (call, &json!(status)));
    assert_eq!(told["to"], ended["to"], "it stays the call's own");
    stage.program.hears_no_more();
}

#[test]
fn rule_11_an_answered_call_is_held_and_referred_and_ends_when_the_target_has_answered() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let mut call = stage.calls(&ear);
    let refer = refers(&mut stage, &call, &ear);
    stage.peer.answers(&refer, "202 Accepted");
    for status in ["100 Trying", "180 Ringing"] {
        notifies(&mut stage, &mut call, "active;expires=60", status);
    }
    stage.program.hears_no_more();
    notifies(&mut stage, &mut call, "terminated;reason=noresource", "200 OK");
    is_transferred(&mut stage, &call.id, 0);
    let bye = stage.peer.hears("BYE");
    stage.peer.answers(&bye, "200 OK");
}

#[test]
fn rule_11_a_bye_after_the_202_is_success_unless_a_failure_is_told_within_a_second() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    for fails in [false, true] {
        let mut call = stage.calls(&ear);
        let refer = refers(&mut stage, &call, &ear);
        stage.peer.answers(&refer, "202 Accepted");
        stage.peer.sends_in(&mut call.dialog, "BYE", "", "");
        stage.peer.hears_of("200", " BYE\r\n");
        if fails {
            notifies(&mut stage, &mut call, "terminated", "603 Decline");
            let told = json!({ "callId": call.id, "SIPError": 603 });
            assert_eq!(stage.program.hears("OnTransferFailed"), told);
            assert_eq!(stage.program.hears("OnFinalizedCall")["callId"], call.id);
            stage.program.hears_no_more();
        } else {
            is_transferred(&mut stage, &call.id, 0);
        }
    }
}

#[test]
fn rule_11_a_transfer_that_fails_is_told_and_the_call_returns_to_speech() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let mut call = stage.calls(&ear);
    let refer = refers(&mut stage, &call, &ear);
    stage.peer.answers(&refer, "202 Accepted");
    notifies(&mut stage, &mut call, "terminated", "486 Busy Here");
    assert_eq!(stage.program.hears("OnTransferFailed"), json!({ "callId": call.id, "SIPError": 486 }));
    resumes(&mut stage, &call, &ear);

    let refer = refers(&mut stage, &call, &ear);
    stage.peer.answers(&refer, "603 Decline");
    assert_eq!(stage.program.hears("OnTransferFailed"), json!({ "callId": call.id, "SIPError": 603 }));
    resumes(&mut stage, &call, &ear);
    stage.program.hears_no_more();
    stage.is_hung_up(&mut call);
}

#[test]
fn rule_11_a_call_that_was_held_is_held_again_when_its_transfer_fails() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let call = stage.calls(&ear);
    stage.program.asks("sethold", json!({ "callid": call.id, "hold": true }));
    let offer = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    stage.peer.answers_with(&offer, "200 OK", &stage.peer.contact(), &ear.sdp_with("a=recvonly\r\n"));
    stage.peer.hears_of("ACK", &call.dialog.call_id);
    stage.program.hears("OnHoldCall");
    // The other spelling, too (rule 2).
    stage.program.asks("transfercall", json!({ "callid": call.id, "to": "sip:601@other.example" }));
    let refer = stage.peer.hears("REFER");
    assert!(refer.field("Refer-To").contains("sip:601@other.example"), "{}", refer.text);
    stage.peer.answers(&refer, "403 Forbidden");
    assert_eq!(stage.program.hears("OnTransferFailed"), json!({ "callId": call.id, "SIPError": 403 }));
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
    assert_eq!(stage.program.asks("getstate", json!({}))["calls"][0]["hold"], "local");
}

#[test]
fn rule_11_a_ringing_call_is_redirected_by_302() {
    let mut stage = Stage::registered();
    let (_, told) = stage.is_called("ada", &Ear::new());
    stage.program.asks("transferecall", json!({ "callid": told["callId"], "to": "601" }));
    let redirection = stage.peer.hears("302");
    assert_eq!(redirection.target(), format!("sip:601@{}", stage.peer.address()));
    is_transferred(&mut stage, &told["callId"], 302);
}

#[test]
fn rule_11_a_ringing_call_is_answered_and_referred_for_servers_that_ignore_redirections() {
    let mut stage = Stage::registered_with("[calls]\nringing_transfer = \"answer\"\n");
    let ear = Ear::new();
    let (mut dialog, told) = stage.is_called("ada", &ear);
    let id = told["callId"].clone();
    stage.program.asks("transferecall", json!({ "callid": id, "to": "601" }));
    let answer = stage.peer.hears("200");
    dialog.learns_from(&answer);
    stage.peer.sends_in(&mut dialog, "ACK", "", "");
    assert_eq!(stage.program.hears("OnAcceptCall")["callId"], id);
    let offer = stage.peer.hears("INVITE");
    stage.peer.answers_with(&offer, "200 OK", &stage.peer.contact(), &ear.sdp_with("a=recvonly\r\n"));
    stage.program.hears("OnHoldCall");
    let refer = stage.peer.hears("REFER");
    stage.peer.answers(&refer, "202 Accepted");
    let mut call = Call { id, rtp: answer.rtp(), dialog };
    notifies(&mut stage, &mut call, "terminated", "200 OK");
    is_transferred(&mut stage, &call.id, 0);
}

#[test]
fn rule_11_an_outgoing_call_that_rings_can_not_be_transferred() {
    let mut stage = Stage::registered();
    let (id, invite) = stage.dials();
    stage.rings(&invite);
    assert_eq!(stage.program.is_refused("transferecall", json!({ "callid": id, "to": "601" })), 102);
    stage.answers(&invite, &Ear::new());
    stage.peer.hears_no_more(stage.phone.sip);
    for to in ["", "sips:601@pbx.example", "601@", "sip:601@pbx.example?x=y"] {
        assert_eq!(stage.program.is_refused("transferecall", json!({ "callid": id, "to": to })), 102, "{to}");
    }
    assert_eq!(stage.program.is_refused("transferecall", json!({ "callid": id })), 102);
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_11_a_refer_is_followed_by_a_new_call_and_the_old_one_ends_by_its_bye() {
    let mut stage = Stage::registered();
    let mut call = stage.accepts(&Ear::new());
    let target = Peer::new();
    let fields = format!(
        "Refer-To: <sip:601@{}>\r\nReferred-By: <sip:ada@{}>\r\n{}",
        target.address(),
        stage.peer.address(),
        stage.peer.contact()
    );
    stage.peer.sends_in(&mut call.dialog, "REFER", &fields, "");
    stage.peer.hears("202");
    let told = stage.program.hears("OnNewCall");
    assert_eq!(told["type"], "outgoing");
    assert_eq!(told["to"], format!("sip:601@{}", target.address()));

    let invite = stage.peer.hears_of("INVITE", "INVITE sip:601@");
    assert!(invite.field("Referred-By").contains(&format!("sip:ada@{}", stage.peer.address())));
    is_notified(&mut stage, "100");
    stage.rings(&invite);
    is_notified(&mut stage, "180");
    stage.peer.answers_with(&invite, "200 OK", &stage.peer.contact(), &Ear::new().sdp());
    stage.peer.hears_of("ACK", invite.field("Call-ID"));
    assert_eq!(stage.program.hears("OnAcceptCall")["callId"], told["callId"]);
    // The new call speaks, so the old one is held (rule 17) until its peer, who hears then how it went, leaves.
    let offer = stage.peer.hears_of("INVITE", &call.dialog.call_id);
    stage.peer.answers_with(&offer, "200 OK", &stage.peer.contact(), &Ear::new().sdp_with("a=recvonly\r\n"));
    assert_eq!(stage.program.hears("OnHoldCall")["callId"], call.id);
    let last = is_notified(&mut stage, "200");
    assert!(last.field("Subscription-State").starts_with("terminated"), "{}", last.text);
    stage.is_hung_up(&mut call);
    stage.program.hears_no_more();
}

/// The phone tells of the target's answer.
fn is_notified(stage: &mut Stage, status: &str) -> Message {
    let notify = stage.peer.hears_of("NOTIFY", &format!("\r\n\r\nSIP/2.0 {status} "));
    assert!(notify.field("Event").starts_with("refer"), "{}", notify.text);
    stage.peer.answers(&notify, "200 OK");
    notify
}
