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

/// The first pause before a device that failed is opened again; each further one is twice as long, up to the last.
const FIRST_BACKOFF: Duration = Duration::from_secs(1);
const LAST_BACKOFF: Duration = Duration::from_secs(30);

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
    config: Config,
    devices: D,
    receive: Mailbox<rtp_receive::Letter>,
    send: Mailbox<rtp_send::Letter>,
    /// The bell of this thread, for devices.
    keeper: Bell,
    need: Need,
    capture: Line,
    playback: Line,
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

/// The device of a role.
struct Line {
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
        since: Instant,
    },
    /// Silence stands in for it.
    Failed {
        retry_at: Option<Instant>,
        backoff: Duration,
    },
}

impl Line {
    const CLOSED: Self = Self { state: State::Closed, failure_told: false, reopened: 0 };
}

const ROLES: [Role; 2] = [Role::Capture, Role::Playback];

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
            config,
            devices,
            receive,
            send,
            keeper: own.bell(),
            need: Need::Nothing,
            capture: Line::CLOSED,
            playback: Line::CLOSED,
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
                    ROLES.into_iter().for_each(|role| self.close(role));
                    return Ok(false);
                }
            }
        }
        let now = clock::now();
        if matches!(self.need, Need::NextCall { until } if until <= now) {
            self.need = Need::Nothing;
            ROLES.into_iter().for_each(|role| self.close(role));
        }
        ROLES.into_iter().for_each(|role| self.attend(role, now));
        Ok(true)
    }

    /// How long nothing is due.
    fn wait(&self) -> Option<Duration> {
        let now = clock::now();
        let lingered = match self.need {
            Need::NextCall { until } => Some(until - now),
            _ => None,
        };
        let due = [&self.capture, &self.playback].into_iter().filter_map(|line| match line.state {
            State::Open { .. } => Some(ATTEND_EVERY),
            State::Failed { retry_at, .. } => retry_at.map(|at| at - now),
            State::Closed => None,
        });
        due.chain(lingered).min()
    }

    fn begin(&mut self) {
        self.need = Need::Calls;
        let closed: Vec<Role> =
            ROLES.into_iter().filter(|role| matches!(self.line(*role).state, State::Closed)).collect();
        // A call that is answered at once sends from the first moment, though a device may take its time to open.
        closed.iter().for_each(|role| self.stand_in(*role));
        closed.iter().for_each(|role| self.open(*role, FIRST_BACKOFF));
    }

    /// Opens the role's device and hands it to its thread. Silence goes on where that fails.
    fn open(&mut self, role: Role, backoff: Duration) {
        let opened = match role {
            Role::Capture => self
                .devices
                .open_capture(&self.config.capture, &self.send.bell(), &self.keeper)
                .map(|(capture, opened)| (self.hand_capture(Some(capture)), opened)),
            Role::Playback => self
                .devices
                .open_playback(&self.config.playback, &self.receive.bell(), &self.keeper)
                .map(|(playback, opened)| (self.hand_playback(Some(playback)), opened)),
        };
        match opened {
            Ok(((), opened)) => {
                let line = self.line(role);
                line.state = State::Open { opened, since: clock::now() };
                if std::mem::take(&mut line.failure_told) {
                    let device = self.device(role).clone();
                    (self.notify)(Notice::Works { role, device });
                }
            }
            Err(error) => self.fail(role, error, backoff),
        }
    }

    fn attend(&mut self, role: Role, now: Instant) {
        match &mut self.line(role).state {
            State::Open { opened, since } => {
                let had_worked = now - *since >= FIRST_BACKOFF;
                let attended = opened.attend(now);
                let refused = opened.tally().realtime_refused;
                if refused && !std::mem::replace(&mut self.realtime_refusal_told, true) {
                    (self.notify)(Notice::NoRealtime);
                }
                if let Err(error) = attended {
                    self.stand_in(role);
                    if had_worked {
                        // After one stumble a sound server's plugin never works again; opened anew, it does.
                        let line = self.line(role);
                        line.state = State::Closed;
                        line.reopened = line.reopened.saturating_add(1);
                        self.open(role, FIRST_BACKOFF);
                    } else {
                        self.fail(role, error, FIRST_BACKOFF);
                    }
                }
            }
            State::Failed { retry_at: Some(at), backoff } if *at <= now => {
                let backoff = (*backoff * 2).min(LAST_BACKOFF);
                self.open(role, backoff);
            }
            _ => {}
        }
    }

    /// The role's device doesn't work: whatever is open is closed, and a sound card is tried again.
    fn fail(&mut self, role: Role, error: AudioError, backoff: Duration) {
        let device = self.device(role).clone();
        // A file isn't opened again while there are calls: that would overwrite what it has.
        let retry_at = matches!(device, Device::Alsa(_)).then(|| clock::now() + backoff);
        let line = self.line(role);
        line.state = State::Failed { retry_at, backoff };
        if !std::mem::replace(&mut line.failure_told, true) {
            (self.notify)(Notice::Failed { role, device, error });
        }
    }

    fn close(&mut self, role: Role) {
        match role {
            Role::Capture => self.hand_capture(None),
            Role::Playback => self.hand_playback(None),
        }
        if let State::Open { opened, .. } = std::mem::replace(&mut self.line(role).state, State::Closed) {
            let tally = opened.tally();
            let reopened = std::mem::take(&mut self.line(role).reopened);
            if tally.starved > 0 || tally.xruns > 0 || reopened > 0 {
                (self.notify)(Notice::LostSound { role, tally, reopened });
            }
        }
    }

    /// Silence, paced by a timer, in place of the role's device.
    fn stand_in(&mut self, role: Role) {
        match role {
            Role::Capture => self.hand_capture(Some(Capture::silence())),
            Role::Playback => self.hand_playback(Some(Playback::nowhere())),
        }
    }

    /// The mailbox has room for it unless its reader is gone; then nobody is left to hear.
    fn hand_capture(&self, capture: Option<Capture>) {
        self.send.post(rtp_send::Letter::Use(capture)).ok();
    }

    fn hand_playback(&self, playback: Option<Playback>) {
        self.receive.post(rtp_receive::Letter::Use(playback)).ok();
    }

    fn line(&mut self, role: Role) -> &mut Line {
        match role {
            Role::Capture => &mut self.capture,
            Role::Playback => &mut self.playback,
        }
    }

    fn device(&self, role: Role) -> &Device {
        match role {
            Role::Capture => &self.config.capture,
            Role::Playback => &self.config.playback,
        }
    }
}

impl fmt::Display for Role {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Capture => "microphone",
            Self::Playback => "speaker",
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
        f.debug_struct("SoundThread")
            .field("config", &self.config)
            .field("need", &self.need)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
