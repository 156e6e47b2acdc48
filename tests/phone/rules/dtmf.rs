//! Keys, both ways: rule 12, and what rule 18 says of telling them.

use std::f64::consts::TAU;

use serde_json::json;

use crate::stage::{Call, Dialog, Ear, KEYS, Packet, Stage};

/// The keys by their events (RFC 4733 §3.2), and as their two tones (ITU-T Q.23).
const EVENTS: &str = "0123456789*#ABCD";
const KEYPAD: [&str; 4] = ["123A", "456B", "789C", "*0#D"];
const ROWS: [f64; 4] = [697.0, 770.0, 852.0, 941.0];
const COLUMNS: [f64; 4] = [1209.0, 1336.0, 1477.0, 1633.0];

/// The program calls 600, which answers, and knows events.
fn calls_who_knows_events(stage: &mut Stage, ear: &Ear) -> Call {
    let (id, invite) = stage.dials();
    stage.peer.answers_with(&invite, "200 OK", &stage.peer.contact(), &ear.sdp_with_keys());
    stage.peer.hears("ACK");
    stage.program.hears("OnAcceptCall");
    Call { id: id.into(), rtp: invite.rtp(), dialog: Dialog::of(&invite) }
}

/// Nothing but keys is to be heard.
fn mutes(stage: &mut Stage, call: &Call) {
    stage.program.asks("mutecall", json!({ "callid": call.id, "mute": true }));
    stage.program.hears("OnStateChanged");
}

/// A key as events tell it.
struct Pressed {
    key: char,
    began: u32,
    samples: u32,
}

/// The next so many keys, until the last end of each has come three times (RFC 4733 §2.5.1.4).
fn hears_events(ear: &mut Ear, count: usize) -> Vec<Pressed> {
    let mut keys: Vec<Pressed> = Vec::new();
    let mut ends = 0;
    while ends < count * 3 {
        let Packet { payload_type, timestamp, payload, .. } = ear.hears();
        if payload_type != KEYS {
            continue;
        }
        let [event, flags, high, low] = payload[..] else { panic!("an event of {} bytes", payload.len()) };
        let samples = u16::from_be_bytes([high, low]).into();
        let key = EVENTS.chars().nth(event.into()).expect("a key");
        ends += usize::from(flags >> 7);
        match keys.last_mut().filter(|last| last.began == timestamp) {
            Some(last) => last.samples = last.samples.max(samples),
            None => keys.push(Pressed { key, began: timestamp, samples }),
        }
    }
    keys
}

fn word(keys: &[Pressed]) -> String {
    keys.iter().map(|pressed| pressed.key).collect()
}

/// The keys that are heard as tones in so many packets.
fn hears_tones(ear: &mut Ear, packets: usize) -> String {
    let mut word = String::new();
    let mut last = None;
    for _ in 0..packets {
        let packet = ear.hears();
        assert_eq!(packet.payload_type, 0, "tones are sound");
        let key = key_of(&packet.payload);
        if key != last {
            word.extend(key);
        }
        last = key;
    }
    word
}

/// The key whose tones fill a packet.
fn key_of(payload: &[u8]) -> Option<char> {
    let samples: Vec<f64> = payload.iter().map(|byte| of_mu_law(*byte)).collect();
    let strength = |frequency: f64| {
        let (sine, cosine) = samples.iter().enumerate().fold((0.0, 0.0), |(sine, cosine), (at, sample)| {
            let angle = TAU * frequency * at as f64 / 8_000.0;
            (sine + sample * angle.sin(), cosine + sample * angle.cos())
        });
        (sine.powi(2) + cosine.powi(2)).sqrt() / samples.len() as f64
    };
    let strongest = |frequencies: [f64; 4]| {
        let strengths = frequencies.map(strength);
        let most = (0..4).max_by(|a, b| strengths[*a].total_cmp(&strengths[*b])).expect("four");
        // At the edge of a key a packet holds less of it.
        (strengths[most] > 1_000.0).then_some(most)
    };
    KEYPAD[strongest(ROWS)?].chars().nth(strongest(COLUMNS)?)
}

/// ITU-T G.711, as a sample of 16 bits.
fn of_mu_law(byte: u8) -> f64 {
    let byte = !byte;
    let magnitude = ((i32::from(byte & 0x0f) << 3) + 0x84) << ((byte >> 4) & 7);
    f64::from(if byte & 0x80 == 0 { magnitude - 0x84 } else { 0x84 - magnitude })
}

#[test]
fn rule_12_keys_go_out_as_events_of_100_ms_with_gaps_of_70_ms_and_are_not_told() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "1122*#" }));
    stage.program.asks("senddtmf", json!({ "callid": call.id, "dtmf": "AD" }));
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": 34 }));
    let keys = hears_events(&mut ear, 10);
    assert_eq!(word(&keys), "1122*#AD34");
    for pair in keys.windows(2) {
        let [key, next] = pair else { unreachable!("windows of two") };
        assert!((720..=880).contains(&key.samples), "{} lasts {} samples", key.key, key.samples);
        let gap = next.began.wrapping_sub(key.began).wrapping_sub(key.samples);
        assert!((560..4_000).contains(&gap), "{gap} samples after {}", key.key);
    }
    stage.program.hears_no_more();
}

#[test]
fn rule_12_a_comma_is_a_pause_of_2_s() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "1,2" }));
    let keys = hears_events(&mut ear, 2);
    assert_eq!(word(&keys), "12");
    let pause = keys[1].began.wrapping_sub(keys[0].began);
    assert!((16_000..24_000).contains(&pause), "{pause} samples");
}

#[test]
fn rule_12_keys_are_tones_where_no_events_were_negotiated() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    mutes(&mut stage, &call);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "159D*0" }));
    assert_eq!(hears_tones(&mut ear, 75), "159D*0");
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_12_an_accounts_setting_chooses_tones_where_events_were_negotiated() {
    let mut stage = Stage::configured("dtmf = \"inband\"\n");
    let mut ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    mutes(&mut stage, &call);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "7B" }));
    assert_eq!(hears_tones(&mut ear, 40), "7B");
}

#[test]
fn rule_12_an_accounts_setting_chooses_events_and_nothing_else() {
    let mut stage = Stage::configured("dtmf = \"rfc4733\"\n");
    let mut ear = Ear::new();
    let mut call = stage.calls(&ear);
    assert_eq!(stage.program.is_refused("senddtmf", json!({ "callid": call.id, "DTMF": "1" })), 102);
    stage.is_hung_up(&mut call);
    ear.hears_all();
    let call = calls_who_knows_events(&mut stage, &ear);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "1" }));
    assert_eq!(word(&hears_events(&mut ear, 1)), "1");
}

#[test]
fn rule_12_an_accounts_setting_chooses_info() {
    let mut stage = Stage::configured("dtmf = \"info\"\n");
    let ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    stage.program.asks("senddtmf", json!({ "callid": call.id, "DTMF": "5#" }));
    for key in ["5", "#"] {
        let info = stage.peer.hears("INFO");
        assert_eq!(info.field("Content-Type"), "application/dtmf-relay");
        assert!(info.body().starts_with(&format!("Signal={key}\r\n")), "{}", info.text);
        stage.peer.answers(&info, "200 OK");
    }
    stage.program.hears_no_more();
}

#[test]
fn rule_12_64_keys_wait_and_are_dropped_when_the_call_ends() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    let keys = |count: usize| json!({ "callid": call.id, "DTMF": "5".repeat(count) });
    assert_eq!(stage.program.is_refused("senddtmf", keys(65)), 102);
    stage.program.asks("senddtmf", keys(64));
    assert_eq!(stage.program.is_refused("senddtmf", keys(60)), 102);
    stage.hangs_up(&call);
    assert_eq!(stage.program.is_refused("senddtmf", keys(1)), 102);
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_12_there_are_no_keys_before_there_are_media_but_in_early_media() {
    let mut stage = Stage::registered();
    let (id, invite) = stage.dials();
    let key = json!({ "callid": id, "DTMF": "1" });
    assert_eq!(stage.program.is_refused("senddtmf", key.clone()), 102);
    stage.rings(&invite);
    assert_eq!(stage.program.is_refused("senddtmf", key.clone()), 102);
    let mut ear = Ear::new();
    stage.peer.answers_with(&invite, "183 Session Progress", &stage.peer.contact(), &ear.sdp_with_keys());
    assert_eq!(stage.program.hears("OnCallProgress")["earlyMedia"], true);
    stage.program.asks("senddtmf", key);
    assert_eq!(word(&hears_events(&mut ear, 1)), "1");

    let (_, told) = stage.is_called("ada", &Ear::new());
    assert_eq!(stage.program.is_refused("senddtmf", json!({ "callid": told["callId"], "DTMF": "1" })), 102);
}

#[test]
fn rule_12_what_is_no_key_is_102() {
    let mut stage = Stage::registered();
    let ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    for keys in
        [json!(""), json!("a"), json!("1d"), json!("1 2"), json!("E"), json!("+"), json!(null), json!(true)]
    {
        let refused = stage.program.is_refused("senddtmf", json!({ "callid": call.id, "DTMF": keys }));
        assert_eq!(refused, 102, "{keys}");
    }
    assert_eq!(stage.program.is_refused("senddtmf", json!({ "callid": call.id })), 102);
    assert_eq!(stage.program.is_refused("senddtmf", json!({ "callid": 99, "DTMF": "1" })), 102);
}

#[test]
fn rule_18_each_key_that_comes_is_told_once_though_its_packets_are_repeated_or_lost() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = calls_who_knows_events(&mut stage, &ear);
    // The phone knows its peer by now.
    for _ in 0..10 {
        ear.hears();
        ear.speak(call.rtp);
    }
    // Of the second key nothing but the last end comes; the third is the second again.
    let all: &[(u16, bool)] =
        &[(160, false), (320, false), (480, false), (800, true), (800, true), (800, true)];
    let last = &all[5..];
    for (number, (key, packets)) in [(1, all), (11, last), (11, all), (15, all)].into_iter().enumerate() {
        let began = 10_000 + 2_000 * u32::try_from(number).expect("small");
        for (samples, ends) in packets {
            ear.presses(call.rtp, key, began, *samples, *ends);
        }
        let key = &EVENTS[usize::from(key)..=usize::from(key)];
        assert_eq!(stage.program.hears("OnDTMF"), json!({ "callId": call.id, "DTMF": key }));
    }
    stage.program.hears_no_more();
}

#[test]
fn rule_18_a_key_that_comes_by_info_is_told() {
    let mut stage = Stage::registered();
    let mut call = stage.calls(&Ear::new());
    for (content_type, body, key) in
        [("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", "5"), ("application/dtmf", "#", "#")]
    {
        let fields = format!("Content-Type: {content_type}\r\n");
        stage.peer.sends_in(&mut call.dialog, "INFO", &fields, body);
        stage.peer.hears_of("200", " INFO\r\n");
        assert_eq!(stage.program.hears("OnDTMF"), json!({ "callId": call.id, "DTMF": key }));
    }
    stage.program.hears_no_more();
}
