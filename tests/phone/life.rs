//! How the phone starts and ends.

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stage::{Ear, PATIENCE, Peer, Phone, STOP, Stage};

/// So many of each kind that what one of them leaves open can't be taken for anything else.
const CALLS: usize = 20;

/// A phone that a configured account has registered with a peer.
fn registered() -> (Phone, Peer) {
    let mut peer = Peer::at("127.0.0.2");
    let phone = Phone::start(&peer.section());
    peer.registers(600);
    // The binding is on its way to the phone; once this is answered, it has come.
    peer.asks_for_options(phone.sip);
    (phone, peer)
}

#[test]
fn the_api_accepts_as_soon_as_the_phone_has_started() {
    let phone = Phone::start("");
    phone.tcp();
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it_and_what_to_change() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("bound").to_string();
    let mut phone = Phone::try_start(&format!("[sip]\nlisten = [\"{address}\"]\n"));
    let complaint = phone.says(&format!("neonphone: SIP can't listen on UDP {address}: "));
    let id = std::process::id();
    let way_out = format!(" ({id}) has that port; stop it, or choose another port (`listen` in [sip])");
    assert!(complaint.ends_with(&way_out), "{complaint}");
    assert_eq!(phone.end().code(), Some(1));

    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("bound").to_string();
    let mut phone = Phone::try_start(&format!("[api]\nlisten = [\"{address}\"]\n"));
    phone.says(&format!("neonphone: the control API can't listen on TCP {address}: "));
    assert_eq!(phone.end().code(), Some(1));
}

#[test]
fn the_threads_have_names_and_are_always_the_same() {
    let phone = Phone::start("");
    // Numbers of threads begin anew beyond the largest, so their order says nothing.
    let names = || phone.threads().into_iter().map(|(name, _)| name).collect::<BTreeSet<_>>();
    let expected: BTreeSet<String> =
        ["api", "hw", "log", "neonphone", "rtp-receive", "rtp-send", "sip", "sound", "work"]
            .map(String::from)
            .into();
    assert_eq!(phone.threads().len(), expected.len());
    // A thread names itself when it first runs, which may be after the phone said that all have started.
    let until = Instant::now() + PATIENCE;
    while names() != expected && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(names(), expected);
}

#[test]
fn what_calls_have_opened_is_closed_when_they_have_ended() {
    let mut stage = Stage::registered();
    let before = (stage.phone.descriptors(), stage.phone.threads().len());
    let ear = Ear::new();
    for number in 0..CALLS {
        let call = stage.calls(&ear);
        stage.hangs_up(&call);
        let mut call = stage.accepts_from(&format!("caller-{number}"), &ear);
        stage.is_hung_up(&mut call);
        let (_, invite) = stage.dials();
        stage.peer.answers(&invite, "486 Busy Here");
        stage.program.hears("OnFinalizedCall");
    }
    // Sockets are closed once both halves of a leg have ended, devices a while after that.
    let until = Instant::now() + PATIENCE;
    let now = || (stage.phone.descriptors(), stage.phone.threads().len());
    while now() != before && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(now(), before);
}

#[test]
fn as_many_programs_connect_as_configured_where_the_usual_descriptors_would_not_do() {
    // As the usual limit is: more to who asks.
    let phone = Phone::start_with_limit("-S -n 64", "[api]\nmax_connections = 80\n");
    let programs: Vec<_> = (0..80).map(|_| phone.stranger()).collect();
    assert!(programs.len() < phone.descriptors());
}

#[test]
fn a_call_has_sound_though_no_descriptor_is_left() {
    let phone = Phone::start_with_limit("-n 64", "[api]\nmax_connections = 80\n");
    let mut peer = Peer::new();
    let mut program = phone.program();
    program.registers(&mut peer);
    let _programs: Vec<_> = (phone.descriptors()..64).map(|_| phone.stranger()).collect();
    assert_eq!(phone.descriptors(), 64);

    let mut ear = Ear::new();
    let mut dialog = peer.calls(phone.sip, "call", &ear.sdp());
    let call = program.hears("OnNewCall")["callId"].clone();
    program.asks("acceptcall", json!({ "callid": call }));
    dialog.learns_from(&peer.hears("200"));
    peer.sends_in(&mut dialog, "ACK", "", "");
    ear.hears();
}

#[test]
fn sigterm_and_sigint_stop_it_in_order_within_two_seconds() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut phone = Phone::start("");
        let asked = Instant::now();
        phone.signal(signal);
        let log = phone.last_words();
        assert_eq!(phone.end().code(), Some(0));
        assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[test]
fn a_registered_phone_disconnects_before_it_ends() {
    let mut peer = Peer::at("127.0.0.2");
    let mut phone = Phone::start(&peer.section());
    let register = peer.hears("REGISTER");
    assert_eq!(register.from, phone.sip, "by the socket that it listens on");
    assert!(register.field("Via").starts_with(&format!("SIP/2.0/UDP {};", phone.sip)), "{}", register.text);
    assert!(register.target().starts_with(&format!("sip:1000@{}", phone.sip)), "{}", register.text);
    peer.binds(&register, 600);
    peer.asks_for_options(phone.sip);

    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    peer.unbinds();
    assert_eq!(phone.end().code(), Some(0));
    assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
}

#[test]
fn neither_a_silent_registrar_nor_a_silent_program_keeps_it_from_ending() {
    let (mut phone, mut peer) = registered();
    // It doesn't read, and so doesn't answer the phone's close frame.
    let _silent = phone.program();
    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    peer.hears("REGISTER");
    assert_eq!(phone.end().code(), Some(0));
    assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let (mut phone, mut peer) = registered();
    phone.signal(Signal::SIGTERM);
    peer.hears("REGISTER");
    let asked = Instant::now();
    phone.signal(Signal::SIGINT);
    assert_eq!(phone.end().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
}

#[test]
fn a_log_that_nobody_reads_any_more_does_no_harm() {
    let mut phone = Phone::start("");
    phone.stop_listening();
    phone.tcp();
    phone.signal(Signal::SIGTERM);
    assert_eq!(phone.end().code(), Some(0));
}
