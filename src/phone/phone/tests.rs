//! What takes minutes: rules 8 and 9, and media that are lost for good, in virtual time. The server is scripted bytes.

mod accounts;
mod keys;
mod legs;
mod levels;
mod log;
mod offers;
mod referrals;
mod stopping;
mod tones;
mod transfers;

use alloc::collections::{BTreeMap, BTreeSet, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use core::net::{IpAddr, SocketAddr};

use media::leg::{LegCommand, LegEvent, LegId, Terms, Tone};
use sip::flow::{Flow, Link, Transport};

use super::*;
use crate::accounts::Settings;
use crate::command::{CallId, Command, Done, Reply};
use crate::event::{Event, Side};
use crate::interface::{Family, PortId};

const PROGRAM: ClientId = ClientId(1);
const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_secs(60);

/// The address that the phone's server and everybody else has.
const PEER: &str = "192.0.2.1:5060";

const SDP: &str = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
                   m=audio 7000 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n";

/// A phone, its clock, and what it has said.
struct World {
    phone: Phone,
    now: Instant,
    /// Where what the phone receives comes from.
    peer: SocketAddr,
    sent: VecDeque<String>,
    events: VecDeque<Event>,
    reply: Option<Reply>,
    /// Lines of the log.
    log: Vec<String>,
    legs: Vec<LegId>,
    /// Those that have ended, each with what its user heard last.
    ended: Vec<(LegId, Option<Tone>)>,
    /// What each leg was told last.
    terms: BTreeMap<LegId, Terms>,
    /// Those that tell how loud they are.
    metered: BTreeSet<LegId>,
    /// The keys that each was to send.
    keys: Vec<(LegId, char)>,
    has_stopped: bool,
}

/// The phone has an address in everybody's network.
fn flow_to(remote: SocketAddr) -> Flow {
    let local = match remote.ip() {
        IpAddr::V4(ip) => {
            let [a, b, c, _] = ip.octets();
            SocketAddr::from(([a, b, c, 10], 5060))
        }
        IpAddr::V6(_) => "[2001:db8::10]:5060".parse().expect("an address"),
    };
    Flow { link: Link::Sip(Transport::Udp), local, remote }
}

fn settings() -> Settings {
    Settings::new("1000".into(), "pw1000".into(), PEER.parse().expect("a domain"))
}

impl World {
    fn new(config: Config) -> Self {
        let mut world = Self {
            phone: Phone::new(config, [7; 32], Instant::ZERO),
            now: Instant::ZERO,
            peer: PEER.parse().expect("an address"),
            sent: VecDeque::new(),
            events: VecDeque::new(),
            reply: None,
            log: Vec::new(),
            legs: Vec::new(),
            ended: Vec::new(),
            terms: BTreeMap::new(),
            metered: BTreeSet::new(),
            keys: Vec::new(),
            has_stopped: false,
        };
        for number in 0..8 {
            let rtp_port = 16_384 + 2 * number;
            let port = PortId(number.into());
            world.hand(Input::MediaPort { port, family: Family::V4, rtp_port });
        }
        world
    }

    fn hand(&mut self, input: Input<'_>) {
        self.phone.handle_input(self.now, input);
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Send { bytes, .. } => {
                    self.sent.push_back(String::from_utf8(bytes).expect("SIP is text"));
                }
                Output::Connect { connect, remote, .. } => {
                    let open = endpoint::Input::FlowOpen { connect, flow: flow_to(remote) };
                    self.phone.handle_input(self.now, Input::Sip(open));
                }
                Output::StartLeg { leg, .. } => self.legs.push(leg),
                Output::Event(event) => self.events.push_back(event),
                Output::Reply { reply, .. } => self.reply = Some(reply),
                Output::Leg { leg, command: LegCommand::Use(terms) } => {
                    self.terms.insert(leg, terms);
                }
                Output::Leg { leg, command: LegCommand::End { tone } } => {
                    self.terms.remove(&leg);
                    self.metered.remove(&leg);
                    self.ended.push((leg, tone));
                }
                Output::Leg { leg, command: LegCommand::Meter(true) } => {
                    assert!(
                        self.terms.contains_key(&leg) && self.metered.insert(leg),
                        "in its time, and once"
                    );
                }
                Output::Leg { leg, command: LegCommand::Key { key, .. } } => {
                    self.keys.push((leg, key.into()))
                }
                Output::Leg { leg, command: LegCommand::Meter(false) } => {
                    assert!(self.metered.remove(&leg), "once");
                }
                Output::Log(line) => self.log.push(line),
                Output::Stopped => self.has_stopped = true,
                Output::Close { .. } | Output::Leg { .. } => {}
            }
        }
    }

    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.phone.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.hand(Input::Timeout);
        }
        self.now = end;
    }

    fn ask(&mut self, command: Command) -> Done {
        self.ask_as(PROGRAM, command).expect("it is accepted")
    }

    fn ask_as(&mut self, client: ClientId, command: Command) -> Reply {
        self.hand(Input::Command { client, command });
        self.reply.take().expect("a reply")
    }

    /// The next message that begins so; what came before it is of no interest.
    fn hears(&mut self, start: &str) -> String {
        loop {
            let message = self.sent.pop_front().unwrap_or_else(|| panic!("{start} was not sent"));
            if message.starts_with(start) {
                return message;
            }
        }
    }

    fn hears_nothing(&mut self) {
        assert_eq!(self.sent, VecDeque::<String>::new());
    }

    /// RFC 3261 §8.2.6.2.
    fn answers(&mut self, request: &str, status: &str, fields: &str, sdp: &str) {
        let mut text = format!("SIP/2.0 {status}\r\n");
        for line in request.lines().take_while(|line| !line.is_empty()) {
            match line.split_once(':') {
                Some(("Via" | "From" | "Call-ID" | "CSeq", _)) => text += &format!("{line}\r\n"),
                Some(("To", to)) if to.contains("tag=") => text += &format!("To:{to}\r\n"),
                Some(("To", to)) => text += &format!("To:{to};tag=peer\r\n"),
                _ => {}
            }
        }
        let content_type = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
        text += &format!("{fields}{content_type}Content-Length: {}\r\n\r\n{sdp}", sdp.len());
        self.receives(&text);
    }

    fn receives(&mut self, text: &str) {
        self.hand(Input::Sip(endpoint::Input::Datagram { flow: flow_to(self.peer), bytes: text.as_bytes() }));
    }

    /// The legs that the user speaks in.
    fn speaking(&self) -> Vec<LegId> {
        self.terms.iter().filter(|(_, terms)| terms.sending).map(|(leg, _)| *leg).collect()
    }

    fn told(&mut self) -> Vec<Event> {
        self.events.drain(..).collect()
    }

    /// A phone that a program has registered.
    fn registered(config: Config) -> Self {
        let mut world = Self::new(config);
        world.ask(register());
        let request = world.hears("REGISTER ");
        world.answers(&request, "200 OK", "Contact: <sip:1000@192.0.2.10>;expires=90000\r\n", "");
        world.told();
        world
    }

    /// A call that 600 has answered; its INVITE.
    fn calls(&mut self) -> (CallId, String) {
        let Done::Call(call) = self.ask(start_call()) else { panic!("no call") };
        let invite = self.hears("INVITE ");
        self.answers(&invite, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
        self.hears("ACK ");
        self.told();
        (call, invite)
    }
}

fn register() -> Command {
    let (number, password) = ("1000".to_string(), "pw1000".into());
    Command::Register { domain: PEER.into(), number, password, autodisconnect: false }
}

fn start_call() -> Command {
    Command::StartCall { number: "600".into(), headers: Vec::new(), connection: None }
}

/// A field of a message.
fn field<'a>(message: &'a str, name: &str) -> &'a str {
    let value = message.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    value.unwrap_or_else(|| panic!("no {name} in\n{message}"))
}

#[test]
fn rule_8_no_answer_is_408_after_32_s_and_nothing_more_is_said_until_it_is_back() {
    let mut world = World::new(Config::default());
    let Done::Connection(id) = world.ask(register()) else { panic!("no connection") };
    world.pass(31 * SECOND);
    assert_eq!(world.told(), []);
    world.pass(SECOND);
    assert_eq!(world.told(), [Event::RegisterExpired(id, 408), Event::RegisterFinalized(id, 408)]);

    world.pass(60 * MINUTE);
    assert_eq!(world.told(), [], "attempts that fail meanwhile");
    world.sent.clear();
    while world.sent.is_empty() {
        world.pass(SECOND);
    }
    let request = world.hears("REGISTER ");
    world.answers(&request, "200 OK", "Contact: <sip:1000@192.0.2.10>;expires=3600\r\n", "");
    assert_eq!(world.told(), [Event::Registered(id), Event::RegisterFinalized(id, 0)]);
}

#[test]
fn rule_8_a_configured_account_that_is_refused_is_tried_again_after_5_minutes_rising_to_60() {
    let mut world = World::new(Config { accounts: vec![settings()], ..Config::default() });
    for minutes in [5, 10, 20, 40, 60, 60] {
        let request = world.hears("REGISTER ");
        world.answers(&request, "403 Forbidden", "", "");
        let told = world.told();
        assert!(
            matches!(told[..], [Event::RegisterRefused(_, 403), Event::RegisterFinalized(_, 403)]),
            "{told:?}"
        );
        world.pass(minutes * MINUTE - SECOND);
        world.hears_nothing();
        world.pass(SECOND);
    }
    world.hears("REGISTER ");
}

#[test]
fn rule_8_a_configured_account_is_tried_again_by_its_own_password_when_a_program_s_was_refused() {
    const CHALLENGE: &str = "WWW-Authenticate: Digest realm=\"lab\", nonce=\"5ca1ab1e\"\r\n";
    let mut world = World::new(Config { accounts: vec![settings()], ..Config::default() });
    // Without qop the response depends on nothing but the password.
    let answers_with_response = |world: &mut World, status: &str| {
        let request = world.hears("REGISTER ");
        world.answers(&request, "401 Unauthorized", CHALLENGE, "");
        let signed = world.hears("REGISTER ");
        world.answers(&signed, status, "Contact: <sip:1000@192.0.2.10>;expires=90000\r\n", "");
        let (_, response) = signed.split_once("response=").expect("it is signed");
        response.split('"').nth(1).map(ToString::to_string)
    };
    let own = answers_with_response(&mut world, "200 OK");
    let Command::Register { domain, number, autodisconnect, .. } = register() else {
        panic!("no sipregister")
    };
    world.ask(Command::Register { domain, number, password: "guess".into(), autodisconnect });
    assert_ne!(answers_with_response(&mut world, "403 Forbidden"), own);
    world.told();
    world.pass(5 * MINUTE);
    assert_eq!(answers_with_response(&mut world, "200 OK"), own);
    assert!(matches!(world.told()[..], [Event::Registered(_), Event::RegisterFinalized(_, 0)]));
}

#[test]
fn rule_8_a_program_s_account_that_is_refused_stops() {
    let mut world = World::new(Config::default());
    world.ask(register());
    let request = world.hears("REGISTER ");
    world.answers(&request, "403 Forbidden", "", "");
    world.pass(24 * 60 * MINUTE);
    world.hears_nothing();
    assert_eq!(world.told().len(), 2);
}

#[test]
fn rule_9_a_call_that_nothing_answers_ends_with_408() {
    let mut world = World::registered(Config::default());
    world.ask(start_call());
    world.told();
    world.pass(32 * SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [Event::CallFinalized(told)] if told.sip_error == 408), "{told:?}");
}

#[test]
fn part_3_media_that_are_lost_for_60_s_end_the_call_with_408() {
    let mut world = World::registered(Config::default());
    let (call, _) = world.calls();
    let leg = world.legs[0];
    // The leg tells it after 5 s.
    world.hand(Input::LegEvent { leg, event: LegEvent::Lost });
    world.pass(54 * SECOND);
    world.hand(Input::LegEvent { leg, event: LegEvent::Back });
    world.hand(Input::LegEvent { leg, event: LegEvent::Lost });
    assert_eq!(world.told(), [Event::MediaLost(call), Event::MediaBack(call), Event::MediaLost(call)]);
    world.pass(54 * SECOND);
    assert_eq!(world.told(), []);
    world.pass(SECOND);
    let told = world.told();
    assert!(matches!(&told[..], [Event::CallFinalized(told)] if told.sip_error == 408), "{told:?}");
    world.hears("BYE ");
}

#[test]
fn part_3_media_may_be_lost_for_ever_where_the_configuration_says_so() {
    let mut world = World::registered(Config { media_timeout: Duration::ZERO, ..Config::default() });
    let (call, _) = world.calls();
    world.hand(Input::LegEvent { leg: world.legs[0], event: LegEvent::Lost });
    world.pass(24 * 60 * MINUTE);
    assert_eq!(world.told(), [Event::MediaLost(call)]);
}

#[test]
fn part_3_media_are_not_lost_in_a_call_that_is_held_whatever_its_leg_had_to_say_before_it_heard_so() {
    let mut world = World::registered(Config::default());
    let (call, _) = world.calls();
    world.ask(Command::SetHold { call, hold: true });
    world.hand(Input::LegEvent { leg: world.legs[0], event: LegEvent::Lost });
    assert_eq!(world.told(), []);
}
