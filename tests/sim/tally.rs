//! Which transitions the machines of a phone have made, counted. What a machine passes through within one input isn't seen.

use std::collections::BTreeMap;
use std::fmt::{self, Write as _};

use phone::Phone;

use crate::agreement::outcomes;
use crate::transitions::{ANY, By, MACHINES, NONE, OVER, Transition};

/// Kind of machine, state, cause, next state.
type Row<'a> = (&'a str, &'a str, By, &'a str);

/// How often each transition was taken.
#[derive(Default)]
pub(crate) struct Tally {
    taken: BTreeMap<(&'static str, State, By, State), u64>,
    outcomes: BTreeMap<&'static str, u64>,
}

impl Tally {
    pub(crate) fn add(&mut self, other: Self) {
        for (transition, times) in other.taken {
            *self.taken.entry(transition).or_default() += times;
        }
        for (outcome, times) in other.outcomes {
            *self.outcomes.entry(outcome).or_default() += times;
        }
    }

    pub(crate) fn add_outcome(&mut self, outcome: &'static str) {
        *self.outcomes.entry(outcome).or_default() += 1;
    }

    /// Transitions that are not in the table.
    pub(crate) fn forbidden(&self) -> Vec<String> {
        let is_allowed = |(kind, from, by, to): &Row<'_>| {
            let allows = |it: &&Transition| is_from(it, from) && it.1.contains(by) && it.2 == *to;
            MACHINES.iter().any(|(its_kind, table)| its_kind == kind && table.iter().find(allows).is_some())
        };
        let forbidden = self.rows().filter(|(row, _)| !is_allowed(row));
        forbidden.map(|(row, times)| print(row, times)).collect()
    }

    /// Transitions and outcomes of the tables that no world has shown, whatever caused them.
    pub(crate) fn never_taken(&self) -> Vec<String> {
        let rows = MACHINES.iter().flat_map(|(kind, table)| table.iter().map(|it| (*kind, it)));
        let is_taken = |kind, it: &Transition| {
            self.rows()
                .any(|((its_kind, from, _, to), _)| its_kind == kind && is_from(it, from) && to == it.2)
        };
        let missing = rows.filter(|(kind, it)| !is_taken(*kind, it));
        let missing = missing.map(|(kind, (from, by, to))| format!("{kind}: {from} to {to} by {by:?}"));
        let outcomes = outcomes().filter(|outcome| !self.outcomes.contains_key(outcome));
        missing.chain(outcomes.map(String::from)).collect()
    }

    /// What was taken, and how often.
    fn rows(&self) -> impl Iterator<Item = (Row<'_>, u64)> {
        self.taken
            .iter()
            .map(|((kind, from, by, to), times)| ((*kind, from.as_str(), *by, to.as_str()), *times))
    }
}

fn is_from(transition: &Transition, from: &str) -> bool {
    transition.0 == from || transition.0 == ANY
}

fn print((kind, from, by, to): Row<'_>, times: u64) -> String {
    format!("{kind:<20} {from:<16} {by:<6?} {to:<16} {times:>9}")
}

impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.rows().try_for_each(|(row, times)| writeln!(f, "{}", print(row, times)))?;
        self.outcomes.iter().try_for_each(|(outcome, times)| writeln!(f, "{outcome:<61} {times:>9}"))
    }
}

/// Compares a phone's states before and after each input.
#[derive(Default)]
pub(crate) struct Watcher {
    /// By kind of machine and a hash of its name.
    states: BTreeMap<(&'static str, u64), State>,
}

impl Watcher {
    pub(crate) fn look(&mut self, phone: &Phone, by: By, tally: &mut Tally) {
        let mut states = BTreeMap::new();
        phone.show_states(&mut |kind, name, state| {
            let state = State::of(state);
            if state.as_str() != OVER {
                states.insert((kind, hash(name)), state);
            }
        });
        let none = State::of(&format_args!("{NONE}"));
        let mut count = |kind, from, to| *tally.taken.entry((kind, from, by, to)).or_default() += 1;
        for (machine, to) in &states {
            let from = *self.states.get(machine).unwrap_or(&none);
            if from != *to {
                count(machine.0, from, *to);
            }
        }
        for (machine, from) in self.states.iter().filter(|(machine, _)| !states.contains_key(machine)) {
            count(machine.0, *from, none);
        }
        self.states = states;
    }
}

/// A state's name: what its `Debug` text begins with.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct State([u8; 16]);

impl State {
    fn of(state: &dyn fmt::Debug) -> Self {
        struct Start(State, usize);
        impl fmt::Write for Start {
            fn write_str(&mut self, text: &str) -> fmt::Result {
                for byte in text.bytes() {
                    if !byte.is_ascii_alphanumeric() && byte != b'-' {
                        // Nothing of what follows matters.
                        return Err(fmt::Error);
                    }
                    self.0.0[self.1] = byte;
                    self.1 += 1;
                }
                Ok(())
            }
        }
        let mut start = Start(Self([0; 16]), 0);
        write!(start, "{state:?}").ok();
        start.0
    }

    fn as_str(&self) -> &str {
        let end = self.0.iter().position(|byte| *byte == 0).unwrap_or(self.0.len());
        std::str::from_utf8(&self.0[..end]).expect("a name is ASCII")
    }
}

/// FNV-1a: a name is compared, never shown.
fn hash(name: fmt::Arguments<'_>) -> u64 {
    struct Hash(u64);
    impl fmt::Write for Hash {
        fn write_str(&mut self, text: &str) -> fmt::Result {
            for byte in text.bytes() {
                self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3);
            }
            Ok(())
        }
    }
    let mut hash = Hash(0xcbf2_9ce4_8422_2325);
    hash.write_fmt(name).expect("hashing can't fail");
    hash.0
}
