//! From bytes to a message: framing, start line, header lines, and the checks that every message has to pass.

use alloc::borrow::ToOwned;
use alloc::boxed::Box;
use alloc::string::String;

use super::{
    HeaderError, Headers, Message, Method, Name, ParseError, ParseErrorKind, Request, Response, Status, Uri,
    lex,
};

/// Bytes of a message, the most that a UDP datagram can carry; on a stream the same, so that no peer fills the memory.
pub const MAX_MESSAGE_BYTES: usize = 64 * 1024;
/// Header fields of a message. An ordinary one has 10 to 30.
pub const MAX_HEADER_FIELDS: usize = 256;
/// Bytes of one header field's value. The longest in use, an Identity or an AKA challenge, have below 4 KiB.
pub const MAX_VALUE_BYTES: usize = 8 * 1024;
/// Vias of a message: as many hops as Max-Forwards usually allows (RFC 3261 §8.1.1.6).
pub const MAX_VIAS: usize = 70;

/// Where something is wrong, and what.
type Fault = (ParseErrorKind, usize);

pub(super) fn parse_datagram(bytes: &[u8]) -> Result<Message, ParseError> {
    if bytes.len() > MAX_MESSAGE_BYTES {
        return Err(bare((ParseErrorKind::TooLarge, 0)));
    }
    let start = skip_line_ends(bytes);
    let mut draft = Draft::read(bytes, start)?;
    let rest = bytes.get(draft.end..).unwrap_or_default();
    let body = match draft.content_length {
        None => rest,
        Some(length) => rest.get(..length).unwrap_or_else(|| {
            draft.fault_at(ParseErrorKind::BodyCut, draft.end);
            &[]
        }),
    };
    draft.finish(bytes, body)
}

pub(super) fn parse_stream(buffer: &[u8]) -> Result<Option<(Message, usize)>, ParseError> {
    let start = skip_line_ends(buffer);
    if start == buffer.len() {
        return Ok(None);
    }
    if find_head_end(buffer, start).is_none() {
        return if buffer.len() > MAX_MESSAGE_BYTES {
            Err(bare((ParseErrorKind::TooLarge, 0)))
        } else {
            Ok(None)
        };
    }
    let mut draft = Draft::read(buffer, start)?;
    let Some(length) = draft.content_length else {
        draft.fault_at(ParseErrorKind::ContentLength, draft.end);
        return draft.finish(buffer, &[]).map(|_| None);
    };
    let end = draft.end.saturating_add(length);
    if end.saturating_sub(start) > MAX_MESSAGE_BYTES {
        draft.fault_at(ParseErrorKind::TooLarge, draft.end);
        return draft.finish(buffer, &[]).map(|_| None);
    }
    match buffer.get(draft.end..end) {
        Some(body) => draft.finish(buffer, body).map(|message| Some((message, end))),
        None if draft.fault.is_some() => draft.finish(buffer, &[]).map(|_| None),
        None => Ok(None),
    }
}

/// RFC 3261 §7.5: line ends before the start line are passed over.
fn skip_line_ends(bytes: &[u8]) -> usize {
    bytes.iter().position(|byte| !matches!(byte, b'\r' | b'\n')).unwrap_or(bytes.len())
}

/// Just behind the empty line that ends the header.
fn find_head_end(bytes: &[u8], start: usize) -> Option<usize> {
    let mut at = start;
    loop {
        let (line, next) = take_line(bytes, at)?;
        if line.is_empty() {
            return Some(next);
        }
        at = next;
    }
}

/// The line that begins at `at`, without its end, and where the next one begins. Lines end with CRLF; a lone LF is
/// understood too.
pub(super) fn take_line(bytes: &[u8], at: usize) -> Option<(&[u8], usize)> {
    let rest = bytes.get(at..)?;
    let length = rest.iter().position(|byte| *byte == b'\n')?;
    let line = rest.get(..length)?;
    Some((line.strip_suffix(b"\r").unwrap_or(line), at.checked_add(length)?.checked_add(1)?))
}

/// An error that nobody is told of.
const fn bare((kind, offset): Fault) -> ParseError {
    ParseError { kind, offset, answer: None }
}

/// The first line, as far as it is one.
enum StartLine {
    Request { method: Method, uri: Option<Uri> },
    Response { status: Option<Status>, reason: String },
}

/// A message as far as it has been read. It is read on after a fault, so that a request can be answered.
struct Draft {
    start_line: StartLine,
    headers: Headers,
    content_length: Option<usize>,
    /// Where the body begins.
    end: usize,
    /// The first thing that is wrong.
    fault: Option<Fault>,
}

impl Draft {
    fn read(bytes: &[u8], start: usize) -> Result<Self, ParseError> {
        if start == bytes.len() {
            return Err(bare((ParseErrorKind::Empty, 0)));
        }
        let (line, end) = take_line(bytes, start).ok_or(bare((ParseErrorKind::NotSip, start)))?;
        let (start_line, fault) = read_start_line(line).ok_or(bare((ParseErrorKind::NotSip, start)))?;
        let head_bytes = bytes.len().min(MAX_MESSAGE_BYTES).saturating_sub(end).min(2048);
        let headers = Headers::with_capacity(16, head_bytes);
        let fault = fault.map(|kind| (kind, start));
        let mut draft = Self { start_line, headers, content_length: None, end, fault };
        draft.read_headers(bytes);
        Ok(draft)
    }

    /// Reads header fields up to and including the empty line.
    fn read_headers(&mut self, bytes: &[u8]) {
        loop {
            let at = self.end;
            let Some((line, mut next)) = take_line(bytes, at) else {
                self.fault_at(ParseErrorKind::Unfinished, at);
                self.end = bytes.len();
                return;
            };
            if line.is_empty() {
                self.end = next;
                return;
            }
            // RFC 3261 §7.3.1: a line that begins with white space goes on with the field before it.
            let first_next = next;
            while matches!(bytes.get(next), Some(b' ' | b'\t'))
                && let Some((_, after)) = take_line(bytes, next)
            {
                next = after;
            }
            let folded = bytes.get(first_next..next).unwrap_or_default();
            if let Err(kind) = self.read_field(line, folded) {
                self.fault_at(kind, at);
            }
            self.end = next;
        }
    }

    fn read_field(&mut self, line: &[u8], folded: &[u8]) -> Result<(), ParseErrorKind> {
        let colon = line.iter().position(|byte| *byte == b':');
        let Some((name, value)) = colon.and_then(|colon| line.split_at_checked(colon)) else {
            return Err(ParseErrorKind::HeaderLine);
        };
        let name = core::str::from_utf8(name).map(|name| name.trim_ascii_end()).unwrap_or_default();
        let value = value.get(1..).unwrap_or_default();
        if !lex::is_token(name) || value.contains(&b'\r') || folded.windows(2).any(is_lone_return) {
            return Err(ParseErrorKind::HeaderLine);
        }
        if self.headers.len() >= MAX_HEADER_FIELDS
            || value.len().saturating_add(folded.len()) > MAX_VALUE_BYTES
        {
            return Err(ParseErrorKind::TooLarge);
        }
        let pieces =
            core::iter::once(value).chain(folded.split(|byte| *byte == b'\n')).map(<[u8]>::trim_ascii);
        match Name::parse(name) {
            Name::ContentLength => self.read_content_length(pieces),
            name => {
                self.headers.push_parsed(name, pieces);
                Ok(())
            }
        }
    }

    fn read_content_length<'a>(
        &mut self,
        pieces: impl Iterator<Item = &'a [u8]>,
    ) -> Result<(), ParseErrorKind> {
        let mut digits = String::new();
        pieces.for_each(|piece| digits.push_str(&lex::decode(piece)));
        match lex::number::<u32>(&digits).and_then(|length| usize::try_from(length).ok()) {
            Some(length) if self.content_length.is_none() => {
                self.content_length = Some(length);
                Ok(())
            }
            _ => Err(ParseErrorKind::ContentLength),
        }
    }

    /// Notes a fault, unless there was one before.
    fn fault_at(&mut self, kind: ParseErrorKind, offset: usize) {
        self.fault.get_or_insert((kind, offset));
    }

    /// Checks what every message must have, and makes it one: `body` of what was read from `bytes`.
    fn finish(mut self, bytes: &[u8], body: &[u8]) -> Result<Message, ParseError> {
        if let Err(kind) = self.check() {
            self.fault_at(kind, place_of(bytes, kind));
        }
        let body = body.to_owned();
        match (self.start_line, self.fault) {
            (StartLine::Request { method, uri: Some(uri) }, None) => {
                Ok(Message::Request(Request { method, uri, headers: self.headers, body }))
            }
            (StartLine::Response { status: Some(status), reason }, None) => {
                Ok(Message::Response(Response { status, reason, headers: self.headers, body }))
            }
            (StartLine::Request { method, .. }, fault) => {
                let (kind, offset) = fault.unwrap_or((ParseErrorKind::RequestLine, 0));
                let answerable = method != Method::Ack && self.headers.via().is_ok();
                let answer = answerable.then(|| {
                    let mut answer = Response::to_headers(&self.headers, kind.status());
                    answer.reason = alloc::string::ToString::to_string(&kind);
                    Box::new(answer)
                });
                Err(ParseError { kind, offset, answer })
            }
            (StartLine::Response { .. }, fault) => {
                Err(bare(fault.unwrap_or((ParseErrorKind::StatusLine, 0))))
            }
        }
    }

    fn check(&self) -> Result<(), ParseErrorKind> {
        let headers = &self.headers;
        let vias = headers.values(Name::Via).count();
        if vias > MAX_VIAS {
            return Err(ParseErrorKind::TooLarge);
        }
        headers.via()?;
        headers.from()?;
        headers.to()?;
        headers.call_id()?;
        let cseq = headers.cseq()?;
        headers.at_most_one(Name::ContentType)?;
        match &self.start_line {
            StartLine::Request { method, .. } => {
                if cseq.method != *method {
                    return Err(ParseErrorKind::MethodMismatch);
                }
                headers.max_forwards()?;
                headers.contacts()?;
                headers.routes(Name::RecordRoute)?;
                Ok(())
            }
            // RFC 3261 §8.1.3.3: a response with more than one Via has gone astray.
            StartLine::Response { .. } if vias > 1 => Err(HeaderError::Repeated(Name::Via).into()),
            StartLine::Response { .. } => Ok(()),
        }
    }
}

/// Where the header field is that is at fault: the first of its name.
fn place_of(bytes: &[u8], kind: ParseErrorKind) -> usize {
    let name = match kind {
        ParseErrorKind::Header(HeaderError::Malformed(name, _) | HeaderError::Repeated(name)) => name,
        ParseErrorKind::MethodMismatch => Name::CSeq,
        _ => return 0,
    };
    let is_it = |line: &[u8]| {
        let text = lex::decode(line);
        text.split_once(':').is_some_and(|(its_name, _)| Name::parse(lex::trim(its_name)) == name)
    };
    let mut at = 0;
    while let Some((line, next)) = take_line(bytes, at) {
        if is_it(line) {
            return at;
        }
        at = next;
    }
    0
}

/// A carriage return that ends no line.
fn is_lone_return(pair: &[u8]) -> bool {
    matches!(pair, [b'\r', next] if *next != b'\n')
}

/// Reads a start line with the fault that it may have; `None` if it is none at all, which costs next to nothing: most
/// noise ends here.
fn read_start_line(line: &[u8]) -> Option<(StartLine, Option<ParseErrorKind>)> {
    if line.first_chunk::<4>().is_some_and(|start| start.eq_ignore_ascii_case(b"SIP/")) {
        return Some(read_status_line(line));
    }
    let version_at = line.trim_ascii_end().iter().rposition(|byte| *byte == b' ')?;
    let (before, version) = line.split_at_checked(version_at.checked_add(1)?)?;
    if !version.first_chunk::<4>()?.eq_ignore_ascii_case(b"SIP/") {
        return None;
    }
    let method_end = before.iter().position(|byte| *byte == b' ')?;
    let (method, uri) = before.split_at_checked(method_end)?;
    let method = Method::parse(core::str::from_utf8(method).ok()?)?;
    // Exactly one space between the three; the URI's own parser finds all others.
    let uri = uri.strip_prefix(b" ").and_then(|uri| uri.strip_suffix(b" "));
    let uri = uri.and_then(|uri| core::str::from_utf8(uri).ok()).and_then(|uri| Uri::parse(uri).ok());
    let fault = if !version.trim_ascii_end().eq_ignore_ascii_case(b"SIP/2.0") {
        Some(ParseErrorKind::Version)
    } else if uri.is_none() || version.ends_with(b" ") {
        Some(ParseErrorKind::RequestLine)
    } else {
        None
    };
    Some((StartLine::Request { method, uri }, fault))
}

fn read_status_line(line: &[u8]) -> (StartLine, Option<ParseErrorKind>) {
    let mut parts = line.splitn(3, |byte| *byte == b' ');
    let version = parts.next().unwrap_or_default();
    let code = parts.next().and_then(|code| core::str::from_utf8(code).ok()).filter(|code| code.len() == 3);
    let status = code.and_then(lex::number).and_then(Status::new);
    // Printed, these would be spaces too.
    let reason = lex::decode(parts.next().unwrap_or_default()).replace(['\r', '\0'], " ");
    let reason = lex::trim(&reason).to_owned();
    let fault = if !version.eq_ignore_ascii_case(b"SIP/2.0") {
        Some(ParseErrorKind::Version)
    } else {
        status.is_none().then_some(ParseErrorKind::StatusLine)
    };
    (StartLine::Response { status, reason }, fault)
}

impl From<HeaderError> for ParseErrorKind {
    fn from(error: HeaderError) -> Self {
        Self::Header(error)
    }
}
