//! The only source of chance in the machines.

use alloc::string::String;
use core::fmt;
use core::time::Duration;

use rand_chacha::ChaCha20Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a run is replayed from. A phone in service draws it from the operating system, a test from a number.
pub type Seed = [u8; 32];

/// Seeded dice. The same seed throws the same numbers on every machine, in every build; without the seed they
/// can't be foretold, so tokens, tags, branches and nonces come from here too.
pub struct Dice(ChaCha20Rng);

impl Dice {
    /// Dice that follow from `seed`.
    pub fn new(seed: Seed) -> Self {
        Self(ChaCha20Rng::from_seed(seed))
    }

    /// Dice of a child's own, so that how often the child throws does not change what its siblings throw.
    pub fn fork(&mut self) -> Self {
        let mut seed = Seed::default();
        self.0.fill_bytes(&mut seed);
        Self::new(seed)
    }

    /// Any number of 32 bits.
    pub fn u32(&mut self) -> u32 {
        self.0.next_u32()
    }

    /// Any number of 64 bits.
    pub fn u64(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// A number from `0` to `end - 1`, each as likely as the others to within 2⁻³²; 0 if `end` is 0.
    pub fn below(&mut self, end: u32) -> u32 {
        // A 64-bit product's upper half: no division, and the bias is below what 2³² throws could show.
        let product = u64::from(self.u32()).wrapping_mul(u64::from(end));
        u32::try_from(product >> 32).unwrap_or(0)
    }

    /// True in `percent` of 100 throws.
    pub fn percent(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// A time from `least` up to, but not including, `most`; `least` if there is nothing between.
    pub fn duration(&mut self, least: Duration, most: Duration) -> Duration {
        let span = u64::try_from(most.saturating_sub(least).as_nanos()).unwrap_or(u64::MAX);
        let product = u128::from(self.u64()).wrapping_mul(u128::from(span));
        least.saturating_add(Duration::from_nanos(u64::try_from(product >> 64).unwrap_or(0)))
    }

    /// `8 * words` lower-case hexadecimal digits: 32 random bits a word.
    pub fn hex(&mut self, words: usize) -> String {
        use fmt::Write;
        let mut text = String::with_capacity(words.saturating_mul(8));
        for _ in 0..words {
            write!(text, "{:08x}", self.u32()).expect("writing to a String can't fail");
        }
        text
    }
}

/// The state of the dice foretells tokens: it does not print.
impl fmt::Debug for Dice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Dice(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_same_seed_throws_the_same_numbers() {
        let (mut one, mut other) = (Dice::new([7; 32]), Dice::new([7; 32]));
        assert_eq!(one.hex(4), other.hex(4));
        assert_ne!(one.hex(4), Dice::new([8; 32]).hex(4));
    }

    #[test]
    fn a_child_does_not_disturb_its_siblings() {
        let mut parent = Dice::new([7; 32]);
        let mut eager = parent.fork();
        for _ in 0..1000 {
            eager.u32();
        }
        let mut again = Dice::new([7; 32]);
        let _unused_first_child = again.fork();
        assert_eq!(parent.fork().u64(), again.fork().u64());
    }

    #[test]
    fn throws_stay_within_their_bounds_and_reach_both_ends() {
        let mut dice = Dice::new([1; 32]);
        let throws: alloc::vec::Vec<u32> = (0..1000).map(|_| dice.below(6)).collect();
        assert!((0..6).all(|side| throws.contains(&side)) && throws.iter().all(|side| *side < 6));
        assert_eq!(dice.below(0), 0);
        let (least, most) = (Duration::from_secs(2), Duration::from_secs(4));
        assert!((0..1000).map(|_| dice.duration(least, most)).all(|span| (least..most).contains(&span)));
        assert_eq!(dice.duration(most, least), most);
    }
}
