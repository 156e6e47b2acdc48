//! A phone in the world: who uses it, who watches it, and what its driver knows.

use std::net::SocketAddr;

use base::{Dice, Instant, Seed};
use phone::accounts::Settings;
use phone::{Config, ConnectionId, Input, Output, Phone};
use sip::endpoint;

use crate::clients::{Clients, EXCHANGE_NAME, PASSWORD, USERS};
use crate::faults::{Fault, Spoiler};
use crate::tally::{Tally, Watcher};
use crate::witness::{Cause, GRACE, MAX_CALLS, Witness};
use crate::world::{EXCHANGE, address};

/// Phones, and where they are.
const PHONES: [(&str, &str); STATIONS] =
    [("Ada", "192.0.2.11:5060"), ("Bob", "192.0.2.12:5060"), ("Cyd", "192.0.2.13:5060")];

pub(crate) const STATIONS: usize = 3;

pub(crate) struct Station {
    pub(crate) name: &'static str,
    pub(crate) address: SocketAddr,
    phone: Phone,
    watcher: Watcher,
    spoiler: Option<Spoiler>,
    pub(crate) clients: Clients,
    pub(crate) witness: Witness,
    /// RTP sockets bound so far.
    pub(crate) ports: u32,
}

impl Station {
    /// Bob's phone may have an account of its configuration file.
    pub(crate) fn new(at: usize, dice: &mut Dice) -> Self {
        let (name, its_address) = PHONES[at];
        let mut witness = Witness::default();
        let mut accounts = Vec::new();
        if at == 1 && dice.percent(50) {
            accounts.push(settings(USERS[at]));
            witness.accounts.configure(ConnectionId(1), USERS[at], EXCHANGE_NAME);
        }
        let config = Config {
            accounts,
            max_calls: MAX_CALLS,
            autodisconnect_grace: GRACE,
            endpoint: endpoint::Config {
                hosts: format!("{} {EXCHANGE_NAME}\n", address(EXCHANGE).ip()),
                resolv_conf: String::new(),
            },
            ..Config::default()
        };
        Self {
            name,
            address: address(its_address),
            phone: Phone::new(config, seed(dice.u64()), Instant::ZERO),
            watcher: Watcher::default(),
            spoiler: None,
            clients: Clients::new(at, dice.fork()),
            witness,
            ports: 0,
        }
    }

    /// Hands something in, unless the phone has stopped. What the phone wants then.
    pub(crate) fn handle_input(
        &mut self,
        now: Instant,
        cause: &Cause,
        input: Input<'_>,
        tally: &mut Tally,
    ) -> Vec<Output> {
        if self.witness.has_stopped {
            return Vec::new();
        }
        let misread = self.spoiler.as_ref().and_then(|spoiler| spoiler.misread(&input));
        let input = match (input, &misread) {
            (Input::Sip(endpoint::Input::Datagram { flow, .. }), Some(bytes)) => {
                Input::Sip(endpoint::Input::Datagram { flow, bytes })
            }
            (input, _) => input,
        };
        self.phone.handle_input(now, input);
        self.watcher.look(&self.phone, cause.into(), tally);
        let outputs = self.poll_outputs();
        match &mut self.spoiler {
            Some(spoiler) => spoiler.spoil(cause, outputs),
            None => outputs,
        }
    }

    /// From now on its phone has a fault.
    pub(crate) fn plant(&mut self, fault: Fault) {
        self.spoiler = Some(Spoiler::new(fault));
    }

    pub(crate) fn poll_outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.phone.poll_output()).collect()
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.phone.poll_timeout().filter(|_| !self.witness.has_stopped)
    }
}

fn settings(user: &str) -> Settings {
    let domain = EXCHANGE_NAME.parse().expect("the exchange's name is a domain");
    Settings { default: true, ..Settings::new(user.into(), PASSWORD.into(), domain) }
}

pub(crate) fn seed(number: u64) -> Seed {
    let mut seed = Seed::default();
    seed[..8].copy_from_slice(&number.to_le_bytes());
    seed
}
