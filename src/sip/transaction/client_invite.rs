//! The INVITE client transaction (RFC 3261 §17.1.1, figure 5, with RFC 6026 §8.4) and giving it up (§9.1).

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::time::Duration;

use base::Instant;

use super::client::{ClientTray, ack_of, cancel_of};
use super::{GIVE_UP, T1};
use crate::endpoint::Failure;
use crate::message::{Request, Response, Status};

/// The machine. A state owns its data and its deadlines.
#[derive(Debug)]
pub(crate) enum ClientInvite {
    /// Nothing has come. Timers A (not on a reliable transport) and B.
    Calling {
        request: Box<Request>,
        resend_at: Option<Instant>,
        resend_after: Duration,
        give_up_at: Instant,
        cancelled: bool,
    },
    /// A provisional answer has come, perhaps of the called side itself, which takes its time, unless the INVITE has been
    /// cancelled.
    Proceeding { request: Box<Request>, is_known_there: bool, give_up_at: Option<Instant> },
    /// A 2xx has come: all others, repeated or of other forks, are passed on until timer M.
    Accepted { until: Instant },
    /// Another final answer has come and been ACKed: its repeats are ACKed until timer D.
    Completed { ack: Vec<u8>, until: Instant },
    /// Over.
    Terminated,
}

impl ClientInvite {
    /// Sends the INVITE.
    pub(crate) fn start(now: Instant, request: Request, tray: &mut ClientTray<'_>) -> Self {
        tray.send(request.to_bytes());
        Self::Calling {
            request: Box::new(request),
            resend_at: tray.is_unreliable().then_some(now + T1),
            resend_after: T1,
            give_up_at: now + GIVE_UP,
            cancelled: false,
        }
    }

    /// Takes an answer. What it gives back is the CANCEL that has been waiting for this answer.
    pub(crate) fn on_response(
        &mut self,
        now: Instant,
        response: Response,
        tray: &mut ClientTray<'_>,
    ) -> Option<Request> {
        let status = response.status;
        match core::mem::replace(self, Self::Terminated) {
            Self::Calling { request, .. } | Self::Proceeding { request, .. } if status.is_success() => {
                *self = Self::Accepted { until: now + GIVE_UP };
                drop(request);
                tray.tell_response(response);
            }
            Self::Calling { request, .. } | Self::Proceeding { request, .. } if status.is_final() => {
                let ack = ack_of(&request, &response).to_bytes();
                tray.send(ack.clone());
                tray.tell_response(response);
                // RFC 3261 §17.1.1.2: timer D is zero on a reliable transport.
                if tray.is_unreliable() {
                    *self = Self::Completed { ack, until: now + GIVE_UP };
                }
            }
            Self::Calling { request, cancelled, .. } => {
                let cancel = cancelled.then(|| cancel_of(&request));
                let give_up_at = cancelled.then_some(now + GIVE_UP);
                *self = Self::Proceeding { request, is_known_there: status != Status::TRYING, give_up_at };
                tray.tell_response(response);
                return cancel;
            }
            Self::Proceeding { request, is_known_there, give_up_at } => {
                let is_known_there = is_known_there || status != Status::TRYING;
                *self = Self::Proceeding { request, is_known_there, give_up_at };
                tray.tell_response(response);
            }
            accepted @ Self::Accepted { .. } => {
                *self = accepted;
                // RFC 6026 §8.4: every 2xx goes up, and nothing else does.
                if status.is_success() {
                    tray.tell_response(response);
                }
            }
            Self::Completed { ack, until } => {
                if status.is_final() && !status.is_success() {
                    tray.send(ack.clone());
                }
                *self = Self::Completed { ack, until };
            }
            Self::Terminated => {}
        }
        None
    }

    /// Gives the INVITE up: the CANCEL to be sent now, or none while nothing has come (RFC 3261 §9.1).
    pub(crate) fn cancel(&mut self, now: Instant) -> Option<Request> {
        match self {
            Self::Calling { cancelled, .. } => {
                *cancelled = true;
                None
            }
            Self::Proceeding { request, give_up_at: give_up_at @ None, .. } => {
                *give_up_at = Some(now + GIVE_UP);
                Some(cancel_of(request))
            }
            _ => None,
        }
    }

    /// Repeats the INVITE, or ends a wait.
    pub(crate) fn on_timeout(&mut self, now: Instant, tray: &mut ClientTray<'_>) {
        match self {
            Self::Calling { give_up_at, .. } | Self::Proceeding { give_up_at: Some(give_up_at), .. }
                if *give_up_at <= now =>
            {
                tray.tell_failed(Failure::Timeout);
                *self = Self::Terminated;
            }
            Self::Calling { request, resend_at: Some(resend_at), resend_after, .. } if *resend_at <= now => {
                tray.send(request.to_bytes());
                *resend_after = resend_after.saturating_mul(2);
                *resend_at = now + *resend_after;
            }
            Self::Accepted { until } | Self::Completed { until, .. } if *until <= now => {
                *self = Self::Terminated
            }
            _ => {}
        }
    }

    /// Ends because its flow has. A transaction that has its final answer has nothing to lose, and one that waits for it
    /// sends nothing that could fail (figure 5): what failed was something else, and a callee who rings may answer yet.
    pub(crate) fn on_failed(&mut self, reason: Failure, tray: &mut ClientTray<'_>) {
        let may_be_answered = matches!(self, Self::Proceeding { is_known_there: true, give_up_at: None, .. });
        if let Self::Calling { .. } | Self::Proceeding { .. } = self
            && !may_be_answered
        {
            tray.tell_failed(reason);
            *self = Self::Terminated;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Calling { resend_at, give_up_at, .. } => {
                Some(resend_at.map_or(*give_up_at, |at| at.min(*give_up_at)))
            }
            Self::Proceeding { give_up_at, .. } => *give_up_at,
            Self::Accepted { until } | Self::Completed { until, .. } => Some(*until),
            Self::Terminated => None,
        }
    }
}
