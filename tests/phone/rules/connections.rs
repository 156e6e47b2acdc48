//! Who hears events, and how much of anything a program may send or leave unread: rules 6 and 15. That output which waits
//! for 10 s ends a connection is told in src/phone/api/tests/sessions.rs.

use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Error, Message};

use crate::stage::{Ear, Phone, Program, Stage};

/// The longest message (rule 15).
const MESSAGE_MAX: usize = 64 << 10;

#[test]
fn rule_06_every_authenticated_connection_hears_of_every_account_and_call_and_no_other_does() {
    let mut stage = Stage::new();
    let mut witness = stage.phone.program();
    let mut stranger = stage.phone.stranger();
    stage.registers(3600);
    let (call, _) = stage.dials();
    for name in ["OnSIPRegister", "OnSIPRegisterFinalized", "OnNewCall"] {
        witness.hears(name);
    }
    witness.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(witness.hears("OnFinalizedCall"), stage.program.hears("OnFinalizedCall"));
    stranger.authenticates();
    assert!(stranger.has_heard_all(), "it was nobody when that happened");
}

#[test]
fn rule_06_no_connection_evicts_another() {
    let mut stage = Stage::new();
    let mut others: Vec<Program> = (1..32).map(|_| stage.phone.program()).collect();
    stage.registers(3600);
    for other in &mut others {
        other.hears("OnSIPRegister");
    }
}

#[test]
fn rule_06_a_client_that_does_not_read_is_disconnected_and_slows_nobody_down() {
    let mut stage = Stage::registered();
    let mut sleeper = stage.phone.program();
    // As many headers as events tell of: two of these are a good 16 KiB.
    let value = "x".repeat(500);
    let headers: String = (0..16).map(|number| format!("X-Number-{number}: {value}\r\n")).collect();
    let ear = Ear::new();
    // The system's buffers between the two take some MiB besides the phone's one.
    for number in 0.. {
        let mut caller = stage.peer.calls_with(stage.phone.sip, &number.to_string(), &headers, &ear.sdp());
        let told = stage.program.hears("OnNewCall");
        assert_eq!(told["headers"].as_object().map(serde_json::Map::len), Some(16));
        stage.program.asks("finalizecall", json!({ "callid": told["callId"] }));
        caller.learns_from(&stage.peer.hears("486"));
        stage.peer.sends_in(&mut caller, "ACK", "", "");
        stage.program.hears("OnFinalizedCall");
        if stage.phone.has_said("it does not read") {
            break;
        }
        assert!(number < 2_000, "nobody was disconnected");
    }
    let mut read = 0;
    while let Ok(Message::Text(text)) = sleeper.socket.read() {
        read += text.len();
    }
    assert!(read > 1 << 20, "it had only {read} bytes waiting");
}

#[test]
fn rule_15_a_message_beyond_64_kib_ends_the_connection_with_1009() {
    let phone = Phone::start("");
    let mut program = phone.stranger();
    program.sends(&format!("{{}}{}", " ".repeat(MESSAGE_MAX - 2)));
    assert_eq!(program.reply()["error"]["code"], 100);
    program.sends(&" ".repeat(MESSAGE_MAX + 1));
    assert_eq!(program.close_code(), u16::from(CloseCode::Size));

    let mut program = phone.stranger();
    for (opcode, is_final) in [(Data::Text, false), (Data::Continue, false), (Data::Continue, true)] {
        let header = FrameHeader { is_final, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
        let frame = Frame::from_payload(header, vec![b' '; MESSAGE_MAX / 2 - 1].into());
        program.socket.send(Message::Frame(frame)).expect("sent");
    }
    assert_eq!(program.close_code(), u16::from(CloseCode::Size));
}

#[test]
fn rule_15_many_requests_at_once_are_answered_in_order() {
    let phone = Phone::start("");
    let mut program = phone.program();
    let token = program.token.clone();
    for id in 0..500 {
        program.sends(&format!(r#"{{"id":{id},"token":"{token}","action":"acceptcall","callid":{id}}}"#));
    }
    for id in 0..500 {
        assert_eq!(program.reply()["id"], id);
    }
}

#[test]
fn rule_15_one_connection_too_many_gets_503_but_the_page() {
    for (config, most) in [("", 32), ("[api]\nmax_connections = 2\n", 2)] {
        let phone = Phone::start(config);
        let mut programs: Vec<Program> = (0..most).map(|_| phone.program()).collect();
        let refused = Program::connect(phone.api, &[]).err();
        assert!(matches!(&refused, Some(Error::Http(answer)) if answer.status() == 503), "{refused:?}");
        let page = phone.http("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
        assert!(page.starts_with("HTTP/1.1 200 "), "{page}");
        programs.iter_mut().for_each(Program::hears_no_more);
    }
}

#[test]
fn rule_15_connections_that_never_ask_for_anything_keep_nobody_out() {
    let phone = Phone::start("");
    let _idle: Vec<TcpStream> = (0..200).map(|_| phone.tcp()).collect();
    phone.program();
}

#[test]
fn frames_that_come_with_the_head_are_read() {
    let phone = Phone::start("");
    let mut stream = phone.tcp();
    let mut bytes = b"GET / HTTP/1.1\r\nHost: localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\
        Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
        .to_vec();
    // RFC 6455 §5.7: a masked text frame, its key 0, with `{}`.
    bytes.extend([0x81, 0x82, 0, 0, 0, 0, b'{', b'}']);
    stream.write_all(&bytes).expect("sent");
    let mut answer = Vec::new();
    while !answer.ends_with(b"\"}}") {
        let mut piece = [0; 512];
        let count = stream.read(&mut piece).expect("an answer");
        assert_ne!(count, 0, "{}", String::from_utf8_lossy(&answer));
        answer.extend_from_slice(&piece[..count]);
    }
    let text = String::from_utf8_lossy(&answer);
    assert!(text.contains("Sec-WebSocket-Accept: s3pPLMBiTxaQ9kYGzzhZRbK+xOo=\r\n"), "RFC 6455 §1.3: {text}");
    assert!(text.contains("\"code\":100"), "{text}");
}

#[test]
fn a_client_that_breaks_the_protocol_is_told_and_closed() {
    let phone = Phone::start("");
    let mut program = phone.stranger();
    // A client must mask its frames (RFC 6455 §5.1).
    program.socket.get_mut().write_all(&[0x81, 2, b'{', b'}']).expect("sent");
    assert_eq!(program.close_code(), u16::from(CloseCode::Protocol));

    let mut program = phone.stranger();
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let frame = Frame::from_payload(header, vec![0xff].into());
    program.socket.send(Message::Frame(frame)).expect("sent");
    assert_eq!(program.close_code(), u16::from(CloseCode::Invalid));
}

#[test]
fn a_ping_is_answered() {
    let phone = Phone::start("");
    let mut program = phone.stranger();
    program.socket.send(Message::Ping(vec![7].into())).expect("sent");
    assert_eq!(program.socket.read().expect("a pong"), Message::Pong(vec![7].into()));
}

#[test]
fn a_phone_that_ends_closes_with_1001() {
    let mut phone = Phone::start("");
    let mut programs = [phone.program(), phone.stranger()];
    phone.signal(nix::sys::signal::Signal::SIGTERM);
    assert!(programs.iter_mut().all(|program| program.close_code() == u16::from(CloseCode::Away)));
    assert_eq!(phone.end().code(), Some(0));
}
