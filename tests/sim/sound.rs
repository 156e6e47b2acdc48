//! What the drivers of two legs make of each other: a key that one sends is heard by the other, and one whose peer is
//! gone, or whose way is blocked for a while, tells that it hears nothing.

use std::net::SocketAddr;
use std::time::Duration;

use media::dtmf::Way;
use media::leg::{Half, LegCommand, LegEvent, LegId};
use phone::{Event, Input, Output};

use crate::witness::Cause;
use crate::world::{Happening, World};

/// A leg that hears nothing for so long tells it.
const LOST_AFTER: Duration = Duration::from_secs(5);

impl World {
    /// Does what a leg is told.
    pub(crate) fn tell_leg(&mut self, at: usize, leg: LegId, command: &LegCommand) {
        match command {
            LegCommand::End { .. } => {
                for half in [Half::Receive, Half::Send] {
                    let after = self.dice.duration(Duration::ZERO, Duration::from_millis(100));
                    let event = LegEvent::Ended(half);
                    self.begin(after, Happening::LegTells { station: at, leg, event });
                }
            }
            LegCommand::Use(terms) if terms.watch => {
                let after = self.dice.duration(LOST_AFTER, LOST_AFTER * 6);
                let is_blocked = !self.is_calm && self.dice.percent(30);
                self.begin(after, Happening::LegListens { station: at, leg, is_blocked });
            }
            LegCommand::Key { key, way: Way::Event } => {
                let peer = self.terms(at, leg).and_then(|terms| self.leg_at(terms.remote_rtp));
                if let Some((station, leg)) = peer {
                    let after = self.dice.duration(Duration::ZERO, Duration::from_millis(100));
                    self.begin(after, Happening::LegTells { station, leg, event: LegEvent::Key(*key) });
                }
            }
            _ => {}
        }
    }

    /// A leg that is watched hears something, or tells that it doesn't.
    pub(crate) fn leg_listens(&mut self, at: usize, leg: LegId, is_blocked: bool) {
        let Some(terms) = self.terms(at, leg).filter(|terms| terms.watch) else { return };
        let is_alone = self.leg_at(terms.remote_rtp).is_none();
        if (is_alone || is_blocked) && self.silent.insert((at, leg)) {
            self.leg_tells(at, leg, LegEvent::Lost);
        }
        if is_blocked && !is_alone {
            let after = self.dice.duration(Duration::ZERO, Duration::from_secs(180));
            self.begin(after, Happening::LegTells { station: at, leg, event: LegEvent::Back });
        } else {
            self.begin(LOST_AFTER * 4, Happening::LegListens { station: at, leg, is_blocked: false });
        }
    }

    pub(crate) fn leg_tells(&mut self, at: usize, leg: LegId, event: LegEvent) {
        let has_ended = self.stations[at].witness.legs.live().all(|(live, _)| live != leg);
        let is_news = event != LegEvent::Back || self.silent.remove(&(at, leg));
        if !is_news || has_ended && !matches!(event, LegEvent::Ended(_)) {
            return;
        }
        let told = self.give(at, Cause::Driver, Input::LegEvent { leg, event });
        if let LegEvent::Key(_) = event {
            let keys = told.iter().filter(|it| matches!(it, Output::Event(Event::Dtmf { .. })));
            assert_eq!(keys.count(), 1, "one event for each key (rule 18)");
        }
    }

    /// Two ends of a call agree on who speaks to whom.
    pub(crate) fn check_sound(&self) {
        for station in &self.stations {
            for (id, leg) in station.witness.legs.live() {
                let Some(terms) = &leg.terms else { continue };
                let own = SocketAddr::new(station.address.ip(), leg.rtp_port);
                let peer = self.leg_at(terms.remote_rtp);
                let peer = peer.and_then(|(at, leg)| self.terms(at, leg));
                let peer = peer.unwrap_or_else(|| panic!("{}'s {id:?} speaks to nobody", station.name));
                assert_eq!(
                    peer.remote_rtp, own,
                    "{}'s {id:?} speaks to one who speaks to another",
                    station.name
                );
                // Who holds a call neither speaks nor listens, whatever it offers to send.
                assert!(peer.receiving || !terms.sending, "{} speaks to deaf ears: {peer:?}", station.name);
                let is_heard = terms.sending && peer.sending;
                assert_eq!(terms.watch, is_heard, "silence counts while both speak: {terms:?}, {peer:?}");
            }
        }
    }

    fn terms(&self, at: usize, leg: LegId) -> Option<&media::leg::Terms> {
        self.stations[at].witness.legs.terms(leg)
    }

    /// The live leg whose socket has this address.
    fn leg_at(&self, address: SocketAddr) -> Option<(usize, LegId)> {
        let at = self.stations.iter().position(|station| station.address.ip() == address.ip())?;
        let mut live = self.stations[at].witness.legs.live();
        live.find(|(_, leg)| leg.rtp_port == address.port()).map(|(leg, _)| (at, leg))
    }
}
