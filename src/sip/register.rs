//! Registration (RFC 3261 §10.2, RFC 5626 §4.5): one address of record kept bound to this phone, through challenges,
//! redirections, refreshes, failures, changes of address and the end. What a person or program is told of it is the
//! user's matter.

mod answers;
mod bindings;
mod request;

use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use base::{Dice, Duration, Instant};

use crate::Show;
use crate::endpoint::{self, Alternatives, ClientId, Endpoint, Failure, RouteId};
use crate::flow::Flow;
use crate::invite::Profile;
use crate::message::{CSeq, Method, Name, Request, Status, Uri};

use bindings::Bindings;
use request::{Target, Want};

/// The longest wait after a correction without an answer: the registrar may be gone, or a router between doesn't let
/// such a REGISTER through, and then the one before has to do.
const CORRECT_AGAIN: Duration = Duration::from_secs(300);

/// How often a NAT on the way is shown that it is still needed (RFC 5626 §4.4.2): many forget a way over UDP that was silent
/// for 30 s, and calls would come in no more.
const KEEP_ALIVE_LEAST: Duration = Duration::from_secs(24);
const KEEP_ALIVE_MOST: Duration = Duration::from_secs(29);

/// From a change of the machine's addresses to the REGISTER that follows it: routes and the search for duplicates of an
/// IPv6 address (RFC 4862 §5.4) take a second or two, and not all phones that were cut off together come back at once.
const SETTLE_LEAST: Duration = Duration::from_secs(2);
const SETTLE_MOST: Duration = Duration::from_secs(4);

/// Addresses of a first hop that are known at a time: more than a provider names, and those of a while ago.
const MAX_SERVERS: usize = 32;

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
    bindings: Bindings,
    /// Addresses that the first hop has or had, the latest first.
    servers: Vec<IpAddr>,
    /// The registrar has seen us at another address than our own.
    is_beyond_nat: bool,
    /// When the machine's addresses, which have changed, may be relied on.
    settled_at: Option<Instant>,
    dice: Dice,
    state: State,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of accounts: a box would cost more than it saves")]
enum State {
    /// Nothing is wanted.
    Idle,
    /// A flow to the first hop is being opened.
    Reaching { route: RouteId, want: Want, target: Target },
    /// The REGISTER is out.
    Asking { transaction: ClientId, asked: Asked },
    /// Bound.
    Bound { refresh_at: Instant, keep_alive_at: Option<Instant> },
    /// It could not be bound; it is tried again.
    Waiting { retry_at: Instant },
}

/// A REGISTER that is out.
#[derive(Debug)]
struct Asked {
    flow: Flow,
    alternatives: Alternatives,
    /// As it was sent last, but for its Via.
    request: Request,
    want: Want,
    target: Target,
    /// What holds again if the registrar refuses.
    before: Bindings,
    /// It replaces a Contact that nobody can reach by one that was seen, and is no more than that: if it is refused or has
    /// no answer, the binding before stays, and is refreshed then or sooner.
    corrects_until: Option<Instant>,
    /// The registrar has had its longer time already (423).
    is_lengthened: bool,
    /// What is to be asked for after its answer. A REGISTER that overtakes the one before would be undone by it (RFC 3261
    /// §10.2).
    then: Option<Want>,
}

/// What every step is given.
struct Step<'a> {
    now: Instant,
    endpoint: &'a mut Endpoint,
    tray: &'a mut Vec<Event>,
}

impl Registration {
    /// Not registering yet.
    pub fn new(registrar: Registrar, profile: Profile, mut dice: Dice) -> Self {
        let (call_id, tag) = (dice.hex(4), dice.hex(2));
        let (number, failures, bindings, state) = (0, 0, Bindings::default(), State::Idle);
        let (servers, is_beyond_nat, settled_at) = (Vec::new(), false, None);
        Self {
            registrar,
            profile,
            call_id,
            tag,
            number,
            failures,
            bindings,
            servers,
            is_beyond_nat,
            settled_at,
            dice,
            state,
        }
    }

    /// Registers at once, whatever it waited for; a REGISTER that is out to bind is let go, and one to remove is waited
    /// for.
    pub fn register(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.failures = 0;
        self.bind(now, endpoint);
    }

    fn bind(&mut self, now: Instant, endpoint: &mut Endpoint) {
        match &mut self.state {
            State::Asking { asked: asked @ Asked { want: Want::Remove, .. }, .. } => {
                asked.then = Some(Want::Bind);
            }
            State::Asking { transaction, .. } => {
                // Sent again, it could come after the next one, and bind what that has removed.
                endpoint.forget(*transaction);
                self.reach(now, endpoint, Want::Bind);
            }
            _ => self.reach(now, endpoint, Want::Bind),
        }
    }

    /// Has another profile from now on: a new password, say.
    pub fn set_profile(&mut self, profile: Profile) {
        self.profile = Profile { seen: self.profile.seen, ..profile };
    }

    /// Registers at once with another profile.
    pub fn register_as(&mut self, now: Instant, endpoint: &mut Endpoint, profile: Profile) {
        self.set_profile(profile);
        self.register(now, endpoint);
    }

    /// Removes the binding. The user hears `Unregistered`; at once if there is nothing to remove.
    pub fn unregister(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        match &mut self.state {
            State::Reaching { want: Want::Remove, .. } => {}
            State::Asking { asked: asked @ Asked { want: Want::Remove, .. }, .. } => asked.then = None,
            State::Asking { asked, .. } => asked.then = Some(Want::Remove),
            _ if self.bindings.live(now).next().is_some() => {
                self.reach(now, endpoint, Want::Remove);
            }
            _ => {
                self.state = State::Idle;
                tray.push(Event::Unregistered);
            }
        }
    }

    /// The machine has other addresses than before. Once that has settled, what is bound is bound anew, and what waits or
    /// is out is tried again: from the address that it has then.
    pub fn handle_move(&mut self, now: Instant) {
        if self.is_wanted() && self.settled_at.is_none() {
            self.settled_at = Some(now + self.dice.duration(SETTLE_LEAST, SETTLE_MOST));
        }
    }

    fn is_wanted(&self) -> bool {
        match &self.state {
            State::Idle => false,
            State::Reaching { want, .. } => *want == Want::Bind,
            State::Asking { asked, .. } => asked.then.unwrap_or(asked.want) == Want::Bind,
            State::Bound { .. } | State::Waiting { .. } => true,
        }
    }

    /// Tries again at `at`, though the registrar has refused.
    pub fn retry_at(&mut self, at: Instant) {
        self.settled_at = None;
        self.state = State::Waiting { retry_at: at };
    }

    /// The flow of the binding, or of the REGISTER that asks for it.
    pub fn flow(&self) -> Option<Flow> {
        self.bindings.flow()
    }

    /// Whether the first hop has this address, as far as its name has told: calls may come from each of them.
    pub fn is_server(&self, address: IpAddr) -> bool {
        self.servers.contains(&address)
    }

    /// Who we are to this registrar; its authenticator knows the registrar's last nonce.
    pub const fn profile(&self) -> &Profile {
        &self.profile
    }

    /// Where requests of this account go first, and the domain that they are for.
    pub const fn registrar(&self) -> &Registrar {
        &self.registrar
    }

    /// Shows its state.
    pub fn show_state(&self, show: &mut Show<'_>) {
        show("registration", format_args!("{}", self.call_id), &self.state);
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
        let mut step = Step { now, endpoint, tray };
        match (core::mem::replace(&mut self.state, State::Idle), event) {
            (State::Reaching { want, target, .. }, endpoint::Event::Reached { flow, alternatives, .. }) => {
                self.learn_servers(flow, &alternatives);
                let request = self.write(now, flow, want, &target);
                let (before, corrects_until) = (self.bindings.clone(), None);
                let (is_lengthened, then) = (false, None);
                self.ask(
                    &mut step,
                    Asked {
                        flow,
                        alternatives,
                        request,
                        want,
                        target,
                        before,
                        corrects_until,
                        is_lengthened,
                        then,
                    },
                );
            }
            (State::Reaching { want, .. }, endpoint::Event::Unreachable { .. }) => {
                self.on_failure(&mut step, want, Status::SERVICE_UNAVAILABLE, Duration::ZERO);
            }
            (State::Asking { asked, .. }, endpoint::Event::Response { response, .. })
                if response.status.is_final() =>
            {
                match asked.then {
                    Some(then) => self.on_awaited_response(&mut step, asked, &response, then),
                    None => self.on_response(&mut step, asked, &response),
                }
            }
            (State::Asking { asked, .. }, endpoint::Event::Failed { reason, .. }) => {
                match (asked.then, asked.corrects_until) {
                    // It may have been heard.
                    (Some(then), _) => self.go_on(&mut step, then),
                    (None, Some(refresh_at)) if reason == Failure::Timeout => {
                        self.stay_uncorrected(now, refresh_at.min(now + CORRECT_AGAIN));
                    }
                    (None, _) => self.try_next(&mut step, asked, reason.status(), Duration::ZERO),
                }
            }
            (state, _) => self.state = state,
        }
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match self.state {
            State::Bound { refresh_at, keep_alive_at } => {
                Some(keep_alive_at.map_or(refresh_at, |at| at.min(refresh_at)))
            }
            State::Waiting { retry_at } => Some(retry_at),
            State::Idle | State::Reaching { .. } | State::Asking { .. } => None,
        };
        due.into_iter().chain(self.settled_at).min()
    }

    /// Refreshes, tries again, or keeps the way alive, if that is due.
    pub fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if self.settled_at.take_if(|at| *at <= now).is_some() && self.is_wanted() {
            return self.bind(now, endpoint);
        }
        match self.state {
            State::Bound { refresh_at: at, .. } | State::Waiting { retry_at: at } if at <= now => {
                self.reach(now, endpoint, Want::Bind);
            }
            State::Bound { refresh_at, keep_alive_at: Some(at) } if at <= now => {
                if let Some(flow) = self.flow() {
                    endpoint.keep_alive(flow);
                }
                self.stay_bound(now, refresh_at);
            }
            _ => {}
        }
    }

    fn stay_bound(&mut self, now: Instant, refresh_at: Instant) {
        let keep_alive_at =
            self.is_beyond_nat.then(|| now + self.dice.duration(KEEP_ALIVE_LEAST, KEEP_ALIVE_MOST));
        self.state = State::Bound { refresh_at, keep_alive_at };
    }

    /// What the registrar saw is not bound, as far as we know, and what was bound before still is.
    fn stay_uncorrected(&mut self, now: Instant, refresh_at: Instant) {
        self.profile.seen = None;
        self.stay_bound(now, refresh_at);
    }

    fn reach(&mut self, now: Instant, endpoint: &mut Endpoint, want: Want) {
        let Registrar { domain, hop, .. } = self.registrar.clone();
        self.reach_target(now, endpoint, want, Target::new(domain, hop));
    }

    fn reach_target(&mut self, now: Instant, endpoint: &mut Endpoint, want: Want, target: Target) {
        self.state = State::Reaching { route: endpoint.reach(now, &target.hop), want, target };
    }

    fn learn_servers(&mut self, flow: Flow, alternatives: &Alternatives) {
        let told: Vec<IpAddr> = alternatives.addresses().chain([flow.remote.ip()]).collect();
        self.servers.retain(|known| !told.contains(known));
        self.servers.splice(..0, told);
        self.servers.truncate(MAX_SERVERS);
    }

    /// Sends the REGISTER: its next number, signed anew.
    fn ask(&mut self, step: &mut Step<'_>, mut asked: Asked) {
        self.number = self.number.saturating_add(1);
        asked.request.headers.set(Name::CSeq, CSeq { number: self.number, method: Method::Register });
        self.profile.sign(&mut asked.request, &mut self.dice);
        let transaction = step.endpoint.request(step.now, asked.flow, asked.request.clone());
        if asked.want == Want::Bind {
            let contact = self.profile.contact(asked.flow);
            self.bindings.ask(asked.flow, contact, step.now + self.registrar.expires);
        }
        self.state = State::Asking { transaction, asked };
    }
}
