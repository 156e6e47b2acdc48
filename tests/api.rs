//! The api thread over real sockets: programs that speak WebSocket and browsers that speak HTTP on one side, a
//! scripted call control on the other. Reads wait for what is expected, under one deadline.

use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::{Dice, Secret};
use crossbeam_channel::bounded;
use neonphone::io::api::{self, ApiThread, BindError, Door, Letter, Listeners, Outlets};
use neonphone::io::interface::{self, Wishes};
use neonphone::io::mailbox::Inbox;
use neonphone::io::sip;
use neonphone::io::work::{JOBS_MAX, Job};
use phone::api::{Config, Rights, Server, User};
use phone::event::CallType;
use phone::{CallId, CallTold, ClientId, Command, ConnectionId, Done, Event, Reply};
use serde_json::Value;
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::HeaderValue;
use tungstenite::protocol::frame::coding::{CloseCode, Data, OpCode};
use tungstenite::protocol::frame::{Frame, FrameHeader};
use tungstenite::{Error, Message, WebSocket};

/// Longer than anything here takes on a busy machine.
const DEADLINE: Duration = Duration::from_secs(20);

/// The api thread, between programs and the test.
struct Phone {
    address: SocketAddr,
    door: Door,
    /// What call control would read.
    asked: Inbox<sip::Letter>,
    /// What the commands that show and hide the interface would be run by.
    wishes: Wishes,
    thread: Option<JoinHandle<()>>,
}

fn config() -> Config {
    let user = User {
        name: "crm".into(),
        password_hash: Secret::from("$argon2id$scripted"),
        rights: Rights::All,
        origins: vec!["https://crm.example".into()],
    };
    Config { listen: vec![(Ipv4Addr::LOCALHOST, 0).into()], users: vec![user], ..Config::default() }
}

impl Phone {
    fn start(config: Config) -> Self {
        let (asked, sip) = sip::inbox().expect("an inbox");
        let (inbox, door) = api::inbox().expect("an inbox");
        let listeners = Listeners::bind(&config.listen, &inbox).expect("a free port");
        let address = listeners.addresses().next().expect("an address");
        let (work, jobs) = bounded(JOBS_MAX);
        // Ends with the api thread, which holds the sender.
        thread::spawn(move || {
            for job in jobs {
                if let Job::CheckPassword { password, answer, .. } = job {
                    answer(password.expose() == "right");
                }
            }
        });
        let (interface, wishes) = interface::switch();
        let outlets = Outlets { sip, work, interface, door: door.clone() };
        let server = Server::new(config, api::page(), Dice::new([7; 32]));
        let thread = ApiThread::new(inbox, listeners, outlets, server).expect("a thread");
        let thread = thread::spawn(move || thread.run().expect("a poll that works"));
        Self { address, door, asked, wishes, thread: Some(thread) }
    }

    fn connect(&self) -> Program {
        self.connect_from(None).expect("an upgrade")
    }

    fn connect_from(&self, origin: Option<&'static str>) -> Result<Program, Error> {
        let mut request = format!("ws://{}/", self.address).into_client_request().expect("a request");
        if let Some(origin) = origin {
            request.headers_mut().insert("Origin", HeaderValue::from_static(origin));
        }
        match tungstenite::client(request, self.tcp()) {
            Ok((socket, _)) => Ok(Program(socket)),
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => panic!("no answer to the upgrade"),
        }
    }

    fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.address).expect("a connection");
        stream.set_read_timeout(Some(DEADLINE)).expect("a timeout");
        stream
    }

    /// What an HTTP request is answered, until the phone closes.
    fn http(&self, request: &str) -> String {
        let mut stream = self.tcp();
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and the end");
        answer
    }

    fn next_command(&self) -> (ClientId, Command) {
        match self.asked.letters.recv_timeout(DEADLINE) {
            Ok(sip::Letter::Command { client, command }) => (client, command),
            other => panic!("{other:?}"),
        }
    }

    fn reply(&self, client: ClientId, reply: Reply) {
        self.door.post(Letter::Reply { client, reply });
    }

    fn stop(&mut self) {
        self.door.stop();
        if let Some(thread) = self.thread.take() {
            thread.join().expect("no panic");
        }
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        if !thread::panicking() {
            self.stop();
        }
    }
}

/// A program that drives the phone.
struct Program(WebSocket<TcpStream>);

impl Program {
    fn send(&mut self, text: impl Into<String>) {
        self.0.send(Message::text(text.into())).expect("sent");
    }

    fn hear(&mut self) -> Value {
        match self.0.read() {
            Ok(Message::Text(text)) => serde_json::from_str(text.as_str()).expect("JSON"),
            other => panic!("{other:?}"),
        }
    }

    fn ask(&mut self, text: &str) -> Value {
        self.send(text);
        self.hear()
    }

    fn authenticate(&mut self) -> String {
        let reply = self.ask(r#"{"id":1,"action":"authenticate","user":"crm","password":"right"}"#);
        assert_eq!((&reply["id"], &reply["success"]), (&1.into(), &true.into()));
        reply["data"]["token"].as_str().expect("a token").into()
    }

    /// The code that the phone closes with.
    fn close_code(&mut self) -> u16 {
        loop {
            match self.0.read() {
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                Ok(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }
}

fn new_call(number: u32, filler: usize) -> Event {
    Event::NewCall(CallTold {
        call: CallId(number),
        call_type: CallType::Incoming,
        from: "sip:603@pbx".into(),
        to: "sip:1000@pbx".into(),
        duration: Duration::ZERO,
        sip_error: 0,
        connection: ConnectionId(1),
        display_name: "x".repeat(filler),
        sip_call_id: "abc".into(),
        headers: Vec::new(),
    })
}

#[test]
fn rule_4_a_program_registers_and_hears_the_reply_before_the_events() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    let token = program.authenticate();
    program.send(format!(
        r#"{{"id":"r","token":"{token}","action":"sipregister","domain":"pbx:5070","number":1000,"password":"pw1000"}}"#
    ));
    let (client, command) = phone.next_command();
    let register = Command::Register {
        domain: "pbx:5070".into(),
        number: "1000".into(),
        password: Secret::from("pw1000"),
        autodisconnect: false,
    };
    assert_eq!(command, register);
    phone.reply(client, Ok(Done::Connection(ConnectionId(1))));
    phone.door.post(Letter::Event(Event::Registered(ConnectionId(1))));
    assert_eq!(program.hear(), serde_json::json!({"id": "r", "success": true, "data": {"connectionId": 1}}));
    let event = program.hear();
    assert_eq!((&event["name"], &event["seq"]), (&"OnSIPRegister".into(), &1.into()));
}

#[test]
fn rule_3_a_wrong_password_and_a_binary_frame_are_refused() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    let reply = program.ask(r#"{"action":"authenticate","user":"crm","password":"wrong"}"#);
    assert_eq!(reply["error"]["code"], 600);
    program.0.send(Message::binary(vec![1, 2, 3])).expect("sent");
    assert_eq!(program.hear()["error"]["code"], 100);
}

#[test]
fn rule_5_a_page_that_reloads_takes_over() {
    let phone = Phone::start(config());
    let mut page = phone.connect();
    let token = page.authenticate();
    drop(page);
    let (gone, command) = phone.next_command();
    assert_eq!(command, Command::ClientGone);

    let mut page = phone.connect();
    page.send(format!(r#"{{"token":"{token}","action":"sipunregister"}}"#));
    let (client, command) = phone.next_command();
    assert_eq!(command, Command::TakeOver(gone));
    assert_eq!(phone.next_command(), (client, Command::Unregister));
    phone.reply(client, Ok(Done::Accepted));
    assert_eq!(page.hear()["success"], true);
}

#[test]
fn rule_6_a_client_that_does_not_read_is_disconnected_and_slows_nobody_down() {
    let phone = Phone::start(config());
    let mut sleeper = phone.connect();
    sleeper.authenticate();
    let mut program = phone.connect();
    program.authenticate();

    // 64 MiB are more than the phone's and the system's buffers together. The program reads each event before the
    // next is told, so the phone's mailbox never fills.
    let events = 4_096;
    for number in 1..=events {
        phone.door.post(Letter::Event(new_call(number, 16 << 10)));
        assert_eq!(program.hear()["data"]["callId"], number);
    }
    assert_eq!(phone.next_command().1, Command::ClientGone);
    let mut heard = 0;
    while sleeper.0.read().is_ok() {
        heard += 1;
    }
    assert!(heard < events, "{heard}");
}

#[test]
fn rule_6_no_connection_evicts_another() {
    let phone = Phone::start(config());
    let mut programs: Vec<Program> = (0..32).map(|_| phone.connect()).collect();
    programs.iter_mut().for_each(|program| drop(program.authenticate()));
    phone.door.post(Letter::Event(Event::Registered(ConnectionId(1))));
    assert!(programs.iter_mut().all(|program| program.hear()["name"] == "OnSIPRegister"));
}

#[test]
fn rule_15_the_33rd_connection_gets_503_and_plain_gets_do_not_count() {
    let phone = Phone::start(config());
    let mut programs: Vec<Program> = (0..32).map(|_| phone.connect()).collect();
    let refused = phone.connect_from(None).err();
    assert!(matches!(&refused, Some(Error::Http(answer)) if answer.status() == 503), "{refused:?}");
    assert!(phone.http("GET /version HTTP/1.1\r\nHost: localhost\r\n\r\n").starts_with("HTTP/1.1 200 "));

    // Closed properly, so that the phone has heard of it once the program hears the phone's own close.
    let mut last = programs.pop().expect("32");
    last.0.close(None).expect("closed");
    while last.0.read().is_ok() {}
    phone.connect();
}

#[test]
fn rule_15_a_message_beyond_64_kib_is_closed_with_1009_in_one_piece_or_in_many() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    assert_eq!(program.ask(&format!("{{}}{}", " ".repeat((64 << 10) - 2)))["error"]["code"], 100);
    program.send(" ".repeat((64 << 10) + 1));
    assert_eq!(program.close_code(), u16::from(CloseCode::Size));

    let mut program = phone.connect();
    for (opcode, is_final) in [(Data::Text, false), (Data::Continue, false), (Data::Continue, true)] {
        let header = FrameHeader { is_final, opcode: OpCode::Data(opcode), ..FrameHeader::default() };
        let frame = Frame::from_payload(header, vec![b' '; 30 << 10].into());
        program.0.send(Message::Frame(frame)).expect("sent");
    }
    assert_eq!(program.close_code(), u16::from(CloseCode::Size));
}

#[test]
fn rule_15_many_requests_at_once_are_answered_in_order_one_after_the_other() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    let token = program.authenticate();
    for id in 0..100 {
        program.send(format!(r#"{{"id":{id},"token":"{token}","action":"acceptcall","callid":{id}}}"#));
    }
    for id in 0..100 {
        let (client, command) = phone.next_command();
        assert_eq!(command, Command::AcceptCall(CallId(id)));
        assert!(phone.asked.letters.is_empty(), "one in flight");
        phone.reply(client, Ok(Done::Accepted));
        assert_eq!(program.hear()["id"], id);
    }
}

#[test]
fn rule_14_a_page_of_a_foreign_origin_gets_403() {
    let phone = Phone::start(config());
    for origin in ["https://evil.example", "null", ""] {
        let refused = phone.connect_from(Some(origin)).err();
        assert!(matches!(&refused, Some(Error::Http(answer)) if answer.status() == 403), "{refused:?}");
    }
    phone.connect_from(Some("https://crm.example")).expect("listed").authenticate();
    phone.connect_from(Some("http://localhost:3000")).expect("loopback").authenticate();
}

#[test]
fn rule_14_a_request_by_a_rebound_name_gets_403() {
    let phone = Phone::start(config());
    for path in ["/", "/version"] {
        let answer = phone.http(&format!("GET {path} HTTP/1.1\r\nHost: evil.example\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    }
    let answer =
        phone.http("GET /version HTTP/1.1\r\nHost: localhost\r\nOrigin: https://crm.example\r\n\r\n");
    assert!(answer.contains("\r\nAccess-Control-Allow-Origin: https://crm.example\r\n"), "{answer}");
}

#[test]
fn rule_16_who_runs_the_commands_for_the_interface_is_told_of_showui() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    let token = program.authenticate();
    let reply = program.ask(&format!(r#"{{"token":"{token}","action":"showui","show":false}}"#));
    assert_eq!(reply["success"], true);
    let event = program.hear();
    assert_eq!((&event["name"], &event["data"]["show"]), (&"OnShowUI".into(), &false.into()));
    phone.wishes.bell.recv_timeout(DEADLINE).expect("a wish");
    assert!(!phone.wishes.newest());
}

#[test]
fn connections_that_never_ask_for_anything_keep_nobody_out() {
    let phone = Phone::start(config());
    let _idle: Vec<TcpStream> = (0..200).map(|_| phone.tcp()).collect();
    phone.connect().authenticate();
}

#[test]
fn frames_that_come_with_the_head_are_read() {
    let phone = Phone::start(config());
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
    let phone = Phone::start(config());
    let mut program = phone.connect();
    // A client must mask its frames (RFC 6455 §5.1).
    program.0.get_mut().write_all(&[0x81, 2, b'{', b'}']).expect("sent");
    assert_eq!(program.close_code(), u16::from(CloseCode::Protocol));

    let mut program = phone.connect();
    let header = FrameHeader { opcode: OpCode::Data(Data::Text), ..FrameHeader::default() };
    let frame = Frame::from_payload(header, vec![0xff].into());
    program.0.send(Message::Frame(frame)).expect("sent");
    assert_eq!(program.close_code(), u16::from(CloseCode::Invalid));
}

#[test]
fn a_ping_is_answered() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    program.0.send(Message::Ping(vec![7].into())).expect("sent");
    assert_eq!(program.0.read().expect("a pong"), Message::Pong(vec![7].into()));
}

#[test]
fn a_phone_that_ends_closes_with_1001_and_its_thread_ends() {
    let mut phone = Phone::start(config());
    let mut programs: Vec<Program> = (0..3).map(|_| phone.connect()).collect();
    programs.iter_mut().for_each(|program| drop(program.authenticate()));
    phone.stop();
    assert!(programs.iter_mut().all(|program| program.close_code() == u16::from(CloseCode::Away)));
    assert!(TcpStream::connect(phone.address).is_err());
}

#[test]
fn events_that_find_no_room_make_clients_start_anew() {
    let phone = Phone::start(config());
    let mut program = phone.connect();
    program.authenticate();
    // Faster than any thread can send them: each costs it a system call, and posting costs none.
    for _ in 0..200_000 {
        phone.door.post(Letter::Event(Event::Registered(ConnectionId(1))));
    }
    assert_eq!(program.close_code(), u16::from(CloseCode::Again));
    phone.connect().authenticate();
}

#[test]
fn a_port_that_is_taken_is_told_with_its_address() {
    let phone = Phone::start(config());
    let (inbox, _) = api::inbox().expect("an inbox");
    let refused = Listeners::bind(&[phone.address], &inbox).err();
    assert!(matches!(&refused, Some(BindError { address, .. }) if *address == phone.address));
    assert!(refused.is_some_and(|error| error.to_string().contains(&phone.address.to_string())));
}
