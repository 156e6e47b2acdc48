//! Codecs of the voice: samples are `f32` in −1…1 outside, bytes of an RTP payload inside.

mod g711;

use crate::leg::Codec;

/// Turns payloads into sound. Owns what a codec remembers from one packet to the next (G.711 nothing).
#[derive(Debug)]
pub struct Decoder(Codec);

impl Decoder {
    /// One that has heard nothing yet.
    pub fn new(codec: Codec) -> Self {
        Self(codec)
    }

    pub(crate) fn codec(&self) -> Codec {
        self.0
    }

    /// Decodes as much of `payload` as `sound` has room for; returns the number of samples.
    pub fn decode(&mut self, payload: &[u8], sound: &mut [f32]) -> usize {
        match self.0 {
            Codec::Pcmu => g711::decode_ulaw(payload, sound),
            Codec::Pcma => g711::decode_alaw(payload, sound),
        }
    }
}

/// Samples that `payload_bytes` of `codec` hold.
pub(crate) fn samples_in(codec: Codec, payload_bytes: usize) -> usize {
    match codec {
        Codec::Pcmu | Codec::Pcma => payload_bytes,
    }
}

/// Turns sound into payloads.
#[derive(Debug)]
pub struct Encoder(Codec);

impl Encoder {
    /// One that has said nothing yet.
    pub fn new(codec: Codec) -> Self {
        Self(codec)
    }

    pub(crate) fn codec(&self) -> Codec {
        self.0
    }

    /// Encodes as much of `sound` as `payload` has room for; returns the number of bytes.
    pub fn encode(&mut self, sound: &[f32], payload: &mut [u8]) -> usize {
        match self.0 {
            Codec::Pcmu => g711::encode_ulaw(sound, payload),
            Codec::Pcma => g711::encode_alaw(sound, payload),
        }
    }
}
