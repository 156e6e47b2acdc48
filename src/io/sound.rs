//! The sound thread: opens devices when a call rings or dials, keeps them working, and closes them a while after the
//! last call. It may block; the RTP threads get a device when it is ready, and silence meanwhile.

use std::fmt;
use std::io::{self, ErrorKind};

use base::{Duration, Instant};
use mio::{Events, Token};

use super::audio::{AudioError, Capture, Config, Device, Devices, Opened, Playback, Tally};
use super::clock;
use super::mailbox::{Bell, Inbox, Mailbox};
use super::{rtp_receive, rtp_send};

/// What other threads write to the sound thread.
#[derive(Debug)]
pub enum Letter {
    /// There is a call: it rings, dials or speaks.
    CallsBegan,
    /// The last call has ended.
    CallsEnded,
    /// A microphone that was replaced, to be dropped where that may take its time.
    OldCapture(Capture),
    /// A speaker that was replaced.
    OldPlayback(Playback),
    /// Close the devices and end the thread.
    Stop,
}

/// Letters that may wait: this thread may block for seconds, while calls come and go.
const LETTERS_MAX: usize = 256;

/// How long devices stay open after the last call: the next one often follows at once, and opening takes time.
const LINGER: Duration = Duration::from_secs(5);

/// The first pause before a device that failed is opened again; each further one is twice as long, up to the last. On
/// a busy machine a start may fail that succeeds a moment later: a call should not lose a second by that.
const FIRST_BACKOFF: Duration = Duration::from_millis(250);
const LAST_BACKOFF: Duration = Duration::from_secs(30);

/// A device through which sound goes for so long works, and is opened again at once when it stumbles.
const WORKED_WELL: Duration = Duration::from_secs(1);

/// Blocks that a device may lose in a call before it is worth a word: some hundredths of a second, mostly while it
/// begins.
const HARDLY_HEARD: u32 = 4;

/// How often open devices are looked at: one may stop working without a word.
const ATTEND_EVERY: Duration = Duration::from_secs(1);

const BELL: Token = Token(0);

/// The thread's mailbox, made before the thread.
///
/// # Errors
/// What the system says when it has no more descriptors.
pub fn inbox() -> io::Result<(Inbox<Letter>, Mailbox<Letter>)> {
    Inbox::new(BELL, LETTERS_MAX)
}

/// What a device is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Role {
    /// The microphone.
    Capture,
    /// The speaker.
    Playback,
    /// The speaker that rings, where the configuration names one of its own.
    Ring,
}

/// What the user is to know about the devices.
#[derive(Debug)]
pub enum Notice {
    /// A device doesn't work. Told once, until it works again.
    Failed {
        /// What it is for.
        role: Role,
        /// Which.
        device: Device,
        /// Why.
        error: AudioError,
    },
    /// A device that had failed works again.
    Works {
        /// What it is for.
        role: Role,
        /// Which.
        device: Device,
    },
    /// A device was closed and had lost sound.
    LostSound {
        /// What it is for.
        role: Role,
        /// How much, since it was last opened.
        tally: Tally,
        /// How often it had to be opened again meanwhile.
        reopened: u32,
    },
    /// The system gives sound no real-time priority. Told once.
    NoRealtime,
}

/// The thread's state.
pub struct SoundThread<D> {
    inbox: Inbox<Letter>,
    events: Events,
    devices: D,
    receive: Mailbox<rtp_receive::Letter>,
    send: Mailbox<rtp_send::Letter>,
    /// The bell of this thread, for devices.
    keeper: Bell,
    need: Need,
    lines: Vec<Line>,
    notify: Box<dyn FnMut(Notice) + Send>,
    realtime_refusal_told: bool,
}

/// What devices are needed for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Need {
    Nothing,
    Calls,
    /// The last call has ended, and the next may follow.
    NextCall {
        until: Instant,
    },
}

/// A device in its role.
struct Line {
    role: Role,
    device: Device,
    state: State,
    /// That it fails was told; not again before it has worked.
    failure_told: bool,
    /// How often it was opened again at once, since it was opened for calls.
    reopened: u32,
}

enum State {
    Closed,
    Open {
        opened: Box<dyn Opened>,
        /// Since when sound has gone through it each time that it was looked at.
        moves_since: Option<Instant>,
        /// That was so for [`WORKED_WELL`].
        works: bool,
        /// The pause before it is opened again, should it fail before it works.
        backoff: Duration,
    },
    /// Silence stands in for it.
    Failed {
        retry_at: Option<Instant>,
        backoff: Duration,
    },
}

impl Line {
    fn new(role: Role, device: Device) -> Self {
        Self { role, device, state: State::Closed, failure_told: false, reopened: 0 }
    }

    fn is_closed(&self) -> bool {
        matches!(self.state, State::Closed)
    }
}

impl<D: Devices> SoundThread<D> {
    /// The thread of `inbox`, into which `own` posts. `notify` is told what the user is to know.
    pub fn new(
        inbox: Inbox<Letter>,
        own: &Mailbox<Letter>,
        config: Config,
        devices: D,
        receive: Mailbox<rtp_receive::Letter>,
        send: Mailbox<rtp_send::Letter>,
        notify: impl FnMut(Notice) + Send + 'static,
    ) -> Self {
        Self {
            inbox,
            events: Events::with_capacity(1),
            devices,
            receive,
            send,
            keeper: own.bell(),
            need: Need::Nothing,
            lines: [
                Some((Role::Capture, config.capture)),
                Some((Role::Playback, config.playback)),
                config.ring.map(|device| (Role::Ring, device)),
            ]
            .into_iter()
            .flatten()
            .map(|(role, device)| Line::new(role, device))
            .collect(),
            notify: Box::new(notify),
            realtime_refusal_told: false,
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

    /// Sleeps until there is something to do, and does it. False when told to stop.
    ///
    /// # Errors
    /// As for [`Self::run`].
    pub fn turn(&mut self) -> io::Result<bool> {
        let wait = self.wait();
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == ErrorKind::Interrupted => return Ok(true),
            result => result?,
        }
        while let Ok(letter) = self.inbox.letters.try_recv() {
            match letter {
                Letter::CallsBegan => self.begin(),
                Letter::CallsEnded => self.need = Need::NextCall { until: clock::now() + LINGER },
                Letter::OldCapture(_) | Letter::OldPlayback(_) => {}
                Letter::Stop => {
                    self.close_all();
                    return Ok(false);
                }
            }
        }
        let now = clock::now();
        if matches!(self.need, Need::NextCall { until } if until <= now) {
            self.need = Need::Nothing;
            self.close_all();
        }
        (0..self.lines.len()).for_each(|at| self.attend(at, now));
        Ok(true)
    }

    /// How long nothing is due.
    fn wait(&self) -> Option<Duration> {
        let now = clock::now();
        let lingered = match self.need {
            Need::NextCall { until } => Some(until - now),
            _ => None,
        };
        let due = self.lines.iter().filter_map(|line| match line.state {
            State::Open { .. } => Some(ATTEND_EVERY),
            State::Failed { retry_at, .. } => retry_at.map(|at| at - now),
            State::Closed => None,
        });
        due.chain(lingered).min()
    }

    fn begin(&mut self) {
        self.need = Need::Calls;
        let closed: Vec<usize> = (0..self.lines.len()).filter(|at| self.lines[*at].is_closed()).collect();
        // A call that is answered at once sends from the first moment, though a device may take its time to open.
        closed.iter().for_each(|at| self.stand_in(self.lines[*at].role));
        closed.iter().for_each(|at| self.open(*at, FIRST_BACKOFF));
    }

    /// Opens a line's device and hands it to its thread. Silence goes on where that fails.
    fn open(&mut self, at: usize, backoff: Duration) {
        let Line { role, device, .. } = &self.lines[at];
        let opened = match *role {
            Role::Capture => self
                .devices
                .open_capture(device, &self.send.bell(), &self.keeper)
                .map(|(capture, opened)| (self.hand_capture(Some(capture)), opened)),
            role @ (Role::Playback | Role::Ring) => self
                .devices
                .open_playback(device, &self.receive.bell(), &self.keeper)
                .map(|(playback, opened)| (self.hand_playback(role, Some(playback)), opened)),
        };
        match opened {
            Ok(((), opened)) => {
                self.lines[at].state = State::Open { opened, moves_since: None, works: false, backoff };
            }
            Err(error) => self.fail(at, error, backoff),
        }
    }

    fn attend(&mut self, at: usize, now: Instant) {
        let line = &mut self.lines[at];
        match &mut line.state {
            State::Open { opened, moves_since, works, backoff } => {
                let attended = opened.attend(now);
                let refused = opened.tally().realtime_refused;
                if refused && !std::mem::replace(&mut self.realtime_refusal_told, true) {
                    (self.notify)(Notice::NoRealtime);
                }
                *moves_since = matches!(attended, Ok(true)).then(|| moves_since.unwrap_or(now));
                *works |= moves_since.is_some_and(|since| now - since >= WORKED_WELL);
                let (works, backoff) = (*works, *backoff);
                if works && std::mem::take(&mut line.failure_told) {
                    (self.notify)(Notice::Works { role: line.role, device: line.device.clone() });
                }
                if let Err(error) = attended {
                    let (role, is_card) = (line.role, matches!(line.device, Device::Alsa(_)));
                    self.stand_in(role);
                    if works && is_card {
                        // After one stumble a sound server's plugin never works again; opened anew, it does.
                        let line = &mut self.lines[at];
                        line.state = State::Closed;
                        line.reopened = line.reopened.saturating_add(1);
                        self.open(at, FIRST_BACKOFF);
                    } else {
                        self.fail(at, error, backoff);
                    }
                }
            }
            State::Failed { retry_at: Some(retry_at), backoff } if *retry_at <= now => {
                let backoff = (*backoff * 2).min(LAST_BACKOFF);
                self.open(at, backoff);
            }
            _ => {}
        }
    }

    /// A line's device doesn't work: whatever is open is closed, and a sound card is tried again.
    fn fail(&mut self, at: usize, error: AudioError, backoff: Duration) {
        let line = &mut self.lines[at];
        // A file isn't opened again while there are calls: that would overwrite what it has.
        let retry_at = matches!(line.device, Device::Alsa(_)).then(|| clock::now() + backoff);
        line.state = State::Failed { retry_at, backoff };
        if !std::mem::replace(&mut line.failure_told, true) {
            (self.notify)(Notice::Failed { role: line.role, device: line.device.clone(), error });
        }
    }

    fn close_all(&mut self) {
        (0..self.lines.len()).for_each(|at| self.close(at));
    }

    fn close(&mut self, at: usize) {
        match self.lines[at].role {
            Role::Capture => self.hand_capture(None),
            role @ (Role::Playback | Role::Ring) => self.hand_playback(role, None),
        }
        let line = &mut self.lines[at];
        if let State::Open { opened, .. } = std::mem::replace(&mut line.state, State::Closed) {
            let tally = opened.tally();
            let reopened = std::mem::take(&mut line.reopened);
            if tally.starved.saturating_add(tally.xruns) > HARDLY_HEARD || reopened > 0 {
                (self.notify)(Notice::LostSound { role: line.role, tally, reopened });
            }
        }
    }

    /// Silence, paced by a timer, in place of a role's device.
    fn stand_in(&self, role: Role) {
        match role {
            Role::Capture => self.hand_capture(Some(Capture::silence())),
            Role::Playback | Role::Ring => self.hand_playback(role, Some(Playback::nowhere())),
        }
    }

    /// The mailbox has room for it unless its reader is gone; then nobody is left to hear.
    fn hand_capture(&self, capture: Option<Capture>) {
        self.send.post(rtp_send::Letter::Use(capture)).ok();
    }

    fn hand_playback(&self, role: Role, playback: Option<Playback>) {
        let rings_apart = self.lines.iter().any(|line| line.role == Role::Ring);
        let role = match role {
            Role::Ring => media::Role::Ring,
            _ if rings_apart => media::Role::Playback,
            _ => media::Role::Both,
        };
        self.receive.post(rtp_receive::Letter::Use(role, playback)).ok();
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capture => "microphone",
            Self::Playback => "speaker",
            Self::Ring => "ringer",
        })
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Failed { role, device, error } => write!(f, "no {role}, calls go on without: {device}: {error}"),
            Self::Works { role, device } => write!(f, "the {role} {device} works again"),
            Self::LostSound { role, tally: Tally { starved, xruns, .. }, reopened } => write!(
                f,
                "the {role} lost sound: {starved} blocks came late, the device had {xruns} over- or underruns and was \
                 opened again {reopened} times"
            ),
            Self::NoRealtime => f.write_str(
                "no real-time priority for sound, which may stutter on a busy machine (it takes LimitRTPRIO=, \
                 CAP_SYS_NICE or root)",
            ),
        }
    }
}

impl<D> fmt::Debug for SoundThread<D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SoundThread").field("need", &self.need).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
