//! Hosts: names, IPv4 addresses and IPv6 references (RFC 3261 §25.1, RFC 5118, RFC 5954).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::SyntaxError;
use super::lex;

/// A host. IPv6 addresses print in brackets.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Host {
    /// A name, as written; compare it without regard to case.
    Name(String),
    /// An address.
    Ip(IpAddr),
}

impl Host {
    /// Reads a host name, an IPv4 address, or an IPv6 address in brackets.
    ///
    /// # Errors
    /// Anything else.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        if let Some(reference) = text.strip_prefix('[') {
            let address = reference.strip_suffix(']').ok_or(SyntaxError::Host)?;
            return parse_v6(address).map(|address| Self::Ip(IpAddr::V6(address))).ok_or(SyntaxError::Host);
        }
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Ok(Self::Ip(IpAddr::V4(address)));
        }
        // Underscores and names that end in digits are against the grammar and in use.
        let is_name_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.' | b'_');
        let good = !text.is_empty() && text.bytes().all(is_name_byte);
        if good { Ok(Self::Name(text.to_owned())) } else { Err(SyntaxError::Host) }
    }

    /// The address, if it is one.
    pub const fn ip(&self) -> Option<IpAddr> {
        match self {
            Self::Name(_) => None,
            Self::Ip(address) => Some(*address),
        }
    }

    /// Whether both name the same host, by the letter: nothing is looked up.
    pub fn is_same(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Name(one), Self::Name(other)) => one.eq_ignore_ascii_case(other),
            _ => self == other,
        }
    }
}

/// RFC 5118 §4.10: `:::` is what a faulty grammar of RFC 3261 makes of `::` before an IPv4 address.
fn parse_v6(text: &str) -> Option<Ipv6Addr> {
    text.parse().ok().or_else(|| text.replacen(":::", "::", 1).parse().ok())
}

/// An address with or without brackets: what `received` holds (RFC 5118 §4.5).
pub(crate) fn parse_ip(text: &str) -> Option<IpAddr> {
    match text.strip_prefix('[').and_then(|text| text.strip_suffix(']')) {
        Some(bare) => parse_v6(bare).map(IpAddr::V6),
        None => text.parse().ok().or_else(|| parse_v6(text).map(IpAddr::V6)),
    }
}

/// `host[:port]`, white space around the colon allowed, as Via's sent-by has it.
pub(crate) fn parse_host_port(text: &str) -> Result<(Host, Option<u16>), SyntaxError> {
    // The colons of an IPv6 reference stand before its bracket.
    let after_bracket = text.rfind(']').unwrap_or(0);
    let colon =
        text.get(after_bracket..).and_then(|tail| tail.find(':')).map(|at| at.saturating_add(after_bracket));
    let Some((host, port)) = colon.and_then(|at| text.split_at_checked(at)) else {
        return Ok((Host::parse(lex::trim(text))?, None));
    };
    let port =
        port.strip_prefix(':').and_then(|digits| lex::number(lex::trim(digits))).ok_or(SyntaxError::Port)?;
    Ok((Host::parse(lex::trim(host))?, Some(port)))
}

impl From<IpAddr> for Host {
    fn from(address: IpAddr) -> Self {
        Self::Ip(address)
    }
}

impl fmt::Display for Host {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Name(name) => f.write_str(name),
            Self::Ip(IpAddr::V4(address)) => address.fmt(f),
            Self::Ip(IpAddr::V6(address)) => write!(f, "[{address}]"),
        }
    }
}
