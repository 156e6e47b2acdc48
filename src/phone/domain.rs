//! The `domain` of an account, as a person or program writes it (docs/api.md, rule 13).

use alloc::string::String;

/// A SIP domain or proxy: a host, and a port and transport where they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// Name, IPv4 address, or IPv6 address in brackets; in lower case.
    pub host: String,
    /// RFC 3263 decides where there is none.
    pub port: Option<u16>,
}
