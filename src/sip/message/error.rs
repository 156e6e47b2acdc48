//! What can be wrong with a message, and what to answer.

use alloc::boxed::Box;
use core::fmt;

use super::{Name, Response, Status};

/// What is wrong with the text of a header field value, or of a part of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum SyntaxError {
    /// A token was expected.
    Token,
    /// A quoted string has no end.
    Quote,
    /// `<` without `>`, or text after it that doesn't belong there.
    Bracket,
    /// No URI.
    Uri,
    /// No host name, IPv4 address or IPv6 reference.
    Host,
    /// No port of 0 to 65535.
    Port,
    /// No number, or one that is larger than its header field allows.
    Number,
    /// An empty or malformed parameter.
    Parameter,
}

impl fmt::Display for SyntaxError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Token => "malformed token",
            Self::Quote => "unterminated quote",
            Self::Bracket => "unbalanced brackets",
            Self::Uri => "malformed URI",
            Self::Host => "malformed host",
            Self::Port => "malformed port",
            Self::Number => "malformed or overlarge number",
            Self::Parameter => "malformed parameter",
        })
    }
}

/// Why a header field can't be used as what it should be.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HeaderError {
    /// It isn't there.
    Missing(Name<'static>),
    /// It is there more than once, and may not be.
    Repeated(Name<'static>),
    /// Its value is malformed.
    Malformed(Name<'static>, SyntaxError),
}

impl fmt::Display for HeaderError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Missing(name) => write!(f, "Missing {name}"),
            Self::Repeated(name) => write!(f, "Repeated {name}"),
            Self::Malformed(name, error) => write!(f, "Bad {name}: {error}"),
        }
    }
}

/// What is wrong with a message as a whole.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum ParseErrorKind {
    /// Nothing but line ends: a keep-alive (RFC 5626 §3.5.1).
    Empty,
    /// The first line is neither a Request-Line nor a Status-Line. Found without allocating anything.
    NotSip,
    /// A version of SIP other than 2.0.
    Version,
    /// White space in the Request-Line where none may be, or a malformed Request-URI.
    RequestLine,
    /// A Status-Line without a status code of 100 to 699.
    StatusLine,
    /// More than [`MAX_MESSAGE_BYTES`](super::MAX_MESSAGE_BYTES), or one of the other limits on its parts.
    TooLarge,
    /// The header has no end.
    Unfinished,
    /// A line of the header is no header field.
    HeaderLine,
    /// Content-Length is repeated, not a number, or (on a stream) missing.
    ContentLength,
    /// Content-Length is larger than the datagram.
    BodyCut,
    /// A header field that must be right isn't.
    Header(HeaderError),
    /// The method in CSeq isn't the request's.
    MethodMismatch,
}

impl ParseErrorKind {
    /// What a request with this fault is answered.
    pub const fn status(self) -> Status {
        match self {
            Self::Version => Status::VERSION_NOT_SUPPORTED,
            Self::TooLarge => Status::MESSAGE_TOO_LARGE,
            _ => Status::BAD_REQUEST,
        }
    }
}

impl fmt::Display for ParseErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("Empty message"),
            Self::NotSip => f.write_str("Not SIP"),
            Self::Version => f.write_str("Version Not Supported"),
            Self::RequestLine => f.write_str("Bad Request-Line"),
            Self::StatusLine => f.write_str("Bad Status-Line"),
            Self::TooLarge => f.write_str("Message Too Large"),
            Self::Unfinished => f.write_str("Header has no end"),
            Self::HeaderLine => f.write_str("Bad header field"),
            Self::ContentLength => f.write_str("Bad Content-Length"),
            Self::BodyCut => f.write_str("Body shorter than Content-Length"),
            Self::Header(error) => error.fmt(f),
            Self::MethodMismatch => f.write_str("CSeq method mismatch"),
        }
    }
}

/// Why bytes are no message, where, and what to answer.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ParseError {
    /// What is wrong.
    pub kind: ParseErrorKind,
    /// Where it is wrong, in bytes from the beginning of what was parsed.
    pub offset: usize,
    /// What to send back, still without a To tag: 400, 505 or 513, made of what could be read. `None` where nobody
    /// waits for an answer (a response, an ACK, noise) or nobody could match it (no usable Via).
    pub answer: Option<Box<Response>>,
}

impl fmt::Display for ParseError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at byte {}", self.kind, self.offset)
    }
}

impl core::error::Error for ParseError {}
impl core::error::Error for HeaderError {}
impl core::error::Error for SyntaxError {}
