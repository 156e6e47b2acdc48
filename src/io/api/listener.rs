//! Where the API listens.

use std::io;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::os::fd::AsRawFd;

use base::{Duration, Instant};
use log::{info, warn};
use mio::net::{TcpListener, TcpStream};
use mio::{Interest, Token};
use nix::errno::Errno;
use nix::sys::socket::{
    AddressFamily, Backlog, SockFlag, SockType, SockaddrStorage, bind as bind_fd, listen as listen_fd,
    setsockopt, socket, sockopt,
};

use super::{ApiInbox, FIRST_LISTENER};

/// When the system has no more descriptors, it is asked again after this long.
const RETRY: Duration = Duration::from_secs(1);

/// The listening sockets, bound before anything else starts, so that a port that is taken is told at once.
#[derive(Debug)]
pub struct Listeners {
    sockets: Vec<TcpListener>,
    retry: Option<Instant>,
}

impl Listeners {
    /// Binds `addresses`, for the poll of `inbox`. A machine without IPv6 does without `::1`, unless it is the only
    /// address. An IPv6 address takes IPv6 only, so that one of each family may have the same port, as for SIP.
    ///
    /// # Errors
    /// The first address that can't be had, and what the system says of it.
    pub fn bind(addresses: &[SocketAddr], inbox: &ApiInbox) -> Result<Self, (SocketAddr, io::Error)> {
        let mut sockets = Vec::new();
        for &address in addresses {
            let token = Token(FIRST_LISTENER.saturating_add(sockets.len()));
            let bound = listen(address).and_then(|mut socket| {
                inbox.inbox.poll.registry().register(&mut socket, token, Interest::READABLE)?;
                Ok(socket)
            });
            match bound {
                Ok(socket) => sockets.push(socket),
                Err(error) if addresses.len() > 1 && is_missing_ipv6(address, &error) => {
                    info!("no control API on {address}: this machine has no IPv6");
                }
                Err(error) => return Err((address, error)),
            }
        }
        Ok(Self { sockets, retry: None })
    }

    /// What they are bound to.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.sockets.iter().filter_map(|socket| socket.local_addr().ok())
    }

    pub(super) fn len(&self) -> usize {
        self.sockets.len()
    }

    pub(super) fn are(&self, token: Token) -> bool {
        self.tokens().any(|own| own == token)
    }

    /// Accepts no more.
    pub(super) fn close(&mut self) {
        self.sockets.clear();
        self.retry = None;
    }

    /// The next connection that waits.
    pub(super) fn accept(&mut self, now: Instant, token: Token) -> Option<(TcpStream, SocketAddr)> {
        let socket = self.sockets.get(token.0.checked_sub(FIRST_LISTENER)?)?;
        loop {
            match socket.accept() {
                Ok(accepted) => return Some(accepted),
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => return None,
                Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
                Err(error) => {
                    warn!("a connection can't be accepted: {error}");
                    self.retry = Some(now + RETRY);
                    return None;
                }
            }
        }
    }

    /// When to ask again.
    pub(super) fn retry_at(&self) -> Option<Instant> {
        self.retry
    }

    /// Those to ask again now: mio doesn't tell again of a connection that waits.
    pub(super) fn retry(&mut self, now: Instant) -> Vec<Token> {
        match self.retry {
            Some(at) if at <= now => {
                self.retry = None;
                self.tokens().collect()
            }
            _ => Vec::new(),
        }
    }

    fn tokens(&self) -> impl Iterator<Item = Token> + use<> {
        (FIRST_LISTENER..).map(Token).take(self.sockets.len())
    }
}

/// A listening socket that doesn't wait. mio's own would take IPv4 too on `[::]`, and keep it from `0.0.0.0`.
fn listen(address: SocketAddr) -> io::Result<TcpListener> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Stream, flags, None)?;
    // A phone that starts again doesn't wait for what is left of its last connections.
    setsockopt(&fd, sockopt::ReuseAddr, &true)?;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
    }
    bind_fd(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    listen_fd(&fd, Backlog::MAXCONN)?;
    Ok(TcpListener::from_std(fd.into()))
}

fn is_missing_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    address.ip() == IpAddr::from(Ipv6Addr::LOCALHOST)
        && matches!(errno, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
}
