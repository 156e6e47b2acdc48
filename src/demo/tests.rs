//! The exchange in a time of its own, with phones of scripted bytes.

use std::fs;
use std::os::unix::fs::PermissionsExt;

use base::{Dice, Duration, Instant, Secret};
use media::leg::Channel;
use sip::digest::{Authenticator, Credentials};
use sip::message::{Message, Request, Response};

use super::exchange::Exchange;
use super::home::Home;
use super::interface::{Input, LINES, Output};
use super::registrar::PASSWORD;
use crate::io::{config, password};

const EXCHANGE: &str = "127.0.0.1:5070";
const ADA: &str = "127.0.0.1:5061";
const BOB: &str = "127.0.0.1:5062";

/// The exchange, and what it has said that nobody has looked at.
struct Story {
    exchange: Exchange,
    now: Instant,
    said: Vec<(String, String)>,
    packets: usize,
    dice: Dice,
    calls: u32,
}

impl Story {
    fn new() -> Self {
        let address = EXCHANGE.parse().expect("an address");
        let lines = std::array::from_fn(|line| ([127, 0, 0, 1], 20_000 + 2 * line as u16).into());
        Self {
            exchange: Exchange::new(address, lines, Dice::new([7; 32])),
            now: Instant::ZERO,
            said: Vec::new(),
            packets: 0,
            dice: Dice::new([8; 32]),
            calls: 0,
        }
    }

    fn input(&mut self, input: Input<'_>) {
        self.exchange.handle_input(self.now, input);
        while let Some(output) = self.exchange.poll_output() {
            match output {
                Output::Sip { to, bytes } => {
                    let text = String::from_utf8(bytes).expect("SIP is text");
                    self.said.push((to.to_string(), text));
                }
                Output::Media { .. } => self.packets += 1,
            }
        }
    }

    fn says(&mut self, from: &str, text: &str) {
        let from = from.parse().expect("an address");
        self.input(Input::Sip { from, bytes: text.as_bytes() });
    }

    /// Lets time pass, with sound where there is any.
    fn passes(&mut self, span: Duration) {
        let end = self.now + span;
        while self.now < end {
            let tick = self.now + Duration::from_millis(10);
            let due = self.exchange.poll_timeout().filter(|due| *due <= end);
            self.now =
                if self.exchange.sounds() { tick.min(due.unwrap_or(tick)) } else { due.unwrap_or(end) };
            self.input(Input::Tick);
            if due.is_some_and(|due| due <= self.now) {
                self.input(Input::Timeout);
            }
        }
    }

    /// What it says next to that phone; its first line begins so.
    fn hears(&mut self, phone: &str, beginning: &str) -> String {
        let at = self.said.iter().position(|(to, text)| to == phone && text.starts_with(beginning));
        let Some(at) = at else { panic!("{phone} never hears {beginning:?}, but: {:#?}", self.said) };
        self.said.remove(at).1
    }

    /// A request of `user` outside of calls, signed where the exchange asks for it.
    fn asks(&mut self, phone: &str, text: &str, password: &str) {
        self.says(phone, text);
        let challenge = self
            .said
            .iter()
            .position(|(_, text)| text.starts_with("SIP/2.0 401 ") || text.starts_with("SIP/2.0 407 "));
        let Some(challenge) = challenge.map(|at| self.said.remove(at).1) else { return };
        let mut request = request(text);
        let user = request.headers.from().expect("From").uri.as_sip().and_then(|uri| uri.user.clone());
        let credentials =
            Credentials { user: user.expect("a user"), realm: None, password: Secret::new(password) };
        let mut authenticator = Authenticator::new(credentials);
        assert!(authenticator.take_challenge(&response(&challenge)), "{challenge}");
        authenticator.sign(&mut request, &mut self.dice);
        let signed = String::from_utf8(request.to_bytes()).expect("text");
        self.says(phone, &signed.replace("CSeq: 1 ", "CSeq: 2 ").replace("z9hG4bK", "z9hG4bKsigned"));
    }

    fn registers(&mut self, phone: &str, user: &str) -> String {
        self.asks(phone, &register(phone, user, &format!("<sip:{user}@{phone}>"), 600), PASSWORD);
        self.hears(phone, "SIP/2.0 200 ")
    }

    /// Ada calls, and has signed her INVITE; the number of the call.
    fn calls(&mut self, number: &str) -> u32 {
        self.calls += 1;
        self.asks(ADA, &invite(self.calls, number), PASSWORD);
        self.calls
    }

    /// Something that Ada says in her call, whose 200 she has.
    fn says_in(&mut self, call: u32, ok: &str, method: &str, number: u32) {
        let target = field(ok, "Contact").trim_matches(['<', '>']);
        let text = format!(
            "{method} {target} SIP/2.0\r\nVia: SIP/2.0/UDP {ADA};branch=z9hG4bK{method}{call}\r\n\
             From: <sip:1000@{EXCHANGE}>;tag=ada{call}\r\nTo: {}\r\nCall-ID: call{call}\r\n\
             CSeq: {number} {method}\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
            field(ok, "To")
        );
        self.says(ADA, &text);
    }
}

fn request(text: &str) -> Request {
    match Message::parse(text.as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn response(text: &str) -> Response {
    match Message::parse(text.as_bytes()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn field<'a>(text: &'a str, name: &str) -> &'a str {
    let found = text.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
    found.unwrap_or_else(|| panic!("no {name} in {text}"))
}

fn register(phone: &str, user: &str, contact: &str, expires: u32) -> String {
    format!(
        "REGISTER sip:{EXCHANGE} SIP/2.0\r\nVia: SIP/2.0/UDP {phone};branch=z9hG4bKreg{user}{expires}\r\n\
         From: <sip:{user}@{EXCHANGE}>;tag=1\r\nTo: <sip:{user}@{EXCHANGE}>\r\nCall-ID: reg{user}{expires}\r\n\
         CSeq: 1 REGISTER\r\nContact: {contact}\r\nExpires: {expires}\r\nMax-Forwards: 70\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn invite(call: u32, number: &str) -> String {
    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
               m=audio 30000 RTP/AVP 0 101\r\na=rtpmap:101 telephone-event/8000\r\n";
    format!(
        "INVITE sip:{number}@{EXCHANGE} SIP/2.0\r\nVia: SIP/2.0/UDP {ADA};branch=z9hG4bKinv{call}\r\n\
         From: <sip:1000@{EXCHANGE}>;tag=ada{call}\r\nTo: <sip:{number}@{EXCHANGE}>\r\nCall-ID: call{call}\r\n\
         CSeq: 1 INVITE\r\nContact: <sip:1000@{ADA}>\r\nMax-Forwards: 70\r\nContent-Type: application/sdp\r\n\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

const RINGS: Duration = Duration::from_millis(700);

#[test]
fn only_who_knows_the_password_is_bound_and_only_for_as_long_as_granted() {
    let mut story = Story::new();
    story.says(ADA, &register(ADA, "1000", "<sip:1000@127.0.0.1:5061>", 600));
    let challenge = story.hears(ADA, "SIP/2.0 401 ");
    let asked: Vec<&str> =
        challenge.lines().filter_map(|line| line.strip_prefix("WWW-Authenticate: ")).collect();
    assert!(asked[0].ends_with("algorithm=SHA-256") && asked[1].ends_with("algorithm=MD5"), "{asked:?}");

    story.asks(BOB, &register(BOB, "1001", "<sip:1001@127.0.0.1:5062>", 60), "guess");
    assert!(!story.hears(BOB, "SIP/2.0 401 ").contains("stale"));
    story.calls("1001");
    story.hears(ADA, "SIP/2.0 480 ");

    let ok = story.registers(BOB, "1001");
    assert_eq!(field(&ok, "Contact"), "<sip:1001@127.0.0.1:5062>;expires=600");
    story.passes(Duration::from_secs(601));
    story.calls("1001");
    story.hears(ADA, "SIP/2.0 480 ");
}

#[test]
fn a_user_leaves_by_expires_0_or_by_a_star() {
    for (contact, expires) in [("<sip:1001@127.0.0.1:5062>", 0), ("*", 0)] {
        let mut story = Story::new();
        story.registers(BOB, "1001");
        story.asks(BOB, &register(BOB, "1001", contact, expires), PASSWORD);
        assert!(!story.hears(BOB, "SIP/2.0 200 ").contains("Contact: "));
        story.calls("1001");
        story.hears(ADA, "SIP/2.0 480 ");
    }
}

#[test]
fn nobody_binds_another_user_and_nobody_calls_without_a_password() {
    let mut story = Story::new();
    let foreign =
        register(ADA, "1000", "<sip:1000@127.0.0.1:5061>", 600).replace("To: <sip:1000@", "To: <sip:1001@");
    story.asks(ADA, &foreign, PASSWORD);
    story.hears(ADA, "SIP/2.0 403 ");

    story.says(ADA, &invite(1, "600"));
    assert!(story.hears(ADA, "SIP/2.0 407 ").contains("Proxy-Authenticate: Digest "));
    story.asks(ADA, &invite(2, "600"), "guess");
    story.hears(ADA, "SIP/2.0 407 ");
}

#[test]
fn a_nonce_that_has_lapsed_is_told_as_stale_so_that_nobody_is_asked_for_his_password() {
    let mut story = Story::new();
    let text = register(ADA, "1000", "<sip:1000@127.0.0.1:5061>", 600);
    story.says(ADA, &text);
    let challenge = story.hears(ADA, "SIP/2.0 401 ");
    story.passes(Duration::from_secs(601));
    let credentials = Credentials { user: "1000".into(), realm: None, password: Secret::new(PASSWORD) };
    let mut authenticator = Authenticator::new(credentials);
    assert!(authenticator.take_challenge(&response(&challenge)));
    let mut late = request(&text.replace("CSeq: 1 ", "CSeq: 2 ").replace("z9hG4bK", "z9hG4bKlate"));
    authenticator.sign(&mut late, &mut story.dice);
    story.says(ADA, &String::from_utf8(late.to_bytes()).expect("text"));
    assert!(story.hears(ADA, "SIP/2.0 401 ").contains("stale=true"));
}

#[test]
fn numbers_that_answer_nobody_say_so() {
    let mut story = Story::new();
    story.calls("486");
    story.hears(ADA, "SIP/2.0 486 ");
    story.calls("404");
    story.hears(ADA, "SIP/2.0 404 ");

    story.calls("480");
    story.hears(ADA, "SIP/2.0 180 ");
    story.passes(Duration::from_secs(59));
    assert!(!story.said.iter().any(|(_, text)| text.starts_with("SIP/2.0 480 ")));
    story.passes(Duration::from_secs(1));
    story.hears(ADA, "SIP/2.0 480 ");
}

#[test]
fn a_call_that_is_answered_has_sound_until_the_exchange_stops() {
    let mut story = Story::new();
    let call = story.calls("602");
    story.hears(ADA, "SIP/2.0 180 ");
    story.passes(RINGS);
    let ok = story.hears(ADA, "SIP/2.0 200 ");
    assert!(ok.contains("m=audio 20000 RTP/AVP 0 101\r\n"), "{ok}");
    story.says_in(call, &ok, "ACK", 2);
    story.packets = 0;
    story.passes(Duration::from_secs(2));
    assert!((100..=102).contains(&story.packets), "{} packets in 2 s", story.packets);

    story.input(Input::Stop);
    assert!(story.hears(ADA, "BYE ").contains("Call-ID: call1\r\n"));
    assert!(!story.exchange.has_stopped(story.now));
    story.passes(Duration::from_millis(100));
    assert!(story.exchange.has_stopped(story.now), "though nobody has answered");
}

#[test]
fn a_call_that_nobody_ends_does_so_after_ten_minutes() {
    let mut story = Story::new();
    let call = story.calls("600");
    story.passes(RINGS);
    let ok = story.hears(ADA, "SIP/2.0 200 ");
    story.says_in(call, &ok, "ACK", 2);
    story.now += Duration::from_secs(601);
    story.input(Input::Timeout);
    story.hears(ADA, "BYE ");
}

#[test]
fn one_call_more_than_there_are_lines_is_busy_until_one_ends() {
    let mut story = Story::new();
    let first = story.calls("600");
    story.passes(RINGS);
    let ok = story.hears(ADA, "SIP/2.0 200 ");
    story.says_in(first, &ok, "ACK", 2);
    for _ in 1..LINES {
        story.calls("480");
    }
    story.calls("600");
    story.hears(ADA, "SIP/2.0 486 ");

    story.says_in(first, &ok, "BYE", 3);
    story.hears(ADA, "SIP/2.0 200 ");
    story.said.clear();
    story.calls("600");
    story.hears(ADA, "SIP/2.0 180 ");
}

#[test]
fn a_caller_who_wants_it_is_called_back() {
    let mut story = Story::new();
    story.registers(ADA, "1000");
    let call = story.calls("603");
    story.passes(RINGS);
    let ok = story.hears(ADA, "SIP/2.0 200 ");
    story.says_in(call, &ok, "ACK", 2);
    story.passes(Duration::from_millis(1_200));
    story.hears(ADA, "BYE ");
    story.passes(Duration::from_millis(4_990));
    assert!(!story.said.iter().any(|(_, text)| text.starts_with("INVITE ")));
    story.passes(Duration::from_millis(10));
    assert!(story.hears(ADA, "INVITE ").starts_with("INVITE sip:1000@127.0.0.1:5061 SIP/2.0\r\n"));
}

#[test]
fn a_call_to_another_phone_is_forwarded_there_and_its_answers_come_back() {
    let mut story = Story::new();
    story.registers(BOB, "1001");
    story.calls("1001");
    let forwarded = story.hears(BOB, "INVITE sip:1001@127.0.0.1:5062 ");
    assert_eq!(forwarded.matches("Via: ").count(), 1);
    assert!(forwarded.contains("Max-Forwards: 69\r\n") && !forwarded.contains("Proxy-Authorization"));
    assert!(
        forwarded.contains("Contact: <sip:1000@127.0.0.1:5061>\r\n"),
        "all else goes from phone to phone"
    );

    let answer = |status: &str| {
        let fields = ["Via", "From", "Call-ID", "CSeq"];
        let fields = fields.map(|name| format!("{name}: {}\r\n", field(&forwarded, name))).concat();
        let to = field(&forwarded, "To");
        format!(
            "SIP/2.0 {status}\r\n{fields}To: {to};tag=bob\r\nContact: <sip:1001@{BOB}>\r\nContent-Length: 0\r\n\r\n"
        )
    };
    story.says(BOB, &answer("180 Ringing"));
    assert!(story.hears(ADA, "SIP/2.0 180 ").contains(&format!("Via: SIP/2.0/UDP {ADA};")));
    story.says(BOB, &answer("200 OK"));
    assert!(story.hears(ADA, "SIP/2.0 200 ").contains("tag=bob"));
    story.says(BOB, &answer("200 OK"));
    story.hears(ADA, "SIP/2.0 200 ");
}

#[test]
fn who_gives_up_a_forwarded_call_is_heard_by_the_other_phone() {
    let mut story = Story::new();
    story.registers(BOB, "1001");
    let call = story.calls("1001");
    let forwarded = story.hears(BOB, "INVITE ");
    let ringing = forwarded.replacen("INVITE sip:1001@127.0.0.1:5062 SIP/2.0", "SIP/2.0 180 Ringing", 1);
    story.says(BOB, &ringing);
    story.hears(ADA, "SIP/2.0 180 ");
    story.says(
        ADA,
        &format!(
            "CANCEL sip:1001@{EXCHANGE} SIP/2.0\r\nVia: SIP/2.0/UDP {ADA};branch=z9hG4bKsignedinv{call}\r\n\
             From: <sip:1000@{EXCHANGE}>;tag=ada{call}\r\nTo: <sip:1001@{EXCHANGE}>\r\nCall-ID: call{call}\r\n\
             CSeq: 2 CANCEL\r\nMax-Forwards: 70\r\nContent-Length: 0\r\n\r\n"
        ),
    );
    story.hears(ADA, "SIP/2.0 200 ");
    story.hears(BOB, "CANCEL ");
}

#[test]
fn noise_harms_nobody() {
    let mut story = Story::new();
    let mut noise = Dice::new([9; 32]);
    for round in 0..2_000 {
        let length = noise.below(200) as usize;
        let bytes: Vec<u8> = (0..length).map(|_| noise.u32() as u8).collect();
        let from = ADA.parse().expect("an address");
        story.input(Input::Sip { from, bytes: &bytes });
        let channel = if round % 2 == 0 { Channel::Rtp } else { Channel::Rtcp };
        story.input(Input::Media { line: round % LINES, channel, from, bytes: &bytes });
    }
    story.calls("486");
    story.hears(ADA, "SIP/2.0 486 ");
}

#[test]
fn the_ready_configuration_is_right_private_and_written_once() {
    let folder = std::env::temp_dir().join(format!("neonphone-demo-{}", std::process::id()));
    let mut dice = Dice::new([7; 32]);
    let home = Home::open(&folder, &mut dice).expect("it can be written");
    for path in [&home.config, &home.password] {
        let mode = fs::metadata(path).expect("it is there").permissions().mode();
        assert_eq!(mode & 0o777, 0o600, "{}", path.display());
    }
    let loaded = config::load(Some(&home.config)).expect("a right configuration");
    let password = home.password_for(&loaded.config).expect("its password fits");
    assert_eq!(password.expose().len(), 16);

    let again = Home::open(&folder, &mut dice).expect("it can be read");
    let still = again.password_for(&config::load(Some(&again.config)).expect("right").config);
    assert_eq!(still, Some(password));
    fs::write(&home.config, password_section("demo", "another")).expect("written");
    let changed = config::load(Some(&home.config)).expect("right");
    assert_eq!(
        home.password_for(&changed.config),
        None,
        "a password that the user chose is not ours to tell"
    );
    fs::remove_dir_all(&folder).expect("removed");
}

fn password_section(user: &str, password: &str) -> String {
    config::user_section(user, &password::hash(&Secret::from(password), [7; 16]))
}

#[test]
fn a_caller_who_offers_nothing_gets_an_offer_and_is_heard_once_he_has_answered() {
    let mut story = Story::new();
    let offer = invite(1, "602");
    let (head, _) = offer.split_once("Content-Type").expect("it has SDP");
    story.calls = 1;
    story.asks(ADA, &format!("{head}Content-Length: 0\r\n\r\n"), PASSWORD);
    story.passes(RINGS);
    let ok = story.hears(ADA, "SIP/2.0 200 ");
    assert!(ok.contains("m=audio 20000 RTP/AVP 8 0 101\r\n"), "{ok}");
    story.passes(Duration::from_millis(100));
    assert_eq!(story.packets, 0, "nobody knows where to");

    let sdp = "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 30000 RTP/AVP 0\r\n";
    let ack = format!(
        "ACK sip:602@{EXCHANGE} SIP/2.0\r\nVia: SIP/2.0/UDP {ADA};branch=z9hG4bKack\r\n\
         From: <sip:1000@{EXCHANGE}>;tag=ada1\r\nTo: {}\r\nCall-ID: call1\r\nCSeq: 2 ACK\r\nMax-Forwards: 70\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        field(&ok, "To"),
        sdp.len()
    );
    story.says(ADA, &ack);
    story.passes(Duration::from_secs(1));
    assert!((49..=52).contains(&story.packets), "{} packets in a second", story.packets);
}
