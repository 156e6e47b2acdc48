//! How the phone starts and ends.

use std::io::{Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;

use crate::process::{PATIENCE, Phone, QUIET};
use crate::server::Server;

#[test]
fn the_api_accepts_as_soon_as_the_phone_has_started() {
    let phone = Phone::start(QUIET);
    let (api, _) = phone.ready();
    TcpStream::connect(api).expect("it accepts");
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it_and_what_to_change() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("bound").to_string();
    let config =
        QUIET.replace("[sip]\n    listen = [\"127.0.0.1:0\"]", &format!("[sip]\nlisten = [\"{address}\"]"));
    let mut phone = Phone::start(&config);
    let complaint = phone.says(&format!("neonphone: SIP can't listen on UDP {address}: "));
    let id = std::process::id();
    let way_out = format!(" ({id}) has that port; stop it, or choose another port (`listen` in [sip])");
    assert!(complaint.ends_with(&way_out), "{complaint}");
    assert_eq!(phone.end().code(), Some(1));
}

#[test]
fn the_threads_have_names_and_are_always_the_same() {
    let phone = Phone::start(QUIET);
    phone.ready();
    let names = || phone.threads().into_iter().map(|(name, _)| name).collect::<Vec<_>>();
    let expected = ["neonphone", "log", "work", "api", "sip", "rtp-receive", "rtp-send", "sound", "hw"];
    assert_eq!(names().len(), expected.len());
    // A thread names itself when it first runs, which may be after the phone said that all have started.
    let until = Instant::now() + PATIENCE;
    while names() != expected && Instant::now() < until {
        std::thread::yield_now();
    }
    assert_eq!(names(), expected);
}

#[test]
fn sigterm_and_sigint_stop_it_in_order_within_two_seconds() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut phone = Phone::start(QUIET);
        phone.ready();
        let asked = Instant::now();
        phone.signal(signal);
        let log = phone.last_words();
        assert_eq!(phone.end().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
        assert!(!log.contains("ERROR"), "{log}");
    }
}

#[test]
fn a_registered_phone_disconnects_before_it_ends() {
    let mut server = Server::new("127.0.0.2");
    let mut phone = Phone::start(&[QUIET, &server.account()].concat());
    let (_, sip) = phone.ready();

    let register = server.request("REGISTER");
    assert_eq!(register.from, sip, "by the socket that it listens on");
    assert!(register.text.contains(&format!("Via: SIP/2.0/UDP {sip};")), "{}", register.text);
    assert!(register.text.contains(&format!("<sip:1000@{sip}")), "{}", register.text);
    server.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");

    // An answer is on its way to the phone only once another request has been answered after it.
    server.send(sip, &server.options(sip));
    server.response("200");

    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    let farewell = server.request("REGISTER");
    assert!(
        farewell.text.contains("Expires: 0\r\n") || farewell.text.contains(";expires=0"),
        "{}",
        farewell.text
    );
    server.answer(&farewell, "200 OK", "");
    assert_eq!(phone.end().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

#[test]
fn neither_a_silent_registrar_nor_a_silent_program_keeps_it_from_ending() {
    let mut server = Server::new("127.0.0.1");
    let mut phone = Phone::start(&[QUIET, &server.account()].concat());
    let (api, sip) = phone.ready();
    let _program = program_that_never_closes(api);
    let register = server.request("REGISTER");
    server.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");
    server.send(sip, &server.options(sip));
    server.response("200");

    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    server.request("REGISTER");
    let status = phone.end();
    println!("ended after {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

/// A WebSocket whose program doesn't answer a close frame.
fn program_that_never_closes(api: SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(api).expect("it accepts");
    let head = "GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
                Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n";
    stream.write_all(head.as_bytes()).expect("written");
    let mut answer = [0; 12];
    stream.read_exact(&mut answer).expect("an answer");
    assert_eq!(&answer, b"HTTP/1.1 101");
    stream
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut server = Server::new("127.0.0.1");
    let mut phone = Phone::start(&[QUIET, &server.account()].concat());
    let (_, sip) = phone.ready();
    let register = server.request("REGISTER");
    server.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");
    server.send(sip, &server.options(sip));
    server.response("200");

    phone.signal(Signal::SIGTERM);
    server.request("REGISTER");
    let asked = Instant::now();
    phone.signal(Signal::SIGINT);
    assert_eq!(phone.end().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
}

#[test]
fn a_log_that_nobody_reads_any_more_does_no_harm() {
    let mut phone = Phone::start(QUIET);
    let (api, _) = phone.ready();
    phone.stop_listening();
    TcpStream::connect(api).expect("it accepts");
    phone.signal(Signal::SIGTERM);
    assert_eq!(phone.end().code(), Some(0));
}
