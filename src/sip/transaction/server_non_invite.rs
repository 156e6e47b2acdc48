//! The server transaction of every other request (RFC 3261 §17.2.2, figure 8).

use alloc::vec::Vec;

use base::Instant;

use super::GIVE_UP;
use super::server::ServerTray;
use crate::message::Status;

/// The machine. A state owns its data and its deadlines.
#[derive(Debug)]
pub(crate) enum ServerNonInvite {
    /// The user has said nothing. Nobody listens any more when the client's timer F has fired: RFC 3261 would wait for
    /// the user forever, RFC 4320 §4 has it be silent then.
    Trying { until: Instant },
    /// The user has answered provisionally.
    Proceeding { latest: Vec<u8>, until: Instant },
    /// The user has answered: repeats get the answer again until timer J.
    Completed { response: Vec<u8>, until: Instant },
    /// Over.
    Terminated,
}

impl ServerNonInvite {
    /// Begins.
    pub(crate) fn start(now: Instant) -> Self {
        Self::Trying { until: now + GIVE_UP }
    }

    /// The request has come again.
    pub(crate) fn on_repeat(&mut self, tray: &mut ServerTray<'_>) {
        match self {
            Self::Proceeding { latest: answer, .. } | Self::Completed { response: answer, .. } => {
                tray.send(answer.clone());
            }
            Self::Trying { .. } | Self::Terminated => {}
        }
    }

    /// Sends the user's answer, if it is the first final one or before it.
    pub(crate) fn respond(
        &mut self,
        now: Instant,
        status: Status,
        bytes: Vec<u8>,
        tray: &mut ServerTray<'_>,
    ) {
        let (Self::Trying { until } | Self::Proceeding { until, .. }) = *self else { return };
        tray.send(bytes.clone());
        *self = if status.is_provisional() {
            Self::Proceeding { latest: bytes, until }
        } else if tray.is_unreliable() {
            Self::Completed { response: bytes, until: now + GIVE_UP }
        } else {
            // RFC 3261 §17.2.2: timer J is zero on a reliable transport.
            Self::Terminated
        };
    }

    /// Ends a wait.
    pub(crate) fn on_timeout(&mut self, now: Instant) {
        if self.deadline() <= Some(now) {
            *self = Self::Terminated;
        }
    }

    pub(crate) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Trying { until } | Self::Proceeding { until, .. } | Self::Completed { until, .. } => {
                Some(*until)
            }
            Self::Terminated => None,
        }
    }
}
