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

    #[test]
    fn a_datagram_that_waited_is_known_by_when_it_came() {
        let [socket, peer] = [(); 2].map(|()| UdpSocket::bind("127.0.0.1:0").expect("a socket"));
        socket.set_nonblocking(true).expect("non-blocking");
        stamp(&socket).expect("stamped");
        let mut sent = Vec::new();
        for datagram in [&b"one"[..], b"three"] {
            let before = wall();
            peer.send_to(datagram, socket.local_addr().expect("bound")).expect("sent");
            sent.push(before..=wall());
            // The kernel begins to stamp a moment after it was asked to; and the second comes at a time of its own.
            while wall() < before + Duration::from_millis(20) {
                std::thread::yield_now();
            }
        }
        let mut buffer = [0; 4];
        for (length, sent) in [(3, &sent[0]), (4, &sent[1])] {
            let received = receive(&socket, &mut buffer).expect("it came");
            assert_eq!((received.length, received.from), (length, peer.local_addr().expect("bound")));
            let at = received.at.expect("it is stamped");
            assert!(*sent.start() <= at, "{at:?} is before {sent:?}");
            assert!(length == 3 || at <= *sent.end(), "{at:?} is after {sent:?}");
        }
        assert_eq!(receive(&socket, &mut buffer).expect_err("there is no other"), Errno::EAGAIN);
    }
}
