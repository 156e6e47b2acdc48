//! From a next hop's URI to an open flow: its host is resolved (RFC 3263 §4.2) and its addresses are tried in turn
//! (§4.3).

use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::cmp::Reverse;
use core::net::{IpAddr, SocketAddr};

use base::{Dice, Instant};

use super::{Config, Event, RouteId, Tray, Unreachable};
use crate::flow::{ConnectId, Flow, FlowError, Link, Transport};
use crate::message::{Host, Uri};
use crate::resolve::{Found, Resolver};

/// Routes sought at a time: some for each account and call of a desk phone, and few enough queries under way.
const MAX_ROUTES: usize = 64;

/// Addresses that are known to answer: more servers than a phone has to do with at a time.
const MAX_HEARD: usize = 32;

/// The addresses of a next hop that have not been tried.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Alternatives {
    transport: Transport,
    addresses: VecDeque<SocketAddr>,
}

/// What is done for a route now.
#[derive(Debug)]
enum Step {
    Resolving { transport: Transport, port: u16 },
    Connecting { connect: ConnectId, alternatives: Alternatives },
}

/// The routes being sought, and the resolver.
#[derive(Debug)]
pub(super) struct Routes {
    steps: BTreeMap<RouteId, Step>,
    resolver: Resolver,
    /// Addresses that have answered, the latest last. Of a hop's addresses they are tried first: a server that is silent
    /// is waited for once and not in each call, and calls go by that of several servers where the phone is registered.
    heard: Vec<SocketAddr>,
}

impl Routes {
    pub(super) fn new(config: &Config, dice: Dice) -> Self {
        let resolver = Resolver::new(&config.hosts, &config.resolv_conf, dice);
        Self { steps: BTreeMap::new(), resolver, heard: Vec::new() }
    }

    pub(super) fn configure(&mut self, config: &Config) {
        self.resolver.configure(&config.hosts, &config.resolv_conf);
    }

    pub(super) fn forget_names(&mut self) {
        self.resolver.forget();
    }

    pub(super) fn reach(&mut self, now: Instant, route: RouteId, hop: &Uri, tray: &mut Tray<'_>) {
        let Some((transport, host, port)) = target(hop) else {
            return tray.tell_unreachable(route, Unreachable::Unsupported);
        };
        if self.steps.len() >= MAX_ROUTES {
            return tray.tell_unreachable(route, Unreachable::Full);
        }
        self.steps.insert(route, Step::Resolving { transport, port });
        match host {
            Host::Ip(address) => self.on_found(Some((route, Ok(Vec::from([address])))), tray),
            Host::Name(name) => {
                let found = self.resolver.resolve(now, route, &name, tray);
                self.on_found(found, tray);
            }
        }
    }

    pub(super) fn reach_next(&mut self, route: RouteId, alternatives: Alternatives, tray: &mut Tray<'_>) {
        if self.steps.len() >= MAX_ROUTES {
            return tray.tell_unreachable(route, Unreachable::Full);
        }
        self.connect_next(route, alternatives, Unreachable::NoSuchHost, tray);
    }

    pub(super) fn handle_open(&mut self, now: Instant, connect: ConnectId, flow: Flow, tray: &mut Tray<'_>) {
        match self.take_connecting(connect) {
            Some((route, alternatives)) => tray.tell(Event::Reached { route, flow, alternatives }),
            None => {
                let found = self.resolver.handle_open(now, connect, flow, tray);
                self.on_found(found, tray);
            }
        }
    }

    pub(super) fn handle_failed(
        &mut self,
        now: Instant,
        connect: ConnectId,
        reason: FlowError,
        tray: &mut Tray<'_>,
    ) {
        match self.take_connecting(connect) {
            Some((route, alternatives)) => {
                self.connect_next(route, alternatives, Unreachable::Flow(reason), tray);
            }
            None => {
                let found = self.resolver.handle_failed(now, connect, tray);
                self.on_found(found, tray);
            }
        }
    }

    /// Nobody hears DNS queries on this flow.
    pub(super) fn handle_closed(&mut self, now: Instant, flow: Flow, tray: &mut Tray<'_>) {
        let found = self.resolver.handle_closed(now, flow, tray);
        self.on_found(found, tray);
    }

    /// Something came in on a DNS flow.
    pub(super) fn handle_datagram(&mut self, now: Instant, flow: Flow, bytes: &[u8], tray: &mut Tray<'_>) {
        let found = self.resolver.handle_datagram(now, flow, bytes, tray);
        self.on_found(found, tray);
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, tray: &mut Tray<'_>) {
        while let Some(found) = self.resolver.handle_timeout(now, tray) {
            self.on_found(Some(found), tray);
        }
    }

    /// An answer has come from this address.
    pub(super) fn hear(&mut self, address: SocketAddr) {
        self.miss(address);
        self.heard.push(address);
        let excess = self.heard.len().saturating_sub(MAX_HEARD);
        self.heard.drain(..excess);
    }

    /// Nobody hears what is sent to this address.
    pub(super) fn miss(&mut self, address: SocketAddr) {
        self.heard.retain(|heard| *heard != address);
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.resolver.poll_timeout()
    }

    /// Goes on with the route whose lookup has ended, if one has.
    fn on_found(&mut self, found: Option<(RouteId, Found)>, tray: &mut Tray<'_>) {
        let Some((route, found)) = found else { return };
        let Some(Step::Resolving { transport, port }) = self.steps.remove(&route) else { return };
        match found {
            Ok(addresses) => {
                let mut addresses: Vec<SocketAddr> =
                    addresses.into_iter().map(|address| SocketAddr::new(address, port)).collect();
                addresses
                    .sort_by_key(|address| Reverse(self.heard.iter().position(|heard| heard == address)));
                let alternatives = Alternatives { transport, addresses: addresses.into() };
                self.connect_next(route, alternatives, Unreachable::NoSuchHost, tray);
            }
            Err(reason) => tray.tell_unreachable(route, reason),
        }
    }

    /// Opens a flow to the next address; without one the route ends for `reason`.
    fn connect_next(
        &mut self,
        route: RouteId,
        mut alternatives: Alternatives,
        reason: Unreachable,
        tray: &mut Tray<'_>,
    ) {
        let Some(remote) = alternatives.addresses.pop_front() else {
            return tray.tell_unreachable(route, reason);
        };
        let connect = tray.connect(Link::Sip(alternatives.transport), remote);
        self.steps.insert(route, Step::Connecting { connect, alternatives });
    }

    fn take_connecting(&mut self, meant: ConnectId) -> Option<(RouteId, Alternatives)> {
        let is_meant = |step: &Step| matches!(step, Step::Connecting { connect, .. } if *connect == meant);
        let route = self.steps.iter().find(|(_, step)| is_meant(step)).map(|(route, _)| *route)?;
        match self.steps.remove(&route)? {
            Step::Connecting { alternatives, .. } => Some((route, alternatives)),
            Step::Resolving { .. } => None,
        }
    }
}

impl Tray<'_> {
    fn tell_unreachable(&mut self, route: RouteId, reason: Unreachable) {
        self.tell(Event::Unreachable { route, reason });
    }
}

/// Transport, host and port that a URI names (RFC 3261 §19.1.2, RFC 3263 §4); `None` if it names none that we know.
fn target(hop: &Uri) -> Option<(Transport, Host, u16)> {
    let uri = hop.as_sip()?;
    let transport = match uri.params.get("transport").map(str::to_ascii_lowercase).as_deref() {
        Some("tls") => Transport::Tls,
        // RFC 3261 §26.2.2: `sips` over TCP is TLS.
        None | Some("tcp") if uri.secure => Transport::Tls,
        Some("tcp") => Transport::Tcp,
        None | Some("udp") if !uri.secure => Transport::Udp,
        _ => return None,
    };
    let maddr = uri.params.get("maddr").and_then(|maddr| Host::parse(maddr).ok());
    let default_port = if transport == Transport::Tls { 5061 } else { 5060 };
    Some((transport, maddr.unwrap_or_else(|| uri.host.clone()), uri.port.unwrap_or(default_port)))
}

/// Whether a hop is the far end of a flow, as its URI alone says.
pub(crate) fn leads_to(flow: Flow, hop: &Uri) -> bool {
    target(hop).is_some_and(|(transport, host, port)| {
        flow.link == Link::Sip(transport) && host.ip() == Some(flow.remote.ip()) && port == flow.remote.port()
    })
}

/// Whether two URIs name the same hop.
pub(crate) fn is_same_hop(one: &Uri, other: &Uri) -> bool {
    target(one).zip(target(other)).is_some_and(|(one, other)| {
        let ((transport, host, port), (its_transport, its_host, its_port)) = (one, other);
        transport == its_transport && host.is_same(&its_host) && port == its_port
    })
}

impl Alternatives {
    /// Whether none is left.
    pub fn is_empty(&self) -> bool {
        self.addresses.is_empty()
    }

    /// Those that are left.
    pub fn addresses(&self) -> impl Iterator<Item = IpAddr> {
        self.addresses.iter().map(SocketAddr::ip)
    }
}
