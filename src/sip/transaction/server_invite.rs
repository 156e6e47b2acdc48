//! The INVITE server transaction (RFC 3261 §17.2.1, figure 7, with RFC 6026 §8.5).

use alloc::vec::Vec;
use core::time::Duration;

use base::Instant;

use super::server::ServerTray;
use super::{GIVE_UP, T1, T2, T4, TRYING_AFTER};
use crate::endpoint::Event;
use crate::message::Status;

/// The machine. A state owns its data and its deadlines.
#[derive(Debug)]
pub(crate) enum ServerInvite {
    /// The user has not answered finally. `latest` is its last provisional answer; until there is one, the 100 that
    /// goes out at `trying_at`.
    Proceeding { latest: Vec<u8>, trying_at: Option<Instant> },
    /// The user has sent a 2xx, and repeats it until its ACK comes (RFC 3261 §13.3.1.4). Timer L.
    Accepted { until: Instant },
    /// The user has sent another final answer: repeated until its ACK comes. Timers G (not on a reliable transport)
    /// and H.
    Completed { response: Vec<u8>, resend_at: Option<Instant>, resend_after: Duration, give_up_at: Instant },
    /// That ACK has come: its repeats are absorbed until timer I.
    Confirmed { until: Instant },
    /// Over.
    Terminated,
}

impl ServerInvite {
    /// Begins; `trying` is the 100 that the user may yet make needless.
    pub(crate) fn start(now: Instant, trying: Vec<u8>) -> Self {
        Self::Proceeding { latest: trying, trying_at: Some(now + TRYING_AFTER) }
    }

    /// The INVITE has come again.
    pub(crate) fn on_repeat(&mut self, tray: &mut ServerTray<'_>) {
        match self {
            Self::Proceeding { latest, trying_at } => {
                *trying_at = None;
                tray.send(latest.clone());
            }
            Self::Completed { response, .. } => tray.send(response.clone()),
            Self::Accepted { .. } | Self::Confirmed { .. } | Self::Terminated => {}
        }
    }

    /// Its ACK has come. True if that is the user's to know: it acknowledges a 2xx.
    pub(crate) fn on_ack(&mut self, now: Instant, tray: &ServerTray<'_>) -> bool {
        match self {
            Self::Completed { .. } => {
                // RFC 3261 §17.2.1: timer I is zero on a reliable transport.
                *self =
                    if tray.is_unreliable() { Self::Confirmed { until: now + T4 } } else { Self::Terminated };
                false
            }
            Self::Accepted { .. } => true,
            Self::Proceeding { .. } | Self::Confirmed { .. } | Self::Terminated => false,
        }
    }

    /// Sends the user's answer, if its turn has not passed.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        status: Status,
        bytes: Vec<u8>,
        tray: &mut ServerTray<'_>,
    ) {
        match self {
            Self::Proceeding { latest, trying_at } if status.is_provisional() => {
                *trying_at = None;
                latest.clone_from(&bytes);
                tray.send(bytes);
            }
            Self::Proceeding { .. } if status.is_success() => {
                tray.send(bytes);
                *self = Self::Accepted { until: now + GIVE_UP };
            }
            Self::Proceeding { .. } => {
                tray.send(bytes.clone());
                *self = Self::Completed {
                    response: bytes,
                    resend_at: tray.is_unreliable().then_some(now + T1),
                    resend_after: T1,
                    give_up_at: now + GIVE_UP,
                };
            }
            Self::Accepted { .. } if status.is_success() => tray.send(bytes),
            Self::Accepted { .. } | Self::Completed { .. } | Self::Confirmed { .. } | Self::Terminated => {}
        }
    }

    /// Sends the 100, repeats the final answer, or ends a wait.
    pub(crate) fn on_timeout(&mut self, now: Instant, tray: &mut ServerTray<'_>) {
        match self {
            Self::Proceeding { latest, trying_at: trying_at @ Some(_) } if *trying_at <= Some(now) => {
                *trying_at = None;
                tray.send(latest.clone());
            }
            Self::Completed { give_up_at, .. } if *give_up_at <= now => {
                tray.tell(|transaction| Event::Expired { transaction });
                *self = Self::Terminated;
            }
            Self::Completed { response, resend_at: Some(resend_at), resend_after, .. }
                if *resend_at <= now =>
            {
                tray.send(response.clone());
                *resend_after = resend_after.saturating_mul(2).min(T2);
                *resend_at = now + *resend_after;
            }
            Self::Accepted { until } | Self::Confirmed { until } if *until <= now => *self = Self::Terminated,
            _ => {}
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Proceeding { trying_at, .. } => *trying_at,
            Self::Accepted { until } | Self::Confirmed { until } => Some(*until),
            Self::Completed { resend_at, give_up_at, .. } => {
                Some(resend_at.map_or(*give_up_at, |at| at.min(*give_up_at)))
            }
            Self::Terminated => None,
        }
    }
}
