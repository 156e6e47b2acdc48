//! A datagram, and when it came. The kernel knows (SO_TIMESTAMPNS, socket(7)), so nobody needs to be awake for it.

use std::io::IoSliceMut;
use std::net::{SocketAddr, UdpSocket};
use std::os::fd::AsRawFd;
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};

use super::socket_address;

/// Room for the one control message that comes with a datagram, its time, in bytes; more than twice what it takes.
const CONTROL_MAX: usize = 64;

/// A datagram, whose bytes lie in the buffer that was given for it.
#[derive(Debug)]
pub struct Received {
    /// Its bytes, without those that found no room in the buffer.
    pub length: usize,
    /// Who sent it.
    pub from: SocketAddr,
    /// What the wall clock said when it came, since 1970; none of a socket that doesn't [`stamp`].
    pub at: Option<Duration>,
}

/// Has the kernel write down when each datagram comes.
///
/// # Errors
/// None that a correct system gives; handed on rather than hidden.
pub fn stamp(socket: &UdpSocket) -> Result<(), Errno> {
    setsockopt(socket, sockopt::ReceiveTimestampns, &true)
}

/// Takes the next datagram. Allocates nothing.
///
/// # Errors
/// `EAGAIN` when there is none; or an ICMP error, told once, after which there may be more.
pub fn receive(socket: &UdpSocket, buffer: &mut [u8]) -> Result<Received, Errno> {
    let (mut data, mut control) = ([IoSliceMut::new(buffer)], [0; CONTROL_MAX]);
    let fd = socket.as_raw_fd();
    let message = recvmsg::<SockaddrStorage>(fd, &mut data, Some(&mut control), MsgFlags::empty())?;
    let from = message.address.as_ref().and_then(socket_address).ok_or(Errno::EAFNOSUPPORT)?;
    let at = message.cmsgs()?.find_map(|control| match control {
        ControlMessageOwned::ScmTimestampns(time) => Some(Duration::from(time)),
        _ => None,
    });
    Ok(Received { length: message.bytes, from, at })
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::SystemTime;

    fn wall() -> Duration {
        SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("it is after 1970")
    }

    fn sockets() -> [UdpSocket; 2] {
        let bind = || UdpSocket::bind("127.0.0.1:0").expect("a socket");
        let [socket, peer] = [bind(), bind()];
        socket.set_nonblocking(true).expect("non-blocking");
        stamp(&socket).expect("stamped");
        [socket, peer]
    }

    #[test]
    fn a_datagram_that_waited_is_known_by_when_it_came() {
        let [socket, peer] = sockets();
        let is_known = || {
            let before = wall();
            peer.send_to(b"hello", socket.local_addr().expect("bound")).expect("sent");
            let sent = wall();
            while wall() <= sent + Duration::from_millis(1) {
                std::thread::yield_now();
            }
            let at = receive(&socket, &mut [0; 8]).expect("it came").at.expect("it is stamped");
            assert!(before <= at, "{at:?} is before {before:?}");
            at <= sent
        };
        // The kernel begins to stamp a moment after it was asked to: until then it goes by when it is read.
        assert!((0..5_000).any(|_| is_known()), "it goes by when it is read");
    }

    #[test]
    fn a_datagram_is_told_with_its_sender_and_as_much_of_it_as_there_is_room_for() {
        let [socket, peer] = sockets();
        for datagram in [&b"one"[..], b"three"] {
            peer.send_to(datagram, socket.local_addr().expect("bound")).expect("sent");
        }
        for length in [3, 4] {
            let received = receive(&socket, &mut [0; 4]).expect("it came");
            assert_eq!((received.length, received.from), (length, peer.local_addr().expect("bound")));
        }
        assert_eq!(receive(&socket, &mut [0; 4]).expect_err("there is no other"), Errno::EAGAIN);
    }
}
