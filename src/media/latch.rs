//! Which source a leg listens to, and so where its RTP is sent (symmetric RTP, RFC 4961): the SDP's address, unless
//! a NAT made another of it. Whoever can guess our port must not be able to take a call over by sending first.

use core::net::SocketAddr;

use base::{Duration, Instant};

/// Consecutive packets of one source before a source that the SDP does not name is believed.
pub(crate) const PROBATION_PACKETS: u8 = 5;

/// The source of RTP that is latched must be silent for so long before another may apply.
pub(crate) const RTP_SILENCE: Duration = Duration::from_secs(2);

/// The same for RTCP: two reports and more are missing.
pub(crate) const RTCP_SILENCE: Duration = Duration::from_secs(20);

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
    /// How long a latched source must be silent before another may apply.
    silence: Duration,
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
    pub(crate) fn new(named: SocketAddr, silence: Duration) -> Self {
        Self { named, silence, state: State::Open { applicant: None } }
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
            State::Latched { heard, .. } if now - *heard < self.silence => return false,
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

#[cfg(test)]
mod tests {
    use super::*;

    fn source(address: &str, ssrc: u32) -> Source {
        Source { address: address.parse().expect("is an address"), ssrc }
    }

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    const NAMED: &str = "192.0.2.1:4000";
    const BEHIND_NAT: &str = "198.51.100.7:61000";
    const ATTACKER: &str = "203.0.113.66:9";

    fn latch() -> Latch {
        Latch::new(source(NAMED, 0).address, RTP_SILENCE)
    }

    fn address(text: &str) -> SocketAddr {
        source(text, 0).address
    }

    /// Sends packets from `from` every 20 ms from `start_ms` on, and tells of each whether it was heard.
    fn send(latch: &mut Latch, start_ms: u64, from: &str, packets: u64) -> alloc::vec::Vec<bool> {
        (0..packets).map(|index| latch.admit(at(start_ms + index * 20), source(from, 7))).collect()
    }

    #[test]
    fn the_sdps_address_is_believed_at_once_and_is_where_packets_go_before() {
        let mut latch = latch();
        assert_eq!(latch.address(), address(NAMED));
        assert_eq!(send(&mut latch, 0, NAMED, 1), [true]);
        assert_eq!(latch.address(), address(NAMED));
    }

    #[test]
    fn a_peer_behind_a_nat_is_believed_from_its_fifth_packet_on() {
        let mut latch = latch();
        assert_eq!(send(&mut latch, 0, BEHIND_NAT, 6), [false, false, false, false, true, true]);
        assert_eq!(latch.address(), address(BEHIND_NAT));
    }

    #[test]
    fn probation_is_for_one_source_and_one_stream_without_anything_between() {
        let mut latch = latch();
        send(&mut latch, 0, BEHIND_NAT, 4);
        assert!(!latch.admit(at(100), source(BEHIND_NAT, 8)), "another stream of the same place");
        assert_eq!(send(&mut latch, 120, BEHIND_NAT, 4), [false; 4]);
        assert!(!latch.admit(at(200), source(ATTACKER, 7)));
        assert_eq!(send(&mut latch, 220, BEHIND_NAT, 5), [false, false, false, false, true]);
    }

    #[test]
    fn an_attacker_that_races_the_peer_of_the_sdp_gets_nothing() {
        let mut latch = latch();
        assert_eq!(send(&mut latch, 0, ATTACKER, 4), [false; 4]);
        assert!(latch.admit(at(85), source(NAMED, 1)));
        for round in 0..500 {
            let now_ms = 100 + round * 20;
            assert_eq!(
                send(&mut latch, now_ms, ATTACKER, 1),
                [false],
                "three packets for each of the peer's"
            );
            assert_eq!(send(&mut latch, now_ms + 1, ATTACKER, 1), [false]);
            assert_eq!(send(&mut latch, now_ms + 2, NAMED, 1), [true]);
            assert_eq!(latch.address(), address(NAMED));
        }
    }

    #[test]
    fn an_attacker_that_won_the_race_loses_to_the_first_packet_from_the_sdps_address() {
        let mut latch = latch();
        send(&mut latch, 0, ATTACKER, 5);
        assert_eq!(latch.address(), address(ATTACKER));
        assert!(latch.admit(at(101), source(NAMED, 1)));
        assert_eq!(latch.address(), address(NAMED));
        assert_eq!(send(&mut latch, 120, ATTACKER, 20), [false; 20]);
    }

    #[test]
    fn a_latched_source_must_be_silent_for_two_seconds_before_another_may_apply() {
        let mut latch = latch();
        send(&mut latch, 0, BEHIND_NAT, 5);
        assert_eq!(send(&mut latch, 100, ATTACKER, 98), [false; 98], "1960 ms of flooding");
        assert!(latch.admit(at(2_075), source(BEHIND_NAT, 7)), "the peer was only quiet");
        // Silent from 2075 ms on: the first packet that counts is that of 4080 ms.
        let heard = send(&mut latch, 2_080, ATTACKER, 105);
        assert_eq!(heard.iter().position(|heard| *heard), Some(104));
    }
}
