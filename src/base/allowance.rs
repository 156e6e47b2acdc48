//! How often something may be done that strangers can provoke.

use core::time::Duration;

use crate::Instant;

/// So many times at once, and then again and again: a bucket of tokens.
#[derive(Clone, Copy, Debug)]
pub struct Allowance {
    /// The time that one takes from the bucket.
    interval: Duration,
    /// How much time gathers in it.
    burst: Duration,
    /// The bucket as one number: when all that was taken will have come back.
    paid_until: Instant,
}

impl Allowance {
    /// A full bucket: `at_once` times, and then once each `interval`.
    pub const fn new(at_once: u32, interval: Duration) -> Self {
        Self { interval, burst: interval.saturating_mul(at_once), paid_until: Instant::ZERO }
    }

    /// Whether it may be done once more; if so, that is counted.
    pub fn take(&mut self, now: Instant) -> bool {
        let paid_until = self.paid_until.max(now) + self.interval;
        let is_allowed = paid_until <= now + self.burst;
        if is_allowed {
            self.paid_until = paid_until;
        }
        is_allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_at_once_then_twenty_a_second() {
        let mut allowance = Allowance::new(20, Duration::from_millis(50));
        let mut now = Instant::ZERO + Duration::from_secs(100);
        assert_eq!((0..1000).filter(|_| allowance.take(now)).count(), 20);
        let mut allowed = 0;
        for _ in 0..10_000 {
            now += Duration::from_millis(1);
            allowed += usize::from(allowance.take(now));
        }
        assert_eq!(allowed, 200);
        now += Duration::from_secs(3600);
        assert_eq!((0..1000).filter(|_| allowance.take(now)).count(), 20);
    }
}
