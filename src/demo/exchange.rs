//! The exchange as a machine: it brings what happens to its registrar and its calls. The driver polls outputs until
//! `None` after each input.

use std::collections::VecDeque;
use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use sip::endpoint::{self, Config, Endpoint, Event, ServerId};
use sip::flow::{Flow, FlowError, Link, Transport};
use sip::invite::{ABILITIES, METHODS, Profile, SDP};
use sip::message::{Method, Name, NameAddr, Request, Response, SipUri, Status, Uri};

use super::call::{Call, Line, Peer, Referral, Turn, Wish};
use super::forward::{Forward, MAX_FORWARDS};
use super::interface::{Input, LINES, Output};
use super::numbers::{self, CALLED_BACK};
use super::registrar::{Registrar, USERS, user_of};

/// How long calls may take to end when the exchange stops.
const STOP_WITHIN: Duration = Duration::from_millis(100);

/// User-Agent and Server.
const AGENT: &str = concat!("neonphone-demo/", env!("CARGO_PKG_VERSION"));

/// The name that callers see.
const NAME: &str = "Demonstration exchange";

/// The number that calls somebody back, and the one that calls somebody for another.
const CALLS_BACK: &str = "603";
const TRANSFERS: &str = "604";

/// The exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    address: SocketAddr,
    endpoint: Endpoint,
    registrar: Registrar,
    /// Calls with one of its numbers.
    calls: Vec<Call>,
    /// Calls between users.
    forwards: Vec<Forward>,
    /// Lines without a call, the one that has rested longest first: its old caller may still be speaking.
    free: VecDeque<Line>,
    /// Users who will be called, no more of them than lines.
    to_call_back: Vec<(Instant, String)>,
    /// What calls want, until the end of a turn.
    wishes: Vec<Wish>,
    stop_at: Option<Instant>,
    dice: Dice,
    outputs: VecDeque<Output>,
}

impl Exchange {
    /// An exchange whose SIP socket is bound to `address`, and the RTP sockets of its lines to `lines`.
    pub(super) fn new(address: SocketAddr, lines: [SocketAddr; LINES], mut dice: Dice) -> Self {
        Self {
            address,
            // Neither hosts nor name servers: it talks to addresses of this machine.
            endpoint: Endpoint::new(&Config::default(), dice.fork()),
            registrar: Registrar::new(dice.fork()),
            calls: Vec::new(),
            forwards: Vec::new(),
            free: lines.into_iter().enumerate().map(|(number, rtp)| Line { number, rtp }).collect(),
            to_call_back: Vec::new(),
            wishes: Vec::new(),
            stop_at: None,
            dice,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened. `now` never goes back.
    pub(super) fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Sip { from, bytes } => {
                let flow = self.flow_to(from);
                self.endpoint.handle_input(now, endpoint::Input::Datagram { flow, bytes });
            }
            Input::Media { line, channel, from, bytes } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.line().number == line) {
                    call.handle_packet(now, channel, from, bytes);
                }
                return;
            }
            Input::Tick => return self.tick(now),
            Input::Timeout => self.endpoint.handle_input(now, endpoint::Input::Timeout),
            Input::Stop => {
                self.stop_at = Some(now + STOP_WITHIN);
                self.to_call_back.clear();
                let Self { endpoint, wishes, .. } = self;
                let mut turn = Turn { now, endpoint, wishes };
                self.calls.iter_mut().for_each(|call| call.end(&mut turn, Status::SERVICE_UNAVAILABLE));
            }
        }
        self.settle(now);
    }

    /// What the driver is to send next.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.calls.iter().filter_map(Call::poll_timeout);
        let forwards = self.forwards.iter().filter_map(Forward::poll_timeout);
        let to_call_back = self.to_call_back.iter().map(|(at, _)| *at);
        let own = self.endpoint.poll_timeout().into_iter().chain(self.stop_at);
        calls.chain(forwards).chain(to_call_back).chain(own).min()
    }

    /// Whether ticks are wanted.
    pub(super) fn sounds(&self) -> bool {
        self.calls.iter().any(Call::sounds)
    }

    /// Whether it was told to stop, and its calls have ended or had their time for it.
    pub(super) fn has_stopped(&self, now: Instant) -> bool {
        self.stop_at.is_some_and(|at| at <= now || self.calls.is_empty())
    }

    fn tick(&mut self, now: Instant) {
        for call in self.calls.iter_mut().filter(|call| call.sounds()) {
            let line = call.line().number;
            call.tick(now, |packet| {
                let (channel, to, bytes) = (packet.channel, packet.to, packet.bytes.to_vec());
                self.outputs.push_back(Output::Media { line, channel, to, bytes });
            });
        }
    }

    /// Works off all that follows from an input.
    fn settle(&mut self, now: Instant) {
        self.route(now);
        self.do_what_is_due(now);
        self.route(now);
        while !self.wishes.is_empty() {
            let wishes = std::mem::take(&mut self.wishes);
            wishes.into_iter().for_each(|wish| self.fulfil(now, wish));
            self.route(now);
        }
        self.free.extend(self.calls.extract_if(.., |call| call.is_over()).map(|call| call.line()));
        self.forwards.retain(|forward| !forward.is_over());
    }

    fn do_what_is_due(&mut self, now: Instant) {
        let Self { endpoint, wishes, calls, forwards, .. } = self;
        let mut turn = Turn { now, endpoint, wishes };
        calls.iter_mut().for_each(|call| call.handle_timeout(&mut turn));
        forwards.iter_mut().for_each(|forward| forward.handle_timeout(now, endpoint));
        let due: Vec<_> = self.to_call_back.extract_if(.., |(at, _)| *at <= now).collect();
        due.into_iter().for_each(|(_, user)| self.call_back(now, user));
    }

    /// Brings what the endpoint has to say to whom it concerns, until it has nothing more.
    fn route(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                endpoint::Output::Send { flow, bytes } => {
                    self.outputs.push_back(Output::Sip { to: flow.remote, bytes });
                }
                endpoint::Output::Connect { connect, link, remote } => {
                    let flow = self.flow_to(remote);
                    let input = match flow.link == link && remote.is_ipv4() == self.address.is_ipv4() {
                        true => endpoint::Input::FlowOpen { connect, flow },
                        false => endpoint::Input::FlowFailed { connect, reason: FlowError::Unsupported },
                    };
                    self.endpoint.handle_input(now, input);
                }
                endpoint::Output::Close { .. } => {}
                endpoint::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        let Self { endpoint, wishes, calls, forwards, .. } = self;
        if let Some(call) = calls.iter_mut().find(|call| call.owns(&event)) {
            call.handle_event(&mut Turn { now, endpoint, wishes }, event);
        } else if let Some(forward) = forwards.iter_mut().find(|forward| forward.owns(&event)) {
            forward.handle_event(now, endpoint, event);
        } else if let Event::Request { transaction, flow, request } = event
            && let Err(mut response) = self.on_request(now, transaction, flow, &request)
        {
            response.headers.push(Name::Server, AGENT);
            self.endpoint.respond(now, transaction, response);
        }
    }

    /// A request that belongs to no call begins one, or has this answer.
    fn on_request(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        request: &Request,
    ) -> Result<(), Response> {
        if request.method == Method::Register {
            return Err(self.registrar.register(now, request));
        }
        ABILITIES.inspect(request)?;
        // RFC 3261 §12.2.2: a To tag names a dialog, and there is none like that.
        let is_stray = request.headers.to().is_ok_and(|to| to.tag().is_some());
        match request.method {
            Method::Options if !is_stray => Err(abilities(request)),
            Method::Invite if !is_stray => self.on_invite(now, transaction, flow, request),
            _ => Err(Response::to_request(request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
        }
    }

    fn on_invite(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        invite: &Request,
    ) -> Result<(), Response> {
        let caller = self.registrar.authenticate(now, invite, Status::PROXY_AUTHENTICATION_REQUIRED)?;
        let called = user_of(&invite.uri);
        let begun = if USERS.contains(&called.as_str()) {
            self.forward(now, transaction, invite, &called)
        } else {
            self.take(transaction, flow, invite, caller, &called)
        };
        begun.map_err(|status| Response::to_request(invite, status))
    }

    /// From one phone to another.
    fn forward(
        &mut self,
        now: Instant,
        transaction: ServerId,
        invite: &Request,
        called: &str,
    ) -> Result<(), Status> {
        let target = self.registrar.contact(now, called).ok_or(Status::TEMPORARILY_UNAVAILABLE)?.clone();
        let flow = self.flow_by(&target).ok_or(Status::TEMPORARILY_UNAVAILABLE)?;
        if self.forwards.len() >= MAX_FORWARDS {
            return Err(Status::BUSY_HERE);
        }
        let (from, to) = ((transaction, invite), (target, flow));
        self.forwards.push(Forward::start(now, &mut self.endpoint, from, to)?);
        Ok(())
    }

    /// A call to a number of the exchange's own.
    fn take(
        &mut self,
        transaction: ServerId,
        flow: Flow,
        invite: &Request,
        caller: &str,
        number: &str,
    ) -> Result<(), Status> {
        let script = numbers::script_of(number).ok_or(Status::NOT_FOUND)?;
        let peer = self.peer(caller, number).ok_or(Status::BUSY_HERE)?;
        let line = peer.line;
        match Call::take((transaction, flow, invite.clone()), peer, script, self.dice.fork()) {
            Ok(call) => self.calls.push(call),
            Err(status) => {
                self.free.push_back(line);
                return Err(status);
            }
        }
        Ok(())
    }

    fn fulfil(&mut self, now: Instant, wish: Wish) {
        match wish {
            Wish::CallBack { user, after } if self.to_call_back.len() < LINES => {
                self.to_call_back.push((now + after, user));
            }
            Wish::CallBack { .. } => {}
            Wish::Refer(referral) => self.refer(now, referral),
            Wish::Tell { call_id, status } => self.tell_referrer(now, &call_id, status),
        }
    }

    /// Calls a user, unless he has gone, or all lines are taken.
    fn call_back(&mut self, now: Instant, user: String) {
        let Some(contact) = self.registrar.contact(now, &user).cloned() else { return };
        let Some(peer) = self.peer(&user, CALLS_BACK) else { return };
        let dice = self.dice.fork();
        let Self { endpoint, wishes, .. } = self;
        let mut turn = Turn { now, endpoint, wishes };
        self.calls.push(Call::place(&mut turn, &contact, peer, CALLED_BACK, dice));
    }

    /// A caller wants somebody else to hear what he hears. A user is called; a number of the exchange's own would only
    /// hear what the exchange says itself, so it is taken for called.
    fn refer(&mut self, now: Instant, referral: Referral) {
        let to = user_of(&referral.to);
        if !USERS.contains(&to.as_str()) {
            return self.tell_referrer(now, &referral.call_id, numbers::outcome_of(&to));
        }
        let contact = self.registrar.contact(now, &to).cloned();
        let Some((contact, peer)) = contact.zip(self.peer(&to, TRANSFERS)) else {
            return self.tell_referrer(now, &referral.call_id, Status::TEMPORARILY_UNAVAILABLE);
        };
        let dice = self.dice.fork();
        let Self { endpoint, wishes, .. } = self;
        let mut turn = Turn { now, endpoint, wishes };
        self.calls.push(Call::refer(&mut turn, &contact, peer, referral, dice));
    }

    fn tell_referrer(&mut self, now: Instant, call_id: &str, status: Status) {
        let Self { endpoint, wishes, .. } = self;
        if let Some(call) = self.calls.iter_mut().find(|call| call.call_id() == call_id) {
            call.tell_referrer(&mut Turn { now, endpoint, wishes }, status);
        }
    }

    /// The other side of a new call: a user, one of the exchange's numbers for him, and a free line.
    fn peer(&mut self, user: &str, number: &str) -> Option<Peer> {
        let line = self.free.pop_front()?;
        Some(Peer { user: user.into(), profile: self.profile(number), line })
    }

    /// Who the exchange is in a call with one of its numbers.
    fn profile(&self, number: &str) -> Profile {
        let uri = SipUri::new(Some(number), self.address.ip().into(), Some(self.address.port()));
        Profile {
            address: NameAddr::new(uri).with_display_name(NAME),
            contact_user: number.into(),
            agent: AGENT.into(),
            authenticator: None,
            seen: None,
        }
    }

    fn flow_by(&self, target: &Uri) -> Option<Flow> {
        let uri = target.as_sip()?;
        let remote = SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(5060));
        Some(self.flow_to(remote))
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        Flow { link: Link::Sip(Transport::Udp), local: self.address, remote }
    }
}

/// RFC 3261 §11.2.
fn abilities(options: &Request) -> Response {
    let mut response = Response::to_request(options, Status::OK);
    for method in METHODS {
        response.headers.push(Name::Allow, method);
    }
    response.headers.push(Name::Accept, SDP);
    response
}
