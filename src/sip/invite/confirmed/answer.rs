//! The peer's latest INVITE in a dialog: our user's answer to it, and its 2xx until the ACK (RFC 3261 §13.3.1.4, §14.2).

use base::{Duration, Instant};

use crate::endpoint::ServerId;
use crate::invite::Step;
use crate::invite::admit::sdp_of;
use crate::message::{Request, Response, Status};
use crate::transaction::{GIVE_UP, T1, T2};

/// The latest INVITE of the peer in this dialog.
#[derive(Debug)]
pub(super) enum Answer {
    /// None, or all said about it.
    Settled,
    /// Our user has not answered it yet.
    Pending { transaction: ServerId, invite: Request },
    /// Its 2xx is repeated until the ACK comes.
    Unacknowledged {
        transaction: ServerId,
        ok: Response,
        /// It made the dialog.
        is_first: bool,
        /// The INVITE had the offer: with the 2xx all is agreed.
        is_agreed: bool,
        resend_at: Instant,
        resend_after: Duration,
        give_up_at: Instant,
    },
}

impl Answer {
    /// Answers `invite` with 2xx.
    pub(super) fn send(
        step: &mut Step<'_>,
        (transaction, invite): (ServerId, &Request),
        ok: Response,
        is_first: bool,
    ) -> Self {
        step.endpoint.respond(step.now, transaction, ok.clone());
        Self::Unacknowledged {
            transaction,
            ok,
            is_first,
            is_agreed: sdp_of(&invite.headers, &invite.body).is_some(),
            resend_at: step.now + T1,
            resend_after: T1,
            give_up_at: step.now + GIVE_UP,
        }
    }

    pub(super) const fn is_settled(&self) -> bool {
        matches!(self, Self::Settled)
    }

    /// The INVITE that awaits our user's answer.
    pub(super) fn take_pending(&mut self) -> Option<(ServerId, Request)> {
        match core::mem::replace(self, Self::Settled) {
            Self::Pending { transaction, invite } => Some((transaction, invite)),
            other => {
                *self = other;
                None
            }
        }
    }

    pub(super) fn refuse_pending(&mut self, step: &mut Step<'_>, status: Status) {
        if let Some((transaction, invite)) = self.take_pending() {
            step.endpoint.respond(step.now, transaction, Response::to_request(&invite, status));
        }
    }

    /// Takes an ACK. Whether it is the one that was waited for.
    pub(super) fn take_ack(&mut self, ack: &Request) -> bool {
        let is_it = matches!(self, Self::Unacknowledged { ok, .. }
            if ok.headers.cseq().map(|it| it.number) == ack.headers.cseq().map(|it| it.number));
        if is_it {
            *self = Self::Settled;
        }
        is_it
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Unacknowledged { resend_at, .. } => Some(*resend_at),
            Self::Settled | Self::Pending { .. } => None,
        }
    }

    /// Repeats the 2xx if that is due. True if no ACK has come within 64*T1: the dialog is confirmed, and should be ended
    /// (RFC 3261 §13.3.1.4).
    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) -> bool {
        let Self::Unacknowledged { transaction, ok, resend_at, resend_after, give_up_at, .. } = self else {
            return false;
        };
        if *resend_at > step.now {
            return false;
        }
        if *give_up_at <= step.now {
            *self = Self::Settled;
            return true;
        }
        step.endpoint.respond(step.now, *transaction, ok.clone());
        *resend_after = T2.min(resend_after.saturating_mul(2));
        *resend_at = (step.now + *resend_after).min(*give_up_at);
        false
    }
}
