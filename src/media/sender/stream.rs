//! What a leg sends: the microphone's sound, or keys in its place, as RTP, and reports about it.

use core::net::SocketAddr;

use base::{Dice, Duration, Instant};

use super::Packet;
use super::reporter::Reporter;
use crate::codec::Encoder;
use crate::dtmf::{EventPacket, Key, Keypad, Said, Way};
use crate::leg::{Channel, Feedback, Half, LegEvent, LegId, Terms};
use crate::level::Meter;
use crate::rtp::{HEADER_BYTES, Outgoing};
use crate::{FRAME_MS, FRAME_SAMPLES, RATE_HZ};

/// Milliseconds of sound in the longest packet that we send.
const MAX_PTIME_MS: u8 = 60;

/// Bytes of the longest payload: the longest packet in the codec with the highest rate, G.711.
const MAX_PAYLOAD_BYTES: usize = MAX_PTIME_MS as usize * 8;

/// Frames come every 10 ms, or nearly so where nobody knows better. A pause beyond this is more: the microphone was away,
/// and time went on without it.
const MICROPHONE_AWAY: Duration = Duration::from_millis(100);

const SILENCE: [f32; FRAME_SAMPLES] = [0.0; FRAME_SAMPLES];

/// One leg's stream.
#[derive(Debug)]
pub(super) struct Stream {
    terms: Terms,
    /// Where packets go: the SDP's address, or the one that was latched.
    to: SocketAddr,
    encoder: Encoder,
    keypad: Keypad,
    reporter: Reporter,
    meter: Option<Meter>,
    /// The last level, to be polled.
    level: Option<LegEvent>,
    ssrc: u32,
    sequence: u16,
    /// Of the next sample that the microphone gives.
    timestamp: u32,
    /// When the microphone last gave something.
    pushed: Option<Instant>,
    /// The next packet is the first after a silence of ours.
    talk_begins: bool,
    /// The packet that grows: encoded sound.
    payload: [u8; MAX_PAYLOAD_BYTES],
    payload_bytes: usize,
    payload_ms: u32,
    datagram: [u8; HEADER_BYTES + MAX_PAYLOAD_BYTES],
    /// Bytes of `datagram` that wait to be polled.
    ready: Option<usize>,
}

impl Stream {
    pub(super) fn new(now: Instant, terms: &Terms, dice: &mut Dice) -> Self {
        let ssrc = dice.u32();
        Self {
            terms: terms.clone(),
            to: terms.remote_rtp,
            encoder: Encoder::new(terms.send.codec),
            keypad: Keypad::new(),
            meter: None,
            level: None,
            ssrc,
            sequence: dice.u32() as u16,
            timestamp: dice.u32(),
            reporter: Reporter::new(now, ssrc, terms.remote_rtcp, dice.fork()),
            pushed: None,
            talk_begins: true,
            payload: [0; MAX_PAYLOAD_BYTES],
            payload_bytes: 0,
            payload_ms: 0,
            datagram: [0; HEADER_BYTES + MAX_PAYLOAD_BYTES],
            ready: None,
        }
    }

    pub(super) fn renew(&mut self, terms: &Terms) {
        if terms.remote_rtp != self.terms.remote_rtp {
            self.to = terms.remote_rtp;
        }
        if terms.remote_rtcp != self.terms.remote_rtcp {
            self.reporter.send_to(terms.remote_rtcp);
        }
        if terms.send != self.terms.send || !terms.sending {
            self.drop_payload();
        }
        if !terms.sending {
            self.keypad.clear();
        }
        if terms.send.codec != self.encoder.codec() {
            self.encoder = Encoder::new(terms.send.codec);
        }
        self.terms = terms.clone();
    }

    pub(super) fn handle_feedback(&mut self, feedback: Feedback) {
        match feedback {
            Feedback::Latched(address) => self.to = address,
            Feedback::LatchedRtcp(address) => self.reporter.send_to(address),
            Feedback::Received(reception) => self.reporter.note(reception),
        }
    }

    pub(super) fn press(&mut self, key: Key, way: Way) {
        if self.terms.sending {
            self.keypad.press(key, way);
        }
    }

    pub(super) fn meter(&mut self, on: bool) {
        self.meter = on.then(Meter::default);
    }

    pub(super) fn poll_event(&mut self) -> Option<LegEvent> {
        self.level.take()
    }

    /// Nothing more is sent but a goodbye.
    pub(super) fn end(&mut self, now: Instant) {
        self.ready = None;
        self.reporter.end(now, self.timestamp);
    }

    pub(super) fn push(&mut self, now: Instant, frame: &[f32; FRAME_SAMPLES]) {
        self.follow_time(now);
        let voice = if self.terms.mute { &SILENCE } else { frame };
        if let Some(peak_dbfs) = self.meter.as_mut().and_then(|meter| meter.take(voice)) {
            self.level = Some(LegEvent::Level { half: Half::Send, peak_dbfs });
        }
        if self.terms.sending {
            match self.keypad.say(self.timestamp) {
                Said::Voice => self.speak(voice),
                Said::Tones(tones) => self.speak(&tones),
                Said::Event(packet) => self.tell(packet),
            }
        } else {
            self.talk_begins = true;
        }
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        self.reporter.pass(now, self.timestamp);
    }

    /// Timestamps go on while the microphone is away: RFC 3550 §5.1 counts time, not samples that were sent.
    fn follow_time(&mut self, now: Instant) {
        let away = self.pushed.map_or(Duration::ZERO, |pushed| now - pushed);
        self.pushed = Some(now);
        if away > MICROPHONE_AWAY {
            self.drop_payload();
            self.talk_begins = true;
            let frames = (away.as_millis() / u128::from(FRAME_MS)).saturating_sub(1) as u32;
            self.timestamp = self.timestamp.wrapping_add(frames.wrapping_mul(FRAME_SAMPLES as u32));
        }
    }

    fn speak(&mut self, sound: &[f32; FRAME_SAMPLES]) {
        let room = self.payload.get_mut(self.payload_bytes..).unwrap_or_default();
        self.payload_bytes += self.encoder.encode(sound, room);
        self.payload_ms += FRAME_MS;
        if self.payload_ms >= u32::from(self.terms.ptime_ms.min(MAX_PTIME_MS)) {
            self.send_voice();
        }
    }

    /// An event stands where the frame's sound would; what the microphone gave before it, and is no packet yet, is not
    /// missed.
    fn tell(&mut self, packet: Option<EventPacket>) {
        self.drop_payload();
        if let (Some(packet), Some(payload_type)) = (packet, self.terms.send_event) {
            self.send(payload_type, packet.is_first, packet.timestamp, Some(packet.payload));
        }
    }

    /// Sound of a packet that will not be sent in this shape.
    fn drop_payload(&mut self) {
        (self.payload_bytes, self.payload_ms) = (0, 0);
    }

    fn send_voice(&mut self) {
        let before = self.payload_ms.saturating_sub(FRAME_MS) * (RATE_HZ / 1_000);
        self.send(self.terms.send.number, self.talk_begins, self.timestamp.wrapping_sub(before), None);
        self.talk_begins = false;
        self.drop_payload();
    }

    /// Makes a packet of an event, or else of the voice.
    fn send(&mut self, payload_type: u8, marker: bool, timestamp: u32, event: Option<[u8; 4]>) {
        let header = Outgoing { payload_type, marker, sequence: self.sequence, timestamp, ssrc: self.ssrc };
        let payload = match &event {
            Some(event) => event,
            None => self.payload.get(..self.payload_bytes).unwrap_or_default(),
        };
        self.ready = header.write(payload, &mut self.datagram).map(<[u8]>::len);
        self.sequence = self.sequence.wrapping_add(1);
        self.reporter.count(payload.len());
    }

    pub(super) fn poll_packet(&mut self, leg: LegId) -> Option<Packet<'_>> {
        let from = self.terms.local_rtp;
        if let Some(size) = self.ready.take() {
            let bytes = self.datagram.get(..size)?;
            return Some(Packet { leg, channel: Channel::Rtp, from, to: self.to, bytes });
        }
        let (to, bytes) = self.reporter.poll()?;
        Some(Packet { leg, channel: Channel::Rtcp, from, to, bytes })
    }
}
