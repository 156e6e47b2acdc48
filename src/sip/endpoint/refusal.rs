//! Answers without a transaction (RFC 3261 §8.2.7): to requests that make no sense, to merged ones, and to those for
//! which there is no room. They are few, so that noise makes nobody an amplifier.

use alloc::string::String;
use core::time::Duration;

use base::{Allowance, Dice, Instant};

/// 20 at once and 20 a second are more than honest peers ever need, and less than a forged stream of requests could do
/// harm with.
const ALLOWANCE: Allowance = Allowance::new(20, Duration::from_millis(50));

/// What stateless answers need.
#[derive(Debug)]
pub(super) struct Refusals {
    /// The To tag of all of them: a stateless server answers a repeat with the same tag (§8.2.7).
    pub(super) tag: String,
    allowance: Allowance,
}

impl Refusals {
    pub(super) fn new(dice: &mut Dice) -> Self {
        Self { tag: dice.hex(2), allowance: ALLOWANCE }
    }

    /// Whether one more answer may go out now.
    pub(super) fn allow(&mut self, now: Instant) -> bool {
        self.allowance.take(now)
    }
}
