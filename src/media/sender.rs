//! The sending halves of all legs: what the rtp-send thread drives. The microphone's sound in, packets out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use base::{Dice, Duration, Instant};

use crate::codec::Encoder;
use crate::leg::{Channel, Feedback, Half, LegCommand, LegEvent, LegId, Terms};
use crate::rtp::{HEADER_BYTES, Outgoing};
use crate::{FRAME_MS, FRAME_SAMPLES, RATE_HZ};

/// Milliseconds of sound in the longest packet that we send.
const MAX_PTIME_MS: u8 = 60;

/// Bytes of the longest payload: the longest packet in the codec with the highest rate, G.711.
const MAX_PAYLOAD_BYTES: usize = MAX_PTIME_MS as usize * 8;

/// Frames come every 10 ms, a few at once when the microphone's blocks are long. A pause beyond this is no block: the
/// microphone was away, and time went on without it.
const MICROPHONE_AWAY: Duration = Duration::from_millis(200);

/// All legs' sending halves.
#[derive(Debug)]
pub struct Sender {
    legs: BTreeMap<LegId, Leg>,
    dice: Dice,
}

/// A packet to send, lent until the next call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Whose sockets it goes out on.
    pub leg: LegId,
    /// Which of the two.
    pub channel: Channel,
    /// Where to.
    pub to: SocketAddr,
    /// The datagram.
    pub bytes: &'a [u8],
}

impl Sender {
    /// A sender without legs. The dice draw what RFC 3550 §5.1 wants to be random.
    pub fn new(dice: Dice) -> Self {
        Self { legs: BTreeMap::new(), dice }
    }

    /// Samples a second of the frames that [`Self::push`] takes.
    pub fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    /// What call control says to a leg. `Use` for an unknown leg begins it.
    pub fn handle_command(&mut self, _now: Instant, leg: LegId, command: &LegCommand) {
        match (command, self.legs.get_mut(&leg)) {
            (LegCommand::Use(terms), Some(Leg::Running(running))) => running.renew(terms),
            (LegCommand::Use(_), Some(Leg::Ended)) => {}
            (LegCommand::Use(terms), None) => {
                let running = Running::new(terms, &mut self.dice);
                self.legs.insert(leg, Leg::Running(Box::new(running)));
            }
            // A leg that never had terms answers too: its sockets wait for both halves.
            (LegCommand::End { .. }, _) => drop(self.legs.insert(leg, Leg::Ended)),
            (LegCommand::Tone(_) | LegCommand::Key { .. }, _) => {}
        }
    }

    /// What the leg's receiving half learned.
    pub fn handle_feedback(&mut self, _now: Instant, leg: LegId, feedback: Feedback) {
        if let Some(Leg::Running(running)) = self.legs.get_mut(&leg) {
            match feedback {
                Feedback::Latched(address) => running.to = address,
            }
        }
    }

    /// Takes the microphone's next 10 ms for all legs. Then the driver polls packets until `None`: a packet that is
    /// not fetched before the next one is complete is lost.
    pub fn push(&mut self, now: Instant, frame: &[f32; FRAME_SAMPLES]) {
        for leg in self.legs.values_mut() {
            if let Leg::Running(running) = leg {
                running.push(now, frame);
            }
        }
    }

    /// The next packet that is complete.
    pub fn poll_packet(&mut self) -> Option<Packet<'_>> {
        self.legs.iter_mut().find_map(|(id, leg)| match leg {
            Leg::Running(running) => running.poll_packet(*id),
            Leg::Ended => None,
        })
    }

    /// What legs have to tell call control. A leg that has told its end is forgotten.
    pub fn poll_event(&mut self) -> Option<(LegId, LegEvent)> {
        let id = *self.legs.iter().find(|(_, leg)| matches!(leg, Leg::Ended))?.0;
        self.legs.remove(&id);
        Some((id, LegEvent::Ended(Half::Send)))
    }
}

/// A leg's sending half.
#[derive(Debug)]
enum Leg {
    Running(Box<Running>),
    /// Told to end; it goes when that has been polled.
    Ended,
}

#[derive(Debug)]
struct Running {
    terms: Terms,
    /// Where packets go: the SDP's address, or the one that was latched.
    to: SocketAddr,
    encoder: Encoder,
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

impl Running {
    fn new(terms: &Terms, dice: &mut Dice) -> Self {
        Self {
            terms: terms.clone(),
            to: terms.remote_rtp,
            encoder: Encoder::new(terms.send.codec),
            ssrc: dice.u32(),
            sequence: dice.u32() as u16,
            timestamp: dice.u32(),
            pushed: None,
            talk_begins: true,
            payload: [0; MAX_PAYLOAD_BYTES],
            payload_bytes: 0,
            payload_ms: 0,
            datagram: [0; HEADER_BYTES + MAX_PAYLOAD_BYTES],
            ready: None,
        }
    }

    fn renew(&mut self, terms: &Terms) {
        if terms.remote_rtp != self.terms.remote_rtp {
            self.to = terms.remote_rtp;
        }
        if terms.send != self.terms.send || !terms.sending {
            self.drop_payload();
        }
        if terms.send.codec != self.encoder.codec() {
            self.encoder = Encoder::new(terms.send.codec);
        }
        self.terms = terms.clone();
    }

    fn push(&mut self, now: Instant, frame: &[f32; FRAME_SAMPLES]) {
        self.follow_time(now);
        if self.terms.sending {
            let silence = [0.0; FRAME_SAMPLES];
            self.encode(if self.terms.mute { &silence } else { frame });
        } else {
            self.talk_begins = true;
        }
        self.timestamp = self.timestamp.wrapping_add(FRAME_SAMPLES as u32);
        if self.payload_ms >= u32::from(self.terms.ptime_ms.min(MAX_PTIME_MS)) {
            self.finish_packet();
        }
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

    fn encode(&mut self, sound: &[f32]) {
        let room = self.payload.get_mut(self.payload_bytes..).unwrap_or_default();
        self.payload_bytes += self.encoder.encode(sound, room);
        self.payload_ms += FRAME_MS;
    }

    /// Sound of a packet that will not be sent in this shape.
    fn drop_payload(&mut self) {
        (self.payload_bytes, self.payload_ms) = (0, 0);
    }

    /// Writes the datagram. Called when the timestamp is already that of the sample after the packet's last.
    fn finish_packet(&mut self) {
        let header = Outgoing {
            payload_type: self.terms.send.number,
            marker: self.talk_begins,
            sequence: self.sequence,
            timestamp: self.timestamp.wrapping_sub(self.payload_ms * (RATE_HZ / 1_000)),
            ssrc: self.ssrc,
        };
        let payload = self.payload.get(..self.payload_bytes).unwrap_or_default();
        self.ready = header.write(payload, &mut self.datagram).map(<[u8]>::len);
        self.sequence = self.sequence.wrapping_add(1);
        self.talk_begins = false;
        self.drop_payload();
    }

    fn poll_packet(&mut self, leg: LegId) -> Option<Packet<'_>> {
        let bytes = self.datagram.get(..self.ready.take()?)?;
        Some(Packet { leg, channel: Channel::Rtp, to: self.to, bytes })
    }
}

#[cfg(test)]
mod tests;
