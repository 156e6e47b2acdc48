//! Reports about a leg (RFC 3550 §6): when one is due between two parties, and what it says.

use core::net::SocketAddr;

use base::{Dice, Duration, Instant};

use crate::leg::Reception;
use crate::rtcp::{Block, CNAME_BYTES, MAX_BYTES, Outgoing, Sent, ntp_at};

/// Between two parties the least interval is the interval (RFC 3550 §6.2). It varies by half of itself both ways, so
/// that reports of many calls don't come together (§6.3.1); nobody joins or leaves, so nothing is to be reconsidered.
const INTERVAL: Duration = Duration::from_secs(5);

/// The reporting of one leg.
#[derive(Debug)]
pub(super) struct Reporter {
    dice: Dice,
    ssrc: u32,
    cname: [u8; CNAME_BYTES],
    to: SocketAddr,
    due: Instant,
    packets: u32,
    payload_bytes: u32,
    /// What `packets` was at the last two reports, the last one first.
    packets_before: [u32; 2],
    received: Option<Reception>,
    /// What of it the last block told.
    told: Option<Reception>,
    /// Something of ours is in the network.
    was_heard: bool,
    datagram: [u8; MAX_BYTES],
    /// Bytes of `datagram` that wait to be polled.
    ready: Option<usize>,
}

impl Reporter {
    pub(super) fn new(now: Instant, ssrc: u32, to: SocketAddr, mut dice: Dice) -> Self {
        // The first report comes after half the time (RFC 3550 §6.2).
        let due = now + interval(&mut dice) / 2;
        let mut cname = [b'0'; CNAME_BYTES];
        cname.iter_mut().zip(dice.hex(CNAME_BYTES / 8).bytes()).for_each(|(place, digit)| *place = digit);
        Self {
            dice,
            ssrc,
            cname,
            to,
            due,
            packets: 0,
            payload_bytes: 0,
            packets_before: [0; 2],
            received: None,
            told: None,
            was_heard: false,
            datagram: [0; MAX_BYTES],
            ready: None,
        }
    }

    pub(super) fn send_to(&mut self, to: SocketAddr) {
        self.to = to;
    }

    /// The receiving half's news.
    pub(super) fn note(&mut self, received: Reception) {
        self.received = Some(received);
    }

    /// A packet of RTP was sent.
    pub(super) fn count(&mut self, payload_bytes: usize) {
        self.packets = self.packets.wrapping_add(1);
        self.payload_bytes = self.payload_bytes.wrapping_add(payload_bytes as u32);
        self.was_heard = true;
    }

    /// Time passes; `timestamp` is that of the sound at `now`.
    pub(super) fn pass(&mut self, now: Instant, timestamp: u32) {
        if now >= self.due {
            self.due = now + interval(&mut self.dice);
            self.report(now, timestamp, false);
        }
    }

    /// The leg ends. Who never sent anything says no goodbye (RFC 3550 §6.3.7).
    pub(super) fn end(&mut self, now: Instant, timestamp: u32) {
        if self.was_heard {
            self.report(now, timestamp, true);
        }
    }

    fn report(&mut self, now: Instant, timestamp: u32, is_goodbye: bool) {
        // RFC 3264 §5.1, §8.4: an address that is no address is how old phones hold; a port of 0 has no receiver.
        if self.to.ip().is_unspecified() || self.to.port() == 0 {
            return;
        }
        // RFC 3550 §6.4: a sender is who has sent since the report before the last.
        let [last, before_last] = self.packets_before;
        let sent = (self.packets != before_last).then(|| Sent {
            ntp: ntp_at(now),
            timestamp,
            packets: self.packets,
            payload_bytes: self.payload_bytes,
        });
        self.packets_before = [self.packets, last];
        let block = self.block();
        let report = Outgoing { ssrc: self.ssrc, sent, block, cname: &self.cname, is_goodbye };
        self.ready = Some(report.write(now, &mut self.datagram));
        self.was_heard = true;
    }

    /// A block, if something has come since the last one.
    fn block(&mut self) -> Option<Block> {
        let received = self.received?;
        // A stream that began anew, be it with the same SSRC, has nothing before.
        let before = self.told.filter(|told| {
            told.ssrc == received.ssrc
                && told.expected <= received.expected
                && told.received <= received.received
        });
        let (expected, came) = before.map_or((received.expected, received.received), |told| {
            (received.expected - told.expected, received.received - told.received)
        });
        if came == 0 {
            return None;
        }
        self.told = Some(received);
        Some(Block {
            ssrc: received.ssrc,
            fraction_lost: fraction(expected.saturating_sub(came), expected),
            lost: i32::try_from(i64::from(received.expected) - i64::from(received.received))
                .unwrap_or(i32::MAX),
            highest: received.highest,
            jitter: received.jitter,
            sender: received.sender,
        })
    }

    pub(super) fn poll(&mut self) -> Option<(SocketAddr, &[u8])> {
        Some((self.to, self.datagram.get(..self.ready.take()?)?))
    }
}

fn interval(dice: &mut Dice) -> Duration {
    dice.duration(INTERVAL / 2, INTERVAL * 3 / 2)
}

/// A part of a whole in 256ths, all of it being 255.
fn fraction(part: u32, whole: u32) -> u8 {
    let parts = (u64::from(part) << 8) / u64::from(whole.max(1));
    u8::try_from(parts).unwrap_or(u8::MAX)
}
