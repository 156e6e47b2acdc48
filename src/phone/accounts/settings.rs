//! What an account is set up with, by the configuration file or by `sipregister`.

use alloc::string::String;

use base::{Duration, Secret};

/// An account's settings. URIs among them are text as a person writes it, checked by whoever reads it in.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Settings {
    /// User name: the user part of the address of record.
    pub user: String,
    /// Name that the server asks the password for; `user` if there is none.
    pub auth_user: Option<String>,
    /// The password.
    pub password: Secret,
    /// The domain (rule 13).
    pub domain: crate::domain::Domain,
    /// Where requests go instead of the domain's own servers (rule 13's syntax).
    pub outbound_proxy: Option<crate::domain::Domain>,
    /// Shown to those who are called; empty for none.
    pub display_name: String,
    /// How long a registration is asked to last. 60 s to 24 h.
    pub expires: Duration,
    /// The default account of the configuration file (rule 7).
    pub default: bool,
}
