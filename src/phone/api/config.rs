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
    /// Both can't be listened on: they are one address, or one is all addresses.
    ListensTwice(SocketAddr, SocketAddr),
    /// A host is no host name or address, or has a port.
    Host(String),
    /// Two users have this name.
    UserTwice(String),
    /// This is no origin that a user could come from.
    Origin(String),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ListensNowhere => f.write_str("`listen` names no address"),
            Self::ListensTwice(one, other) => {
                write!(f, "`listen` has {one} and {other}, expected one of them: they take the same port")
            }
            Self::Host(host) => {
                write!(f, "`hosts` has {host:?}, expected a host name or an address without port")
            }
            Self::UserTwice(name) => write!(f, "two users are called {name:?}"),
            Self::Origin(origin) => {
                write!(f, "`origins` has {origin:?}, expected scheme://host[:port] or null")
            }
        }
    }
}

impl core::error::Error for ConfigError {}

impl Config {
    /// Most that `max_connections` may be: each may cost a mebibyte while its client doesn't read.
    pub const MOST_CONNECTIONS: u16 = 1024;

    /// Finds the first setting that can't hold.
    ///
    /// # Errors
    /// Says which setting, and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        if self.listen.is_empty() {
            return Err(ConfigError::ListensNowhere);
        }
        for (index, one) in self.listen.iter().enumerate() {
            if let Some(other) = self.listen.iter().take(index).find(|other| take_same_port(one, other)) {
                return Err(ConfigError::ListensTwice(*other, *one));
            }
        }
        if let Some(host) = self.hosts.iter().find(|host| !gate::is_host(host)) {
            return Err(ConfigError::Host(host.clone()));
        }
        for (index, user) in self.users.iter().enumerate() {
            if self.users.iter().take(index).any(|other| other.name == user.name) {
                return Err(ConfigError::UserTwice(user.name.clone()));
            }
        }
        Ok(())
    }
}

/// Whether who listens on one of them can't on the other.
fn take_same_port(one: &SocketAddr, other: &SocketAddr) -> bool {
    let is_any = one.ip().is_unspecified() || other.ip().is_unspecified();
    one.port() == other.port()
        && one.port() != 0
        && one.is_ipv4() == other.is_ipv4()
        && (is_any || one.ip() == other.ip())
}

impl User {
    /// Finds the first setting that can't hold.
    ///
    /// # Errors
    /// Says which setting, and what was expected.
    pub fn check(&self) -> Result<(), ConfigError> {
        match self.origins.iter().find(|origin| !gate::is_origin(origin)) {
            Some(origin) => Err(ConfigError::Origin(origin.clone())),
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
        assert_eq!(
            checked(|config| config.hosts.push("phone:80".into())),
            Err(ConfigError::Host("phone:80".into()))
        );
        assert_eq!(
            checked(|config| config.users.push(user("crm"))),
            Err(ConfigError::UserTwice("crm".into()))
        );
        assert_eq!(user("crm").check(), Ok(()));
        for origin in ["https://crm.example/page", "crm.example", "my app://crm.example", "://crm.example"] {
            let user = User { origins: vec![origin.into()], ..user("crm") };
            assert_eq!(user.check(), Err(ConfigError::Origin(origin.into())));
        }
    }

    #[test]
    fn addresses_that_take_each_other_s_port_are_named() {
        for (listen, is_right) in [
            (["127.0.0.1:15070", "0.0.0.0:15070"], false),
            (["[::]:15070", "[::1]:15070"], false),
            (["192.0.2.1:80", "192.0.2.1:80"], false),
            (["0.0.0.0:15070", "[::]:15070"], true),
            (["127.0.0.1:15070", "192.0.2.1:15070"], true),
            (["127.0.0.1:15070", "0.0.0.0:15071"], true),
            (["127.0.0.1:0", "127.0.0.1:0"], true),
        ] {
            let listen = listen.map(|address| address.parse().expect("an address"));
            let twice = Err(ConfigError::ListensTwice(listen[0], listen[1]));
            assert_eq!(
                checked(|config| config.listen = listen.into()),
                if is_right { Ok(()) } else { twice }
            );
        }
    }
}
