//! `name-addr` and `addr-spec` with their parameters: From, To, Contact, Route, Record-Route, Refer-To, Referred-By,
//! P-Asserted-Identity (RFC 3261 §20.10, §20.20, §20.34, §20.39; RFC 3515, 3892, 3325).

use alloc::borrow::ToOwned;
use alloc::string::String;
use core::fmt;

use super::lex::{self, Quoted};
use super::{Params, SyntaxError, Uri, params};

/// A URI with a name and parameters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NameAddr {
    /// The display name, without quotes and escapes; empty if there is none.
    pub display_name: String,
    /// Whom it names.
    pub uri: Uri,
    /// `tag`, `expires`, `q` and so on.
    pub params: Params,
}

impl NameAddr {
    /// `<uri>`
    pub fn new(uri: impl Into<Uri>) -> Self {
        Self { display_name: String::new(), uri: uri.into(), params: Params::new() }
    }

    /// The same with a display name: plain text, no quotes.
    #[must_use]
    pub fn with_display_name(mut self, display_name: &str) -> Self {
        display_name.clone_into(&mut self.display_name);
        self
    }

    /// The same with this tag.
    #[must_use]
    pub fn with_tag(mut self, tag: &str) -> Self {
        self.params.set("tag", Some(tag));
        self
    }

    /// Reads one header field value.
    ///
    /// No call is lost because of a strange display name: it may hold anything between its quotes, without quotes
    /// anything but `<`, and anything but `<` between its quotes and the URI.
    ///
    /// # Errors
    /// A quote or bracket without end, a malformed URI or parameter, and a URI with `?` outside of brackets.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let text = lex::trim(text);
        let (display_name, rest) = split_display_name(text)?;
        if let Some(rest) = rest.strip_prefix('<') {
            let (uri, params) = rest.split_once('>').ok_or(SyntaxError::Bracket)?;
            return Ok(Self {
                display_name,
                uri: Uri::parse(lex::trim(uri))?,
                params: Params::parse(params)?,
            });
        }
        if !display_name.is_empty() {
            return Err(SyntaxError::Bracket);
        }
        // RFC 3261 §20: outside of brackets parameters are the header field's, and `?` and `,` may not stand.
        let (uri, params) = rest.split_at_checked(rest.find(';').unwrap_or(rest.len())).unwrap_or((rest, ""));
        let uri = lex::trim(uri);
        if uri.contains(['?', ',']) {
            return Err(SyntaxError::Uri);
        }
        Ok(Self { display_name, uri: Uri::parse(uri)?, params: Params::parse(params)? })
    }

    /// The `tag` parameter.
    pub fn tag(&self) -> Option<&str> {
        self.params.get("tag")
    }

    /// A Contact's `expires` parameter in seconds. `None` where it is missing or no number of 32 bits: RFC 3261
    /// §20.10 has a malformed one treated as 3600, so the caller's default counts.
    pub fn expires(&self) -> Option<u32> {
        lex::number(self.params.get("expires")?)
    }

    /// A Contact's `q` parameter in thousandths, 0 to 1000; 1000 where it is missing or malformed.
    pub fn q(&self) -> u16 {
        self.params.get("q").and_then(parse_q).unwrap_or(1000)
    }
}

/// The `tag` in a value that [`NameAddr::parse`] takes. It is looked for many times in a message's way, and the rest isn't.
pub(super) fn tag_in(value: &str) -> Option<&str> {
    let (_, rest) = split_display_name(lex::trim(value)).ok()?;
    let params = match rest.strip_prefix('<') {
        Some(rest) => rest.split_once('>')?.1,
        None => rest.get(rest.find(';')?..)?,
    };
    params::split(lex::trim(params)).find(|(name, _)| name.eq_ignore_ascii_case("tag"))?.1
}

/// `qvalue` of RFC 3261 §25.1 in thousandths.
fn parse_q(text: &str) -> Option<u16> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, ""));
    let whole: u16 = lex::number(whole).filter(|whole| *whole <= 1)?;
    let mut thousandths = whole.saturating_mul(1000);
    let mut unit: u16 = 100;
    for digit in fraction.bytes() {
        let digit = digit.is_ascii_digit().then(|| u16::from(digit & 0x0f))?;
        thousandths = thousandths.saturating_add(digit.saturating_mul(unit));
        unit /= 10;
    }
    (thousandths <= 1000 && fraction.len() <= 3).then_some(thousandths)
}

/// The display name, and what follows it: a URI in brackets, or without.
fn split_display_name(text: &str) -> Result<(String, &str), SyntaxError> {
    if !text.starts_with('"') {
        let (name, rest) = text.split_at_checked(text.find('<').unwrap_or(0)).unwrap_or(("", text));
        return Ok((lex::trim(name).to_owned(), rest));
    }
    let end = closing_quote(text).ok_or(SyntaxError::Quote)?;
    let (quoted, rest) = text.split_at_checked(end).ok_or(SyntaxError::Quote)?;
    let mut name = lex::unquote(quoted).ok_or(SyntaxError::Quote)?;
    let (stray, rest) = rest.split_at_checked(rest.find('<').unwrap_or(0)).ok_or(SyntaxError::Bracket)?;
    // What stands between quotes and URI is mostly the rest of a name with quotes in it that nobody escaped.
    name.push_str(stray.trim_ascii_end());
    Ok((name, lex::trim(rest)))
}

/// Just behind the quote that ends the quoted string at the beginning of `text`.
fn closing_quote(text: &str) -> Option<usize> {
    let mut escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => return at.checked_add(1),
            _ => {}
        }
    }
    None
}

impl fmt::Display for NameAddr {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if !self.display_name.is_empty() {
            write!(f, "{} ", Quoted(&self.display_name))?;
        }
        write!(f, "<{}>{}", self.uri, self.params)
    }
}

/// What Contact holds: in a REGISTER it may be `*` (RFC 3261 §10.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Contacts {
    /// `*`: all bindings.
    All,
    /// Addresses in their order; none if there is no Contact.
    List(alloc::vec::Vec<NameAddr>),
}
