//! One account: what became of its registration, and what clients are told of that (rule 8).

use alloc::format;
use alloc::vec::Vec;
use core::net::IpAddr;

use base::{Dice, Duration, Instant, Secret};
use sip::Show;
use sip::digest::{Authenticator, Credentials};
use sip::endpoint::{self, Endpoint};
use sip::flow::Flow;
use sip::invite::Profile;
use sip::message::{NameAddr, SipUri, Status, Uri};
use sip::register::{self, Registrar, Registration};

use super::Settings;
use crate::command::{ClientId, ConnectionId};
use crate::event::{AccountSnapshot, AccountState, Event};
use crate::interface::Output;
use crate::number::{Number, NumberError};
use crate::reason;

/// How long clients wait to hear that an account is disconnected where the registrar doesn't answer. Rule 8 allows
/// 2 s; the rest is for the event's way.
const DISCONNECT_TIME: Duration = Duration::from_millis(1500);

/// The first and the longest wait after a configured account was refused (rule 8).
const REFUSED_WAIT: Duration = Duration::from_secs(5 * 60);
const REFUSED_WAIT_MAX: Duration = Duration::from_secs(60 * 60);

/// An account.
#[derive(Debug)]
pub(crate) struct Account {
    pub(crate) id: ConnectionId,
    settings: Settings,
    /// The password before the one that a client has brought, while that is being tried.
    password_before: Option<Secret>,
    registration: Registration,
    phase: Phase,
    /// The client that registered or last adopted it; none for one that only the configuration file has.
    pub(super) owner: Option<Owner>,
    /// The configuration file has it.
    is_configured: bool,
    /// Counts connections of all accounts by programs: the greatest was connected last.
    pub(super) connected_as: u64,
    /// Refusals in a row.
    refusals: u32,
    /// What happened last on the way to the server, if no answer came back.
    trouble: Option<&'static str>,
}

/// The client that an account belongs to.
#[derive(Clone, Copy, Debug)]
pub(super) struct Owner {
    pub(super) client: ClientId,
    /// Its connection is open.
    pub(super) is_here: bool,
    /// Disconnect the account when it is lost.
    pub(super) autodisconnect: bool,
    /// When that will be, unless it comes back.
    pub(super) disconnect_at: Option<Instant>,
}

/// What clients have been told last.
#[derive(Debug)]
enum Phase {
    /// That it is being registered: the outcome is owed to them.
    Registering,
    /// That it is connected.
    Connected,
    /// That it could not be reached: attempts go on silently.
    Lost,
    /// That it was refused.
    Refused,
    /// That it will be disconnected: they hear so by then.
    Disconnecting { tell_at: Instant },
    /// All that there is to tell; the registrar has perhaps yet to answer.
    Gone,
    /// Nothing is left of it.
    Over,
}

impl Account {
    /// An account that begins to register; with the registration of the one before at the same address, if that is still
    /// being removed: a removal that comes late would undo what is bound here.
    #[expect(clippy::too_many_arguments, reason = "what an account is made of, and what it begins with")]
    pub(super) fn new(
        id: ConnectionId,
        settings: Settings,
        owner: Option<Owner>,
        before: Option<Registration>,
        agent: &str,
        dice: Dice,
        now: Instant,
        endpoint: &mut Endpoint,
    ) -> Option<Self> {
        let domain = Uri::parse(&format!("sip:{}", settings.domain)).ok()?;
        let proxy = match &settings.outbound_proxy {
            Some(proxy) => Uri::parse(&format!("sip:{proxy}")).ok()?,
            None => domain.clone(),
        };
        let registrar = Registrar { domain, hop: proxy, expires: settings.expires };
        let profile = profile(&settings, agent)?;
        let mut registration = before.unwrap_or_else(|| Registration::new(registrar, profile.clone(), dice));
        registration.register_as(now, endpoint, profile);
        let is_configured = owner.is_none();
        Some(Self {
            id,
            settings,
            password_before: None,
            registration,
            phase: Phase::Registering,
            owner,
            is_configured,
            connected_as: 0,
            refusals: 0,
            trouble: None,
        })
    }

    pub(crate) const fn settings(&self) -> &Settings {
        &self.settings
    }

    /// Whom a number means when this account calls it (rule 10).
    ///
    /// # Errors
    /// Its dial rules leave nothing to call.
    pub(crate) fn dial(&self, number: &Number) -> Result<Uri, NumberError> {
        number.uri(&self.settings.domain, &self.settings.dial_rules).map(Uri::Sip)
    }

    /// Who its calls come from.
    pub(crate) const fn profile(&self) -> &Profile {
        self.registration.profile()
    }

    /// What it is registered over.
    pub(crate) fn flow(&self) -> Option<Flow> {
        self.registration.flow()
    }

    /// Whether its server has this address.
    pub(super) fn is_server(&self, address: IpAddr) -> bool {
        self.registration.is_server(address)
    }

    /// Where its calls go first.
    pub(crate) const fn hop(&self) -> &Uri {
        &self.registration.registrar().hop
    }

    pub(crate) const fn is_connected(&self) -> bool {
        matches!(self.phase, Phase::Connected)
    }

    /// Whether nothing is left of it: it is disconnected, or was refused and nobody is there to see that.
    pub(crate) fn is_over(&self) -> bool {
        let is_unseen = || !self.is_configured && self.owner.is_none_or(|owner| !owner.is_here);
        matches!(self.phase, Phase::Over) || matches!(self.phase, Phase::Refused) && is_unseen()
    }

    /// Another account takes its place for its client. One that was refused goes silently: that was told.
    pub(super) fn give_way(&mut self, now: Instant, endpoint: &mut Endpoint, outputs: &mut Vec<Output>) {
        self.owner = None;
        if !matches!(self.phase, Phase::Refused) {
            self.disconnect(now, endpoint, outputs);
        }
        // Rule 7: its end is told before anything of the other, whose server may answer sooner.
        if matches!(self.phase, Phase::Disconnecting { .. }) {
            outputs.push(Output::Event(Event::Unregistered(self.id)));
            self.phase = Phase::Gone;
        }
    }

    /// Whether clients still count it among the accounts, and calls may come in for it.
    pub(crate) const fn is_listed(&self) -> bool {
        self.state().is_some()
    }

    const fn state(&self) -> Option<AccountState> {
        match self.phase {
            Phase::Registering => Some(AccountState::Registering),
            Phase::Connected => Some(AccountState::Connected),
            Phase::Lost => Some(AccountState::Lost),
            Phase::Refused => Some(AccountState::Refused),
            Phase::Disconnecting { .. } | Phase::Gone | Phase::Over => None,
        }
    }

    /// Whether `sipregister` with this user and domain adopts it (rule 7). One that was refused, and is tried again, is
    /// lost in that regard.
    pub(super) fn can_be_adopted(&self, settings: &Settings) -> bool {
        let is_tried_again = self.is_configured && matches!(self.phase, Phase::Refused);
        (is_tried_again || matches!(self.phase, Phase::Registering | Phase::Connected | Phase::Lost))
            && self.settings.user == settings.user
            && self.settings.domain == settings.domain
    }

    /// Whether its removal is under way from the address that an account with these settings would bind.
    pub(super) fn is_leaving(&self, settings: &Settings) -> bool {
        matches!(self.phase, Phase::Disconnecting { .. } | Phase::Gone)
            && self.settings.user == settings.user
            && self.settings.domain == settings.domain
            && self.settings.outbound_proxy == settings.outbound_proxy
    }

    /// Is over for clients; its registration is its heir's.
    pub(super) fn into_registration(self, outputs: &mut Vec<Output>) -> Registration {
        if matches!(self.phase, Phase::Disconnecting { .. }) {
            outputs.push(Output::Event(Event::Unregistered(self.id)));
        }
        self.registration
    }

    /// A client adopts it: clients hear again what it is, and a new password is tried.
    pub(super) fn adopt(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        owner: Owner,
        password: &Secret,
        outputs: &mut Vec<Output>,
    ) {
        self.owner = Some(owner);
        if self.settings.password != *password {
            self.password_before.get_or_insert_with(|| self.settings.password.clone());
            self.use_password(password.clone());
            self.phase = Phase::Registering;
            self.registration.register(now, endpoint);
            return;
        }
        match self.phase {
            Phase::Connected => self.tell_registered(outputs),
            Phase::Lost | Phase::Refused => {
                self.phase = Phase::Registering;
                self.registration.register(now, endpoint);
            }
            // The outcome is owed to all clients anyway.
            _ => {}
        }
    }

    fn use_password(&mut self, password: Secret) {
        self.settings.password = password;
        if let Some(profile) = profile(&self.settings, &self.profile().agent) {
            self.registration.set_profile(profile);
        }
    }

    /// Disconnects it because somebody asked for that, and says so.
    pub(crate) fn disconnect(&mut self, now: Instant, endpoint: &mut Endpoint, outputs: &mut Vec<Output>) {
        match self.phase {
            Phase::Registering => {
                let cancelled = Status::REQUEST_TERMINATED.code();
                outputs.push(Output::Event(Event::RegisterCancelled(self.id)));
                outputs.push(Output::Event(Event::RegisterFinalized(self.id, cancelled)));
                self.phase = Phase::Gone;
            }
            Phase::Connected | Phase::Lost | Phase::Refused => {
                self.phase = Phase::Disconnecting { tell_at: now + DISCONNECT_TIME };
            }
            Phase::Disconnecting { .. } | Phase::Gone | Phase::Over => return,
        }
        let mut tray = Vec::new();
        self.registration.unregister(now, endpoint, &mut tray);
        self.on_events(now, &tray, outputs);
    }

    pub(super) fn show_states(&self, show: &mut Show<'_>) {
        show("account", format_args!("{}", self.id.0), &self.phase);
        self.registration.show_state(show);
    }

    pub(crate) fn owns(&self, event: &endpoint::Event) -> bool {
        self.registration.owns(event)
    }

    pub(crate) fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        outputs: &mut Vec<Output>,
    ) {
        let mut tray = Vec::new();
        self.trouble = reason::on_the_way(&event);
        self.registration.handle_event(now, endpoint, event, &mut tray);
        self.on_events(now, &tray, outputs);
    }

    /// The machine has other addresses than before. What was refused is not tried again for that (rule 8): each refusal may
    /// count as a guess.
    pub(super) fn handle_move(&mut self, now: Instant) {
        if !matches!(self.phase, Phase::Refused) {
            self.registration.handle_move(now);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let own = match self.phase {
            Phase::Disconnecting { tell_at } => Some(tell_at),
            _ => self.owner.and_then(|owner| owner.disconnect_at),
        };
        own.into_iter().chain(self.registration.poll_timeout()).min()
    }

    /// Does what is due. True if its client has been away for too long, and the account is to be disconnected.
    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        outputs: &mut Vec<Output>,
    ) -> bool {
        self.registration.handle_timeout(now, endpoint);
        if matches!(self.phase, Phase::Disconnecting { tell_at } if tell_at <= now) {
            outputs.push(Output::Event(Event::Unregistered(self.id)));
            self.phase = Phase::Gone;
        }
        match &mut self.owner {
            Some(owner) if owner.disconnect_at.is_some_and(|at| at <= now) => {
                owner.disconnect_at = None;
                self.is_listed()
            }
            _ => false,
        }
    }

    pub(crate) fn snapshot(&self) -> Option<AccountSnapshot> {
        Some(AccountSnapshot {
            connection: self.id,
            number: self.settings.user.clone(),
            domain: format!("{}", self.settings.domain),
            state: self.state()?,
        })
    }

    fn on_events(&mut self, now: Instant, events: &[register::Event], outputs: &mut Vec<Output>) {
        for event in events {
            match *event {
                register::Event::Registered => self.on_registered(outputs),
                register::Event::Refused(status) => self.on_refused(now, status, outputs),
                register::Event::Failed(status) => self.on_failed(status, outputs),
                register::Event::Unregistered => {
                    if matches!(self.phase, Phase::Disconnecting { .. }) {
                        outputs.push(Output::Event(Event::Unregistered(self.id)));
                    }
                    self.phase = Phase::Over;
                }
            }
        }
    }

    fn on_registered(&mut self, outputs: &mut Vec<Output>) {
        self.refusals = 0;
        self.password_before = None;
        if matches!(self.phase, Phase::Registering | Phase::Lost | Phase::Refused) {
            self.phase = Phase::Connected;
            self.tell_registered(outputs);
        }
    }

    fn tell_registered(&self, outputs: &mut Vec<Output>) {
        outputs.push(Output::Event(Event::Registered(self.id)));
        outputs.push(Output::Event(Event::RegisterFinalized(self.id, 0)));
    }

    fn on_refused(&mut self, now: Instant, status: Status, outputs: &mut Vec<Output>) {
        if !self.is_listed() {
            return;
        }
        self.phase = Phase::Refused;
        outputs.push(self.log(status));
        outputs.push(Output::Event(Event::RegisterRefused(self.id, status.code())));
        outputs.push(Output::Event(Event::RegisterFinalized(self.id, status.code())));
        if self.is_configured {
            if let Some(password) = self.password_before.take() {
                self.use_password(password);
            }
            let wait = REFUSED_WAIT.saturating_mul(1 << self.refusals.min(4)).min(REFUSED_WAIT_MAX);
            self.refusals = self.refusals.saturating_add(1);
            self.registration.retry_at(now + wait);
        }
    }

    fn on_failed(&mut self, status: Status, outputs: &mut Vec<Output>) {
        if matches!(self.phase, Phase::Registering | Phase::Connected) {
            self.phase = Phase::Lost;
            outputs.push(self.log(status));
            outputs.push(Output::Event(Event::RegisterExpired(self.id, status.code())));
            outputs.push(Output::Event(Event::RegisterFinalized(self.id, status.code())));
        }
    }

    fn log(&self, status: Status) -> Output {
        let Settings { user, domain, .. } = &self.settings;
        let (why, words) = (self.trouble.unwrap_or(reason::of_registration(status)), status.reason());
        Output::Log(format!("account {user}@{domain} is not registered: {why} ({status} {words})"))
    }
}

/// Who an account is to its servers.
fn profile(settings: &Settings, agent: &str) -> Option<Profile> {
    let domain = Uri::parse(&format!("sip:{}", settings.domain)).ok()?;
    // An address of record has no port (RFC 3261 §10.2): the domain's port says only where to ask.
    let address = SipUri::new(Some(&settings.user), domain.as_sip()?.host.clone(), None);
    let credentials = Credentials {
        user: settings.auth_user.clone().unwrap_or_else(|| settings.user.clone()),
        realm: None,
        password: settings.password.clone(),
    };
    Some(Profile {
        address: NameAddr::new(Uri::Sip(address)).with_display_name(&settings.display_name),
        contact_user: settings.user.clone(),
        agent: agent.into(),
        authenticator: Some(Authenticator::new(credentials)),
        seen: None,
    })
}
