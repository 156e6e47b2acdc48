//! Header fields in their order: one text and an index of (name, range) over it, cheap to fill and to search.

use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};
use core::ops::Range;

use super::Name;
use super::lex;

/// The header fields of a message, but for Content-Length: that is written by the printer, who has counted.
///
/// Values are kept as they came, folding undone, white space around them gone.
#[derive(Clone, Default)]
pub struct Headers {
    /// Values and unknown names. What a removed or replaced field left behind stays here unused.
    text: String,
    fields: Vec<Field>,
}

#[derive(Clone)]
struct Field {
    /// The name if it is a known one, whatever form it was written in.
    known: Option<Name<'static>>,
    /// In `text`: where the name is, if it isn't a known one.
    other: Range<usize>,
    /// In `text`: where the value is.
    value: Range<usize>,
}

impl Headers {
    /// No header fields.
    pub const fn new() -> Self {
        Self { text: String::new(), fields: Vec::new() }
    }

    /// Room for `bytes` of text: the whole header of a message is read without growing.
    pub(super) fn with_capacity(fields: usize, bytes: usize) -> Self {
        Self { text: String::with_capacity(bytes), fields: Vec::with_capacity(fields) }
    }

    /// All fields in their order.
    pub fn iter(&self) -> impl Iterator<Item = (Name<'_>, &str)> {
        self.fields.iter().map(|field| (self.name_of(field), self.value_of(field)))
    }

    /// How many fields there are.
    pub(super) fn len(&self) -> usize {
        self.fields.len()
    }

    /// The value of the first field of that name.
    pub fn get(&self, name: Name<'_>) -> Option<&str> {
        self.all(name).next()
    }

    /// The values of all fields of that name, commas as they came.
    pub fn all(&self, name: Name<'_>) -> impl Iterator<Item = &str> {
        let known = name.as_known();
        let is_it = move |field: &&Field| match known {
            Some(_) => field.known == known,
            None => self.name_of(field) == name,
        };
        self.fields.iter().filter(is_it).map(|field| self.value_of(field))
    }

    /// The values of all fields of that name, those of one field taken apart at their commas (RFC 3261 §7.3.1). Not
    /// for From, To, Date, and the fields of authentication, whose commas mean something else.
    pub fn values(&self, name: Name<'_>) -> impl Iterator<Item = &str> {
        self.all(name).filter(|value| !value.is_empty()).flat_map(|value| lex::split_outside(value, b','))
    }

    /// Whether `token` is among the values of that name, without regard to case: for Supported, Require, Allow.
    pub fn lists(&self, name: Name<'_>, token: &str) -> bool {
        self.values(name).any(|value| value.eq_ignore_ascii_case(token))
    }

    /// Puts a field last. Line ends and NUL in the value become spaces: nobody smuggles in a field of his own.
    pub fn push(&mut self, name: Name<'_>, value: impl fmt::Display) {
        let field = self.append_text(name, value);
        self.fields.push(field);
    }

    /// Puts a field first.
    pub fn push_front(&mut self, name: Name<'_>, value: impl fmt::Display) {
        let field = self.append_text(name, value);
        self.fields.insert(0, field);
    }

    /// Puts a field in place of the first one of that name, takes the others away; puts it last if there was none.
    pub fn set(&mut self, name: Name<'_>, value: impl fmt::Display) {
        let place = self.fields.iter().position(|field| self.name_of(field) == name);
        self.remove(name);
        let field = self.append_text(name, value);
        self.fields.insert(place.unwrap_or(self.fields.len()), field);
    }

    /// Takes all fields of that name away.
    pub fn remove(&mut self, name: Name<'_>) {
        let Self { text, fields } = self;
        fields.retain(|field| field.name_in(text) != name);
    }

    /// Puts copies of all fields of that name in `from` last.
    pub fn copy(&mut self, name: Name<'_>, from: &Self) {
        for value in from.all(name) {
            self.push(name, value);
        }
    }

    /// Puts `value` in place of the first value of the first field of that name, which may hold more.
    pub(super) fn set_first_value(&mut self, name: Name<'_>, value: impl fmt::Display) {
        let Some(at) = self.fields.iter().position(|field| self.name_of(field) == name) else {
            return self.push_front(name, value);
        };
        let old = self.fields.get(at).map(|field| self.value_of(field)).unwrap_or_default();
        let others = lex::split_once_outside(old, b',').map(|(_, others)| String::from(others));
        let field = match others {
            Some(others) => self.append_text(name, format_args!("{value},{others}")),
            None => self.append_text(name, value),
        };
        if let Some(place) = self.fields.get_mut(at) {
            *place = field;
        }
    }

    /// Puts a field last whose value is given in pieces that the parser has checked for control characters.
    pub(super) fn push_parsed<'a>(
        &mut self,
        name: Name<'_>,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> usize {
        let (known, other) = self.append_name(name);
        let start = self.text.len();
        for piece in pieces.filter(|piece| !piece.is_empty()) {
            if self.text.len() > start {
                self.text.push(' ');
            }
            self.text.push_str(&lex::decode(piece));
        }
        let value = start..self.text.len();
        let length = value.len();
        self.fields.push(Field { known, other, value });
        length
    }

    fn append_text(&mut self, name: Name<'_>, value: impl fmt::Display) -> Field {
        let (known, other) = self.append_name(name);
        let start = self.text.len();
        write!(Cleaned(&mut self.text), "{value}").expect("writing to a String can't fail");
        let value = self.text.get(start..).unwrap_or_default();
        let trimmed = lex::trim(value);
        let leading = value.len().saturating_sub(value.trim_ascii_start().len());
        let start = start.saturating_add(leading);
        let value = start..start.saturating_add(trimmed.len());
        Field { known, other, value }
    }

    fn append_name(&mut self, name: Name<'_>) -> (Option<Name<'static>>, Range<usize>) {
        let text = name.as_str();
        let known = name.as_known();
        let start = self.text.len();
        if known.is_none() {
            write!(Cleaned(&mut self.text), "{text}").expect("writing to a String can't fail");
        }
        (known, start..self.text.len())
    }

    fn name_of(&self, field: &Field) -> Name<'_> {
        field.name_in(&self.text)
    }

    fn value_of(&self, field: &Field) -> &str {
        self.text.get(field.value.clone()).unwrap_or_default()
    }
}

impl Field {
    fn name_in<'a>(&self, text: &'a str) -> Name<'a> {
        self.known.unwrap_or_else(|| Name::Other(text.get(self.other.clone()).unwrap_or_default()))
    }
}

/// Writes line ends and NUL as spaces.
pub(super) struct Cleaned<'a>(pub(super) &'a mut String);

impl Write for Cleaned<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let is_clean = |byte: u8| !matches!(byte, b'\r' | b'\n' | b'\0');
        if text.bytes().all(is_clean) {
            self.0.push_str(text);
        } else {
            self.0.push_str(&text.replace(['\r', '\n', '\0'], " "));
        }
        Ok(())
    }
}

impl PartialEq for Headers {
    /// The same fields in the same order.
    fn eq(&self, other: &Self) -> bool {
        self.iter().eq(other.iter())
    }
}

impl Eq for Headers {}

impl fmt::Debug for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_map().entries(self.iter()).finish()
    }
}

impl fmt::Display for Headers {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.iter()
            .filter(|(name, _)| *name != Name::ContentLength)
            .try_for_each(|(name, value)| write!(f, "{name}: {value}\r\n"))
    }
}
