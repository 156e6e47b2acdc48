//! A phone that has several addresses: each call is answered from the one that it came to, and names it.

use std::net::{SocketAddr, UdpSocket};

use serde_json::json;

use crate::peer::Peer;
use crate::process::{PATIENCE, Phone, QUIET};
use crate::program::{Program, USER};
use crate::stage::Stage;

/// A phone that listens on `any` address registers with a peer at one and is called at another; it answers and speaks.
fn be_called(any: &str, peer_address: &str, called_address: &str) {
    let everywhere = format!("[sip]\nlisten = [\"{any}:0\"]");
    let phone =
        Phone::start(&[&QUIET.replace("[sip]\n    listen = [\"127.0.0.1:0\"]", &everywhere), USER].concat());
    let (api, sip) = phone.ready();
    let mut peer = Peer::at(peer_address);
    let mut program = Program::connect(api);
    program.authenticate();
    let domain = peer.address().to_string();
    program.ask("sipregister", json!({ "domain": domain, "number": "1000", "password": "pw1000" }));
    peer.register(600);
    program.hear("OnSIPRegister");
    program.hear("OnSIPRegisterFinalized");

    let called = SocketAddr::new(called_address.parse().expect("an address"), sip.port());
    let ear = UdpSocket::bind((peer.address().ip(), 0)).expect("a socket");
    ear.set_read_timeout(Some(PATIENCE)).expect("set");
    let mut dialog = peer.call(called, "call", &offer(ear.local_addr().expect("bound")));
    let call = program.hear("OnNewCall")["callId"].clone();
    assert_eq!(peer.expect("SIP/2.0 180 ").from, called);

    program.ask("acceptcall", json!({ "callid": call }));
    let answer = peer.expect("SIP/2.0 200 ");
    assert_eq!(answer.from, called);
    assert!(answer.target().ends_with(&format!("@{called}")), "{}", answer.text);
    let connection = format!("c=IN IP{} {}\r\n", version(called), called.ip());
    assert!(answer.text.contains(&connection), "{}", answer.text);
    dialog.to = answer.field("To").into();
    dialog.target = answer.target().into();
    peer.request("ACK", 1, &dialog, "", "");
    program.hear("OnAcceptCall");
    ear.recv(&mut [0; 2048]).expect("the phone speaks");

    peer.request("BYE", 2, &dialog, "", "");
    assert_eq!(peer.expect("SIP/2.0 200 ").from, called);
    assert_eq!(program.hear("OnFinalizedCall")["SIPError"], 0);
}

fn offer(ear: SocketAddr) -> String {
    let (version, address, port) = (version(ear), ear.ip(), ear.port());
    format!(
        "v=0\r\no=- 1 1 IN IP{version} {address}\r\ns=-\r\nc=IN IP{version} {address}\r\nt=0 0\r\n\
         m=audio {port} RTP/AVP 0\r\n"
    )
}

fn version(address: SocketAddr) -> u8 {
    if address.is_ipv4() { 4 } else { 6 }
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
    let mut stage = Stage::new();
    let account = stage.account();
    // Its socket closes, and the kernel refuses what is sent there (ICMP port unreachable).
    stage.peer = Peer::new();
    stage.program.ask("sipregister", account);
    assert_eq!(stage.program.hear("OnSIPRegisterExpired")["SIPError"], 503);
}
