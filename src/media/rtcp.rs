//! RTCP (RFC 3550 §6): reading of the reports that a phone has a use for, by rtcp-types, and writing of ours.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use core::ops::RangeInclusive;

use base::{Duration, Instant};
use rtcp_types::prelude::*;
use rtcp_types::{ReceiverReport, ReportBlock, SenderReport};

const SENDER_REPORT: u8 = 200;
const RECEIVER_REPORT: u8 = 201;
const SOURCE_DESCRIPTION: u8 = 202;
const GOODBYE: u8 = 203;

/// SDES item of the canonical name (RFC 3550 §6.5.1).
const CNAME: u8 = 1;

/// Digits of a canonical name: the 96 random bits of RFC 7022 §4.2, in hexadecimal.
pub(crate) const CNAME_BYTES: usize = 24;

/// Bytes of what we send: a sender report with a block, the name, and a goodbye.
pub(crate) const MAX_BYTES: usize = 28 + 24 + (8 + 2 + CNAME_BYTES + 2) + 8;

/// What a round trip can take, in 2⁻¹⁶ s: up to 10 s, and from a little less than nothing, for the peer's clock may be
/// fast. Beyond it the block is about somebody else's report.
const ROUND_TRIPS: RangeInclusive<i32> = -(1 << 13)..=10 << 16;

/// The middle half of the peer's clock in its last sender report, and when that came.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct ReportedSender {
    /// 16.16 bits of seconds, of a clock that only the peer knows.
    pub middle: u32,
    /// When the report arrived.
    pub arrival: Instant,
}

/// A compound packet that came in, as far as it is of use: the report that it begins with.
#[derive(Debug)]
pub(crate) struct Incoming<'a> {
    sender: Option<SenderReport<'a>>,
    receiver: Option<ReceiverReport<'a>>,
}

impl<'a> Incoming<'a> {
    /// Reads a datagram; `None` if it is not RTCP by the checks of RFC 3550 A.2.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let first = datagram.get(..packet_bytes(datagram)?)?;
        let mut rest = datagram;
        while !rest.is_empty() {
            rest = rest.get(packet_bytes(rest)?..)?;
        }
        let [flags, kind, ..] = first else { return None };
        let is_padded = flags & 0x20 != 0;
        match *kind {
            _ if is_padded => None,
            SENDER_REPORT => Some(Self { sender: SenderReport::parse(first).ok(), receiver: None }),
            RECEIVER_REPORT => Some(Self { sender: None, receiver: ReceiverReport::parse(first).ok() }),
            _ => None,
        }
        .filter(|report| report.sender.is_some() || report.receiver.is_some())
    }

    /// Who reports.
    pub(crate) fn ssrc(&self) -> u32 {
        let sender = self.sender.as_ref().map(SenderReport::ssrc);
        sender.or(self.receiver.as_ref().map(ReceiverReport::ssrc)).unwrap_or(0)
    }

    /// The sender's clock, if it is a sender.
    pub(crate) fn sender(&self, now: Instant) -> Option<ReportedSender> {
        let report = self.sender.as_ref()?;
        Some(ReportedSender { middle: middle(report.ntp_timestamp()), arrival: now })
    }

    /// How long a report of ours and this one took together (RFC 3550 §6.4.1), by the block that answers ours. Which
    /// one that is shows in the time that it gives: nobody else's report was sent by our clock.
    pub(crate) fn round_trip(&self, now: Instant) -> Option<Duration> {
        let here = middle(ntp_at(now));
        let of_sender = self.sender.iter().flat_map(SenderReport::report_blocks);
        let of_receiver = self.receiver.iter().flat_map(ReceiverReport::report_blocks);
        of_sender.chain(of_receiver).find_map(|block| {
            let [sent, held] = [
                ReportBlock::last_sender_report_timestamp,
                ReportBlock::delay_since_last_sender_report_timestamp,
            ]
            .map(|field| field(&block));
            let took = here.wrapping_sub(sent).wrapping_sub(held).cast_signed();
            (sent != 0 && ROUND_TRIPS.contains(&took)).then(|| {
                Duration::from_nanos(
                    u64::from(took.max(0).unsigned_abs()).saturating_mul(1_000_000_000) >> 16,
                )
            })
        })
    }
}

/// Bytes of the packet that a compound packet begins with; `None` if there is none of our version.
fn packet_bytes(compound: &[u8]) -> Option<usize> {
    let [flags, _, high, low, ..] = compound else { return None };
    let words = usize::from(u16::from_be_bytes([*high, *low]));
    (flags >> 6 == 2).then_some(words.saturating_add(1).saturating_mul(4))
}

/// Our clock as an NTP timestamp: 32.32 bits of seconds. It counts from an origin of its own, as RFC 3550 §4 allows
/// to whoever has no wall clock.
pub(crate) fn ntp_at(now: Instant) -> u64 {
    seconds(now.as_nanos())
}

/// Nanoseconds as 32.32 bits of seconds.
fn seconds(nanos: u64) -> u64 {
    let fraction = ((nanos % 1_000_000_000) << 32) / 1_000_000_000;
    (nanos / 1_000_000_000) << 32 | fraction
}

/// The middle half of an NTP timestamp: 16.16 bits of seconds.
fn middle(ntp: u64) -> u32 {
    (ntp >> 16) as u32
}

/// A compound packet to send.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Outgoing<'a> {
    pub(crate) ssrc: u32,
    /// What we sent, if we are a sender: a sender report.
    pub(crate) sent: Option<Sent>,
    /// What we received.
    pub(crate) block: Option<Block>,
    pub(crate) cname: &'a [u8; CNAME_BYTES],
    /// It is the last one.
    pub(crate) is_goodbye: bool,
}

/// What a sender report says of the sender.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sent {
    pub(crate) ntp: u64,
    /// The same moment in our timestamps.
    pub(crate) timestamp: u32,
    pub(crate) packets: u32,
    pub(crate) payload_bytes: u32,
}

/// A report block.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Block {
    pub(crate) ssrc: u32,
    /// In 256ths, since the last report.
    pub(crate) fraction_lost: u8,
    /// 24 bits with a sign.
    pub(crate) lost: i32,
    pub(crate) highest: u32,
    pub(crate) jitter: u32,
    pub(crate) sender: Option<ReportedSender>,
}

impl Outgoing<'_> {
    /// Writes the packet, sent at `now`, to `datagram`; returns how long it is.
    pub(crate) fn write(&self, now: Instant, datagram: &mut [u8; MAX_BYTES]) -> usize {
        let mut writer = Writer { room: datagram, at: 0 };
        let (blocks, block_words) = if self.block.is_some() { (1, 6) } else { (0, 0_u16) };
        if let Some(sent) = self.sent {
            writer.header(blocks, SENDER_REPORT, block_words.saturating_add(6));
            writer.words([self.ssrc, (sent.ntp >> 32) as u32, sent.ntp as u32]);
            writer.words([sent.timestamp, sent.packets, sent.payload_bytes]);
        } else {
            writer.header(blocks, RECEIVER_REPORT, block_words.saturating_add(1));
            writer.words([self.ssrc]);
        }
        if let Some(block) = self.block {
            writer.block(now, block);
        }
        let name_words = (4 + 2 + CNAME_BYTES + 2) / 4;
        writer.header(1, SOURCE_DESCRIPTION, name_words as u16);
        writer.words([self.ssrc]);
        writer.bytes(&[CNAME, CNAME_BYTES as u8]);
        writer.bytes(self.cname);
        // Ends the list of items, to the next word.
        writer.bytes(&[0, 0]);
        if self.is_goodbye {
            writer.header(1, GOODBYE, 1);
            writer.words([self.ssrc]);
        }
        writer.at
    }
}

/// Writes one behind the other. [`MAX_BYTES`] is room for all that there is.
struct Writer<'a> {
    room: &'a mut [u8; MAX_BYTES],
    at: usize,
}

impl Writer<'_> {
    fn bytes(&mut self, bytes: &[u8]) {
        let end = self.at.saturating_add(bytes.len());
        if let Some(place) = self.room.get_mut(self.at..end) {
            place.copy_from_slice(bytes);
            self.at = end;
        }
    }

    fn words<const COUNT: usize>(&mut self, words: [u32; COUNT]) {
        for word in words {
            self.bytes(&word.to_be_bytes());
        }
    }

    fn header(&mut self, count: u8, kind: u8, words_behind: u16) {
        self.bytes(&[0x80 | count, kind]);
        self.bytes(&words_behind.to_be_bytes());
    }

    fn block(&mut self, now: Instant, block: Block) {
        let (last, since) = block.sender.map_or((0, 0), |sender| {
            let since = now.as_nanos().saturating_sub(sender.arrival.as_nanos());
            (sender.middle, middle(seconds(since)))
        });
        let lost = block.lost.clamp(-0x80_0000, 0x7f_ffff).cast_unsigned() & 0xff_ffff;
        self.words([block.ssrc, u32::from(block.fraction_lost) << 24 | lost]);
        self.words([block.highest, block.jitter, last, since]);
    }
}

#[cfg(test)]
mod tests;
