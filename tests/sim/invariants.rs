//! What the contract promises (docs/api.md, part 2), watched: a witness beside each phone keeps a model of what clients
//! have been told, and holds each output against it.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Instant;
use media::leg::{LegCommand, LegId};
use phone::event::{AccountState, CallState, CallType, SipError};
use phone::{
    CallId, CallTold, ClientId, Command, ConnectionId, Done, Event, Output, PortId, RefusalCode, Reply,
    Snapshot,
};

use crate::clients::PASSWORD;

/// Rule 8: a disconnection that was asked for is told within this time.
const UNREGISTERS_WITHIN: Duration = Duration::from_secs(2);

/// An orderly stop takes no longer.
const STOPS_WITHIN: Duration = Duration::from_secs(2);

/// Rule 7: how long an account with `autodisconnect` waits for its client.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

/// 64*T1: what one side of a call does has come to the other by then.
const CROSSES_WITHIN: Duration = Duration::from_secs(32);

/// Calls at once.
pub(crate) const MAX_CALLS: usize = 4;

/// What made a phone act.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) enum Cause {
    Begin,
    Command(ClientId, Command),
    Datagram,
    /// A timer, or the driver's own news: ports, legs, flows.
    Driver,
    Stop,
}

/// The life of a call, as clients hear it.
#[derive(Clone, Debug)]
pub(crate) struct Life {
    pub(crate) told: CallTold,
    pub(crate) answered_at: Option<Instant>,
    pub(crate) end: Option<End>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct End {
    pub(crate) sip_error: SipError,
    pub(crate) at: Instant,
    /// The peer or the exchange ended it, not this phone.
    pub(crate) was_heard: bool,
}

impl Life {
    pub(crate) fn is_open(&self) -> bool {
        self.end.is_none()
    }

    pub(crate) fn rings(&self) -> bool {
        self.is_open() && self.answered_at.is_none()
    }

    pub(crate) fn is_incoming(&self) -> bool {
        self.told.call_type == CallType::Incoming
    }
}

#[derive(Debug)]
struct Account {
    state: AccountState,
    /// User name and domain; as the first client wrote it, or the file.
    address: (String, String),
    /// None for one that only the configuration file has.
    owner: Option<Owner>,
    is_configured: bool,
    /// When it was last connected by a program, counted.
    connected_as: u32,
    /// Somebody asked to disconnect it: clients hear so by then.
    leaves_by: Option<Instant>,
}

#[derive(Clone, Copy, Debug)]
struct Owner {
    client: ClientId,
    autodisconnect: bool,
    gone_at: Option<Instant>,
}

#[derive(Default)]
pub(crate) struct Witness {
    pub(crate) calls: BTreeMap<CallId, Life>,
    accounts: BTreeMap<ConnectionId, Account>,
    connections: u32,
    /// Accounts that were disconnected as somebody asked.
    disconnected: BTreeSet<ConnectionId>,
    /// A client has tried a wrong password.
    pub(crate) was_misled: bool,
    /// Outcomes of a registration that have to be followed by their `OnSIPRegisterFinalized`.
    to_finalize: Option<(ConnectionId, SipError)>,
    lent: BTreeSet<PortId>,
    /// Legs started, and whether they have ended.
    legs: BTreeMap<LegId, bool>,
    stop_by: Option<Instant>,
    pub(crate) has_stopped: bool,
}

impl Witness {
    pub(crate) fn lend(&mut self, port: PortId) {
        self.lent.insert(port);
    }

    /// An account of the configuration file has the first number that is free.
    pub(crate) fn configure(&mut self, id: ConnectionId, user: &str, domain: &str) {
        let address = (user.into(), domain.into());
        let state = AccountState::Registering;
        let account =
            Account { state, address, owner: None, is_configured: true, connected_as: 0, leaves_by: None };
        self.accounts.insert(id, account);
    }

    /// Holds what a phone did against what it may do.
    pub(crate) fn watch(&mut self, now: Instant, cause: &Cause, outputs: &[Output]) {
        assert!(!self.has_stopped || outputs.is_empty(), "a stopped phone says nothing");
        self.note_absences(now);
        let replies = outputs.iter().filter(|output| matches!(output, Output::Reply { .. })).count();
        let owed = match cause {
            Cause::Command(_, Command::ClientGone | Command::TakeOver(_)) => 0,
            Cause::Command(..) => 1,
            _ => 0,
        };
        assert_eq!(replies, owed, "each request has one reply, at once (rule 4)");
        match cause {
            Cause::Command(client, Command::ClientGone) => self.on_client_gone(now, *client),
            Cause::Command(client, Command::TakeOver(from)) => self.on_take_over(*client, *from),
            Cause::Stop => self.on_stop(now),
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
                Output::StartLeg { leg, port } => self.on_leg_started(*leg, *port),
                Output::Leg { leg, command } => self.on_leg_told(*leg, command),
                Output::Stopped => self.on_stopped(now),
                _ => {}
            }
        }
        self.forget_refused();
        assert_eq!(self.to_finalize, None, "an outcome is followed by OnSIPRegisterFinalized (rule 8)");
        self.check_effect(cause, outputs);
        for (id, life) in self.calls.iter().filter(|(_, life)| life.rings()) {
            let account = life.told.connection;
            let is_leaving = self.accounts.get(&account).is_some_and(|account| account.leaves_by.is_some());
            let has_left = self.disconnected.contains(&account);
            assert!(!is_leaving && !has_left, "{id:?} rings for an account that was disconnected (rule 7)");
        }
    }

    /// Holds what is left when the world has been left alone against nothing.
    pub(crate) fn check_rest(&self, now: Instant) {
        for (id, account) in &self.accounts {
            assert_ne!(account.state, AccountState::Registering, "{id:?} is owed an outcome (rule 8)");
            let is_late = account.leaves_by.is_some_and(|by| by < now);
            assert!(!is_late, "{id:?} was to be disconnected (rule 8)");
        }
    }

    pub(crate) fn check_nothing_is_left(&self) {
        let open: Vec<_> = self.calls.iter().filter(|(_, life)| life.is_open()).collect();
        assert!(open.is_empty(), "calls without an end: {open:?}");
        let playing: Vec<_> = self.legs.iter().filter(|(_, has_ended)| !**has_ended).collect();
        assert!(playing.is_empty(), "legs without an end: {playing:?}");
    }

    /// Whether clients have been told that this user is connected there.
    pub(crate) fn is_connected(&self, user: &str, domain: &str) -> bool {
        let is_it = |account: &Account| account.address.0 == user && account.address.1 == domain;
        self.listed().any(|(_, it)| it.state == AccountState::Connected && is_it(it))
    }

    pub(crate) fn has_accounts(&self) -> bool {
        self.listed().next().is_some()
    }

    pub(crate) fn check_time(&self, now: Instant) {
        assert!(self.stop_by.is_none_or(|by| now <= by), "stopping takes at most 2 s");
        for (id, account) in &self.accounts {
            assert!(
                account.leaves_by.is_none_or(|by| now <= by),
                "OnSIPUnRegister of {id:?} is late (rule 8)"
            );
        }
    }

    fn listed(&self) -> impl Iterator<Item = (&ConnectionId, &Account)> {
        self.accounts.iter().filter(|(_, account)| account.leaves_by.is_none())
    }

    fn own(&self, client: ClientId) -> Option<ConnectionId> {
        let is_own = |account: &Account| account.owner.is_some_and(|owner| owner.client == client);
        self.listed().find(|(_, account)| is_own(account)).map(|(id, _)| *id)
    }

    // What clients do.

    fn on_client_gone(&mut self, now: Instant, client: ClientId) {
        for owner in self.accounts.values_mut().filter_map(|account| account.owner.as_mut()) {
            if owner.client == client {
                owner.gone_at = Some(now);
            }
        }
        self.forget_refused();
    }

    fn on_take_over(&mut self, client: ClientId, from: ClientId) {
        for owner in self.accounts.values_mut().filter_map(|account| account.owner.as_mut()) {
            if owner.client == from && owner.gone_at.is_some() {
                *owner = Owner { client, gone_at: None, ..*owner };
            }
        }
    }

    /// Rule 7: accounts whose clients have been away for longer than the grace.
    fn note_absences(&mut self, now: Instant) {
        for account in self.accounts.values_mut().filter(|account| account.leaves_by.is_none()) {
            let Some(Owner { autodisconnect: true, gone_at: Some(gone_at), .. }) = account.owner else {
                continue;
            };
            if now.since(gone_at) >= GRACE {
                account.leaves_by = Some(gone_at + GRACE + UNREGISTERS_WITHIN);
            }
        }
    }

    fn on_stop(&mut self, now: Instant) {
        self.stop_by = Some(now + STOPS_WITHIN);
        for account in self.accounts.values_mut() {
            account.leaves_by.get_or_insert(now + UNREGISTERS_WITHIN);
        }
    }

    fn on_stopped(&mut self, now: Instant) {
        assert!(self.stop_by.is_some_and(|by| now <= by), "it stops when told so, within 2 s");
        assert!(self.accounts.is_empty(), "accounts not told as disconnected: {:?}", self.accounts);
        self.check_nothing_is_left();
        self.has_stopped = true;
        self.stop_by = None;
    }

    fn on_reply(&mut self, now: Instant, client: ClientId, command: &Command, reply: &Reply) {
        match (command, reply) {
            (Command::Register { domain, number, password, autodisconnect }, Ok(Done::Connection(id))) => {
                self.was_misled |= password.expose() != PASSWORD;
                let address = (number.clone(), domain.clone());
                self.on_registering(now, client, *id, address, *autodisconnect);
            }
            (Command::Unregister, reply) => self.on_unregistering(now, client, reply),
            (Command::StartCall { .. }, Ok(Done::Call(id))) => {
                assert!(!self.calls.contains_key(id), "{id:?} is used twice");
                assert!(self.can_call(), "{id:?} has no account to be placed from (rule 7)");
            }
            (Command::StartCall { .. }, Err(refusal)) => {
                let open = self.calls.values().filter(|life| life.is_open()).count();
                let expected =
                    if open >= MAX_CALLS { RefusalCode::Internal } else { RefusalCode::NotRegistered };
                assert_eq!(refusal.code, expected, "{refusal:?}");
                assert!(open >= MAX_CALLS || !self.can_call(), "{refusal:?}");
            }
            (Command::AcceptCall(id), reply) => {
                let fits = self.calls.get(id).is_some_and(|life| life.rings() && life.is_incoming());
                check_fit(fits, reply);
            }
            (Command::FinalizeCall(id), reply) => {
                check_fit(self.calls.get(id).is_some_and(Life::is_open), reply);
            }
            (Command::GetState, Ok(Done::State(snapshot))) => self.check_snapshot(now, snapshot),
            (command, reply) => panic!("{reply:?} is no reply to {command:?}"),
        }
    }

    fn can_call(&self) -> bool {
        self.listed().any(|(_, account)| account.state == AccountState::Connected)
    }

    /// Rule 7: a new account, or one that is adopted; another one of this client goes.
    fn on_registering(
        &mut self,
        now: Instant,
        client: ClientId,
        id: ConnectionId,
        address: (String, String),
        autodisconnect: bool,
    ) {
        if let Some(replaced) = self.own(client).filter(|own| *own != id) {
            self.give_way(now, replaced);
        }
        let owner = Some(Owner { client, autodisconnect, gone_at: None });
        match self.accounts.get_mut(&id) {
            Some(account) => {
                assert_eq!(account.leaves_by, None, "{id:?} was disconnected and is adopted (rule 7)");
                account.owner = owner;
                self.connections += 1;
                account.connected_as = self.connections;
                // Its outcome is told again (rule 7).
                account.state = AccountState::Registering;
            }
            None => {
                let state = AccountState::Registering;
                let account =
                    Account { state, address, owner, is_configured: false, connected_as: 0, leaves_by: None };
                self.accounts.insert(id, account);
            }
        }
    }

    fn on_unregistering(&mut self, now: Instant, client: ClientId, reply: &Reply) {
        let is_orphan = |account: &Account| account.owner.is_some_and(|owner| owner.gone_at.is_some());
        let orphans = self.listed().filter(|(_, account)| is_orphan(account));
        let orphan = orphans.max_by_key(|(_, account)| account.connected_as).map(|(id, _)| *id);
        match (self.own(client).or(orphan), reply) {
            (Some(id), Ok(Done::Accepted)) => self.leave(now, id),
            (None, Err(refusal)) => assert_eq!(refusal.code, RefusalCode::NotRegistered),
            (account, reply) => panic!("sipunregister of {account:?} has the reply {reply:?}"),
        }
    }

    /// One that was refused goes silently: that it is not connected was told.
    fn give_way(&mut self, now: Instant, id: ConnectionId) {
        match self.accounts.get_mut(&id) {
            Some(account) if account.state == AccountState::Refused => account.owner = None,
            _ => self.leave(now, id),
        }
        self.forget_refused();
    }

    /// A refused account is kept while somebody may look at it.
    fn forget_refused(&mut self) {
        self.accounts.retain(|_, account| {
            let is_seen = account.owner.is_some_and(|owner| owner.gone_at.is_none());
            let is_kept = account.is_configured || is_seen || account.leaves_by.is_some();
            account.state != AccountState::Refused || is_kept
        });
    }

    fn leave(&mut self, now: Instant, id: ConnectionId) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.leaves_by = Some(now + UNREGISTERS_WITHIN);
        }
    }

    fn check_snapshot(&self, now: Instant, snapshot: &Snapshot) {
        let accounts: BTreeMap<_, _> = snapshot.accounts.iter().map(|it| (it.connection, it.state)).collect();
        let listed: BTreeMap<_, _> = self.listed().map(|(id, account)| (*id, account.state)).collect();
        assert_eq!(accounts, listed, "getstate tells the accounts that events told");
        let open: Vec<_> = self.calls.values().filter(|life| life.is_open()).collect();
        assert_eq!(snapshot.calls.len(), open.len(), "getstate tells the calls that events told");
        for (call, life) in snapshot.calls.iter().zip(open) {
            let duration = life.answered_at.map_or(Duration::ZERO, |at| now.since(at));
            assert_eq!(call.told, CallTold { duration, ..life.told.clone() });
            let state = if life.rings() { CallState::Ringing } else { CallState::Answered };
            assert_eq!(call.state, state);
        }
    }

    // What clients hear.

    fn on_event(&mut self, now: Instant, cause: &Cause, event: &Event) {
        if let Some((id, error)) = self.to_finalize.take() {
            assert_eq!(*event, Event::RegisterFinalized(id, error), "an outcome is finalized (rule 8)");
            return;
        }
        match event {
            Event::NewCall(told) => self.on_new_call(told),
            Event::CallProgress { call, status, .. } => {
                assert!(self.calls.get(call).is_some_and(Life::rings), "{event:?}");
                assert!((101..200).contains(status), "{event:?}");
            }
            Event::CallAccepted(told) => {
                let life = self.calls.get_mut(&told.call).filter(|life| life.rings());
                let life = life.unwrap_or_else(|| panic!("answered without ringing (rule 9): {told:?}"));
                assert_eq!(*told, life.told, "duration counts from the answer (rule 9)");
                life.answered_at = Some(now);
            }
            Event::CallFinalized(told) => self.on_finalized(now, cause, told),
            Event::CallTransferred(_)
            | Event::TransferFailed { .. }
            | Event::Hold { .. }
            | Event::Dtmf { .. }
            | Event::MediaLost(_)
            | Event::MediaBack(_) => panic!("nobody asks for that here: {event:?}"),
            Event::Registered(id) => {
                self.on_outcome(*id, 0, AccountState::Connected, event, |state| {
                    state != AccountState::Connected
                });
            }
            Event::RegisterRefused(id, error) => {
                assert!((300..700).contains(error), "{event:?}");
                self.on_outcome(*id, *error, AccountState::Refused, event, |_| true);
            }
            Event::RegisterExpired(id, error) => {
                assert!(*error == 408 || (500..600).contains(error), "{event:?}");
                self.on_outcome(*id, *error, AccountState::Lost, event, |state| {
                    matches!(state, AccountState::Registering | AccountState::Connected)
                });
            }
            Event::RegisterCancelled(id) => {
                let account = self.take_leaving(*id, event);
                assert_eq!(account.state, AccountState::Registering, "{event:?} (rule 8)");
                self.to_finalize = Some((*id, 487));
            }
            Event::Unregistered(id) => {
                let account = self.take_leaving(*id, event);
                assert_ne!(account.state, AccountState::Registering, "{event:?} (rule 8)");
                assert!(account.leaves_by.is_some_and(|by| now <= by), "{event:?} is late (rule 8)");
            }
            Event::RegisterFinalized(..) => panic!("{event:?} without an outcome (rule 8)"),
        }
    }

    fn on_outcome(
        &mut self,
        id: ConnectionId,
        error: SipError,
        state: AccountState,
        event: &Event,
        fits: impl Fn(AccountState) -> bool,
    ) {
        let account = self.accounts.get_mut(&id).filter(|account| account.leaves_by.is_none());
        let account = account.unwrap_or_else(|| panic!("{event:?} of an account that is gone"));
        assert!(fits(account.state), "{event:?} of an account that is {:?} (rule 8)", account.state);
        account.state = state;
        if state == AccountState::Connected && account.owner.is_some() {
            self.connections += 1;
            account.connected_as = self.connections;
        }
        self.to_finalize = Some((id, error));
    }

    fn take_leaving(&mut self, id: ConnectionId, event: &Event) -> Account {
        let account =
            self.accounts.remove(&id).unwrap_or_else(|| panic!("{event:?} of an account that is gone"));
        assert!(account.leaves_by.is_some(), "{event:?}, and nobody asked for that (rule 8)");
        self.disconnected.insert(id);
        account
    }

    fn on_new_call(&mut self, told: &CallTold) {
        assert_eq!((told.duration, told.sip_error), (Duration::ZERO, 0), "{told:?}");
        assert!([&told.from, &told.to].iter().all(|uri| !uri.contains(['<', ';', '"'])), "{told:?}");
        let life = Life { told: told.clone(), answered_at: None, end: None };
        assert!(self.calls.insert(told.call, life).is_none(), "one OnNewCall a call (rule 9)");
        let open = self.calls.values().filter(|life| life.is_open()).count();
        assert!(open <= MAX_CALLS, "more calls than there may be");
    }

    fn on_finalized(&mut self, now: Instant, cause: &Cause, told: &CallTold) {
        let life = self.calls.get_mut(&told.call).filter(|life| life.is_open());
        let life =
            life.unwrap_or_else(|| panic!("one OnFinalizedCall a call, after OnNewCall (rule 9): {told:?}"));
        let duration = life.answered_at.map_or(Duration::ZERO, |at| now.since(at));
        let expected = CallTold { duration, sip_error: told.sip_error, ..life.told.clone() };
        assert_eq!(*told, expected, "duration counts from the answer (rule 9)");
        let is_refused = (300..700).contains(&told.sip_error);
        assert!(
            is_refused || life.answered_at.is_some(),
            "a call that only rang has a status (rule 9): {told:?}"
        );
        life.end = Some(End { sip_error: told.sip_error, at: now, was_heard: *cause == Cause::Datagram });
    }

    /// `startcall`, `acceptcall` and `finalizecall` take effect at once (rule 9).
    fn check_effect(&self, cause: &Cause, outputs: &[Output]) {
        let Cause::Command(_, command) = cause else { return };
        let reply = outputs.iter().find_map(|output| match output {
            Output::Reply { reply, .. } => Some(reply),
            _ => None,
        });
        let life = |id: &CallId| self.calls.get(id);
        let has_effect = match (command, reply) {
            (Command::StartCall { .. }, Some(Ok(Done::Call(id)))) => {
                life(id).is_some_and(|life| !life.is_incoming())
            }
            (Command::AcceptCall(id), Some(Ok(_))) => life(id).is_some_and(|life| life.answered_at.is_some()),
            (Command::FinalizeCall(id), Some(Ok(_))) => life(id).is_some_and(|life| !life.is_open()),
            _ => true,
        };
        assert!(has_effect, "{command:?} had the reply {reply:?}, and no effect");
    }

    // Legs and their ports.

    fn on_leg_started(&mut self, leg: LegId, port: PortId) {
        assert!(self.lent.remove(&port), "{port:?} was not lent, or is used twice");
        assert!(self.legs.insert(leg, false).is_none(), "{leg:?} is started twice");
    }

    fn on_leg_told(&mut self, leg: LegId, command: &LegCommand) {
        let has_ended = self.legs.get_mut(&leg).unwrap_or_else(|| panic!("{leg:?} was never started"));
        assert!(!*has_ended, "{leg:?} has ended, and is told {command:?}");
        *has_ended = matches!(command, LegCommand::End { .. });
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

/// Both ends of each call, found by its Call-ID, say the same of it once all that crossed has arrived.
pub(crate) fn check_agreement(witnesses: [&Witness; 2]) {
    let calls = || witnesses.into_iter().flat_map(|witness| witness.calls.values());
    for called in calls().filter(|life| life.is_incoming()) {
        let is_caller =
            |life: &&Life| !life.is_incoming() && life.told.sip_call_id == called.told.sip_call_id;
        let caller = calls().find(is_caller).expect("who is called is called by somebody");
        agree(caller, called);
    }
    for caller in calls().filter(|life| !life.is_incoming() && life.answered_at.is_some()) {
        let is_called = |life: &Life| life.is_incoming() && life.told.sip_call_id == caller.told.sip_call_id;
        assert!(calls().any(is_called), "answered by nobody: {caller:?}");
    }
}

fn agree(caller: &Life, called: &Life) {
    let both = format!("\ncaller {caller:?}\ncalled {called:?}");
    if caller.answered_at.is_some() {
        assert!(called.answered_at.is_some(), "answered for one side alone: {both}");
    }
    if let (Some(one), Some(other)) = (caller.end, called.end) {
        let apart = one.at.since(other.at).max(other.at.since(one.at));
        assert!(apart <= CROSSES_WITHIN, "over for one side long before the other: {both}");
    }
    match (caller.end, called.end) {
        (None, None) => assert_eq!(caller.rings(), called.rings(), "one side rings: {both}"),
        (None, Some(_)) | (Some(_), None) => panic!("over for one side alone: {both}"),
        // Both hung up at once: each has its own truth.
        (Some(End { was_heard: false, .. }), Some(End { was_heard: false, .. })) => {}
        // The caller gave up while the answer was on its way: settled by a BYE.
        (Some(gave_up), Some(heard)) if caller.answered_at.is_none() && called.answered_at.is_some() => {
            assert!(!gave_up.was_heard, "answered, and never heard: {both}");
            assert_eq!(heard.sip_error, 0, "{both}");
        }
        (Some(gave_up), Some(heard)) if !gave_up.was_heard && called.answered_at.is_none() => {
            assert!(matches!(gave_up.sip_error, 487 | 480), "{both}");
            assert_eq!(heard.sip_error, 487, "cancelled by the caller: {both}");
        }
        (Some(one), Some(other)) => assert_eq!(one.sip_error, other.sip_error, "{both}"),
    }
}
