//! Calls as clients hear of them (rule 9).

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;
use phone::event::{CallType, HoldState, Side, SipError};
use phone::{CallId, CallTold, Event};

use super::Cause;
use crate::transitions::By;

/// Calls at once.
pub(crate) const MAX_CALLS: usize = 4;

/// The life of a call.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) told: CallTold,
    pub(crate) answered_at: Option<Instant>,
    pub(crate) end: Option<End>,
    /// Who holds it: our side, and the other.
    pub(crate) holds: [bool; 2],
    pub(crate) mute: bool,
    /// A transfer was asked for, and nothing told of it yet.
    pub(crate) is_transferred: bool,
    is_media_lost: bool,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct End {
    pub(crate) sip_error: SipError,
    pub(crate) at: Instant,
    /// What ended it.
    pub(crate) by: By,
}

impl Life {
    pub(crate) const fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) const fn rings(&self) -> bool {
        self.is_open() && self.answered_at.is_none()
    }

    pub(crate) fn is_incoming(&self) -> bool {
        self.told.call_type == CallType::Incoming
    }

    /// Whether `sethold` fits.
    pub(super) const fn can_be_held(&self) -> bool {
        self.is_open() && self.answered_at.is_some() && !self.is_transferred
    }

    /// Whether `transferecall` fits.
    pub(super) fn can_be_transferred(&self) -> bool {
        self.can_be_held() || self.rings() && self.is_incoming()
    }

    pub(super) const fn hold_state(&self) -> HoldState {
        match self.holds {
            [false, false] => HoldState::None,
            [true, false] => HoldState::Local,
            [false, true] => HoldState::Remote,
            [true, true] => HoldState::Both,
        }
    }

    /// What its events and `getstate` tell now.
    pub(super) fn told(&self, now: Instant) -> CallTold {
        CallTold { duration: self.duration(now), ..self.told.clone() }
    }

    fn duration(&self, now: Instant) -> Duration {
        self.answered_at.map_or(Duration::ZERO, |at| now.since(at))
    }
}

#[derive(Default)]
pub(crate) struct Calls {
    lives: BTreeMap<CallId, Life>,
}

impl Calls {
    pub(crate) fn get(&self, id: CallId) -> Option<&Life> {
        self.lives.get(&id)
    }

    pub(crate) fn all(&self) -> impl Iterator<Item = &Life> {
        self.lives.values()
    }

    pub(crate) fn open(&self) -> impl Iterator<Item = (CallId, &Life)> {
        self.lives.iter().filter(|(_, life)| life.is_open()).map(|(id, life)| (*id, life))
    }

    pub(super) fn get_mut(&mut self, id: CallId) -> Option<&mut Life> {
        self.lives.get_mut(&id)
    }

    pub(super) fn on_event(&mut self, now: Instant, cause: &Cause, event: &Event) {
        match event {
            Event::NewCall(told) => self.on_new(told),
            Event::CallProgress { call, status, .. } => {
                assert!(self.lives.get(call).is_some_and(Life::rings), "{event:?}");
                assert!((101..200).contains(status), "{event:?}");
            }
            Event::CallAccepted(told) => {
                let life = self.lives.get_mut(&told.call).filter(|life| life.rings());
                let life = life.unwrap_or_else(|| panic!("answered without ringing (rule 9): {told:?}"));
                assert_eq!(*told, life.told, "duration counts from the answer (rule 9)");
                life.answered_at = Some(now);
            }
            Event::CallFinalized(told) => self.on_finalized(now, cause, told),
            Event::CallTransferred(told) => {
                let life = self.expect_open(told.call, event);
                assert!(life.is_transferred, "nobody asked for that (rule 11): {event:?}");
                assert_eq!(*told, life.told(now), "{event:?}");
            }
            Event::TransferFailed { call, sip_error } => {
                let life = self.expect_open(*call, event);
                assert!(std::mem::take(&mut life.is_transferred), "nobody asked for that: {event:?}");
                assert!((300..700).contains(sip_error), "{event:?}");
            }
            Event::Hold { call, hold, by, sip_error } => {
                let life = self.expect_open(*call, event);
                assert!(life.answered_at.is_some(), "a call that rings is not held: {event:?}");
                let known = &mut life.holds[usize::from(*by == Side::Remote)];
                assert_eq!(*known == *hold, *sip_error != 0, "no change, no event (rule 18): {event:?}");
                *known = *hold;
            }
            Event::Muted { call, mute } => {
                let life = self.expect_open(*call, event);
                assert_ne!(life.mute, *mute, "no change, no event (rule 18): {event:?}");
                life.mute = *mute;
            }
            Event::MediaLost(call) => {
                let life = self.expect_open(*call, event);
                assert!(!std::mem::replace(&mut life.is_media_lost, true), "lost twice: {event:?}");
                assert_eq!(life.holds, [false; 2], "media are not lost while a call is held (rule 18)");
            }
            Event::MediaBack(call) => {
                let life = self.expect_open(*call, event);
                assert!(std::mem::take(&mut life.is_media_lost), "was never lost: {event:?}");
            }
            Event::Dtmf { call, .. } => {
                self.expect_open(*call, event);
            }
            _ => panic!("nobody asks for that here: {event:?}"),
        }
    }

    fn expect_open(&mut self, id: CallId, event: &Event) -> &mut Life {
        let life = self.lives.get_mut(&id).filter(|life| life.is_open());
        life.unwrap_or_else(|| panic!("of a call that is over: {event:?}"))
    }

    fn on_new(&mut self, told: &CallTold) {
        assert_eq!((told.duration, told.sip_error), (Duration::ZERO, 0), "{told:?}");
        assert!([&told.from, &told.to].iter().all(|uri| !uri.contains(['<', ';', '"'])), "{told:?}");
        let life = Life {
            told: told.clone(),
            answered_at: None,
            end: None,
            holds: [false; 2],
            mute: false,
            is_transferred: false,
            is_media_lost: false,
        };
        assert!(self.lives.insert(told.call, life).is_none(), "one OnNewCall a call (rule 9)");
        assert!(self.open().count() <= MAX_CALLS, "more calls than there may be");
    }

    fn on_finalized(&mut self, now: Instant, cause: &Cause, told: &CallTold) {
        let life = self.lives.get_mut(&told.call).filter(|life| life.is_open());
        let life =
            life.unwrap_or_else(|| panic!("one OnFinalizedCall a call, after OnNewCall (rule 9): {told:?}"));
        let expected = CallTold { sip_error: told.sip_error, ..life.told(now) };
        assert_eq!(*told, expected, "duration counts from the answer (rule 9)");
        let is_refused = (300..700).contains(&told.sip_error);
        assert!(
            is_refused || life.answered_at.is_some(),
            "a call that only rang has a status (rule 9): {told:?}"
        );
        life.end = Some(End { sip_error: told.sip_error, at: now, by: cause.into() });
    }
}
