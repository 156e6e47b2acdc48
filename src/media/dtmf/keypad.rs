//! Keys that go out, one after the other, in place of the voice: what each 10 ms of a leg carries.

use alloc::collections::VecDeque;

use super::{KEY_MS, Key, QUEUE_MAX, Way};
use crate::tone::Burst;
use crate::{FRAME_MS, FRAME_SAMPLES};

/// Frames of a key.
const KEY_FRAMES: u32 = KEY_MS / FRAME_MS;

/// Frames from the beginning of a key to that of the next: 70 ms of silence between them.
const PERIOD_FRAMES: u32 = KEY_FRAMES + 70 / FRAME_MS;

/// Frames between the packets of an event.
const PACKET_FRAMES: u32 = 2;

/// Packets that tell of an event's end (RFC 4733 §2.5.1.4), for all that some are lost.
const END_PACKETS: u32 = 3;

/// Level of events, in dB below 1 mW at the zero point: that of the tones.
const VOLUME: u8 = 9;

/// The keys of a leg.
#[derive(Debug)]
pub(crate) struct Keypad {
    queue: VecDeque<(Key, Way)>,
    state: State,
}

#[derive(Debug)]
enum State {
    Idle,
    Pressed {
        /// Frames since the key went down.
        frames: u32,
        press: Press,
    },
}

#[derive(Clone, Copy, Debug)]
enum Press {
    Event { key: Key, timestamp: u32 },
    Tones(Burst),
}

/// What a frame carries.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation at each frame of a key")]
pub(crate) enum Said {
    /// The voice.
    Voice,
    /// These tones, or silence behind them.
    Tones([f32; FRAME_SAMPLES]),
    /// An event: nothing is heard, and at the frame's end there may be a packet to send.
    Event(Option<EventPacket>),
}

/// A packet of an event.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct EventPacket {
    /// The event's first: it bears the marker.
    pub(crate) is_first: bool,
    /// When the event began.
    pub(crate) timestamp: u32,
    pub(crate) payload: [u8; 4],
}

impl Keypad {
    /// With room for all keys that may wait.
    pub(crate) fn new() -> Self {
        Self { queue: VecDeque::with_capacity(QUEUE_MAX), state: State::Idle }
    }

    /// A key waits for its turn, unless too many do.
    pub(crate) fn press(&mut self, key: Key, way: Way) {
        if self.queue.len() < QUEUE_MAX {
            self.queue.push_back((key, way));
        }
    }

    /// Nothing waits or sounds any more.
    pub(crate) fn clear(&mut self) {
        self.queue.clear();
        self.state = State::Idle;
    }

    /// What the next frame carries, whose first sample has this timestamp.
    pub(crate) fn say(&mut self, timestamp: u32) -> Said {
        match &mut self.state {
            State::Pressed { frames, press } if *frames < PERIOD_FRAMES => {
                *frames += 1;
                press.say(*frames)
            }
            _ => match self.queue.pop_front() {
                Some((key, way)) => {
                    let mut press = match way {
                        Way::Event => Press::Event { key, timestamp },
                        Way::InBand => Press::Tones(key.burst()),
                    };
                    let said = press.say(1);
                    self.state = State::Pressed { frames: 1, press };
                    said
                }
                None => {
                    self.state = State::Idle;
                    Said::Voice
                }
            },
        }
    }
}

impl Press {
    /// What the frame carries that is the `frames`th since the key went down.
    fn say(&mut self, frames: u32) -> Said {
        match self {
            Self::Tones(burst) => {
                let mut sound = [0.0; FRAME_SAMPLES];
                sound.iter_mut().for_each(|sample| *sample = burst.next());
                Said::Tones(sound)
            }
            // The voice comes back behind the last packet, though the next key must wait a little longer.
            Self::Event { .. } if frames > KEY_FRAMES + PACKET_FRAMES * (END_PACKETS - 1) => Said::Voice,
            Self::Event { .. } if !frames.is_multiple_of(PACKET_FRAMES) => Said::Event(None),
            Self::Event { key, timestamp } => {
                let has_ended = frames >= KEY_FRAMES;
                let duration = frames.min(KEY_FRAMES) * FRAME_SAMPLES as u32;
                let [high, low] = (duration as u16).to_be_bytes();
                Said::Event(Some(EventPacket {
                    is_first: frames == PACKET_FRAMES,
                    timestamp: *timestamp,
                    payload: [key.0, u8::from(has_ended) << 7 | VOLUME, high, low],
                }))
            }
        }
    }
}
