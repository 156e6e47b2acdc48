//! The receiving halves of all legs: what the rtp-receive thread drives. Packets in, one mixed sound out.

mod leg;
mod stream;

use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use base::{Duration, Instant};

use crate::jitter::Counts;
use crate::leg::{Channel, Feedback, Half, LegCommand, LegEvent, LegId};
use crate::{FRAME_SAMPLES, RATE_HZ};
use leg::Leg;

/// All legs' receiving halves. After each call of a `handle_*` method or of [`Self::pull`] the driver polls events and
/// feedback until `None`. Legs are few (call control bounds the calls), and each is bounded by itself.
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

/// What has become of a leg's media since its start.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Stats {
    /// RTP packets of the peer's that came.
    pub received: u64,
    /// Those that should have come, by their sequence numbers, and did not.
    pub lost: u64,
    /// Mean deviation of the time that packets take (RFC 3550 §6.4.1).
    pub jitter: Duration,
    /// How long a report and its answer take, as soon as the peer has answered one.
    pub round_trip: Option<Duration>,
    /// How long sound waits from its arrival, on average.
    pub delay: Duration,
    /// What became of packets and frames in the jitter buffer.
    pub playout: Counts,
    /// What never got there.
    pub refused: Refused,
}

/// What became of the datagrams of a leg that are not the peer's media.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Refused {
    /// No RTP, or no RTCP on its port: another version, cut short, or the other of the two.
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

    /// What call control says to a leg. Terms, a tone or its end begin it, and end what is left of legs before it.
    pub fn handle_command(&mut self, now: Instant, leg: LegId, command: &LegCommand) {
        match command {
            LegCommand::Use(_) | LegCommand::Tone(Some(_)) | LegCommand::End { .. } => {
                if !self.legs.contains_key(&leg) {
                    self.legs.values_mut().for_each(Leg::end_last_tone);
                }
                self.legs.entry(leg).or_default().handle_command(now, command);
            }
            LegCommand::Tone(None) | LegCommand::Key { .. } | LegCommand::Meter(_) => {
                self.legs.get_mut(&leg).into_iter().for_each(|leg| leg.handle_command(now, command));
            }
        }
    }

    /// A datagram came in on a leg's socket, at a time that may be before what was handed in last: it may wait for the
    /// next frame that is pulled. Whatever is not to be heard is counted and ignored.
    pub fn handle_packet(
        &mut self,
        at: Instant,
        leg: LegId,
        channel: Channel,
        from: SocketAddr,
        bytes: &[u8],
    ) {
        if let Some(leg) = self.legs.get_mut(&leg) {
            leg.handle_packet(at, channel, from, bytes);
        }
    }

    /// Fills `frame` with the next 10 ms of all legs together that are for a speaker of this role, silence if there are
    /// none. Time passes for the legs by these calls: they are due as long as there are legs.
    pub fn pull(&mut self, now: Instant, role: Role, frame: &mut [f32; FRAME_SAMPLES]) {
        frame.fill(0.0);
        for leg in self.legs.values_mut() {
            leg.mix(now, role, frame);
        }
        frame.iter_mut().for_each(|sample| *sample = sample.clamp(-1.0, 1.0));
    }

    /// What legs have to tell call control. A leg that has told its end is forgotten.
    pub fn poll_event(&mut self) -> Option<(LegId, LegEvent)> {
        let (id, event) = self.legs.iter_mut().find_map(|(id, leg)| Some((*id, leg.poll_event()?)))?;
        if event == LegEvent::Ended(Half::Receive) {
            self.legs.remove(&id);
        }
        Some((id, event))
    }

    /// What legs have to tell their sending halves.
    pub fn poll_feedback(&mut self) -> Option<(LegId, Feedback)> {
        self.legs.iter_mut().find_map(|(id, leg)| Some((*id, leg.poll_feedback()?)))
    }

    /// How a leg's media has fared; `None` before it has terms and after it has ended.
    pub fn stats(&self, leg: LegId) -> Option<Stats> {
        self.legs.get(&leg)?.stats()
    }
}

#[cfg(test)]
mod tests;
