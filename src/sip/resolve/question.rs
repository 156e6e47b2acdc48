//! One question (a name and a type) from the first name server it is put to until an answer, or until all have been
//! asked as often as `resolv.conf` says.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use base::Instant;

use super::Source;
use super::wire::{self, Answer, RecordType};
use crate::endpoint::{Output, Tray};
use crate::flow::{ConnectId, Flow, Link};

/// Where name servers listen (RFC 1035 §4.2.1).
const DNS_PORT: u16 = 53;

/// Where a question stands.
#[derive(Debug)]
pub(super) enum State {
    /// Its flow is being opened, which a driver answers at once.
    Connecting { connect: ConnectId },
    /// Asked.
    Waiting { flow: Flow, id: u16, until: Instant },
    /// Answered; empty if there is no such name, or none of that type.
    Answered(Vec<IpAddr>),
    /// No server could say.
    Unanswered,
}

impl State {
    pub(super) fn connects(&self, meant: ConnectId) -> bool {
        matches!(self, Self::Connecting { connect } if *connect == meant)
    }

    pub(super) fn waits_on(&self, meant: Flow) -> bool {
        matches!(self, Self::Waiting { flow, .. } if *flow == meant)
    }

    pub(super) fn is_due(&self, now: Instant) -> bool {
        self.deadline().is_some_and(|until| until <= now)
    }

    pub(super) fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Waiting { until, .. } => Some(*until),
            _ => None,
        }
    }

    pub(super) fn is_pending(&self) -> bool {
        matches!(self, Self::Connecting { .. } | Self::Waiting { .. })
    }

    pub(super) fn addresses(&self) -> &[IpAddr] {
        match self {
            Self::Answered(addresses) => addresses,
            _ => &[],
        }
    }
}

/// A question.
#[derive(Debug)]
pub(super) struct Question {
    name: String,
    record_type: RecordType,
    /// Queries begun; the servers take turns.
    asked: usize,
    /// The other family has been answered: this question asks nobody else when its time is up, which is the latest now.
    hurried_until: Option<Instant>,
    pub(super) state: State,
}

impl Question {
    /// Answers from the cache, or begins to ask.
    pub(super) fn new(
        now: Instant,
        name: String,
        record_type: RecordType,
        source: &Source,
        tray: &mut Tray<'_>,
    ) -> Self {
        let cached =
            source.cache.get(now, &name, record_type).map(|addresses| State::Answered(addresses.into()));
        let is_cached = cached.is_some();
        let state = cached.unwrap_or(State::Unanswered);
        let mut question = Self { name, record_type, asked: 0, hurried_until: None, state };
        if !is_cached {
            question.ask_again(source, tray);
        }
        question
    }

    /// Puts the question to the next server, unless each has been asked often enough.
    pub(super) fn ask_again(&mut self, source: &Source, tray: &mut Tray<'_>) {
        self.close(tray);
        let servers = &source.conf.servers;
        let is_over = self.hurried_until.is_some() || self.asked >= servers.len() * source.conf.attempts;
        self.state = match servers.iter().cycle().nth(self.asked) {
            Some(server) if !is_over => {
                State::Connecting { connect: tray.connect(Link::Dns, SocketAddr::new(*server, DNS_PORT)) }
            }
            _ => State::Unanswered,
        };
        self.asked += 1;
    }

    /// Sends the query on its flow, with an id that nobody can guess (RFC 5452 §9.1).
    pub(super) fn on_open(&mut self, now: Instant, flow: Flow, source: &mut Source, tray: &mut Tray<'_>) {
        let id = u16::try_from(source.dice.below(1 << 16)).unwrap_or(0);
        let until = now + source.conf.timeout;
        self.state = State::Waiting { flow, id, until: self.hurried_until.map_or(until, |it| it.min(until)) };
        match wire::query(id, &self.name, self.record_type) {
            Some(bytes) => tray.outputs.push_back(Output::Send { flow, bytes }),
            None => {
                self.close(tray);
                self.state = State::Answered(Vec::new());
            }
        }
    }

    /// Takes what came in on the query's flow, if it is its answer.
    pub(super) fn on_datagram(
        &mut self,
        now: Instant,
        bytes: &[u8],
        source: &mut Source,
        tray: &mut Tray<'_>,
    ) {
        let State::Waiting { id, .. } = self.state else { return };
        match wire::answer(bytes, id, &self.name, self.record_type) {
            Some(Answer::Addresses { addresses, ttl }) => {
                self.close(tray);
                source.cache.put(now, &self.name, self.record_type, addresses.clone(), ttl);
                self.state = State::Answered(addresses);
            }
            Some(Answer::ServerFailed) => self.ask_again(source, tray),
            None => {}
        }
    }

    /// The other family has been answered: waits no longer than `until`.
    pub(super) fn hurry(&mut self, latest: Instant) {
        let latest = *self.hurried_until.get_or_insert(latest);
        if let State::Waiting { until, .. } = &mut self.state {
            *until = latest.min(*until);
        }
    }

    fn close(&mut self, tray: &mut Tray<'_>) {
        if let State::Waiting { flow, .. } = self.state {
            tray.outputs.push_back(Output::Close { flow });
        }
    }
}
