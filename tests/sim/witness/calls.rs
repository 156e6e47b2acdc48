//! Calls as clients hear of them (rule 9).

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;
use phone::event::{CallType, SipError};
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
            _ => panic!("nobody asks for that here: {event:?}"),
        }
    }

    fn on_new(&mut self, told: &CallTold) {
        assert_eq!((told.duration, told.sip_error), (Duration::ZERO, 0), "{told:?}");
        assert!([&told.from, &told.to].iter().all(|uri| !uri.contains(['<', ';', '"'])), "{told:?}");
        let life = Life { told: told.clone(), answered_at: None, end: None };
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
