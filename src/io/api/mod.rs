//! The api thread: drives `phone::api::Server` with its listeners, sockets, letters and the clock, and carries out
//! what the server decides. It never waits but in its poll; a turn is bounded, and a client that doesn't read is
//! dropped, so that none slows down another.

mod listener;
mod page;
mod socket;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Duration, Instant};
use crossbeam_channel::Sender;
use log::error;
use mio::{Events, Token};
use phone::api::{CloseCode, Input, Output, Server};
use phone::{ClientId, Command, Event, Refusal, RefusalCode, Reply};

pub use self::listener::Listeners;
pub use self::page::page;
use self::socket::{Broken, Frame, Socket, Step, Written};
use super::clock::{self, Alarm};
use super::interface::Switch;
use super::log::Provoked;
use super::mailbox::{Inbox, Mailbox};
use super::sip;
use super::work::Job;

/// What other threads write to the api thread. Boxed is what is large: the mailbox has memory for all that may wait from
/// its beginning.
#[derive(Debug)]
pub enum Letter {
    /// For every client.
    Event(Box<Event>),
    /// For one client.
    Reply {
        /// Who asked.
        client: ClientId,
        /// The answer.
        reply: Box<Reply>,
    },
    /// What work found out.
    PasswordChecked {
        /// Who asked.
        client: ClientId,
        /// The password is the user's.
        fits: bool,
    },
}

/// Letters that may wait: some hundred events for each of the calls that a phone may have. Whoever finds no room has
/// lost an event, and clients start anew.
const LETTERS_MAX: usize = 4_096;

/// Connections accepted, letters, and frames of a client, in a turn.
const TURN: usize = 32;

/// Events of a poll: those of more sources come with the next.
const EVENTS_MAX: usize = 64;

/// Connections that are not WebSockets (yet, or no longer). The oldest gives way, so that nobody can keep others out
/// by connections that never ask for anything.
const VISITORS_MAX: usize = 64;

/// How long clients have to take their leave when the phone ends.
const LEAVE: Duration = Duration::from_millis(250);

const BELL: Token = Token(0);
const ALARM: Token = Token(1);
const FIRST_LISTENER: usize = 2;

/// What a letter can't say because there may be no room for it.
#[derive(Default, Debug)]
struct Signals {
    overrun: AtomicBool,
    stop: AtomicBool,
}

/// Where other threads write to the api thread. Never waits, and never loses anything in silence.
#[derive(Clone, Debug)]
pub struct Door {
    mailbox: Mailbox<Letter>,
    signals: Arc<Signals>,
}

impl Door {
    /// Posts a letter. If there is no room for it, clients are disconnected, and start anew by `getstate`.
    pub fn post(&self, letter: Letter) {
        if self.mailbox.post(letter).is_err() {
            self.signals.overrun.store(true, Ordering::Release);
            self.mailbox.bell().ring();
        }
    }

    /// Ends the thread: clients get close frames (1001), and a quarter of a second to answer them.
    pub fn stop(&self) {
        self.signals.stop.store(true, Ordering::Release);
        self.mailbox.bell().ring();
    }
}

/// The thread's own end of its mailbox.
#[derive(Debug)]
pub struct ApiInbox {
    inbox: Inbox<Letter>,
    signals: Arc<Signals>,
}

/// The thread's mailbox, made before the thread.
///
/// # Errors
/// What the system says when it has no more descriptors.
pub fn inbox() -> io::Result<(ApiInbox, Door)> {
    let (inbox, mailbox) = Inbox::new(BELL, LETTERS_MAX)?;
    let signals = Arc::new(Signals::default());
    Ok((ApiInbox { inbox, signals: signals.clone() }, Door { mailbox, signals }))
}

/// Whom the api thread writes to.
#[derive(Clone, Debug)]
pub struct Outlets {
    /// Call control.
    pub sip: Mailbox<sip::Letter>,
    /// Who checks passwords.
    pub work: Sender<Job>,
    /// Who runs the commands that show and hide the interface.
    pub interface: Switch,
    /// Itself: where answers to its questions go.
    pub door: Door,
}

/// The thread's state.
pub struct ApiThread {
    inbox: Inbox<Letter>,
    signals: Arc<Signals>,
    events: Events,
    alarm: Alarm,
    listeners: Listeners,
    sockets: BTreeMap<Token, Socket>,
    next_token: usize,
    /// Sources that may have more: mio tells of each only once.
    backlog: BTreeSet<Token>,
    outlets: Outlets,
    server: Server,
    /// Browsers that have no business here.
    turned_away: Provoked,
    /// Clients that were lost.
    lost: Provoked,
    /// What the phone couldn't do.
    failures: Provoked,
    /// Set once the phone ends.
    leave_by: Option<Instant>,
}

impl ApiThread {
    /// The thread of `inbox`. Clients are served once it runs; until then their connections wait.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(inbox: ApiInbox, listeners: Listeners, outlets: Outlets, server: Server) -> io::Result<Self> {
        let ApiInbox { inbox, signals } = inbox;
        Ok(Self {
            alarm: Alarm::new(inbox.poll.registry(), ALARM)?,
            inbox,
            signals,
            events: Events::with_capacity(EVENTS_MAX),
            next_token: FIRST_LISTENER.saturating_add(listeners.len()),
            listeners,
            sockets: BTreeMap::new(),
            backlog: BTreeSet::new(),
            outlets,
            server,
            turned_away: Provoked::default(),
            lost: Provoked::default(),
            failures: Provoked::default(),
            leave_by: None,
        })
    }

    /// Runs until [`Door::stop`].
    ///
    /// # Errors
    /// What the poll says, which none does that a correct system has.
    pub fn run(mut self) -> io::Result<()> {
        while self.leave_by.is_none_or(|by| clock::now() < by && !self.sockets.is_empty()) {
            self.turn()?;
        }
        Ok(())
    }

    fn turn(&mut self) -> io::Result<()> {
        self.alarm.set(self.next_deadline())?;
        let wait = if self.backlog.is_empty() { None } else { Some(Duration::ZERO) };
        match self.inbox.poll.poll(&mut self.events, wait) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => return Ok(()),
            polled => polled?,
        }
        let now = clock::now();
        self.backlog.extend(self.events.iter().map(|event| event.token()));
        for source in std::mem::take(&mut self.backlog) {
            let has_more = match source {
                BELL => self.read_letters(now),
                ALARM => false,
                source if self.listeners.are(source) => self.accept(now, source),
                source => self.serve(now, source),
            };
            if has_more {
                self.backlog.insert(source);
            }
        }
        if self.alarm.is_due(now) {
            self.on_deadline(now);
        }
        Ok(())
    }

    fn next_deadline(&self) -> Option<Instant> {
        let sockets = self.sockets.values().filter_map(Socket::deadline);
        let others = [self.server.poll_timeout(), self.listeners.retry_at(), self.leave_by];
        sockets.chain(others.into_iter().flatten()).min()
    }

    fn on_deadline(&mut self, now: Instant) {
        self.backlog.extend(self.listeners.retry(now));
        let is_due = |socket: &Socket| socket.deadline().is_some_and(|at| at <= now);
        let due: Vec<Token> =
            self.sockets.iter().filter(|(_, socket)| is_due(socket)).map(|(token, _)| *token).collect();
        for token in due {
            self.drop_socket(now, token);
        }
        self.handle(now, Input::Timeout);
    }

    /// True if there may be more. So are the others that read.
    fn read_letters(&mut self, now: Instant) -> bool {
        if self.signals.overrun.swap(false, Ordering::AcqRel) {
            error!("events came faster than they could be sent: clients are disconnected, to start anew");
            self.handle(now, Input::Overrun);
        }
        // Looked at first: what was posted before is heard before clients take their leave.
        let stops = self.signals.stop.load(Ordering::Acquire);
        for _ in 0..TURN {
            match self.inbox.letters.try_recv() {
                Ok(Letter::Event(event)) => self.handle(now, Input::Event(*event)),
                Ok(Letter::Reply { client, reply }) => {
                    self.handle(now, Input::Reply { client, reply: *reply })
                }
                Ok(Letter::PasswordChecked { client, fits }) => {
                    self.handle(now, Input::PasswordChecked { client, fits });
                }
                Err(_) => {
                    if stops && self.leave_by.is_none() {
                        self.leave_by = Some(now + LEAVE);
                        self.listeners.close();
                        self.handle(now, Input::Stop);
                    }
                    return false;
                }
            }
        }
        true
    }

    fn accept(&mut self, now: Instant, listener: Token) -> bool {
        for _ in 0..TURN {
            let Some((stream, peer)) = self.listeners.accept(now, listener) else { return false };
            if self.sockets.values().filter(|socket| !socket.is_open()).count() >= VISITORS_MAX {
                self.drop_oldest_visitor(now);
            }
            let token = Token(self.next_token);
            self.next_token = self.next_token.saturating_add(1);
            match Socket::new(now, stream, peer, self.inbox.poll.registry(), token) {
                Ok(socket) => {
                    self.sockets.insert(token, socket);
                }
                Err(error) => {
                    let warning = format_args!("a connection from {peer} could not be polled: {error}");
                    self.failures.warn(now, warning);
                }
            }
        }
        true
    }

    fn drop_oldest_visitor(&mut self, now: Instant) {
        let oldest = self.sockets.iter().find(|(_, socket)| !socket.is_open()).map(|(token, _)| *token);
        if let Some(token) = oldest {
            self.drop_socket(now, token);
        }
    }

    fn serve(&mut self, now: Instant, token: Token) -> bool {
        let client = client_of(token);
        for _ in 0..TURN {
            let Some(socket) = self.sockets.get_mut(&token) else { return false };
            if socket.is_open() && !self.server.may_read(client) {
                socket.pause();
                self.flush(now, token);
                return false;
            }
            match socket.step(now, |head| self.server.judge(head)) {
                Step::Wait => {
                    self.flush(now, token);
                    return false;
                }
                Step::Again => {}
                Step::Refused(refused) => self.turned_away.warn(now, refused),
                Step::Upgraded { origin } => {
                    let address = socket.peer().ip();
                    self.handle(now, Input::Connected { client, address, origin });
                }
                Step::Frame(Frame::Text(text)) => {
                    self.handle(now, Input::Text { client, text: text.as_str() });
                }
                Step::Frame(Frame::Binary(bytes)) => {
                    self.handle(now, Input::Binary { client, bytes: &bytes });
                }
                Step::Frame(Frame::Control) => self.handle(now, Input::Heard(client)),
                Step::Left => self.handle(now, Input::Closed(client)),
                Step::Gone => {
                    self.drop_socket(now, token);
                    return false;
                }
            }
        }
        true
    }

    /// Writes what waits for a client, and lets the server know whether something still does.
    fn flush(&mut self, now: Instant, token: Token) {
        let Some(socket) = self.sockets.get_mut(&token).filter(|socket| socket.is_open()) else { return };
        let flushed = socket.flush();
        self.note_written(now, token, flushed);
        self.carry_out(now);
    }

    fn note_written(&mut self, now: Instant, token: Token, written: Result<Written, Broken>) {
        let client = client_of(token);
        match written {
            Ok(written) if written.has_changed => {
                self.server.handle_input(now, Input::Waiting(client, written.waits));
            }
            Ok(_) => {}
            Err(broken) => {
                if matches!(broken, Broken::Full) {
                    self.lost.warn(now, "a client was disconnected: it does not read");
                }
                self.sockets.remove(&token);
                self.server.handle_input(now, Input::Closed(client));
            }
        }
    }

    fn drop_socket(&mut self, now: Instant, token: Token) {
        self.sockets.remove(&token);
        self.handle(now, Input::Closed(client_of(token)));
    }

    /// Hands `input` to the server, and carries out what it decides.
    fn handle(&mut self, now: Instant, input: Input<'_>) {
        self.server.handle_input(now, input);
        self.carry_out(now);
    }

    fn carry_out(&mut self, now: Instant) {
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { client, text } => self.send(now, client, |socket| socket.send_text(text)),
                Output::Ping(client) => self.send(now, client, Socket::send_ping),
                Output::Disconnect { client, code } => self.disconnect(now, client, code),
                Output::Command { client, command } => self.command(now, client, command),
                Output::LogRefusal(why) => {
                    self.failures.warn(now, format_args!("a request was refused with 500: {why}"));
                }
                Output::ShowUi(show) => self.outlets.interface.turn(show),
                Output::CheckPassword { client, password, hash } => {
                    let door = self.outlets.door.clone();
                    let answer = Box::new(move |fits| door.post(Letter::PasswordChecked { client, fits }));
                    if self.outlets.work.try_send(Job::CheckPassword { password, hash, answer }).is_err() {
                        self.server.handle_input(now, Input::PasswordUnchecked(client));
                    }
                }
            }
        }
    }

    fn send(
        &mut self,
        now: Instant,
        client: ClientId,
        send: impl FnOnce(&mut Socket) -> Result<Written, Broken>,
    ) {
        let token = token_of(client);
        let Some(socket) = self.sockets.get_mut(&token).filter(|socket| socket.is_open()) else { return };
        if self.server.may_read(client) && socket.resume() {
            self.backlog.insert(token);
        }
        let sent = send(socket);
        self.note_written(now, token, sent);
    }

    fn disconnect(&mut self, now: Instant, client: ClientId, code: Option<CloseCode>) {
        let token = token_of(client);
        match (code, self.sockets.get_mut(&token)) {
            (Some(code), Some(socket)) => {
                socket.close(now, code as u16);
                self.backlog.insert(token);
            }
            _ => {
                self.lost.warn(now, "a client was disconnected: it does not read, or is gone");
                self.sockets.remove(&token);
            }
        }
    }

    fn command(&mut self, now: Instant, client: ClientId, command: Command) {
        let has_reply = !matches!(command, Command::ClientGone | Command::TakeOver(_));
        let letter = sip::Letter::Command { client, command: Box::new(command) };
        if let Err(refused) = self.outlets.sip.post(letter) {
            // When the phone stops, call control ends first: that a client goes then is no news to anybody.
            if refused.is_disconnected() && !has_reply {
                return;
            }
            error!("call control took no command: it is too busy, or has ended");
            if has_reply {
                let message = "the phone is too busy".into();
                let reply = Err(Refusal { code: RefusalCode::Internal, message });
                self.server.handle_input(now, Input::Reply { client, reply });
            }
        }
    }
}

/// A client's name is its socket's token: neither is used twice.
fn client_of(token: Token) -> ClientId {
    ClientId(token.0 as u64)
}

fn token_of(client: ClientId) -> Token {
    Token(usize::try_from(client.0).unwrap_or(usize::MAX))
}
