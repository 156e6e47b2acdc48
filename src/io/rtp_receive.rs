//! The rtp-receive thread: drives `media::Receiver` with the legs' sockets and the speaker. It sleeps until the speaker
//! needs sound or somebody writes; without a call nothing wakes it.
//!
//! Packets don't wake it: they are needed when the speaker asks for sound, which it does every 10 or 20 ms as long as
//! there are calls, and the kernel knows when they came. That saves half of the wake-ups, which are most of what a call
//! costs. A speaker that has stopped asks for nothing, so the thread doesn't sleep for long in a call.
//!
//! It never waits, logs or, once a call runs, allocates.

use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::sync::Arc;

use base::{Duration, Instant};
use media::leg::{Channel, LegCommand, LegEvent, LegId};
use media::{FRAME_SAMPLES, Receiver, Role};
use mio::{Events, Token};
use nix::errno::Errno;

use super::audio::{Playback, Ticker};
use super::clock;
use super::mailbox::{Inbox, Mailbox};
use super::ports::LegSockets;
use super::{rtp_send, sip, sound, udp};

/// What other threads write to rtp-receive.
#[derive(Debug)]
pub enum Letter {
    /// A leg gets its sockets. What came in on them before is not for this leg, and is thrown away.
    Start {
        /// The leg; its terms follow by `Leg`.
        leg: LegId,
        /// Its own.
        sockets: Arc<LegSockets>,
    },
    /// Call control to a leg's receiving half.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What it is to do.
        command: LegCommand,
    },
    /// The speaker of this role from now on; none, and there is no sound to be pulled, when no call is near.
    Use(Role, Option<Playback>),
    /// End the thread.
    Stop,
}

/// Letters that may wait. The sip thread writes at most one for each of the 32 messages of its turn, and this thread
/// never waits.
const LETTERS_MAX: usize = 256;

/// Datagrams of a socket, and letters, in a turn, so that a flood on one keeps nobody else waiting.
const TURN: usize = 32;

/// How often RTCP is looked for: its packets are seconds apart, and nobody waits for what they say.
const RTCP_EVERY: Duration = Duration::from_millis(500);

/// The longest sleep in a call: the peer of a call whose speaker has stopped waits to hear where packets came from, and
/// its keys are to be heard.
const SLEEP_MAX: Duration = Duration::from_millis(100);

/// Bytes of a datagram that are looked at. RTP over UDP fits an Ethernet frame; what is longer is no voice.
const DATAGRAM_MAX: usize = 2048;

const BELL: Token = Token(0);

/// The thread's mailbox, made before the thread.
///
/// # Errors
/// What the system says when it has no more descriptors.
pub fn inbox() -> io::Result<(Inbox<Letter>, Mailbox<Letter>)> {
    Inbox::new(BELL, LETTERS_MAX)
}

/// The thread's state.
#[derive(Debug)]
pub struct ReceiveThread {
    inbox: Inbox<Letter>,
    /// There may be more letters than a turn takes.
    letters_wait: bool,
    events: Events,
    machine: Receiver,
    /// That of calls, and one that rings.
    speakers: [Speaker; 2],
    /// Two for each leg.
    sockets: Vec<LegSocket>,
    datagram: Box<[u8; DATAGRAM_MAX]>,
    send: Mailbox<rtp_send::Letter>,
    sip: Mailbox<sip::Letter>,
    sound: Mailbox<sound::Letter>,
}

impl ReceiveThread {
    /// The thread of `inbox`. What it learns goes to the sending halves, to call control, and replaced speakers to
    /// the sound thread.
    pub fn new(
        inbox: Inbox<Letter>,
        send: Mailbox<rtp_send::Letter>,
        sip: Mailbox<sip::Letter>,
        sound: Mailbox<sound::Letter>,
    ) -> Self {
        Self {
            speakers: [Role::Both, Role::Ring].map(Speaker::new),
            inbox,
            letters_wait: false,
            // The bell alone.
            events: Events::with_capacity(1),
            machine: Receiver::new(),
            sockets: Vec::new(),
            datagram: Box::new([0; DATAGRAM_MAX]),
            send,
            sip,
            sound,
        }
    }

    /// Runs until it is told to stop.
    ///
    /// # Errors
    /// The poll fails, which a correct system never lets happen.
    pub fn run(mut self) -> io::Result<()> {
        while self.turn()? {}
        Ok(())
    }

    /// Sleeps until there is something to do, and does a bounded part of it. False when told to stop.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn turn(&mut self) -> io::Result<bool> {
        self.sleep()?;
        let now = clock::now();
        if !self.read_letters(now) {
            return Ok(false);
        }
        self.receive(now);
        self.play(now);
        self.report();
        Ok(true)
    }

    /// Waits for the bell or the next tick, unless letters or datagrams were left over. The poll may be late by a
    /// millisecond, which no speaker hears that isn't a sound card.
    fn sleep(&mut self) -> io::Result<()> {
        let in_arrears = self.letters_wait || self.sockets.iter().any(|socket| socket.has_more);
        let wait =
            if in_arrears { Some(Duration::ZERO) } else { self.next_look().map(|at| at - clock::now()) };
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(()),
            result => result?,
        }
        self.letters_wait |= !self.events.is_empty();
        Ok(())
    }

    /// When it wakes without being rung for: at the next tick, and before long in a call.
    fn next_look(&self) -> Option<Instant> {
        let ticks = self.speakers.iter().filter_map(|speaker| speaker.ticker.next());
        let last = (!self.sockets.is_empty()).then(|| clock::now() + SLEEP_MAX);
        ticks.chain(last).min()
    }

    /// False when told to stop.
    fn read_letters(&mut self, now: Instant) -> bool {
        if !self.letters_wait {
            return true;
        }
        for _ in 0..TURN {
            match self.inbox.letters.try_recv() {
                Ok(Letter::Start { leg, sockets }) => self.start(now, leg, &sockets),
                Ok(Letter::Leg { leg, command }) => self.machine.handle_command(now, leg, &command),
                Ok(Letter::Use(role, playback)) => self.use_playback(now, role, playback),
                Ok(Letter::Stop) => return false,
                Err(_) => {
                    self.letters_wait = false;
                    break;
                }
            }
        }
        true
    }

    fn start(&mut self, now: Instant, leg: LegId, sockets: &Arc<LegSockets>) {
        for channel in [Channel::Rtp, Channel::Rtcp] {
            let mut socket =
                LegSocket { leg, channel, sockets: sockets.clone(), has_more: true, emptied: now };
            socket.drain(now, udp::DATAGRAMS_WAITING_MAX, &mut self.datagram[..], |_, _, _| {});
            self.sockets.push(socket);
        }
    }

    fn use_playback(&mut self, now: Instant, role: Role, playback: Option<Playback>) {
        let [of_calls, ringer] = &mut self.speakers;
        let speaker = if role == Role::Ring { ringer } else { of_calls };
        speaker.role = role;
        speaker.ticker.run(now, playback.as_ref().is_some_and(Playback::is_ticked));
        if let Some(old) = std::mem::replace(&mut speaker.playback, playback) {
            // Should the sound thread have no room or be gone, the old one is dropped here.
            self.sound.post(sound::Letter::OldPlayback(old)).ok();
        }
    }

    fn receive(&mut self, now: Instant) {
        for socket in self.sockets.iter_mut().filter(|socket| socket.is_due(now)) {
            let (leg, channel, machine) = (socket.leg, socket.channel, &mut self.machine);
            socket.drain(now, TURN, &mut self.datagram[..], |at, from, bytes| {
                machine.handle_packet(at, leg, channel, from, bytes);
            });
        }
    }

    fn play(&mut self, now: Instant) {
        let mut frame = [0.0; FRAME_SAMPLES];
        for Speaker { role, ticker, playback } in &mut self.speakers {
            let Some(playback) = playback else { continue };
            for _ in 0..playback.wanted(ticker.due(now)) {
                self.machine.pull(now, *role, &mut frame);
                playback.write(&frame);
            }
        }
    }

    /// Hands on what the legs have to tell. Both mailboxes have room for it unless their readers are gone.
    fn report(&mut self) {
        while let Some((leg, feedback)) = self.machine.poll_feedback() {
            self.send.post(rtp_send::Letter::Feedback { leg, feedback }).ok();
        }
        while let Some((leg, event)) = self.machine.poll_event() {
            if let LegEvent::Ended(_) = event {
                self.sockets.retain(|socket| socket.leg != leg);
            }
            self.sip.post(sip::Letter::Leg { leg, event }).ok();
        }
    }
}

/// A speaker, and its pace where it is no sound card.
#[derive(Debug)]
struct Speaker {
    role: Role,
    ticker: Ticker,
    playback: Option<Playback>,
}

impl Speaker {
    fn new(role: Role) -> Self {
        Self { role, ticker: Ticker::default(), playback: None }
    }
}

/// A leg's socket for one of its channels.
#[derive(Debug)]
struct LegSocket {
    leg: LegId,
    channel: Channel,
    sockets: Arc<LegSockets>,
    /// It held more than was read.
    has_more: bool,
    /// When nothing was left in it: what is read came later.
    emptied: Instant,
}

impl LegSocket {
    /// Whether it is to be read in this turn.
    fn is_due(&self, now: Instant) -> bool {
        self.has_more || self.channel == Channel::Rtp || now - self.emptied >= RTCP_EVERY
    }

    /// Reads up to `count` datagrams, each with when it came.
    fn drain(
        &mut self,
        now: Instant,
        count: usize,
        buffer: &mut [u8],
        mut each: impl FnMut(Instant, SocketAddr, &[u8]),
    ) {
        for _ in 0..count {
            match udp::receive(self.sockets.of(self.channel), buffer) {
                Ok(received) => {
                    // A wall clock that was set since would have it come long ago, or still to come.
                    let at = received.at.map_or(now, |wall| clock::at(wall).clamp(self.emptied, now));
                    each(at, received.from, &buffer[..received.length]);
                }
                Err(Errno::EAGAIN) => {
                    (self.has_more, self.emptied) = (false, now);
                    return;
                }
                // An ICMP error: told once, and not the socket's end.
                Err(_) => {}
            }
        }
        self.has_more = true;
    }
}
