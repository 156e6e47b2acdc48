//! The words that call control and the two halves of a media leg exchange.

use core::net::SocketAddr;

/// One call's media, from its start until both halves have ended.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct LegId(pub u32);

/// Which of a leg's two sockets a packet belongs to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Channel {
    /// The sound.
    Rtp,
    /// The reports about it (RFC 3550 §6).
    Rtcp,
}

/// A codec of the voice itself.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Codec {
    /// G.711 µ-law, static payload type 0.
    Pcmu,
    /// G.711 A-law, static payload type 8.
    Pcma,
}

impl Codec {
    /// Samples a second, of the sound itself.
    pub const fn rate_hz(self) -> u32 {
        match self {
            Self::Pcmu | Self::Pcma => 8_000,
        }
    }
}

/// A payload type number and the codec that the offer or answer bound it to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Payload {
    /// 0 to 127.
    pub number: u8,
    /// What it means.
    pub codec: Codec,
}

/// What was negotiated for a leg: one value of everything, so that a new offer replaces the whole.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Terms {
    /// Where the peer's SDP says that it receives RTP.
    pub remote_rtp: SocketAddr,
    /// Where the peer's SDP says that it receives RTCP (`a=rtcp`, else the next port).
    pub remote_rtcp: SocketAddr,
    /// What we send.
    pub send: Payload,
    /// What the peer may send, by its numbers in *our* SDP.
    pub receive: alloc::vec::Vec<Payload>,
    /// Payload type of telephone-event (RFC 4733) that we send, if it was negotiated.
    pub send_event: Option<u8>,
    /// Payload type of telephone-event that we receive.
    pub receive_event: Option<u8>,
    /// Milliseconds of sound a packet that we send: 10 to 60, by steps of 10.
    pub ptime_ms: u8,
    /// We send sound. False while the peer holds us, or we hold it: then no RTP is sent, RTCP goes on.
    pub sending: bool,
    /// We play what arrives.
    pub receiving: bool,
    /// Silence is sent instead of the microphone.
    pub mute: bool,
}

/// What call control tells a leg. Never dropped on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LegCommand {
    /// The leg begins, or its terms are new.
    Use(Terms),
    /// The leg ends: each half answers `LegEvent::Ended` and forgets it.
    End,
}

/// A half of a leg.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Half {
    /// What rtp-receive has.
    Receive,
    /// What rtp-send has.
    Send,
}

/// What a leg tells call control.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum LegEvent {
    /// The first valid RTP packet of the leg came in.
    Arrived,
    /// This half has ended; after both, the leg's number and sockets are free.
    Ended(Half),
}

/// What the receiving half learned and the sending half needs. One way only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feedback {
    /// RTP goes to this address from now on: packets come from there (symmetric RTP, RFC 4961).
    Latched(SocketAddr),
}
