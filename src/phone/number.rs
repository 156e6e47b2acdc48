//! Whom to call or to transfer to, as a person or program writes it (docs/api.md, rule 10). RFC 3261 §19.1, RFC 3966
//! §5.1.1 (what is dropped from a `tel:` number).

use alloc::borrow::{Cow, ToOwned};
use alloc::string::{String, ToString};
use core::fmt;
use core::str::FromStr;

use sip::message::{Host, SipUri, Uri};

use crate::domain::{Domain, is_host};

/// Longest text, in bytes: with it an INVITE still fits a datagram several times over.
const MAX_BYTES: usize = 1024;

/// A number, user name or URI that can be called.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Number {
    /// A number or user at the account's own domain.
    Local(String),
    /// Somebody at a host of their own. Has neither headers nor a transport but UDP.
    Elsewhere(SipUri),
}

/// How an account rewrites numbers that begin so: 0 for an outside line, or a country's code for a leading 0.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct DialRule {
    /// Digits, `+`, `*` and `#` that the number begins with; empty for every number.
    pub prefix: String,
    /// What stands in their place.
    pub replacement: String,
}

/// Why a text is no [`Number`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum NumberError {
    /// Nothing is left to call.
    Empty,
    /// More than 1,024 bytes.
    TooLong,
    /// A control character.
    Control,
    /// A `tel:` URI whose number has other characters than a number has.
    Tel,
    /// A URI without a good host, port or parameters.
    Uri,
    /// A URI with headers (`?`).
    Headers,
    /// TCP and TLS don't exist yet; nor does `sips:`.
    Transport,
}

impl fmt::Display for NumberError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Empty => "nothing to call is left of it",
            Self::TooLong => "it has more than 1024 bytes",
            Self::Control => "it has a control character",
            Self::Tel => "expected digits after tel:",
            Self::Uri => "expected user@host or sip:user@host",
            Self::Headers => "a URI to call may not have headers (?)",
            Self::Transport => "sips: and other transports than UDP are not available in this version",
        })
    }
}

impl core::error::Error for NumberError {}

impl Number {
    /// The URI to call, from an account of this domain and these rules. A number's has the domain's port.
    ///
    /// # Errors
    /// [`NumberError::Empty`]: the rules leave nothing of it.
    pub fn uri(&self, domain: &Domain, rules: &[DialRule]) -> Result<SipUri, NumberError> {
        match self {
            Self::Local(user) => {
                let user = rewritten(user, rules);
                if user.is_empty() {
                    return Err(NumberError::Empty);
                }
                let host = Host::parse(&domain.host).unwrap_or_else(|_| Host::Name(domain.host.clone()));
                Ok(SipUri::new(None, host, domain.port).with_written_user(&user))
            }
            Self::Elsewhere(uri) => Ok(uri.clone()),
        }
    }
}

impl FromStr for Number {
    type Err = NumberError;

    fn from_str(text: &str) -> Result<Self, NumberError> {
        if text.len() > MAX_BYTES {
            return Err(NumberError::TooLong);
        }
        if text.contains(char::is_control) {
            return Err(NumberError::Control);
        }
        let text = text.trim_matches(' ');
        if let Some((scheme, rest)) = text.split_once(':') {
            if scheme.eq_ignore_ascii_case("sip") {
                return elsewhere(rest);
            }
            if scheme.eq_ignore_ascii_case("sips") {
                return Err(NumberError::Transport);
            }
            if scheme.eq_ignore_ascii_case("tel") {
                // RFC 3986 §2: a `#` would begin a fragment, and comes escaped.
                let number = rest.split(';').next().unwrap_or_default().replace("%23", "#");
                return local(dialled(&number).ok_or(NumberError::Tel)?);
            }
        }
        if text.contains('@') {
            elsewhere(text)
        } else {
            local(dialled(text).unwrap_or_else(|| text.to_owned()))
        }
    }
}

fn local(user: String) -> Result<Number, NumberError> {
    if user.is_empty() { Err(NumberError::Empty) } else { Ok(Number::Local(user)) }
}

/// A number by the rule with the longest prefix that it begins with; a user name as it is.
fn rewritten<'a>(user: &'a str, rules: &[DialRule]) -> Cow<'a, str> {
    let fitting = rules.iter().filter(|rule| user.chars().all(is_digit) && user.starts_with(&rule.prefix));
    match fitting.max_by_key(|rule| rule.prefix.len()) {
        Some(rule) => Cow::Owned(user.replacen(&rule.prefix, &rule.replacement, 1)),
        None => Cow::Borrowed(user),
    }
}

fn is_digit(c: char) -> bool {
    c.is_ascii_digit() || "+*#".contains(c)
}

/// A number without what people put between its digits; `None` if it is something else.
fn dialled(text: &str) -> Option<String> {
    let is_separator = |c: char| " -.()".contains(c);
    text.chars()
        .all(|c| is_digit(c) || is_separator(c))
        .then(|| text.chars().filter(|c| is_digit(*c)).collect())
}

/// Reads `user@host` and what may follow it. The user part goes first, for it may hold anything, once escaped.
fn elsewhere(text: &str) -> Result<Number, NumberError> {
    let (user, address) = match text.rsplit_once('@') {
        Some((user, address)) => (Some(user), address),
        None => (None, text),
    };
    if user == Some("") {
        return Err(NumberError::Empty);
    }
    // Headers may hold an @ of their own.
    if text.split_once('@').map_or(text, |(_, rest)| rest).contains('?') {
        return Err(NumberError::Headers);
    }
    let Ok(Uri::Sip(uri)) = Uri::parse(&alloc::format!("sip:{address}")) else {
        return Err(NumberError::Uri);
    };
    if !is_host(&uri.host.to_string()) {
        return Err(NumberError::Uri);
    }
    if uri.params.get("transport").is_some_and(|transport| !transport.eq_ignore_ascii_case("udp")) {
        return Err(NumberError::Transport);
    }
    Ok(Number::Elsewhere(match user {
        Some(user) => uri.with_written_user(user),
        None => uri,
    }))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn called(text: &str) -> Result<String, NumberError> {
        let domain = Domain { host: "pbx.example".into(), port: None };
        let uri = text.parse::<Number>()?.uri(&domain, &[])?;
        Ok(Uri::Sip(uri).to_string())
    }

    #[test]
    fn rule_10_numbers_users_and_uris_are_called_as_written() {
        for (written, uri) in [
            ("600", "sip:600@pbx.example"),
            ("alice", "sip:alice@pbx.example"),
            (" 600 ", "sip:600@pbx.example"),
            ("bob@other.example", "sip:bob@other.example"),
            ("bob@[fd00::7]:5070", "sip:bob@[fd00::7]:5070"),
            ("sip:bob@other.example;user=phone", "sip:bob@other.example;user=phone"),
            ("SIP:bob@other.example;transport=UDP", "sip:bob@other.example;transport=UDP"),
            ("sip:other.example", "sip:other.example"),
        ] {
            assert_eq!(called(written).as_deref(), Ok(uri), "{written}");
        }
    }

    #[test]
    fn rule_10_separators_are_dropped_only_where_all_else_is_a_number() {
        for (written, uri) in [
            ("+55 71 3341-1525", "sip:+557133411525@pbx.example"),
            ("(0) 30.12-34*#", "sip:0301234*%23@pbx.example"),
            ("tel:+55-71-3341-1525;phone-context=x", "sip:+557133411525@pbx.example"),
            ("tel:*43%23", "sip:*43%23@pbx.example"),
            ("anna-marie.x", "sip:anna-marie.x@pbx.example"),
            ("6-0@other.example", "sip:6-0@other.example"),
        ] {
            assert_eq!(called(written).as_deref(), Ok(uri), "{written}");
        }
    }

    #[test]
    fn rule_10_the_dial_rule_with_the_longest_prefix_rewrites_a_number_and_no_name() {
        let domain = Domain { host: "pbx.example".into(), port: None };
        let rule = |(prefix, replacement): (&str, &str)| DialRule {
            prefix: prefix.into(),
            replacement: replacement.into(),
        };
        let rules = [("0", "+55"), ("00", "+"), ("+", "9+"), ("666", "")].map(rule);
        for (written, user) in [
            ("071 3341", Ok("+55713341")),
            ("0071 3341", Ok("+713341")),
            ("+55 71", Ok("9+5571")),
            ("600", Ok("600")),
            ("0anna", Ok("0anna")),
            ("6661", Ok("1")),
            ("666", Err(NumberError::Empty)),
        ] {
            let uri = written.parse::<Number>().and_then(|number| number.uri(&domain, &rules));
            assert_eq!(
                uri.map(|uri| uri.user_text().unwrap_or_default().into_owned()).as_deref(),
                user.as_deref(),
                "{written}"
            );
        }
        let elsewhere: Number = "0@other.example".parse().expect("a URI");
        assert!(elsewhere.uri(&domain, &rules).is_ok_and(|uri| uri.user_text().as_deref() == Some("0")));
    }

    #[test]
    fn rule_10_what_a_uri_may_not_hold_is_escaped_once() {
        for (written, uri) in [
            ("#31#", "sip:%2331%23@pbx.example"),
            ("%2331%23", "sip:%2331%23@pbx.example"),
            ("anna marie", "sip:anna%20marie@pbx.example"),
            ("sip:#31#@other.example", "sip:%2331%23@other.example"),
            ("a@b@other.example", "sip:a%40b@other.example"),
            ("who?@other.example", "sip:who?@other.example"),
            ("jürgen", "sip:j%C3%BCrgen@pbx.example"),
            ("50%", "sip:50%25@pbx.example"),
            ("<x>\"", "sip:%3Cx%3E%22@pbx.example"),
        ] {
            assert_eq!(called(written).as_deref(), Ok(uri), "{written}");
        }
    }

    #[test]
    fn rule_10_what_cannot_be_called_is_refused() {
        for (written, error) in [
            ("", NumberError::Empty),
            ("  ", NumberError::Empty),
            ("(-) .", NumberError::Empty),
            ("tel:", NumberError::Empty),
            ("@pbx.example", NumberError::Empty),
            ("tel:alice", NumberError::Tel),
            ("sips:bob@pbx.example", NumberError::Transport),
            ("sip:bob@pbx.example;transport=tcp", NumberError::Transport),
            ("bob@pbx.example;transport=tls", NumberError::Transport),
            ("600\r\nVia: x", NumberError::Control),
            ("600\u{7f}", NumberError::Control),
            ("bob@", NumberError::Uri),
            ("sip:", NumberError::Uri),
            ("bob@pbx.example:99999", NumberError::Uri),
            ("bob@pbx example", NumberError::Uri),
            ("sip:600", NumberError::Uri),
            ("bob@1.2.3", NumberError::Uri),
            ("bob@pbx..example", NumberError::Uri),
            ("bob@pbx.example?Subject=x", NumberError::Headers),
            ("bob@pbx.example?", NumberError::Headers),
            ("sip:bob@pbx.example?From=x@other.example", NumberError::Headers),
        ] {
            assert_eq!(called(written), Err(error), "{written:?}");
        }
        assert_eq!(called(&"6".repeat(1025)), Err(NumberError::TooLong));
        assert!(called(&"6".repeat(1024)).is_ok());
    }
}
