//! What goes into the buffer, and what its user learns of what came out.

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

/// What became of packets and frames since the buffer was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Packets that came in.
    pub packets: u64,
    /// Packets that came a second time.
    pub duplicate: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Packets that fitted no stream, or could not be of any.
    pub stray: u64,
    /// Streams that began: the first, and each that a peer began anew.
    pub streams: u64,
    /// Frames of [`Sound::Concealed`].
    pub concealed: u64,
    /// Frames of [`Sound::Stretched`].
    pub stretched: u64,
}
