//! Showing the states of machines to whoever watches them: a simulator that counts transitions, a person who looks for a
//! fault. Looking changes nothing.

use core::fmt;

/// Is shown a machine: its kind, a name that it keeps for life and that no other of its kind has, and its state, whose
/// `Debug` text begins with the state's name.
pub type Show<'a> = dyn FnMut(&'static str, fmt::Arguments<'_>, &dyn fmt::Debug) + 'a;
