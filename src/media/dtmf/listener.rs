//! Telephone-events that come in (RFC 4733): one key for each event, however many of its packets are lost.
#![warn(clippy::indexing_slicing)]

use base::{Duration, Instant};

use super::Key;

/// Bytes of an event in a packet (RFC 4733 §2.3).
const EVENT_BYTES: usize = 4;

/// Samples that a segment of a long event lasts (RFC 4733 §2.5.1.3).
const SEGMENT_SAMPLES: i32 = 0xffff;

/// Packets of an event before the last one are late, not the beginning of something, as long as the last one is not
/// older than this.
const LATE: Duration = Duration::from_secs(2);

/// An event's packets are 20 to 50 ms apart, and the network does not change their order over more than this: one that
/// has lasted less than what was heard before it, and comes later, is of another press, though the sender's clock stands
/// still.
const LET_GO: Duration = Duration::from_millis(200);

/// Nobody presses keys faster than this for long (ITU-T Q.24: tones of 40 ms and as much between them): beyond it, a
/// peer only keeps call control busy.
const KEY_AT_LEAST: Duration = Duration::from_millis(80);

/// Time whose keys may come at once, when the network held packets up: 16 keys.
const HELD_UP: Duration = Duration::from_millis(16 * 80);

/// What has been heard of the peer's keys.
#[derive(Debug)]
pub(crate) struct Listener {
    last: Option<Last>,
    /// The keys that were told would have taken until then.
    sated_until: Instant,
}

/// The event that was told last, or goes on.
#[derive(Clone, Copy, Debug)]
struct Last {
    ssrc: u32,
    event: Event,
    heard: Instant,
}

/// An event as a packet has it.
#[derive(Clone, Copy, Debug)]
struct Event {
    key: Key,
    /// When it began.
    timestamp: u32,
    /// Samples that it has lasted.
    duration: u16,
    has_ended: bool,
}

impl Listener {
    pub(crate) fn new() -> Self {
        Self { last: None, sated_until: Instant::ZERO }
    }

    /// Hears the payload of a packet; gives the keys that begin to `press`. A packet may have several events, each
    /// beginning where the one before ended (RFC 4733 §2.5.1.5).
    pub(crate) fn hear(
        &mut self,
        now: Instant,
        ssrc: u32,
        timestamp: u32,
        payload: &[u8],
        mut press: impl FnMut(Key),
    ) {
        let mut timestamp = timestamp;
        for block in payload.as_chunks::<EVENT_BYTES>().0 {
            let [number, flags, high, low] = *block;
            let duration = u16::from_be_bytes([high, low]);
            if let Some(key) = Key::from_event(number) {
                let event = Event { key, timestamp, duration, has_ended: flags & 0x80 != 0 };
                if self.begins(now, ssrc, event) && self.takes(now) {
                    press(key);
                }
            }
            timestamp = timestamp.wrapping_add(duration.into());
        }
    }

    /// Whether an event is another than the last one, which it then is itself.
    fn begins(&mut self, now: Instant, ssrc: u32, event: Event) -> bool {
        let is_old = self.last.as_mut().is_some_and(|last| {
            let advance = event.timestamp.wrapping_sub(last.event.timestamp).cast_signed();
            if last.ssrc != ssrc {
                return false;
            }
            let has_less = advance == 0 && event.duration < last.event.duration;
            let is_anew = has_less && now - last.heard >= LET_GO;
            if last.event.key == event.key && last.event.goes_on_after(advance) && !is_anew {
                last.event.follow(event);
                last.heard = now;
                return true;
            }
            advance < 0 && now - last.heard < LATE
        });
        if !is_old {
            self.last = Some(Last { ssrc, event, heard: now });
        }
        !is_old
    }

    fn takes(&mut self, now: Instant) -> bool {
        let sated_until = self.sated_until.max(now) + KEY_AT_LEAST;
        let takes = sated_until <= now + HELD_UP;
        if takes {
            self.sated_until = sated_until;
        }
        takes
    }
}

impl Event {
    /// Whether a packet that begins `advance` samples after this event is of the same press of the key: another press
    /// can't begin before this one is over. Senders that move the timestamp from packet to packet are understood too.
    fn goes_on_after(&self, advance: i32) -> bool {
        let lasts = i32::from(self.duration);
        match self.has_ended {
            true => (0..lasts.max(1)).contains(&advance),
            false => (0..=lasts).contains(&advance) || advance == SEGMENT_SAMPLES,
        }
    }

    /// Learns from a later packet, or one that was overtaken.
    fn follow(&mut self, other: Self) {
        if other.timestamp != self.timestamp {
            *self = other;
            return;
        }
        self.duration = self.duration.max(other.duration);
        self.has_ended |= other.has_ended;
    }
}

#[cfg(test)]
mod tests;
