//! Registration (RFC 3261 §10.2, RFC 5626 §4.5): one address of record kept bound to this phone, through challenges,
//! refreshes, failures and the end. What a person or program is told of it is the user's matter.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use crate::dialog::MAX_FORWARDS;
use crate::endpoint::{self, Alternatives, ClientId, Endpoint, RouteId};
use crate::flow::Flow;
use crate::invite::Profile;
use crate::message::{CSeq, Contacts, Method, Name, NameAddr, Request, Response, Status, Uri};

/// The first wait after a failure (RFC 5626 §4.5, "base-time" where no flow works).
const RETRY_BASE: Duration = Duration::from_secs(30);

/// The longest wait after a failure (RFC 5626 §4.5, "max-time").
const RETRY_MAX: Duration = Duration::from_secs(1800);

/// A binding is refreshed this long before it ends, or in half its time if that is longer than it lasts: room for a
/// transaction that times out, and for one more.
const REFRESH_EARLY: Duration = Duration::from_secs(75);

/// The least time that a binding is refreshed after, whatever a registrar grants: no storm.
const REFRESH_MIN: Duration = Duration::from_secs(5);

/// Who is registered where.
#[derive(Clone, Debug)]
pub struct Registrar {
    /// The domain as a URI: `sip:example.net`.
    pub domain: Uri,
    /// Where the REGISTER goes first: an outbound proxy, or the domain.
    pub hop: Uri,
    /// How long a binding is asked to last.
    pub expires: Duration,
}

/// What a registration tells its user.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Event {
    /// The address is bound: first, again after a failure, or refreshed.
    Registered,
    /// The registrar's final answer is one that trying again would not change.
    Refused(Status),
    /// No answer, or a 5xx: it is tried again by itself.
    Failed(Status),
    /// The binding is removed, or the registrar did not answer to that.
    Unregistered,
}

/// One address of record and its registrar.
#[derive(Debug)]
pub struct Registration {
    registrar: Registrar,
    profile: Profile,
    call_id: String,
    tag: String,
    /// CSeq number of the last REGISTER.
    number: u32,
    /// Failures since the last success.
    failures: u32,
    dice: Dice,
    state: State,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of calls: a box would cost more than it saves")]
enum State {
    /// Nothing is bound, nothing is wanted.
    Idle,
    /// A flow to the first hop is being opened.
    Reaching { route: RouteId, want: Want },
    /// The REGISTER is out.
    Asking { transaction: ClientId, flow: Flow, alternatives: Alternatives, request: Request, want: Want },
    /// Bound.
    Bound { flow: Flow, refresh_at: Instant },
    /// Not bound; it is tried again.
    Waiting { retry_at: Instant },
}

/// What a REGISTER is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Want {
    /// To bind, for so many seconds.
    Bind(u64),
    /// To remove the binding.
    Remove,
}

impl Registration {
    /// Not registering yet.
    pub fn new(registrar: Registrar, profile: Profile, mut dice: Dice) -> Self {
        let (call_id, tag) = (dice.hex(4), dice.hex(2));
        Self { registrar, profile, call_id, tag, number: 0, failures: 0, dice, state: State::Idle }
    }

    /// Registers at once, whatever it waited for; a REGISTER that is out is let go.
    pub fn register(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.failures = 0;
        let want = Want::Bind(self.registrar.expires.as_secs());
        self.reach(now, endpoint, want);
    }

    /// Registers at once with another profile: a new password, say.
    pub fn register_as(&mut self, now: Instant, endpoint: &mut Endpoint, profile: Profile) {
        self.profile = profile;
        self.register(now, endpoint);
    }

    /// Removes the binding. The user hears `Unregistered`; at once if there is nothing to remove.
    pub fn unregister(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        match self.state {
            // A REGISTER that is out may have been heard: it is taken back.
            State::Bound { .. } | State::Asking { want: Want::Bind(_), .. } => {
                self.reach(now, endpoint, Want::Remove);
            }
            State::Idle | State::Reaching { want: Want::Bind(_), .. } | State::Waiting { .. } => {
                self.state = State::Idle;
                tray.push(Event::Unregistered);
            }
            State::Reaching { want: Want::Remove, .. } | State::Asking { want: Want::Remove, .. } => {}
        }
    }

    /// Tries again at `at`, though the registrar has refused.
    pub fn retry_at(&mut self, at: Instant) {
        self.state = State::Waiting { retry_at: at };
    }

    /// Whether the address is bound.
    pub const fn is_bound(&self) -> bool {
        matches!(self.state, State::Bound { .. })
    }

    /// The flow of the binding.
    pub const fn flow(&self) -> Option<Flow> {
        match &self.state {
            State::Bound { flow, .. } | State::Asking { flow, .. } => Some(*flow),
            _ => None,
        }
    }

    /// Who we are to this registrar; its authenticator knows the registrar's last nonce.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Where requests of this account go first, and the domain that they are for.
    pub const fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// Whether an event of the endpoint is this registration's to handle.
    pub fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match (&self.state, event) {
            (State::Reaching { route: own, .. }, E::Reached { route, .. } | E::Unreachable { route, .. }) => {
                own == route
            }
            (
                State::Asking { transaction: own, .. },
                E::Response { transaction, .. } | E::Failed { transaction, .. },
            ) => own == transaction,
            _ => false,
        }
    }

    /// Takes an event that it owns.
    pub fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        tray: &mut Vec<Event>,
    ) {
        match (core::mem::replace(&mut self.state, State::Idle), event) {
            (State::Reaching { want, .. }, endpoint::Event::Reached { flow, alternatives, .. }) => {
                self.ask(now, endpoint, flow, alternatives, want);
            }
            (State::Reaching { want, .. }, endpoint::Event::Unreachable { .. }) => {
                self.on_failure(now, want, Status::SERVICE_UNAVAILABLE, None, tray);
            }
            (
                State::Asking { transaction, flow, alternatives, request, want },
                endpoint::Event::Response { response, .. },
            ) => {
                if response.status.is_provisional() {
                    self.state = State::Asking { transaction, flow, alternatives, request, want };
                } else {
                    self.on_response(now, endpoint, flow, alternatives, request, want, &response, tray);
                }
            }
            (State::Asking { alternatives, want, .. }, endpoint::Event::Failed { reason, .. }) => {
                self.try_next(now, endpoint, alternatives, want, reason.status(), None, tray);
            }
            (state, _) => self.state = state,
        }
    }

    /// When `handle_timeout` is due.
    pub const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Bound { refresh_at: at, .. } | State::Waiting { retry_at: at } => Some(at),
            State::Idle | State::Reaching { .. } | State::Asking { .. } => None,
        }
    }

    /// Refreshes, or tries again, if that is due.
    pub fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if self.poll_timeout().is_some_and(|at| at <= now) {
            self.reach(now, endpoint, Want::Bind(self.registrar.expires.as_secs()));
        }
    }

    fn reach(&mut self, now: Instant, endpoint: &mut Endpoint, want: Want) {
        self.state = State::Reaching { route: endpoint.reach(now, &self.registrar.hop), want };
    }

    fn ask(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        flow: Flow,
        alternatives: Alternatives,
        want: Want,
    ) {
        let mut request = self.write(flow, want);
        self.send(now, endpoint, flow, alternatives, &mut request, want);
    }

    /// RFC 3261 §10.2.
    fn write(&self, flow: Flow, want: Want) -> Request {
        let Registrar { domain, hop, .. } = &self.registrar;
        let mut request = Request::new(Method::Register, domain.clone());
        let headers = &mut request.headers;
        if hop != domain
            && let Uri::Sip(hop) = hop
        {
            headers.push(Name::Route, NameAddr::new(Uri::Sip(hop.clone().with_param("lr", None))));
        }
        headers.push(Name::MaxForwards, MAX_FORWARDS);
        headers.push(Name::From, self.profile.address.clone().with_tag(&self.tag));
        headers.push(Name::To, &self.profile.address);
        headers.push(Name::CallId, &self.call_id);
        headers.push(Name::CSeq, CSeq { number: 0, method: Method::Register });
        headers.push(Name::Contact, self.profile.contact(flow));
        headers.push(
            Name::Expires,
            match want {
                Want::Bind(seconds) => seconds,
                Want::Remove => 0,
            },
        );
        headers.push(Name::UserAgent, &self.profile.agent);
        crate::invite::push_abilities(headers);
        request
    }

    fn send(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        flow: Flow,
        alternatives: Alternatives,
        request: &mut Request,
        want: Want,
    ) {
        self.number = self.number.saturating_add(1);
        request.headers.set(Name::CSeq, CSeq { number: self.number, method: Method::Register });
        if let Some(authenticator) = &mut self.profile.authenticator {
            authenticator.sign(request, &mut self.dice);
        }
        let transaction = endpoint.request(now, flow, request.clone());
        self.state = State::Asking { transaction, flow, alternatives, request: request.clone(), want };
    }

    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of the state that the answer ends, and the answer"
    )]
    fn on_response(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        flow: Flow,
        alternatives: Alternatives,
        mut request: Request,
        want: Want,
        response: &Response,
        tray: &mut Vec<Event>,
    ) {
        let status = response.status;
        match status {
            status if status.is_success() => self.on_success(now, flow, want, response, tray),
            Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED
                if self.profile.authenticator.as_mut().is_some_and(|it| it.take_challenge(response)) =>
            {
                self.send(now, endpoint, flow, alternatives, &mut request, want);
            }
            Status::INTERVAL_TOO_BRIEF => match (want, response.headers.min_expires()) {
                // Once: the registrar that asks for more and more is refused.
                (Want::Bind(asked), Ok(Some(least))) if u64::from(least) > asked && self.failures == 0 => {
                    self.registrar.expires = Duration::from_secs(u64::from(least));
                    let want = Want::Bind(u64::from(least));
                    let mut request = self.write(flow, want);
                    self.send(now, endpoint, flow, alternatives, &mut request, want);
                }
                _ => self.on_failure(now, want, status, None, tray),
            },
            Status::SERVICE_UNAVAILABLE => {
                let wait = response.headers.retry_after().ok().flatten();
                self.try_next(now, endpoint, alternatives, want, status, wait, tray);
            }
            _ => self.on_failure(now, want, status, None, tray),
        }
    }

    fn on_success(
        &mut self,
        now: Instant,
        flow: Flow,
        want: Want,
        response: &Response,
        tray: &mut Vec<Event>,
    ) {
        match want {
            Want::Bind(asked) => {
                self.failures = 0;
                let granted = Duration::from_secs(self.granted(flow, response).unwrap_or(asked));
                let early = REFRESH_EARLY.min(granted / 2);
                let after = REFRESH_MIN.max(granted.saturating_sub(early));
                self.state = State::Bound { flow, refresh_at: now + after };
                tray.push(Event::Registered);
            }
            Want::Remove => tray.push(Event::Unregistered),
        }
    }

    /// Seconds that the registrar grants: our own Contact's `expires`, else Expires (RFC 3261 §10.2.4).
    fn granted(&self, flow: Flow, response: &Response) -> Option<u64> {
        let own = self.profile.contact(flow);
        let contacts = match response.headers.contacts() {
            Ok(Contacts::List(contacts)) => contacts,
            _ => Vec::new(),
        };
        let ours = contacts.iter().find(|contact| contact.uri.is_equivalent(&own.uri));
        ours.and_then(NameAddr::expires).or_else(|| response.headers.expires().ok().flatten()).map(u64::from)
    }

    /// The hop's next address, if it has one (RFC 3263 §4.3).
    #[expect(
        clippy::too_many_arguments,
        reason = "the parts of the state that the failure ends, and the failure"
    )]
    fn try_next(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        alternatives: Alternatives,
        want: Want,
        status: Status,
        wait_seconds: Option<u32>,
        tray: &mut Vec<Event>,
    ) {
        match endpoint.reach_next(alternatives) {
            Some(route) => self.state = State::Reaching { route, want },
            None => self.on_failure(now, want, status, wait_seconds, tray),
        }
    }

    fn on_failure(
        &mut self,
        now: Instant,
        want: Want,
        status: Status,
        wait_seconds: Option<u32>,
        tray: &mut Vec<Event>,
    ) {
        if want == Want::Remove {
            // A registrar that doesn't answer forgets the binding by itself.
            tray.push(Event::Unregistered);
        } else if status.code() >= 500 && status.code() < 600 || status == Status::REQUEST_TIMEOUT {
            self.failures = self.failures.saturating_add(1);
            let least = Duration::from_secs(u64::from(wait_seconds.unwrap_or(0)));
            self.state = State::Waiting { retry_at: now + self.backoff().max(least) };
            tray.push(Event::Failed(status));
        } else {
            tray.push(Event::Refused(status));
        }
    }

    /// RFC 5626 §4.5: doubled with each failure, and anything from half of that to all of it.
    fn backoff(&mut self) -> Duration {
        let doublings = self.failures.min(10);
        let most = RETRY_MAX.min(RETRY_BASE.saturating_mul(1 << doublings));
        self.dice.duration(most / 2, most)
    }
}
