//! The rtp-send thread: drives `media::Sender` with the microphone, and sends what it packs. It sleeps until 20 ms of
//! sound are complete or somebody writes; without a call nothing wakes it.
//!
//! It never waits, logs or, once a call runs, allocates. It reads nothing from the network, so it may have real-time
//! priority without a flood taking the machine.

use std::io::{self, ErrorKind};
use std::sync::Arc;
use std::time::Duration;

use base::{Dice, Instant};
use media::leg::{Feedback, LegCommand, LegEvent, LegId};
use media::{FRAME_MS, FRAME_SAMPLES, Sender};
use mio::{Events, Token};

use super::audio::{Capture, TICK_FRAMES, TICK_SAMPLES, Ticker, make_realtime};
use super::clock::{self, Alarm};
use super::mailbox::{Inbox, Mailbox};
use super::ports::LegSockets;
use super::{sip, sound, udp};

/// What other threads write to rtp-send.
#[derive(Debug)]
pub enum Letter {
    /// A leg gets its sockets: those that rtp-receive reads.
    Start {
        /// The leg; its terms follow by `Leg`.
        leg: LegId,
        /// Its own.
        sockets: Arc<LegSockets>,
    },
    /// Call control to a leg's sending half.
    Leg {
        /// Which leg.
        leg: LegId,
        /// What it is to do.
        command: LegCommand,
    },
    /// From a leg's receiving half.
    Feedback {
        /// Which leg.
        leg: LegId,
        /// What it learned.
        feedback: Feedback,
    },
    /// The microphone from now on; none, and nothing is sent, when no call is near.
    Use(Option<Capture>),
    /// End the thread.
    Stop,
}

/// Letters that may wait: those of the sip thread's turn of 32 messages, and feedback, which is rare; and this thread
/// never waits.
const LETTERS_MAX: usize = 256;

/// Letters in a turn. Feedback from rtp-receive is what the network could make many.
const TURN: usize = 32;

/// The bell and the alarm.
const EVENTS_MAX: usize = 2;

const BELL: Token = Token(0);
const ALARM: Token = Token(1);

/// The thread's mailbox, made before the thread.
///
/// # Errors
/// What the system says when it has no more descriptors.
pub fn inbox() -> io::Result<(Inbox<Letter>, Mailbox<Letter>)> {
    Inbox::new(BELL, LETTERS_MAX)
}

/// The thread's state.
#[derive(Debug)]
pub struct SendThread {
    inbox: Inbox<Letter>,
    events: Events,
    ticker: Ticker,
    /// Rings at the next tick.
    alarm: Alarm,
    machine: Sender,
    capture: Option<Capture>,
    sockets: Vec<(LegId, Arc<LegSockets>)>,
    sip: Mailbox<sip::Letter>,
    sound: Mailbox<sound::Letter>,
}

impl SendThread {
    /// The thread of `inbox`. What legs have to tell goes to call control, replaced microphones to the sound thread.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(
        inbox: Inbox<Letter>,
        dice: Dice,
        sip: Mailbox<sip::Letter>,
        sound: Mailbox<sound::Letter>,
    ) -> io::Result<Self> {
        Ok(Self {
            ticker: Ticker::default(),
            alarm: Alarm::new(inbox.poll.registry(), ALARM)?,
            inbox,
            events: Events::with_capacity(EVENTS_MAX),
            machine: Sender::new(dice),
            capture: None,
            sockets: Vec::new(),
            sip,
            sound,
        })
    }

    /// Runs until it is told to stop, with real-time priority where the system allows it.
    ///
    /// # Errors
    /// The poll or the alarm fail, which a correct system never lets happen.
    pub fn run(mut self) -> io::Result<()> {
        make_realtime();
        while self.turn()? {}
        Ok(())
    }

    /// Sleeps until there is something to do, and does it. False when told to stop.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn turn(&mut self) -> io::Result<bool> {
        self.sleep()?;
        let now = clock::now();
        if !self.read_letters(now) {
            return Ok(false);
        }
        self.speak(now);
        self.report();
        self.alarm.set(self.ticker.next())?;
        Ok(true)
    }

    /// Waits for events, unless letters were left over.
    fn sleep(&mut self) -> io::Result<()> {
        let wait = (!self.inbox.letters.is_empty()).then_some(Duration::ZERO);
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => Ok(()),
            result => result,
        }
    }

    /// False when told to stop.
    fn read_letters(&mut self, now: Instant) -> bool {
        for letter in self.inbox.letters.try_iter().take(TURN) {
            match letter {
                Letter::Start { leg, sockets } => self.sockets.push((leg, sockets)),
                Letter::Leg { leg, command } => self.machine.handle_command(now, leg, &command),
                Letter::Feedback { leg, feedback } => self.machine.handle_feedback(now, leg, feedback),
                Letter::Use(capture) => {
                    self.ticker.run(now, capture.as_ref().is_some_and(Capture::is_ticked));
                    if let Some(old) = std::mem::replace(&mut self.capture, capture) {
                        // Should the sound thread have no room or be gone, the old one is dropped here.
                        self.sound.post(sound::Letter::OldCapture(old)).ok();
                    }
                }
                Letter::Stop => return false,
            }
        }
        true
    }

    /// Takes all sound that is complete to the legs.
    fn speak(&mut self, now: Instant) {
        let Some(capture) = &mut self.capture else { return };
        let mut sound = [0.0; TICK_SAMPLES];
        let mut later = capture.complete(self.ticker.due(now));
        while (!capture.is_ticked() || later > 0) && capture.read(&mut sound) {
            later = later.saturating_sub(1);
            // A thread that comes late finds what was said while it was away: each frame of it has its time.
            let frames = sound.as_chunks::<FRAME_SAMPLES>().0;
            for (number, frame) in (1..).zip(frames) {
                let after = (later + 1) * TICK_FRAMES - number;
                self.machine
                    .push(now.before(Duration::from_millis(after as u64 * u64::from(FRAME_MS))), frame);
                send_all(&mut self.machine, &self.sockets);
            }
        }
    }

    /// Hands on what the legs have to tell, an ended one's last packet first. The mailbox has room for it unless its
    /// reader is gone.
    fn report(&mut self) {
        send_all(&mut self.machine, &self.sockets);
        while let Some((leg, event)) = self.machine.poll_event() {
            if let LegEvent::Ended(_) = event {
                self.sockets.retain(|(id, _)| *id != leg);
            }
            self.sip.post(sip::Letter::Leg { leg, event }).ok();
        }
    }
}

fn send_all(machine: &mut Sender, sockets: &[(LegId, Arc<LegSockets>)]) {
    while let Some(packet) = machine.poll_packet() {
        send(sockets, packet);
    }
}

fn send(sockets: &[(LegId, Arc<LegSockets>)], packet: media::Packet<'_>) {
    let Some((_, sockets)) = sockets.iter().find(|(id, _)| *id == packet.leg) else { return };
    let socket = sockets.of(packet.channel);
    // An address that this machine has lost can't be sent from. From another one the peer hears us perhaps, if it goes by
    // where packets come from.
    if udp::send_from(socket, packet.bytes, packet.from, packet.to).is_err() {
        // A packet that finds no room or no route is lost like any other: sent later it would be of no use.
        socket.send_to(packet.bytes, packet.to).ok();
    }
}
