//! The client transaction of every other request (RFC 3261 §17.1.2, figure 6).

use alloc::vec::Vec;
use core::time::Duration;

use base::Instant;

use super::client::ClientTray;
use super::{GIVE_UP, T1, T2, T4};
use crate::endpoint::Failure;
use crate::message::{Request, Response};

/// The machine. A state owns its data and its deadlines.
#[derive(Debug)]
pub(crate) enum ClientNonInvite {
    /// Nothing has come. Timers E (not on a reliable transport) and F.
    Trying { request: Vec<u8>, resend_at: Option<Instant>, resend_after: Duration, give_up_at: Instant },
    /// A provisional answer has come: repeats are T2 apart. Timers E and F.
    Proceeding { request: Vec<u8>, resend_at: Option<Instant>, give_up_at: Instant },
    /// The final answer has come: its repeats are absorbed until timer K.
    Completed { until: Instant },
    /// Over.
    Terminated,
}

impl ClientNonInvite {
    /// Sends the request.
    pub(crate) fn start(now: Instant, request: &Request, tray: &mut ClientTray<'_>) -> Self {
        let request = request.to_bytes();
        tray.send(request.clone());
        Self::Trying {
            request,
            resend_at: tray.is_unreliable().then_some(now + T1),
            resend_after: T1,
            give_up_at: now + GIVE_UP,
        }
    }

    /// Takes an answer.
    pub(crate) fn on_response(&mut self, now: Instant, response: Response, tray: &mut ClientTray<'_>) {
        match core::mem::replace(self, Self::Terminated) {
            Self::Trying { .. } | Self::Proceeding { .. } if response.status.is_final() => {
                tray.tell_response(response);
                // RFC 3261 §17.1.2.2: timer K is zero on a reliable transport.
                if tray.is_unreliable() {
                    *self = Self::Completed { until: now + T4 };
                }
            }
            Self::Trying { request, resend_at, give_up_at, .. }
            | Self::Proceeding { request, resend_at, give_up_at } => {
                *self = Self::Proceeding { request, resend_at, give_up_at };
                tray.tell_response(response);
            }
            settled @ (Self::Completed { .. } | Self::Terminated) => *self = settled,
        }
    }

    /// Repeats the request, or ends a wait.
    pub(crate) fn on_timeout(&mut self, now: Instant, tray: &mut ClientTray<'_>) {
        match self {
            Self::Trying { give_up_at, .. } | Self::Proceeding { give_up_at, .. } if *give_up_at <= now => {
                tray.tell_failed(Failure::Timeout);
                *self = Self::Terminated;
            }
            Self::Trying { request, resend_at: Some(resend_at), resend_after, .. } if *resend_at <= now => {
                tray.send(request.clone());
                *resend_after = resend_after.saturating_mul(2).min(T2);
                *resend_at = now + *resend_after;
            }
            Self::Proceeding { request, resend_at: Some(resend_at), .. } if *resend_at <= now => {
                tray.send(request.clone());
                *resend_at = now + T2;
            }
            Self::Completed { until } if *until <= now => *self = Self::Terminated,
            _ => {}
        }
    }

    /// Ends because its flow has.
    pub(crate) fn on_failed(&mut self, reason: Failure, tray: &mut ClientTray<'_>) {
        if let Self::Trying { .. } | Self::Proceeding { .. } = self {
            tray.tell_failed(reason);
            *self = Self::Terminated;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Trying { resend_at, give_up_at, .. } | Self::Proceeding { resend_at, give_up_at, .. } => {
                Some(resend_at.map_or(*give_up_at, |at| at.min(*give_up_at)))
            }
            Self::Completed { until } => Some(*until),
            Self::Terminated => None,
        }
    }
}
