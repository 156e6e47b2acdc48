//! A phone that has several addresses: each call is answered from the one that it came to, and names it; its sound and the
//! reports about it leave from there (RFC 4961).

use std::net::{SocketAddr, UdpSocket};

use serde_json::json;

use crate::stage::{Ear, PATIENCE, Peer, Phone};

/// A phone that listens on `any` address registers with a peer at one and is called at another; it answers and speaks.
fn is_called(any: &str, peer_address: &str, called_address: &str) {
    let phone = Phone::start(&format!("[sip]\nlisten = [\"{any}:0\"]\n"));
    let mut peer = Peer::at(peer_address);
    let mut program = phone.program();
    program.registers(&mut peer);

    let called = SocketAddr::new(called_address.parse().expect("an address"), phone.sip.port());
    let mut ear = Ear::at(peer_address);
    let reports = UdpSocket::bind((peer_address, 0)).expect("a socket");
    reports.set_read_timeout(Some(PATIENCE)).expect("set");
    let port_of_reports = reports.local_addr().expect("bound").port();
    let offer = ear.sdp_with(&format!("a=rtcp:{port_of_reports}\r\n"));
    let mut dialog = peer.calls(called, "call", &offer);
    let call = program.hears("OnNewCall")["callId"].clone();
    assert_eq!(peer.hears("180").from, called);

    program.asks("acceptcall", json!({ "callid": call }));
    let answer = peer.hears("200");
    assert_eq!(answer.from, called);
    assert!(answer.target().ends_with(&format!("@{called}")), "{}", answer.text);
    assert_eq!(answer.rtp().ip(), called.ip());
    dialog.learns_from(&answer);
    peer.sends_in(&mut dialog, "ACK", "", "");
    program.hears("OnAcceptCall");
    assert_eq!(ear.hears().from, answer.rtp());

    peer.sends_in(&mut dialog, "BYE", "", "");
    let (_, from) = reports.recv_from(&mut [0; 1500]).expect("the last report");
    assert_eq!(from, SocketAddr::new(called.ip(), answer.rtp().port() + 1));
    assert_eq!(peer.hears("200").from, called);
    assert_eq!(program.hears("OnFinalizedCall")["SIPError"], 0);
}

#[test]
fn a_call_to_any_of_the_phones_addresses_is_answered_from_there() {
    is_called("0.0.0.0", "127.0.0.3", "127.0.0.2");
}

#[test]
fn a_call_over_ipv6_is_answered_from_there() {
    if UdpSocket::bind("[::1]:0").is_err() {
        return println!("skipped: this machine has no IPv6");
    }
    is_called("[::]", "::1", "::1");
}
