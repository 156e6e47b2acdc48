//! What most stories begin with: a phone that a program has registered with a scripted server.

use std::fs;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::{Duration, Instant};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use nix::sys::signal::Signal;
use serde_json::{Value, json};

use crate::ear::{Ear, Packet};
use crate::peer::{Dialog, Peer, Received};
use crate::process::{Phone, QUIET};
use crate::program::{Program, USER};

/// The time that the phone has for an orderly stop.
const STOP: Duration = Duration::from_secs(2);

/// A level that only sound reaches, of a file's samples of 16 bits.
const LOUD: i16 = 4_000;

/// The phone, its program and its server.
pub(crate) struct Stage {
    pub(crate) phone: Phone,
    pub(crate) api: SocketAddr,
    pub(crate) sip: SocketAddr,
    pub(crate) program: Program,
    pub(crate) peer: Peer,
    room: Room,
}

impl Stage {
    /// A phone and an authenticated program; nothing is registered.
    pub(crate) fn new() -> Self {
        let room = Room::new();
        room.write_microphone();
        let (microphone, speaker) = (room.file("microphone.wav"), room.file("speaker.wav"));
        let audio = format!(
            "[audio]\ncapture = \"wav:{}\"\nplayback = \"wav:{}\"\n",
            microphone.display(),
            speaker.display()
        );
        let without_audio = QUIET.split("[audio]").next().expect("it has that section");
        let phone = Phone::start(&[without_audio, USER, &audio].concat());
        let (api, sip) = phone.ready();
        let mut program = Program::connect(api);
        program.authenticate();
        Self { phone, api, sip, program, peer: Peer::new(), room }
    }

    /// The phone is registered, and its program has heard so.
    pub(crate) fn registered() -> Self {
        Self::registered_for(3600)
    }

    /// Registered for so many seconds.
    pub(crate) fn registered_for(seconds: u32) -> Self {
        let mut stage = Self::new();
        stage.program.ask("sipregister", stage.account());
        stage.peer.register(seconds);
        stage.program.hear("OnSIPRegister");
        stage.program.hear("OnSIPRegisterFinalized");
        stage
    }

    /// The parameters of `sipregister`.
    pub(crate) fn account(&self) -> Value {
        json!({ "domain": self.peer.address().to_string(), "number": "1000", "password": "pw1000" })
    }

    /// The program calls 600; the call's id, and its INVITE.
    pub(crate) fn dial(&mut self) -> (u64, Received) {
        let data = self.program.ask("startcall", json!({ "number": "600" }));
        assert!(self.program.has_heard_all(), "the reply comes first (rule 4)");
        let call = data["callId"].as_u64().expect("an id");
        assert_eq!(self.program.hear("OnNewCall")["callId"], call);
        (call, self.peer.expect("INVITE "))
    }

    /// The call that was dialled rings.
    pub(crate) fn ring(&mut self, invite: &Received) {
        self.peer.answer(invite, "180 Ringing", &self.peer.contact(), "");
        assert_eq!(self.program.hear("OnCallProgress")["SIPError"], 180);
    }

    /// It is answered.
    pub(crate) fn answer(&mut self, invite: &Received, ear: &Ear) {
        self.peer.answer(invite, "200 OK", &self.peer.contact(), &ear.sdp());
        self.peer.expect("ACK ");
        self.program.hear("OnAcceptCall");
    }

    /// The program ends a call; the peer hears its BYE.
    pub(crate) fn hang_up(&mut self, call: u64) {
        self.program.ask("finalizecall", json!({ "callid": call }));
        assert_eq!(self.program.hear("OnFinalizedCall")["SIPError"], 0);
        let bye = self.peer.expect("BYE ");
        self.peer.answer(&bye, "200 OK", "", "");
    }

    /// Ada calls, and the program accepts.
    pub(crate) fn call_in(&mut self, ear: &Ear) -> CallIn {
        let mut dialog = self.peer.call(self.sip, "ada", &ear.sdp());
        self.peer.expect("SIP/2.0 180 ");
        let told = self.program.hear("OnNewCall");
        self.program.ask("acceptcall", json!({ "callid": told["callId"] }));
        assert!(self.program.has_heard_all(), "the reply comes first (rule 4)");
        assert_eq!(self.program.hear("OnAcceptCall")["callId"], told["callId"]);
        let ok = self.peer.expect("SIP/2.0 200 ");
        assert_eq!(ok.field("CSeq"), "1 INVITE");
        dialog.to = ok.field("To").into();
        dialog.target = ok.target().into();
        self.peer.request("ACK", 1, &dialog, "", "");
        CallIn { told, rtp: ok.rtp(), dialog }
    }

    /// Ada ends her call; what the program hears of that.
    pub(crate) fn caller_hangs_up(&mut self, call: &CallIn) -> Value {
        self.peer.request("BYE", 2, &call.dialog, "", "");
        assert_eq!(self.peer.expect("SIP/2.0 200 ").field("CSeq"), "2 BYE");
        let ended = self.program.hear("OnFinalizedCall");
        assert_eq!((&ended["callId"], &ended["SIPError"]), (&call.told["callId"], &json!(0)));
        ended
    }

    /// Asks the phone to stop; by the end of `story` it must have, in order.
    pub(crate) fn stop(mut self, story: impl FnOnce(&mut Peer)) -> Room {
        let asked = Instant::now();
        self.phone.signal(Signal::SIGTERM);
        story(&mut self.peer);
        let farewell = self.peer.expect("REGISTER ");
        assert_eq!(farewell.field("Expires"), "0");
        self.peer.answer(&farewell, "200 OK", "", "");
        assert_eq!(self.phone.end().code(), Some(0));
        assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
        self.room
    }
}

/// A call that came in.
pub(crate) struct CallIn {
    /// The data of its `OnNewCall`.
    pub(crate) told: Value,
    /// Where the phone takes its sound.
    pub(crate) rtp: SocketAddr,
    dialog: Dialog,
}

/// Talks until the peer has heard, and said, so many packets: none is lost on loopback, and all are of one stream.
pub(crate) fn converse(ear: &mut Ear, phone: SocketAddr, packets: u16) {
    let first = ear.converse(phone);
    let rest: Vec<Packet> = (1..packets).map(|_| ear.converse(phone)).collect();
    for (number, packet) in (1..).zip(&rest) {
        assert_eq!(packet.sequence, first.sequence.wrapping_add(number));
        assert_eq!(packet.source, first.source);
    }
    let silent = rest.iter().filter(|packet| packet.loud == 0).count();
    assert!(silent < rest.len() / 4, "{silent} of {packets} packets hold no sound of the microphone");
}

/// A folder of one story.
pub(crate) struct Room(PathBuf);

impl Room {
    fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("neonphone-room-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        Self(path)
    }

    fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A second of a tone of 500 Hz, loud.
    fn write_microphone(&self) {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut file = WavWriter::create(self.file("microphone.wav"), spec).expect("created");
        for sample in 0..8_000 {
            let level: i16 = if sample % 16 < 8 { 16_000 } else { -16_000 };
            file.write_sample(level).expect("written");
        }
        file.finalize().expect("written");
    }

    /// How many milliseconds of loud sound the speaker played.
    pub(crate) fn heard_ms(&self) -> usize {
        let mut file = WavReader::open(self.file("speaker.wav")).expect("the phone's file");
        let loud = file.samples::<i16>().filter(|sample| {
            let level = sample.as_ref().expect("a sample").saturating_abs();
            level > LOUD
        });
        loud.count() / 8
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
