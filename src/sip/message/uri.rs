//! URIs (RFC 3261 §19.1): SIP and SIPS taken apart, every other scheme kept as text.

mod escape;

use alloc::borrow::{Cow, ToOwned};
use alloc::string::String;
use core::fmt;

use super::host::{self, Host};
use super::{Params, SyntaxError};

/// A URI. What was parsed prints as it was, escapes included, but for the spelling of IPv6 addresses and of the
/// scheme.
///
/// `==` compares letter by letter; [`Uri::is_equivalent`] compares by RFC 3261 §19.1.4.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Uri {
    /// `sip:` or `sips:`.
    Sip(SipUri),
    /// `tel:`, or a scheme that nobody here knows.
    Other(OtherUri),
}

/// `sip:user:password@host:port;uri-parameters?headers`
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct SipUri {
    /// `sips:`.
    pub secure: bool,
    /// The user part, escapes as written; [`SipUri::user_text`] undoes them.
    pub user: Option<String>,
    /// The password, escapes as written.
    pub password: Option<String>,
    /// Whom to ask.
    pub host: Host,
    /// 0 to 65535; none for the scheme's and transport's default.
    pub port: Option<u16>,
    /// `transport`, `lr`, `maddr` and so on.
    pub params: Params,
    /// What follows `?`, escapes as written; empty if there is nothing.
    pub headers: String,
}

/// A URI of another scheme, as text.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OtherUri {
    text: String,
    colon: usize,
}

impl Uri {
    /// Reads a URI.
    ///
    /// # Errors
    /// No scheme, white space or brackets within, no host, a bad port.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let (scheme, rest) = text.split_once(':').ok_or(SyntaxError::Uri)?;
        let stray = |byte: u8| byte <= b' ' || byte == 0x7f || matches!(byte, b'<' | b'>' | b'"');
        if rest.is_empty() || rest.bytes().any(stray) || !is_scheme(scheme) {
            return Err(SyntaxError::Uri);
        }
        if scheme.eq_ignore_ascii_case("sip") {
            SipUri::parse_rest(false, rest).map(Self::Sip)
        } else if scheme.eq_ignore_ascii_case("sips") {
            SipUri::parse_rest(true, rest).map(Self::Sip)
        } else {
            Ok(Self::Other(OtherUri { text: text.to_owned(), colon: scheme.len() }))
        }
    }

    /// The parts, if it is `sip:` or `sips:`.
    pub const fn as_sip(&self) -> Option<&SipUri> {
        match self {
            Self::Sip(uri) => Some(uri),
            Self::Other(_) => None,
        }
    }

    /// Whether both are the same by RFC 3261 §19.1.4; URIs of other schemes by the letter.
    pub fn is_equivalent(&self, other: &Self) -> bool {
        match (self, other) {
            (Self::Sip(one), Self::Sip(other)) => one.is_equivalent(other),
            _ => self == other,
        }
    }

    /// The URI without parameters, headers and password: what a user is shown.
    #[must_use]
    pub fn bare(&self) -> Self {
        match self {
            Self::Sip(uri) => Self::Sip(SipUri {
                password: None,
                params: Params::new(),
                headers: String::new(),
                ..uri.clone()
            }),
            Self::Other(uri) => Self::Other(uri.bare()),
        }
    }
}

impl SipUri {
    /// `sip:user@host`. `user` is plain text: what a user part may not hold is escaped.
    pub fn new(user: Option<&str>, host: Host, port: Option<u16>) -> Self {
        let user = user.map(escape::escape_user);
        Self {
            secure: false,
            user,
            password: None,
            host,
            port,
            params: Params::new(),
            headers: String::new(),
        }
    }

    /// `sip` or `sips`.
    pub const fn scheme(&self) -> &'static str {
        if self.secure { "sips" } else { "sip" }
    }

    /// The user part with its escapes undone.
    pub fn user_text(&self) -> Option<Cow<'_, str>> {
        self.user.as_deref().map(escape::unescape)
    }

    /// The same URI with the user part that a person or program wrote: what may not stand there is escaped, escapes
    /// stay.
    #[must_use]
    pub fn with_written_user(mut self, text: &str) -> Self {
        self.user = Some(escape::mend_user(text));
        self
    }

    /// The same URI with one more parameter.
    #[must_use]
    pub fn with_param(mut self, name: &str, value: Option<&str>) -> Self {
        self.params.set(name, value);
        self
    }

    fn parse_rest(secure: bool, rest: &str) -> Result<Self, SyntaxError> {
        // Within a user part `?`, `;` and `:` may stand, so it is cut off first; `@` stands nowhere else.
        let (user_info, rest) = match rest.split_once('@') {
            Some((user_info, rest)) => (Some(user_info), rest),
            None => (None, rest),
        };
        let (user, password) = match user_info.and_then(|info| info.split_once(':')) {
            Some((user, password)) => (Some(user), Some(password)),
            None => (user_info, None),
        };
        let (rest, headers) = rest.split_once('?').unwrap_or((rest, ""));
        let (host_port, params) =
            rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let (host, port) = host::parse_host_port(host_port)?;
        Ok(Self {
            secure,
            user: user.map(ToOwned::to_owned),
            password: password.map(ToOwned::to_owned),
            host,
            port,
            params: Params::parse(params)?,
            headers: headers.to_owned(),
        })
    }

    /// RFC 3261 §19.1.4, with the errata that count `transport` among the parameters that must be in both.
    fn is_equivalent(&self, other: &Self) -> bool {
        let same_text = |one: &Option<String>, other: &Option<String>| match (one, other) {
            (Some(one), Some(other)) => escape::is_same(one, other),
            _ => one == other,
        };
        self.secure == other.secure
            && same_text(&self.user, &other.user)
            && same_text(&self.password, &other.password)
            && self.host.is_same(&other.host)
            && self.port == other.port
            && params_agree(&self.params, &other.params)
            && params_agree(&other.params, &self.params)
            && headers_within(&self.headers, &other.headers)
            && headers_within(&other.headers, &self.headers)
    }
}

impl OtherUri {
    /// A `tel:` URI has parameters (RFC 3966 §3); what others have nobody here knows.
    fn bare(&self) -> Self {
        let is_tel = self.scheme().eq_ignore_ascii_case("tel");
        let text = self.text.split(';').next().filter(|_| is_tel).unwrap_or(&self.text);
        Self { text: text.to_owned(), colon: self.colon }
    }

    /// The scheme, as written.
    pub fn scheme(&self) -> &str {
        self.text.get(..self.colon).unwrap_or_default()
    }
}

/// RFC 3986 §3.1.
fn is_scheme(text: &str) -> bool {
    let is_scheme_byte = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'-' | b'.');
    text.starts_with(|first: char| first.is_ascii_alphabetic()) && text.bytes().all(is_scheme_byte)
}

/// Each parameter of `one` is in `other` with the same value, or is of those that may be in one alone.
fn params_agree(one: &Params, other: &Params) -> bool {
    const IN_BOTH: [&str; 5] = ["user", "ttl", "method", "maddr", "transport"];
    one.iter().all(|(name, _)| match (one.get(name), other.get(name)) {
        (Some(value), Some(other)) => escape::is_same_any_case(value, other),
        (None, None) if other.has(name) => true,
        _ => !other.has(name) && !IN_BOTH.iter().any(|needed| name.eq_ignore_ascii_case(needed)),
    })
}

/// Each header of `one` is in `other`, in any order: headers are never ignored.
fn headers_within(one: &str, other: &str) -> bool {
    fn split(field: &str) -> (&str, &str) {
        field.split_once('=').unwrap_or((field, ""))
    }
    one.split('&').map(split).all(|(name, value)| {
        other.split('&').map(split).any(|(its_name, its_value)| {
            escape::is_same_any_case(name, its_name) && escape::is_same(value, its_value)
        })
    })
}

impl From<SipUri> for Uri {
    fn from(uri: SipUri) -> Self {
        Self::Sip(uri)
    }
}

impl fmt::Display for Uri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sip(uri) => uri.fmt(f),
            Self::Other(uri) => f.write_str(&uri.text),
        }
    }
}

impl fmt::Display for SipUri {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:", self.scheme())?;
        if let Some(user) = &self.user {
            f.write_str(user)?;
            if let Some(password) = &self.password {
                write!(f, ":{password}")?;
            }
            f.write_str("@")?;
        }
        self.host.fmt(f)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        self.params.fmt(f)?;
        if !self.headers.is_empty() {
            write!(f, "?{}", self.headers)?;
        }
        Ok(())
    }
}
