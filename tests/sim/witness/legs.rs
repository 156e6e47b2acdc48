//! Legs, the ports that they have, and the terms that they were told last.

use std::collections::BTreeMap;

use media::leg::{LegCommand, LegId, Terms};
use phone::PortId;

/// A leg.
pub(crate) struct Leg {
    pub(crate) rtp_port: u16,
    pub(crate) terms: Option<Terms>,
    pub(crate) has_ended: bool,
}

#[derive(Default)]
pub(crate) struct Legs {
    /// RTP port numbers of sockets that no leg has.
    lent: BTreeMap<PortId, u16>,
    legs: BTreeMap<LegId, Leg>,
}

impl Legs {
    pub(crate) fn lend(&mut self, port: PortId, rtp_port: u16) {
        self.lent.insert(port, rtp_port);
    }

    pub(crate) fn live(&self) -> impl Iterator<Item = (LegId, &Leg)> {
        self.legs.iter().filter(|(_, leg)| !leg.has_ended).map(|(id, leg)| (*id, leg))
    }

    /// What a leg was told last, if it has not ended.
    pub(crate) fn terms(&self, id: LegId) -> Option<&Terms> {
        self.legs.get(&id).filter(|leg| !leg.has_ended).and_then(|leg| leg.terms.as_ref())
    }

    pub(super) fn on_started(&mut self, id: LegId, port: PortId) {
        let rtp_port = self.lent.remove(&port);
        let rtp_port = rtp_port.unwrap_or_else(|| panic!("{port:?} was not lent, or is used twice"));
        let leg = Leg { rtp_port, terms: None, has_ended: false };
        assert!(self.legs.insert(id, leg).is_none(), "{id:?} is started twice");
    }

    pub(super) fn on_told(&mut self, id: LegId, command: &LegCommand) {
        let leg = self.legs.get_mut(&id).unwrap_or_else(|| panic!("{id:?} was never started"));
        assert!(!leg.has_ended, "{id:?} has ended, and is told {command:?}");
        match command {
            LegCommand::Use(terms) => {
                assert_ne!(leg.terms.as_ref(), Some(terms), "unchanged terms leave a leg in peace");
                leg.terms = Some(terms.clone());
            }
            LegCommand::End { .. } => leg.has_ended = true,
            _ => {}
        }
    }

    pub(super) fn check_ended(&self) {
        let playing: Vec<_> = self.live().map(|(id, _)| id).collect();
        assert!(playing.is_empty(), "legs without an end: {playing:?}");
    }
}
