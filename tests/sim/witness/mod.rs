//! What the contract promises (docs/api.md, part 2), watched: a witness beside each phone keeps a model of what clients
//! have been told, and holds each output against it.

mod accounts;
mod calls;
mod legs;

use std::collections::BTreeMap;
use std::time::Duration;

use base::Instant;
use phone::event::{CallState, SipError};
use phone::{CallId, ClientId, Command, ConnectionId, Done, Event, Output, RefusalCode, Reply, Snapshot};

use accounts::Accounts;
pub(crate) use accounts::GRACE;
pub(crate) use calls::{Calls, Life, MAX_CALLS};
use legs::Legs;

/// An orderly stop takes no longer.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// What made a phone act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Begin,
    Command(ClientId, Command),
    Datagram,
    Timer,
    /// The driver's own news: ports, legs, flows.
    Driver,
    Stop,
}

#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) accounts: Accounts,
    pub(crate) calls: Calls,
    pub(crate) legs: Legs,
    /// Outcomes of a registration that have to be followed by their `OnSIPRegisterFinalized`.
    to_finalize: Option<(ConnectionId, SipError)>,
    stop_by: Option<Instant>,
    pub(crate) has_stopped: bool,
}

impl Witness {
    /// Holds what a phone did against what it may do.
    pub(crate) fn watch(&mut self, now: Instant, cause: &Cause, outputs: &[Output]) {
        assert!(!self.has_stopped || outputs.is_empty(), "a stopped phone says nothing");
        self.accounts.note_absences(now);
        let replies = outputs.iter().filter(|output| matches!(output, Output::Reply { .. })).count();
        let owed = match cause {
            Cause::Command(_, Command::ClientGone | Command::TakeOver(_)) => 0,
            Cause::Command(..) => 1,
            _ => 0,
        };
        assert_eq!(replies, owed, "each request has one reply, at once (rule 4)");
        match cause {
            Cause::Command(client, Command::ClientGone) => self.accounts.on_client_gone(now, *client),
            Cause::Command(client, Command::TakeOver(from)) => self.accounts.on_take_over(*client, *from),
            Cause::Stop => {
                self.stop_by = Some(now + STOPS_WITHIN);
                self.accounts.on_stop(now);
            }
            _ => {}
        }
        let is_told =
            outputs.iter().position(|output| matches!(output, Output::Event(_))).unwrap_or(outputs.len());
        for (at, output) in outputs.iter().enumerate() {
            match output {
                Output::Reply { client, reply } => {
                    let Cause::Command(asker, command) = cause else { unreachable!("it was counted") };
                    assert_eq!(client, asker);
                    assert!(at < is_told, "the reply comes before the events that it leads to (rule 4)");
                    self.on_reply(now, *client, command, reply);
                }
                Output::Event(event) => self.on_event(now, cause, event),
                Output::StartLeg { leg, port } => self.legs.on_started(*leg, *port),
                Output::Leg { leg, command } => self.legs.on_told(*leg, command),
                Output::Stopped => self.on_stopped(now),
                _ => {}
            }
        }
        check_transfers(outputs);
        self.accounts.forget_refused();
        assert_eq!(self.to_finalize, None, "an outcome is followed by OnSIPRegisterFinalized (rule 8)");
        self.check_effect(cause, outputs);
        for (id, life) in self.calls.open().filter(|(_, life)| life.rings()) {
            let is_disconnected = self.accounts.is_disconnected(life.told.connection);
            assert!(!is_disconnected, "{id:?} rings for an account that was disconnected (rule 7)");
        }
    }

    /// Holds what is left when the world has been left alone against nothing.
    pub(crate) fn check_rest(&self, now: Instant) {
        self.accounts.check_rest(now);
    }

    pub(crate) fn check_nothing_is_left(&self) {
        let open: Vec<_> = self.calls.open().collect();
        assert!(open.is_empty(), "calls without an end: {open:?}");
        self.legs.check_ended();
    }

    pub(crate) fn check_time(&self, now: Instant) {
        assert!(self.stop_by.is_none_or(|by| now <= by), "stopping takes at most 2 s");
        self.accounts.check_time(now);
    }

    fn on_stopped(&mut self, now: Instant) {
        assert!(self.stop_by.is_some_and(|by| now <= by), "it stops when told so, within 2 s");
        self.accounts.check_stopped();
        self.check_nothing_is_left();
        self.has_stopped = true;
        self.stop_by = None;
    }

    fn on_reply(&mut self, now: Instant, client: ClientId, command: &Command, reply: &Reply) {
        match (command, reply) {
            (Command::Register { .. }, Ok(Done::Connection(id))) => {
                self.accounts.on_registering(now, client, *id, command);
            }
            (Command::Unregister, reply) => self.accounts.on_unregistering(now, client, reply),
            (Command::StartCall { .. }, Ok(Done::Call(id))) => {
                assert!(self.calls.get(*id).is_none(), "{id:?} is used twice");
                assert!(self.accounts.can_call(), "{id:?} has no account to be placed from (rule 7)");
            }
            (Command::StartCall { .. }, Err(refusal)) => {
                let is_full = self.calls.open().count() >= MAX_CALLS;
                let expected = if is_full { RefusalCode::Internal } else { RefusalCode::NotRegistered };
                assert_eq!(refusal.code, expected, "{refusal:?}");
                assert!(is_full || !self.accounts.can_call(), "{refusal:?}");
            }
            (Command::AcceptCall(id), reply) => {
                let fits = self.calls.get(*id).is_some_and(|life| life.rings() && life.is_incoming());
                check_fit(fits, reply);
            }
            (Command::FinalizeCall(id), reply) => {
                check_fit(self.calls.get(*id).is_some_and(Life::is_open), reply);
            }
            (Command::SetHold { call, .. }, reply) => {
                check_fit(self.calls.get(*call).is_some_and(Life::can_be_held), reply);
            }
            (Command::MuteCall { call, .. }, reply) => {
                check_fit(self.calls.get(*call).is_some_and(Life::is_open), reply);
            }
            (Command::TransferCall { call, .. }, reply) => self.on_transferring(*call, reply),
            (Command::SendDtmf { call, .. }, Ok(Done::Accepted)) => {
                assert!(self.calls.get(*call).is_some_and(Life::is_open), "keys for {call:?}, which is over");
            }
            // Whether there are media is the phone's own knowledge.
            (Command::SendDtmf { .. }, Err(refusal)) => {
                assert_eq!(refusal.code, RefusalCode::InvalidArgument, "{refusal:?}");
            }
            (Command::GetState, Ok(Done::State(snapshot))) => self.check_snapshot(now, snapshot),
            (command, reply) => panic!("{reply:?} is no reply to {command:?}"),
        }
    }

    /// Rule 11. The target is a number of the call's own account.
    fn on_transferring(&mut self, id: CallId, reply: &Reply) {
        let life = self.calls.get_mut(id);
        let is_account_gone =
            life.as_ref().is_some_and(|life| !self.accounts.is_listed(life.told.connection));
        match (life, reply) {
            (_, Err(refusal)) if refusal.code == RefusalCode::NotRegistered => assert!(is_account_gone),
            (Some(life), reply) => {
                check_fit(life.can_be_transferred(), reply);
                life.is_transferred |= reply.is_ok();
            }
            (None, reply) => check_fit(false, reply),
        }
    }

    fn check_snapshot(&self, now: Instant, snapshot: &Snapshot) {
        let accounts: BTreeMap<_, _> = snapshot.accounts.iter().map(|it| (it.connection, it.state)).collect();
        assert_eq!(accounts, self.accounts.states(), "getstate tells the accounts that events told");
        let open: Vec<_> = self.calls.open().map(|(_, life)| life).collect();
        assert_eq!(snapshot.calls.len(), open.len(), "getstate tells the calls that events told");
        for (call, life) in snapshot.calls.iter().zip(open) {
            assert_eq!(call.told, life.told(now));
            let state = if life.rings() { CallState::Ringing } else { CallState::Answered };
            assert_eq!(call.state, state);
            assert_eq!((call.hold, call.mute), (life.hold_state(), life.mute), "{call:?}");
        }
    }

    fn on_event(&mut self, now: Instant, cause: &Cause, event: &Event) {
        if let Some((id, error)) = self.to_finalize.take() {
            assert_eq!(*event, Event::RegisterFinalized(id, error), "an outcome is finalized (rule 8)");
            return;
        }
        match event {
            Event::Registered(_)
            | Event::Unregistered(_)
            | Event::RegisterRefused(..)
            | Event::RegisterFinalized(..)
            | Event::RegisterCancelled(_)
            | Event::RegisterExpired(..) => self.to_finalize = self.accounts.on_event(now, event),
            Event::AccountsLeft(left) => self.accounts.on_left(left),
            _ => self.calls.on_event(now, cause, event),
        }
    }

    /// `startcall`, `acceptcall` and `finalizecall` take effect at once (rule 9).
    fn check_effect(&self, cause: &Cause, outputs: &[Output]) {
        let Cause::Command(_, command) = cause else { return };
        let reply = outputs.iter().find_map(|output| match output {
            Output::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        let life = |id| self.calls.get(id);
        let has_effect = match (command, reply) {
            (Command::StartCall { .. }, Some(Ok(Done::Call(id)))) => {
                life(*id).is_some_and(|life| !life.is_incoming())
            }
            (Command::AcceptCall(id), Some(Ok(_))) => {
                life(*id).is_some_and(|life| life.answered_at.is_some())
            }
            (Command::FinalizeCall(id), Some(Ok(_))) => life(*id).is_some_and(|life| !life.is_open()),
            _ => true,
        };
        assert!(has_effect, "{command:?} had the reply {reply:?}, and no effect");
    }
}

/// Rule 11: a call that was transferred is over.
fn check_transfers(outputs: &[Output]) {
    let events = outputs.iter().filter_map(|output| match output {
        Output::Event(event @ (Event::CallTransferred(told) | Event::CallFinalized(told))) => {
            Some((told.call, matches!(event, Event::CallFinalized(_))))
        }
        _ => None,
    });
    let events: Vec<_> = events.collect();
    for (at, (call, _)) in events.iter().enumerate().filter(|(_, (_, is_final))| !is_final) {
        assert!(events[at..].contains(&(*call, true)), "{call:?} was transferred, and goes on (rule 11)");
    }
}

fn check_fit(fits: bool, reply: &Reply) {
    match reply {
        Ok(Done::Accepted) => assert!(fits, "accepted, though the call's state doesn't fit"),
        Err(refusal) => {
            assert_eq!(refusal.code, RefusalCode::InvalidArgument);
            assert!(!fits, "refused, though the call's state fits: {refusal:?}");
        }
        other => panic!("{other:?} is no reply to that"),
    }
}
