//! Answers without a transaction (RFC 3261 §8.2.7): to requests that make no sense, to merged ones, and to those for
//! which there is no room. They are few, so that noise makes nobody an amplifier.

use alloc::string::String;
use core::time::Duration;

use base::{Dice, Instant};

/// The time that one answer takes from the allowance: 20 a second is more than honest peers ever need, and less than
/// a forged stream of requests could do harm with.
const INTERVAL: Duration = Duration::from_millis(50);

/// How much allowance gathers while nobody is refused: 20 answers at once.
const BURST: Duration = Duration::from_secs(1);

/// What stateless answers need.
#[derive(Debug)]
pub(super) struct Refusals {
    /// The To tag of all of them: a stateless server answers a repeat with the same tag (§8.2.7).
    pub(super) tag: String,
    /// A bucket of tokens as one number: when all that were taken will have come back.
    paid_until: Instant,
}

impl Refusals {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self { tag: dice.hex(2), paid_until: Instant::ZERO }
    }

    /// Whether one more answer may go out now.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        let paid_until = self.paid_until.max(now) + INTERVAL;
        let allowed = paid_until <= now + BURST;
        if allowed {
            self.paid_until = paid_until;
        }
        allowed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn twenty_answers_at_once_then_twenty_a_second() {
        let mut refusals = Refusals::new(&mut Dice::new([1; 32]));
        let mut now = Instant::ZERO + Duration::from_secs(100);
        assert_eq!((0..1000).filter(|_| refusals.allow(now)).count(), 20);
        let mut allowed = 0;
        for _ in 0..10_000 {
            now += Duration::from_millis(1);
            allowed += usize::from(refusals.allow(now));
        }
        assert_eq!(allowed, 200);
    }
}
