//! Flows: what messages travel on (RFC 5626 §2, RFC 3261 §18). A flow's local address is known before the first
//! byte is sent on it, so Via, Contact and SDP can name it.

use core::fmt;
use core::net::SocketAddr;

/// A transport that SIP runs on.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Transport {
    /// Datagrams, RFC 3261 §18.1.1.
    Udp,
    /// A stream.
    Tcp,
    /// TLS over TCP. Invisible to the core but for its name.
    Tls,
}

impl Transport {
    /// Whether nothing sent on it is lost while it lasts: transactions repeat nothing then.
    pub const fn is_reliable(self) -> bool {
        !matches!(self, Self::Udp)
    }
}

/// What a link carries: SIP, or the resolver's own questions.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Link {
    /// SIP over this transport.
    Sip(Transport),
    /// A DNS query over UDP, from a port of its own (RFC 5452 §9.2).
    Dns,
}

impl Link {
    /// What it runs on.
    pub const fn transport(self) -> Transport {
        match self {
            Self::Sip(transport) => transport,
            Self::Dns => Transport::Udp,
        }
    }
}

/// A path between two addresses. A value, not a handle: a flood from a thousand addresses fills no table.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Flow {
    /// What it carries.
    pub link: Link,
    /// Our end, never unspecified (`0.0.0.0`): the address that the route to `remote` leaves from.
    pub local: SocketAddr,
    /// The peer's end.
    pub remote: SocketAddr,
}

/// Names one request to open a flow, from `Connect` until it is answered.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectId(pub u64);

/// Why a flow could not be opened, or ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum FlowError {
    /// No route, network or host unreachable (ICMP or the local stack says so).
    Unreachable,
    /// The peer refuses: ICMP port unreachable, or a TCP reset.
    Refused,
    /// The peer closed the stream.
    Closed,
    /// This machine has no transport of that kind, or no sockets left.
    Unsupported,
}

impl fmt::Display for FlowError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Unreachable => "network unreachable",
            Self::Refused => "connection refused",
            Self::Closed => "connection closed by the peer",
            Self::Unsupported => "transport not available",
        })
    }
}
