//! The stage of the stories: one endpoint, a clock that the story moves, and all that came out.

mod story;

use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant};
use sip::digest::{Authenticator, Credentials};
use sip::endpoint::{ClientId, Config, Endpoint, Event, Input, Output, ServerId};
use sip::flow::{ConnectId, Flow, Link, Transport};
use sip::invite::Profile;
use sip::message::{Message, Method, Name, NameAddr, Request, Response, Status, Uri};

pub(crate) use story::Story;

/// Our address on the stage.
pub(crate) const LOCAL: &str = "192.0.2.10:5060";

/// The peer's.
pub(crate) const REMOTE: &str = "192.0.2.1:5060";

pub(crate) fn flow_to(remote: &str) -> Flow {
    flow_over(Transport::Udp, remote)
}

pub(crate) fn flow_over(transport: Transport, remote: &str) -> Flow {
    Flow { link: Link::Sip(transport), local: address(LOCAL), remote: address(remote) }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("stories are written with good addresses")
}

pub(crate) fn ms(count: u64) -> Duration {
    Duration::from_millis(count)
}

/// A datagram that came out.
pub(crate) struct Sent {
    pub(crate) at_ms: u64,
    pub(crate) flow: Flow,
    pub(crate) bytes: Vec<u8>,
}

impl Sent {
    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.bytes).expect("SIP is sent as text")
    }

    pub(crate) fn first_line(&self) -> &str {
        self.text().lines().next().unwrap_or_default()
    }

    /// Nothing but line ends, for a NAT on the way.
    pub(crate) fn is_keep_alive(&self) -> bool {
        self.bytes == b"\r\n\r\n"
    }

    /// The values of a header field by its long name.
    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        let head = self.text().split("\r\n\r\n").next().unwrap_or_default();
        head.lines().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).collect()
    }

    pub(crate) fn value(&self, name: &str) -> &str {
        match self.values(name).as_slice() {
            [value] => value,
            other => panic!("{name} is there {} times in\n{}", other.len(), self.text()),
        }
    }
}

/// Connects that came out.
pub(crate) type Connect = (ConnectId, Link, SocketAddr);

pub(crate) struct Stage {
    pub(crate) endpoint: Endpoint,
    pub(crate) now: Instant,
    sent: Vec<Sent>,
    events: Vec<Event>,
    connects: Vec<Connect>,
    closed: Vec<Flow>,
}

impl Stage {
    pub(crate) fn new() -> Self {
        Self::with(&Config::default())
    }

    pub(crate) fn with(config: &Config) -> Self {
        Self {
            endpoint: Endpoint::new(config, Dice::new([7; 32])),
            now: Instant::ZERO,
            sent: Vec::new(),
            events: Vec::new(),
            connects: Vec::new(),
            closed: Vec::new(),
        }
    }

    /// Hands something in.
    pub(crate) fn input(&mut self, input: Input<'_>) {
        self.endpoint.handle_input(self.now, input);
        self.collect();
    }

    /// A datagram comes in from the peer; the text's line ends become those of SIP.
    pub(crate) fn receive(&mut self, text: &str) {
        self.receive_on(flow_to(REMOTE), text);
    }

    pub(crate) fn receive_on(&mut self, flow: Flow, text: &str) {
        self.input(Input::Datagram { flow, bytes: text.replace('\n', "\r\n").as_bytes() });
    }

    /// Lets the time pass, waking the endpoint exactly when it asks.
    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(due) = self.endpoint.poll_timeout().filter(|due| *due <= end) {
            assert!(due >= self.now, "a deadline that has passed is not told again");
            self.now = due;
            self.input(Input::Timeout);
        }
        self.now = end;
    }

    pub(crate) fn request(&mut self, request: Request) -> ClientId {
        self.request_on(flow_to(REMOTE), request)
    }

    pub(crate) fn request_on(&mut self, flow: Flow, request: Request) -> ClientId {
        let id = self.endpoint.request(self.now, flow, request);
        self.collect();
        id
    }

    pub(crate) fn cancel(&mut self, id: ClientId) {
        self.endpoint.cancel(self.now, id);
        self.collect();
    }

    pub(crate) fn respond(&mut self, id: ServerId, response: Response) {
        self.endpoint.respond(self.now, id, response);
        self.collect();
    }

    pub(crate) fn collect(&mut self) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Send { flow, bytes } => {
                    self.sent.push(Sent { at_ms: self.now.as_nanos() / 1_000_000, flow, bytes });
                }
                Output::Connect { connect, link, remote } => self.connects.push((connect, link, remote)),
                Output::Close { flow } => self.closed.push(flow),
                Output::Event(event) => self.events.push(event),
            }
        }
    }

    /// All that was sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        std::mem::take(&mut self.sent)
    }

    /// The one message that was sent since the last look.
    pub(crate) fn sent_one(&mut self) -> Sent {
        let mut sent = self.sent();
        assert_eq!(sent.len(), 1, "sent: {:?}", sent.iter().map(Sent::first_line).collect::<Vec<_>>());
        sent.remove(0)
    }

    /// When messages were sent since the last look, in ms.
    pub(crate) fn sent_at_ms(&mut self) -> Vec<u64> {
        self.sent().iter().map(|sent| sent.at_ms).collect()
    }

    pub(crate) fn events(&mut self) -> Vec<Event> {
        std::mem::take(&mut self.events)
    }

    /// The one event since the last look.
    pub(crate) fn event(&mut self) -> Event {
        let mut events = self.events();
        assert_eq!(events.len(), 1, "{events:?}");
        events.remove(0)
    }

    /// The one event since the last look: a request.
    pub(crate) fn requested(&mut self) -> (ServerId, Request) {
        match self.event() {
            Event::Request { transaction, request, .. } => (transaction, request),
            other => panic!("no request: {other:?}"),
        }
    }

    /// The statuses of the answers that the user was told since the last look, and nothing else was.
    pub(crate) fn answers(&mut self) -> Vec<u16> {
        let status = |event: Event| match event {
            Event::Response { response, .. } => response.status.code(),
            other => panic!("no answer: {other:?}"),
        };
        self.events().into_iter().map(status).collect()
    }

    pub(crate) fn connects(&mut self) -> Vec<Connect> {
        std::mem::take(&mut self.connects)
    }

    pub(crate) fn closed(&mut self) -> Vec<Flow> {
        std::mem::take(&mut self.closed)
    }

    /// Nothing is left that could move by itself, send or tell.
    pub(crate) fn assert_at_rest(&mut self) {
        assert_eq!(self.endpoint.poll_timeout(), None);
        assert!(self.sent.is_empty() && self.events.is_empty());
    }
}

/// A request of our own, as a user composes it.
pub(crate) fn our_request(method: Method) -> Request {
    let mut request = Request::new(method.clone(), uri("sip:600@pbx.example"));
    let cseq = format!("7 {method}");
    for (name, value) in [
        (Name::Route, "<sip:edge.example;lr>"),
        (Name::Route, "<sip:core.example;lr>"),
        (Name::MaxForwards, "70"),
        (Name::From, "<sip:1000@pbx.example>;tag=me"),
        (Name::To, "<sip:600@pbx.example>"),
        (Name::CallId, "one@192.0.2.10"),
        (Name::CSeq, cseq.as_str()),
    ] {
        request.headers.push(name, value);
    }
    request
}

pub(crate) fn uri(text: &str) -> Uri {
    Uri::parse(text).expect("stories are written with good URIs")
}

/// The bytes with which a peer answers `request`, made without our parser and printer.
pub(crate) fn answer(request: &Sent, status: &str) -> String {
    let copied =
        |line: &&str| ["Via: ", "From: ", "Call-ID: ", "CSeq: "].iter().any(|start| line.starts_with(start));
    let lines: Vec<&str> = request.text().lines().filter(copied).collect();
    let tag = if status.starts_with("100") { "" } else { ";tag=you" };
    let to = request.value("To");
    let tag = if to.contains(";tag=") { "" } else { tag };
    format!("SIP/2.0 {status}\n{}\nTo: {to}{tag}\nContent-Length: 0\n\n", lines.join("\n"))
}

/// A peer's request. `headers` are whole lines.
pub(crate) fn their_request(method: &str, branch: &str, cseq: u32) -> String {
    format!(
        "{method} sip:1000@192.0.2.10 SIP/2.0\n\
         Via: SIP/2.0/UDP 192.0.2.1:5060;branch={branch};rport\n\
         Max-Forwards: 70\n\
         From: <sip:1001@pbx.example>;tag=them\n\
         To: <sip:1000@pbx.example>\n\
         Call-ID: two@192.0.2.1\n\
         CSeq: {cseq} {method}\n\
         Content-Length: 0\n\n"
    )
}

/// A message with more header fields: whole lines.
pub(crate) fn with(message: &str, lines: &str) -> String {
    message.replacen("Content-Length:", &format!("{lines}\nContent-Length:"), 1)
}

/// A message with SDP, which is one line for those who only pass it on.
pub(crate) fn with_sdp(message: &str, sdp: &str) -> String {
    let (head, _) = message.split_once("Content-Length:").expect("it has one");
    format!("{head}Content-Type: application/sdp\nContent-Length: {}\n\n{sdp}", sdp.len())
}

/// What challenges a request; the nonce is what differs from the next one.
pub(crate) fn challenge(nonce: &str) -> String {
    format!("WWW-Authenticate: Digest realm=\"pbx\", nonce=\"{nonce}\", qop=\"auth\"")
}

/// Who we are.
pub(crate) fn profile() -> Profile {
    let credentials = Credentials { user: "1000".into(), realm: None, password: "pw1000".into() };
    Profile {
        address: NameAddr::new(uri("sip:1000@pbx.example")),
        contact_user: "1000".into(),
        agent: "neonphone".into(),
        authenticator: Some(Authenticator::new(credentials)),
        seen: None,
    }
}

/// An answer to `request` as a user composes it.
pub(crate) fn our_answer(request: &Request, status: Status) -> Response {
    Response::to_request(request, status)
}

/// Whether our own parser takes it: for what the endpoint made, and a peer could not have.
pub(crate) fn is_message(bytes: &[u8]) -> bool {
    matches!(Message::parse(bytes), Ok(Message::Request(_) | Message::Response(_)))
}
