//! The jitter buffer: packets in as the network delivers them, sound out as the speaker asks for it.

use alloc::collections::VecDeque;

use base::Instant;

use crate::FRAME_SAMPLES;
use crate::codec::Decoder;
use crate::leg::Codec;

/// A packet of a leg's incoming stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Synchronisation source: another one is another stream.
    pub ssrc: u32,
    /// Sequence number, as on the wire.
    pub sequence: u16,
    /// Timestamp, as on the wire.
    pub timestamp: u32,
    /// What it carries.
    pub content: Content<'a>,
}

/// What a packet carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// The voice.
    Voice(Codec, &'a [u8]),
    /// Comfort noise or a telephone-event: nothing is heard of it, and nothing is missing where it was.
    Other,
}

/// What a pulled frame is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sound {
    /// What the peer sent, at its own pace.
    Normal,
    /// At least a part had to be guessed.
    Concealed,
    /// What the peer sent, stretched or shortened to follow the network's delay.
    Stretched,
    /// Nothing was to be heard.
    Silence,
}

/// The jitter buffer of one leg.
#[derive(Debug)]
pub struct JitterBuffer {
    ahead: VecDeque<f32>,
}

/// Samples that the buffer holds at most: a second.
const CAPACITY: usize = 8_000;

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self { ahead: VecDeque::with_capacity(CAPACITY) }
    }

    /// Forgets the stream: the next packet begins one.
    pub fn clear(&mut self) {
        self.ahead.clear();
    }

    /// Takes a packet that arrived.
    pub fn push(&mut self, _now: Instant, packet: Packet<'_>) {
        let Content::Voice(codec, payload) = packet.content else { return };
        let mut sound = [0.0; 1500];
        let samples = Decoder::new(codec).decode(payload, &mut sound);
        self.ahead.extend(sound.iter().take(samples.min(CAPACITY - self.ahead.len())));
    }

    /// Gives the next 10 ms.
    pub fn pull(&mut self, _now: Instant, frame: &mut [f32; FRAME_SAMPLES]) -> Sound {
        if self.ahead.len() < FRAME_SAMPLES {
            frame.fill(0.0);
            return Sound::Silence;
        }
        for (sample, sound) in frame.iter_mut().zip(self.ahead.drain(..FRAME_SAMPLES)) {
            *sample = sound;
        }
        Sound::Normal
    }
}
