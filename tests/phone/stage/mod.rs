//! The stage of every story: the real binary, programs that drive it over a real WebSocket, and peers of scripted bytes
//! over real UDP on loopback, with ports of the system's choice. Nobody sleeps: each reads until what it expects has
//! come, under one deadline.
//!
//! [`Phone`], [`Program`] and [`Peer`] stand for themselves; a [`Stage`] is what most stories begin with, one of each.

mod ear;
mod message;
mod noise;
mod peer;
mod process;
mod program;
mod room;

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use serde_json::{Value, json};

pub(crate) use self::ear::{Ear, KEYS, Packet};
pub(crate) use self::message::Message;
pub(crate) use self::noise::Noise;
pub(crate) use self::peer::{Dialog, Peer};
pub(crate) use self::process::{ConfigFile, Phone, neonphone, ran};
pub(crate) use self::program::{OPERATOR, PASSWORD, Program, user};
pub(crate) use self::room::Room;

/// Whatever is expected of the phone happens within this time on a busy machine, or never.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// The time that the phone has for an orderly stop.
pub(crate) const STOP: Duration = Duration::from_secs(2);

/// A phone in its room, a program that drives it, and its server, which is also everybody that it calls and is called by.
pub(crate) struct Stage {
    pub(crate) phone: Phone,
    pub(crate) program: Program,
    pub(crate) peer: Peer,
    room: Room,
}

impl Stage {
    /// A phone and an authenticated program; nothing is registered.
    pub(crate) fn new() -> Self {
        Self::with("")
    }

    /// The same, with a phone of this configuration.
    pub(crate) fn with(config: &str) -> Self {
        let room = Room::new();
        let phone = Phone::start(&[config, "\n", &room.audio()].concat());
        let program = phone.program();
        Self { phone, program, peer: Peer::new(), room }
    }

    /// A registered phone that rings by a device of its own: the room's file `ringer.wav`.
    pub(crate) fn with_ringer() -> Self {
        let room = Room::new();
        let ring = format!("ring = \"wav:{}\"\n", room.file("ringer.wav").display());
        let phone = Phone::start(&[room.audio(), ring].concat());
        let mut stage = Self { program: phone.program(), phone, peer: Peer::new(), room };
        stage.registers(3600);
        stage
    }

    /// The phone is registered, and its program has heard so.
    pub(crate) fn registered() -> Self {
        Self::registered_with("")
    }

    /// The same, with a phone of this configuration.
    pub(crate) fn registered_with(config: &str) -> Self {
        let mut stage = Self::with(config);
        stage.registers(3600);
        stage
    }

    /// A phone whose configuration has the account, with these settings too; it is registered.
    pub(crate) fn configured(settings: &str) -> Self {
        let mut peer = Peer::new();
        let mut stage = Self::with(&[&peer.section(), settings].concat());
        let id = stage.program.asks("getstate", json!({}))["accounts"][0]["connectionId"].clone();
        peer.registers(3600);
        stage.program.hears_of_registration(&id);
        stage.peer = peer;
        stage
    }

    /// The phone registers for so many seconds; the account's id.
    pub(crate) fn registers(&mut self, seconds: u32) -> Value {
        self.program.registers_for(&mut self.peer, seconds)
    }

    /// The program calls 600; the call's id, and its INVITE.
    pub(crate) fn dials(&mut self) -> (u64, Message) {
        let data = self.program.asks("startcall", json!({ "number": "600" }));
        assert!(self.program.has_heard_all(), "the reply comes first (rule 4)");
        let call = data["callId"].as_u64().expect("an id");
        assert_eq!(self.program.hears("OnNewCall")["callId"], call);
        (call, self.peer.hears_of("INVITE", "INVITE sip:600@"))
    }

    /// The call that was dialled rings.
    pub(crate) fn rings(&mut self, invite: &Message) {
        self.peer.answers_with(invite, "180 Ringing", &self.peer.contact(), "");
        assert_eq!(self.program.hears("OnCallProgress")["SIPError"], 180);
    }

    /// It is answered.
    pub(crate) fn answers(&mut self, invite: &Message, ear: &Ear) {
        self.peer.answers_with(invite, "200 OK", &self.peer.contact(), &ear.sdp());
        self.peer.hears("ACK");
        self.program.hears("OnAcceptCall");
    }

    /// The program calls 600, which answers.
    pub(crate) fn calls(&mut self, ear: &Ear) -> Call {
        let (id, invite) = self.dials();
        self.answers(&invite, ear);
        Call { id: id.into(), rtp: invite.rtp(), dialog: Dialog::of(&invite) }
    }

    /// The program ends a call; the peer hears its BYE.
    pub(crate) fn hangs_up(&mut self, call: &Call) {
        self.program.asks("finalizecall", json!({ "callid": call.id }));
        assert_eq!(self.program.hears("OnFinalizedCall")["SIPError"], 0);
        let bye = self.peer.hears("BYE");
        self.peer.answers(&bye, "200 OK");
    }

    /// Ada calls, and the phone rings; the data of its `OnNewCall`.
    pub(crate) fn is_called(&mut self, name: &str, ear: &Ear) -> (Dialog, Value) {
        let mut dialog = self.peer.calls(self.phone.sip, name, &ear.sdp());
        let ringing = self.peer.hears("180");
        dialog.learns_from(&ringing);
        (dialog, self.program.hears("OnNewCall"))
    }

    /// Ada calls, and the program accepts.
    pub(crate) fn accepts(&mut self, ear: &Ear) -> Call {
        self.accepts_from("ada", ear)
    }

    /// The same, of somebody of this name.
    pub(crate) fn accepts_from(&mut self, name: &str, ear: &Ear) -> Call {
        let (mut dialog, told) = self.is_called(name, ear);
        self.program.asks("acceptcall", json!({ "callid": told["callId"] }));
        assert!(self.program.has_heard_all(), "the reply comes first (rule 4)");
        assert_eq!(self.program.hears("OnAcceptCall")["callId"], told["callId"]);
        let ok = self.peer.hears("200");
        assert_eq!(ok.field("CSeq"), "1 INVITE");
        dialog.learns_from(&ok);
        self.peer.sends_in(&mut dialog, "ACK", "", "");
        Call { id: told["callId"].clone(), rtp: ok.rtp(), dialog }
    }

    /// The other side ends a call; what the program hears of that.
    pub(crate) fn is_hung_up(&mut self, call: &mut Call) -> Value {
        self.peer.sends_in(&mut call.dialog, "BYE", "", "");
        self.peer.hears_of("200", " BYE\r\n");
        let ended = self.program.hears("OnFinalizedCall");
        assert_eq!((&ended["callId"], &ended["SIPError"]), (&call.id, &json!(0)));
        ended
    }

    /// Asks the phone to stop; by the end of `story` it must have, in order.
    pub(crate) fn stops(mut self, story: impl FnOnce(&mut Peer)) -> Room {
        let asked = Instant::now();
        self.phone.signal(Signal::SIGTERM);
        story(&mut self.peer);
        self.peer.unbinds();
        assert_eq!(self.phone.end().code(), Some(0));
        assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
        self.room
    }
}

/// A call that was answered.
pub(crate) struct Call {
    pub(crate) id: Value,
    /// Where the phone takes its sound.
    pub(crate) rtp: SocketAddr,
    /// The peer's side of it.
    pub(crate) dialog: Dialog,
}
