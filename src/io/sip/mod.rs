//! The sip thread: drives `phone::Phone` with the SIP sockets, its letters and the clock.

use media::leg::{LegEvent, LegId};
use phone::{ClientId, Command};

/// What other threads write to the sip thread.
#[derive(Debug)]
pub enum Letter {
    /// From a client of the control API, or a handset.
    Command {
        /// Who asks, and gets the reply.
        client: ClientId,
        /// What.
        command: Command,
    },
    /// From one half of a media leg.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What became of it.
        event: LegEvent,
    },
    /// End all calls and registrations, then the thread.
    Stop,
}
