//! The sip thread: drives `phone::Phone` with the SIP sockets, DNS queries, its letters and the clock, and carries
//! out what the phone decides. It never waits but in its poll; a turn is bounded, so that a flood on one source
//! keeps nobody else waiting.

mod names;
mod network;
mod queries;
mod socket;
mod trace;

use std::collections::BTreeMap;
use std::io::{self, ErrorKind};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use base::Instant;
use log::{error, info, warn};
use media::leg::{LegCommand, LegEvent, LegId};
use mio::{Events, Token};
use nix::errno::Errno;
use phone::{ClientId, Command, Input, Output, Phone, PortId};
use sip::endpoint::Input as SipInput;
use sip::flow::{Flow, FlowError, Link, Transport};

pub use self::names::Names;
use self::network::Network;
use self::queries::{Answer, Queries};
pub use self::socket::Sockets;
use self::socket::{Arrival, DATAGRAM_MAX, SipSocket};
use self::trace::Way;
use super::clock::{self, Alarm};
use super::log::Provoked;
use super::mailbox::{Inbox, Mailbox};
use super::ports::Ports;
use super::udp::{self, Dscp};
use super::{api, memory, rtp_receive, rtp_send, sound};

/// What other threads write to the sip thread.
#[derive(Debug)]
pub enum Letter {
    /// From a client of the control API, or a handset.
    Command {
        /// Who asks, and gets the reply.
        client: ClientId,
        /// What. Boxed, as the mailbox has memory for all that may wait from its beginning.
        command: Box<Command>,
    },
    /// From one half of a media leg.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What became of it.
        event: LegEvent,
    },
    /// End all calls and registrations, then the thread.
    Stop,
}

/// Where SIP listens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// At most one address of each family; port 0 takes any that is free. `0.0.0.0` and `::`, port 5060, by default.
    pub listen: Vec<SocketAddr>,
    /// Of SIP packets; CS3 (24) by default, which RFC 4594 §4.1 names for signaling where CS5 is not wanted.
    pub dscp: Dscp,
    /// Log each message.
    pub trace: bool,
}

impl Default for Config {
    fn default() -> Self {
        let listen = [IpAddr::from(Ipv4Addr::UNSPECIFIED), Ipv6Addr::UNSPECIFIED.into()];
        Self { listen: listen.map(|address| (address, 5060).into()).into(), dscp: 24, trace: false }
    }
}

/// Whom the sip thread writes to about media.
#[derive(Clone, Debug)]
pub struct MediaThreads {
    /// The receiving halves of legs.
    pub receive: Mailbox<rtp_receive::Letter>,
    /// Their sending halves.
    pub send: Mailbox<rtp_send::Letter>,
    /// Devices.
    pub sound: Mailbox<sound::Letter>,
}

/// Letters that may wait: one request in flight for each of the API's clients, and two ends for each leg; this
/// thread never waits.
const LETTERS_MAX: usize = 2_048;

/// Datagrams of a socket, and letters, in a turn.
const TURN: usize = 32;

/// A time without timers from which on memory that calls have left is given back: what is left of a call on the wire
/// keeps timers of less, an account at rest one of minutes, or of 24 s where it keeps a NAT's way alive.
const REST: Duration = Duration::from_secs(20);

/// Events of a poll: those of more sources come with the next.
const EVENTS_MAX: usize = 64;

const BELL: Token = Token(0);
const ALARM: Token = Token(1);
const FIRST_SOCKET: usize = 2;
/// After the sockets, one of each family.
const NETWORK: Token = Token(4);
const FIRST_QUERY: Token = Token(5);

/// The thread's mailbox, made before the thread.
///
/// # Errors
/// What the system says when it has no more descriptors.
pub fn inbox() -> io::Result<(Inbox<Letter>, Mailbox<Letter>)> {
    Inbox::new(BELL, LETTERS_MAX)
}

/// The thread's state.
pub struct SipThread {
    inbox: Inbox<Letter>,
    events: Events,
    alarm: Alarm,
    /// Sources that may have more: mio tells of each only once.
    backlog: Vec<Token>,
    buffer: Box<[u8]>,
    sockets: Vec<SipSocket>,
    /// Each message is logged.
    trace: bool,
    queries: Queries,
    names: Names,
    /// None where the kernel doesn't tell: then what has moved is bound anew at its next refresh.
    network: Option<Network>,
    ports: Ports,
    /// Halves of each leg that have not ended.
    legs: BTreeMap<LegId, u8>,
    media: MediaThreads,
    api: api::Door,
    phone: Phone,
    has_stopped: bool,
    /// What peers of any kind do.
    provoked: Provoked,
}

impl SipThread {
    /// The thread of `inbox`.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(
        inbox: Inbox<Letter>,
        sockets: Sockets,
        names: Names,
        ports: Ports,
        media: MediaThreads,
        api: api::Door,
        phone: Phone,
    ) -> io::Result<Self> {
        let mut thread = Self {
            alarm: Alarm::new(inbox.poll.registry(), ALARM)?,
            inbox,
            events: Events::with_capacity(EVENTS_MAX),
            backlog: Vec::new(),
            buffer: vec![0; DATAGRAM_MAX].into_boxed_slice(),
            sockets: sockets.bound,
            trace: sockets.trace,
            queries: Queries::new(FIRST_QUERY),
            names,
            network: None,
            ports,
            legs: BTreeMap::new(),
            media,
            api,
            phone,
            has_stopped: false,
            provoked: Provoked::default(),
        };
        let now = clock::now();
        thread.lend_ports(now);
        thread.carry_out(now);
        thread.watch_network();
        thread.alarm.set(thread.phone.poll_timeout())?;
        Ok(thread)
    }

    /// After the first REGISTERs are out, which need not wait for it.
    fn watch_network(&mut self) {
        self.network = match Network::watch(self.inbox.poll.registry(), NETWORK) {
            Ok(network) => Some(network),
            Err(error) => {
                warn!("a new address of this machine is not noticed until accounts are refreshed: {error}");
                None
            }
        };
    }

    /// Runs until it was told to stop and all is hung up and disconnected.
    ///
    /// # Errors
    /// The poll or the alarm fail, which a correct system never lets happen.
    pub fn run(mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// Sleeps until there is something to do, and does a bounded part of it. False once the phone has stopped.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn turn(&mut self) -> io::Result<bool> {
        let wait = if self.backlog.is_empty() { None } else { Some(Duration::ZERO) };
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            polled => polled?,
        }
        for event in &self.events {
            if !self.backlog.contains(&event.token()) {
                self.backlog.push(event.token());
            }
        }
        let now = clock::now();
        for source in std::mem::take(&mut self.backlog) {
            if self.drain(now, source) {
                self.backlog.push(source);
            }
        }
        let is_due = self.alarm.is_due(now);
        if is_due {
            self.look_at_names(now);
            self.phone.handle_input(now, Input::Timeout);
            self.carry_out(now);
        }
        let next = self.phone.poll_timeout();
        self.alarm.set(next)?;
        if is_due && self.legs.is_empty() && next.is_none_or(|next| next - now >= REST) {
            memory::give_back_the_rest();
        }
        Ok(!self.has_stopped)
    }

    /// Takes a turn's share of what a source has, and does what the phone wants done about each before it takes the next:
    /// a call that has begun leaves RTP ports for one more. True if there may be more.
    fn drain(&mut self, now: Instant, source: Token) -> bool {
        match source {
            BELL => (0..TURN).all(|_| self.take_letter(now)),
            ALARM => false,
            NETWORK => (0..TURN).all(|_| self.take_network_message(now)),
            Token(number) if source < FIRST_QUERY => {
                (0..TURN).all(|_| self.take_arrival(now, number.saturating_sub(FIRST_SOCKET)))
            }
            query => (0..TURN).all(|_| self.take_answer(now, query)),
        }
    }

    /// False if there was none.
    fn take_letter(&mut self, now: Instant) -> bool {
        let Ok(letter) = self.inbox.letters.try_recv() else { return false };
        match letter {
            Letter::Command { client, command } => {
                self.look_at_names(now);
                self.phone.handle_input(now, Input::Command { client, command: *command });
            }
            Letter::Leg { leg, event } => {
                self.phone.handle_input(now, Input::LegEvent { leg, event });
                if matches!(event, LegEvent::Ended(_)) {
                    self.half_ended(now, leg);
                }
            }
            Letter::Stop => self.phone.handle_input(now, Input::Stop),
        }
        self.carry_out(now);
        true
    }

    /// False if there was none.
    fn take_network_message(&mut self, now: Instant) -> bool {
        let Some(network) = &mut self.network else { return false };
        if network.receive() {
            return true;
        }
        if network.has_moved() {
            self.phone.handle_input(now, Input::Moved);
            self.carry_out(now);
        }
        false
    }

    /// Before whatever may look for a server: a retry, or a program's wish.
    fn look_at_names(&mut self, now: Instant) {
        if let Some(names) = self.names.look(now) {
            self.phone.handle_input(now, Input::Names(&names));
        }
    }

    /// False if there was none.
    fn take_arrival(&mut self, now: Instant, index: usize) -> bool {
        let Some(socket) = self.sockets.get_mut(index) else { return false };
        let input = match socket.receive(&mut self.buffer) {
            Arrival::Datagram { flow, length } => {
                let bytes = self.buffer.get(..length).unwrap_or_default();
                if self.trace {
                    trace::log(Way::In, &flow, bytes);
                }
                SipInput::Datagram { flow, bytes }
            }
            Arrival::Failed { flow, reason } => SipInput::FlowClosed { flow, reason },
            Arrival::Noise => return true,
            Arrival::Nothing => return false,
        };
        self.phone.handle_input(now, Input::Sip(input));
        self.carry_out(now);
        true
    }

    /// False if there was none.
    fn take_answer(&mut self, now: Instant, query: Token) -> bool {
        let input = match self.queries.receive(query, &mut self.buffer) {
            Answer::Datagram { flow, length } => {
                SipInput::Datagram { flow, bytes: self.buffer.get(..length).unwrap_or_default() }
            }
            Answer::Failed { flow, reason } => SipInput::FlowClosed { flow, reason },
            Answer::Nothing => return false,
        };
        self.phone.handle_input(now, Input::Sip(input));
        self.carry_out(now);
        true
    }

    /// Does all that the phone wants done. Ports are lent anew at the end: binding them keeps no answer waiting.
    fn carry_out(&mut self, now: Instant) {
        let mut has_used_ports = false;
        while let Some(output) = self.phone.poll_output() {
            match output {
                Output::Send { flow, bytes } => self.send(now, flow, &bytes),
                Output::Connect { connect, link, remote } => {
                    let input = match self.connect(link, remote) {
                        Ok(flow) => SipInput::FlowOpen { connect, flow },
                        Err(reason) => SipInput::FlowFailed { connect, reason },
                    };
                    self.phone.handle_input(now, Input::Sip(input));
                }
                Output::Close { flow } => self.queries.close(&flow),
                Output::StartLeg { leg, port } => {
                    self.start_leg(now, leg, port);
                    has_used_ports = true;
                }
                Output::Leg { leg, command } => self.command_leg(leg, command),
                Output::Event(event) => self.api.post(api::Letter::Event(Box::new(event))),
                Output::Reply { client, reply } => {
                    self.api.post(api::Letter::Reply { client, reply: Box::new(reply) });
                }
                Output::Log(line) => info!("{line}"),
                Output::Stopped => self.has_stopped = true,
            }
        }
        if has_used_ports {
            self.lend_ports(now);
        }
    }

    /// A UDP flow is open at once: the route to the peer tells its local address.
    fn connect(&mut self, link: Link, remote: SocketAddr) -> Result<Flow, FlowError> {
        match link {
            Link::Dns => self.queries.connect(self.inbox.poll.registry(), remote),
            Link::Sip(Transport::Udp) => {
                let bound = self.socket_to(remote).ok_or(FlowError::Unsupported)?.local();
                let address =
                    udp::local_address(bound.ip(), remote).map_err(|error| queries::reason(&error))?;
                Ok(Flow { link, local: SocketAddr::new(address, bound.port()), remote })
            }
            Link::Sip(Transport::Tcp | Transport::Tls) => Err(FlowError::Unsupported),
        }
    }

    fn send(&mut self, now: Instant, flow: Flow, bytes: &[u8]) {
        let sent = match flow.link {
            Link::Dns => self.queries.send(&flow, bytes),
            Link::Sip(_) => self.send_sip(now, &flow, bytes),
        };
        if let Err(reason) = sent {
            self.phone.handle_input(now, Input::Sip(SipInput::FlowClosed { flow, reason }));
        }
    }

    fn send_sip(&mut self, now: Instant, flow: &Flow, bytes: &[u8]) -> Result<(), FlowError> {
        if self.trace {
            trace::log(Way::Out, flow, bytes);
        }
        let index = self.socket_index(flow.remote).ok_or(FlowError::Unsupported)?;
        let socket = self.sockets.get(index).ok_or(FlowError::Unsupported)?;
        match socket.send(flow, bytes) {
            Ok(()) => return Ok(()),
            // No room in the kernel: as lost as on the way, and SIP sends again what matters.
            Err(Errno::EAGAIN | Errno::ENOBUFS) => return Ok(()),
            // Perhaps another flow's ICMP error, which shows in whatever call comes next: tell its owner, try again.
            Err(_) => self.take_errors(now, index),
        }
        match self.sockets.get(index).map(|socket| socket.send(flow, bytes)) {
            Some(Err(Errno::EAGAIN | Errno::ENOBUFS | Errno::ECONNREFUSED)) | Some(Ok(())) | None => Ok(()),
            Some(Err(error)) => {
                let Flow { local, remote, .. } = flow;
                let why = error.desc();
                self.provoked.warn(now, format_args!("nothing can be sent from {local} to {remote}: {why}"));
                Err(FlowError::Unreachable)
            }
        }
    }

    fn take_errors(&mut self, now: Instant, index: usize) {
        for _ in 0..TURN {
            let Some(socket) = self.sockets.get_mut(index) else { return };
            match socket.receive_error(&mut self.buffer) {
                Arrival::Failed { flow, reason } => {
                    self.phone.handle_input(now, Input::Sip(SipInput::FlowClosed { flow, reason }));
                }
                Arrival::Datagram { .. } | Arrival::Noise => {}
                Arrival::Nothing => return,
            }
        }
    }

    fn socket_to(&self, remote: SocketAddr) -> Option<&SipSocket> {
        self.sockets.get(self.socket_index(remote)?)
    }

    fn socket_index(&self, remote: SocketAddr) -> Option<usize> {
        self.sockets.iter().position(|socket| socket.local().is_ipv4() == remote.is_ipv4())
    }

    fn start_leg(&mut self, now: Instant, leg: LegId, port: PortId) {
        let sockets = self.ports.take(port).map(Arc::new);
        if self.legs.is_empty() {
            post("sound", self.media.sound.post(sound::Letter::CallsBegan));
        }
        // Both halves tell their end even if they never had sockets.
        self.legs.insert(leg, 2);
        let Some(sockets) = sockets else {
            return self.phone.handle_input(now, Input::LegEvent { leg, event: LegEvent::Failed });
        };
        let shared = sockets.clone();
        post("rtp-receive", self.media.receive.post(rtp_receive::Letter::Start { leg, sockets: shared }));
        post("rtp-send", self.media.send.post(rtp_send::Letter::Start { leg, sockets }));
    }

    fn command_leg(&mut self, leg: LegId, command: LegCommand) {
        let copy = command.clone();
        post("rtp-receive", self.media.receive.post(rtp_receive::Letter::Leg { leg, command: copy }));
        post("rtp-send", self.media.send.post(rtp_send::Letter::Leg { leg, command }));
    }

    /// After both halves have ended the leg's ports are free, and after the last leg sound may rest.
    fn half_ended(&mut self, now: Instant, leg: LegId) {
        let Some(halves) = self.legs.get_mut(&leg) else { return };
        *halves = halves.saturating_sub(1);
        if *halves > 0 {
            return;
        }
        self.legs.remove(&leg);
        if self.legs.is_empty() {
            post("sound", self.media.sound.post(sound::Letter::CallsEnded));
        }
        self.lend_ports(now);
    }

    /// Lends call control the RTP ports that it is short of.
    fn lend_ports(&mut self, now: Instant) {
        loop {
            match self.ports.lend() {
                Ok(Some(lent)) => {
                    let (port, family, rtp_port) = (lent.port, lent.family, lent.rtp_port);
                    self.phone.handle_input(now, Input::MediaPort { port, family, rtp_port });
                }
                Ok(None) => return,
                Err(reason) if reason.kind() == ErrorKind::AddrInUse => {
                    return warn!(
                        "no RTP port is free until a call ends (`first_port` to `last_port` in [rtp])"
                    );
                }
                Err(reason) => return warn!("no RTP port can be opened until a call ends: {reason}"),
            }
        }
    }
}

/// A letter that doesn't get through means that its reader is stuck or has ended, which nothing here can mend.
fn post<T>(reader: &str, posted: Result<(), crossbeam_channel::TrySendError<T>>) {
    if let Err(refused) = posted {
        error!("the {reader} thread takes no letters: {refused}");
    }
}
