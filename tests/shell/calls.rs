//! Whole calls through the real binary: a program on one side, scripted SIP and RTP on the other, and noise.

use std::net::{SocketAddr, UdpSocket};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::process::{PATIENCE, Phone, QUIET};
use crate::program::{Program, user};
use crate::server::Server;

fn start() -> (Phone, SocketAddr, SocketAddr) {
    let phone = Phone::start(&[QUIET, &user()].concat());
    let (api, sip) = phone.ready();
    (phone, api, sip)
}

/// A program that has registered 1000 with `server`.
fn registered(api: SocketAddr, server: &mut Server) -> Program {
    let mut program = Program::new(api);
    let domain = server.address().to_string();
    program.ask("sipregister", json!({ "domain": domain, "number": "1000", "password": "pw1000" }));
    let register = server.request("REGISTER");
    server.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");
    assert_eq!(program.hear("OnSIPRegister")["SIPError"], 0);
    program
}

/// Places a call, speaks, and hangs up.
fn call(program: &mut Program, server: &mut Server, sip: SocketAddr) {
    let rtp = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
    rtp.set_read_timeout(Some(PATIENCE)).expect("set");
    let call = program.ask("startcall", json!({ "number": "600" }))["callId"].clone();
    assert_eq!(program.hear("OnNewCall")["callId"], call);

    let invite = server.request("INVITE");
    assert_eq!(invite.from, sip);
    assert!(invite.text.contains(&format!("c=IN IP4 {}\r\n", sip.ip())), "{}", invite.text);
    let media = invite.text.split_once("m=audio ").expect("an offer").1;
    let offered: u16 = media.split_once(' ').expect("a port").0.parse().expect("a number");
    server.answer(&invite, "180 Ringing", "");
    program.hear("OnCallProgress");
    let port = rtp.local_addr().expect("bound").port();
    let answer = format!(
        "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio {port} RTP/AVP 0\r\n"
    );
    let fields = format!("Contact: <sip:600@{}>\r\nContent-Type: application/sdp\r\n", server.address());
    server.answer_with(&invite, "200 OK", &fields, &answer);
    server.request("ACK");
    assert_eq!(program.hear("OnAcceptCall")["callId"], call);

    let mut packet = [0; 2048];
    for _ in 0..10 {
        let (length, from) = rtp.recv_from(&mut packet).expect("the phone speaks");
        assert_eq!((length, from), (172, SocketAddr::new(sip.ip(), offered)));
        assert_eq!(packet[0], 0x80, "RTP version 2");
    }

    program.ask("finalizecall", json!({ "callid": call }));
    assert_eq!(program.hear("OnFinalizedCall")["SIPError"], 0);
    let bye = server.request("BYE");
    server.answer(&bye, "200 OK", "");
}

#[test]
fn a_program_registers_calls_speaks_and_hangs_up() {
    let (_phone, api, sip) = start();
    let mut server = Server::new("127.0.0.1");
    let mut program = registered(api, &mut server);
    call(&mut program, &mut server, sip);
    call(&mut program, &mut server, sip);
}

/// Registers by way of `server`'s address, is called at another of the phone's, answers, and is hung up on.
fn be_called(any: &str, server_address: &str, called_address: &str) {
    let everywhere =
        QUIET.replace("[sip]\n    listen = [\"127.0.0.1:0\"]", &format!("[sip]\nlisten = [\"{any}:0\"]"));
    let phone = Phone::start(&[&everywhere, user().as_str()].concat());
    let (api, sip) = phone.ready();
    let mut server = Server::new(server_address);
    let mut program = registered(api, &mut server);

    let called = SocketAddr::new(called_address.parse().expect("an address"), sip.port());
    let own = server.address();
    let rtp = UdpSocket::bind((own.ip(), 0)).expect("a socket");
    rtp.set_read_timeout(Some(PATIENCE)).expect("set");
    let port = rtp.local_addr().expect("bound").port();
    let version = if own.is_ipv4() { 4 } else { 6 };
    let offer = format!(
        "v=0\r\no=- 1 1 IN IP{version} {0}\r\ns=-\r\nc=IN IP{version} {0}\r\nt=0 0\r\nm=audio {port} RTP/AVP 8 0\r\n",
        own.ip()
    );
    let request = |method: &str, sequence: &str, to: &str, body: &str| {
        format!(
            "{method} sip:1000@{called} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {own};branch=z9hG4bK{method}{sequence};rport\r\n\
             Max-Forwards: 70\r\n\
             From: <sip:2000@{own}>;tag=2000\r\n\
             To: {to}\r\n\
             Call-ID: call@{own}\r\n\
             CSeq: {sequence} {method}\r\n\
             Contact: <sip:2000@{own}>\r\n\
             Content-Type: application/sdp\r\n\
             Content-Length: {}\r\n\r\n{body}",
            body.len()
        )
    };
    server.send(called, &request("INVITE", "1", &format!("<sip:1000@{called}>"), &offer));
    let call = program.hear("OnNewCall")["callId"].clone();
    assert_eq!(server.response("180").from, called, "answered from where it was called");
    program.ask("acceptcall", json!({ "callid": call }));
    let answer = server.response("200");
    assert_eq!(answer.from, called);
    assert!(
        answer.text.contains(&format!("@{called}")),
        "the Contact is where it was called: {}",
        answer.text
    );
    assert!(answer.text.contains(&format!("c=IN IP{version} {}\r\n", called.ip())), "{}", answer.text);
    let to = answer.text.lines().find_map(|line| line.strip_prefix("To: ")).expect("a To").to_owned();
    server.send(called, &request("ACK", "1", &to, ""));
    let (length, _) = rtp.recv_from(&mut [0; 2048]).expect("the phone speaks");
    assert_eq!(length, 172);

    server.send(called, &request("BYE", "2", &to, ""));
    assert_eq!(server.response("200").from, called);
    assert_eq!(program.hear("OnFinalizedCall")["SIPError"], 0);
}

#[test]
fn a_call_to_any_of_the_phones_addresses_is_answered_from_there() {
    be_called("0.0.0.0", "127.0.0.3", "127.0.0.2");
}

#[test]
fn a_call_over_ipv6_is_answered_from_there() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return println!("skipped: this machine has no IPv6");
    }
    be_called("[::]", "::1", "::1");
}

#[test]
fn rule_8_a_port_that_refuses_is_told_at_once() {
    let (_phone, api, _) = start();
    let gone = Server::new("127.0.0.1").address().to_string();
    let mut program = Program::new(api);
    let asked = Instant::now();
    program.ask("sipregister", json!({ "domain": gone, "number": "1000", "password": "pw1000" }));
    assert_eq!(program.hear("OnSIPRegisterExpired")["SIPError"], 503);
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

/// Noise on the SIP socket, until it is dropped.
struct Flood {
    ends: Arc<AtomicBool>,
    sent: Arc<AtomicU64>,
    began: Instant,
    thread: Option<thread::JoinHandle<()>>,
}

/// Datagrams a second.
const NOISE: u32 = 10_000;

impl Flood {
    fn start(sip: SocketAddr) -> Self {
        let (ends, sent, began) =
            (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)), Instant::now());
        let (told, count) = (ends.clone(), sent.clone());
        let socket = UdpSocket::bind(("127.0.0.1", 0)).expect("a socket");
        let (_keep, tick) = std::sync::mpsc::channel::<()>();
        let thread = thread::spawn(move || {
            let _keep = _keep;
            let noise = [
                b"INVITE sip:1000@127.0.0.1 SIP/2.0\r\nVia: SIP/2.0/UDP".as_slice(),
                &[0xff; 200],
                b"\r\n\r\n",
                b"SIP/2.0 200 OK\r\nVia: SIP/2.0/UDP 127.0.0.1;branch=z9hG4bKnoise\r\nCSeq: 1 INVITE\r\n\r\n",
            ];
            for number in 0_u32.. {
                if told.load(Ordering::Relaxed) {
                    return;
                }
                // Ten every millisecond, and whatever a busy machine has made late.
                let due = began + Duration::from_secs(1) / NOISE * number;
                let early = due.saturating_duration_since(Instant::now());
                if early > Duration::from_millis(1) {
                    tick.recv_timeout(early).expect_err("nobody writes");
                }
                let piece = noise[number as usize % noise.len()];
                socket.send_to(piece, sip).expect("sent");
                count.fetch_add(1, Ordering::Relaxed);
            }
        });
        Self { ends, sent, began, thread: Some(thread) }
    }

    /// Ends it, and tells how many datagrams a second there were.
    fn end(mut self) -> u64 {
        self.ends.store(true, Ordering::Relaxed);
        self.thread.take().expect("it runs").join().expect("no panic");
        let millis = u64::try_from(self.began.elapsed().as_millis()).expect("a short while");
        self.sent.load(Ordering::Relaxed) * 1000 / millis.max(1)
    }
}

#[test]
fn a_flood_of_noise_harms_no_call() {
    let (_phone, api, sip) = start();
    let mut server = Server::new("127.0.0.1");
    let mut program = registered(api, &mut server);
    let flood = Flood::start(sip);
    for _ in 0..3 {
        call(&mut program, &mut server, sip);
        for _ in 0..100 {
            program.ask("getstate", json!({}));
        }
    }
    let rate = flood.end();
    println!("slowest reply of the API with {rate} datagrams of noise a second: {:?}", program.slowest_reply);
}
