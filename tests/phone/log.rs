//! What the log says: SIP messages for whoever asks for them, why something failed in plain words, and strangers now and
//! then only. And that whoever reads it too slowly holds up nothing.

use std::io::{BufRead, BufReader};
use std::net::{SocketAddr, UdpSocket};
use std::process::{Child, ChildStderr, Stdio};

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stage::{ConfigFile, OPERATOR, Peer, Phone, Program, Stage, neonphone, user};

#[test]
fn a_trace_has_every_message_and_nothing_that_proves_the_password() {
    let mut phone = Phone::start("[sip]\ntrace = true\n");
    let mut peer = Peer::new();
    let mut program = phone.program();
    program.asks("sipregister", peer.account());
    let signed = peer.registers(3600);
    program.hears("OnSIPRegister");
    let (_, response) = signed.field("Authorization").split_once("response=\"").expect("a digest");
    let response = response.split('"').next().expect("its end");
    assert_eq!(response.len(), 32, "{}", signed.text);

    phone.signal(Signal::SIGTERM);
    peer.unbinds();
    let log = phone.last_words();
    let own = phone.sip;
    for expected in [
        &format!("SIP to {} from {own}, ", peer.address()),
        &format!("SIP from {} to {own}, ", peer.address()),
        "    REGISTER sip:",
        "    SIP/2.0 401 Unauthorized",
        "    Authorization: Digest username=\"1000\"",
        "nonce=\"5ca1ab1e\"",
        "response=***",
    ] {
        assert!(log.contains(expected), "{expected} is not in\n{log}");
    }
    assert!(!log.contains(response), "{log}");
    assert_eq!(phone.end().code(), Some(0));
}

#[test]
fn without_being_asked_the_log_has_no_messages() {
    let mut stage = Stage::registered();
    let (_, invite) = stage.dials();
    stage.peer.answers(&invite, "486 Busy Here");
    stage.program.hears("OnFinalizedCall");
    assert!(!stage.phone.has_said("SIP to"));
}

#[test]
fn a_registration_that_fails_leaves_one_line_that_says_why() {
    let phone = Phone::start("");
    let mut peer = Peer::new();
    let mut program = phone.program();
    program.asks("sipregister", peer.account());
    let register = peer.hears("REGISTER");
    peer.answers(&register, "403 Forbidden");
    assert_eq!(program.hears("OnSIPRegisterRefused")["SIPError"], 403);
    assert_eq!(
        phone.says(&format!("account 1000@{} is not registered: ", peer.address())),
        "the server doesn't let this user register, or the password is wrong (403 Forbidden)"
    );

    let nobody = Peer::new().account();
    program.asks("sipregister", nobody);
    assert_eq!(
        phone.says(" is not registered: "),
        "nobody listens at its address and port (503 Service Unavailable)"
    );
}

#[test]
fn a_call_that_fails_leaves_one_line_that_says_why() {
    let mut stage = Stage::registered();
    for (status, why) in [
        ("486 Busy Here", "busy (486 Busy Here)"),
        ("404 Nobody", "there is no such number (404 Not Found)"),
        ("488 No", "the two sides have no kind of sound in common (488 Not Acceptable Here)"),
    ] {
        let (_, invite) = stage.dials();
        stage.peer.answers(&invite, status);
        stage.program.hears("OnFinalizedCall");
        let server = stage.peer.address();
        let call = format!("the call from sip:1000@127.0.0.1 to sip:600@{server} has ended: ");
        assert_eq!(stage.phone.says(&call), why);
    }
}

#[test]
fn strangers_who_call_again_and_again_are_told_a_few_times() {
    let mut stage = Stage::registered();
    let mut stranger = Peer::at("127.0.0.3");
    for number in 0..100 {
        stranger.calls(stage.phone.sip, &format!("call-{number}"), "");
    }
    stranger.hears("403");
    stage.peer.asks_for_options(stage.phone.sip);

    stage.phone.signal(Signal::SIGTERM);
    stage.peer.unbinds();
    let log = stage.phone.last_words();
    let told = log.matches("a call to \"1000\" from 127.0.0.3 was refused: it comes from neither").count();
    assert!((1..=8).contains(&told), "{log}");
}

#[test]
fn web_pages_that_try_again_and_again_are_told_a_few_times() {
    let mut phone = Phone::start("");
    for _ in 0..50 {
        let answer = phone.http("GET / HTTP/1.1\r\nHost: evil.example\r\n\r\n");
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    phone.signal(Signal::SIGTERM);
    assert_eq!(phone.last_words().matches("refused a request to host \"evil.example\"").count(), 8);
    assert_eq!(phone.end().code(), Some(0));
}

#[test]
fn a_reader_of_the_log_that_stands_still_keeps_no_program_waiting() {
    let config = ConfigFile::new(&format!(
        "[api]\nlisten = [\"127.0.0.1:0\"]\n[sip]\nlisten = [\"127.0.0.1:0\"]\ntrace = true\n\
         [audio]\nplayback = \"none\"\ncapture = \"none\"\n{}",
        user(OPERATOR, "")
    ));
    let mut command = neonphone(&["--config", config.path()]);
    let mut phone = Unread(command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts"));
    let mut log = BufReader::new(phone.0.stderr.take().expect("piped"));
    let api = address(&mut log, "the control API listens on ");
    let sip = address(&mut log, "SIP listens on ");

    // Far more than the 64 KiB that a pipe holds.
    let scanner = UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let message = format!("OPTIONS sip:1000@{sip} SIP/2.0\r\nSubject: {}\r\n\r\n", "x".repeat(1_000));
    for _ in 0..500 {
        scanner.send_to(message.as_bytes(), sip).expect("sent");
    }
    let mut program = Program::connect(api, &[]).expect("an upgrade");
    program.authenticates();
    program.asks("getstate", json!({}));
}

/// A phone whose log nobody reads.
struct Unread(Child);

impl Drop for Unread {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn address(log: &mut BufReader<ChildStderr>, words: &str) -> SocketAddr {
    let line = log.lines().map_while(Result::ok).find(|line| line.contains(words));
    let line = line.unwrap_or_else(|| panic!("the phone never said {words:?}"));
    line.split_once(words).and_then(|(_, address)| address.parse().ok()).expect("an address")
}
