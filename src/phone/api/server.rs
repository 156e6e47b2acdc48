//! The server of the control API: connections, what each may do, and the way of a request from its text to its one
//! reply. A connection has one request in flight; its driver doesn't read on meanwhile ([`Server::may_read`]), so
//! replies keep the order of requests, and TCP slows down who asks too much (rules 4 and 15).

mod connection;

use alloc::borrow::ToOwned;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use base::{Dice, Instant, Secret};

use self::connection::{Connection, Waiting};
use super::config::{Config, RegisterFinalized};
use super::gate;
use super::http::{self, PageFile, Verdict};
use super::request::{Asked, Refused, Request, refuse_binary};
use super::sessions::{Estate, Source, UserIndex};
use super::throttle::Throttle;
use super::write;
use crate::command::{ClientId, Command, Done, Refusal, RefusalCode, Reply};
use crate::event::Event;

/// Password checks that may be under way, those of clients that have gone meanwhile included: so many that the
/// connections of a default configuration and as many that just closed find room.
const MAX_CHECKS: usize = 64;

/// What the driver hands in.
#[derive(Debug)]
pub enum Input<'a> {
    /// A program's upgrade was answered with 101.
    Connected {
        /// A name never used before.
        client: ClientId,
        /// Where the program is.
        address: IpAddr,
        /// Where its page comes from, if it is one.
        origin: Option<String>,
    },
    /// A text frame, read while [`Server::may_read`].
    Text {
        /// Who sent it.
        client: ClientId,
        /// All of it, at most [`super::MAX_MESSAGE_BYTES`].
        text: &'a str,
    },
    /// A binary frame, read while [`Server::may_read`].
    Binary {
        /// Who sent it.
        client: ClientId,
        /// All of it, at most [`super::MAX_MESSAGE_BYTES`].
        bytes: &'a [u8],
    },
    /// A ping or pong: the client is there.
    Heard(ClientId),
    /// Not all output could be written, or, `false`, now all is.
    Waiting(ClientId, bool),
    /// The connection has ended.
    Closed(ClientId),
    /// Call control's answer to a [`Output::Command`].
    Reply {
        /// Who asked.
        client: ClientId,
        /// The answer.
        reply: Reply,
    },
    /// Call control's events.
    Event(Event),
    /// The answer to a [`Output::CheckPassword`].
    PasswordChecked {
        /// Who asked.
        client: ClientId,
        /// The password is the user's.
        fits: bool,
    },
    /// A [`Output::CheckPassword`] that could not be asked.
    PasswordUnchecked(ClientId),
    /// Events or replies were lost, for there were too many: clients start anew, by `getstate`.
    Overrun,
    /// The phone ends.
    Stop,
    /// The time that `poll_timeout` told has come.
    Timeout,
}

/// What the driver does.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Output {
    /// Send a text frame.
    Send {
        /// To whom.
        client: ClientId,
        /// All of it.
        text: String,
    },
    /// Send a ping.
    Ping(ClientId),
    /// End the connection, with a close frame of this code, or at once. The server knows the client no longer.
    Disconnect {
        /// Whom.
        client: ClientId,
        /// `None` where the client would not read it.
        code: Option<CloseCode>,
    },
    /// For call control.
    Command {
        /// Who asks.
        client: ClientId,
        /// What.
        command: Command,
    },
    /// Check a password, off this thread, and say by [`Input::PasswordChecked`] whether it fits. Without a hash none
    /// does, and it takes as long.
    CheckPassword {
        /// For the answer.
        client: ClientId,
        /// What was sent.
        password: Secret,
        /// The user's Argon2id hash.
        hash: Option<Secret>,
    },
    /// Log that something was refused with 500, and why (rule 3).
    LogRefusal(&'static str),
    /// Run the command that is configured for showing, or hiding, the interface (rule 16).
    ShowUi(bool),
}

/// Why the phone closes a connection, in the numbers of RFC 6455 §7.4.1 and IANA's registry.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[repr(u16)]
pub enum CloseCode {
    /// The phone ends.
    GoingAway = 1001,
    /// A request was read while another was in flight: the driver's fault.
    Internal = 1011,
    /// Events were lost.
    TryAgainLater = 1013,
}

/// A password check under way.
#[derive(Debug)]
struct Check {
    address: IpAddr,
    user: Option<UserIndex>,
}

/// The machine.
pub struct Server {
    config: Config,
    page: Vec<PageFile>,
    dice: Dice,
    connections: BTreeMap<ClientId, Connection>,
    estate: Estate,
    throttle: Throttle,
    checks: BTreeMap<ClientId, Check>,
    /// The page is to be seen, as the last `showui` said (rule 16).
    shows_ui: bool,
    outputs: VecDeque<Output>,
}

impl Server {
    /// A server without connections that has these files for browsers.
    pub fn new(config: Config, page: Vec<PageFile>, dice: Dice) -> Self {
        Self {
            estate: Estate::new(config.max_connections),
            config,
            page,
            dice,
            connections: BTreeMap::new(),
            throttle: Throttle::default(),
            checks: BTreeMap::new(),
            shows_ui: true,
            outputs: VecDeque::new(),
        }
    }

    /// Judges the head of an HTTP request, or what has been read of it.
    pub fn judge(&self, read: &[u8]) -> Verdict {
        http::judge(read, &self.config, &self.page, self.connections.len() < self.config.max_connections)
    }

    /// True while this client's socket may be read: it has no request in flight.
    pub fn may_read(&self, client: ClientId) -> bool {
        self.connections.get(&client).is_some_and(|connection| connection.waiting.is_none())
    }

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Connected { client, address, origin } => {
                let connection = Connection::new(now, Source::new(address, origin));
                self.connections.insert(client, connection);
            }
            Input::Text { client, text } => self.on_message(now, client, Request::parse(text)),
            Input::Binary { client, bytes } => self.on_message(now, client, Err(refuse_binary(bytes))),
            Input::Heard(client) => self.on_connection(client, |connection| connection.hear(now)),
            Input::Waiting(client, waits) => {
                self.on_connection(client, |connection| connection.note_output(now, waits));
            }
            Input::Closed(client) => self.forget(now, client),
            Input::Reply { client, reply } => self.on_reply(now, client, &reply),
            Input::Event(event) => self.on_event(&event),
            Input::PasswordChecked { client, fits } => self.on_password_checked(now, client, fits),
            Input::PasswordUnchecked(client) => {
                self.checks.remove(&client);
                let refusal = self.too_many_checks();
                self.answer(now, client, &Err(refusal));
            }
            Input::Overrun => {
                // Answers that are lost too would keep their places for ever.
                self.checks.clear();
                self.disconnect_all(now, CloseCode::TryAgainLater);
            }
            Input::Stop => self.disconnect_all(now, CloseCode::GoingAway),
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When [`Input::Timeout`] is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.connections.values().filter_map(Connection::deadline).min()
    }

    fn on_connection(&mut self, client: ClientId, change: impl FnOnce(&mut Connection)) {
        if let Some(connection) = self.connections.get_mut(&client) {
            change(connection);
        }
    }

    fn on_message(&mut self, now: Instant, client: ClientId, message: Result<Request<'_>, Refused<'_>>) {
        let Some(connection) = self.connections.get_mut(&client) else { return };
        connection.hear(now);
        if connection.waiting.is_some() {
            return self.disconnect(now, client, Some(CloseCode::Internal));
        }
        match message {
            Ok(request) => {
                connection.id = request.id.map(ToOwned::to_owned);
                if let Err(refusal) = self.on_request(now, client, &request) {
                    self.answer(now, client, &Err(refusal));
                }
            }
            Err((id, error)) => {
                connection.id = id.map(ToOwned::to_owned);
                self.answer(now, client, &Err(error.into()));
            }
        }
    }

    /// Checks in the order of rule 3; what it accepts is answered in time.
    fn on_request(&mut self, now: Instant, client: ClientId, request: &Request<'_>) -> Result<(), Refusal> {
        if request.needs_token() {
            let token = request.token().ok_or_else(|| not_authorized("`token` is missing"))?;
            let user =
                self.user_of(now, client, &token).ok_or_else(|| not_authorized("`token` is not valid"))?;
            let covered = self.config.users.get(user).is_some_and(|user| user.rights.cover(request.action));
            if !covered {
                return Err(not_authorized("the user's rights do not cover this `action`"));
            }
        }
        match request.parameters()? {
            Asked::Authenticate { user, password } => self.on_authenticate(client, &user, password),
            Asked::Logout => {
                if let (Some(token), Some(connection)) = (request.token(), self.connections.get_mut(&client))
                {
                    connection.tokens.revoke(&token);
                }
                self.answer(now, client, &Ok(Done::Accepted));
                Ok(())
            }
            Asked::ShowUi { show } => {
                self.answer(now, client, &Ok(Done::Accepted));
                self.shows_ui = show;
                self.tell(|seq| write::show_ui(seq, show), |_| true);
                self.outputs.push_back(Output::ShowUi(show));
                Ok(())
            }
            Asked::Command(command) => {
                self.on_connection(client, |connection| {
                    connection.waiting = Some(Waiting::Reply);
                    if let Command::WatchLevels(watch) = command {
                        connection.watches_levels = watch;
                    }
                });
                self.outputs.push_back(Output::Command { client, command });
                Ok(())
            }
        }
    }

    /// Whose token this is: one of this connection's, or of a closed one that this one takes over (rule 5).
    fn user_of(&mut self, now: Instant, client: ClientId, token: &Secret) -> Option<UserIndex> {
        let connection = self.connections.get_mut(&client)?;
        if let Some(user) = connection.tokens.user_of(token) {
            return Some(user);
        }
        let (closed, tokens) = self.estate.claim(now, token, &connection.source)?;
        let user = tokens.user_of(token);
        connection.tokens.adopt(tokens);
        connection.was_authenticated = true;
        self.outputs.push_back(Output::Command { client, command: Command::TakeOver(closed) });
        user
    }

    fn on_authenticate(&mut self, client: ClientId, name: &str, password: Secret) -> Result<(), Refusal> {
        if self.checks.len() >= MAX_CHECKS {
            return Err(self.too_many_checks());
        }
        let Some(connection) = self.connections.get_mut(&client) else { return Ok(()) };
        connection.waiting = Some(Waiting::PasswordCheck);
        let user = self.config.users.iter().position(|user| user.name == name);
        let hash = user.and_then(|user| self.config.users.get(user)).map(|user| user.password_hash.clone());
        self.checks.insert(client, Check { address: connection.source.address, user });
        self.outputs.push_back(Output::CheckPassword { client, password, hash });
        Ok(())
    }

    fn too_many_checks(&mut self) -> Refusal {
        let why = "too many passwords are being checked";
        self.outputs.push_back(Output::LogRefusal(why));
        Refusal { code: RefusalCode::Internal, message: why.into() }
    }

    fn on_password_checked(&mut self, now: Instant, client: ClientId, fits: bool) {
        let Some(check) = self.checks.remove(&client) else { return };
        let user = check.user.filter(|_| fits);
        let Some(user) = user else {
            // Counted even if the client has gone: closing early must not make guessing cheaper.
            let delay = self.throttle.on_failure(now, check.address);
            if delay.is_zero() {
                return self.answer(now, client, &Err(wrong_password()));
            }
            return self
                .on_connection(client, |connection| connection.waiting = Some(Waiting::Delay(now + delay)));
        };
        let Some(connection) = self.connections.get_mut(&client) else { return };
        let origin = connection.source.origin.as_deref();
        if !self.config.users.get(user).is_some_and(|user| gate::origin_may_authenticate(origin, user)) {
            let message = format!("`user` may not come from origin {:?}", origin.unwrap_or_default());
            return self.answer(
                now,
                client,
                &Err(Refusal { code: RefusalCode::InvalidCredentials, message }),
            );
        }
        let token = connection.tokens.issue(&mut self.dice, user);
        connection.was_authenticated = true;
        connection.settle(now);
        let text = write::token(connection.id.take().as_deref(), token.expose());
        self.outputs.push_back(Output::Send { client, text });
    }

    fn on_reply(&mut self, now: Instant, client: ClientId, reply: &Reply) {
        let is_awaited = |connection: &Connection| matches!(connection.waiting, Some(Waiting::Reply));
        if self.connections.get(&client).is_some_and(is_awaited) {
            self.answer(now, client, reply);
        }
    }

    fn answer(&mut self, now: Instant, client: ClientId, reply: &Reply) {
        let Some(connection) = self.connections.get_mut(&client) else { return };
        connection.settle(now);
        let beside = write::Beside { seq: connection.seq, show: self.shows_ui };
        let text = write::reply(connection.id.take().as_deref(), beside, reply);
        self.outputs.push_back(Output::Send { client, text });
    }

    fn on_event(&mut self, event: &Event) {
        let is_success = matches!(event, Event::RegisterFinalized(_, 0));
        if is_success && self.config.register_finalized == RegisterFinalized::Failure {
            return;
        }
        let is_level = matches!(event, Event::AudioLevel { .. });
        self.tell(|seq| write::event(seq, event), |connection| connection.watches_levels || !is_level);
    }

    /// Sends every authenticated connection that `wants` it its next event (rule 6).
    fn tell(&mut self, event: impl Fn(u64) -> String, wants: impl Fn(&Connection) -> bool) {
        for (client, connection) in &mut self.connections {
            if !connection.tokens.is_empty() && wants(connection) {
                connection.seq = connection.seq.saturating_add(1);
                let text = event(connection.seq);
                self.outputs.push_back(Output::Send { client: *client, text });
            }
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        let due = |connection: &Connection| connection.deadline().is_some_and(|at| at <= now);
        let clients: Vec<ClientId> = self
            .connections
            .iter()
            .filter(|(_, connection)| due(connection))
            .map(|(client, _)| *client)
            .collect();
        for client in clients {
            let Some(connection) = self.connections.get_mut(&client) else { continue };
            if connection.is_lost(now) {
                self.disconnect(now, client, None);
            } else if connection.delay_is_over(now) {
                self.answer(now, client, &Err(wrong_password()));
            } else {
                connection.ping(now);
                self.outputs.push_back(Output::Ping(client));
            }
        }
    }

    fn disconnect_all(&mut self, now: Instant, code: CloseCode) {
        let clients: Vec<ClientId> = self.connections.keys().copied().collect();
        clients.into_iter().for_each(|client| self.disconnect(now, client, Some(code)));
    }

    fn disconnect(&mut self, now: Instant, client: ClientId, code: Option<CloseCode>) {
        self.outputs.push_back(Output::Disconnect { client, code });
        self.forget(now, client);
    }

    fn forget(&mut self, now: Instant, client: ClientId) {
        let Some(connection) = self.connections.remove(&client) else { return };
        self.estate.keep(now, client, connection.source, connection.tokens);
        if connection.was_authenticated {
            self.outputs.push_back(Output::Command { client, command: Command::ClientGone });
        }
    }
}

fn not_authorized(message: &str) -> Refusal {
    Refusal { code: RefusalCode::NotAuthorized, message: message.into() }
}

fn wrong_password() -> Refusal {
    Refusal { code: RefusalCode::InvalidCredentials, message: "`user` or `password` is wrong".into() }
}
