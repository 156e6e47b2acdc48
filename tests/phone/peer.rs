//! A registrar, proxy and caller of scripted bytes: it reads just enough of SIP to answer by hand, and shares no code
//! with the phone, so that a fault on both sides can't cancel out.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use crate::process::PATIENCE;

/// One UDP socket, on which a story sends and expects.
pub(crate) struct Peer {
    socket: UdpSocket,
    /// Start line and Via of what has come: UDP brings repeats.
    seen: BTreeSet<(String, String)>,
    /// What has come before the story expected it.
    unread: Vec<Received>,
    /// What is said again until something comes, where UDP has perhaps lost it.
    repeated: Option<(SocketAddr, String)>,
    patience: Duration,
}

/// How long the peer waits before it says something again: T1 (RFC 3261 §17.1.1.1).
const T1: Duration = Duration::from_millis(500);

/// What the phone sent.
#[derive(Clone, Debug)]
pub(crate) struct Received {
    pub(crate) from: SocketAddr,
    pub(crate) text: String,
}

/// What the peer's requests within a call are written with.
pub(crate) struct Dialog {
    pub(crate) call_id: String,
    /// The From of the peer's requests, with its tag.
    pub(crate) from: String,
    /// Their To.
    pub(crate) to: String,
    /// The phone's Contact.
    pub(crate) target: String,
    pub(crate) phone: SocketAddr,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1")
    }

    /// A peer with this address, and a port of the system's choice.
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.set_read_timeout(Some(T1)).expect("set");
        Self { socket, seen: BTreeSet::new(), unread: Vec::new(), repeated: None, patience: PATIENCE }
    }

    /// Waits longer for what it expects.
    pub(crate) fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    pub(crate) fn contact(&self) -> String {
        format!("Contact: <sip:peer@{}>\r\n", self.address())
    }

    /// The next message whose first line begins so; others wait until they are expected.
    pub(crate) fn expect(&mut self, start: &str) -> Received {
        let until = Instant::now() + self.patience;
        while Instant::now() < until {
            if let Some(at) = self.unread.iter().position(|message| message.text.starts_with(start)) {
                return self.unread.remove(at);
            }
            match self.receive() {
                Some(message) => self.take(message),
                None => self.repeated.iter().for_each(|(to, text)| self.send(*to, text)),
            }
        }
        let others: Vec<&str> = self.unread.iter().map(Received::start).collect();
        panic!("{start:?} did not come, but {others:?}");
    }

    /// What comes next, if it comes soon.
    fn receive(&self) -> Option<Received> {
        let mut buffer = [0; 65_536];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let text = String::from_utf8(buffer[..length].to_vec()).expect("the phone writes text");
                Some(Received { from, text })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, message: Received) {
        if self.seen.insert((message.start().into(), message.field("Via").into())) {
            self.repeated = None;
            self.unread.push(message);
        }
    }

    /// Answers as RFC 3261 §8.2.6.2 says; `more` are whole fields.
    pub(crate) fn answer(&mut self, request: &Received, status: &str, more: &str, sdp: &str) {
        let mut head = format!("SIP/2.0 {status}\r\n");
        for line in request.head() {
            match line.split_once(':') {
                Some(("Via" | "From" | "Call-ID" | "CSeq", _)) => head += &format!("{line}\r\n"),
                Some(("To", to)) if to.contains("tag=") => head += &format!("To:{to}\r\n"),
                Some(("To", to)) => head += &format!("To:{to};tag=peer\r\n"),
                _ => {}
            }
        }
        let text = with_body(head + more, sdp);
        self.send(request.from, &text);
        // RFC 3261 §13.3.1.4: a 2xx to an INVITE is repeated until its ACK comes.
        if status.starts_with('2') && request.text.starts_with("INVITE ") {
            self.repeated = Some((request.from, text));
        }
    }

    /// Registers the phone, by a challenge first; for so many seconds. Gives back the REGISTER that was signed.
    pub(crate) fn register(&mut self, seconds: u32) -> Received {
        let first = self.expect("REGISTER ");
        assert!(!first.text.contains("\r\nAuthorization: "), "{}", first.text);
        let challenge = "WWW-Authenticate: Digest realm=\"lab\", nonce=\"5ca1ab1e\", qop=\"auth\"\r\n";
        self.answer(&first, "401 Unauthorized", challenge, "");
        let signed = self.expect("REGISTER ");
        self.bind(&signed, seconds);
        signed
    }

    /// Accepts a REGISTER.
    pub(crate) fn bind(&mut self, register: &Received, seconds: u32) {
        let binding = format!("Contact: {};expires={seconds}\r\n", register.field("Contact"));
        self.answer(register, "200 OK", &binding, "");
    }

    /// Calls the phone's user 1000; the dialog of this call, whose `to` has no tag yet.
    pub(crate) fn call(&mut self, phone: SocketAddr, name: &str, sdp: &str) -> Dialog {
        let dialog = Dialog {
            call_id: format!("{name}@{}", self.address()),
            from: format!("\"Ada\" <sip:ada@{}>;tag={name}", self.address()),
            to: "<sip:1000@phone.example>".into(),
            target: format!("sip:1000@{phone}"),
            phone,
        };
        self.request("INVITE", 1, &dialog, &self.contact(), sdp);
        dialog
    }

    /// A request of a call.
    pub(crate) fn request(&mut self, method: &str, number: u32, dialog: &Dialog, more: &str, sdp: &str) {
        let Dialog { call_id, from, to, target, phone } = dialog;
        // RFC 3261 §9.1: a CANCEL has the branch of its INVITE; and the ACK of a 2xx one of its own (§13.2.2.4).
        let branch = if method == "CANCEL" { "INVITE" } else { method };
        let head = format!(
            "{method} {target} SIP/2.0\r\n\
             Via: SIP/2.0/UDP {};branch=z9hG4bK-{call_id}-{number}-{branch};rport\r\n\
             Max-Forwards: 70\r\n\
             From: {from}\r\n\
             To: {to}\r\n\
             Call-ID: {call_id}\r\n\
             CSeq: {number} {method}\r\n",
            self.address()
        );
        let text = with_body(head + more, sdp);
        self.send(*phone, &text);
        // RFC 3261 §17.1: every request but ACK is repeated until an answer comes.
        self.repeated = (method != "ACK").then_some((*phone, text));
    }

    fn send(&self, to: SocketAddr, text: &str) {
        self.socket.send_to(text.as_bytes(), to).expect("sent");
    }
}

fn with_body(head: String, sdp: &str) -> String {
    let content_type = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!("{head}{content_type}Content-Length: {}\r\n\r\n{sdp}", sdp.len())
}

impl Received {
    /// Its first line.
    pub(crate) fn start(&self) -> &str {
        self.text.lines().next().unwrap_or_default()
    }

    fn head(&self) -> impl Iterator<Item = &str> {
        self.text.split("\r\n\r\n").next().unwrap_or_default().split("\r\n").skip(1)
    }

    /// The first field of that name.
    pub(crate) fn field(&self, name: &str) -> &str {
        let values = self.head().filter_map(|line| line.strip_prefix(name)?.strip_prefix(": "));
        values.into_iter().next().unwrap_or_else(|| panic!("no {name} in\n{}", self.text))
    }

    /// The URI of its Contact.
    pub(crate) fn target(&self) -> &str {
        let contact = self.field("Contact");
        contact.split(['<', '>']).nth(1).expect("a URI in brackets")
    }

    /// Where its SDP wants RTP.
    pub(crate) fn rtp(&self) -> SocketAddr {
        let line =
            |start| self.text.lines().find_map(|line| line.strip_prefix(start)).expect("a line of SDP");
        let port = line("m=audio ").split(' ').next().expect("a port");
        format!("{}:{port}", line("c=IN IP4 ")).parse().expect("an address")
    }
}
