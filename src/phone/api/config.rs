//! Settings of the control API: where it listens, and who may do what from where (rules 3, 8, 14, 15).

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr, SocketAddr};

use base::Secret;

use super::action::Action;
use super::gate;

/// The published API's port.
const PORT: u16 = 15070;

/// Settings of [`super::Server`].
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// Where programs connect to: 127.0.0.1 and ::1, port 15070, unless said otherwise.
    pub listen: Vec<SocketAddr>,
    /// Host names and addresses beyond the loopback ones by which browsers may call the phone, without port.
    pub hosts: Vec<String>,
    /// Who may authenticate.
    pub users: Vec<User>,
    /// When `OnSIPRegisterFinalized` is sent (rule 8).
    pub register_finalized: RegisterFinalized,
    /// WebSocket connections at a time; the next gets 503 (rule 15). 32 unless said otherwise.
    pub max_connections: usize,
}

/// Somebody who may authenticate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct User {
    /// Name, compared with regard to case.
    pub name: String,
    /// Argon2id hash of the password in the PHC string format (`$argon2id$v=19$…`).
    pub password_hash: Secret,
    /// What the user may do.
    pub rights: Rights,
    /// Origins beyond the loopback ones that the user may come from: `https://crm.example`, or `null` for a page
    /// from a file.
    pub origins: Vec<String>,
}

/// What a user may do. `authenticate` and `logout` need no right.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Rights {
    /// Every action.
    All,
    /// These and no others.
    Only(Vec<Action>),
}

impl Rights {
    /// True if they cover `action`.
    pub fn cover(&self, action: Action) -> bool {
        match self {
            Self::All => true,
            Self::Only(actions) => action == Action::Logout || actions.contains(&action),
        }
    }
}

/// When `OnSIPRegisterFinalized` is sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum RegisterFinalized {
    /// After every registration, as the contract says.
    Always,
    /// After a failed one only, for programs that take it for 'registration has ended'.
    Failure,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            listen: vec![(Ipv4Addr::LOCALHOST, PORT).into(), (Ipv6Addr::LOCALHOST, PORT).into()],
            hosts: Vec::new(),
            users: Vec::new(),
            register_finalized: RegisterFinalized::Always,
            max_connections: 32,
        }
    }
}

/// A setting that can't hold.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum ConfigError {
    /// `listen` is empty: no program could connect.
    ListensNowhere,
    /// `max_connections` is 0 or above [`Config::MOST_CONNECTIONS`].
    ConnectionsOutOfRange(usize),
    /// A host is no host name or address, or has a port.
    Host(String),
    /// A user without a name.
    NamelessUser,
    /// Two users have this name.
    UserTwice(String),
    /// This user's password hash is no Argon2id PHC string.
    PasswordHash(String),
    /// The second is no origin that the first could come from.
    Origin(String, String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListensNowhere => f.write_str("`listen` names no address"),
            Self::ConnectionsOutOfRange(given) => {
                write!(f, "`max_connections` is {given}, expected 1 to {}", Config::MOST_CONNECTIONS)
            }
            Self::Host(host) => {
                write!(f, "`hosts` has {host:?}, expected a host name or an address without port")
            }
            Self::NamelessUser => f.write_str("a user has an empty `name`"),
            Self::UserTwice(name) => write!(f, "two users are called {name:?}"),
            Self::PasswordHash(name) => {
                write!(f, "user {name:?}: expected an Argon2id hash as `neonphone passwd` prints it")
            }
            Self::Origin(name, origin) => {
                write!(f, "user {name:?}: `origins` has {origin:?}, expected scheme://host[:port] or null")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Most that `max_connections` may be: each may cost a mebibyte while its client doesn't read.
    pub const MOST_CONNECTIONS: usize = 1024;

    /// Finds the first setting that can't hold.
    ///
    /// # Errors
    /// Says which setting, and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::ListensNowhere);
        }
        if !(1..=Self::MOST_CONNECTIONS).contains(&self.max_connections) {
            return Err(ConfigError::ConnectionsOutOfRange(self.max_connections));
        }
        if let Some(host) = self.hosts.iter().find(|host| !gate::is_host(host)) {
            return Err(ConfigError::Host(host.clone()));
        }
        for (index, user) in self.users.iter().enumerate() {
            user.check()?;
            if self.users.iter().take(index).any(|other| other.name == user.name) {
                return Err(ConfigError::UserTwice(user.name.clone()));
            }
        }
        Ok(())
    }
}

impl User {
    fn check(&self) -> Result<(), ConfigError> {
        if self.name.is_empty() {
            return Err(ConfigError::NamelessUser);
        }
        if !self.password_hash.expose().starts_with("$argon2id$") {
            return Err(ConfigError::PasswordHash(self.name.clone()));
        }
        match self.origins.iter().find(|origin| !gate::is_origin(origin)) {
            Some(origin) => Err(ConfigError::Origin(self.name.clone(), origin.clone())),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn user(name: &str) -> User {
        User {
            name: name.into(),
            password_hash: Secret::from("$argon2id$v=19$m=8192,t=2,p=1$c2FsdA$aGFzaA"),
            rights: Rights::All,
            origins: vec!["https://crm.example:8443".into(), "null".into()],
        }
    }

    fn checked(change: impl FnOnce(&mut Config)) -> Result<(), ConfigError> {
        let mut config = Config { users: vec![user("crm")], ..Config::default() };
        change(&mut config);
        config.check()
    }

    #[test]
    fn the_default_listens_on_loopback_only() {
        let listen = Config::default().listen;
        assert!(listen.len() == 2 && listen.iter().all(|at| at.ip().is_loopback() && at.port() == 15070));
        assert_eq!(checked(|_| ()), Ok(()));
    }

    #[test]
    fn a_setting_that_cannot_hold_is_named() {
        assert_eq!(checked(|config| config.listen.clear()), Err(ConfigError::ListensNowhere));
        assert_eq!(checked(|config| config.max_connections = 0), Err(ConfigError::ConnectionsOutOfRange(0)));
        assert_eq!(
            checked(|config| config.hosts.push("phone:80".into())),
            Err(ConfigError::Host("phone:80".into()))
        );
        assert_eq!(checked(|config| config.users.push(user(""))), Err(ConfigError::NamelessUser));
        assert_eq!(
            checked(|config| config.users.push(user("crm"))),
            Err(ConfigError::UserTwice("crm".into()))
        );
        assert_eq!(
            checked(|config| config.users[0].password_hash = Secret::from("secret")),
            Err(ConfigError::PasswordHash("crm".into()))
        );
        for origin in ["https://crm.example/page", "crm.example", "my app://crm.example", "://crm.example"] {
            assert_eq!(
                checked(|config| config.users[0].origins.push(origin.into())),
                Err(ConfigError::Origin("crm".into(), origin.into()))
            );
        }
    }
}
