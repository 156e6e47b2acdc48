//! RTP ports lent in advance: bound socket pairs that call control may name in an offer or answer at once.

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};
use std::ops::RangeInclusive;

use base::Dice;
use media::leg::Channel;
use phone::{Family, PortId};

use crate::io::udp::{self, Dscp};

/// Pairs of each family that call control always has: one for the next offer, one for a call that comes in while
/// that is being made.
pub const LENT_PER_FAMILY: usize = 2;

/// A leg's two sockets, bound to the unspecified address of one family and non-blocking. RTP has an even port, RTCP
/// the next one (RFC 3550 §11). They know when each packet came. Both halves of the leg share them; the ports are free when
/// both have dropped them.
#[derive(Debug)]
pub struct LegSockets {
    /// For RTP.
    pub rtp: UdpSocket,
    /// For RTCP.
    pub rtcp: UdpSocket,
}

impl LegSockets {
    /// The socket of a channel.
    pub const fn of(&self, channel: Channel) -> &UdpSocket {
        match channel {
            Channel::Rtp => &self.rtp,
            Channel::Rtcp => &self.rtcp,
        }
    }

    /// Both ports, or the error of the first that can't be had.
    fn bind(address: IpAddr, rtp_port: u16, dscp: Dscp) -> io::Result<Self> {
        let rtp = udp::bind((address, rtp_port).into(), dscp)?;
        let rtcp = udp::bind((address, rtp_port.saturating_add(1)).into(), dscp)?;
        udp::stamp(&rtp)?;
        udp::stamp(&rtcp)?;
        Ok(Self { rtp, rtcp })
    }
}

/// A pair that has just been bound, as call control is told of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Lent {
    /// Its name.
    pub port: PortId,
    /// Its family.
    pub family: Family,
    /// The RTP socket's port number; RTCP has the next.
    pub rtp_port: u16,
}

/// The pairs that are lent and not yet used by a leg.
#[derive(Debug)]
pub struct Ports {
    range: RangeInclusive<u16>,
    dscp: Dscp,
    families: Vec<Family>,
    lent: BTreeMap<PortId, (Family, LegSockets)>,
    last: PortId,
    /// Where the search for a free pair goes on, so that a port that was just closed is the last to be used again:
    /// the old peer may still send to it.
    next: u16,
}

impl Ports {
    /// Ports of `range`, for these families; the first is chosen by the dice, so that a phone that starts again does
    /// not get its old calls' packets.
    pub fn new(range: RangeInclusive<u16>, dscp: Dscp, families: Vec<Family>, dice: &mut Dice) -> Self {
        let pairs = pairs(&range);
        let first = even_start(&range);
        let step = u16::try_from(dice.below(u32::from(pairs))).unwrap_or(0);
        let next = first.saturating_add(step.saturating_mul(2));
        Self { range, dscp, families, lent: BTreeMap::new(), last: PortId(0), next }
    }

    /// Binds and lends one pair if a family has fewer than [`LENT_PER_FAMILY`]; none otherwise.
    ///
    /// # Errors
    /// No pair of the range is free, or no descriptors are left. Worth trying again when a leg has ended.
    pub fn lend(&mut self) -> io::Result<Option<Lent>> {
        let short =
            self.families.iter().copied().find(|family| {
                self.lent.values().filter(|(lent, _)| lent == family).count() < LENT_PER_FAMILY
            });
        let Some(family) = short else { return Ok(None) };
        let (rtp_port, sockets) = self.bind_next(family)?;
        self.last = PortId(self.last.0.wrapping_add(1));
        self.lent.insert(self.last, (family, sockets));
        Ok(Some(Lent { port: self.last, family, rtp_port }))
    }

    /// Hands a lent pair to its leg, with whatever strangers have sent to it meanwhile.
    pub fn take(&mut self, port: PortId) -> Option<LegSockets> {
        self.lent.remove(&port).map(|(_, sockets)| sockets)
    }

    fn bind_next(&mut self, family: Family) -> io::Result<(u16, LegSockets)> {
        let address = match family {
            Family::V4 => Ipv4Addr::UNSPECIFIED.into(),
            Family::V6 => Ipv6Addr::UNSPECIFIED.into(),
        };
        for _ in 0..pairs(&self.range) {
            let rtp_port = self.next;
            self.next = match rtp_port.checked_add(2) {
                Some(next) if next < *self.range.end() => next,
                _ => even_start(&self.range),
            };
            match LegSockets::bind(address, rtp_port, self.dscp) {
                Ok(sockets) => return Ok((rtp_port, sockets)),
                Err(error) if error.kind() == ErrorKind::AddrInUse => {}
                Err(error) => return Err(error),
            }
        }
        Err(ErrorKind::AddrInUse.into())
    }
}

/// Pairs of an even port and the next that lie in `range`.
pub fn pairs(range: &RangeInclusive<u16>) -> u16 {
    let ports = u32::from(*range.end()).saturating_add(1).saturating_sub(u32::from(even_start(range)));
    u16::try_from(ports / 2).unwrap_or(u16::MAX)
}

fn even_start(range: &RangeInclusive<u16>) -> u16 {
    range.start().saturating_add(range.start() % 2)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ports(range: RangeInclusive<u16>) -> Ports {
        Ports::new(range, 46, vec![Family::V4], &mut Dice::new([7; 32]))
    }

    #[test]
    fn two_pairs_are_lent_and_a_used_one_is_replaced_by_another() {
        let mut ports = ports(42_001..=42_020);
        let first = ports.lend().expect("sockets").expect("a first pair");
        let second = ports.lend().expect("sockets").expect("a second pair");
        assert_eq!(ports.lend().expect("sockets"), None);

        let taken = ports.take(first.port).expect("it was lent");
        assert_eq!(taken.rtp.local_addr().expect("bound").port(), first.rtp_port);
        assert_eq!(taken.rtcp.local_addr().expect("bound").port(), first.rtp_port + 1);
        assert!(ports.take(first.port).is_none(), "a pair is used once");

        let third = ports.lend().expect("sockets").expect("a third pair");
        assert!(ports.lend().expect("sockets").is_none());
        let mut numbers = [first.rtp_port, second.rtp_port, third.rtp_port];
        numbers.sort_unstable();
        assert!(numbers.iter().all(|port| port.is_multiple_of(2) && (42_002..42_020).contains(port)));
        assert!(numbers[0] < numbers[1] && numbers[1] < numbers[2]);
    }

    #[test]
    fn a_range_that_is_used_up_says_so_until_a_leg_drops_its_sockets() {
        let mut ports = ports(42_101..=42_104);
        let only = ports.lend().expect("sockets").expect("the only pair");
        assert_eq!(ports.lend().expect_err("nothing left").kind(), ErrorKind::AddrInUse);
        let leg = ports.take(only.port).expect("lent");
        assert!(ports.lend().is_err(), "the leg has the port still");
        drop(leg);
        assert_eq!(ports.lend().expect("free again").map(|lent| lent.rtp_port), Some(only.rtp_port));
    }

    #[test]
    fn pairs_begin_at_even_ports() {
        assert_eq!([pairs(&(2..=5)), pairs(&(3..=5)), pairs(&(3..=4)), pairs(&(4..=4))], [2, 1, 0, 0]);
        assert_eq!(pairs(&(0..=u16::MAX)), 32_768);
    }
}
