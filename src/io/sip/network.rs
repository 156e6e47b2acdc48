//! The machine's own addresses. The kernel tells when they change (rtnetlink(7)), so that an account is bound anew where
//! the phone is now, and not at its next refresh. What they are then is asked for: that takes some 100 µs, and longer
//! only while a driver that brings its interface up holds the kernel's lock on all of them.

use std::collections::BTreeSet;
use std::io;
use std::net::IpAddr;
use std::os::fd::{AsRawFd, OwnedFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::ifaddrs::{InterfaceAddress, getifaddrs};
use nix::net::if_::InterfaceFlags;
use nix::sys::socket::{
    AddressFamily, MsgFlags, NetlinkAddr, SockFlag, SockProtocol, SockType, bind, recv, socket,
};

use crate::io::udp;

/// What the kernel is asked to tell of: interfaces that come and go, cables included, and their addresses.
const GROUPS: i32 = libc::RTMGRP_LINK | libc::RTMGRP_IPV4_IFADDR | libc::RTMGRP_IPV6_IFADDR;

/// An address, and whether its interface is up and has its cable: packets may leave by one without, for a while.
type Place = (IpAddr, bool);

/// Watches the machine's addresses.
pub(super) struct Network {
    socket: OwnedFd,
    places: BTreeSet<Place>,
}

impl Network {
    /// What is now counts as known.
    ///
    /// # Errors
    /// What the system says: no more descriptors, or a sandbox without netlink.
    pub(super) fn watch(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = SockFlag::SOCK_NONBLOCK | SockFlag::SOCK_CLOEXEC;
        let socket = socket(AddressFamily::Netlink, SockType::Raw, flags, SockProtocol::NetlinkRoute)?;
        bind(socket.as_raw_fd(), &NetlinkAddr::new(0, GROUPS.cast_unsigned()))?;
        registry.register(&mut SourceFd(&socket.as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { socket, places: places()? })
    }

    /// Takes a message of the kernel's, whatever it says: the addresses are looked at once all are taken. False if there
    /// was none.
    pub(super) fn receive(&self) -> bool {
        // What doesn't fit is cut off; ENOBUFS says that there were more than the kernel keeps.
        let received = recv(self.socket.as_raw_fd(), &mut [0; 1], MsgFlags::empty());
        matches!(received, Ok(_) | Err(Errno::ENOBUFS))
    }

    /// Whether the addresses are others than at the last look, and there is one to go on from.
    pub(super) fn has_moved(&mut self) -> bool {
        let Ok(now) = places() else { return false };
        let is_online = now.iter().any(|(address, is_running)| *is_running && !address.is_loopback());
        let before = std::mem::replace(&mut self.places, now);
        is_online && before != self.places
    }
}

/// All but link-local addresses of IPv6, which come and go with each container and reach no server.
fn places() -> io::Result<BTreeSet<Place>> {
    let is_of_use = |address: &IpAddr| match address {
        IpAddr::V4(_) => true,
        IpAddr::V6(address) => !address.is_unicast_link_local(),
    };
    let place = |interface: InterfaceAddress| {
        let address = udp::socket_address(&interface.address?)?.ip();
        is_of_use(&address).then_some((address, interface.flags.contains(InterfaceFlags::IFF_RUNNING)))
    };
    Ok(getifaddrs()?.filter_map(place).collect())
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use super::*;
    use mio::Poll;

    #[test]
    fn a_change_of_this_machine_s_addresses_is_told_once_and_while_there_are_any() {
        let poll = Poll::new().expect("a poll");
        let mut network = Network::watch(poll.registry(), Token(0)).expect("netlink");
        assert!(network.places.contains(&(Ipv4Addr::LOCALHOST.into(), true)), "{:?}", network.places);
        assert!(!network.has_moved());

        let is_online = network.places.iter().any(|(address, running)| *running && !address.is_loopback());
        network.places.clear();
        assert_eq!(network.has_moved(), is_online);
        assert!(!network.has_moved());
    }
}
