//! All accounts, and who they belong to (rule 7).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;

use base::{Dice, Duration, Instant};
use sip::Show;
use sip::endpoint::{self, Endpoint};
use sip::flow::Flow;
use sip::message::Host;

use super::Settings;
use super::account::{Account, Owner};
use crate::command::{ClientId, ConnectionId, Refusal, RefusalCode};
use crate::event::{AccountSnapshot, Event};
use crate::interface::Output;

/// Accounts at once: more than a phone's keys, and than programs that share one.
const MAX_ACCOUNTS: usize = 64;

/// All accounts, oldest first.
#[derive(Debug)]
pub(crate) struct Accounts {
    accounts: Vec<Account>,
    agent: String,
    autodisconnect_grace: Duration,
    /// What the configuration file says of its accounts.
    configured: Vec<Settings>,
    next_id: u32,
    /// Connections by programs so far.
    connections: u64,
    dice: Dice,
}

impl Accounts {
    pub(crate) const fn new(agent: String, autodisconnect_grace: Duration, dice: Dice) -> Self {
        Self {
            accounts: Vec::new(),
            agent,
            autodisconnect_grace,
            configured: Vec::new(),
            next_id: 1,
            connections: 0,
            dice,
        }
    }

    /// Takes an account of the configuration file, and begins to register it.
    pub(crate) fn configure(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        settings: Settings,
    ) -> Option<ConnectionId> {
        self.configured.push(settings.clone());
        self.add(now, endpoint, settings, None, &mut Vec::new())
    }

    /// `sipregister`. With the account comes the one that it replaces, if any: that one's ringing calls end.
    ///
    /// # Errors
    /// 500: there are too many accounts. 102: the domain is none.
    pub(crate) fn register(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        client: ClientId,
        settings: Settings,
        autodisconnect: bool,
        outputs: &mut Vec<Output>,
    ) -> Result<(ConnectionId, Option<ConnectionId>), Refusal> {
        let owner = Owner { client, is_here: true, autodisconnect, disconnect_at: None };
        let adopted = self.accounts.iter().position(|account| account.can_be_adopted(&settings));
        let replaced = self
            .accounts
            .iter()
            .position(|account| account.belongs_to(client))
            .filter(|own| Some(*own) != adopted);
        if adopted.is_none() && self.accounts.len() >= MAX_ACCOUNTS {
            let message = format!("there are already {MAX_ACCOUNTS} accounts");
            return Err(Refusal { code: RefusalCode::Internal, message });
        }
        let replaced = replaced.and_then(|own| self.accounts.get_mut(own)).map(|account| {
            account.give_way(now, endpoint, outputs);
            account.id
        });
        let id = match adopted.and_then(|at| self.accounts.get_mut(at)) {
            Some(account) => {
                self.connections = self.connections.saturating_add(1);
                account.connected_as = self.connections;
                account.adopt(now, endpoint, owner, &settings.password, outputs);
                account.id
            }
            None => self.add(now, endpoint, self.as_configured(settings), Some(owner), outputs).ok_or_else(
                || Refusal {
                    code: RefusalCode::InvalidArgument,
                    message: String::from("domain: expected host or host:port"),
                },
            )?,
        };
        self.forget_over(outputs);
        Ok((id, replaced))
    }

    /// The settings of an account that a program registers: if the configuration file has it, they are the file's, but for
    /// the password.
    fn as_configured(&self, settings: Settings) -> Settings {
        let is_it = |known: &&Settings| known.user == settings.user && known.domain == settings.domain;
        match self.configured.iter().find(is_it) {
            Some(known) => Settings { password: settings.password, ..known.clone() },
            None => settings,
        }
    }

    /// `sipunregister`: the account that it means.
    ///
    /// # Errors
    /// 601: there is none.
    pub(crate) fn to_unregister(&self, client: ClientId) -> Result<ConnectionId, Refusal> {
        let own = self.accounts.iter().find(|account| account.belongs_to(client));
        let is_orphan =
            |account: &&Account| account.is_listed() && account.owner.is_some_and(|owner| !owner.is_here);
        own.or_else(|| self.accounts.iter().filter(is_orphan).max_by_key(|account| account.connected_as))
            .map(|account| account.id)
            .ok_or_else(|| Refusal {
                code: RefusalCode::NotRegistered,
                message: String::from("no account of this connection, and none whose connection is gone"),
            })
    }

    /// Disconnects an account as it was asked for.
    pub(crate) fn disconnect(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        id: ConnectionId,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.id == id) {
            account.disconnect(now, endpoint, outputs);
        }
        self.forget_over(outputs);
    }

    /// The account that a call is placed from.
    ///
    /// # Errors
    /// 102: an unknown `wanted`. 601: it, or any, is not connected.
    pub(crate) fn to_call_from(
        &self,
        client: ClientId,
        wanted: Option<ConnectionId>,
    ) -> Result<&Account, Refusal> {
        let not_connected = || Refusal {
            code: RefusalCode::NotRegistered,
            message: String::from("no connected account to call from"),
        };
        if let Some(wanted) = wanted {
            let account = self.get(wanted).ok_or_else(|| Refusal {
                code: RefusalCode::InvalidArgument,
                message: format!("connectionId: no account {}", wanted.0),
            })?;
            return Some(account).filter(|account| account.is_connected()).ok_or_else(not_connected);
        }
        let connected = || self.accounts.iter().filter(|account| account.is_connected());
        let own = connected().find(|account| account.belongs_to(client));
        let latest =
            || connected().filter(|it| it.connected_as > 0).max_by_key(|account| account.connected_as);
        // Where the file names none, any of its accounts is.
        let has_default = self.configured.iter().any(|settings| settings.default);
        let default = || connected().find(|account| account.settings().default || !has_default);
        own.or_else(latest).or_else(default).ok_or_else(not_connected)
    }

    /// The account that a call to this user is for. Several servers, or domains of one, may know us by the same user name:
    /// then the one of the server that the call came from and the domain that it was for, or at least one that reaches us
    /// at the same address; a connected one first.
    pub(crate) fn called(&self, user: &str, domain: Option<&Host>, flow: Flow) -> Option<&Account> {
        let is_called = |account: &&Account| account.is_listed() && account.settings().user == user;
        self.accounts.iter().filter(is_called).max_by_key(|account| {
            let binding = account.flow();
            let same_flow = binding.is_some_and(|binding| binding.remote == flow.remote);
            let same_server = account.is_server(flow.remote.ip());
            let same_domain = domain.is_some_and(|domain| account.is_of(domain));
            let same_address = binding.is_some_and(|binding| binding.local == flow.local);
            (same_flow, same_server, same_domain, same_address, account.is_connected())
        })
    }

    /// Whether an account's server has this address.
    pub(crate) fn is_server(&self, address: IpAddr) -> bool {
        self.accounts.iter().any(|account| account.is_server(address))
    }

    pub(crate) fn get(&self, id: ConnectionId) -> Option<&Account> {
        self.accounts.iter().find(|account| account.id == id && account.is_listed())
    }

    /// A client's connection is gone.
    pub(crate) fn on_client_gone(&mut self, now: Instant, client: ClientId, outputs: &mut Vec<Output>) {
        let grace = self.autodisconnect_grace;
        for owner in self.owners().filter(|owner| owner.client == client) {
            owner.is_here = false;
            owner.disconnect_at = owner.autodisconnect.then(|| now + grace);
        }
        self.forget_over(outputs);
    }

    /// A client comes back as another. One that has an account of its own meanwhile keeps that.
    pub(crate) fn on_take_over(&mut self, client: ClientId, from: ClientId) {
        if self.accounts.iter().any(|account| account.belongs_to(client)) {
            return;
        }
        for owner in self.owners().filter(|owner| owner.client == from && !owner.is_here) {
            *owner = Owner { client, is_here: true, disconnect_at: None, ..*owner };
        }
    }

    fn owners(&mut self) -> impl Iterator<Item = &mut Owner> {
        self.accounts.iter_mut().filter_map(|account| account.owner.as_mut())
    }

    pub(crate) fn show_states(&self, show: &mut Show<'_>) {
        self.accounts.iter().for_each(|account| account.show_states(show));
    }

    pub(crate) fn owns(&self, event: &endpoint::Event) -> bool {
        self.accounts.iter().any(|account| account.owns(event))
    }

    pub(crate) fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        outputs: &mut Vec<Output>,
    ) {
        if let Some(account) = self.accounts.iter_mut().find(|account| account.owns(&event)) {
            let was_connected = account.is_connected();
            account.handle_event(now, endpoint, event, outputs);
            if account.is_connected() && !was_connected && account.owner.is_some() {
                self.connections = self.connections.saturating_add(1);
                account.connected_as = self.connections;
            }
        }
        self.forget_over(outputs);
    }

    /// The machine has other addresses than before.
    pub(crate) fn handle_move(&mut self, now: Instant) {
        self.accounts.iter_mut().for_each(|account| account.handle_move(now));
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.accounts.iter().filter_map(Account::poll_timeout).min()
    }

    /// Does what is due. The accounts whose clients have been away for too long come back, to be disconnected.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        outputs: &mut Vec<Output>,
    ) -> Vec<ConnectionId> {
        let due = self
            .accounts
            .iter_mut()
            .filter_map(|account| account.handle_timeout(now, endpoint, outputs).then_some(account.id));
        due.collect()
    }

    pub(crate) fn ids(&self) -> Vec<ConnectionId> {
        self.accounts.iter().map(|account| account.id).collect()
    }

    pub(crate) const fn is_empty(&self) -> bool {
        self.accounts.is_empty()
    }

    pub(crate) fn snapshots(&self) -> Vec<AccountSnapshot> {
        self.accounts.iter().filter_map(Account::snapshot).collect()
    }

    fn add(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        settings: Settings,
        owner: Option<Owner>,
        outputs: &mut Vec<Output>,
    ) -> Option<ConnectionId> {
        let id = ConnectionId(self.next_id);
        let dice = self.dice.fork();
        let leaving = self.accounts.iter().position(|account| account.is_leaving(&settings));
        let before = leaving.map(|at| self.accounts.remove(at).into_registration(outputs));
        let account = Account::new(id, settings, owner, before, &self.agent, dice, now, endpoint)?;
        self.next_id = self.next_id.saturating_add(1);
        self.accounts.push(account);
        Some(id)
    }

    /// One that was refused is listed to the last, and no event of its own tells that it is gone.
    fn forget_over(&mut self, outputs: &mut Vec<Output>) {
        let is_untold = self.accounts.iter().any(|account| account.is_over() && account.is_listed());
        self.accounts.retain(|account| !account.is_over());
        if is_untold {
            outputs.push(Output::Event(Event::AccountsLeft(self.snapshots())));
        }
    }
}

impl Account {
    fn belongs_to(&self, client: ClientId) -> bool {
        self.is_listed() && self.owner.is_some_and(|owner| owner.client == client)
    }

    /// Whether this is the host of its address of record.
    fn is_of(&self, domain: &Host) -> bool {
        self.profile().address.uri.as_sip().is_some_and(|address| address.host.is_same(domain))
    }
}
