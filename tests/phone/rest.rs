//! At rest no thread wakes but for a SIP timer.

use std::fs;
use std::sync::mpsc::channel;
use std::time::{Duration, Instant};

use crate::stage::{Ear, Phone, Stage};

/// When a phone that has registered over UDP rests: its transactions end by Timer K, after 5 s (RFC 3261 §17.1.2.2).
const SETTLED: Duration = Duration::from_secs(6);

/// And one that has called: its last transactions end by Timers L and M, after 64 * T1 (RFC 6026 §7.1), and its devices
/// have closed long before.
const SETTLED_AFTER_A_CALL: Duration = Duration::from_secs(34);

/// How often each thread wakes within `time`, while `story` goes on.
fn wakes_within(phone: &Phone, time: Duration, story: impl FnOnce()) -> Vec<(String, u64)> {
    let until = Instant::now() + time;
    let before = phone.threads();
    story();
    let (_keep, never) = channel::<()>();
    never.recv_timeout(until.saturating_duration_since(Instant::now())).expect_err("nobody writes");
    let after = phone.threads();
    after.into_iter().zip(before).map(|((name, after), (_, before))| (name, after - before)).collect()
}

/// What the kernel says of the phone's memory.
fn rollup(phone: &Phone) -> String {
    fs::read_to_string(format!("/proc/{}/smaps_rollup", phone.pid())).expect("it runs")
}

/// The lines that count: what the phone has to itself.
fn memory(phone: &Phone) -> String {
    let rollup = rollup(phone);
    let lines = rollup.lines().filter(|line| line.starts_with("Private_") || line.starts_with("Rss:"));
    lines.map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect::<Vec<_>>().join(", ")
}

#[test]
fn a_registered_phone_with_a_program_connected_sleeps() {
    let stage = Stage::registered();
    wakes_within(&stage.phone, SETTLED, || ());
    let wakes = wakes_within(&stage.phone, Duration::from_secs(3), || ());
    assert!(wakes.iter().all(|(_, count)| *count == 0), "a thread woke for nothing: {wakes:?}");
}

/// Memory that the phone has to itself and has written to, in KiB.
fn dirty_kib(phone: &Phone) -> u64 {
    let rollup = rollup(phone);
    let line =
        rollup.lines().find_map(|line| line.strip_prefix("Private_Dirty:")).expect("a line of the kernel's");
    line.split_whitespace().next().and_then(|kib| kib.parse().ok()).expect("a number")
}

#[test]
fn the_memory_of_a_passwords_check_is_given_back() {
    let phone = Phone::start("");
    let before = dirty_kib(&phone);
    let _programs = [(); 4].map(|()| phone.program());
    let grown = dirty_kib(&phone).saturating_sub(before);
    assert!(grown < 6 << 10, "grown by {grown} KiB; a check takes 12 MiB");
}

/// `make bench-rest`: what a phone at rest costs in a minute: after a call, with an hour's registration, and with one that
/// lasts 100 s and so is refreshed after 50.
#[test]
#[ignore = "a measurement of three minutes, which make bench-rest prints"]
fn a_minute_of_rest() {
    let minute = Duration::from_secs(60);
    let mut stage = Stage::registered();
    println!("registered: {}", memory(&stage.phone));
    let mut ear = Ear::new();
    let call = stage.calls(&ear);
    ear.converses(call.rtp, 50);
    stage.hangs_up(&call);
    wakes_within(&stage.phone, SETTLED_AFTER_A_CALL, || ());
    println!("wakes of each thread in 60 s: {:?}", wakes_within(&stage.phone, minute, || ()));
    println!("after a call: {}", memory(&stage.phone));

    let mut stage = Stage::new();
    stage.registers(100);
    wakes_within(&stage.phone, SETTLED, || ());
    let Stage { phone, peer, .. } = &mut stage;
    peer.be_patient(minute);
    let wakes = wakes_within(phone, minute, || {
        let refresh = peer.hears("REGISTER");
        peer.binds(&refresh, 100);
    });
    println!("with one refresh, which are three wakes of sip (it is due, its answer, Timer K): {wakes:?}");
}
