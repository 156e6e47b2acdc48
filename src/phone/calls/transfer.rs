//! A transfer that our side asked for (rule 11; RFC 3515, RFC 5589 §6): how far it has come, and when it is given up.

use base::{Duration, Instant};
use sip::message::{Status, Uri};

/// How long the peer may say nothing of a transfer (rule 11).
const SILENCE: Duration = Duration::from_secs(60);

/// How long a peer that has hung up may still tell that the transfer failed (rule 11).
const LAST_WORD: Duration = Duration::from_secs(1);

/// What was asked for, and what came of it so far.
#[derive(Debug)]
pub(super) struct Transfer {
    step: Step,
    /// Our side held the call before: it does again, if this fails.
    was_held: bool,
}

#[derive(Debug)]
enum Step {
    /// The call is being held; the REFER follows.
    Holding { to: Uri },
    /// The REFER is out, and perhaps accepted.
    Referring { is_accepted: bool, give_up_at: Instant },
    /// The peer has hung up after it accepted: for the better, unless it says otherwise.
    Left { until: Instant },
}

/// What has become of a transfer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum End {
    /// The target has answered, as far as one can know.
    Done,
    /// It did not come about.
    Failed(Status),
}

impl Transfer {
    /// The call is to be held first.
    pub(super) const fn new(to: Uri, was_held: bool) -> Self {
        Self { step: Step::Holding { to }, was_held }
    }

    pub(super) const fn was_held(&self) -> bool {
        self.was_held
    }

    /// How far it has come, to be looked at.
    pub(super) const fn step(&self) -> &impl core::fmt::Debug {
        &self.step
    }

    /// Whether the peer has hung up already.
    pub(super) const fn has_left(&self) -> bool {
        matches!(self.step, Step::Left { .. })
    }

    /// The hold has its answer, whatever it was: whom the REFER that goes out now names.
    pub(super) fn on_hold_settled(&mut self, now: Instant) -> Option<Uri> {
        if !matches!(self.step, Step::Holding { .. }) {
            return None;
        }
        let referring = Step::Referring { is_accepted: false, give_up_at: now + SILENCE };
        match core::mem::replace(&mut self.step, referring) {
            Step::Holding { to } => Some(to),
            Step::Referring { .. } | Step::Left { .. } => None,
        }
    }

    /// The REFER's final answer.
    pub(super) fn on_answered(&mut self, now: Instant, status: Status) -> Option<End> {
        if !status.is_success() {
            return Some(End::Failed(status));
        }
        self.go_on(now);
        None
    }

    /// The peer goes about it.
    fn go_on(&mut self, now: Instant) {
        if let Step::Referring { is_accepted, give_up_at } = &mut self.step {
            (*is_accepted, *give_up_at) = (true, now + SILENCE);
        }
    }

    /// What a NOTIFY told of the target's answer.
    pub(super) fn on_progress(&mut self, now: Instant, status: Status) -> Option<End> {
        if status.is_provisional() {
            // RFC 3515 §2.4.4: whoever tells of it has accepted, though its 202 may be late or lost.
            self.go_on(now);
            return None;
        }
        Some(if status.is_success() { End::Done } else { End::Failed(status) })
    }

    /// The peer hangs up. True if that is part of the transfer, and the call ends when that is sure.
    pub(super) fn on_bye(&mut self, now: Instant) -> bool {
        let is_part = matches!(self.step, Step::Referring { is_accepted: true, .. });
        if is_part {
            self.step = Step::Left { until: now + LAST_WORD };
        }
        is_part
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.step {
            Step::Holding { .. } => None,
            Step::Referring { give_up_at: at, .. } | Step::Left { until: at } => Some(at),
        }
    }

    pub(super) fn handle_timeout(&self, now: Instant) -> Option<End> {
        match self.step {
            Step::Referring { give_up_at, .. } if give_up_at <= now => {
                Some(End::Failed(Status::REQUEST_TIMEOUT))
            }
            Step::Left { until } if until <= now => Some(End::Done),
            _ => None,
        }
    }
}
