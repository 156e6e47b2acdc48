//! The words that call control and its driver exchange.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use base::Duration;
use media::leg::{LegCommand, LegEvent, LegId};
use sip::flow::{ConnectId, Flow, Link};

use crate::accounts;
use crate::command::{ClientId, Command, Reply};
use crate::event::Event;
use crate::policy::Prefix;

/// What call control is set up with. Its accounts are the configuration file's.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Accounts that connect by themselves, in the file's order.
    pub accounts: Vec<accounts::Settings>,
    /// Calls at once, ringing ones included; one more is refused with 486. 1 to 32.
    pub max_calls: usize,
    /// The status that declines a ringing call (rule 9): 480, 486 or 603.
    pub decline_status: u16,
    /// Addresses beside those of the accounts' servers that may ring this phone.
    pub peers: Vec<Prefix>,
    /// How a ringing call is transferred (rule 11).
    pub ringing_transfer: RingingTransfer,
    /// How long a call lasts without media (part 3): 10 s or more; zero for ever.
    pub media_timeout: Duration,
    /// How long an account with `autodisconnect` waits for its client to come back (rule 7).
    pub autodisconnect_grace: Duration,
    /// User-Agent and Server.
    pub agent: String,
    /// What the endpoint is told of the machine.
    pub endpoint: sip::endpoint::Config,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            accounts: Vec::new(),
            max_calls: 4,
            decline_status: 486,
            peers: Vec::new(),
            ringing_transfer: RingingTransfer::Redirect,
            media_timeout: Duration::from_secs(60),
            autodisconnect_grace: Duration::from_secs(3),
            agent: String::from(concat!("neonphone/", env!("CARGO_PKG_VERSION"))),
            endpoint: sip::endpoint::Config::default(),
        }
    }
}

/// How a call that rings here is transferred (rule 11).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RingingTransfer {
    /// Its caller is redirected by a 302.
    Redirect,
    /// It is answered, and then referred: for servers that ignore redirections.
    Answer,
}

/// A pair of bound sockets, RTP and RTCP, that the driver lends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct PortId(pub u32);

/// An address family.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Family {
    /// IPv4
    V4,
    /// IPv6
    V6,
}

impl Family {
    /// The family of `address`.
    pub fn of(address: SocketAddr) -> Self {
        if address.is_ipv4() { Self::V4 } else { Self::V6 }
    }
}

/// What the driver hands in.
#[derive(Debug)]
pub enum Input<'a> {
    /// For the SIP endpoint.
    Sip(sip::endpoint::Input<'a>),
    /// A pair of sockets is lent. The driver keeps two of each family with call control, so that an offer never
    /// waits, and lends the next when one is used by `StartLeg`, as soon as it has done all else that it was told.
    MediaPort {
        /// Its name.
        port: PortId,
        /// Its family.
        family: Family,
        /// The RTP socket's port number; RTCP has the next.
        rtp_port: u16,
    },
    /// The machine's files on names have changed.
    Names(&'a sip::endpoint::Config),
    /// The machine has other addresses than before.
    Moved,
    /// A client asks for something.
    Command {
        /// Who.
        client: ClientId,
        /// What.
        command: Command,
    },
    /// A leg tells something.
    LegEvent {
        /// Which leg.
        leg: LegId,
        /// What.
        event: LegEvent,
    },
    /// The phone is to stop: calls are hung up and accounts disconnected; `Stopped` says that it is done.
    Stop,
    /// The time that `poll_timeout` told has come.
    Timeout,
}

/// What the driver does, in this order.
#[derive(Clone, Debug)]
pub enum Output {
    /// As the endpoint's `Send`.
    Send {
        /// From `flow.local` to `flow.remote`.
        flow: Flow,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// As the endpoint's `Connect`.
    Connect {
        /// For the answer.
        connect: ConnectId,
        /// What for.
        link: Link,
        /// To whom.
        remote: SocketAddr,
    },
    /// As the endpoint's `Close`.
    Close {
        /// A flow that was open.
        flow: Flow,
    },
    /// A call dials or rings: its leg has these sockets from now on, and sound devices are wanted. They are the leg's
    /// until both halves have said `Ended`, and are never used again for another.
    StartLeg {
        /// The leg.
        leg: LegId,
        /// A pair that was lent.
        port: PortId,
    },
    /// For both halves of a leg.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What.
        command: LegCommand,
    },
    /// For every client.
    Event(Event),
    /// For one client. Replies come in the order of its commands, and before the events that its command leads to.
    Reply {
        /// Who asked.
        client: ClientId,
        /// The answer.
        reply: Reply,
    },
    /// Something that whoever looks after the phone reads in its log: a line in plain words, without secrets.
    Log(String),
    /// All is hung up and disconnected, or the time for it is over.
    Stopped,
}
