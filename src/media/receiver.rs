//! The receiving halves of all legs: what the rtp-receive thread drives. Packets in, one mixed sound out.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use base::{Duration, Instant};

use crate::jitter::{Content, Counts, JitterBuffer, Packet, Sound};
use crate::latch::{Latch, Source};
use crate::leg::{Channel, Feedback, Half, LegCommand, LegEvent, LegId, Terms};
use crate::rtp::Incoming;
use crate::{FRAME_SAMPLES, RATE_HZ};

/// Static payload type of comfort noise (RFC 3389 §4).
const COMFORT_NOISE: u8 = 13;

/// All legs' receiving halves. After each call of a `handle_*` method the driver polls events and feedback until
/// `None`. Legs are few (call control bounds the calls), and each is bounded by itself.
#[derive(Debug, Default)]
pub struct Receiver {
    legs: BTreeMap<LegId, Leg>,
}

/// What a speaker is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// Speech, and all tones but ringing, which another speaker plays.
    Playback,
    /// Ringing alone.
    Ring,
    /// Everything: the only speaker.
    Both,
}

/// What became of the datagrams of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Refused {
    /// No RTP at all: another version, cut short, or RTCP.
    pub malformed: u64,
    /// Of a payload type that was not negotiated.
    pub foreign_type: u64,
    /// From a source that is not believed.
    pub foreign_source: u64,
}

impl Receiver {
    /// A receiver without legs.
    pub fn new() -> Self {
        Self::default()
    }

    /// Samples a second of the frames that [`Self::pull`] gives.
    pub fn rate_hz(&self) -> u32 {
        RATE_HZ
    }

    /// What call control says to a leg. `Use` for an unknown leg begins it.
    pub fn handle_command(&mut self, _now: Instant, leg: LegId, command: &LegCommand) {
        match (command, self.legs.get_mut(&leg)) {
            (LegCommand::Use(terms), Some(Leg::Running(running))) => running.renew(terms),
            (LegCommand::Use(_), Some(Leg::Ended)) => {}
            (LegCommand::Use(terms), None) => {
                drop(self.legs.insert(leg, Leg::Running(Box::new(Running::new(terms)))))
            }
            // A leg that never had terms answers too: its sockets wait for both halves.
            (LegCommand::End { .. }, _) => drop(self.legs.insert(leg, Leg::Ended)),
            (LegCommand::Tone(_) | LegCommand::Key { .. }, _) => {}
        }
    }

    /// A datagram came in on a leg's socket. Whatever is not to be heard is counted and ignored.
    pub fn handle_packet(
        &mut self,
        now: Instant,
        leg: LegId,
        channel: Channel,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        if let (Some(Leg::Running(running)), Channel::Rtp) = (self.legs.get_mut(&leg), channel) {
            running.on_rtp(now, from, bytes);
        }
    }

    /// Fills `frame` with the next 10 ms of all legs together that are for a speaker of this role, silence if there is
    /// none. Time passes for the legs by these calls: they are due as long as there are legs.
    pub fn pull(&mut self, now: Instant, role: Role, frame: &mut [f32; FRAME_SAMPLES]) {
        frame.fill(0.0);
        if role == Role::Ring {
            return;
        }
        let mut one = [0.0; FRAME_SAMPLES];
        for running in self.legs.values_mut().filter_map(Leg::running) {
            if running.pull(now, &mut one) != Sound::Silence {
                frame.iter_mut().zip(one).for_each(|(mixed, sample)| *mixed += sample);
            }
        }
        frame.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    }

    /// What legs have to tell call control. A leg that has told its end is forgotten.
    pub fn poll_event(&mut self) -> Option<(LegId, LegEvent)> {
        let (id, event) = self.legs.iter_mut().find_map(|(id, leg)| match leg {
            Leg::Running(running) => Some((*id, running.poll_arrived()?)),
            Leg::Ended => Some((*id, LegEvent::Ended(Half::Receive))),
        })?;
        if event == LegEvent::Ended(Half::Receive) {
            self.legs.remove(&id);
        }
        Some((id, event))
    }

    /// What legs have to tell their sending halves.
    pub fn poll_feedback(&mut self) -> Option<(LegId, Feedback)> {
        self.legs.iter_mut().find_map(|(id, leg)| Some((*id, leg.running()?.poll_feedback()?)))
    }

    /// What was refused of a leg's datagrams since its start.
    pub fn refused(&self, leg: LegId) -> Option<Refused> {
        Some(self.running(leg)?.refused)
    }

    /// What became of a leg's packets and frames since its start.
    pub fn counts(&self, leg: LegId) -> Option<Counts> {
        Some(self.running(leg)?.jitter.counts())
    }

    /// How long a leg's sound waits from its arrival, on average.
    pub fn delay(&self, leg: LegId) -> Option<Duration> {
        Some(self.running(leg)?.jitter.delay())
    }

    fn running(&self, leg: LegId) -> Option<&Running> {
        match self.legs.get(&leg)? {
            Leg::Running(running) => Some(running),
            Leg::Ended => None,
        }
    }
}

/// A leg's receiving half.
#[derive(Debug)]
enum Leg {
    Running(Box<Running>),
    /// Told to end; it goes when that has been polled.
    Ended,
}

impl Leg {
    fn running(&mut self) -> Option<&mut Running> {
        match self {
            Self::Running(running) => Some(running),
            Self::Ended => None,
        }
    }
}

#[derive(Debug)]
struct Running {
    terms: Terms,
    latch: Latch,
    jitter: JitterBuffer,
    arrived: Arrived,
    /// Where the sending half sends, as far as it knows.
    told: SocketAddr,
    refused: Refused,
}

/// The first packet of a leg is told once.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Arrived {
    Nothing,
    Untold,
    Told,
}

impl Running {
    fn new(terms: &Terms) -> Self {
        Self {
            terms: terms.clone(),
            latch: Latch::new(terms.remote_rtp),
            jitter: JitterBuffer::new(),
            arrived: Arrived::Nothing,
            told: terms.remote_rtp,
            refused: Refused::default(),
        }
    }

    fn renew(&mut self, terms: &Terms) {
        if terms.remote_rtp != self.terms.remote_rtp {
            self.latch = Latch::new(terms.remote_rtp);
            // The sending half got the same terms, and goes back to the address they name as well.
            self.told = terms.remote_rtp;
        }
        if !terms.receiving {
            self.jitter.clear();
        }
        self.terms = terms.clone();
    }

    fn on_rtp(&mut self, now: Instant, from: SocketAddr, datagram: &[u8]) {
        let Some(packet) = Incoming::parse(datagram) else {
            self.refused.malformed += 1;
            return;
        };
        let Some(content) = self.content(&packet) else {
            self.refused.foreign_type += 1;
            return;
        };
        if !self.latch.admit(now, Source { address: from, ssrc: packet.ssrc }) {
            self.refused.foreign_source += 1;
            return;
        }
        if self.arrived == Arrived::Nothing {
            self.arrived = Arrived::Untold;
        }
        if self.terms.receiving {
            let Incoming { ssrc, sequence, timestamp, .. } = packet;
            self.jitter.push(now, Packet { ssrc, sequence, timestamp, content });
        }
    }

    /// What a packet carries by what was negotiated; `None` if its type was not.
    fn content<'a>(&self, packet: &Incoming<'a>) -> Option<Content<'a>> {
        let number = packet.payload_type;
        let voice = self.terms.receive.iter().find(|payload| payload.number == number);
        match voice {
            Some(payload) => Some(Content::Voice(payload.codec, packet.payload)),
            None if number == COMFORT_NOISE || Some(number) == self.terms.receive_event => {
                Some(Content::Other)
            }
            None => None,
        }
    }

    fn pull(&mut self, now: Instant, frame: &mut [f32; FRAME_SAMPLES]) -> Sound {
        if self.terms.receiving { self.jitter.pull(now, frame) } else { Sound::Silence }
    }

    fn poll_arrived(&mut self) -> Option<LegEvent> {
        (self.arrived == Arrived::Untold).then(|| {
            self.arrived = Arrived::Told;
            LegEvent::Arrived
        })
    }

    fn poll_feedback(&mut self) -> Option<Feedback> {
        let address = self.latch.address();
        (address != self.told).then(|| {
            self.told = address;
            Feedback::Latched(address)
        })
    }
}

#[cfg(test)]
mod tests;
