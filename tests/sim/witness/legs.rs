//! Legs and the ports that they have.

use std::collections::{BTreeMap, BTreeSet};

use media::leg::{LegCommand, LegId};
use phone::PortId;

#[derive(Default)]
pub(crate) struct Legs {
    lent: BTreeSet<PortId>,
    /// Legs started, and whether they have ended.
    legs: BTreeMap<LegId, bool>,
}

impl Legs {
    pub(crate) fn lend(&mut self, port: PortId) {
        self.lent.insert(port);
    }

    pub(super) fn on_started(&mut self, leg: LegId, port: PortId) {
        assert!(self.lent.remove(&port), "{port:?} was not lent, or is used twice");
        assert!(self.legs.insert(leg, false).is_none(), "{leg:?} is started twice");
    }

    pub(super) fn on_told(&mut self, leg: LegId, command: &LegCommand) {
        let has_ended = self.legs.get_mut(&leg).unwrap_or_else(|| panic!("{leg:?} was never started"));
        assert!(!*has_ended, "{leg:?} has ended, and is told {command:?}");
        *has_ended = matches!(command, LegCommand::End { .. });
    }

    pub(super) fn check_ended(&self) {
        let playing: Vec<_> = self.legs.iter().filter(|(_, has_ended)| !**has_ended).collect();
        assert!(playing.is_empty(), "legs without an end: {playing:?}");
    }
}
