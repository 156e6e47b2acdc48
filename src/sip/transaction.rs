//! Transactions (RFC 3261 §17 with RFC 6026): the four machines of its figures, what their messages are matched by, and
//! the table that keeps them and their deadlines. Each machine writes what it wants sent and told into the tray that
//! the endpoint lends. Leaves Vias, flows and stateless answers to the endpoint.

use core::time::Duration;

mod client;
mod client_invite;
mod client_non_invite;
mod key;
mod server;
mod server_invite;
mod server_non_invite;
mod table;

pub(crate) use client::{Client, ClientTray};
pub(crate) use key::{ClientKey, MergeKey, ServerKey};
pub(crate) use server::Server;
pub(crate) use table::{Machine, Table};

/// An estimate of the round trip (RFC 3261 §17.1.1.1): timers A, E and G begin with it.
pub(crate) const T1: Duration = Duration::from_millis(500);

/// The most time between repeats of a request other than INVITE, and of an answer to an INVITE: timers E and G.
pub(crate) const T2: Duration = Duration::from_secs(4);

/// The longest that a message stays in the network: timers I and K.
pub(crate) const T4: Duration = Duration::from_secs(5);

/// 64*T1: timers B, D, F, H, J, L and M. (D is "at least 32 s", §17.1.1.2.)
pub(crate) const GIVE_UP: Duration = Duration::from_secs(32);

/// How long the user of an INVITE server transaction may take before a 100 is sent for it (RFC 3261 §17.2.1).
pub(crate) const TRYING_AFTER: Duration = Duration::from_millis(200);
