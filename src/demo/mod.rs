//! The demonstration exchange: a registrar with a few numbers to call, on loopback, for whoever wants to hear or see
//! a call within a minute of cloning. It is written on [`sip::endpoint::Endpoint`] and [`sip::invite::Session`], as
//! the phone is; firmware builds leave it out (the cargo feature `demo`).
//!
//! `exchange` is a machine like the others, without socket, thread or clock; `thread` drives it. [`Demo`] is the
//! exchange together with what a phone needs to try it.

mod call;
mod exchange;
mod forward;
mod home;
mod interface;
mod numbers;
mod registrar;
#[cfg(test)]
mod tests;
mod thread;
mod tune;
mod voice;
mod welcome;

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

use base::{Dice, Secret, Seed};
use phone::accounts::Settings;
use phone::domain::Domain;

use crate::io::config::{self, ConfigError, Loaded};
use home::Home;
use registrar::{PASSWORD, USERS};
use thread::ExchangeThread;

/// Why there is nothing to try.
#[derive(Debug)]
pub enum DemoError {
    /// Something in the folder of the ready configuration can't be written or read.
    Folder(PathBuf, io::Error),
    /// The configuration there is wrong.
    Config(ConfigError),
    /// The system has no more ports, descriptors or threads.
    Exchange(io::Error),
    /// The system gives no random numbers.
    Random(getrandom::Error),
}

impl fmt::Display for DemoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Folder(path, error) => write!(f, "{} can't be written or read: {error}", path.display()),
            Self::Config(error) => error.fmt(f),
            Self::Exchange(error) => write!(f, "the demonstration exchange can't start: {error}"),
            Self::Random(error) => write!(f, "the system gives no random numbers: {error}"),
        }
    }
}

impl std::error::Error for DemoError {}

/// The running exchange, and a phone's configuration that fits it.
#[derive(Debug)]
pub struct Demo {
    exchange: ExchangeThread,
    /// What is to be told to whoever tries it.
    welcome: String,
}

impl Demo {
    /// Starts the exchange. The configuration of the phone is the one in `folder`, which is written where there is
    /// none; an account at the exchange comes on top.
    ///
    /// # Errors
    /// See [`DemoError`].
    pub fn start(folder: &Path) -> Result<(Self, Loaded), DemoError> {
        let mut seed = Seed::default();
        getrandom::fill(&mut seed).map_err(DemoError::Random)?;
        let mut dice = Dice::new(seed);
        let home = Home::open(folder, &mut dice)?;
        let mut loaded = config::load(Some(&home.config)).map_err(DemoError::Config)?;
        let exchange = ExchangeThread::start(dice).map_err(DemoError::Exchange)?;

        let address = exchange.address();
        let domain = Domain { host: address.ip().to_string(), port: Some(address.port()) };
        let account = Settings::new(USERS[0].into(), Secret::new(PASSWORD), domain);
        loaded.config.phone.accounts.push(account);
        let welcome = welcome::text(&loaded, &home, address);
        Ok((Self { exchange, welcome }, loaded))
    }

    /// Where to look and whom to call, in a few lines.
    pub fn welcome(&self) -> &str {
        &self.welcome
    }

    /// Ends the exchange, within 100 ms.
    pub fn stop(self) {
        self.exchange.stop();
    }
}
