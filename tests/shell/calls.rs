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
