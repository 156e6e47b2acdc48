//! A registrar, proxy and caller of scripted bytes: it reads just enough of SIP to answer by hand, and shares no code
//! with the phone, so that a fault on both sides can't cancel out.

use std::collections::BTreeSet;
use std::io::ErrorKind;
use std::net::{SocketAddr, UdpSocket};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use super::PATIENCE;
use super::message::Message;

/// One UDP socket, on which a story sends and hears.
pub(crate) struct Peer {
    socket: UdpSocket,
    /// Start line and Via of what has come: UDP brings repeats.
    seen: BTreeSet<(String, String)>,
    /// What has come before the story expected it.
    unheard: Vec<Message>,
    /// What is said again until something comes, where UDP has perhaps lost it.
    repeated: Option<(SocketAddr, String)>,
    patience: Duration,
    /// Requests outside of calls so far.
    requests: u32,
}

/// How long the peer waits before it says something again: T1 (RFC 3261 §17.1.1.1).
const T1: Duration = Duration::from_millis(500);

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
    /// CSeq of the last request.
    number: u32,
    /// CSeq of the last INVITE.
    invite: u32,
}

impl Peer {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1")
    }

    /// A peer with this address, and a port of the system's choice.
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.set_read_timeout(Some(T1)).expect("set");
        Self {
            socket,
            seen: BTreeSet::new(),
            unheard: Vec::new(),
            repeated: None,
            patience: PATIENCE,
            requests: 0,
        }
    }

    /// Waits longer for what it expects.
    pub(crate) fn be_patient(&mut self, patience: Duration) {
        self.patience = patience;
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.socket.local_addr().expect("bound")
    }

    /// The field by which the phone reaches it.
    pub(crate) fn contact(&self) -> String {
        format!("Contact: <sip:peer@{}>\r\n", self.address())
    }

    /// The section of an account that registers here.
    pub(crate) fn section(&self) -> String {
        format!("[[accounts]]\nuser = \"1000\"\npassword = \"pw1000\"\ndomain = \"{}\"\n", self.address())
    }

    /// The parameters of `sipregister` for such an account.
    pub(crate) fn account(&self) -> Value {
        json!({ "domain": self.address().to_string(), "number": "1000", "password": "pw1000" })
    }

    /// The next request with this method or response with this status; others wait until they are expected.
    pub(crate) fn hears(&mut self, kind: &str) -> Message {
        self.hears_of(kind, "")
    }

    /// The same, with this somewhere in it.
    pub(crate) fn hears_of(&mut self, kind: &str, part: &str) -> Message {
        let is_it = |message: &Message| message.kind() == kind && message.text.contains(part);
        self.hears_where(&is_it, &format!("{kind} {part}"))
    }

    /// The next message, whatever it is.
    pub(crate) fn hears_next(&mut self) -> Message {
        self.hears_where(&|_| true, "anything")
    }

    fn hears_where(&mut self, is_it: &dyn Fn(&Message) -> bool, what: &str) -> Message {
        let until = Instant::now() + self.patience;
        while Instant::now() < until {
            if let Some(at) = self.unheard.iter().position(is_it) {
                return self.unheard.remove(at);
            }
            match self.receive() {
                Some(message) => self.take(message),
                None => self.repeated.iter().for_each(|(to, text)| self.send(*to, text)),
            }
        }
        let others: Vec<&str> = self.unheard.iter().map(Message::start).collect();
        panic!("{what} did not come, but {others:?}");
    }

    /// Nothing has been sent to it that it has not heard: what is answered last was sent last.
    pub(crate) fn hears_no_more(&mut self, phone: SocketAddr) {
        self.asks_for_options(phone);
        let others: Vec<&str> = self.unheard.iter().map(Message::start).collect();
        assert!(others.is_empty(), "{others:?}");
    }

    /// Asks what the phone can do. Once it is answered, the phone has read all that was sent to it before.
    pub(crate) fn asks_for_options(&mut self, phone: SocketAddr) -> Message {
        self.requests += 1;
        let mut dialog = self.dialog_with(phone, &format!("options-{}", self.requests));
        self.sends_in(&mut dialog, "OPTIONS", "", "");
        self.hears_of("200", &dialog.call_id)
    }

    /// What comes next, if it comes soon.
    fn receive(&self) -> Option<Message> {
        let mut buffer = [0; 65_536];
        match self.socket.recv_from(&mut buffer) {
            Ok((length, from)) => {
                let text = String::from_utf8(buffer[..length].to_vec()).expect("the phone writes text");
                Some(Message { from, text })
            }
            Err(error) if error.kind() == ErrorKind::WouldBlock => None,
            Err(error) => panic!("{error}"),
        }
    }

    fn take(&mut self, message: Message) {
        if self.seen.insert((message.start().into(), message.field("Via").into())) {
            self.repeated = None;
            self.unheard.push(message);
        }
    }

    /// Answers as RFC 3261 §8.2.6.2 says, without a body.
    pub(crate) fn answers(&mut self, request: &Message, status: &str) {
        self.answers_with(request, status, "", "");
    }

    /// The same, with these whole fields and this body, SDP where `fields` have no other Content-Type.
    pub(crate) fn answers_with(&mut self, request: &Message, status: &str, fields: &str, body: &str) {
        let mut head = format!("SIP/2.0 {status}\r\n");
        for line in request.head() {
            match line.split_once(':') {
                Some(("Via" | "From" | "Call-ID" | "CSeq", _)) => head += &format!("{line}\r\n"),
                Some(("To", to)) if to.contains("tag=") => head += &format!("To:{to}\r\n"),
                Some(("To", to)) => head += &format!("To:{to};tag=peer\r\n"),
                _ => {}
            }
        }
        let text = with_body(head + fields, body);
        self.send(request.from, &text);
        // RFC 3261 §13.3.1.4: a 2xx to an INVITE is repeated until its ACK comes.
        if status.starts_with('2') && request.kind() == "INVITE" {
            self.repeated = Some((request.from, text));
        }
    }

    /// Registers the phone, by a challenge first; for so many seconds. Gives back the REGISTER that was signed.
    pub(crate) fn registers(&mut self, seconds: u32) -> Message {
        let first = self.hears("REGISTER");
        assert_eq!(first.get("Authorization"), None, "{}", first.text);
        self.challenges(&first, "5ca1ab1e");
        let signed = self.hears("REGISTER");
        self.binds(&signed, seconds);
        signed
    }

    /// Asks for a password.
    pub(crate) fn challenges(&mut self, request: &Message, nonce: &str) {
        let challenge =
            format!("WWW-Authenticate: Digest realm=\"lab\", nonce=\"{nonce}\", qop=\"auth\"\r\n");
        self.answers_with(request, "401 Unauthorized", &challenge, "");
    }

    /// Accepts a REGISTER.
    pub(crate) fn binds(&mut self, register: &Message, seconds: u32) {
        let binding = format!("Contact: {};expires={seconds}\r\n", register.field("Contact"));
        self.answers_with(register, "200 OK", &binding, "");
    }

    /// Hears a REGISTER that ends the registration, and answers it.
    pub(crate) fn unbinds(&mut self) -> Message {
        let farewell = self.hears("REGISTER");
        assert_eq!(farewell.field("Expires"), "0");
        self.answers(&farewell, "200 OK");
        farewell
    }

    /// Calls the phone's user 1000 with this offer; the dialog of this call, whose `to` has no tag yet.
    pub(crate) fn calls(&mut self, phone: SocketAddr, name: &str, offer: &str) -> Dialog {
        self.calls_with(phone, name, "", offer)
    }

    /// The same, with these whole fields too.
    pub(crate) fn calls_with(&mut self, phone: SocketAddr, name: &str, fields: &str, offer: &str) -> Dialog {
        let mut dialog = self.dialog_with(phone, name);
        self.sends_in(&mut dialog, "INVITE", &(self.contact() + fields), offer);
        dialog
    }

    /// A dialog that is about to begin.
    pub(crate) fn dialog_with(&self, phone: SocketAddr, name: &str) -> Dialog {
        Dialog {
            call_id: format!("{name}@{}", self.address()),
            from: format!("\"Ada\" <sip:ada@{}>;tag={name}", self.address()),
            to: "<sip:1000@phone.example>".into(),
            target: format!("sip:1000@{phone}"),
            phone,
            number: 0,
            invite: 0,
        }
    }

    /// Sends a request of a call, with whole fields and a body, SDP where `fields` have no other Content-Type.
    pub(crate) fn sends_in(&mut self, dialog: &mut Dialog, method: &str, fields: &str, body: &str) {
        // RFC 3261 §9.1: a CANCEL has the branch of its INVITE; and the ACK of a 2xx one of its own (§13.2.2.4).
        let branch = if method == "CANCEL" { "INVITE" } else { method };
        let number = dialog.number_of(method);
        let Dialog { call_id, from, to, target, phone, .. } = dialog;
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
        let text = with_body(head + fields, body);
        self.send(*phone, &text);
        // RFC 3261 §17.1: every request but ACK is repeated until an answer comes.
        self.repeated = (method != "ACK").then_some((*phone, text));
    }

    /// Sends these bytes.
    pub(crate) fn send(&self, to: SocketAddr, text: impl AsRef<[u8]>) {
        self.socket.send_to(text.as_ref(), to).expect("sent");
    }
}

fn with_body(head: String, body: &str) -> String {
    let is_sdp = !body.is_empty() && !head.contains("\r\nContent-Type: ");
    let content_type = if is_sdp { "Content-Type: application/sdp\r\n" } else { "" };
    format!("{head}{content_type}Content-Length: {}\r\n\r\n{body}", body.len())
}

impl Dialog {
    /// That of a call that the phone placed by this INVITE, for requests of the peer.
    pub(crate) fn of(invite: &Message) -> Self {
        Self {
            call_id: invite.field("Call-ID").into(),
            from: format!("{};tag=peer", invite.field("To")),
            to: invite.field("From").into(),
            target: invite.target().into(),
            phone: invite.from,
            number: 0,
            invite: 0,
        }
    }

    /// The phone has answered: from now on its tag and target are known.
    pub(crate) fn learns_from(&mut self, response: &Message) {
        self.to = response.field("To").into();
        if response.get("Contact").is_some() {
            self.target = response.target().into();
        }
    }

    /// RFC 3261 §12.2.1.1: each request counts; ACK and CANCEL have the number of their INVITE.
    fn number_of(&mut self, method: &str) -> u32 {
        if ["ACK", "CANCEL"].contains(&method) {
            return self.invite;
        }
        self.number += 1;
        if method == "INVITE" {
            self.invite = self.number;
        }
        self.number
    }
}
