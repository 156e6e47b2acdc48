//! Reading TOML so that every fault is told with its place: values are taken out of a section by name, each with
//! what is expected of it, and what is left over is a fault too. No value is ever printed: it may be a password.

use std::cell::RefCell;
#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt::{self, Display};
use std::ops::{Range, RangeInclusive};
use std::str::FromStr;

use toml::Spanned;
use toml::de::{DeTable, DeValue};

/// Something wrong in the file.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Fault {
    /// From 1.
    pub line: usize,
    /// From 1, in characters.
    pub column: usize,
    /// What is wrong, and what was expected.
    pub message: String,
}

impl Fault {
    /// A fault that begins where `before`, all of the file that is in front of it, ends.
    pub(super) fn after(before: &str, message: impl Display) -> Self {
        let line_start = before.rfind('\n').map_or(0, |newline| newline.saturating_add(1));
        let column = before.get(line_start..).unwrap_or_default().chars().count().saturating_add(1);
        let line = before.matches('\n').count().saturating_add(1);
        Self { line, column, message: message.to_string() }
    }
}

impl Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}: {}", self.line, self.column, self.message)
    }
}

/// A file that is being read.
pub(super) struct Document<'a> {
    text: &'a str,
    faults: RefCell<Vec<Fault>>,
    /// Every key that was asked for, with the path of its section.
    #[cfg(test)]
    asked: RefCell<BTreeSet<String>>,
}

impl<'a> Document<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self {
            text,
            faults: RefCell::default(),
            #[cfg(test)]
            asked: RefCell::default(),
        }
    }

    /// The whole file as a section; none where it is no TOML: then nothing in it can be relied on, and of each line
    /// that is wrong the first place is a fault.
    pub(super) fn root(&self) -> Option<Section<'_>> {
        let (table, errors) = DeTable::parse_recoverable(self.text);
        for error in &errors {
            self.fault(
                error.span().unwrap_or_default(),
                format_args!("this is no TOML: {}", error.message()),
            );
        }
        self.faults.borrow_mut().dedup_by_key(|fault| fault.line);
        errors.is_empty().then(|| Section::new(self, String::new(), 0..0, table.into_inner()))
    }

    /// All faults, in the order of the file.
    pub(super) fn into_faults(self) -> Vec<Fault> {
        let mut faults = self.faults.into_inner();
        faults.sort();
        faults
    }

    /// Every key that was asked for.
    #[cfg(test)]
    pub(super) fn asked(&self) -> BTreeSet<String> {
        self.asked.borrow().clone()
    }

    fn fault(&self, at: Range<usize>, message: impl Display) {
        let before = self.text.get(..at.start).unwrap_or(self.text);
        self.faults.borrow_mut().push(Fault::after(before, message));
    }
}

/// A table of the file. Its keys are taken out one by one; [`Section::end`] finds those that nobody knows.
pub(super) struct Section<'a> {
    document: &'a Document<'a>,
    /// `api.users`; empty for the whole file.
    path: String,
    /// Where it begins.
    at: Range<usize>,
    entries: Vec<Entry<'a>>,
    known: Vec<&'static str>,
}

struct Entry<'a> {
    key: String,
    at: Range<usize>,
    value: Spanned<DeValue<'a>>,
}

impl<'a> Section<'a> {
    fn new(document: &'a Document<'a>, path: String, at: Range<usize>, table: DeTable<'a>) -> Self {
        let entry = |(key, value): (Spanned<_>, _)| {
            let at = key.span();
            Entry { key: std::borrow::Cow::into_owned(key.into_inner()), at, value }
        };
        let entries = table.into_iter().map(entry).collect();
        Self { document, path, at, entries, known: Vec::new() }
    }

    /// A fault of the section as a whole.
    pub(super) fn fault(&self, message: impl Display) {
        self.document.fault(self.at.clone(), format_args!("{}: {message}", self.name()));
    }

    /// Whether the file has `key` here.
    pub(super) fn has(&self, key: &str) -> bool {
        self.entries.iter().any(|entry| entry.key == key)
    }

    /// The value of `key` as `read` finds it; none if it is absent or wrong, which is a fault.
    fn take<T, E: Display>(
        &mut self,
        key: &'static str,
        read: impl FnOnce(&DeValue<'a>) -> Result<T, E>,
    ) -> Option<T> {
        let entry = self.take_entry(key)?;
        match read(entry.value.get_ref()) {
            Ok(value) => Some(value),
            Err(expected) => {
                self.document.fault(entry.value.span(), format_args!("`{key}`: {expected}"));
                None
            }
        }
    }

    fn take_entry(&mut self, key: &'static str) -> Option<Entry<'a>> {
        self.known.push(key);
        #[cfg(test)]
        self.document.asked.borrow_mut().insert(self.path_of(key));
        let index = self.entries.iter().position(|entry| entry.key == key)?;
        Some(self.entries.swap_remove(index))
    }

    /// A text that `T` reads. Its error says what was expected.
    pub(super) fn parsed<T: FromStr<Err: Display>>(&mut self, key: &'static str) -> Option<T> {
        self.take(key, |value| {
            let text = value.as_str().ok_or_else(|| String::from("expected a text in quotes"))?;
            text.parse().map_err(|error: T::Err| error.to_string())
        })
    }

    /// A text.
    pub(super) fn text(&mut self, key: &'static str) -> Option<String> {
        self.take(key, |value| value.as_str().map(Into::into).ok_or("expected a text in quotes"))
    }

    /// A text that must be there and must not be empty.
    pub(super) fn required_text(&mut self, key: &'static str) -> String {
        let missing = !self.has(key);
        let text = self.take(key, |value| {
            let text = value.as_str().filter(|text| !text.is_empty());
            text.map(Into::into).ok_or("expected a text in quotes that is not empty")
        });
        if missing {
            self.fault(format_args!("`{key}` is missing"));
        }
        text.unwrap_or_default()
    }

    /// A list of texts that `T` reads.
    pub(super) fn list<T: FromStr>(&mut self, key: &'static str, expected: &str) -> Option<Vec<T>> {
        self.take(key, |value| {
            let items = value.as_array().ok_or(expected)?.iter();
            let read = items.map(|item| item.get_ref().as_str().and_then(|text| text.parse().ok()));
            read.collect::<Option<_>>().ok_or(expected)
        })
    }

    /// A whole number.
    pub(super) fn number<T: TryFrom<i64> + Into<i64> + Copy>(
        &mut self,
        key: &'static str,
        range: RangeInclusive<T>,
    ) -> Option<T> {
        let (least, most) = ((*range.start()).into(), (*range.end()).into());
        self.take(key, |value| {
            let number = integer(value).filter(|number| (least..=most).contains(number));
            let number = number.and_then(|number| T::try_from(number).ok());
            number.ok_or_else(|| format!("expected a whole number from {least} to {most}"))
        })
    }

    /// 0 for what is switched off, or else a whole number in `range`.
    pub(super) fn number_or_zero(&mut self, key: &'static str, range: RangeInclusive<u32>) -> Option<u32> {
        self.take(key, |value| {
            let number = integer(value).and_then(|number| u32::try_from(number).ok());
            let (least, most) = (range.start(), range.end());
            let expected = || format!("expected 0, or a whole number from {least} to {most}");
            number.filter(|number| *number == 0 || range.contains(number)).ok_or_else(expected)
        })
    }

    /// One of a few words, by what each means.
    pub(super) fn choice<T: Copy>(&mut self, key: &'static str, choice: &[(&str, T)]) -> Option<T> {
        self.take(key, |value| {
            let chosen = choice.iter().find(|(word, _)| value.as_str() == Some(*word));
            let words: Vec<String> = choice.iter().map(|(word, _)| format!("\"{word}\"")).collect();
            let expected = || format!("expected {}", words.join(" or "));
            chosen.map(|(_, meaning)| *meaning).ok_or_else(expected)
        })
    }

    /// One of a few whole numbers.
    pub(super) fn one_of(&mut self, key: &'static str, choice: &[u16]) -> Option<u16> {
        self.take(key, |value| {
            let number = integer(value).and_then(|number| u16::try_from(number).ok());
            let words: Vec<String> = choice.iter().map(u16::to_string).collect();
            let expected = || format!("expected one of {}", words.join(", "));
            number.filter(|number| choice.contains(number)).ok_or_else(expected)
        })
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str) -> Option<bool> {
        self.take(key, |value| value.as_bool().ok_or("expected true or false"))
    }

    /// The table `key`; an empty one if it is absent.
    pub(super) fn section(&mut self, key: &'static str) -> Section<'a> {
        let path = self.path_of(key);
        let Some(entry) = self.take_entry(key) else {
            return Section::new(self.document, path, self.at.clone(), DeTable::new());
        };
        match entry.value.into_inner() {
            DeValue::Table(table) => Section::new(self.document, path, entry.at, table),
            _ => {
                self.document.fault(entry.at.clone(), format_args!("`{key}`: expected a section, [{path}]"));
                Section::new(self.document, path, entry.at, DeTable::new())
            }
        }
    }

    /// The tables of the list `key`.
    pub(super) fn sections(&mut self, key: &'static str) -> Vec<Section<'a>> {
        let path = self.path_of(key);
        let Some(entry) = self.take_entry(key) else { return Vec::new() };
        let DeValue::Array(items) = entry.value.into_inner() else {
            self.document.fault(entry.at, format_args!("`{key}`: expected a list of sections, [[{path}]]"));
            return Vec::new();
        };
        let mut sections = Vec::new();
        for item in items {
            let at = item.span();
            match item.into_inner() {
                DeValue::Table(table) => sections.push(Section::new(self.document, path.clone(), at, table)),
                _ => {
                    self.document.fault(at, format_args!("`{key}`: expected a list of sections, [[{path}]]"))
                }
            }
        }
        sections
    }

    /// Whatever was not asked for is a fault: nearly always a slip of the pen.
    pub(super) fn end(self) {
        let name = self.name();
        for entry in &self.entries {
            let known = self.known.join(", ");
            let message = format_args!("unknown key `{}`: {name} has {known}", entry.key);
            self.document.fault(entry.at.clone(), message);
        }
    }

    fn path_of(&self, key: &str) -> String {
        if self.path.is_empty() { key.into() } else { format!("{}.{key}", self.path) }
    }

    fn name(&self) -> String {
        if self.path.is_empty() { "the file".into() } else { format!("[{}]", self.path) }
    }
}

fn integer(value: &DeValue<'_>) -> Option<i64> {
    let integer = value.as_integer()?;
    i64::from_str_radix(integer.as_str(), integer.radix()).ok()
}
