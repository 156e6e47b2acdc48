//! Our own new offer (RFC 3261 §14.1): when it may be made, the re-INVITE that carries it, and glare.

use base::{Dice, Duration, Instant};

use super::Line;
use super::asking::{Asking, Draft};
use crate::endpoint::{self, ClientId};
use crate::invite::Step;
use crate::message::{Response, Status};
use crate::transaction::GIVE_UP;

/// How often one offer is made before a peer that always has another one pending is taken at its word.
const MAX_TRIES: u32 = 8;

/// The longest wait that a peer may ask for before the next try: RFC 3261 §14.2 lets it choose up to 10 s.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(10);

/// How far our new offer has come.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each call: a box would cost more than it saves")]
pub(super) enum Reoffer {
    /// None is wanted.
    Idle,
    /// The user wants one. It may be made from `at` on, as soon as the dialog allows it.
    Wanted { at: Instant, tries: u32 },
    /// The user has been told to make it.
    Due { tries: u32 },
    /// The re-INVITE is out; at `give_up_at` it is cancelled.
    Out { asking: Asking, tries: u32, once_more: bool, give_up_at: Option<Instant> },
}

/// What the answer to a re-INVITE means.
#[derive(Debug)]
pub(super) enum Verdict {
    /// 2xx.
    Answered,
    /// It is tried again.
    Again,
    /// All stays as it was.
    Refused,
    /// The peer doesn't know the dialog.
    Unknown,
    /// Nothing is to be expected of the peer any more.
    Gone,
}

impl Reoffer {
    /// The user wants to offer anew.
    pub(super) fn want(&mut self, now: Instant) {
        match self {
            Self::Idle => *self = Self::Wanted { at: now, tries: 0 },
            Self::Out { once_more, .. } => *once_more = true,
            // The offer that comes will be fresh.
            Self::Wanted { .. } | Self::Due { .. } => {}
        }
    }

    /// The user has nothing to offer any more, beside what is out.
    pub(super) fn withdraw(&mut self) {
        if !self.is_out() {
            *self = Self::Idle;
        }
    }

    /// Whether the time for a wanted one has come: it is due then.
    pub(super) fn become_due(&mut self, now: Instant) -> bool {
        let Self::Wanted { at, tries } = *self else { return false };
        if at > now {
            return false;
        }
        *self = Self::Due { tries };
        true
    }

    /// The dialog did not allow it, and the user can't be told at once that it does now.
    pub(super) fn put_off(&mut self, now: Instant) {
        match self {
            Self::Due { tries } => *self = Self::Wanted { at: now, tries: *tries },
            Self::Wanted { at, .. } => *at = now.max(*at),
            Self::Idle | Self::Out { .. } => {}
        }
    }

    /// Sends the re-INVITE.
    pub(super) fn send(&mut self, step: &mut Step<'_>, line: &mut Line, draft: Draft) {
        let Self::Due { tries } = *self else { return };
        let asking = Asking::start(step, line, draft);
        *self = Self::Out { asking, tries, once_more: false, give_up_at: Some(step.now + GIVE_UP) };
    }

    /// The re-INVITE, while it has no final answer.
    pub(super) const fn out(&self) -> Option<&Asking> {
        match self {
            Self::Out { asking, .. } => Some(asking),
            _ => None,
        }
    }

    /// Takes an event that the re-INVITE owns. What it gives back is the final answer.
    pub(super) fn on_event(
        &mut self,
        step: &mut Step<'_>,
        line: &mut Line,
        event: endpoint::Event,
    ) -> Option<Response> {
        let before = self.transaction();
        let Self::Out { asking, give_up_at, .. } = self else { return None };
        let answer = asking.on_event(step, line, event);
        // One that is sent anew has its own time, whatever became of the one before.
        if asking.transaction().is_some_and(|now| Some(now) != before) {
            *give_up_at = Some(step.now + GIVE_UP);
        }
        answer
    }

    pub(super) const fn is_out(&self) -> bool {
        matches!(self, Self::Out { .. })
    }

    /// Whether one is out, or about to be.
    pub(super) const fn is_under_way(&self) -> bool {
        matches!(self, Self::Due { .. } | Self::Out { .. })
    }

    /// Its transaction, once it has been sent.
    fn transaction(&self) -> Option<ClientId> {
        match self {
            Self::Out { asking, .. } => asking.transaction(),
            _ => None,
        }
    }

    /// The dialog is being ended: what is out is not made again, and what isn't never will be.
    pub(super) fn on_bye(&mut self) {
        match self {
            Self::Out { asking, once_more, .. } if asking.sent().is_some() => {
                *once_more = false;
                asking.try_no_more();
            }
            _ => *self = Self::Idle,
        }
    }

    /// The dialog has ended: what is out is cancelled, so that it can't be out for ever.
    pub(super) fn give_up(&mut self, step: &mut Step<'_>) {
        self.on_bye();
        if let Some(transaction) = self.transaction() {
            step.endpoint.cancel(step.now, transaction);
        }
    }

    /// Takes the final answer.
    pub(super) fn on_answered(&mut self, step: &mut Step<'_>, line: &Line, response: &Response) -> Verdict {
        let Self::Out { tries, once_more, .. } = *self else { return Verdict::Refused };
        if let Some(wait) = wait_after(response, line.is_callers, step.dice)
            && tries < MAX_TRIES
        {
            *self = Self::Wanted { at: step.now + wait, tries: tries.saturating_add(1) };
            return Verdict::Again;
        }
        *self = if once_more { Self::Wanted { at: step.now, tries: 0 } } else { Self::Idle };
        match response.status {
            status if status.is_success() => Verdict::Answered,
            // RFC 3261 §12.2.1.2, RFC 5057 §5.1.
            Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST => Verdict::Unknown,
            Status::REQUEST_TIMEOUT => Verdict::Gone,
            _ => Verdict::Refused,
        }
    }

    /// When `on_timeout` is due; the wait of a wanted one counts only where the dialog allows it.
    pub(super) fn poll_timeout(&self, may_offer: bool) -> Option<Instant> {
        match self {
            Self::Wanted { at, .. } => may_offer.then_some(*at),
            Self::Out { give_up_at, .. } => *give_up_at,
            Self::Idle | Self::Due { .. } => None,
        }
    }

    /// No final answer within 64*T1: no person is asked about a new offer, so none will come.
    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) {
        let transaction = self.transaction();
        if let Self::Out { give_up_at, .. } = self
            && give_up_at.is_some_and(|at| at <= step.now)
        {
            *give_up_at = if let Some(transaction) = transaction {
                step.endpoint.cancel(step.now, transaction);
                None
            } else {
                Some(step.now + GIVE_UP)
            };
        }
    }
}

/// How long to wait until the offer may be made again, if it may: after 491 by RFC 3261 §14.1, after 500 as the peer
/// says (§14.2).
fn wait_after(response: &Response, is_callers: bool, dice: &mut Dice) -> Option<Duration> {
    match response.status {
        Status::REQUEST_PENDING => {
            let tens = if is_callers { dice.below(191).saturating_add(210) } else { dice.below(201) };
            Some(Duration::from_millis(u64::from(tens) * 10))
        }
        Status::SERVER_INTERNAL_ERROR => {
            let seconds = response.headers.retry_after().ok().flatten()?;
            Some(MAX_RETRY_AFTER.min(Duration::from_secs(u64::from(seconds))))
        }
        _ => None,
    }
}
