//! The sockets of DNS queries: each query has a fresh one, on a port of the kernel's choice and connected to its
//! server, so that a forged answer must guess the port too (RFC 5452 §9.2).

use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, UdpSocket as StdUdpSocket};

use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use sip::flow::{Flow, FlowError, Link};

/// Queries under way at once. The endpoint has a few for each next hop it looks for; what is beyond this is refused.
const QUERIES_MAX: usize = 64;

/// The open queries.
pub(super) struct Queries {
    open: Vec<Query>,
    next: Token,
}

struct Query {
    token: Token,
    flow: Flow,
    socket: UdpSocket,
}

/// What one look at a query's socket gave.
pub(super) enum Answer {
    /// A datagram lies in the buffer.
    Datagram { flow: Flow, length: usize },
    /// The query is over: nobody answers there.
    Failed { flow: Flow, reason: FlowError },
    /// Nothing more for now.
    Nothing,
}

impl Queries {
    /// None open. Their events have tokens from `first` on, none twice.
    pub(super) fn new(first: Token) -> Self {
        Self { open: Vec::new(), next: first }
    }

    /// Opens a socket to the server at `remote`.
    pub(super) fn connect(&mut self, registry: &Registry, remote: SocketAddr) -> Result<Flow, FlowError> {
        if self.open.len() >= QUERIES_MAX {
            return Err(FlowError::Unsupported);
        }
        let mut socket = connected(remote).map_err(|error| reason(&error))?;
        let local = socket.local_addr().map_err(|error| reason(&error))?;
        let token = self.next;
        self.next = Token(token.0.wrapping_add(1));
        registry.register(&mut socket, token, Interest::READABLE).map_err(|_| FlowError::Unsupported)?;
        let flow = Flow { link: Link::Dns, local, remote };
        self.open.push(Query { token, flow, socket });
        Ok(flow)
    }

    /// Sends a query. What could not be sent is as lost as on the way: the endpoint asks again.
    pub(super) fn send(&mut self, flow: &Flow, bytes: &[u8]) -> Result<(), FlowError> {
        let query = self.open.iter().find(|query| query.flow == *flow).ok_or(FlowError::Closed)?;
        match query.socket.send(bytes) {
            Err(error) if error.kind() != ErrorKind::WouldBlock => Err(reason(&error)),
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Takes the next answer that has come on the socket of `token`. A query that failed is closed.
    pub(super) fn receive(&mut self, token: Token, buffer: &mut [u8]) -> Answer {
        let Some(query) = self.open.iter().find(|query| query.token == token) else { return Answer::Nothing };
        let flow = query.flow;
        match query.socket.recv(buffer) {
            Ok(length) => Answer::Datagram { flow, length },
            Err(error) if error.kind() == ErrorKind::WouldBlock => Answer::Nothing,
            Err(error) => {
                self.close(&flow);
                Answer::Failed { flow, reason: reason(&error) }
            }
        }
    }

    /// Closes a query's socket, which also takes it off the poll.
    pub(super) fn close(&mut self, flow: &Flow) {
        self.open.retain(|query| query.flow != *flow);
    }
}

fn connected(remote: SocketAddr) -> io::Result<UdpSocket> {
    let any: IpAddr =
        if remote.is_ipv4() { Ipv4Addr::UNSPECIFIED.into() } else { Ipv6Addr::UNSPECIFIED.into() };
    let socket = StdUdpSocket::bind((any, 0))?;
    socket.connect(remote)?;
    socket.set_nonblocking(true)?;
    Ok(UdpSocket::from_std(socket))
}

/// What an error of a socket means for its flow.
pub(super) fn reason(error: &io::Error) -> FlowError {
    match error.kind() {
        ErrorKind::ConnectionRefused => FlowError::Refused,
        ErrorKind::Unsupported => FlowError::Unsupported,
        _ => FlowError::Unreachable,
    }
}
