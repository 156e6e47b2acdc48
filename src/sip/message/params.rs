//! Parameters: `;name=value` behind a URI or a header field value (RFC 3261 §7.3.1, §19.1.1).

use alloc::string::String;
use core::fmt;

use super::SyntaxError;
use super::lex::{self, Quoted};

/// Parameters in their order, escapes and quotes as written. Names are compared without regard to case; of a name
/// that is given twice the first counts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Debug)]
pub struct Params {
    /// `;name=value;flag`, without white space between.
    text: String,
}

impl Params {
    /// No parameters.
    pub const fn new() -> Self {
        Self { text: String::new() }
    }

    /// Reads `;name=value;flag`, white space around each part allowed.
    ///
    /// # Errors
    /// An empty or malformed parameter, a quote without end.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let mut params = Self::new();
        let text = lex::trim(text);
        if text.is_empty() {
            return Ok(params);
        }
        if !text.starts_with(';') {
            return Err(SyntaxError::Parameter);
        }
        params.text.reserve(text.len());
        for (name, value) in split(text) {
            check_name(name)?;
            value.map_or(Ok(()), check_value)?;
            params.append(name, value);
        }
        Ok(params)
    }

    /// All parameters: name, and value as written if there is one.
    pub fn iter(&self) -> impl Iterator<Item = (&str, Option<&str>)> {
        split(&self.text)
    }

    /// The value of `name` as written, quotes included. `None` if it isn't there, or is there without a value.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.iter().find(|(its_name, _)| its_name.eq_ignore_ascii_case(name))?.1
    }

    /// Whether `name` is there, with a value or without.
    pub fn has(&self, name: &str) -> bool {
        self.iter().any(|(its_name, _)| its_name.eq_ignore_ascii_case(name))
    }

    /// Whether there are none.
    pub const fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    /// Puts `name`, a token, in place of what there is of that name, or last. A value that needs quotes gets them.
    pub fn set(&mut self, name: &str, value: Option<&str>) {
        let old = core::mem::take(self);
        let mut placed = false;
        for (its_name, its_value) in old.iter() {
            if !its_name.eq_ignore_ascii_case(name) {
                self.append(its_name, its_value);
            } else if !placed {
                self.append_new(name, value);
                placed = true;
            }
        }
        if !placed {
            self.append_new(name, value);
        }
    }

    /// Takes `name` away.
    pub fn remove(&mut self, name: &str) {
        let old = core::mem::take(self);
        for (its_name, its_value) in old.iter().filter(|(its_name, _)| !its_name.eq_ignore_ascii_case(name)) {
            self.append(its_name, its_value);
        }
    }

    fn append_new(&mut self, name: &str, value: Option<&str>) {
        match value {
            Some(value) if check_value(value).is_err() => {
                self.append(name, Some(&alloc::string::ToString::to_string(&Quoted(value))));
            }
            _ => self.append(name, value),
        }
    }

    fn append(&mut self, name: &str, value: Option<&str>) {
        self.text.push(';');
        self.text.push_str(name);
        if let Some(value) = value {
            self.text.push('=');
            self.text.push_str(value);
        }
    }
}

/// `paramchar` of URIs and `token` of header fields together.
const fn is_param_byte(byte: u8) -> bool {
    lex::is_token_byte(byte) || matches!(byte, b'[' | b']' | b'/' | b':' | b'&' | b'$' | b'(' | b')')
}

/// The parts of `;name=value;flag` as written, without the white space around them.
pub(super) fn split(text: &str) -> impl Iterator<Item = (&str, Option<&str>)> {
    let list = text.strip_prefix(';').into_iter();
    list.flat_map(|list| lex::split_outside(list, b';')).map(|part| match part.split_once('=') {
        Some((name, value)) => (lex::trim(name), Some(lex::trim(value))),
        None => (part, None),
    })
}

fn check_name(name: &str) -> Result<(), SyntaxError> {
    let good = !name.is_empty() && name.bytes().all(is_param_byte);
    if good { Ok(()) } else { Err(SyntaxError::Parameter) }
}

/// A value is a quoted string, or any text that no other reading is possible of: more than the grammar allows, as
/// some values (URNs, addresses with a zone) come without the quotes they need.
fn check_value(value: &str) -> Result<(), SyntaxError> {
    if value.starts_with('"') {
        return lex::unquote(value).map(drop).ok_or(SyntaxError::Quote);
    }
    let stray =
        |byte: u8| byte <= b' ' || byte == 0x7f || matches!(byte, b'"' | b'<' | b'>' | b',' | b';' | b'\\');
    if value.bytes().any(stray) { Err(SyntaxError::Parameter) } else { Ok(()) }
}

impl fmt::Display for Params {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl<'a> FromIterator<(&'a str, Option<&'a str>)> for Params {
    fn from_iter<T: IntoIterator<Item = (&'a str, Option<&'a str>)>>(pairs: T) -> Self {
        let mut params = Self::new();
        for (name, value) in pairs {
            params.set(name, value);
        }
        params
    }
}
