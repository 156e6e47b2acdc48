//! What an account is set up with, by the configuration file or by `sipregister`.

use alloc::string::String;
use alloc::vec::Vec;

use base::{Duration, Secret};

use crate::domain::Domain;
use crate::number::DialRule;

/// How long a registration is asked to last where nobody says.
const EXPIRES: Duration = Duration::from_secs(3600);

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
    pub domain: Domain,
    /// Where requests go instead of the domain's own servers (rule 13's syntax).
    pub outbound_proxy: Option<Domain>,
    /// Shown to those who are called; empty for none.
    pub display_name: String,
    /// How long a registration is asked to last. 60 s to 24 h.
    pub expires: Duration,
    /// The default account of the configuration file (rule 7).
    pub default: bool,
    /// How numbers that are dialled by it are rewritten (rule 10).
    pub dial_rules: Vec<DialRule>,
    /// How it sends keys (rule 12).
    pub dtmf: DtmfWay,
}

/// How an account sends keys (rule 12).
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub enum DtmfWay {
    /// As telephone-event where that was negotiated, else as tones on G.711, else by INFO.
    #[default]
    Auto,
    /// As telephone-event (RFC 4733) only.
    Rfc4733,
    /// By INFO only.
    Info,
    /// As tones in the sound only.
    InBand,
}

impl Settings {
    /// An account with nothing but who it is: what `sipregister` says.
    pub const fn new(user: String, password: Secret, domain: Domain) -> Self {
        Self {
            user,
            auth_user: None,
            password,
            domain,
            outbound_proxy: None,
            display_name: String::new(),
            expires: EXPIRES,
            default: false,
            dial_rules: Vec::new(),
            dtmf: DtmfWay::Auto,
        }
    }
}
