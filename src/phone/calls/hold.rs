//! Who holds a call (rules 17 and 18; RFC 3264 §8.4, RFC 6337 §5.3). Our side's hold is wanted at once and agreed on by a
//! new offer; the peer's follows from what it describes.

use sip::message::Status;
use sip::sdp::Direction;

use crate::command::CallId;
use crate::event::{Event, HoldState, Side};

/// A call's hold by both sides.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Hold {
    /// What our side wants.
    wanted: bool,
    /// What the peer knows of that, and clients were told.
    agreed: bool,
    /// What our offer says that has no answer yet.
    offered: Option<bool>,
    /// The peer has refused to be held: our side does so for the sake of another call, and tells nobody.
    is_refused: bool,
    /// The peer holds.
    remote: bool,
}

impl Hold {
    /// Whether our side holds, or is about to: neither side hears the other then.
    pub(super) const fn is_wanted(self) -> bool {
        self.wanted
    }

    /// As `getstate` has it.
    pub(super) const fn state(self) -> HoldState {
        match (self.agreed, self.remote) {
            (false, false) => HoldState::None,
            (true, false) => HoldState::Local,
            (false, true) => HoldState::Remote,
            (true, true) => HoldState::Both,
        }
    }

    /// Whether our side holds against the peer's will: only while another call speaks.
    pub(super) const fn is_refused(self) -> bool {
        self.is_refused
    }

    /// Our side wants this from now on. True if that is new, and to be offered.
    pub(super) const fn want(&mut self, hold: bool) -> bool {
        let is_new = self.wanted != hold || self.is_refused;
        self.wanted = hold;
        self.is_refused = false;
        is_new
    }

    /// Whether the peer knows what we want.
    pub(super) const fn is_agreed(self) -> bool {
        self.wanted == self.agreed
    }

    /// Whether an offer of ours has no answer yet.
    pub(super) const fn is_offered(self) -> bool {
        self.offered.is_some()
    }

    /// What our answers say as far as the offer goes along with it: that the peer held us before is nothing to it.
    pub(super) const fn answering(self) -> Direction {
        if self.wanted { Direction::SENDONLY } else { Direction::SENDRECV }
    }

    /// What the offer says that goes out now: as RFC 3264 §8.4 has it, and nothing where the peer doesn't listen anyway.
    pub(super) const fn offer(&mut self) -> Direction {
        self.offered = Some(self.wanted);
        if self.wanted && self.remote { Direction::INACTIVE } else { self.answering() }
    }

    /// The peer has answered an offer of ours; `is_deaf` says that its answer wants to hear nothing.
    pub(super) fn on_answer(&mut self, call: CallId, is_deaf: bool) -> [Option<Event>; 2] {
        let Some(told) = self.offered.take() else { return [None, None] };
        // The answer to a hold is deaf or not as the peer likes to mirror it: only one to speech tells something.
        let remote = if told { None } else { self.on_peer(call, is_deaf) };
        [self.agree(call, told), remote]
    }

    /// The peer has offered, and our answer told it what we want; one to a peer that is deaf anyway tells it nothing,
    /// and our own offer has to.
    pub(super) fn on_offer(&mut self, call: CallId, is_deaf: bool) -> [Option<Event>; 2] {
        // Of two offers that met, ours has come to nothing.
        self.offered = None;
        let local = if is_deaf { None } else { self.agree(call, self.wanted) };
        [self.on_peer(call, is_deaf), local]
    }

    /// The peer has refused our offer: what it knew of us stays (rule 18). But whether our side speaks again is not its
    /// to say alone: another call may speak (rule 17).
    pub(super) fn on_refused(&mut self, call: CallId, status: Status) -> Option<Event> {
        let offered = self.offered.take()?;
        if self.wanted == offered {
            self.is_refused = self.wanted && !self.agreed;
            self.wanted |= self.agreed;
        }
        Some(Event::Hold { call, hold: self.agreed, by: Side::Local, sip_error: status.code() })
    }

    fn on_peer(&mut self, call: CallId, held: bool) -> Option<Event> {
        let is_new = core::mem::replace(&mut self.remote, held) != held;
        is_new.then_some(Event::Hold { call, hold: held, by: Side::Remote, sip_error: 0 })
    }

    fn agree(&mut self, call: CallId, hold: bool) -> Option<Event> {
        self.is_refused &= !hold;
        let is_new = core::mem::replace(&mut self.agreed, hold) != hold;
        is_new.then_some(Event::Hold { call, hold, by: Side::Local, sip_error: 0 })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_18_only_our_own_offer_tells_a_peer_that_holds_what_we_want() {
        let call = CallId(1);
        let mut hold = Hold { wanted: true, agreed: true, ..Hold::default() };
        hold.want(false);
        assert_eq!(hold.offer(), Direction::SENDRECV, "meets the peer's own offer, and comes to nothing");
        let told = |hold: bool, by| Some(Event::Hold { call, hold, by, sip_error: 0 });
        assert_eq!(hold.on_offer(call, true), [told(true, Side::Remote), None]);
        assert!(!hold.is_agreed());
        assert_eq!(hold.offer(), Direction::SENDRECV);
        assert_eq!(hold.on_answer(call, true), [told(false, Side::Local), None]);
    }
}
