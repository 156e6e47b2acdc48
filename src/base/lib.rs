//! What every floor needs and no floor may own: time that a driver hands in, dice that a seed replays, and
//! secrets that do not print.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

mod allowance;
mod dice;
mod secret;
mod time;

pub use allowance::Allowance;
pub use dice::{Dice, Seed};
pub use secret::Secret;
pub use time::{Duration, Instant};
