//! An endpoint and one user of it: a session or a registration, driven as a phone drives it.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::time::Duration;

use base::Instant;
use sip::endpoint::{self, Config, Endpoint, Input};
use sip::flow::{Flow, FlowError};
use sip::invite::{self, Session};
use sip::register::{self, Registration};

use super::{Connect, LOCAL, REMOTE, Sent, Stage, address, flow_to};

/// What the machines above an endpoint have in common.
pub(crate) trait User {
    type Told;

    fn owns(&self, event: &endpoint::Event) -> bool;

    fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        tray: &mut Vec<Self::Told>,
    );

    fn poll_timeout(&self) -> Option<Instant>;

    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Self::Told>);
}

impl User for Session {
    type Told = invite::Event;

    fn owns(&self, event: &endpoint::Event) -> bool {
        Self::owns(self, event)
    }

    fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        tray: &mut Vec<invite::Event>,
    ) {
        Self::handle_event(self, now, endpoint, event, tray);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<invite::Event>) {
        Self::handle_timeout(self, now, endpoint, tray);
    }
}

impl User for Registration {
    type Told = register::Event;

    fn owns(&self, event: &endpoint::Event) -> bool {
        Self::owns(self, event)
    }

    fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        tray: &mut Vec<register::Event>,
    ) {
        Self::handle_event(self, now, endpoint, event, tray);
    }

    fn poll_timeout(&self) -> Option<Instant> {
        Self::poll_timeout(self)
    }

    fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, _: &mut Vec<register::Event>) {
        Self::handle_timeout(self, now, endpoint);
    }
}

/// The stage with a user on it. Flows open at once, but to addresses that are `dead`.
pub(crate) struct Story<U: User> {
    pub(crate) stage: Stage,
    pub(crate) user: U,
    dead: BTreeSet<SocketAddr>,
    /// Our address on flows that open from now on.
    local: SocketAddr,
    /// No flow opens to this address until `open_held`.
    held_back: Option<SocketAddr>,
    held: Vec<Connect>,
    told: Vec<U::Told>,
}

impl<U: User> Story<U> {
    /// Begins with what `begin` makes of an endpoint. `pbx.example` has the addresses 192.0.2.1 and 192.0.2.2.
    pub(crate) fn new(begin: impl FnOnce(&mut Stage) -> U) -> Self {
        Self::with_dead(&[], begin)
    }

    /// The same, where no flow opens to these addresses.
    pub(crate) fn with_dead(dead: &[&str], begin: impl FnOnce(&mut Stage) -> U) -> Self {
        let hosts = "192.0.2.1 pbx.example\n192.0.2.2 pbx.example\n".to_owned();
        let mut stage = Stage::with(&Config { hosts, resolv_conf: String::new() });
        let user = begin(&mut stage);
        let dead = dead.iter().map(|remote| address(remote)).collect();
        let local = address(LOCAL);
        let mut story =
            Self { stage, user, dead, local, held_back: None, held: Vec::new(), told: Vec::new() };
        story.settle();
        story
    }

    /// The user does something.
    pub(crate) fn act<R>(
        &mut self,
        act: impl FnOnce(&mut U, Instant, &mut Endpoint, &mut Vec<U::Told>) -> R,
    ) -> R {
        let result = act(&mut self.user, self.stage.now, &mut self.stage.endpoint, &mut self.told);
        self.settle();
        result
    }

    pub(crate) fn receive(&mut self, text: &str) {
        self.receive_on(flow_to(REMOTE), text);
    }

    pub(crate) fn receive_on(&mut self, flow: Flow, text: &str) {
        self.stage.receive_on(flow, text);
        self.settle();
    }

    /// Nobody hears what is sent to this address any more; ICMP has just said so.
    pub(crate) fn refuse(&mut self, remote: &str) {
        self.stage.input(Input::FlowClosed { flow: flow_to(remote), reason: FlowError::Refused });
        self.settle();
    }

    /// No flow opens to this address from now on.
    pub(crate) fn kill(&mut self, remote: &str) {
        self.dead.insert(address(remote));
    }

    /// We have another address from now on.
    pub(crate) fn move_to(&mut self, local: &str) {
        self.local = address(local);
    }

    /// Flows open everywhere again.
    pub(crate) fn revive(&mut self) {
        self.dead.clear();
    }

    /// Opening flows to this address takes until `open_held`.
    pub(crate) fn hold_back(&mut self, remote: &str) {
        self.held_back = Some(address(remote));
    }

    /// The flows that were held back open; how many these are.
    pub(crate) fn open_held(&mut self) -> usize {
        self.held_back = None;
        let held = std::mem::take(&mut self.held);
        let count = held.len();
        held.into_iter().for_each(|connect| self.open(connect));
        self.settle();
        count
    }

    /// Lets the time pass, waking the endpoint and the user exactly when they ask.
    pub(crate) fn run_for(&mut self, span: Duration) {
        let end = self.stage.now + span;
        loop {
            let deadlines = [self.user.poll_timeout(), self.stage.endpoint.poll_timeout()];
            let Some(due) = deadlines.into_iter().flatten().min().filter(|due| *due <= end) else { break };
            assert!(due >= self.stage.now, "a deadline that has passed is not told again");
            self.stage.now = due;
            self.stage.input(Input::Timeout);
            self.settle();
            self.act(|user, now, endpoint, told| user.handle_timeout(now, endpoint, told));
        }
        self.stage.now = end;
    }

    /// All that was sent since the last look.
    pub(crate) fn sent(&mut self) -> Vec<Sent> {
        self.stage.sent()
    }

    /// The one message that was sent since the last look.
    pub(crate) fn sent_one(&mut self) -> Sent {
        self.stage.sent_one()
    }

    /// The first lines of what was sent since the last look, without the version.
    pub(crate) fn sent_lines(&mut self) -> Vec<String> {
        self.sent().iter().map(|sent| sent.first_line().replace("SIP/2.0", "").trim().to_owned()).collect()
    }

    /// What the user's own user was told since the last look.
    pub(crate) fn told(&mut self) -> Vec<U::Told> {
        std::mem::take(&mut self.told)
    }

    /// Nothing is left that could move by itself, and nothing has been told or sent since the last look.
    pub(crate) fn assert_at_rest(&mut self) {
        assert_eq!(self.user.poll_timeout(), None);
        assert!(self.told.is_empty());
        self.stage.assert_at_rest();
    }

    /// Opens the flows that are asked for, and hands events to whom they belong, until all is quiet.
    fn settle(&mut self) {
        self.stage.collect();
        loop {
            let (connects, events) = (self.stage.connects(), self.stage.events());
            if connects.is_empty() && events.is_empty() {
                return;
            }
            for connect in connects {
                if self.held_back == Some(connect.2) { self.held.push(connect) } else { self.open(connect) }
            }
            for event in events {
                if self.user.owns(&event) {
                    let Self { stage, user, told, .. } = self;
                    user.handle_event(stage.now, &mut stage.endpoint, event, told);
                    stage.collect();
                }
            }
        }
    }

    fn open(&mut self, (connect, link, remote): Connect) {
        let flow = Flow { link, local: self.local, remote };
        self.stage.input(match self.dead.contains(&remote) {
            true => Input::FlowFailed { connect, reason: FlowError::Unreachable },
            false => Input::FlowOpen { connect, flow },
        });
    }
}
