//! The words that an endpoint, its driver and its user exchange.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;
use core::net::SocketAddr;

use crate::endpoint::route::Alternatives;
use crate::flow::{ConnectId, Flow, FlowError, Link};
use crate::message::{Request, Response, Status};

/// A client transaction (RFC 3261 §17.1). Never used twice in the life of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub(crate) u64);

/// A server transaction (RFC 3261 §17.2). Never used twice in the life of an endpoint.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ServerId(pub(crate) u64);

/// A wish to reach a next hop, from `reach` until its `Reached` or `Unreachable`. Never used twice.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct RouteId(pub(crate) u64);

/// What an endpoint is told of the machine that it runs on.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// The text of `/etc/hosts`; empty if there is none.
    pub hosts: String,
    /// The text of `/etc/resolv.conf`; if it names no server, only literals and `hosts` resolve.
    pub resolv_conf: String,
}

/// What the driver hands in.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Input<'a> {
    /// A datagram came in.
    Datagram {
        /// On this flow: `remote` is where it came from, `local` the address that it was sent to.
        flow: Flow,
        /// All of it.
        bytes: &'a [u8],
    },
    /// A `Connect` has succeeded. For UDP at once: the route to the peer gives the local address.
    FlowOpen {
        /// Which one.
        connect: ConnectId,
        /// What it opened.
        flow: Flow,
    },
    /// A `Connect` has failed.
    FlowFailed {
        /// Which one.
        connect: ConnectId,
        /// Why.
        reason: FlowError,
    },
    /// A flow has ended; for UDP, an ICMP error says that nobody hears what is sent on it.
    FlowClosed {
        /// Which one.
        flow: Flow,
        /// Why.
        reason: FlowError,
    },
    /// The time that `poll_timeout` told has come.
    Timeout,
}

/// What the driver does, in this order.
#[derive(Clone, Debug)]
#[expect(
    clippy::large_enum_variant,
    reason = "an output is moved twice; a box would cost an allocation each"
)]
pub enum Output {
    /// Send a message, or a DNS query, as one datagram.
    Send {
        /// From `flow.local` to `flow.remote`.
        flow: Flow,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// Open a flow; answered by `FlowOpen` or `FlowFailed` with the same id.
    Connect {
        /// For the answer.
        connect: ConnectId,
        /// What for. A `Dns` flow is on a fresh port of its own until it is closed.
        link: Link,
        /// To whom.
        remote: SocketAddr,
    },
    /// Nothing more is sent or awaited on this flow. A `Dns` flow is always closed so, after a `FlowClosed` too.
    Close {
        /// A flow that a `FlowOpen` named.
        flow: Flow,
    },
    /// For the endpoint's user.
    Event(Event),
}

/// What the user of an endpoint is told: the transaction user of RFC 3261 (an account, a call, a registrar).
#[derive(Clone, Debug)]
pub enum Event {
    /// A request that is neither ACK nor CANCEL nor a repeat. It is answered by [`Endpoint::respond`]; a request
    /// other than INVITE at once (RFC 4320 §4).
    ///
    /// [`Endpoint::respond`]: crate::endpoint::Endpoint::respond
    Request {
        /// Its transaction.
        transaction: ServerId,
        /// Where it came in.
        flow: Flow,
        /// As it came, but for `received` and `rport` in its topmost Via.
        request: Request,
    },
    /// An ACK for a 2xx: the user finds its dialog. It has no transaction and no answer.
    Ack {
        /// Where it came in.
        flow: Flow,
        /// The ACK.
        request: Request,
    },
    /// An INVITE was cancelled before its final answer. The CANCEL has been answered with 200; the user answers the
    /// INVITE with 487 (RFC 3261 §9.2).
    Cancelled {
        /// The INVITE's transaction.
        transaction: ServerId,
    },
    /// An answer: each provisional one but 100, each 2xx to an INVITE (repeats and forks too: each is to be ACKed),
    /// and otherwise the one final answer.
    Response {
        /// The request's transaction.
        transaction: ClientId,
        /// The flow that the request went out on.
        flow: Flow,
        /// The answer.
        response: Response,
    },
    /// A request got no final answer, and never will. Its last event.
    Failed {
        /// The request's transaction.
        transaction: ClientId,
        /// Why.
        reason: Failure,
    },
    /// No ACK came for a final answer of 300 or more within 64*T1 (RFC 3261 §17.2.1, timer H). For a 2xx the
    /// user itself waits, and repeats it (§13.3.1.4).
    Expired {
        /// The INVITE's transaction.
        transaction: ServerId,
    },
    /// A flow to a next hop is open: its `local` is the address for Contact and SDP.
    Reached {
        /// As [`Endpoint::reach`](crate::endpoint::Endpoint::reach) gave it.
        route: RouteId,
        /// The flow.
        flow: Flow,
        /// The hop's other addresses, to be tried by
        /// [`Endpoint::reach_next`](crate::endpoint::Endpoint::reach_next) if this one fails.
        alternatives: Alternatives,
    },
    /// None of a next hop's addresses can be reached, or it has none.
    Unreachable {
        /// As [`Endpoint::reach`](crate::endpoint::Endpoint::reach) gave it.
        route: RouteId,
        /// Why, as to the last address.
        reason: Unreachable,
    },
}

/// Why a request got no final answer.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Failure {
    /// No answer in time, or no final one in time after a CANCEL.
    Timeout,
    /// Its flow has ended.
    Transport(FlowError),
    /// There are already as many client transactions as there may be.
    Full,
}

impl Failure {
    /// The status that the user takes it for (RFC 3261 §8.1.3.1).
    pub fn status(self) -> Status {
        match self {
            Self::Timeout => Status::REQUEST_TIMEOUT,
            Self::Transport(_) | Self::Full => Status::SERVICE_UNAVAILABLE,
        }
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Timeout => f.write_str("no answer"),
            Self::Transport(reason) => reason.fmt(f),
            Self::Full => f.write_str("too many requests at once"),
        }
    }
}

/// Why a next hop can't be reached.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Unreachable {
    /// The URI's scheme or transport is none that this endpoint knows.
    Unsupported,
    /// The host's name has no address.
    NoSuchHost,
    /// No name server is configured, or none answered.
    NoNameServer,
    /// No flow could be opened to its last address.
    Flow(FlowError),
    /// There are already as many routes being sought as there may be.
    Full,
}

impl fmt::Display for Unreachable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unsupported => f.write_str("unknown scheme or transport"),
            Self::NoSuchHost => f.write_str("the host's name has no address"),
            Self::NoNameServer => f.write_str("no name server answers"),
            Self::Flow(reason) => reason.fmt(f),
            Self::Full => f.write_str("too many lookups at once"),
        }
    }
}
