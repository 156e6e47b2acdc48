//! Hosts' names to addresses, without a socket: literals are the caller's, then `/etc/hosts`, the cache, and the name
//! servers of `/etc/resolv.conf`, asked for A and AAAA over UDP (RFC 1035, RFC 3596). Each query has a port and an
//! id of its own (RFC 5452). NAPTR and SRV (RFC 3263 §4.1) are not asked yet.

use alloc::collections::{BTreeMap, VecDeque};
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use base::{Dice, Instant};

use crate::endpoint::{RouteId, Tray, Unreachable};
use crate::flow::{ConnectId, Flow};

mod cache;
mod question;
mod system;
mod wire;

use cache::Cache;
use question::{Question, State};
use system::{Hosts, ResolvConf};
use wire::RecordType;

/// How long the other family may still answer once one has: long enough for an answer that is already on its way, and
/// no call waits noticeably on a name server that ignores AAAA (RFC 8305 §3 waits 50 ms, for a browser).
const OTHER_FAMILY_WAIT: Duration = Duration::from_millis(300);

/// How a lookup ends: its addresses are never empty, IPv6 first (RFC 6724 §2.1).
pub(crate) type Found = Result<Vec<IpAddr>, Unreachable>;

/// What a question needs besides its own state.
#[derive(Debug)]
struct Source {
    conf: ResolvConf,
    cache: Cache,
    dice: Dice,
}

/// One name on its way to addresses. Its routes bound how many there are.
#[derive(Debug)]
struct Lookup {
    /// Whole names still to be asked for.
    candidates: VecDeque<String>,
    /// AAAA and A of the candidate that is being asked for; empty before the first.
    questions: Vec<Question>,
    /// For some candidate no name server could say whether it exists.
    unanswered: bool,
}

/// The resolver.
#[derive(Debug)]
pub(crate) struct Resolver {
    hosts: Hosts,
    source: Source,
    lookups: BTreeMap<RouteId, Lookup>,
}

impl Resolver {
    /// A resolver at rest, from the texts of the two files.
    pub(crate) fn new(hosts: &str, resolv_conf: &str, dice: Dice) -> Self {
        let conf = ResolvConf::parse(resolv_conf);
        let source = Source { conf, cache: Cache::default(), dice };
        Self { hosts: Hosts::parse(hosts), source, lookups: BTreeMap::new() }
    }

    /// Takes new texts. Lookups under way go on, with the new servers from their next query on.
    pub(crate) fn configure(&mut self, hosts: &str, resolv_conf: &str) {
        self.hosts = Hosts::parse(hosts);
        self.source.conf = ResolvConf::parse(resolv_conf);
        self.forget();
    }

    /// Forgets what name servers have said.
    pub(crate) fn forget(&mut self) {
        self.source.cache = Cache::default();
    }

    /// Looks `name` up. This, and each `handle_*`, gives back a lookup that has ended.
    pub(crate) fn resolve(
        &mut self,
        now: Instant,
        route: RouteId,
        name: &str,
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        let name = name.to_ascii_lowercase();
        let listed = self.hosts.addresses(name.trim_end_matches('.'));
        if !listed.is_empty() {
            return Some((route, Ok(listed)));
        }
        let candidates = self.source.conf.candidates(&name).into();
        self.lookups.insert(route, Lookup { candidates, questions: Vec::new(), unanswered: false });
        self.settle(now, route, tray)
    }

    /// A flow for a query is open.
    pub(crate) fn handle_open(
        &mut self,
        now: Instant,
        connect: ConnectId,
        flow: Flow,
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        let (route, question) = question(&mut self.lookups, |state| state.connects(connect))?;
        question.on_open(now, flow, &mut self.source, tray);
        self.settle(now, route, tray)
    }

    /// A flow for a query could not be opened.
    pub(crate) fn handle_failed(
        &mut self,
        now: Instant,
        connect: ConnectId,
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        self.ask_again(now, |state| state.connects(connect), tray)
    }

    /// Nobody hears queries on this flow.
    pub(crate) fn handle_closed(
        &mut self,
        now: Instant,
        flow: Flow,
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        self.ask_again(now, |state| state.waits_on(flow), tray)
    }

    /// Something came in on a query's flow. What answers no question is dropped.
    pub(crate) fn handle_datagram(
        &mut self,
        now: Instant,
        flow: Flow,
        bytes: &[u8],
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        let (route, question) = question(&mut self.lookups, |state| state.waits_on(flow))?;
        question.on_datagram(now, bytes, &mut self.source, tray);
        self.settle(now, route, tray)
    }

    /// Asks again, or gives up, what has waited long enough. To be called until it gives back none.
    pub(crate) fn handle_timeout(&mut self, now: Instant, tray: &mut Tray<'_>) -> Option<(RouteId, Found)> {
        while self.poll_timeout().is_some_and(|due| due <= now) {
            if let Some(ended) = self.ask_again(now, |state| state.is_due(now), tray) {
                return Some(ended);
            }
        }
        None
    }

    /// When `handle_timeout` is due.
    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.lookups.values().flat_map(|lookup| &lookup.questions).filter_map(|it| it.state.deadline()).min()
    }

    fn ask_again(
        &mut self,
        now: Instant,
        is_meant: impl Fn(&State) -> bool,
        tray: &mut Tray<'_>,
    ) -> Option<(RouteId, Found)> {
        let (route, question) = question(&mut self.lookups, is_meant)?;
        question.ask_again(&self.source, tray);
        self.settle(now, route, tray)
    }

    /// Ends the lookup if its questions allow, or goes on to its next candidate.
    fn settle(&mut self, now: Instant, route: RouteId, tray: &mut Tray<'_>) -> Option<(RouteId, Found)> {
        let found = self.lookups.get_mut(&route)?.proceed(now, &self.source, tray)?;
        self.lookups.remove(&route);
        Some((route, found))
    }
}

/// The question in the state that is meant, and its route.
fn question(
    lookups: &mut BTreeMap<RouteId, Lookup>,
    is_meant: impl Fn(&State) -> bool,
) -> Option<(RouteId, &mut Question)> {
    lookups.iter_mut().find_map(|(route, lookup)| {
        Some((*route, lookup.questions.iter_mut().find(|question| is_meant(&question.state))?))
    })
}

impl Lookup {
    /// The result, once there is one.
    fn proceed(&mut self, now: Instant, source: &Source, tray: &mut Tray<'_>) -> Option<Found> {
        loop {
            let addresses: Vec<IpAddr> =
                self.questions.iter().flat_map(|question| question.state.addresses()).copied().collect();
            if self.questions.iter().any(|question| question.state.is_pending()) {
                if !addresses.is_empty() {
                    self.questions.iter_mut().for_each(|it| it.hurry(now + OTHER_FAMILY_WAIT));
                }
                return None;
            }
            if !addresses.is_empty() {
                return Some(Ok(addresses));
            }
            self.unanswered |= self.questions.iter().any(|it| matches!(it.state, State::Unanswered));
            let Some(name) = self.candidates.pop_front() else {
                let reason =
                    if self.unanswered { Unreachable::NoNameServer } else { Unreachable::NoSuchHost };
                return Some(Err(reason));
            };
            self.questions = [RecordType::Aaaa, RecordType::A]
                .map(|record_type| Question::new(now, name.clone(), record_type, source, tray))
                .into();
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_lookup_that_has_ended_is_forgotten() {
        let mut resolver = Resolver::new("", "", Dice::new([1; 32]));
        let mut tray = Tray { outputs: &mut VecDeque::new(), next_id: &mut 0 };
        let ended = resolver.resolve(Instant::ZERO, RouteId(1), "pbx.example", &mut tray);
        assert_eq!(ended, Some((RouteId(1), Err(Unreachable::NoNameServer))));
        assert!(resolver.lookups.is_empty());
    }
}
