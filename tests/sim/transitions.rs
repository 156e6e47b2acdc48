//! The states that the machines of a phone pass through: all transitions that there may be.

use crate::witness::Cause;

/// What moves a machine.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum By {
    /// A command of a client, or the order to stop.
    User,
    /// A message.
    Peer,
    /// A deadline.
    Timer,
    /// The driver: a flow that opened or closed, news of a leg.
    Driver,
}

impl From<&Cause> for By {
    fn from(cause: &Cause) -> Self {
        match cause {
            Cause::Begin | Cause::Command(..) | Cause::Stop => Self::User,
            Cause::Datagram => Self::Peer,
            Cause::Timer => Self::Timer,
            Cause::Driver => Self::Driver,
        }
    }
}

/// What is not there, before a machine begins and after it has ended.
pub(crate) const NONE: &str = "-";

/// From a state, by any of these causes, to a state.
pub(crate) type Transition = (&'static str, &'static [By], &'static str);

use By::{Driver, Peer, Timer, User};

/// All transitions, by kind of machine.
pub(crate) const MACHINES: &[(&str, &[Transition])] = &[
    (
        "INVITE client",
        &[
            (NONE, &[Peer, Driver], "Calling"),
            ("Calling", &[Peer], "Proceeding"),
            ("Calling", &[Peer], "Accepted"),
            ("Calling", &[Peer], "Completed"),
            ("Calling", &[Timer], NONE),
            ("Proceeding", &[Peer], "Accepted"),
            ("Proceeding", &[Peer], "Completed"),
            ("Proceeding", &[Timer], NONE),
            ("Accepted", &[Timer], NONE),
            ("Completed", &[Timer], NONE),
        ],
    ),
    (
        "non-INVITE client",
        &[
            (NONE, &[User, Peer, Timer, Driver], "Trying"),
            ("Completed", &[Timer], NONE),
            ("Proceeding", &[Peer], "Completed"),
            ("Proceeding", &[Timer], NONE),
            ("Trying", &[Peer], "Completed"),
            ("Trying", &[Peer], "Proceeding"),
            ("Trying", &[Timer, Driver], NONE),
        ],
    ),
    (
        "INVITE server",
        &[
            (NONE, &[Peer], "Proceeding"),
            (NONE, &[Peer], "Completed"),
            ("Proceeding", &[User], "Accepted"),
            ("Proceeding", &[User, Peer, Timer], "Completed"),
            ("Accepted", &[Timer], NONE),
            ("Completed", &[Peer], "Confirmed"),
            ("Completed", &[Timer], NONE),
            ("Confirmed", &[Timer], NONE),
        ],
    ),
    ("non-INVITE server", &[(NONE, &[Peer], "Completed"), ("Completed", &[Timer], NONE)]),
    (
        "invitation",
        &[
            (NONE, &[User], "Reaching"),
            (NONE, &[Peer], "Ringing"),
            ("Reaching", &[Driver], "Calling"),
            ("Reaching", &[Driver], NONE),
            ("Calling", &[Peer], "Confirmed"),
            ("Calling", &[Peer, Timer], NONE),
            ("Ringing", &[User], "Confirmed"),
            ("Ringing", &[User, Peer, Timer], NONE),
            ("Confirmed", &[Peer, Timer], NONE),
        ],
    ),
    (
        "dialog",
        &[
            (NONE, &[User, Peer], "Unsaid"),
            (NONE, &[Peer], "Out"),
            ("Unsaid", &[User], "Owed"),
            ("Unsaid", &[User, Timer], "Out"),
            ("Unsaid", &[Peer], "Over"),
            ("Unsaid", &[Peer], NONE),
            ("Owed", &[Peer, Timer], "Out"),
            ("Owed", &[Peer], NONE),
            ("Out", &[Peer], "Over"),
            ("Out", &[Peer, Timer], NONE),
            ("Over", &[Peer, Timer], NONE),
        ],
    ),
    (
        "answer",
        &[
            (NONE, &[User], "Unacknowledged"),
            (NONE, &[Peer], "Settled"),
            ("Unacknowledged", &[Peer, Timer], "Settled"),
            ("Unacknowledged", &[Peer], NONE),
            ("Settled", &[Peer, Timer], NONE),
        ],
    ),
    ("reoffer", &[(NONE, &[User, Peer], "Idle"), ("Idle", &[Peer, Timer], NONE)]),
    (
        "registration",
        &[
            (NONE, &[User, Driver], "Reaching"),
            ("Idle", &[User], "Reaching"),
            ("Idle", &[User], NONE),
            ("Reaching", &[Driver], "Asking"),
            ("Asking", &[Peer], "Idle"),
            ("Asking", &[User, Peer, Timer, Driver], "Reaching"),
            ("Asking", &[Peer], "Bound"),
            ("Asking", &[Peer, Timer, Driver], "Waiting"),
            ("Asking", &[Peer, Timer, Driver], NONE),
            ("Bound", &[User, Timer], "Reaching"),
            ("Waiting", &[User, Timer], "Reaching"),
            ("Waiting", &[User, Timer], NONE),
        ],
    ),
    (
        "account",
        &[
            (NONE, &[User, Driver], "Registering"),
            ("Registering", &[Peer], "Connected"),
            ("Registering", &[Peer, Timer, Driver], "Lost"),
            ("Registering", &[Peer], "Refused"),
            ("Registering", &[User, Timer], "Gone"),
            ("Registering", &[Peer], NONE),
            ("Connected", &[User], "Registering"),
            ("Connected", &[Peer, Timer], "Lost"),
            ("Connected", &[Peer], "Refused"),
            ("Connected", &[User, Timer], "Disconnecting"),
            ("Connected", &[Peer], NONE),
            ("Lost", &[User], "Registering"),
            ("Lost", &[Peer], "Connected"),
            ("Lost", &[Peer], "Refused"),
            ("Lost", &[User, Timer], "Disconnecting"),
            ("Lost", &[User, Peer, Timer], NONE),
            ("Refused", &[Peer], "Connected"),
            ("Refused", &[User, Timer], "Disconnecting"),
            ("Refused", &[User, Timer], NONE),
            ("Disconnecting", &[Timer], "Gone"),
            ("Disconnecting", &[User, Peer, Driver], NONE),
            ("Gone", &[User, Peer, Timer, Driver], NONE),
        ],
    ),
    (".INVITE client", &[(NONE, &[Peer], "Calling")]),
];
