//! The `domain` of an account, as a person or program writes it (docs/api.md, rule 13).

use alloc::string::{String, ToString};
use core::fmt;
use core::net::{Ipv4Addr, Ipv6Addr};
use core::str::FromStr;

use sip::message::Host;

/// A SIP domain or proxy: a host, and a port and transport where they are written.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Domain {
    /// Name, IPv4 address, or IPv6 address in brackets; in lower case, an address in its one spelling (RFC 5952).
    pub host: String,
    /// RFC 3263 decides where there is none.
    pub port: Option<u16>,
}

/// Why a text is no [`Domain`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DomainError {
    /// No host name and no address.
    Host,
    /// Not a number from 1 to 65535.
    Port,
    /// A `user@`, or a parameter other than `transport`.
    Superfluous,
    /// TCP and TLS don't exist yet; nor does `sips:`.
    Transport,
}

impl fmt::Display for DomainError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "expected host, host:port or [IPv6]:port",
            Self::Port => "expected a port from 1 to 65535 after the host",
            Self::Superfluous => "expected a host, with nothing else than a port and ;transport=udp",
            Self::Transport => "expected ;transport=udp or none: other transports are not available",
        })
    }
}

impl core::error::Error for DomainError {}

impl FromStr for Domain {
    type Err = DomainError;

    fn from_str(text: &str) -> Result<Self, DomainError> {
        let mut parameters = text.trim().split(';');
        let address = without_scheme(parameters.next().unwrap_or_default())?;
        for parameter in parameters {
            match parameter.split_once('=') {
                Some((name, value)) if name.eq_ignore_ascii_case("transport") => {
                    if !value.eq_ignore_ascii_case("udp") {
                        return Err(DomainError::Transport);
                    }
                }
                _ => return Err(DomainError::Superfluous),
            }
        }
        if address.contains(['@', '?', '/']) {
            return Err(DomainError::Superfluous);
        }
        let (host, port) = split_port(address)?;
        let port = port.map(|port| read_port(port).ok_or(DomainError::Port)).transpose()?;
        // One spelling for each host: an account is known again by its domain (rule 7).
        let host = Host::parse(host).map_err(|_| DomainError::Host)?;
        Ok(Self { host: host.to_string().to_ascii_lowercase(), port })
    }
}

/// What follows the scheme, if there is one. `sip:5060` has none: no host is a mere number.
fn without_scheme(address: &str) -> Result<&str, DomainError> {
    match address.split_once(':') {
        Some((_, port)) if read_port(port).is_some() => Ok(address),
        Some((scheme, rest)) if scheme.eq_ignore_ascii_case("sip") => Ok(rest),
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("sips") => Err(DomainError::Transport),
        _ => Ok(address),
    }
}

/// `host[:port]`, its host found good.
fn split_port(address: &str) -> Result<(&str, Option<&str>), DomainError> {
    let end = match address.find(']') {
        Some(bracket) => bracket.saturating_add(1),
        None => address.find(':').unwrap_or(address.len()),
    };
    let (host, rest) = address.split_at_checked(end).ok_or(DomainError::Host)?;
    if !is_host(host) {
        return Err(DomainError::Host);
    }
    match rest.strip_prefix(':') {
        Some(port) => Ok((host, Some(port))),
        None if rest.is_empty() => Ok((host, None)),
        None => Err(DomainError::Host),
    }
}

/// Whether it is a name that a host may have (RFC 1123 §2.1), or an address, IPv6 in brackets.
pub(crate) fn is_host(host: &str) -> bool {
    if let Some(inner) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return inner.parse::<Ipv6Addr>().is_ok();
    }
    // RFC 1123 §2.1: what has the syntax of dotted numbers is an address. A final dot ends the root's name.
    let name = host.strip_suffix('.').unwrap_or(host);
    let dotted_numbers = name.bytes().all(|byte| byte.is_ascii_digit() || byte == b'.');
    if dotted_numbers {
        host.parse::<Ipv4Addr>().is_ok()
    } else {
        name.len() <= 253 && name.split('.').all(is_label)
    }
}

fn is_label(label: &str) -> bool {
    let letters = label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-' || byte == b'_');
    letters && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
}

fn read_port(port: &str) -> Option<u16> {
    let digits = port.bytes().all(|byte| byte.is_ascii_digit());
    port.parse().ok().filter(|port| digits && *port > 0)
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.port {
            Some(port) => write!(f, "{}:{port}", self.host),
            None => f.write_str(&self.host),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_13_every_way_to_write_a_domain_is_read() {
        for (written, read) in [
            ("pbx.example", "pbx.example"),
            ("PBX.Example.:5080", "pbx.example.:5080"),
            ("127.0.0.1:5060", "127.0.0.1:5060"),
            ("[FD00::7]:5060", "[fd00::7]:5060"),
            ("[fd00:0:0:0::0007]", "[fd00::7]"),
            ("sip:5060", "sip:5060"),
            ("sip:sip:5060;transport=udp", "sip:5060"),
            ("sips:5061", "sips:5061"),
            ("[::1]", "[::1]"),
            ("sip:pbx.example;transport=UDP", "pbx.example"),
            ("localhost", "localhost"),
        ] {
            assert_eq!(written.parse::<Domain>().map(|domain| domain.to_string()).as_deref(), Ok(read));
        }
    }

    #[test]
    fn rule_13_what_cannot_be_reached_is_refused() {
        for (written, why) in [
            ("", DomainError::Host),
            ("two words", DomainError::Host),
            ("::1", DomainError::Host),
            ("[::1", DomainError::Host),
            ("[::1]5060", DomainError::Host),
            ("1.2.3.4.5", DomainError::Host),
            ("-pbx.example", DomainError::Host),
            ("pbx..example", DomainError::Host),
            ("pbx:0", DomainError::Port),
            ("pbx:+5", DomainError::Port),
            ("pbx:65536", DomainError::Port),
            ("1000@pbx", DomainError::Superfluous),
            ("pbx;lr", DomainError::Superfluous),
            ("pbx;maddr=udp", DomainError::Superfluous),
            ("pbx;transport=tcp", DomainError::Transport),
            ("sips:pbx", DomainError::Transport),
        ] {
            assert_eq!(written.parse::<Domain>(), Err(why), "{written}");
        }
        // RFC 1035 §2.3.4: 253 characters are the longest name.
        let name = |bytes: usize| "long.".repeat(51)[..bytes].parse::<Domain>();
        assert_eq!((name(253).map(|_| ()), name(254).map(|_| ())), (Ok(()), Err(DomainError::Host)));
    }
}
