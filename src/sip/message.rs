//! SIP messages (RFC 3261 §7, §25; RFC 4475, 5118): one pair of types for what came in and what is composed, their
//! parser and their printer.
//!
//! What was parsed has everything that any request or response must have, and has it right: see
//! [`Message::parse`]. What a method needs beyond that its user asks for, by the typed views of [`Headers`]. Bodies
//! are bytes here. Transactions, dialogs and what a status means are others' matter.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

mod body;
mod cseq;
mod error;
mod headers;
mod host;
pub(crate) mod lex;
mod method;
mod name;
mod name_addr;
mod params;
mod parse;
mod status;
#[cfg(test)]
mod tests;
mod uri;
mod via;
mod views;

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::{self, Write};

use headers::Cleaned;

pub(crate) use body::media_type;
pub use body::part_of;
pub use cseq::CSeq;
pub use error::{HeaderError, ParseError, ParseErrorKind, SyntaxError};
pub use headers::Headers;
pub use host::Host;
pub use method::Method;
pub use name::Name;
pub use name_addr::{Contacts, NameAddr};
pub use params::Params;
pub use parse::{MAX_HEADER_FIELDS, MAX_MESSAGE_BYTES, MAX_VALUE_BYTES, MAX_VIAS};
pub use status::Status;
pub use uri::{OtherUri, SipUri, Uri};
pub use via::{MAGIC_COOKIE, Via};

/// A request or a response.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Message {
    /// It begins with a Request-Line.
    Request(Request),
    /// It begins with a Status-Line.
    Response(Response),
}

/// A request (RFC 3261 §7.1).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Request {
    /// What is asked for.
    pub method: Method,
    /// The Request-URI: whom it is asked of.
    pub uri: Uri,
    /// All header fields but Content-Length.
    pub headers: Headers,
    /// The body; Content-Type says what it is.
    pub body: Vec<u8>,
}

/// A response (RFC 3261 §7.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Response {
    /// The status code.
    pub status: Status,
    /// The reason phrase: for people.
    pub reason: String,
    /// All header fields but Content-Length.
    pub headers: Headers,
    /// The body; Content-Type says what it is.
    pub body: Vec<u8>,
}

impl Message {
    /// Reads a datagram (RFC 3261 §18.3): bytes beyond Content-Length are cut off; without Content-Length the body
    /// goes to the datagram's end. Line ends before the first line are passed over.
    ///
    /// A request that passes has Via, From, To, Call-ID and CSeq once each (Via: at least once, the topmost good), all
    /// well formed, the method in CSeq its own; Max-Forwards and Content-Type at most once; Contact and Record-Route,
    /// where they are there, well formed. A response that passes has the same, and exactly one Via (RFC 3261
    /// §8.1.3.3).
    ///
    /// # Errors
    /// Anything else. [`ParseError::answer`] is what to send back, if anything.
    pub fn parse(datagram: &[u8]) -> Result<Self, ParseError> {
        parse::parse_datagram(datagram)
    }

    /// Reads the message at the beginning of a stream, and says how many bytes it took; `None` while it isn't all
    /// there. On a stream Content-Length must be there (RFC 3261 §20.14).
    ///
    /// # Errors
    /// As with [`Message::parse`]. After an error the next message can't be found: the stream is closed.
    pub fn parse_stream(buffer: &[u8]) -> Result<Option<(Self, usize)>, ParseError> {
        parse::parse_stream(buffer)
    }

    /// The bytes to send.
    pub fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Request(request) => request.to_bytes(),
            Self::Response(response) => response.to_bytes(),
        }
    }

    /// All header fields but Content-Length.
    pub const fn headers(&self) -> &Headers {
        match self {
            Self::Request(request) => &request.headers,
            Self::Response(response) => &response.headers,
        }
    }
}

impl Request {
    /// A request without header fields and body.
    pub fn new(method: Method, uri: impl Into<Uri>) -> Self {
        Self { method, uri: uri.into(), headers: Headers::new(), body: Vec::new() }
    }

    /// The bytes to send, Content-Length written.
    pub fn to_bytes(&self) -> Vec<u8> {
        print(format_args!("{} {} SIP/2.0", self.method, self.uri), &self.headers, &self.body)
    }

    /// Gives it a body and Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set(Name::ContentType, content_type);
        self.body = body;
    }
}

impl Response {
    /// A response without header fields and body, with the status' own reason phrase.
    pub fn new(status: Status) -> Self {
        Self { status, reason: status.reason().to_owned(), headers: Headers::new(), body: Vec::new() }
    }

    /// The response to `request` by RFC 3261 §8.2.6: its Vias, From, To, Call-ID and CSeq as they came; in a 100 its
    /// Timestamp. The To tag, Contact, Record-Route ([`Headers::copy`]) are the caller's to add.
    pub fn to_request(request: &Request, status: Status) -> Self {
        Self::to_headers(&request.headers, status)
    }

    fn to_headers(asked: &Headers, status: Status) -> Self {
        let mut response = Self::new(status);
        response.headers.copy(Name::Via, asked);
        for name in [Name::From, Name::To, Name::CallId, Name::CSeq] {
            if let Some(value) = asked.get(name) {
                response.headers.push(name, value);
            }
        }
        if status == Status::TRYING {
            response.headers.copy(Name::Timestamp, asked);
        }
        response
    }

    /// Gives To this tag, unless it has one (RFC 3261 §8.2.6.2).
    pub fn set_to_tag(&mut self, tag: &str) {
        if self.headers.to_tag().is_none()
            && let Ok(to) = self.headers.to()
        {
            self.headers.set(Name::To, to.with_tag(tag));
        }
    }

    /// The bytes to send, Content-Length written.
    pub fn to_bytes(&self) -> Vec<u8> {
        print(format_args!("SIP/2.0 {} {}", self.status, self.reason), &self.headers, &self.body)
    }

    /// Gives it a body and Content-Type.
    pub fn set_body(&mut self, content_type: &str, body: Vec<u8>) {
        self.headers.set(Name::ContentType, content_type);
        self.body = body;
    }
}

fn print(start_line: fmt::Arguments<'_>, headers: &Headers, body: &[u8]) -> Vec<u8> {
    let mut head = String::with_capacity(1024);
    // A reason phrase of somebody else's making ends no line.
    let printed = write!(Cleaned(&mut head), "{start_line}")
        .and_then(|()| write!(head, "\r\n{headers}Content-Length: {}\r\n\r\n", body.len()));
    printed.expect("writing to a String can't fail");
    let mut bytes = head.into_bytes();
    bytes.extend_from_slice(body);
    bytes
}
