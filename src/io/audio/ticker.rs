//! The pace of a call without a sound card. It wakes nobody: its thread asks when to be woken.

use base::Instant;

use super::TICK;

/// Ticks that a late thread makes up for, 200 ms of sound: as much as a sound card's ring would have held for it.
const CATCH_UP_MAX: u32 = 10;

/// Counts the ticks that are due, one every [`TICK`] while it runs, without drift.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Ticker {
    next: Option<Instant>,
}

impl Ticker {
    /// Lets it run, the first tick one period from now, or stops it. Nothing happens where it does so already, so a
    /// device that replaces another keeps the pace.
    pub fn run(&mut self, now: Instant, running: bool) {
        self.next = running.then(|| self.next.unwrap_or(now + TICK));
    }

    /// When the next tick is due; none while it stands still.
    pub const fn next(&self) -> Option<Instant> {
        self.next
    }

    /// Ticks since the last call. A thread that comes late gets several, and so catches up instead of drifting; beyond
    /// 200 ms the rest is dropped.
    pub fn due(&mut self, now: Instant) -> usize {
        let Some(next) = self.next.filter(|next| *next <= now) else { return 0 };
        let missed = u32::try_from((now - next).as_nanos() / TICK.as_nanos()).unwrap_or(u32::MAX);
        let ticks = missed.saturating_add(1);
        self.next = Some(next + TICK.saturating_mul(ticks));
        ticks.min(CATCH_UP_MAX) as usize
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use base::Duration;

    fn at(ms: u64) -> Instant {
        Instant::ZERO + Duration::from_millis(ms)
    }

    #[test]
    fn ticks_keep_their_pace_however_late_they_are_asked_for() {
        let mut ticker = Ticker::default();
        ticker.run(at(1_000), true);
        ticker.run(at(1_007), true);
        let due = [1_000, 1_019, 1_020, 1_039, 1_041, 1_060, 1_119].map(|ms| ticker.due(at(ms)));
        assert_eq!(due, [0, 0, 1, 0, 1, 1, 2]);
        assert_eq!(ticker.next(), Some(at(1_120)));
    }

    #[test]
    fn what_is_missed_beyond_200_ms_is_dropped() {
        let mut ticker = Ticker::default();
        ticker.run(at(0), true);
        assert_eq!((ticker.due(at(205)), ticker.due(at(219)), ticker.due(at(220))), (10, 0, 1));
        assert_eq!(ticker.due(at(3_600_005)), 10);
        assert_eq!(ticker.next(), Some(at(3_600_020)));
    }

    #[test]
    fn a_ticker_that_stands_still_is_never_due_and_begins_anew() {
        let mut ticker = Ticker::default();
        assert_eq!((ticker.next(), ticker.due(at(50))), (None, 0));
        ticker.run(at(50), true);
        ticker.run(at(60), false);
        assert_eq!((ticker.next(), ticker.due(at(500))), (None, 0));
        ticker.run(at(500), true);
        assert_eq!(ticker.next(), Some(at(520)));
    }
}
