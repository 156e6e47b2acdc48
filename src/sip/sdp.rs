//! Session descriptions (RFC 8866, RFC 4566) as a telephone needs them, and their negotiation by offer and answer (RFC
//! 3264): one audio line over RTP, all others refused in their place. Which codecs there are, and what sounds, is
//! others' matter. sdp-types knows the lines, this the meaning.

mod negotiation;
mod read;
#[cfg(test)]
mod tests;

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::message::Status;

pub use negotiation::Negotiation;

/// What one side of an audio line may do (RFC 3264 §5.1, §6.1).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Direction {
    /// It sends.
    pub sends: bool,
    /// It wants to receive.
    pub receives: bool,
}

impl Direction {
    /// `sendrecv`
    pub const SENDRECV: Self = Self { sends: true, receives: true };
    /// `sendonly`: what holds the peer.
    pub const SENDONLY: Self = Self { sends: true, receives: false };
    /// `recvonly`
    pub const RECVONLY: Self = Self { sends: false, receives: true };
    /// `inactive`
    pub const INACTIVE: Self = Self { sends: false, receives: false };

    /// What this side can do where it wants this, and `peer` does that.
    #[must_use]
    pub const fn facing(self, peer: Self) -> Self {
        Self { sends: self.sends && peer.receives, receives: self.receives && peer.sends }
    }

    const ALL: [Self; 4] = [Self::SENDRECV, Self::SENDONLY, Self::RECVONLY, Self::INACTIVE];

    const fn attribute(self) -> &'static str {
        match (self.sends, self.receives) {
            (true, true) => "sendrecv",
            (true, false) => "sendonly",
            (false, true) => "recvonly",
            (false, false) => "inactive",
        }
    }
}

/// What sound or signals a payload type number stands for. Equal by [`Codec::is_same`], not by spelling.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Codec {
    /// Encoding name, compared without regard to case.
    pub name: String,
    /// RTP clock rate, which isn't always that of the sound (G.722).
    pub clock_hz: u32,
    /// 1 if it isn't named.
    pub channels: u8,
}

impl Codec {
    /// A codec of one channel.
    pub fn mono(name: &str, clock_hz: u32) -> Self {
        Self { name: name.into(), clock_hz, channels: 1 }
    }

    /// Whether both are the same codec.
    pub fn is_same(&self, other: &Self) -> bool {
        self.name.eq_ignore_ascii_case(&other.name)
            && (self.clock_hz, self.channels) == (other.clock_hz, other.channels)
    }

    fn is_telephone_event(&self) -> bool {
        self.name.eq_ignore_ascii_case("telephone-event")
    }
}

/// A codec under the number that a description binds it to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Format {
    /// 0 to 127.
    pub number: u8,
    /// What it means.
    pub codec: Codec,
    /// Its `a=fmtp`.
    pub fmtp: Option<String>,
}

/// What this phone can do.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Capabilities {
    /// Codecs and telephone-event under the numbers that an offer of ours gives them, the preferred first.
    pub formats: Vec<Format>,
    /// Milliseconds of sound that we like to get in a packet.
    pub ptime_ms: u8,
}

/// A codec that both sides know, under both sides' numbers.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreed {
    /// The codec, as our capabilities have it.
    pub codec: Codec,
    /// The number that we send: the peer's.
    pub send: u8,
    /// The number that the peer sends: ours.
    pub receive: u8,
    /// The peer's `a=fmtp`: what it can receive.
    pub fmtp: Option<String>,
}

/// What offer and answer have come to.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Agreement {
    /// Where our description says that we receive RTP.
    pub local_rtp: SocketAddr,
    /// Where the peer receives RTP. Port or address may be 0 while it doesn't: `direction` then says so.
    pub remote_rtp: SocketAddr,
    /// Where the peer receives RTCP.
    pub remote_rtcp: SocketAddr,
    /// Codecs of both sides, at least one: the first is the one to send.
    pub codecs: Vec<Agreed>,
    /// telephone-event at the clock rate of the codec to send.
    pub event: Option<Agreed>,
    /// Milliseconds of sound a packet that we send: what the peer asks for, 10 to 60 by steps of 10, else 20.
    pub ptime_ms: u8,
    /// What we do.
    pub direction: Direction,
    /// The peer holds us: it doesn't want to receive.
    pub held: bool,
}

/// Why a description can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SdpError {
    /// It isn't a session description.
    Malformed,
    /// It has more media lines than anybody needs.
    TooLong,
    /// It has no audio line over RTP that is in use, at an address that we can reach.
    NoAudio,
    /// It has audio, but no codec of ours.
    NoCodec,
    /// It answers an offer that we haven't made, or another number of media lines.
    NoSuchOffer,
}

impl SdpError {
    /// What an offer with this fault is answered.
    pub const fn status(self) -> Status {
        match self {
            Self::Malformed => Status::BAD_REQUEST,
            Self::TooLong | Self::NoAudio | Self::NoCodec | Self::NoSuchOffer => Status::NOT_ACCEPTABLE_HERE,
        }
    }
}

impl fmt::Display for SdpError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Malformed => "malformed session description",
            Self::TooLong => "too many media lines",
            Self::NoAudio => "no usable audio",
            Self::NoCodec => "no codec in common",
            Self::NoSuchOffer => "answer to no offer",
        })
    }
}

impl core::error::Error for SdpError {}
