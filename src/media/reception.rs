//! What is received of a peer's stream, as RFC 3550 wants it counted: losses (appendix A.1, A.3) and jitter (A.8).
#![warn(clippy::indexing_slicing)]

use base::{Duration, Instant};

use crate::RATE_HZ;
use crate::rtcp::ReportedSender;

/// Packets that the sequence number may be ahead of the highest one; further ahead it has jumped (A.1).
const MAX_DROPOUT: u16 = 3_000;

/// Packets that it may be behind (A.1).
const MAX_MISORDER: u16 = 100;

/// Samples between two packets' transit times that are no jitter but a clock that was set anew.
const MAX_STEP: u32 = 2 * RATE_HZ;

/// What a report block says of a stream, but for what only the moment of its sending knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Reception {
    /// Whose stream.
    pub ssrc: u32,
    /// The highest sequence number, with how often it wrapped in the upper half.
    pub highest: u32,
    /// Packets that should have come, by sequence numbers.
    pub expected: u32,
    /// Packets that came. More than were expected, if some came twice.
    pub received: u32,
    /// Mean deviation of the time that packets take, in samples.
    pub jitter: u32,
    /// The last sender report of it.
    pub sender: Option<ReportedSender>,
}

/// All streams of a leg, one after the other.
#[derive(Debug)]
pub(crate) struct Receptions {
    source: Option<Source>,
    /// A packet that did not follow; if the next one follows it, the stream begins anew.
    stray: Option<(u32, u16)>,
    /// Expected and received packets of the sources before.
    before: (u64, u64),
    /// Of the source that the last sender report is of.
    sender: Option<(u32, ReportedSender)>,
}

#[derive(Clone, Copy, Debug)]
struct Source {
    ssrc: u32,
    /// Extended sequence numbers.
    base: u32,
    highest: u32,
    received: u32,
    transit: Option<u32>,
    /// In sixteenths of a sample.
    jitter: u32,
}

impl Receptions {
    pub(crate) fn new() -> Self {
        Self { source: None, stray: None, before: (0, 0), sender: None }
    }

    /// A packet came. `timestamp` is that of voice, whose beginning it is the time of; other packets don't say when
    /// they were sent.
    pub(crate) fn on_packet(&mut self, now: Instant, ssrc: u32, sequence: u16, timestamp: Option<u32>) {
        let follows = match &mut self.source {
            Some(source) => source.ssrc == ssrc && source.count(sequence),
            None => {
                self.source = Some(Source::new(ssrc, sequence));
                true
            }
        };
        if follows {
            self.stray = None;
        } else if self.stray == Some((ssrc, sequence.wrapping_sub(1))) {
            self.begin(Source::new(ssrc, sequence));
        } else {
            self.stray = Some((ssrc, sequence));
            return;
        }
        if let (Some(source), Some(timestamp)) = (&mut self.source, timestamp) {
            source.on_timestamp(now, timestamp);
        }
    }

    fn begin(&mut self, source: Source) {
        let (expected, received) = self.totals();
        (self.before, self.stray, self.source) = ((expected, received), None, Some(source));
    }

    /// A sender report of a source came.
    pub(crate) fn on_sender(&mut self, ssrc: u32, sender: ReportedSender) {
        self.sender = Some((ssrc, sender));
    }

    /// What to report.
    pub(crate) fn report(&self) -> Option<Reception> {
        let source = self.source?;
        Some(Reception {
            ssrc: source.ssrc,
            highest: source.highest,
            expected: source.expected(),
            received: source.received,
            jitter: source.jitter >> 4,
            sender: self.sender.filter(|(ssrc, _)| *ssrc == source.ssrc).map(|(_, sender)| sender),
        })
    }

    /// Packets that were expected, and that came, of all streams.
    pub(crate) fn totals(&self) -> (u64, u64) {
        let (expected, received) = self.before;
        self.source.map_or(self.before, |source| {
            (
                expected.saturating_add(source.expected().into()),
                received.saturating_add(source.received.into()),
            )
        })
    }

    /// Mean deviation of the time that packets take.
    pub(crate) fn jitter(&self) -> Duration {
        let samples = self.source.map_or(0, |source| source.jitter >> 4);
        Duration::from_secs(samples.into()).checked_div(RATE_HZ).unwrap_or_default()
    }
}

impl Source {
    fn new(ssrc: u32, sequence: u16) -> Self {
        let base = sequence.into();
        Self { ssrc, base, highest: base, received: 1, transit: None, jitter: 0 }
    }

    /// Counts a packet that is near the highest; false if it is not.
    fn count(&mut self, sequence: u16) -> bool {
        let ahead = sequence.wrapping_sub(self.highest as u16);
        if ahead < MAX_DROPOUT {
            self.highest = self.highest.wrapping_add(ahead.into());
        } else if ahead.wrapping_neg() > MAX_MISORDER {
            return false;
        }
        self.received = self.received.saturating_add(1);
        true
    }

    fn expected(&self) -> u32 {
        self.highest.wrapping_sub(self.base).saturating_add(1)
    }

    fn on_timestamp(&mut self, now: Instant, timestamp: u32) {
        let transit = samples_at(now).wrapping_sub(timestamp);
        if let Some(last) = self.transit.replace(transit) {
            let step = transit.wrapping_sub(last).cast_signed().unsigned_abs();
            if step < MAX_STEP {
                let decayed = self.jitter.saturating_sub(self.jitter.saturating_add(8) >> 4);
                self.jitter = decayed.saturating_add(step);
            }
        }
    }
}

/// A clock that ticks as the peer's timestamps do.
fn samples_at(now: Instant) -> u32 {
    const NANOS_PER_SAMPLE: u64 = 1_000_000_000 / RATE_HZ as u64;
    (now.as_nanos() / NANOS_PER_SAMPLE) as u32
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at_ms(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    /// Packets of 20 ms with these sequence numbers, each on time.
    fn after(sequences: impl IntoIterator<Item = u16>) -> Receptions {
        let mut receptions = Receptions::new();
        for sequence in sequences {
            let number = u32::from(sequence.wrapping_sub(0xfff0));
            receptions.on_packet(at_ms(u64::from(number) * 20), 7, sequence, Some(number * 160));
        }
        receptions
    }

    #[test]
    fn losses_are_counted_beyond_the_wrap_and_late_packets_are_none() {
        let sequences = [0xfff0, 0xfff1, 0xfff4, 0xfff3, 0xffff, 1, 0, 5];
        let report = after(sequences).report().expect("packets came");
        assert_eq!((report.highest, report.expected, report.received), (0x1_0005, 22, 8));
    }

    #[test]
    fn a_packet_that_came_twice_makes_up_for_a_lost_one() {
        let report = after([0xfff0, 0xfff0, 0xfff2]).report().expect("packets came");
        assert_eq!((report.expected, report.received), (3, 3));
    }

    #[test]
    fn a_single_stray_packet_is_not_counted_and_two_begin_another_stream() {
        let mut receptions = after(0xfff0..0xfffa);
        receptions.on_packet(at_ms(0), 9, 100, None);
        receptions.on_packet(at_ms(0), 7, 0xfffa, None);
        receptions.on_packet(at_ms(0), 9, 101, None);
        assert_eq!(receptions.report().map(|report| (report.ssrc, report.received)), Some((7, 11)));
        receptions.on_packet(at_ms(0), 9, 102, None);
        assert_eq!(receptions.report().map(|report| (report.ssrc, report.received)), Some((9, 1)));
        assert_eq!(receptions.totals(), (12, 12));
        receptions.on_packet(at_ms(0), 9, 30_000, None);
        receptions.on_packet(at_ms(0), 9, 30_001, None);
        assert_eq!(receptions.totals(), (13, 13), "a sequence number that jumped is no loss");
    }

    #[test]
    fn a_sender_report_says_nothing_of_another_source() {
        let mut receptions = after(0xfff0..0xfffa);
        let sender = ReportedSender { middle: 1, arrival: at_ms(0) };
        receptions.on_sender(7, sender);
        assert_eq!(receptions.report().and_then(|report| report.sender), Some(sender));
        for sequence in [100, 101] {
            receptions.on_packet(at_ms(0), 9, sequence, None);
        }
        assert_eq!(receptions.report().map(|report| (report.ssrc, report.sender)), Some((9, None)));
    }

    #[test]
    fn what_is_a_jump_is_what_the_rfc_says() {
        for (steps, expected) in [(2_999, 3_099), (3_000, 100), (-100, 100), (-101, 100)] {
            let mut receptions = after(1_000..1_100);
            let received = receptions.totals().1;
            receptions.on_packet(at_ms(0), 7, 1_099_u16.wrapping_add_signed(steps), None);
            assert_eq!(receptions.totals().0, expected, "{steps} steps");
            assert_eq!(receptions.totals().1 - received, u64::from(matches!(steps, 2_999 | -100)));
        }
    }

    #[test]
    fn jitter_is_what_the_rfcs_formula_gives() {
        let mut receptions = Receptions::new();
        for index in 0..1_000_u32 {
            let late_ms = u64::from(index % 2 * 10);
            let sequence = index as u16;
            receptions.on_packet(at_ms(u64::from(index) * 20 + late_ms), 7, sequence, Some(index * 160));
        }
        // Each packet is 80 samples off the one before; the RFC's integer filter settles a little below.
        let report = receptions.report().expect("packets came");
        assert!((79..=80).contains(&report.jitter), "{}", report.jitter);
        assert_eq!(receptions.jitter(), Duration::from_secs(report.jitter.into()) / 8_000);
        receptions.on_packet(at_ms(20_000), 7, 1_000, Some(4_000_000_000));
        assert_eq!(receptions.report().map(|after| after.jitter), Some(report.jitter), "a clock set anew");
    }
}
