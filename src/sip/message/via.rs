//! Via (RFC 3261 §20.42, RFC 3581).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};
use core::fmt;
use core::net::{IpAddr, SocketAddr};

use super::host::{self, Host};
use super::{Params, SyntaxError, lex};
use crate::flow::Transport;

/// What a branch begins with that is unique by RFC 3261 §8.1.1.7.
pub const MAGIC_COOKIE: &str = "z9hG4bK";

/// One value of Via: a hop that the answer has to take.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Via {
    /// `UDP`, `TCP`, `TLS`, or what else was written.
    pub transport: String,
    /// Where the sender says it is.
    pub host: Host,
    /// Its port; none for the transport's default.
    pub port: Option<u16>,
    /// `branch`, `received`, `rport` and so on.
    pub params: Params,
}

impl Via {
    /// The Via of a request that leaves from `local`, with `rport` (RFC 3581 §3).
    pub fn new(transport: Transport, local: SocketAddr, branch: &str) -> Self {
        let transport = match transport {
            Transport::Udp => "UDP",
            Transport::Tcp => "TCP",
            Transport::Tls => "TLS",
        };
        let params = [("rport", None), ("branch", Some(branch))].into_iter().collect();
        Self { transport: transport.to_owned(), host: local.ip().into(), port: Some(local.port()), params }
    }

    /// Reads one value.
    ///
    /// # Errors
    /// Another protocol than SIP/2.0, a malformed host, port or parameter.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let (head, params) =
            text.split_at_checked(text.find(';').unwrap_or(text.len())).unwrap_or((text, ""));
        let mut parts = head.splitn(3, '/').map(lex::trim);
        let protocol = parts.next().unwrap_or_default();
        let version = parts.next().unwrap_or_default();
        if !protocol.eq_ignore_ascii_case("SIP") || version != "2.0" {
            return Err(SyntaxError::Token);
        }
        let (transport, sent_by) =
            parts.next().and_then(|rest| rest.split_once([' ', '\t'])).ok_or(SyntaxError::Host)?;
        if !lex::is_token(transport) {
            return Err(SyntaxError::Token);
        }
        let (host, port) = host::parse_host_port(lex::trim(sent_by))?;
        Ok(Self { transport: transport.to_owned(), host, port, params: Params::parse(params)? })
    }

    /// The `branch` parameter.
    pub fn branch(&self) -> Option<&str> {
        self.params.get("branch")
    }

    /// The `received` parameter, in brackets or without (RFC 5118 §4.5).
    pub fn received(&self) -> Option<IpAddr> {
        self.params.get("received").and_then(host::parse_ip)
    }

    /// Whether `rport` is there, with a value or without: the sender wants the answer at its source port.
    pub fn wants_rport(&self) -> bool {
        self.params.has("rport")
    }

    /// The port in `rport`.
    pub fn rport(&self) -> Option<u16> {
        self.params.get("rport").and_then(lex::number)
    }

    /// Notes where the request really came from: `received` where that isn't the sent-by address, or `rport` asks for
    /// it, and `rport` where it was asked for (RFC 3261 §18.2.1, RFC 3581 §4).
    pub fn note_source(&mut self, source: SocketAddr) {
        if self.wants_rport() {
            self.params.set("rport", Some(&source.port().to_string()));
        }
        if self.wants_rport() || self.host.ip() != Some(source.ip()) {
            self.params.set("received", Some(&source.ip().to_string()));
        }
    }
}

impl fmt::Display for Via {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SIP/2.0/{} {}", self.transport, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)
    }
}
