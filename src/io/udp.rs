//! UDP sockets as SIP and RTP need them: a family of its own for each, marked with the DSCP of what they carry,
//! never shared with another program.

mod receive;
mod send;

use std::io;
use std::net::{IpAddr, SocketAddr, SocketAddrV6, UdpSocket};
use std::os::fd::AsRawFd;

use nix::sys::socket::{
    AddressFamily, SockFlag, SockType, SockaddrStorage, bind as bind_fd, setsockopt, socket, sockopt,
};

pub use receive::{Received, receive, stamp};
pub use send::send_from;

/// A Differentiated Services code point (RFC 2474): 0 to 63.
pub type Dscp = u8;

/// Bytes that may wait in the kernel, as far as its `net.core.rmem_max` allows. The usual 212,992 are full after 277
/// small datagrams: in a flood of 10,000 a second that is 28 ms, and a busy machine keeps a thread waiting for longer.
/// What is lost then is a peer's request or answer, which comes again only half a second later, or speech.
const WAITING_MAX: usize = 1 << 20;

/// Datagrams that may wait in a socket at most: the kernel doubles what is asked of it, and counts 768 bytes for an
/// empty one.
pub const DATAGRAMS_WAITING_MAX: usize = 2 * WAITING_MAX / 768;

/// A non-blocking socket bound to `address`, whose packets carry `dscp`. An IPv6 socket is for IPv6 only, so that
/// one of each family may have the same port; the address is not shared (no SO_REUSEADDR), so two programs can't
/// take each other's packets.
///
/// # Errors
/// What the system says: address in use, no such address, family not supported, no permission.
pub fn bind(address: SocketAddr, dscp: Dscp) -> io::Result<UdpSocket> {
    let family = if address.is_ipv6() { AddressFamily::Inet6 } else { AddressFamily::Inet };
    let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
    let fd = socket(family, SockType::Datagram, flags, None)?;
    setsockopt(&fd, sockopt::RcvBuf, &WAITING_MAX)?;
    // The code point is the upper six bits of the traffic class, the lower two are ECN's (RFC 2474 §3).
    let traffic_class = i32::from(dscp) << 2;
    if address.is_ipv6() {
        setsockopt(&fd, sockopt::Ipv6V6Only, &true)?;
        setsockopt(&fd, sockopt::Ipv6TClass, &traffic_class)?;
    } else {
        setsockopt(&fd, sockopt::Ipv4Tos, &traffic_class)?;
    }
    bind_fd(fd.as_raw_fd(), &SockaddrStorage::from(address))?;
    Ok(UdpSocket::from(fd))
}

/// The address that packets to `remote` leave from: the kernel's choice by its routes, asked for by a socket that
/// sends nothing. `from` is the address that the real socket is bound to, unspecified if it is bound to all.
///
/// # Errors
/// No route to `remote`.
pub fn local_address(from: IpAddr, remote: SocketAddr) -> io::Result<IpAddr> {
    let probe = UdpSocket::bind((from, 0))?;
    probe.connect(remote)?;
    Ok(probe.local_addr()?.ip())
}

/// The IPv4 or IPv6 address that the kernel names; none where it names another, or none.
pub fn socket_address(address: &SockaddrStorage) -> Option<SocketAddr> {
    if let Some(v4) = address.as_sockaddr_in() {
        return Some(SocketAddr::from((v4.ip(), v4.port())));
    }
    let v6 = address.as_sockaddr_in6()?;
    Some(SocketAddr::from(SocketAddrV6::from(*v6)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{Ipv4Addr, Ipv6Addr};

    #[test]
    fn both_families_share_a_port_number_but_nobody_shares_a_socket() {
        let v4 = bind((Ipv4Addr::UNSPECIFIED, 0).into(), 46).expect("a socket");
        let port = v4.local_addr().expect("an address").port();
        if let Err(error) = bind((Ipv6Addr::UNSPECIFIED, port).into(), 46) {
            assert_ne!(error.kind(), io::ErrorKind::AddrInUse);
        }
        let taken = bind((Ipv4Addr::UNSPECIFIED, port).into(), 46).expect_err("the port is taken");
        assert_eq!(taken.kind(), io::ErrorKind::AddrInUse);
    }

    #[test]
    fn the_code_point_fills_the_upper_six_bits_of_the_traffic_class() {
        let socket = bind((Ipv4Addr::LOCALHOST, 0).into(), 46).expect("a socket");
        let class = nix::sys::socket::getsockopt(&socket, sockopt::Ipv4Tos).expect("a class");
        assert_eq!(class, 0xb8);
    }

    #[test]
    fn more_of_a_flood_may_wait_than_by_default() {
        let roomy = bind((Ipv4Addr::LOCALHOST, 0).into(), 46).expect("a socket");
        let usual = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        usual.set_nonblocking(true).expect("set");
        let flood = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).expect("a socket");
        for _ in 0..DATAGRAMS_WAITING_MAX {
            for socket in [&usual, &roomy] {
                flood.send_to(b"", socket.local_addr().expect("bound")).expect("sent");
            }
        }
        let [kept_usually, kept] =
            [&usual, &roomy].map(|socket| (0..).take_while(|_| socket.recv(&mut [0; 8]).is_ok()).count());
        // Twice as much even where the system allows no more than it gives by default: the kernel doubles what is asked.
        assert!(kept > kept_usually * 3 / 2, "{kept} waited, usually {kept_usually}");
    }

    #[test]
    fn the_local_address_is_that_of_the_route() {
        let remote = "127.0.0.1:5060".parse().expect("an address");
        let unspecified = Ipv4Addr::UNSPECIFIED.into();
        assert_eq!(local_address(unspecified, remote).expect("a route"), Ipv4Addr::LOCALHOST);
        let other = Ipv4Addr::new(127, 0, 0, 2).into();
        assert_eq!(local_address(other, remote).expect("a route"), other);
    }
}
