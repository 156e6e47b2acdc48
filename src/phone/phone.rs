//! The one door of call control. It routes, and doesn't decide: accounts and calls do.

mod commands;
mod requests;
#[cfg(test)]
mod tests;

use alloc::collections::{BTreeSet, VecDeque};
use alloc::vec::Vec;

use base::{Allowance, Dice, Duration, Instant, Seed};
use sip::Show;
use sip::endpoint::{self, Endpoint};
use sip::message::Status;

use crate::accounts::Accounts;
use crate::calls::{Calls, Turn};
use crate::command::{ClientId, ConnectionId};
use crate::interface::{Config, Input, Output};
use crate::policy;

/// How long stopping may take: the process has 2 s for all of it.
const STOP_TIME: Duration = Duration::from_millis(1500);

/// Call control.
#[derive(Debug)]
pub struct Phone {
    config: Config,
    endpoint: Endpoint,
    accounts: Accounts,
    calls: Calls,
    /// Who wants to hear how loud the sound is: connections of the API, which bounds them.
    level_watchers: BTreeSet<ClientId>,
    /// Answers to those who have no business here.
    strangers: Allowance,
    /// Lines of the log about them.
    strangers_told: Allowance,
    dice: Dice,
    /// What goes over the network comes out first: the threads that the rest wakes would delay it.
    messages: VecDeque<Output>,
    outputs: VecDeque<Output>,
    /// Once it stops: by when.
    stop_at: Option<Instant>,
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
            calls: Calls::new(),
            level_watchers: BTreeSet::new(),
            strangers: policy::STRANGERS,
            strangers_told: policy::STRANGERS_TOLD,
            dice,
            messages: VecDeque::new(),
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
            Input::Moved => {
                self.endpoint.forget_names();
                self.accounts.handle_move(now);
            }
            Input::MediaPort { port, family, rtp_port } => self.calls.lend(port, family, rtp_port),
            Input::Command { client, command } => self.on_command(now, client, command),
            Input::LegEvent { leg, event } => {
                let timeout = self.config.media_timeout;
                self.turn(now, |calls, turn| calls.handle_leg(turn, leg, event, timeout));
            }
            Input::Stop => self.on_stop(now),
            Input::Timeout => self.on_timeout(now),
        }
        self.route(now);
    }

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.messages.pop_front().or_else(|| self.outputs.pop_front())
    }

    /// When `Input::Timeout` is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.endpoint
            .poll_timeout()
            .into_iter()
            .chain(self.accounts.poll_timeout())
            .chain(self.calls.poll_timeout())
            .chain(self.stop_at)
            .min()
    }

    /// Shows the states of all machines, down to the transactions.
    pub fn show_states(&self, show: &mut Show<'_>) {
        self.endpoint.show_states(show);
        self.accounts.show_states(show);
        self.calls.show_states(show);
    }

    /// Brings what the endpoint has to say to whom it concerns, until it has nothing more.
    fn route(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                endpoint::Output::Send { flow, bytes } => {
                    self.messages.push_back(Output::Send { flow, bytes });
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
        if self.calls.owns(&event) {
            self.turn(now, |calls, turn| calls.handle_event(turn, event));
            self.answer_referrals(now);
        } else if self.accounts.owns(&event) {
            let mut outputs = Vec::new();
            self.accounts.handle_event(now, &mut self.endpoint, event, &mut outputs);
            self.outputs.extend(outputs);
        } else if let endpoint::Event::Request { transaction, flow, request } = event {
            self.on_request(now, transaction, flow, request);
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        self.endpoint.handle_input(now, endpoint::Input::Timeout);
        let mut outputs = Vec::new();
        let abandoned = self.accounts.handle_timeout(now, &mut self.endpoint, &mut outputs);
        for id in abandoned {
            self.disconnect(now, id, &mut outputs);
        }
        self.outputs.extend(outputs);
        self.turn(now, |calls, turn| calls.handle_timeout(turn));
    }

    /// Lets the calls do something, with all that they are lent for it.
    fn turn<T>(&mut self, now: Instant, act: impl FnOnce(&mut Calls, &mut Turn<'_>) -> T) -> T {
        let mut outputs = Vec::new();
        let done =
            act(&mut self.calls, &mut Turn { now, endpoint: &mut self.endpoint, outputs: &mut outputs });
        self.outputs.extend(outputs);
        done
    }

    /// Disconnects an account as it was asked for.
    fn disconnect(&mut self, now: Instant, id: ConnectionId, outputs: &mut Vec<Output>) {
        self.end_ringing(now, id, outputs);
        self.accounts.disconnect(now, &mut self.endpoint, id, outputs);
    }

    /// Rule 7: calls that ring end with 480 when their account is disconnected; those answered go on.
    fn end_ringing(&mut self, now: Instant, id: ConnectionId, outputs: &mut Vec<Output>) {
        let turn = &mut Turn { now, endpoint: &mut self.endpoint, outputs };
        self.calls.end_ringing(turn, id, Status::TEMPORARILY_UNAVAILABLE);
    }

    fn on_stop(&mut self, now: Instant) {
        let decline = self.decline_status();
        self.turn(now, |calls, turn| calls.end_all(turn, decline));
        let mut outputs = Vec::new();
        for id in self.accounts.ids() {
            self.disconnect(now, id, &mut outputs);
        }
        self.outputs.extend(outputs);
        self.stop_at = Some(now + STOP_TIME);
    }

    fn check_stopped(&mut self, now: Instant) {
        let is_done = self.accounts.is_empty() && self.calls.is_silent();
        if self.stop_at.is_some_and(|stop_at| is_done || stop_at <= now) {
            self.stop_at = None;
            self.outputs.push_back(Output::Stopped);
        }
    }

    /// What a ringing call is declined with (rule 9).
    fn decline_status(&self) -> Status {
        Status::new(self.config.decline_status).unwrap_or(Status::BUSY_HERE)
    }
}
