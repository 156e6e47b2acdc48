//! The exchange's own thread: its sockets on loopback, its clock, and the pace of its sound.

use std::io::{self, ErrorKind};
use std::net::{Ipv4Addr, SocketAddr};
use std::thread::{self, JoinHandle};
use std::time::Duration;

use base::{Dice, Instant};
use log::error;
use media::leg::Channel;
use mio::net::UdpSocket;
use mio::{Events, Interest, Token};

use super::exchange::Exchange;
use super::interface::{Input, LINES, Output};
use crate::io::audio::{TICK_FRAMES, Ticker};
use crate::io::clock::{self, Alarm};
use crate::io::mailbox::{Inbox, Mailbox};
use crate::io::udp;

/// Where the exchange is: nobody beyond this machine reaches it.
const LOOPBACK: Ipv4Addr = Ipv4Addr::LOCALHOST;

/// Ports that are tried for one line: every other is odd, and the one after it may be taken.
const TRIES: usize = 64;

/// Largest datagram that is read, in bytes: all that UDP carries.
const DATAGRAM_MAX: usize = 64 << 10;

/// Datagrams of a socket in a turn.
const TURN: usize = 32;

const BELL: Token = Token(0);
const ALARM: Token = Token(1);
const SIP: Token = Token(2);
/// One for each channel of each line from here on.
const FIRST_LINE: usize = 3;

/// The sockets of a line, in their order.
const CHANNELS: [Channel; 2] = [Channel::Rtp, Channel::Rtcp];

/// Events of a poll: one of each source.
const EVENTS_MAX: usize = FIRST_LINE + CHANNELS.len() * LINES;

/// The running exchange.
#[derive(Debug)]
pub(super) struct ExchangeThread {
    address: SocketAddr,
    /// Its one letter: stop.
    stop: Mailbox<()>,
    handle: JoinHandle<()>,
}

impl ExchangeThread {
    /// Binds free ports of loopback, and starts the thread `exchange`.
    ///
    /// # Errors
    /// What the system says when it has no more ports, descriptors or threads.
    pub(super) fn start(dice: Dice) -> io::Result<Self> {
        let (inbox, stop) = Inbox::new(BELL, 1)?;
        let driver = Driver::new(inbox, dice)?;
        let address = driver.sip.local_addr()?;
        let handle = thread::Builder::new().name("exchange".into()).spawn(move || {
            if let Err(error) = driver.run() {
                error!("the exchange thread has failed: {error}");
            }
        })?;
        Ok(Self { address, stop, handle })
    }

    /// Where it takes SIP over UDP.
    pub(super) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Ends its calls, within 100 ms, and the thread.
    pub(super) fn stop(self) {
        // Where it takes no letter it has ended, and has told why; so has a thread that panicked.
        self.stop.post(()).ok();
        self.handle.join().ok();
    }
}

/// What the thread has.
struct Driver {
    inbox: Inbox<()>,
    events: Events,
    alarm: Alarm,
    ticker: Ticker,
    sip: UdpSocket,
    lines: Vec<[UdpSocket; CHANNELS.len()]>,
    /// Sockets that may have more: mio tells of each only once.
    backlog: Vec<Token>,
    buffer: Box<[u8]>,
    exchange: Exchange,
}

impl Driver {
    fn new(inbox: Inbox<()>, dice: Dice) -> io::Result<Self> {
        let registry = inbox.poll.registry();
        let mut sip = UdpSocket::from_std(udp::bind((LOOPBACK, 0).into(), 0)?);
        registry.register(&mut sip, SIP, Interest::READABLE)?;
        let mut lines = Vec::new();
        let mut addresses = [sip.local_addr()?; LINES];
        for (number, address) in addresses.iter_mut().enumerate() {
            let mut sockets = bind_line()?;
            *address = sockets[0].local_addr()?;
            for (channel, socket) in sockets.iter_mut().enumerate() {
                let token = Token(FIRST_LINE + CHANNELS.len() * number + channel);
                registry.register(socket, token, Interest::READABLE)?;
            }
            lines.push(sockets);
        }
        Ok(Self {
            events: Events::with_capacity(EVENTS_MAX),
            alarm: Alarm::new(registry, ALARM)?,
            ticker: Ticker::default(),
            exchange: Exchange::new(sip.local_addr()?, addresses, dice),
            inbox,
            sip,
            lines,
            backlog: Vec::new(),
            buffer: vec![0; DATAGRAM_MAX].into_boxed_slice(),
        })
    }

    fn run(mut self) -> io::Result<()> {
        while !self.exchange.has_stopped(clock::now()) {
            self.turn()?;
        }
        Ok(())
    }

    /// Sleeps until there is something to do, and does a bounded part of it.
    fn turn(&mut self) -> io::Result<()> {
        let wait = if self.backlog.is_empty() { None } else { Some(Duration::ZERO) };
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
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
        for _ in 0..self.ticker.due(now) * TICK_FRAMES {
            self.exchange.handle_input(now, Input::Tick);
        }
        if self.exchange.poll_timeout().is_some_and(|due| due <= now) {
            self.exchange.handle_input(now, Input::Timeout);
        }
        self.send();
        self.ticker.run(now, self.exchange.sounds());
        self.alarm.set(self.exchange.poll_timeout().into_iter().chain(self.ticker.next()).min())
    }

    /// Takes a turn's share of what a source has. True if there may be more.
    fn drain(&mut self, now: Instant, source: Token) -> bool {
        match source {
            BELL => {
                for () in self.inbox.letters.try_iter() {
                    self.exchange.handle_input(now, Input::Stop);
                }
                false
            }
            ALARM => false,
            socket => (0..TURN).all(|_| self.receive(now, socket)),
        }
    }

    /// Takes a datagram. False if there was none.
    fn receive(&mut self, now: Instant, source: Token) -> bool {
        let place =
            source.0.checked_sub(FIRST_LINE).map(|place| (place / CHANNELS.len(), place % CHANNELS.len()));
        let socket = match place {
            None => &self.sip,
            Some((line, channel)) => &self.lines[line][channel],
        };
        // No error but that of an empty socket lasts: what was wrong with one datagram says nothing of the next.
        let (length, from) = match socket.recv_from(&mut self.buffer) {
            Ok(received) => received,
            Err(error) => return error.kind() != ErrorKind::WouldBlock,
        };
        let bytes = &self.buffer[..length];
        let input = match place {
            None => Input::Sip { from, bytes },
            Some((line, channel)) => Input::Media { line, channel: CHANNELS[channel], from, bytes },
        };
        self.exchange.handle_input(now, input);
        true
    }

    /// Sends what the exchange has to say. What can't be sent is lost as on the way: SIP sends again what matters.
    fn send(&mut self) {
        while let Some(output) = self.exchange.poll_output() {
            match output {
                Output::Sip { to, bytes } => self.sip.send_to(&bytes, to).ok(),
                Output::Media { line, channel, to, bytes } => {
                    let channel = CHANNELS.iter().position(|it| *it == channel);
                    channel.and_then(|channel| self.lines[line][channel].send_to(&bytes, to).ok())
                }
            };
        }
    }
}

/// A line's sockets: two neighbouring ports, the first one even (RFC 3550 §11).
fn bind_line() -> io::Result<[UdpSocket; 2]> {
    for _ in 0..TRIES {
        let rtp = udp::bind((LOOPBACK, 0).into(), 0)?;
        let port = rtp.local_addr()?.port();
        if !port.is_multiple_of(2) {
            continue;
        }
        match udp::bind((LOOPBACK, port + 1).into(), 0) {
            Ok(rtcp) => return Ok([rtp, rtcp].map(UdpSocket::from_std)),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(ErrorKind::AddrInUse.into())
}
