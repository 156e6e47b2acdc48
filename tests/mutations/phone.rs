//! A whole phone's life, written as a script: what its server, strangers and clients say, and how time passes. Whatever
//! happens, commands have their replies, messages that go out can be read, time goes on, and the phone stops when it is
//! told to.
//!
//! A script has blocks, each after a line `===`. A block's first line says what happens, the rest is a message, in which
//! `{INVITE Via}` stands for the Via of the last message with an INVITE's CSeq that the phone has sent.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base::{Duration, Instant};
use media::leg::{Half, LegCommand, LegEvent, LegId};
use phone::{CallId, ClientId, Command, Config, Done, Family, Input, Output, Phone, PortId, Reply};
use sip::endpoint;
use sip::flow::{Flow, FlowError, Link, Transport};
use sip::message::{Message, Name};

const SERVER: &str = "192.0.2.1:5060";
const STRANGER: &str = "198.51.100.7:5060";
const CLIENT: ClientId = ClientId(1);

/// More outputs than these for one input are a phone that others can use to flood.
const MAX_OUTPUTS: usize = 64;

/// More timers than these in one wait are a phone that spins.
const MAX_TIMEOUTS: usize = 1_000;

const LIVES: [&str; 3] = [
    include_str!("lives/calls.txt"),
    include_str!("lives/is_called.txt"),
    include_str!("lives/transfers.txt"),
];

pub(crate) fn examples() -> Vec<Vec<u8>> {
    LIVES.map(|life| life.as_bytes().to_vec()).into()
}

pub(crate) fn examine(script: &[u8]) -> bool {
    let script = String::from_utf8_lossy(script);
    let mut life = Life::new();
    for block in script.split("===\n") {
        let (what, message) = block.split_once('\n').unwrap_or((block, ""));
        life.happen(what, message);
    }
    life.stop();
    life.has_called
}

struct Life {
    phone: Phone,
    now: Instant,
    ports: u32,
    /// Outputs that the driver has yet to answer.
    connects: Vec<(sip::flow::ConnectId, Link, SocketAddr)>,
    ended: Vec<LegId>,
    needs_port: bool,
    replies: Vec<Reply>,
    /// The last message sent, by its CSeq's method.
    sent: BTreeMap<String, Message>,
    has_called: bool,
    has_stopped: bool,
}

impl Life {
    fn new() -> Self {
        let mut life = Self {
            phone: Phone::new(Config::default(), [1; 32], Instant::ZERO),
            now: Instant::ZERO,
            ports: 0,
            connects: Vec::new(),
            ended: Vec::new(),
            needs_port: false,
            replies: Vec::new(),
            sent: BTreeMap::new(),
            has_called: false,
            has_stopped: false,
        };
        life.lend_port();
        life.lend_port();
        life
    }

    fn happen(&mut self, what: &str, message: &str) {
        let mut words = what.split_ascii_whitespace();
        let mut word = || words.next().unwrap_or_default();
        match word() {
            "server" => self.receive(SERVER, message),
            "stranger" => self.receive(STRANGER, message),
            "refused" => {
                let closed = endpoint::Input::FlowClosed { flow: flow(SERVER), reason: FlowError::Refused };
                self.hand(Input::Sip(closed));
            }
            "wait" => self.wait(Duration::from_millis(word().parse().unwrap_or(100).min(600_000))),
            "leg" => {
                let leg = LegId(word().parse().unwrap_or(1));
                let event = match word() {
                    "lost" => LegEvent::Lost,
                    "back" => LegEvent::Back,
                    "failed" => LegEvent::Failed,
                    "key" => LegEvent::Key('5'.try_into().expect("it is a key")),
                    _ => LegEvent::Arrived,
                };
                self.hand(Input::LegEvent { leg, event });
            }
            verb => {
                if let Some(command) = command(verb, &mut word) {
                    self.hand(Input::Command { client: CLIENT, command });
                    assert_eq!(self.replies.len(), 1, "one reply to {what}");
                    self.has_called |= matches!(self.replies.pop(), Some(Ok(Done::Call(_) | Done::Accepted)));
                }
            }
        }
    }

    fn receive(&mut self, from: &str, message: &str) {
        let text = self.filled_in(message).replace('\n', "\r\n");
        let datagram = endpoint::Input::Datagram { flow: flow(from), bytes: text.as_bytes() };
        self.hand(Input::Sip(datagram));
    }

    /// A message with the values that the phone has chosen.
    fn filled_in(&self, message: &str) -> String {
        let mut parts = message.split('{');
        let first = parts.next().unwrap_or_default().to_owned();
        parts.fold(first, |before, part| {
            let (wanted, after) = part.split_once('}').unwrap_or(("", part));
            let (method, name) = wanted.split_once(' ').unwrap_or_default();
            let value = self.sent.get(method).and_then(|sent| sent.headers().get(Name::parse(name)));
            before + value.unwrap_or_default() + after
        })
    }

    fn wait(&mut self, span: Duration) {
        let end = self.now + span;
        for _ in 0..MAX_TIMEOUTS {
            let Some(due) = self.phone.poll_timeout().filter(|due| *due <= end) else {
                self.now = end;
                return;
            };
            self.now = self.now.max(due);
            self.hand(Input::Timeout);
        }
        panic!("timers go off again and again");
    }

    fn stop(&mut self) {
        self.hand(Input::Stop);
        self.wait(Duration::from_secs(2));
        assert!(self.has_stopped, "it stops within 2 s");
    }

    /// Hands something in, and does at once what the phone wants of its driver.
    fn hand(&mut self, input: Input<'_>) {
        self.phone.handle_input(self.now, input);
        self.note_outputs();
        while let Some((connect, link, remote)) = self.connects.pop() {
            let flow = Flow { link, remote, ..flow(SERVER) };
            self.phone.handle_input(self.now, Input::Sip(endpoint::Input::FlowOpen { connect, flow }));
            self.note_outputs();
        }
        if std::mem::take(&mut self.needs_port) {
            self.lend_port();
        }
        while let Some(leg) = self.ended.pop() {
            for half in [Half::Receive, Half::Send] {
                self.phone.handle_input(self.now, Input::LegEvent { leg, event: LegEvent::Ended(half) });
                self.note_outputs();
            }
        }
    }

    fn note_outputs(&mut self) {
        let outputs: Vec<_> = std::iter::from_fn(|| self.phone.poll_output()).collect();
        assert!(outputs.len() <= MAX_OUTPUTS, "{} outputs for one input", outputs.len());
        for output in outputs {
            match output {
                Output::Send { bytes, .. } => {
                    let parsed = Message::parse(&bytes);
                    // An answer has header fields of the request, damaged ones too; line ends keep a NAT's way open.
                    let is_read = parsed.is_ok() || bytes.starts_with(b"SIP/2.0 ") || bytes == b"\r\n\r\n";
                    assert!(is_read, "what is sent can be read");
                    let Ok(message) = parsed else { continue };
                    let method = message.headers().cseq().map(|cseq| cseq.method.to_string());
                    self.sent.insert(method.unwrap_or_default(), message);
                }
                Output::Connect { connect, link, remote } => self.connects.push((connect, link, remote)),
                Output::StartLeg { .. } => self.needs_port = true,
                Output::Leg { leg, command: LegCommand::End { .. } } => self.ended.push(leg),
                Output::Reply { reply, .. } => self.replies.push(reply),
                Output::Stopped => self.has_stopped = true,
                _ => {}
            }
        }
    }

    fn lend_port(&mut self) {
        self.ports += 1;
        let port = PortId(self.ports);
        self.hand(Input::MediaPort { port, family: Family::V4, rtp_port: 4_000 });
    }
}

fn flow(remote: &str) -> Flow {
    let address = |text: &str| text.parse().expect("it is an address");
    Flow { link: Link::Sip(Transport::Udp), local: address("192.0.2.9:5060"), remote: address(remote) }
}

fn command<'a>(verb: &str, word: &mut impl FnMut() -> &'a str) -> Option<Command> {
    let mut call = || CallId(word().parse().unwrap_or(1));
    Some(match verb {
        "register" => Command::Register {
            domain: "192.0.2.1".into(),
            number: "1000".into(),
            password: "open sesame".into(),
            autodisconnect: false,
        },
        "unregister" => Command::Unregister,
        "call" => Command::StartCall { number: word().into(), headers: Vec::new(), connection: None },
        "accept" => Command::AcceptCall(call()),
        "finalize" => Command::FinalizeCall(call()),
        "hold" => Command::SetHold { call: call(), hold: true },
        "resume" => Command::SetHold { call: call(), hold: false },
        "mute" => Command::MuteCall { call: call(), mute: true },
        "transfer" => Command::TransferCall { call: call(), to: word().into() },
        "keys" => Command::SendDtmf { call: call(), keys: word().into() },
        "state" => Command::GetState,
        _ => return None,
    })
}
