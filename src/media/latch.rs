//! Which source a leg listens to, and so where its RTP is sent (symmetric RTP, RFC 4961): the SDP's address, unless
//! a NAT made another of it. Whoever can guess our port must not be able to take a call over by sending first.

use core::net::SocketAddr;

use base::{Duration, Instant};

/// Consecutive packets of one source before a source that the SDP does not name is believed.
pub(crate) const PROBATION_PACKETS: u8 = 5;

/// The source that is latched must be silent for so long before another may apply.
pub(crate) const SILENCE: Duration = Duration::from_secs(2);

/// A place and a stream that packets come from.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    pub(crate) address: SocketAddr,
    pub(crate) ssrc: u32,
}

/// The rule, for one channel of one leg.
#[derive(Debug)]
pub(crate) struct Latch {
    /// Where the peer's SDP says it is: its packets are believed at once, whatever was latched before.
    named: SocketAddr,
    state: State,
}

#[derive(Debug)]
enum State {
    /// Nothing believable came yet.
    Open { applicant: Option<Applicant> },
    /// Packets come from `address`, the last one at `heard`.
    Latched { address: SocketAddr, heard: Instant, applicant: Option<Applicant> },
}

/// A source in probation.
#[derive(Clone, Copy, Debug)]
struct Applicant {
    source: Source,
    packets: u8,
}

impl Latch {
    /// A latch that waits for packets, most of all from `named`, the SDP's address. SDP that names another address makes
    /// another latch.
    pub(crate) fn new(named: SocketAddr) -> Self {
        Self { named, state: State::Open { applicant: None } }
    }

    /// Where packets are to be sent.
    pub(crate) fn address(&self) -> SocketAddr {
        match self.state {
            State::Open { .. } => self.named,
            State::Latched { address, .. } => address,
        }
    }

    /// A well-formed packet of a negotiated type came from `source`. True if it may be heard.
    pub(crate) fn admit(&mut self, now: Instant, source: Source) -> bool {
        let believed =
            source.address == self.named || self.is_latched(source) || self.passes_probation(now, source);
        if believed {
            self.state = State::Latched { address: source.address, heard: now, applicant: None };
        }
        believed
    }

    fn is_latched(&self, source: Source) -> bool {
        matches!(self.state, State::Latched { address, .. } if address == source.address)
    }

    fn passes_probation(&mut self, now: Instant, source: Source) -> bool {
        let applicant = match &mut self.state {
            State::Open { applicant } => applicant,
            State::Latched { heard, .. } if now - *heard < SILENCE => return false,
            State::Latched { applicant, .. } => applicant,
        };
        let packets = match applicant {
            Some(known) if known.source == source => known.packets.saturating_add(1),
            _ => 1,
        };
        *applicant = Some(Applicant { source, packets });
        packets >= PROBATION_PACKETS
    }
}
