//! The exchange that the phones register with: a registrar that asks for passwords, and a proxy that forwards calls to
//! where their users are bound. It is written on [`Endpoint`] alone, as any other user is.

mod habits;
mod proxy;
mod registrar;

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant};
use sip::endpoint::{Config, Endpoint, Event, Input, Output, ServerId};
use sip::flow::{Flow, Link, Transport};
use sip::message::{Method, Name, NameAddr, Request, Response, SipUri, Status, Uri};

use crate::clients::MOVED;
pub(crate) use habits::Habits;
use proxy::Proxy;
use registrar::Registrar;

pub(crate) struct Exchange {
    address: SocketAddr,
    endpoint: Endpoint,
    habits: Habits,
    registrar: Registrar,
    proxy: Proxy,
    /// Call-IDs of calls that were sent elsewhere.
    redirected: BTreeSet<String>,
    /// Answers that take their time.
    pending: Vec<(Instant, ServerId, Response)>,
    dice: Dice,
    /// It has had enough of being difficult.
    is_calm: bool,
}

impl Exchange {
    pub(crate) fn new(
        address: SocketAddr,
        habits: Habits,
        passwords: &[(&str, &str)],
        mut dice: Dice,
    ) -> Self {
        Self {
            address,
            endpoint: Endpoint::new(&Config::default(), dice.fork()),
            registrar: Registrar::new(habits.clone(), passwords, dice.fork()),
            proxy: Proxy::new(address, habits.stays_in_path),
            redirected: BTreeSet::new(),
            pending: Vec::new(),
            habits,
            dice,
            is_calm: false,
        }
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Output> {
        let flow = flow(self.address, from);
        self.endpoint.handle_input(now, Input::Datagram { flow, bytes });
        self.run(now)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Output> {
        self.proxy.handle_timeout(now, &mut self.endpoint);
        for (_, transaction, response) in self.pending.extract_if(.., |(due, ..)| *due <= now) {
            self.endpoint.respond(now, transaction, response);
        }
        self.endpoint.handle_input(now, Input::Timeout);
        self.run(now)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let pending = self.pending.iter().map(|(due, ..)| *due);
        pending.chain(self.proxy.poll_timeout()).chain(self.endpoint.poll_timeout()).min()
    }

    /// Whether a user is bound to this address.
    pub(crate) fn binds(&self, now: Instant, user: &str, address: SocketAddr) -> bool {
        self.registrar.find(now, user).iter().filter_map(address_of).any(|bound| bound == address)
    }

    /// Whether anybody is bound.
    pub(crate) fn binds_any(&self, now: Instant) -> bool {
        self.registrar.binds_any(now)
    }

    /// Whether a call was for several phones, at once or one after the other.
    pub(crate) fn is_forked(&self, call_id: &str) -> bool {
        self.proxy.is_forked(call_id) || self.redirected.contains(call_id)
    }

    /// Loses what it has in memory only: bindings, or nonces.
    pub(crate) fn forget(&mut self) {
        self.registrar.forget();
    }

    /// From now on it is what it is meant to be.
    pub(crate) fn calm(&mut self) {
        self.is_calm = true;
    }

    /// Works off what its endpoint says; what is left is the network's to do.
    fn run(&mut self, now: Instant) -> Vec<Output> {
        let mut outputs = Vec::new();
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                Output::Event(event) => self.on_event(now, event),
                output => outputs.push(output),
            }
        }
        outputs
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        let Self { proxy, endpoint, .. } = self;
        match event {
            Event::Request { transaction, request, .. } => self.on_request(now, transaction, request),
            Event::Ack { request, .. } => proxy.forward_ack(endpoint, request),
            Event::Response { transaction, response, .. } => {
                proxy.on_response(now, endpoint, transaction, response);
            }
            Event::Failed { transaction, reason } => {
                proxy.on_failed(now, endpoint, transaction, reason.status());
            }
            Event::Cancelled { transaction } => proxy.cancel(now, endpoint, transaction),
            Event::Expired { .. } | Event::Reached { .. } | Event::Unreachable { .. } => {}
        }
    }

    fn on_request(&mut self, now: Instant, transaction: ServerId, request: Request) {
        let is_within_call = request.headers.to().is_ok_and(|to| to.tag().is_some());
        if is_within_call {
            let target = request.uri.clone();
            return self.proxy.forward(now, &mut self.endpoint, transaction, request, &[target]);
        }
        let is_registration = request.method == Method::Register;
        let answer = match self.mood(&request) {
            Some(refusal) => Err(refusal),
            None if is_registration => Ok(Err(self.registrar.register(now, &request))),
            None => self.find(now, &request).map(Ok),
        };
        match answer {
            Ok(Ok(targets)) => {
                self.proxy.forward(now, &mut self.endpoint, transaction, request, &targets);
            }
            Ok(Err(response)) | Err(response) => self.answer(now, transaction, &request, response),
        }
    }

    /// Answers at once, or says that it takes a while.
    fn answer(&mut self, now: Instant, transaction: ServerId, request: &Request, response: Response) {
        let is_slow = request.method == Method::Register && self.dice.percent(self.habits.is_slow);
        if self.is_calm || !is_slow {
            return self.endpoint.respond(now, transaction, response);
        }
        self.endpoint.respond(now, transaction, Response::to_request(request, Status::TRYING));
        let after = self.dice.duration(Duration::ZERO, Duration::from_secs(10));
        self.pending.push((now + after, transaction, response));
    }

    /// At times it can't, or won't.
    fn mood(&mut self, request: &Request) -> Option<Response> {
        if self.is_calm || !self.dice.percent(self.habits.moody) {
            return None;
        }
        let is_registration = request.method == Method::Register;
        let status = match self.dice.below(5) {
            0 | 1 => Status::SERVICE_UNAVAILABLE,
            2 => Status::SERVER_INTERNAL_ERROR,
            3 if is_registration => Status::FORBIDDEN,
            3 => Status::BUSY_EVERYWHERE,
            _ => Status::REQUEST_TIMEOUT,
        };
        let mut response = Response::to_request(request, status);
        if status == Status::SERVICE_UNAVAILABLE && self.dice.percent(50) {
            response.headers.push(Name::RetryAfter, 1 + self.dice.below(60));
        }
        Some(response)
    }

    /// Where the called user is.
    fn find(&mut self, now: Instant, request: &Request) -> Result<Vec<Uri>, Response> {
        if self.habits.guards_calls {
            self.registrar.authenticate(now, request, Status::PROXY_AUTHENTICATION_REQUIRED)?;
        }
        let user = user_of(&request.uri);
        if let Some((_, addresses)) = MOVED.iter().find(|(moved, _)| *moved == user) {
            return Err(self.redirect(request, addresses));
        }
        let mut targets = self.registrar.find(now, &user);
        if targets.is_empty() {
            return Err(Response::to_request(request, Status::NOT_FOUND));
        }
        if self.dice.percent(self.habits.merges) {
            // By two ways at once: the phone answers one of them with 482.
            targets.push(targets[0].clone());
        }
        Ok(targets)
    }

    /// RFC 3261 §8.3.
    fn redirect(&mut self, request: &Request, users: &[&str]) -> Response {
        self.redirected.extend(request.headers.call_id().ok().map(String::from));
        let mut response = Response::to_request(request, Status::MOVED_TEMPORARILY);
        for (at, user) in users.iter().enumerate() {
            let uri = SipUri::new(Some(user), self.address.ip().into(), Some(self.address.port()));
            let contact = NameAddr::new(Uri::Sip(uri));
            response.headers.push(Name::Contact, format_args!("{contact};q=0.{}", 9 - at));
        }
        response
    }
}

fn flow(local: SocketAddr, remote: SocketAddr) -> Flow {
    Flow { link: Link::Sip(Transport::Udp), local, remote }
}

/// Where a URI leads to, which is a literal for all of this world's phones.
fn address_of(uri: &Uri) -> Option<SocketAddr> {
    let uri = uri.as_sip()?;
    Some(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(5060)))
}

fn user_of(uri: &Uri) -> String {
    uri.as_sip().and_then(|uri| uri.user_text()).unwrap_or_default().into_owned()
}

/// How long a call may ring: an exchange's own timer C, below the three minutes of RFC 3261 §16.6.
const RINGS_FOR: Duration = Duration::from_secs(90);
