//! The words that call control and the two halves of a media leg exchange.

use core::net::SocketAddr;

use crate::dtmf;
pub use crate::reception::Reception;
pub use crate::rtcp::ReportedSender;

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
    /// Where our SDP says that we receive RTP. It is sent from that address too, and so is RTCP, each from the port that it
    /// is received at (RFC 4961). A link-local one has its scope.
    pub local_rtp: SocketAddr,
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
    /// The call is answered, nobody holds it, and the peer is to send, so silence on the network is worth a word: see
    /// [`LegEvent::Lost`].
    pub watch: bool,
}

/// A sound of the phone's own, for its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Tone {
    /// The callee's phone rings. Silent once something of the callee was heard, and never heard over it again.
    Ringback,
    /// This phone rings.
    Ring,
    /// The callee is busy, or the call failed.
    Busy,
    /// Another call comes in while this one speaks.
    CallWaiting,
}

/// What call control tells a leg. Never dropped on its way.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LegCommand {
    /// The leg has terms now, or new ones.
    Use(Terms),
    /// The user hears this tone from now on, from its beginning unless it sounds already; none, and it ends. A leg
    /// without terms sounds too.
    Tone(Option<Tone>),
    /// A key for the peer. They wait for each other, [`dtmf::QUEUE_MAX`] of them at most; a leg that sends nothing
    /// drops them.
    Key {
        /// Which one.
        key: dtmf::Key,
        /// As what it goes out.
        way: dtmf::Way,
    },
    /// From now on each half tells [`LegEvent::Level`], or no more. A leg without terms has none to tell.
    Meter(bool),
    /// The leg ends: each half answers `LegEvent::Ended` and forgets it, the receiving half after 3 s of `tone`.
    End {
        /// What the user hears at last.
        tone: Option<Tone>,
    },
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
    /// It has no sound and never will: whoever drives its halves couldn't get it what they need. It has yet to be told
    /// [`LegCommand::End`].
    Failed,
    /// The first valid RTP packet of the leg came in.
    Arrived,
    /// The peer pressed a key (RFC 4733): told once for each, however many packets tell of it.
    Key(dtmf::Key),
    /// Neither RTP nor RTCP for 5 s, counted from the last packet or from when [`Terms::watch`] became true: told once
    /// until the next packet, or until the watch begins anew.
    Lost,
    /// The first packet after [`Self::Lost`], watched or not.
    Back,
    /// While it is metered: the peak of the last 100 ms, in dBFS ([`crate::level`]).
    Level {
        /// What the peer is sent, or what it is heard to say.
        half: Half,
        /// 0 for full scale, [`crate::level::SILENCE_DBFS`] for silence.
        peak_dbfs: i8,
    },
    /// This half has ended; after both, the leg's number and sockets are free.
    Ended(Half),
}

/// What the receiving half learned and the sending half needs. One way only.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Feedback {
    /// RTP goes to this address from now on: packets come from there (symmetric RTP, RFC 4961).
    Latched(SocketAddr),
    /// The same for RTCP.
    LatchedRtcp(SocketAddr),
    /// What was received so far, for the next report.
    Received(Reception),
}
