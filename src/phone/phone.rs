//! The one door of call control. It routes, and doesn't decide: accounts and calls do.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant, Secret, Seed};
use media::leg::LegId;
use sip::Show;
use sip::endpoint::{self, Endpoint, ServerId};
use sip::flow::Flow;
use sip::invite::{ABILITIES, METHODS, SDP, Session};
use sip::message::{Method, Name, Request, Response, Status};

use crate::accounts::{Accounts, Settings};
use crate::calls::{Call, Lent, Outcome};
use crate::command::{CallId, ClientId, Command, ConnectionId, Done, Refusal, RefusalCode, Reply};
use crate::event::{Event, Snapshot};
use crate::interface::{Config, Family, Input, Output, PortId};
use crate::number::Number;

/// How long stopping may take: the process has 2 s for all of it.
const STOP_TIME: Duration = Duration::from_millis(1500);

/// Calls that are over for clients, and settle on the wire. One more than these lets the oldest go: its peer hears no
/// more than from a phone that lost power.
const MAX_SETTLING: usize = 64;

/// Call control.
#[derive(Debug)]
pub struct Phone {
    config: Config,
    endpoint: Endpoint,
    accounts: Accounts,
    calls: Vec<Call>,
    /// Sessions of calls that are over for clients.
    settling: VecDeque<Session>,
    legs: Legs,
    next_call: u32,
    dice: Dice,
    outputs: VecDeque<Output>,
    /// Once it stops: by when.
    stop_at: Option<Instant>,
}

/// RTP sockets that were lent, and the numbers of legs.
#[derive(Debug, Default)]
struct Legs {
    lent: Vec<(PortId, Family, u16)>,
    used: u32,
}

impl Lent for Legs {
    fn lend(&mut self, family: Family) -> Option<(LegId, PortId, u16)> {
        let at = self.lent.iter().position(|(_, its_family, _)| *its_family == family)?;
        let (port, _, rtp_port) = self.lent.remove(at);
        self.used = self.used.saturating_add(1);
        Some((LegId(self.used), port, rtp_port))
    }
}

impl Phone {
    /// Call control with `config`'s accounts about to connect.
    pub fn new(config: Config, seed: Seed, now: Instant) -> Self {
        let mut dice = Dice::new(seed);
        let mut endpoint = Endpoint::new(&config.endpoint, dice.fork());
        let mut accounts = Accounts::new(config.agent.clone(), config.autodisconnect_grace, dice.fork());
        for settings in &config.accounts {
            accounts.configure(now, &mut endpoint, settings.clone());
        }
        let mut phone = Self {
            config,
            endpoint,
            accounts,
            calls: Vec::new(),
            settling: VecDeque::new(),
            legs: Legs::default(),
            next_call: 1,
            dice,
            outputs: VecDeque::new(),
            stop_at: None,
        };
        phone.route(now);
        phone
    }

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Sip(input) => self.endpoint.handle_input(now, input),
            Input::Names(names) => self.endpoint.configure(names),
            Input::MediaPort { port, family, rtp_port } => self.legs.lent.push((port, family, rtp_port)),
            Input::Command { client, command } => self.on_command(now, client, command),
            // The driver frees a leg's sockets when both halves have ended; nothing here waits for them.
            Input::LegEvent { .. } => {}
            Input::Stop => self.on_stop(now),
            Input::Timeout => self.on_timeout(now),
        }
        self.route(now);
    }

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint
            .poll_timeout()
            .into_iter()
            .chain(self.accounts.poll_timeout())
            .chain(self.calls.iter().filter_map(Call::poll_timeout))
            .chain(self.settling.iter().filter_map(Session::poll_timeout))
            .chain(self.stop_at)
            .min()
    }

    /// Shows the states of all machines, down to the transactions.
    pub fn show_states(&self, show: &mut Show<'_>) {
        self.endpoint.show_states(show);
        self.accounts.show_states(show);
        self.calls.iter().for_each(|call| call.show_states(show));
        self.settling.iter().for_each(|session| session.show_states(show));
    }

    /// Brings what the endpoint has to say to whom it concerns, until it has nothing more.
    fn route(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                endpoint::Output::Send { flow, bytes } => {
                    self.outputs.push_back(Output::Send { flow, bytes })
                }
                endpoint::Output::Connect { connect, link, remote } => {
                    self.outputs.push_back(Output::Connect { connect, link, remote });
                }
                endpoint::Output::Close { flow } => self.outputs.push_back(Output::Close { flow }),
                endpoint::Output::Event(event) => self.on_sip(now, event),
            }
        }
        self.check_stopped(now);
    }

    fn on_sip(&mut self, now: Instant, event: endpoint::Event) {
        let mut outputs = Vec::new();
        if let Some(at) = self.calls.iter().position(|call| call.owns(&event)) {
            let Self { calls, endpoint, legs, .. } = self;
            let outcome =
                calls.get_mut(at).map(|call| call.handle_event(now, endpoint, event, legs, &mut outputs));
            if matches!(outcome, Some(Outcome::Over)) {
                self.settle_call(now, at, &mut outputs);
            }
        } else if let Some(session) = self.settling.iter_mut().find(|session| session.owns(&event)) {
            // Nobody is told of a call that is over.
            session.handle_event(now, &mut self.endpoint, event, &mut Vec::new());
        } else if self.accounts.owns(&event) {
            self.accounts.handle_event(now, &mut self.endpoint, event, &mut outputs);
        } else if let endpoint::Event::Request { transaction, flow, request } = event {
            self.on_request(now, transaction, flow, request, &mut outputs);
        }
        self.settling.retain(|session| !session.is_over());
        self.outputs.extend(outputs);
    }

    /// A request that belongs to no call.
    fn on_request(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        request: Request,
        outputs: &mut Vec<Output>,
    ) {
        let refusal = match ABILITIES.inspect(&request) {
            Err(refusal) => refusal,
            // RFC 3261 §12.2.2: a To tag names a dialog, and there is none like that.
            Ok(()) if request.headers.to().is_ok_and(|to| to.tag().is_some()) => {
                Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
            }
            Ok(()) => match request.method {
                Method::Invite => match self.on_invite(now, transaction, flow, request.clone(), outputs) {
                    Ok(call) => return self.calls.push(call),
                    Err(status) => Response::to_request(&request, status),
                },
                Method::Options => self.abilities(&request),
                _ => Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
            },
        };
        self.respond(now, transaction, refusal);
    }

    fn on_invite(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        invite: Request,
        outputs: &mut Vec<Output>,
    ) -> Result<Call, Status> {
        let user = invite.uri.as_sip().and_then(|uri| uri.user_text()).unwrap_or_default().into_owned();
        let account = self.accounts.called(&user, flow).ok_or(Status::NOT_FOUND)?;
        if self.calls.len() >= self.config.max_calls || self.stop_at.is_some() {
            return Err(Status::BUSY_HERE);
        }
        let (connection, profile) = (account.id, account.profile().clone());
        let ids = (self.take_call_id(), connection);
        let dice = self.dice.fork();
        let Self { endpoint, legs, .. } = self;
        Call::ring(now, endpoint, ids, profile, transaction, flow, invite, dice, legs, outputs)
    }

    /// RFC 3261 §11.2.
    fn abilities(&self, options: &Request) -> Response {
        let mut response = Response::to_request(options, Status::OK);
        for method in METHODS {
            response.headers.push(Name::Allow, method);
        }
        response.headers.push(Name::Accept, SDP);
        response
    }

    fn respond(&mut self, now: Instant, transaction: ServerId, mut response: Response) {
        response.headers.push(Name::Server, &self.config.agent);
        self.endpoint.respond(now, transaction, response);
    }

    fn on_command(&mut self, now: Instant, client: ClientId, command: Command) {
        let mut outputs = Vec::new();
        let reply = match command {
            Command::ClientGone => return self.accounts.on_client_gone(now, client),
            Command::TakeOver(from) => return self.accounts.on_take_over(client, from),
            command => self.carry_out(now, client, command, &mut outputs),
        };
        // Rule 4: what became of a request is told after its reply.
        self.outputs.push_back(Output::Reply { client, reply });
        self.outputs.extend(outputs);
    }

    fn carry_out(
        &mut self,
        now: Instant,
        client: ClientId,
        command: Command,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        match command {
            Command::Register { domain, number, password, autodisconnect } => {
                self.register(now, client, domain, number, password, autodisconnect, outputs)
            }
            Command::Unregister => {
                let id = self.accounts.to_unregister(client)?;
                self.disconnect(now, id, outputs);
                Ok(Done::Accepted)
            }
            Command::StartCall { number, headers, connection } => {
                self.start_call(now, client, &number, headers, connection, outputs)
            }
            Command::AcceptCall(id) => {
                let call = self.calls.iter_mut().find(|call| call.id() == id).ok_or_else(|| no_call(id))?;
                if !call.can_be_accepted() {
                    return Err(invalid(format!("callid: call {} is not ringing for us to answer", id.0)));
                }
                call.accept(now, &mut self.endpoint, outputs);
                Ok(Done::Accepted)
            }
            Command::FinalizeCall(id) => {
                let at = self.calls.iter().position(|call| call.id() == id).ok_or_else(|| no_call(id))?;
                self.finalize(now, at, outputs);
                Ok(Done::Accepted)
            }
            Command::GetState => Ok(Done::State(Snapshot {
                accounts: self.accounts.snapshots(),
                calls: self.calls.iter().map(|call| call.snapshot(now)).collect(),
            })),
            Command::SetHold { .. }
            | Command::MuteCall { .. }
            | Command::TransferCall { .. }
            | Command::SendDtmf { .. } => {
                Err(Refusal { code: RefusalCode::Internal, message: "not built yet".into() })
            }
            Command::ClientGone | Command::TakeOver(_) => Ok(Done::Accepted),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "the parameters of sipregister")]
    fn register(
        &mut self,
        now: Instant,
        client: ClientId,
        domain: String,
        user: String,
        password: Secret,
        autodisconnect: bool,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        let domain = domain.parse().map_err(|error| invalid(format!("domain: {error}")))?;
        let settings = Settings::new(user, password, domain);
        let (id, replaced) =
            self.accounts.register(now, &mut self.endpoint, client, settings, autodisconnect, outputs)?;
        if let Some(replaced) = replaced {
            self.end_ringing(now, replaced, outputs);
        }
        Ok(Done::Connection(id))
    }

    fn start_call(
        &mut self,
        now: Instant,
        client: ClientId,
        number: &str,
        headers: Vec<(String, String)>,
        connection: Option<ConnectionId>,
        outputs: &mut Vec<Output>,
    ) -> Reply {
        // Rule 3: parameters are checked before state.
        let number: Number = number.parse().map_err(|error| invalid(format!("number: {error}")))?;
        if self.calls.len() >= self.config.max_calls {
            let message = format!("there are already {} calls", self.config.max_calls);
            return Err(Refusal { code: RefusalCode::Internal, message });
        }
        let account = self.accounts.to_call_from(client, connection)?;
        let target = account.dial(&number).map_err(|error| invalid(format!("number: {error}")))?;
        let hop = account.hop().clone();
        let (connection, profile) = (account.id, account.profile().clone());
        let id = self.take_call_id();
        let invitation = sip::invite::Invitation { target, hop, headers };
        let dice = self.dice.fork();
        let call = Call::place(now, &mut self.endpoint, (id, connection), profile, invitation, dice);
        outputs.push(Output::Event(Event::NewCall(call.told(now))));
        self.calls.push(call);
        Ok(Done::Call(id))
    }

    /// Disconnects an account as it was asked for.
    fn disconnect(&mut self, now: Instant, id: ConnectionId, outputs: &mut Vec<Output>) {
        self.end_ringing(now, id, outputs);
        self.accounts.disconnect(now, &mut self.endpoint, id, outputs);
    }

    /// Rule 7: calls that ring end with 480 when their account is disconnected; those answered go on.
    fn end_ringing(&mut self, now: Instant, id: ConnectionId, outputs: &mut Vec<Output>) {
        let status = Status::TEMPORARILY_UNAVAILABLE;
        while let Some(at) = self.calls.iter().position(|call| call.connection() == id && call.is_ringing()) {
            self.finalize_with(now, at, status, status.code(), outputs);
        }
    }

    fn finalize(&mut self, now: Instant, at: usize, outputs: &mut Vec<Output>) {
        let decline = Status::new(self.config.decline_status).unwrap_or(Status::BUSY_HERE);
        let sip_error = self.calls.get(at).map_or(0, |call| call.status_by_us(decline));
        self.finalize_with(now, at, decline, sip_error, outputs);
    }

    fn finalize_with(
        &mut self,
        now: Instant,
        at: usize,
        decline: Status,
        sip_error: u16,
        outputs: &mut Vec<Output>,
    ) {
        let session = self.calls.remove(at).finalize(now, &mut self.endpoint, decline, sip_error, outputs);
        self.settle(session);
    }

    /// A call has ended by itself.
    fn settle_call(&mut self, now: Instant, at: usize, outputs: &mut Vec<Output>) {
        let call = self.calls.remove(at);
        let sip_error = call.sip_error();
        let session = call.into_settling(now, sip_error, outputs);
        self.settle(session);
    }

    fn settle(&mut self, session: Session) {
        if !session.is_over() {
            self.settling.push_back(session);
            let excess = self.settling.len().saturating_sub(MAX_SETTLING);
            self.settling.drain(..excess);
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        let mut outputs = Vec::new();
        self.endpoint.handle_input(now, endpoint::Input::Timeout);
        let abandoned = self.accounts.handle_timeout(now, &mut self.endpoint, &mut outputs);
        for id in abandoned {
            self.disconnect(now, id, &mut outputs);
        }
        for session in &mut self.settling {
            session.handle_timeout(now, &mut self.endpoint, &mut Vec::new());
        }
        self.settling.retain(|session| !session.is_over());
        let mut at = 0;
        while let Some(call) = self.calls.get_mut(at) {
            match call.handle_timeout(now, &mut self.endpoint, &mut self.legs, &mut outputs) {
                Outcome::Live => at = at.saturating_add(1),
                Outcome::Over => self.settle_call(now, at, &mut outputs),
            }
        }
        self.outputs.extend(outputs);
    }

    fn on_stop(&mut self, now: Instant) {
        let mut outputs = Vec::new();
        while !self.calls.is_empty() {
            self.finalize(now, 0, &mut outputs);
        }
        for id in self.accounts.ids() {
            self.disconnect(now, id, &mut outputs);
        }
        self.stop_at = Some(now + STOP_TIME);
        self.outputs.extend(outputs);
    }

    fn check_stopped(&mut self, now: Instant) {
        let is_done = self.accounts.is_empty() && self.settling.iter().all(Session::is_silent);
        if self.stop_at.is_some_and(|stop_at| is_done || stop_at <= now) {
            self.stop_at = None;
            self.outputs.push_back(Output::Stopped);
        }
    }

    fn take_call_id(&mut self) -> CallId {
        let id = CallId(self.next_call);
        self.next_call = self.next_call.saturating_add(1);
        id
    }
}

fn invalid(message: String) -> Refusal {
    Refusal { code: RefusalCode::InvalidArgument, message }
}

fn no_call(id: CallId) -> Refusal {
    invalid(format!("callid: no call {}", id.0))
}
