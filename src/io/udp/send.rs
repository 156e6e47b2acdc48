//! A datagram that leaves from an address of our choice (IP_PKTINFO, ip(7); IPV6_PKTINFO, RFC 3542 §6), without an allocation.
#![allow(
    unsafe_code,
    reason = "nix's sendmsg allocates memory for what it tells the kernel besides the datagram"
)]

use std::mem::{offset_of, size_of, zeroed};
use std::net::SocketAddr;
use std::os::fd::{AsRawFd, RawFd};

use nix::errno::Errno;
use nix::libc;
use nix::sys::socket::{SockaddrLike, SockaddrStorage};

/// Sends from `local`, an address of this machine, whatever its routes would choose; the port is the socket's. The scope of
/// a link-local address names its interface.
///
/// # Errors
/// What the system says: no such address any more, no route, no room; or an ICMP error that came before.
pub fn send_from(
    socket: &impl AsRawFd,
    bytes: &[u8],
    local: SocketAddr,
    to: SocketAddr,
) -> Result<(), Errno> {
    let fd = socket.as_raw_fd();
    match local {
        SocketAddr::V4(local) => {
            let info = libc::in_pktinfo {
                ipi_ifindex: 0,
                ipi_spec_dst: libc::in_addr { s_addr: u32::from_ne_bytes(local.ip().octets()) },
                ipi_addr: libc::in_addr { s_addr: 0 },
            };
            send(fd, bytes, to, (libc::IPPROTO_IP, libc::IP_PKTINFO), info)
        }
        SocketAddr::V6(local) => {
            let info = libc::in6_pktinfo {
                ipi6_addr: libc::in6_addr { s6_addr: local.ip().octets() },
                ipi6_ifindex: local.scope_id(),
            };
            send(fd, bytes, to, (libc::IPPROTO_IPV6, libc::IPV6_PKTINFO), info)
        }
    }
}

/// A control message (cmsg(3)).
#[repr(C)]
struct Control<T> {
    header: libc::cmsghdr,
    data: T,
}

fn send<T>(
    fd: RawFd,
    bytes: &[u8],
    to: SocketAddr,
    (level, kind): (libc::c_int, libc::c_int),
    data: T,
) -> Result<(), Errno> {
    let to = SockaddrStorage::from(to);
    // SAFETY: both are plain structures of numbers and pointers, for which zeros are good values. Some libraries give them
    // padding that can't be named, so that they can't be written out.
    let (header, mut message): (libc::cmsghdr, libc::msghdr) = unsafe { (zeroed(), zeroed()) };
    let mut control = Control { header, data };
    control.header.cmsg_len = (offset_of!(Control<T>, data) + size_of::<T>()) as _;
    (control.header.cmsg_level, control.header.cmsg_type) = (level, kind);
    let mut part = libc::iovec { iov_base: bytes.as_ptr().cast_mut().cast(), iov_len: bytes.len() };
    message.msg_name = to.as_ptr().cast_mut().cast();
    message.msg_namelen = to.len();
    message.msg_iov = &raw mut part;
    message.msg_iovlen = 1;
    message.msg_control = (&raw mut control).cast();
    message.msg_controllen = size_of::<Control<T>>() as _;
    // SAFETY: all that `message` points to lives here until the call has returned, is as long as `message` says, and is
    // only read by it.
    let sent = unsafe { libc::sendmsg(fd, &raw const message, 0) };
    Errno::result(sent).map(drop)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::UdpSocket;

    fn arrives_from(any: &str, addresses: &[&str]) {
        let Ok(socket) = UdpSocket::bind((any, 0)) else { return println!("skipped: no socket on {any}") };
        let port = socket.local_addr().expect("bound").port();
        for address in addresses {
            let Ok(peer) = UdpSocket::bind((addresses[0], 0)) else {
                return println!("skipped: this machine has no {address}");
            };
            let local = SocketAddr::new(address.parse().expect("an address"), port);
            send_from(&socket, b"hello", local, peer.local_addr().expect("bound")).expect("sent");
            let mut hello = [0; 8];
            assert_eq!(peer.recv_from(&mut hello).expect("it comes"), (5, local));
            assert_eq!(&hello[..5], b"hello");
        }
    }

    #[test]
    fn a_datagram_leaves_from_the_address_that_is_wanted() {
        arrives_from("0.0.0.0", &["127.0.0.1", "127.0.0.2", "127.1.2.3"]);
        arrives_from("::", &["::1"]);
    }

    #[test]
    fn nothing_leaves_from_an_address_that_is_another_machine_s() {
        let socket = UdpSocket::bind("0.0.0.0:0").expect("a socket");
        let peer = UdpSocket::bind("127.0.0.1:0").expect("a socket").local_addr().expect("bound");
        let theirs = "192.0.2.1:0".parse().expect("an address");
        send_from(&socket, b"hello", theirs, peer).expect_err("it is not ours");
    }
}
