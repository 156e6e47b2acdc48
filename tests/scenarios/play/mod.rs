//! Plays a ladder: gives the phone what stands in it, and compares what comes out with what stands in it.

mod amend;
mod digest;
mod line;
mod openings;
mod pattern;
mod peer;
mod player;
mod stage;
mod told;
mod wire;

use std::fmt;

pub(crate) use line::stories;
pub(crate) use player::play;

/// Why a story is not as its ladder has it.
#[derive(Debug)]
pub(crate) struct Fault(String);

impl Fault {
    pub(crate) fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
