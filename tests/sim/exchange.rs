//! The exchange that the phones register with: a registrar (RFC 3261 §10.3) that asks for passwords, and a proxy that
//! forwards calls to where their users are bound (§16). It is written on [`Endpoint`] alone, as any other user is.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant, Secret};
use sip::digest::{Algorithm, Authorization, Challenge, Credentials, Qop};
use sip::endpoint::{ClientId, Config, Endpoint, Event, Input, Output, ServerId};
use sip::flow::{Flow, Link, Transport};
use sip::message::{Contacts, Method, Name, NameAddr, Request, Response, SipUri, Status, Uri};

/// How long a call may ring: an exchange's own timer C, below the three minutes of RFC 3261 §16.6.
const RINGS_FOR: Duration = Duration::from_secs(90);

/// Whom it asks for passwords, how, and for how long it takes them for an answer.
pub(crate) struct Habits {
    pub(crate) realm: String,
    pub(crate) algorithm: Algorithm,
    pub(crate) nonce_lives: Duration,
    /// Calls are challenged too.
    pub(crate) guards_calls: bool,
    /// Requests within a call pass through it (RFC 3261 §16.6, Record-Route).
    pub(crate) stays_in_path: bool,
    /// The longest binding that it grants.
    pub(crate) grants: Duration,
}

impl Habits {
    pub(crate) fn thrown(dice: &mut Dice) -> Self {
        Self {
            realm: "exchange".into(),
            algorithm: if dice.percent(50) { Algorithm::Md5 } else { Algorithm::Sha256 },
            nonce_lives: dice.duration(Duration::from_secs(5), Duration::from_secs(300)),
            guards_calls: dice.percent(50),
            stays_in_path: dice.percent(50),
            grants: dice.duration(Duration::from_secs(20), Duration::from_secs(600)),
        }
    }
}

pub(crate) struct Exchange {
    address: SocketAddr,
    endpoint: Endpoint,
    habits: Habits,
    passwords: BTreeMap<String, Secret>,
    bindings: BTreeMap<String, Binding>,
    nonces: BTreeMap<String, Instant>,
    forwards: Vec<Forward>,
    dice: Dice,
}

/// Where a user is.
struct Binding {
    contact: NameAddr,
    until: Instant,
    /// Call-ID and number of the REGISTER: an older one of the same phone changes nothing.
    made_by: (String, u32),
}

/// A request on its way, and the way back for its answers.
struct Forward {
    request: Request,
    server: ServerId,
    client: ClientId,
    /// An INVITE that has no final answer yet is cancelled then.
    cancel_at: Option<Instant>,
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
            habits,
            passwords: passwords.iter().map(|(user, word)| ((*user).into(), (*word).into())).collect(),
            bindings: BTreeMap::new(),
            nonces: BTreeMap::new(),
            forwards: Vec::new(),
            dice,
        }
    }

    pub(crate) fn handle_datagram(&mut self, now: Instant, from: SocketAddr, bytes: &[u8]) -> Vec<Output> {
        let flow = self.flow_to(from);
        self.endpoint.handle_input(now, Input::Datagram { flow, bytes });
        self.run(now)
    }

    pub(crate) fn handle_timeout(&mut self, now: Instant) -> Vec<Output> {
        for forward in &mut self.forwards {
            if forward.cancel_at.is_some_and(|at| at <= now) {
                forward.cancel_at = None;
                self.endpoint.cancel(now, forward.client);
            }
        }
        self.endpoint.handle_input(now, Input::Timeout);
        self.run(now)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let rings = self.forwards.iter().filter_map(|forward| forward.cancel_at);
        rings.chain(self.endpoint.poll_timeout()).min()
    }

    /// Users that are bound to somewhere at `now`.
    pub(crate) fn bound(&self, now: Instant) -> Vec<&str> {
        let bound = self.bindings.iter().filter(|(_, binding)| binding.until > now);
        bound.map(|(user, _)| user.as_str()).collect()
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
        match event {
            Event::Request { transaction, request, .. } => self.on_request(now, transaction, request),
            Event::Ack { request, .. } => self.forward_ack(request),
            Event::Response { transaction, response, .. } => self.on_response(now, transaction, response),
            Event::Failed { transaction, reason } => {
                if let Some(forward) = self.forwards.iter_mut().find(|it| it.client == transaction) {
                    forward.cancel_at = None;
                    let response = Response::to_request(&forward.request, reason.status());
                    self.endpoint.respond(now, forward.server, response);
                }
            }
            Event::Cancelled { transaction } => {
                if let Some(forward) = self.forwards.iter_mut().find(|it| it.server == transaction) {
                    forward.cancel_at = None;
                    self.endpoint.cancel(now, forward.client);
                }
            }
            Event::Expired { .. } | Event::Reached { .. } | Event::Unreachable { .. } => {}
        }
    }

    fn on_request(&mut self, now: Instant, transaction: ServerId, request: Request) {
        let is_within_call = request.headers.to().is_ok_and(|to| to.tag().is_some());
        let verdict = match request.method {
            Method::Register => self.register(now, &request),
            _ if is_within_call => Ok(request.uri.clone()),
            _ => self.find(now, &request).map(|binding| binding.contact.uri.clone()),
        };
        match verdict {
            Ok(target) if request.method != Method::Register => {
                self.forward(now, transaction, request, target)
            }
            Ok(_) => self.endpoint.respond(now, transaction, self.bindings_of(now, &request)),
            Err(refusal) => self.endpoint.respond(now, transaction, refusal),
        }
    }

    /// RFC 3261 §10.3.
    fn register(&mut self, now: Instant, request: &Request) -> Result<Uri, Response> {
        let refuse = |status| Response::to_request(request, status);
        self.authenticate(now, request, Status::UNAUTHORIZED)?;
        let user = user_of(&request.headers.to().map_err(|_| refuse(Status::BAD_REQUEST))?.uri);
        let call_id = request.headers.call_id().map_err(|_| refuse(Status::BAD_REQUEST))?;
        let number = request.headers.cseq().map_err(|_| refuse(Status::BAD_REQUEST))?.number;
        let Ok(Contacts::List(contacts)) = request.headers.contacts() else {
            return Err(refuse(Status::BAD_REQUEST));
        };
        for contact in contacts {
            let asked = contact.expires().or(request.headers.expires().ok().flatten()).unwrap_or(3600);
            let is_old = self.bindings.get(&user).is_some_and(|known| {
                known.until > now && known.made_by.0 == call_id && known.made_by.1 >= number
            });
            if is_old {
                return Err(refuse(Status::SERVER_INTERNAL_ERROR));
            }
            let is_ours = |known: &Binding| known.contact.uri.is_equivalent(&contact.uri);
            if asked > 0 {
                let until = now + Duration::from_secs(asked.into()).min(self.habits.grants);
                let made_by = (call_id.into(), number);
                self.bindings.insert(user.clone(), Binding { contact, until, made_by });
            } else if self.bindings.get(&user).is_some_and(is_ours) {
                self.bindings.remove(&user);
            }
        }
        Ok(request.uri.clone())
    }

    fn bindings_of(&self, now: Instant, register: &Request) -> Response {
        let mut response = Response::to_request(register, Status::OK);
        let user = register.headers.to().map(|to| user_of(&to.uri)).unwrap_or_default();
        if let Some(binding) = self.bindings.get(&user) {
            let seconds = binding.until.since(now).as_secs();
            response.headers.push(Name::Contact, format_args!("{};expires={seconds}", binding.contact));
        }
        response
    }

    /// RFC 3261 §22. Only those who know a password get further.
    fn authenticate(&mut self, now: Instant, request: &Request, asks: Status) -> Result<(), Response> {
        let (asked_in, answered_in) = match asks {
            Status::UNAUTHORIZED => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let user = request.headers.from().map(|from| user_of(&from.uri)).unwrap_or_default();
        let answer = request.headers.get(answered_in).and_then(|value| Authorization::parse(value).ok());
        let credentials = self.passwords.get(&user).map(|password| Credentials {
            user: user.clone(),
            realm: None,
            password: password.clone(),
        });
        let is_right = answer
            .as_ref()
            .zip(credentials)
            .is_some_and(|(answer, credentials)| answer.is_by(&credentials, &request.method, &request.body));
        let is_fresh = answer
            .as_ref()
            .and_then(|answer| self.nonces.get(&answer.nonce))
            .is_some_and(|made_at| now.since(*made_at) < self.habits.nonce_lives);
        if is_right && is_fresh {
            return Ok(());
        }
        let nonce = self.dice.hex(4);
        self.nonces.insert(nonce.clone(), now);
        let mut response = Response::to_request(request, asks);
        response.headers.push(
            asked_in,
            Challenge {
                realm: self.habits.realm.clone(),
                nonce,
                opaque: None,
                algorithm: Some(self.habits.algorithm),
                qop: Some(Qop::Auth),
                stale: is_right,
            },
        );
        Err(response)
    }

    /// Where the called user is.
    fn find(&mut self, now: Instant, request: &Request) -> Result<&Binding, Response> {
        if self.habits.guards_calls {
            self.authenticate(now, request, Status::PROXY_AUTHENTICATION_REQUIRED)?;
        }
        let binding = self.bindings.get(&user_of(&request.uri)).filter(|binding| binding.until > now);
        binding.ok_or_else(|| Response::to_request(request, Status::NOT_FOUND))
    }

    /// RFC 3261 §16.6.
    fn forward(&mut self, now: Instant, server: ServerId, request: Request, target: Uri) {
        let Some(flow) = self.flow_by(&target) else {
            let response = Response::to_request(&request, Status::NOT_FOUND);
            return self.endpoint.respond(now, server, response);
        };
        let mut onward = request.clone();
        onward.uri = target;
        self.pass(&mut onward);
        let is_invite = request.method == Method::Invite;
        if is_invite && self.habits.stays_in_path {
            let own = SipUri::new(None, self.address.ip().into(), Some(self.address.port()));
            onward.headers.push_front(Name::RecordRoute, NameAddr::new(Uri::Sip(own.with_param("lr", None))));
        }
        let client = self.endpoint.request(now, flow, onward);
        let cancel_at = is_invite.then(|| now + RINGS_FOR);
        self.forwards.push(Forward { request, server, client, cancel_at });
    }

    /// The ACK for a 2xx has no transaction and no answer.
    fn forward_ack(&mut self, mut ack: Request) {
        self.pass(&mut ack);
        if let Some(flow) = self.flow_by(&ack.uri) {
            self.endpoint.send_ack(flow, ack);
        }
    }

    /// What it changes in any request: one hop less to go, and its own Route is done with. The way back is its own
    /// secret: it keeps the Vias.
    fn pass(&self, request: &mut Request) {
        request.headers.remove(Name::Via);
        let hops = request.headers.max_forwards().ok().flatten().unwrap_or(70);
        request.headers.set(Name::MaxForwards, hops.saturating_sub(1));
        let routes = request.headers.routes(Name::Route).unwrap_or_default();
        request.headers.remove(Name::Route);
        for route in routes.iter().skip(1) {
            request.headers.push(Name::Route, route);
        }
    }

    /// RFC 3261 §16.7: by the way that the request came.
    fn on_response(&mut self, now: Instant, client: ClientId, mut response: Response) {
        let Some(forward) = self.forwards.iter_mut().find(|it| it.client == client) else { return };
        if response.status.is_final() {
            forward.cancel_at = None;
        }
        response.headers.remove(Name::Via);
        let vias: Vec<&str> = forward.request.headers.all(Name::Via).collect();
        for via in vias.into_iter().rev() {
            response.headers.push_front(Name::Via, via);
        }
        self.endpoint.respond(now, forward.server, response);
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        Flow { link: Link::Sip(Transport::Udp), local: self.address, remote }
    }

    fn flow_by(&self, target: &Uri) -> Option<Flow> {
        let uri = target.as_sip()?;
        Some(self.flow_to(SocketAddr::new(uri.host.ip()?, uri.port.unwrap_or(5060))))
    }
}

fn user_of(uri: &Uri) -> String {
    uri.as_sip().and_then(|uri| uri.user_text()).unwrap_or_default().into_owned()
}
