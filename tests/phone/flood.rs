//! A flood of noise on the SIP socket: what it may not do to a call, and how long programs wait for replies meanwhile.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::stage::{Ear, Noise, Stage};

/// Packets of each call in the flood: three seconds.
const CALL: u16 = 150;

#[test]
fn calls_go_out_and_come_in_live_and_end_unharmed_in_a_flood_of_noise() {
    let mut stage = Stage::registered();
    let noise = Noise::start(stage.phone.sip, 7);
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    ear.converses(call.rtp, CALL);
    stage.hangs_up(&call);
    let mut ear = Ear::new();
    let mut call = stage.accepts(&ear);
    ear.converses(call.rtp, CALL);
    stage.is_hung_up(&mut call);

    let sent = noise.stop();
    assert!(sent > 10_000, "it was no flood: {sent} datagrams");
    let room = stage.stops(|_| ());
    assert!(room.heard_ms() > 4_000, "{} ms of what the peer said were played", room.heard_ms());
}

/// `make bench-flood`: 1,500 replies within 30 s of a call in a flood.
#[test]
#[ignore = "a measurement, which make bench-flood prints"]
fn delay_of_replies_in_a_flood() {
    let mut stage = Stage::registered();
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    for is_flooded in [false, true] {
        let began = Instant::now();
        let noise = is_flooded.then(|| Noise::start(stage.phone.sip, 7));
        let mut delays: Vec<Duration> = (0..1_500)
            .map(|_| {
                ear.converse(call.rtp);
                let asked = Instant::now();
                stage.program.asks("getstate", json!({}));
                asked.elapsed()
            })
            .collect();
        let rate = noise.map_or(0, Noise::stop) * 1_000 / began.elapsed().as_millis();
        delays.sort_unstable();
        let ms = |per_mille: usize| delays[(delays.len() - 1) * per_mille / 1_000].as_secs_f64() * 1_000.0;
        println!(
            "getstate in a call, {rate} datagrams of noise a second: median {:.2} ms, p99 {:.2} ms, max {:.2} ms",
            ms(500),
            ms(990),
            ms(1_000)
        );
    }
    stage.hangs_up(&call);
    stage.stops(|_| ());
}
