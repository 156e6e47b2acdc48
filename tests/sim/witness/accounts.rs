//! Accounts as clients hear of them, and who they belong to (rules 7 and 8).

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use base::Instant;
use phone::event::{AccountSnapshot, AccountState, SipError};
use phone::{ClientId, Command, ConnectionId, Done, Event, RefusalCode, Reply};

use crate::clients::PASSWORD;

/// Rule 8: a disconnection that was asked for is told within this time.
const UNREGISTERS_WITHIN: Duration = Duration::from_secs(2);

/// Rule 7: how long an account with `autodisconnect` waits for its client.
pub(crate) const GRACE: Duration = Duration::from_secs(3);

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
pub(crate) struct Accounts {
    accounts: BTreeMap<ConnectionId, Account>,
    connections: u32,
    /// Accounts that were disconnected as somebody asked.
    disconnected: BTreeSet<ConnectionId>,
    /// Accounts are gone that clients still think to be there.
    owes_list: bool,
    /// A client has tried a wrong password.
    pub(crate) was_misled: bool,
}

impl Accounts {
    /// An account of the configuration file has the first number that is free.
    pub(crate) fn configure(&mut self, id: ConnectionId, user: &str, domain: &str) {
        let address = (user.into(), domain.into());
        let state = AccountState::Registering;
        let account =
            Account { state, address, owner: None, is_configured: true, connected_as: 0, leaves_by: None };
        self.accounts.insert(id, account);
    }

    pub(super) fn check_rest(&self, now: Instant) {
        for (id, account) in &self.accounts {
            assert_ne!(account.state, AccountState::Registering, "{id:?} is owed an outcome (rule 8)");
            let is_late = account.leaves_by.is_some_and(|by| by < now);
            assert!(!is_late, "{id:?} was to be disconnected (rule 8)");
        }
    }

    pub(super) fn check_time(&self, now: Instant) {
        assert!(!self.owes_list, "accounts are gone, and no event tells it");
        for (id, account) in &self.accounts {
            let is_late = account.leaves_by.is_some_and(|by| by < now);
            assert!(!is_late, "OnSIPUnRegister of {id:?} is late (rule 8)");
        }
    }

    pub(super) fn check_stopped(&self) {
        assert!(self.accounts.is_empty(), "accounts not told as disconnected: {:?}", self.accounts);
    }

    /// Whether clients have been told that this user is connected there.
    pub(crate) fn is_connected(&self, user: &str, domain: &str) -> bool {
        let is_it = |account: &Account| account.address.0 == user && account.address.1 == domain;
        self.listed().any(|(_, it)| it.state == AccountState::Connected && is_it(it))
    }

    pub(crate) fn has_accounts(&self) -> bool {
        self.listed().next().is_some()
    }

    pub(super) fn is_disconnected(&self, id: ConnectionId) -> bool {
        let is_leaving = self.accounts.get(&id).is_some_and(|account| account.leaves_by.is_some());
        is_leaving || self.disconnected.contains(&id)
    }

    pub(super) fn is_listed(&self, id: ConnectionId) -> bool {
        self.listed().any(|(listed, _)| *listed == id)
    }

    pub(super) fn can_call(&self) -> bool {
        self.listed().any(|(_, account)| account.state == AccountState::Connected)
    }

    pub(super) fn states(&self) -> BTreeMap<ConnectionId, AccountState> {
        self.listed().map(|(id, account)| (*id, account.state)).collect()
    }

    fn listed(&self) -> impl Iterator<Item = (&ConnectionId, &Account)> {
        self.accounts.iter().filter(|(_, account)| account.leaves_by.is_none())
    }

    fn own(&self, client: ClientId) -> Option<ConnectionId> {
        let is_own = |account: &Account| account.owner.is_some_and(|owner| owner.client == client);
        self.listed().find(|(_, account)| is_own(account)).map(|(id, _)| *id)
    }

    pub(super) fn on_client_gone(&mut self, now: Instant, client: ClientId) {
        for owner in self.accounts.values_mut().filter_map(|account| account.owner.as_mut()) {
            if owner.client == client {
                owner.gone_at = Some(now);
            }
        }
        self.forget_refused();
    }

    pub(super) fn on_take_over(&mut self, client: ClientId, from: ClientId) {
        for owner in self.accounts.values_mut().filter_map(|account| account.owner.as_mut()) {
            if owner.client == from && owner.gone_at.is_some() {
                *owner = Owner { client, gone_at: None, ..*owner };
            }
        }
    }

    /// Rule 7: accounts whose clients have been away for longer than the grace.
    pub(super) fn note_absences(&mut self, now: Instant) {
        for account in self.accounts.values_mut().filter(|account| account.leaves_by.is_none()) {
            let Some(Owner { autodisconnect: true, gone_at: Some(gone_at), .. }) = account.owner else {
                continue;
            };
            if now.since(gone_at) >= GRACE {
                account.leaves_by = Some(gone_at + GRACE + UNREGISTERS_WITHIN);
            }
        }
    }

    pub(super) fn on_stop(&mut self, now: Instant) {
        for account in self.accounts.values_mut() {
            account.leaves_by.get_or_insert(now + UNREGISTERS_WITHIN);
        }
    }

    /// Rule 7: a new account, or one that is adopted; another one of this client goes.
    pub(super) fn on_registering(
        &mut self,
        now: Instant,
        client: ClientId,
        id: ConnectionId,
        command: &Command,
    ) {
        let Command::Register { domain, number, password, autodisconnect } = command else { return };
        self.was_misled |= password.expose() != PASSWORD;
        if let Some(replaced) = self.own(client).filter(|own| *own != id) {
            self.give_way(now, replaced);
        }
        let owner = Some(Owner { client, autodisconnect: *autodisconnect, gone_at: None });
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
                let address = (number.clone(), domain.clone());
                let account =
                    Account { state, address, owner, is_configured: false, connected_as: 0, leaves_by: None };
                self.accounts.insert(id, account);
            }
        }
    }

    pub(super) fn on_unregistering(&mut self, now: Instant, client: ClientId, reply: &Reply) {
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
    pub(super) fn forget_refused(&mut self) {
        let before = self.accounts.len();
        self.accounts.retain(|_, account| {
            let is_seen = account.owner.is_some_and(|owner| owner.gone_at.is_none());
            let is_kept = account.is_configured || is_seen || account.leaves_by.is_some();
            account.state != AccountState::Refused || is_kept
        });
        self.owes_list |= self.accounts.len() < before;
    }

    /// Accounts are gone that had been refused.
    pub(super) fn on_left(&mut self, left: &[AccountSnapshot]) {
        self.forget_refused();
        assert!(std::mem::take(&mut self.owes_list), "no change, no event");
        let left: BTreeMap<_, _> = left.iter().map(|it| (it.connection, it.state)).collect();
        assert_eq!(left, self.states());
    }

    fn leave(&mut self, now: Instant, id: ConnectionId) {
        if let Some(account) = self.accounts.get_mut(&id) {
            account.leaves_by = Some(now + UNREGISTERS_WITHIN);
        }
    }

    /// Takes an event about an account; the `OnSIPRegisterFinalized` that has to follow.
    pub(super) fn on_event(&mut self, now: Instant, event: &Event) -> Option<(ConnectionId, SipError)> {
        match event {
            Event::Registered(id) => self
                .on_outcome(*id, 0, AccountState::Connected, event, |state| state != AccountState::Connected),
            Event::RegisterRefused(id, error) => {
                assert!((300..700).contains(error), "{event:?}");
                self.on_outcome(*id, *error, AccountState::Refused, event, |_| true)
            }
            Event::RegisterExpired(id, error) => {
                assert!(*error == 408 || (500..600).contains(error), "{event:?}");
                self.on_outcome(*id, *error, AccountState::Lost, event, |state| {
                    matches!(state, AccountState::Registering | AccountState::Connected)
                })
            }
            Event::RegisterCancelled(id) => {
                let account = self.take_leaving(*id, event);
                assert_eq!(account.state, AccountState::Registering, "{event:?} (rule 8)");
                Some((*id, 487))
            }
            Event::Unregistered(id) => {
                let account = self.take_leaving(*id, event);
                assert_ne!(account.state, AccountState::Registering, "{event:?} (rule 8)");
                assert!(account.leaves_by.is_some_and(|by| now <= by), "{event:?} is late (rule 8)");
                None
            }
            _ => panic!("{event:?} without an outcome (rule 8)"),
        }
    }

    /// What has become of a registration.
    fn on_outcome(
        &mut self,
        id: ConnectionId,
        error: SipError,
        state: AccountState,
        event: &Event,
        fits: impl Fn(AccountState) -> bool,
    ) -> Option<(ConnectionId, SipError)> {
        let account = self.accounts.get_mut(&id).filter(|account| account.leaves_by.is_none());
        let account = account.unwrap_or_else(|| panic!("{event:?} of an account that is gone"));
        assert!(fits(account.state), "{event:?} of an account that is {:?} (rule 8)", account.state);
        account.state = state;
        if state == AccountState::Connected && account.owner.is_some() {
            self.connections += 1;
            account.connected_as = self.connections;
        }
        Some((id, error))
    }

    fn take_leaving(&mut self, id: ConnectionId, event: &Event) -> Account {
        let account =
            self.accounts.remove(&id).unwrap_or_else(|| panic!("{event:?} of an account that is gone"));
        assert!(account.leaves_by.is_some(), "{event:?}, and nobody asked for that (rule 8)");
        self.disconnected.insert(id);
        account
    }
}
