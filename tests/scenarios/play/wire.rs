//! A message as the peer writes and reads it: lines of text, and not the phone's own parser and printer, whose faults
//! would cancel out.

use std::fmt;

use super::Fault;

/// A message: its first line, its header fields in their order, its body.
#[derive(Clone, PartialEq, Eq)]
pub(crate) struct Wire {
    pub(crate) first: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: String,
}

impl Wire {
    pub(crate) fn new(first: String) -> Self {
        Self { first, headers: Vec::new(), body: String::new() }
    }

    /// Reads what the phone has sent: it writes each name in its long form, and folds nothing.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Fault> {
        let text = String::from_utf8(bytes.to_vec()).map_err(|_| Fault::new("SIP is sent as text"))?;
        let (head, body) =
            text.split_once("\r\n\r\n").ok_or_else(|| Fault::new("a header ends with an empty line"))?;
        let mut lines = head.split("\r\n");
        let first = lines.next().unwrap_or_default().to_owned();
        let field =
            |line: &str| line.split_once(": ").map(|(name, value)| (name.to_owned(), value.to_owned()));
        let headers: Option<Vec<_>> = lines.map(field).collect();
        let headers = headers.ok_or_else(|| Fault::new("a header line is a name, a colon and a value"))?;
        let wire = Self { first, headers, body: body.to_owned() };
        if wire.value("Content-Length") != body.len().to_string() {
            return Err(Fault::new(format!("Content-Length is not the body's length, {}", body.len())));
        }
        Ok(wire)
    }

    pub(crate) fn is_response(&self) -> bool {
        self.first.starts_with("SIP/2.0 ")
    }

    /// `INVITE`, or `200 INVITE` for an answer.
    pub(crate) fn kind(&self) -> String {
        let method = self.value("CSeq").split(' ').nth(1).unwrap_or_default();
        match self.first.strip_prefix("SIP/2.0 ") {
            Some(status) => format!("{} {method}", status.split(' ').next().unwrap_or_default()),
            None => self.first.split(' ').next().unwrap_or_default().to_owned(),
        }
    }

    pub(crate) fn method(&self) -> &str {
        self.value("CSeq").split(' ').nth(1).unwrap_or_default()
    }

    pub(crate) fn number(&self) -> u32 {
        self.value("CSeq").split(' ').next().and_then(|number| number.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn request_uri(&self) -> &str {
        self.first.split(' ').nth(1).unwrap_or_default()
    }

    /// The first value of that name, empty if there is none.
    pub(crate) fn value(&self, name: &str) -> &str {
        self.values(name).first().copied().unwrap_or_default()
    }

    pub(crate) fn values(&self, name: &str) -> Vec<&str> {
        self.headers
            .iter()
            .filter(|(its_name, _)| its_name.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
            .collect()
    }

    pub(crate) fn push(&mut self, name: &str, value: impl Into<String>) {
        self.headers.push((name.to_owned(), value.into()));
    }

    /// Copies the fields of that name of another message.
    pub(crate) fn copy(&mut self, name: &str, from: &Self) {
        for value in from.values(name) {
            self.push(name, value);
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.headers.retain(|(its_name, _)| !its_name.eq_ignore_ascii_case(name));
    }

    /// Puts a field in place of those of that name.
    pub(crate) fn set(&mut self, name: &str, value: impl Into<String>) {
        let is_it = |(its_name, _): &(String, String)| its_name.eq_ignore_ascii_case(name);
        let place = self.headers.iter().position(is_it).unwrap_or(self.headers.len());
        self.remove(name);
        let place = place.min(self.headers.len());
        self.headers.insert(place, (name.to_owned(), value.into()));
    }

    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        self.to_string().into_bytes()
    }
}

impl fmt::Display for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}\r\n", self.first)?;
        for (name, value) in &self.headers {
            write!(f, "{name}: {value}\r\n")?;
        }
        write!(f, "\r\n{}", self.body)
    }
}

/// What stands between angle brackets.
pub(crate) fn uri_of(address: &str) -> &str {
    address.split_once('<').and_then(|(_, rest)| rest.split_once('>')).map_or(address, |(uri, _)| uri)
}

/// The value of a parameter behind the angle brackets.
pub(crate) fn param_of<'a>(address: &'a str, name: &str) -> Option<&'a str> {
    let params = address.rsplit_once('>').map_or(address, |(_, params)| params);
    params.split(';').find_map(|param| param.trim().strip_prefix(name)?.strip_prefix('='))
}
