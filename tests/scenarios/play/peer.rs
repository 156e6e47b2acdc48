//! The scripted peer: proxy, registrar and whoever is called or calls. It knows what was sent both ways, so that a
//! ladder need not say what follows from that (RFC 3261 §8.2.6, §9.1, §12, §17.1.1.3).

use std::collections::BTreeMap;
use std::net::SocketAddr;

use super::Fault;
use super::line::Step;
use super::wire::{Wire, param_of, uri_of};

/// Where the proxy is; its name is `pbx.example`.
pub(crate) const PROXY: &str = "192.0.2.1:5060";

/// One side's view of a dialog: the peer's.
#[derive(Clone)]
struct Dialog {
    call_id: String,
    /// From of the peer's requests, with its tag.
    own: String,
    /// To of the peer's requests, with the phone's tag.
    phone: String,
    /// Request-URI of the peer's requests: the phone's Contact.
    target: String,
}

#[derive(Default)]
pub(crate) struct Peer {
    /// What the phone sent last of each kind, and under each name.
    heard: BTreeMap<String, Wire>,
    /// What the peer sent last of each kind, and under each name.
    own: BTreeMap<String, Wire>,
    /// All that both have sent.
    all: Vec<Wire>,
    /// The latest last.
    dialogs: Vec<Dialog>,
    /// CSeq of the peer's last request, by Call-ID.
    numbers: BTreeMap<String, u32>,
    branches: u32,
    calls: u32,
}

impl Peer {
    /// What the phone sent last of this kind (`INVITE`, `200 INVITE`), or what was called so.
    pub(crate) fn heard(&self, kind: &str) -> Option<&Wire> {
        self.heard.get(kind)
    }

    /// Whether the phone has sent exactly this before.
    pub(crate) fn knows(&self, wire: &Wire) -> bool {
        self.all.contains(wire)
    }

    /// Takes note of what the phone sent.
    pub(crate) fn note_phone(&mut self, wire: &Wire, name: Option<&str>) -> Result<(), Fault> {
        if wire.is_response() {
            self.check_answer(wire)?;
            if wire.method() == "INVITE" && param_of(wire.value("To"), "tag").is_some() {
                self.note_dialog(Dialog {
                    call_id: wire.value("Call-ID").to_owned(),
                    own: wire.value("From").to_owned(),
                    phone: wire.value("To").to_owned(),
                    target: uri_of(wire.value("Contact")).to_owned(),
                });
            }
        } else {
            check_request(wire)?;
        }
        self.all.push(wire.clone());
        for key in std::iter::once(wire.kind()).chain(name.map(str::to_owned)) {
            self.heard.insert(key, wire.clone());
        }
        Ok(())
    }

    /// RFC 3261 §8.2.6.2: an answer has these of its request, letter by letter.
    fn check_answer(&self, answer: &Wire) -> Result<(), Fault> {
        let is_asked = |wire: &&Wire| {
            !wire.is_response()
                && (wire.value("Call-ID"), wire.value("CSeq"))
                    == (answer.value("Call-ID"), answer.value("CSeq"))
                && branch(wire) == branch(answer)
        };
        let Some(request) = self.all.iter().rev().find(is_asked) else {
            return Err(Fault::new("an answer to nothing"));
        };
        let to = request.value("To");
        let has_tag = param_of(to, "tag").is_some();
        let is_same_to = if has_tag { answer.value("To") == to } else { answer.value("To").starts_with(to) };
        if answer.value("From") != request.value("From") || !is_same_to {
            return Err(Fault::new("From and To are not those of the request"));
        }
        Ok(())
    }

    fn note_dialog(&mut self, mut dialog: Dialog) {
        let is_same = |known: &Dialog| {
            (&known.call_id, param_of(&known.own, "tag")) == (&dialog.call_id, param_of(&dialog.own, "tag"))
        };
        if let Some(at) = self.dialogs.iter().position(is_same) {
            let known = self.dialogs.remove(at);
            if dialog.target.is_empty() {
                dialog.target = known.target;
            }
        }
        self.dialogs.push(dialog);
    }

    /// What a line like `<- 200 INVITE tag=b` stands for, before what is listed below it.
    pub(crate) fn compose(&mut self, step: &Step, from: SocketAddr) -> Result<Wire, Fault> {
        match step.word(0).parse::<u16>() {
            Ok(_) => self.answer(step),
            Err(_) => self.request(step, from),
        }
    }

    /// What was sent before, under this name or of this kind.
    pub(crate) fn again(&self, step: &Step) -> Result<Wire, Fault> {
        let two = format!("{} {}", step.word(0), step.word(1));
        let known = self.own.get(&two).or_else(|| self.own.get(step.word(0)));
        known.cloned().ok_or_else(|| Fault::new("nothing to send again"))
    }

    /// Takes note of what the peer sends.
    pub(crate) fn note_own(&mut self, wire: &Wire, name: Option<&str>) {
        if wire.is_response() {
            let request = self.all.iter().find(|it| !it.is_response() && branch(it) == branch(wire));
            let makes_dialog = wire.method() == "INVITE" && !wire.value("Contact").is_empty();
            if let Some(invite) = request.filter(|_| makes_dialog) {
                self.note_dialog(Dialog {
                    call_id: wire.value("Call-ID").to_owned(),
                    own: wire.value("To").to_owned(),
                    phone: invite.value("From").to_owned(),
                    target: uri_of(invite.value("Contact")).to_owned(),
                });
            }
        } else {
            let number = self.numbers.entry(wire.value("Call-ID").to_owned()).or_default();
            *number = wire.number().max(*number);
        }
        self.all.push(wire.clone());
        for key in std::iter::once(wire.kind()).chain(name.map(str::to_owned)) {
            self.own.insert(key, wire.clone());
        }
    }

    fn answer(&self, step: &Step) -> Result<Wire, Fault> {
        let asked = step.word(1);
        let request = self.heard.get(asked).filter(|wire| !wire.is_response());
        let request = request.ok_or_else(|| Fault::new(format!("the phone has sent no {asked}")))?;
        let status = step.word(0);
        let mut answer = Wire::new(format!("SIP/2.0 {status} {}", reason(status)));
        answer.copy("Via", request);
        if let Some((host, port)) = step.option("seen").and_then(|seen| seen.split_once(':')) {
            let seen = request.value("Via").replace(";rport", &format!(";rport={port};received={host}"));
            answer.set("Via", seen);
        }
        answer.copy("From", request);
        let to = request.value("To");
        let needs_tag = status != "100" && param_of(to, "tag").is_none();
        let tag = format!(";tag={}", step.option("tag").unwrap_or("peer"));
        answer.push("To", format!("{to}{}", if needs_tag { &tag } else { "" }));
        answer.copy("Call-ID", request);
        answer.copy("CSeq", request);
        if request.method() == "INVITE" && status != "100" && status.starts_with(['1', '2']) {
            answer.push("Contact", "<sip:600@192.0.2.1:5060>");
        }
        if let Some(seconds) = step.option("granted") {
            answer.push("Contact", format!("{};expires={seconds}", request.value("Contact")));
        }
        Ok(answer)
    }

    fn request(&mut self, step: &Step, from: SocketAddr) -> Result<Wire, Fault> {
        let method = step.word(0).trim_start_matches("re-");
        if matches!(method, "ACK" | "CANCEL") {
            let invite = self.own.get(step.option("of").unwrap_or("INVITE"));
            let invite = invite.ok_or_else(|| Fault::new("the peer has sent no such INVITE"))?;
            if method == "CANCEL" || !self.is_accepted(invite) {
                return Ok(self.hop_request(invite, method));
            }
        }
        let begins = ["INVITE", "OPTIONS", "MESSAGE", "PUBLISH", "NOTIFY"].contains(&step.word(0));
        let is_inside = step.has("inside") || !begins && !step.has("outside");
        let dialog = if is_inside { Some(self.dialog(step)?) } else { None };
        let is_uri = |word: &&String| word.contains(':') && !word.starts_with('@');
        let written = step.words.iter().skip(1).find(is_uri);
        let target = written.cloned().unwrap_or_else(|| match &dialog {
            Some(dialog) => dialog.target.clone(),
            None => String::from("sip:1000@192.0.2.10:5060"),
        });
        self.branches += 1;
        let mut request = Wire::new(format!("{method} {target} SIP/2.0"));
        request.push("Via", format!("SIP/2.0/UDP {from};rport;branch=z9hG4bKpeer{}", self.branches));
        request.push("Max-Forwards", "70");
        let dialog = dialog.unwrap_or_else(|| {
            self.calls += 1;
            Dialog {
                call_id: format!("call{}@192.0.2.1", self.calls),
                own: String::from("<sip:600@pbx.example>;tag=peer"),
                phone: String::from("<sip:1000@pbx.example>"),
                target,
            }
        });
        request.push("From", dialog.own);
        request.push("To", dialog.phone);
        let number = self.numbers.get(&dialog.call_id).copied().unwrap_or_default();
        let number = match self.own.get(step.option("of").unwrap_or("INVITE")) {
            Some(invite) if method == "ACK" => invite.number(),
            _ => number + 1,
        };
        request.push("Call-ID", dialog.call_id);
        request.push("CSeq", format!("{number} {method}"));
        if matches!(method, "INVITE" | "REFER" | "NOTIFY" | "UPDATE") {
            request.push("Contact", format!("<sip:600@{from}>"));
        }
        Ok(request)
    }

    /// ACK for a refusal, and CANCEL: they go the INVITE's way, with its branch.
    fn hop_request(&self, invite: &Wire, method: &str) -> Wire {
        let mut request = Wire::new(invite.first.replacen("INVITE", method, 1));
        for name in ["Via", "Max-Forwards", "Route", "From"] {
            request.copy(name, invite);
        }
        let answered = self.all.iter().find(|it| it.is_response() && branch(it) == branch(invite));
        let to = answered.filter(|_| method == "ACK").unwrap_or(invite).value("To");
        request.push("To", to);
        request.copy("Call-ID", invite);
        request.push("CSeq", format!("{} {method}", invite.number()));
        request
    }

    /// Whether the phone has answered this INVITE with 2xx.
    fn is_accepted(&self, invite: &Wire) -> bool {
        let is_ok = |wire: &Wire| {
            wire.first.starts_with("SIP/2.0 2") && wire.method() == "INVITE" && branch(invite) == branch(wire)
        };
        self.all.iter().any(is_ok)
    }

    /// The latest dialog; `on=a`: of the call that was named so.
    fn dialog(&self, step: &Step) -> Result<Dialog, Fault> {
        let named = step.option("on").map(|name| {
            let wire = self.own.get(name).or_else(|| self.heard.get(name));
            wire.map(|wire| wire.value("Call-ID").to_owned())
        });
        let is_it =
            |dialog: &&Dialog| named.as_ref().is_none_or(|call| call.as_ref() == Some(&dialog.call_id));
        self.dialogs.iter().rev().find(is_it).cloned().ok_or_else(|| Fault::new("there is no such dialog"))
    }
}

/// RFC 3261 §8.1.1 and RFC 3581: what every request of the phone has.
fn check_request(request: &Wire) -> Result<(), Fault> {
    let via = request.values("Via");
    let [via] = via.as_slice() else { return Err(Fault::new("a request of the phone has one Via")) };
    if !via.contains(";rport") || !via.contains(";branch=z9hG4bK") {
        return Err(Fault::new("Via needs rport and a branch of RFC 3261"));
    }
    for name in ["Max-Forwards", "From", "To", "Call-ID", "CSeq"] {
        if request.values(name).len() != 1 {
            return Err(Fault::new(format!("a request has {name} once")));
        }
    }
    if request.value("CSeq").split(' ').nth(1) != request.first.split(' ').next() {
        return Err(Fault::new("CSeq names another method"));
    }
    Ok(())
}

fn branch(wire: &Wire) -> Option<&str> {
    param_of(wire.value("Via"), "branch")
}

/// Reason phrases are for people.
fn reason(status: &str) -> &'static str {
    match status {
        "100" => "Trying",
        "180" => "Ringing",
        "183" => "Session Progress",
        "200" => "OK",
        "401" => "Unauthorized",
        "407" => "Proxy Authentication Required",
        "486" => "Busy Here",
        "487" => "Request Terminated",
        _ => "As I Say",
    }
}
