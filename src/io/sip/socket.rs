//! The UDP socket that SIP runs on: one for each address family, bound to the SIP port. Each datagram tells which
//! of our addresses it came to, an answer leaves from that address (IP_PKTINFO, RFC 3542 §6), and ICMP errors
//! tell which flow they end (IP_RECVERR).

use std::io::{self, IoSliceMut};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::os::fd::{AsRawFd, RawFd};

use log::info;
use mio::net::UdpSocket;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::socket::{ControlMessageOwned, MsgFlags, SockaddrStorage, recvmsg, setsockopt, sockopt};
use phone::Family;
use sip::flow::{Flow, FlowError, Link, Transport};

use super::{Config, FIRST_SOCKET, Letter};
use crate::io::mailbox::Inbox;
use crate::io::udp::{self, Dscp};

/// Largest datagram that UDP can carry, rounded up, in bytes.
pub(super) const DATAGRAM_MAX: usize = 64 << 10;

/// Room for the control messages that come with one datagram, in bytes: packet info, and of the error queue an
/// extended error with its offender; less than a third of this.
const CONTROL_MAX: usize = 256;

/// What one look at the socket gave.
#[derive(PartialEq, Eq, Debug)]
pub(super) enum Arrival {
    /// A datagram lies in the buffer.
    Datagram { flow: Flow, length: usize },
    /// An ICMP error: what was sent on this flow did not arrive.
    Failed { flow: Flow, reason: FlowError },
    /// Something of no use, an error that names no flow for instance. There may be more.
    Noise,
    /// Nothing more for now.
    Nothing,
}

/// A SIP socket of one address family.
pub(super) struct SipSocket {
    socket: UdpSocket,
    local: SocketAddr,
    control: [u8; CONTROL_MAX],
}

impl SipSocket {
    /// Binds to `address` and registers for reading.
    pub(super) fn bind(
        address: SocketAddr,
        dscp: Dscp,
        registry: &Registry,
        token: Token,
    ) -> io::Result<Self> {
        let socket = udp::bind(address, dscp)?;
        if address.is_ipv6() {
            setsockopt(&socket, sockopt::Ipv6RecvPacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv6RecvErr, &true)?;
        } else {
            setsockopt(&socket, sockopt::Ipv4PacketInfo, &true)?;
            setsockopt(&socket, sockopt::Ipv4RecvErr, &true)?;
        }
        let local = socket.local_addr()?;
        let mut socket = UdpSocket::from_std(socket);
        registry.register(&mut socket, token, Interest::READABLE)?;
        Ok(Self { socket, local, control: [0; CONTROL_MAX] })
    }

    /// What the socket is bound to: an unspecified address if it listens on all.
    pub(super) fn local(&self) -> SocketAddr {
        self.local
    }

    /// Takes the next datagram or error. Allocates nothing, so that noise is cheap.
    pub(super) fn receive(&mut self, buffer: &mut [u8]) -> Arrival {
        match self.receive_message(buffer, MsgFlags::empty()) {
            Ok(Message { remote: Some(remote), local: Some(local), length, .. }) => {
                Arrival::Datagram { flow: self.flow(local, remote), length }
            }
            Ok(_) => Arrival::Noise,
            Err(Errno::EAGAIN) => Arrival::Nothing,
            // An ICMP error shows first as the result of whatever call comes next; whose it was, the queue tells.
            Err(_) => match self.receive_error(buffer) {
                Arrival::Nothing => Arrival::Noise,
                arrival => arrival,
            },
        }
    }

    /// Takes the next ICMP error; `Nothing` if there is none.
    pub(super) fn receive_error(&mut self, buffer: &mut [u8]) -> Arrival {
        match self.receive_message(buffer, MsgFlags::MSG_ERRQUEUE) {
            Ok(Message { remote: Some(remote), local: Some(local), error: Some(reason), .. }) => {
                Arrival::Failed { flow: self.flow(local, remote), reason }
            }
            Ok(_) => Arrival::Noise,
            Err(_) => Arrival::Nothing,
        }
    }

    /// Sends from `flow.local` to `flow.remote`; from another address, if this machine has lost that one: a BYE is worth it,
    /// and whoever answers goes by where it came from (RFC 3581).
    pub(super) fn send(&self, flow: &Flow, bytes: &[u8]) -> Result<(), Errno> {
        match udp::send_from(&self.socket, bytes, flow.local, flow.remote) {
            Err(Errno::EINVAL | Errno::EADDRNOTAVAIL | Errno::ENETUNREACH) => {
                udp::send_from(&self.socket, bytes, self.local, flow.remote)
            }
            sent => sent,
        }
    }

    /// One recvmsg, with its control messages read.
    fn receive_message(&mut self, buffer: &mut [u8], flags: MsgFlags) -> Result<Message, Errno> {
        let fd = self.fd();
        let mut data = [IoSliceMut::new(buffer)];
        let received = recvmsg::<SockaddrStorage>(fd, &mut data, Some(&mut self.control), flags)?;
        let remote = received.address.as_ref().and_then(udp::socket_address);
        let mut message = Message { length: received.bytes, remote, local: None, error: None };
        for control in received.cmsgs()? {
            match control {
                ControlMessageOwned::Ipv4PacketInfo(info) => {
                    // Of a datagram, the address to answer from (its destination may be a broadcast); of an error,
                    // the kernel knows only where the ICMP packet came to.
                    let answer_from = Ipv4Addr::from(info.ipi_spec_dst.s_addr.to_ne_bytes());
                    let came_to = Ipv4Addr::from(info.ipi_addr.s_addr.to_ne_bytes());
                    let of_error = flags.contains(MsgFlags::MSG_ERRQUEUE);
                    message.local = Some((if of_error { came_to } else { answer_from }.into(), 0));
                }
                ControlMessageOwned::Ipv6PacketInfo(info) => {
                    let address = Ipv6Addr::from(info.ipi6_addr.s6_addr);
                    let scope = if address.is_unicast_link_local() { info.ipi6_ifindex } else { 0 };
                    message.local = Some((address.into(), scope));
                }
                ControlMessageOwned::Ipv4RecvErr(error, _) | ControlMessageOwned::Ipv6RecvErr(error, _) => {
                    message.error = i32::try_from(error.ee_errno).ok().and_then(end_of_flow);
                }
                _ => {}
            }
        }
        Ok(message)
    }

    fn flow(&self, (address, scope): (IpAddr, u32), remote: SocketAddr) -> Flow {
        let mut local = SocketAddr::new(address, self.local.port());
        if let SocketAddr::V6(local) = &mut local {
            local.set_scope_id(scope);
        }
        Flow { link: Link::Sip(Transport::Udp), local, remote }
    }

    fn fd(&self) -> RawFd {
        self.socket.as_raw_fd()
    }
}

/// What one recvmsg gave.
struct Message {
    length: usize,
    remote: Option<SocketAddr>,
    /// Our address, and of a link-local one its interface.
    local: Option<(IpAddr, u32)>,
    error: Option<FlowError>,
}

/// The errors that mean 'it did not arrive, and trying again now would not help'; none for those that the kernel
/// mends itself (a packet too big for the path is fragmented next time).
fn end_of_flow(errno: i32) -> Option<FlowError> {
    match Errno::from_raw(errno) {
        Errno::EMSGSIZE | Errno::UnknownErrno => None,
        Errno::ECONNREFUSED => Some(FlowError::Refused),
        _ => Some(FlowError::Unreachable),
    }
}

/// The SIP sockets, bound before anything else starts, so that a port that is taken is told at once.
pub struct Sockets {
    pub(super) bound: Vec<SipSocket>,
    pub(super) trace: bool,
}

impl Sockets {
    /// Binds what `config` names, for the poll of `inbox`. A machine without IPv6 does without `::`, unless it is the only
    /// address.
    ///
    /// # Errors
    /// The address that can't be had, and what the system says of it.
    pub fn bind(config: &Config, inbox: &Inbox<Letter>) -> Result<Self, (SocketAddr, io::Error)> {
        let mut bound = Vec::new();
        for &address in &config.listen {
            let token = Token(FIRST_SOCKET.saturating_add(bound.len()));
            match SipSocket::bind(address, config.dscp, inbox.poll.registry(), token) {
                Ok(socket) => bound.push(socket),
                Err(error) if config.listen.len() > 1 && is_missing_ipv6(address, &error) => {
                    info!("no SIP on {address}: this machine has no IPv6");
                }
                Err(error) => return Err((address, error)),
            }
        }
        Ok(Self { bound, trace: config.trace })
    }

    /// What they are bound to.
    pub fn addresses(&self) -> impl Iterator<Item = SocketAddr> {
        self.bound.iter().map(SipSocket::local)
    }

    /// The families that there are.
    pub fn families(&self) -> Vec<Family> {
        self.addresses().map(Family::of).collect()
    }
}

fn is_missing_ipv6(address: SocketAddr, error: &io::Error) -> bool {
    let errno = error.raw_os_error().map(Errno::from_raw);
    address.ip() == Ipv6Addr::UNSPECIFIED && matches!(errno, Some(Errno::EAFNOSUPPORT | Errno::EADDRNOTAVAIL))
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::net::UdpSocket as StdUdpSocket;
    use std::time::Duration;

    struct Desk {
        poll: Poll,
        socket: SipSocket,
        buffer: Vec<u8>,
    }

    impl Desk {
        /// None on a machine without the family.
        fn on(address: &str) -> Option<Self> {
            let poll = Poll::new().expect("a poll");
            let address = address.parse().expect("an address");
            let socket = SipSocket::bind(address, 24, poll.registry(), Token(0)).ok()?;
            Some(Self { poll, socket, buffer: vec![0; DATAGRAM_MAX] })
        }

        fn port(&self) -> u16 {
            self.socket.local().port()
        }

        /// The next thing that arrives, within five seconds.
        fn arrival(&mut self) -> Arrival {
            let mut events = Events::with_capacity(4);
            for _ in 0..50 {
                match self.socket.receive(&mut self.buffer) {
                    Arrival::Nothing => {
                        self.poll.poll(&mut events, Some(Duration::from_millis(100))).expect("a poll");
                    }
                    arrival => return arrival,
                }
            }
            Arrival::Nothing
        }
    }

    fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
        Flow { link: Link::Sip(Transport::Udp), local, remote }
    }

    fn each_local_address_is_told_and_answered_from(any: &str, addresses: &[&str]) {
        let Some(mut desk) = Desk::on(any) else { return println!("skipped: no socket on {any}") };
        for address in addresses {
            let local = SocketAddr::new(address.parse().expect("an address"), desk.port());
            let Ok(peer) = StdUdpSocket::bind((local.ip(), 0)) else {
                return println!("skipped: this machine has no {address}");
            };
            let remote = peer.local_addr().expect("bound");
            peer.send_to(b"hello", local).expect("sent");
            assert_eq!(desk.arrival(), Arrival::Datagram { flow: flow(local, remote), length: 5 });
            assert_eq!(&desk.buffer[..5], b"hello");

            desk.socket.send(&flow(local, remote), b"good day").expect("sent");
            let mut answer = [0; 20];
            assert_eq!(peer.recv_from(&mut answer).expect("an answer"), (8, local));
        }
    }

    #[test]
    fn each_datagram_tells_which_address_it_came_to_and_is_answered_from_there() {
        each_local_address_is_told_and_answered_from("0.0.0.0:0", &["127.0.0.1", "127.0.0.2"]);
    }

    #[test]
    fn ipv6_tells_its_local_address_too() {
        each_local_address_is_told_and_answered_from("[::]:0", &["::1"]);
    }

    #[test]
    fn what_was_to_leave_from_an_address_that_is_lost_leaves_from_another() {
        for (any, lost, here) in [("0.0.0.0:0", "192.0.2.1", "127.0.0.1"), ("[::]:0", "2001:db8::1", "::1")] {
            let (Some(desk), Ok(peer)) = (Desk::on(any), StdUdpSocket::bind((here, 0))) else {
                println!("skipped: this machine has no {here}");
                continue;
            };
            let lost = SocketAddr::new(lost.parse().expect("an address"), desk.port());
            desk.socket.send(&flow(lost, peer.local_addr().expect("bound")), b"goodbye").expect("sent");
            let (length, from) = peer.recv_from(&mut [0; 20]).expect("it comes");
            assert_eq!((length, from), (7, SocketAddr::new(here.parse().expect("an address"), desk.port())));
        }
    }

    fn an_unheard_datagram_ends_its_flow(any: &str, address: &str) {
        let Some(mut desk) = Desk::on(any) else { return println!("skipped: no socket on {any}") };
        let Ok(gone) = StdUdpSocket::bind((address, 0)) else {
            return println!("skipped: this machine has no {address}");
        };
        let remote = gone.local_addr().expect("bound");
        let local = SocketAddr::new(remote.ip(), desk.port());
        drop(gone);
        desk.socket.send(&flow(local, remote), b"anybody?").expect("sent");
        let refused = Arrival::Failed { flow: flow(local, remote), reason: FlowError::Refused };
        assert_eq!(desk.arrival(), refused);
        assert_eq!(desk.socket.receive(&mut desk.buffer), Arrival::Nothing);
    }

    #[test]
    fn a_port_that_nobody_listens_on_ends_the_flow_to_it() {
        an_unheard_datagram_ends_its_flow("0.0.0.0:0", "127.0.0.1");
    }

    #[test]
    fn icmpv6_ends_its_flow_too() {
        an_unheard_datagram_ends_its_flow("[::]:0", "::1");
    }

    #[test]
    fn one_flows_error_does_not_keep_another_from_being_served() {
        let mut desk = Desk::on("0.0.0.0:0").expect("IPv4");
        let peer = StdUdpSocket::bind("127.0.0.1:0").expect("a socket");
        let gone = StdUdpSocket::bind("127.0.0.1:0").expect("a socket");
        let [here, away] = [&peer, &gone].map(|socket| socket.local_addr().expect("bound"));
        drop(gone);
        let local = SocketAddr::new(here.ip(), desk.port());
        desk.socket.send(&flow(local, away), b"anybody?").expect("sent");
        // The error shows in this call, and the datagram stays here: the owner of the error is in the queue.
        assert_eq!(desk.socket.send(&flow(local, here), b"hello"), Err(Errno::ECONNREFUSED));
        let refused = Arrival::Failed { flow: flow(local, away), reason: FlowError::Refused };
        assert_eq!(desk.socket.receive_error(&mut desk.buffer), refused);
        assert_eq!(desk.socket.send(&flow(local, here), b"hello"), Ok(()));
    }
}
