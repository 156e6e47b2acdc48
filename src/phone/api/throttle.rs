//! Slowing down who guesses passwords (rule 14). Kept by address, so that a guesser slows down nobody else.

use alloc::collections::{BTreeMap, VecDeque};
use core::net::IpAddr;

use base::{Duration, Instant};

/// A failure counts for this long.
const WINDOW: Duration = Duration::from_secs(60);

/// The answers to these many failures come at once.
const FREE_FAILURES: usize = 3;

/// What the answer to the next one waits; each further one waits twice as long, up to [`LONGEST_DELAY`].
const FIRST_DELAY: Duration = Duration::from_millis(250);

const LONGEST_DELAY: Duration = Duration::from_secs(8);

/// Failures remembered for an address: with this many the delay is the longest.
const MAX_FAILURES: usize = 9;

/// Addresses remembered; the one that failed longest ago gives way. 1,024 of them are 200 KiB.
const MAX_ADDRESSES: usize = 1024;

/// The failures of each address within the last minute.
#[derive(Default)]
pub(crate) struct Throttle(BTreeMap<IpAddr, VecDeque<Instant>>);

impl Throttle {
    /// Notes that `address` failed, and says how long the answer waits.
    pub(crate) fn on_failure(&mut self, now: Instant, address: IpAddr) -> Duration {
        if !self.0.contains_key(&address) && self.0.len() >= MAX_ADDRESSES {
            self.forget_oldest();
        }
        let failures = self.0.entry(address).or_default();
        failures.retain(|at| now - *at < WINDOW);
        if failures.len() == MAX_FAILURES {
            failures.pop_front();
        }
        failures.push_back(now);
        match failures.len().checked_sub(FREE_FAILURES + 1) {
            None => Duration::ZERO,
            // At most 5 doublings, for MAX_FAILURES bounds the count.
            Some(doublings) => LONGEST_DELAY.min(FIRST_DELAY.saturating_mul(1 << doublings)),
        }
    }

    fn forget_oldest(&mut self) {
        let oldest = self.0.iter().min_by_key(|(_, failures)| failures.back().copied());
        if let Some(address) = oldest.map(|(address, _)| *address) {
            self.0.remove(&address);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use core::net::Ipv4Addr;

    const GUESSER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 1));
    const OTHER: IpAddr = IpAddr::V4(Ipv4Addr::new(10, 0, 0, 2));

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn rule_14_from_the_fourth_failure_within_60_s_the_delay_doubles_up_to_8_s() {
        let mut throttle = Throttle::default();
        let delays: alloc::vec::Vec<u128> =
            (0..11).map(|second| throttle.on_failure(at(second), GUESSER).as_millis()).collect();
        assert_eq!(delays, [0, 0, 0, 250, 500, 1000, 2000, 4000, 8000, 8000, 8000]);
        assert_eq!(throttle.on_failure(at(11), OTHER), Duration::ZERO);
    }

    #[test]
    fn rule_14_failures_are_forgotten_after_60_s() {
        let mut throttle = Throttle::default();
        for _ in 0..3 {
            throttle.on_failure(at(0), GUESSER);
        }
        assert_eq!(throttle.on_failure(at(59), GUESSER), FIRST_DELAY);
        assert_eq!(throttle.on_failure(at(60), GUESSER), Duration::ZERO);
    }

    #[test]
    fn a_flood_of_addresses_is_bounded_and_keeps_the_latest() {
        let mut throttle = Throttle::default();
        for number in 0..5000 {
            throttle.on_failure(at(0), IpAddr::V4(Ipv4Addr::from_bits(number)));
        }
        for _ in 0..3 {
            throttle.on_failure(at(1), GUESSER);
        }
        throttle.on_failure(at(1), OTHER);
        assert_eq!(throttle.0.len(), MAX_ADDRESSES);
        assert_eq!(throttle.on_failure(at(2), GUESSER), FIRST_DELAY);
    }
}
