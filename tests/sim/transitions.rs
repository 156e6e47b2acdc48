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

/// The state of a machine that is over and kept for a while: as good as none.
pub(crate) const OVER: &str = "Over";

/// From a state, by any of these causes, to a state.
pub(crate) type Transition = (&'static str, &'static [By], &'static str);

use By::{Driver, Peer, Timer, User};

/// What moves a machine may move others of its call or account at once.
const ANYTHING: &[By] = &[User, Peer, Timer, Driver];

/// Whatever state: what belongs to a dialog or a call ends with it.
pub(crate) const ANY: &str = "*";

/// All transitions, by kind of machine: transactions (RFC 3261 §17, RFC 6026), an invitation and its dialogs, in each the
/// answer to the peer's INVITE, our own offers (§14), what we refer and are referred to (RFC 3515); registrations and
/// what clients know of them (rule 8); holds (rules 17 and 18) and transfers (rule 11) as clients know of them.
pub(crate) const MACHINES: &[(&str, &[Transition])] = &[
    (
        "INVITE client",
        &[
            (NONE, ANYTHING, "Calling"),
            ("Calling", &[Peer], "Proceeding"),
            ("Calling", &[Peer], "Accepted"),
            ("Calling", &[Peer], "Completed"),
            ("Calling", &[Timer, Driver], NONE),
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
            (NONE, ANYTHING, "Trying"),
            ("Completed", &[Timer], NONE),
            ("Proceeding", &[Peer], "Completed"),
            // A REGISTER that another one replaces is forgotten.
            ("Proceeding", &[User, Timer], NONE),
            ("Trying", &[Peer], "Completed"),
            ("Trying", &[Peer], "Proceeding"),
            ("Trying", &[User, Timer, Driver], NONE),
        ],
    ),
    (
        "INVITE server",
        &[
            (NONE, &[Peer], "Proceeding"),
            (NONE, &[Peer], "Accepted"),
            (NONE, &[Peer], "Completed"),
            ("Proceeding", &[User], "Accepted"),
            ("Proceeding", &[User, Peer, Timer, Driver], "Completed"),
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
            (NONE, &[User, Peer], "Reaching"),
            (NONE, &[Peer], "Ringing"),
            ("Reaching", &[Driver], "Calling"),
            ("Reaching", &[Driver], NONE),
            ("Calling", &[Peer, Timer, Driver], "Reaching"),
            ("Calling", &[Peer], "Confirmed"),
            ("Calling", &[Peer, Timer, Driver], NONE),
            ("Ringing", &[User], "Confirmed"),
            ("Ringing", &[User, Peer, Timer, Driver], NONE),
            ("Confirmed", &[Peer, Timer], NONE),
        ],
    ),
    (
        "dialog",
        &[
            (NONE, &[User, Peer], "Unsaid"),
            (NONE, &[Peer], "Out"),
            ("Unsaid", &[User], "Owed"),
            ("Unsaid", &[User, Peer, Timer], "Out"),
            ("Unsaid", &[Peer], NONE),
            ("Unsaid", &[Peer], "Awaited"),
            ("Awaited", &[Peer], NONE),
            ("Awaited", &[User, Timer], "Out"),
            ("Owed", &[Peer, Timer], "Out"),
            ("Owed", &[Peer], NONE),
            ("Out", &[Peer, Timer], NONE),
        ],
    ),
    (
        "answer",
        &[
            (NONE, &[User], "Unacknowledged"),
            (NONE, &[Peer], "Settled"),
            ("Unacknowledged", &[Peer, Timer], "Settled"),
            ("Settled", &[Peer], "Unacknowledged"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "reoffer",
        &[
            (NONE, &[User, Peer], "Idle"),
            ("Idle", ANYTHING, "Out"),
            ("Idle", ANYTHING, "Wanted"),
            ("Out", ANYTHING, "Idle"),
            ("Out", ANYTHING, "Wanted"),
            ("Wanted", ANYTHING, "Idle"),
            ("Wanted", ANYTHING, "Out"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "registration",
        &[
            (NONE, &[User, Driver], "Reaching"),
            ("Idle", &[User], "Reaching"),
            ("Idle", &[User], NONE),
            ("Reaching", &[Driver], "Asking"),
            ("Asking", &[Peer], "Idle"),
            ("Asking", ANYTHING, "Reaching"),
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
            ("Connected", &[User], "Registering"),
            ("Connected", &[Peer, Timer], "Lost"),
            ("Connected", &[Peer], "Refused"),
            ("Connected", &[User, Timer], "Disconnecting"),
            ("Connected", &[User], "Gone"),
            ("Lost", &[User], "Registering"),
            ("Lost", &[Peer], "Connected"),
            ("Lost", &[Peer], "Refused"),
            ("Lost", &[User, Timer], "Disconnecting"),
            ("Lost", &[User], "Gone"),
            ("Refused", &[User], "Registering"),
            ("Refused", &[Peer], "Connected"),
            ("Refused", &[User, Timer], "Disconnecting"),
            ("Disconnecting", &[Timer], "Gone"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "hold",
        &[
            (NONE, &[User, Peer], "None"),
            ("Both", &[Peer], "Local"),
            ("Both", &[Peer], "Remote"),
            ("Both", &[Peer], "None"),
            ("Local", &[Peer], "Both"),
            ("Local", &[Peer], "None"),
            ("Local", &[Peer], "Remote"),
            ("None", &[Peer], "Local"),
            ("None", &[Peer], "Remote"),
            ("Remote", &[Peer], "Both"),
            ("Remote", &[Peer], "Local"),
            ("Remote", &[Peer], "None"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "refer",
        &[
            (NONE, &[User, Peer], "Idle"),
            ("Asked", &[Peer, Timer], "Idle"),
            ("Asked", &[Peer], "Subscribed"),
            ("Asked", &[Peer], "Told"),
            ("Idle", &[User, Peer, Timer], "Asked"),
            ("Subscribed", &[Peer], "Idle"),
            ("Told", &[Peer], "Idle"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "referred",
        &[
            (NONE, &[User, Peer], "Idle"),
            ("Idle", &[Peer], "Subscribed"),
            ("Subscribed", ANYTHING, "Idle"),
            (ANY, ANYTHING, NONE),
        ],
    ),
    (
        "transfer",
        &[
            (NONE, &[User], "Holding"),
            (NONE, &[User], "Referring"),
            ("Holding", &[Peer, Timer], "Referring"),
            ("Referring", &[Peer], "Left"),
            (ANY, ANYTHING, NONE),
        ],
    ),
];
