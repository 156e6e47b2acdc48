//! The sending halves of all legs: what the rtp-send thread drives. The microphone's sound in, packets out.

mod reporter;
mod stream;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use core::net::SocketAddr;

use base::{Dice, Instant};

use crate::leg::{Channel, Feedback, Half, LegCommand, LegEvent, LegId};
use crate::{FRAME_SAMPLES, RATE_HZ};
use stream::Stream;

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
    /// The address that it leaves from, by that socket's port.
    pub from: SocketAddr,
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

    /// What call control says to a leg. `Use` for an unknown leg begins it. Then the driver polls packets and events
    /// until `None`: a leg that ends may have a last word.
    pub fn handle_command(&mut self, now: Instant, leg: LegId, command: &LegCommand) {
        match (command, self.legs.get_mut(&leg)) {
            (LegCommand::Use(terms), Some(Leg::Running(stream))) => stream.renew(terms),
            (LegCommand::Use(terms), None) => {
                let stream = Box::new(Stream::new(now, terms, &mut self.dice));
                self.legs.insert(leg, Leg::Running(stream));
            }
            (LegCommand::Key { key, way }, Some(Leg::Running(stream))) => stream.press(*key, *way),
            (LegCommand::Meter(on), Some(Leg::Running(stream))) => stream.meter(*on),
            (LegCommand::End { .. }, _) => self.end(now, leg),
            // Tones are the receiving half's, and a leg that has ended does nothing any more.
            (LegCommand::Use(_) | LegCommand::Key { .. } | LegCommand::Tone(_) | LegCommand::Meter(_), _) => {
            }
        }
    }

    /// A leg that never had terms answers too: its sockets wait for both halves.
    fn end(&mut self, now: Instant, leg: LegId) {
        let ended = match self.legs.remove(&leg) {
            Some(Leg::Running(mut stream)) => {
                stream.end(now);
                Some(stream)
            }
            Some(Leg::Ended(_)) | None => None,
        };
        self.legs.insert(leg, Leg::Ended(ended));
    }

    /// What the leg's receiving half learned.
    pub fn handle_feedback(&mut self, _now: Instant, leg: LegId, feedback: Feedback) {
        if let Some(Leg::Running(stream)) = self.legs.get_mut(&leg) {
            stream.handle_feedback(feedback);
        }
    }

    /// Takes the microphone's next 10 ms, which were complete `now`, for all legs. Time passes for them by these calls.
    /// Then the driver polls packets until `None`: a packet that is not fetched before the next one is complete is lost.
    pub fn push(&mut self, now: Instant, frame: &[f32; FRAME_SAMPLES]) {
        for leg in self.legs.values_mut() {
            if let Leg::Running(stream) = leg {
                stream.push(now, frame);
            }
        }
    }

    /// The next packet that is complete.
    pub fn poll_packet(&mut self) -> Option<Packet<'_>> {
        self.legs.iter_mut().find_map(|(id, leg)| match leg {
            Leg::Running(stream) | Leg::Ended(Some(stream)) => stream.poll_packet(*id),
            Leg::Ended(None) => None,
        })
    }

    /// What legs have to tell call control. A leg that has told its end is forgotten, and a last packet with it.
    pub fn poll_event(&mut self) -> Option<(LegId, LegEvent)> {
        let (id, event) = self.legs.iter_mut().find_map(|(id, leg)| Some((*id, leg.poll_event()?)))?;
        if event == LegEvent::Ended(Half::Send) {
            self.legs.remove(&id);
        }
        Some((id, event))
    }
}

/// A leg's sending half.
#[derive(Debug)]
enum Leg {
    Running(Box<Stream>),
    /// Told to end; it goes when that has been polled.
    Ended(Option<Box<Stream>>),
}

impl Leg {
    fn poll_event(&mut self) -> Option<LegEvent> {
        match self {
            Self::Running(stream) => stream.poll_event(),
            Self::Ended(_) => Some(LegEvent::Ended(Half::Send)),
        }
    }
}

#[cfg(test)]
mod tests;
