//! The head of an HTTP request, judged: an upgrade to WebSocket, an answer, or a refusal. A pure function of the
//! bytes read so far. RFC 9112 (HTTP/1.1), RFC 9110 §13 (has a file changed?), RFC 6455 §4.2 (opening handshake),
//! Fetch (CORS), Content Security Policy 3; who may come in is `gate`'s, the page's files are the driver's (rule 16).

use alloc::borrow::ToOwned;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use super::VERSION;
use super::config::Config;
use super::gate;

/// Longest head, in bytes. Browsers send a localhost's cookies along, of every program that ever set one there.
pub const MAX_HEAD_BYTES: usize = 16 << 10;

/// Most header fields of a head. A browser sends some twenty.
const MAX_HEADERS: usize = 64;

/// Says that a browser has a file as it is; the head is that of the file, which doesn't follow (RFC 9110 §15.4.5).
const NOT_MODIFIED: &str = "304 Not Modified";

/// What is to be done about a connection that has sent a head, or a part of one.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Verdict {
    /// The head is not complete: read on.
    Incomplete,
    /// Answer 101 with the accept value that follows from `key`; what follows the head is WebSocket.
    Upgrade {
        /// `Sec-WebSocket-Key`.
        key: String,
        /// Where the page comes from; `None` if the program is no browser.
        origin: Option<String>,
        /// Length of the head, in bytes.
        head_bytes: usize,
    },
    /// Send this and close.
    Answer(Vec<u8>),
    /// Send this 403 and close; the log says why.
    Refuse(Vec<u8>, Refused),
}

/// Who was turned away by rule 14. Prints as a log line that names the setting to change.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Refused {
    /// A browser called the phone by this name.
    Host(String),
    /// A page of this origin wanted to connect.
    Origin(String),
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Host(host) => write!(f, "refused a request to host {host:?}: `hosts` doesn't name it"),
            Self::Origin(origin) => {
                write!(f, "refused a page of origin {origin:?}: no user's `origins` names it")
            }
        }
    }
}

/// A file of the page that the phone serves (rule 16).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PageFile {
    /// As it is asked for, `/` for the page itself.
    pub path: String,
    /// Its media type.
    pub content_type: &'static str,
    /// A strong entity tag, in its quotes (RFC 9110 §8.8.3).
    pub etag: String,
    /// Its content.
    pub body: &'static [u8],
}

/// What the page may do: use its own files and its own phone, and nothing else anywhere. No other page may frame it,
/// for a click on it may place a call.
const PAGE_POLICY: &str = "Content-Security-Policy: default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; manifest-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'";

/// Judges what has been read. `has_room` is false while the phone has all the WebSocket connections it may have.
pub fn judge(read: &[u8], config: &Config, page: &[PageFile], has_room: bool) -> Verdict {
    let mut headers = [httparse::EMPTY_HEADER; MAX_HEADERS];
    let mut request = httparse::Request::new(&mut headers);
    match request.parse(read) {
        Ok(httparse::Status::Complete(head_bytes)) if head_bytes <= MAX_HEAD_BYTES => Head::new(
            &request, head_bytes,
        )
        .map_or_else(|answer| Verdict::Answer(answer.to_bytes()), |head| head.judge(config, page, has_room)),
        Ok(httparse::Status::Partial) if read.len() < MAX_HEAD_BYTES => Verdict::Incomplete,
        Ok(_) | Err(httparse::Error::TooManyHeaders) => {
            Verdict::Answer(Answer::text("431 Request Header Fields Too Large").to_bytes())
        }
        Err(_) => Verdict::Answer(Answer::text("400 Bad Request").to_bytes()),
    }
}

/// What matters of a head.
struct Head<'a> {
    method: &'a str,
    /// Without query.
    path: &'a str,
    host: &'a str,
    origin: Option<&'a str>,
    /// `Upgrade: websocket` and `Connection: upgrade` are there.
    wants_websocket: bool,
    websocket_version: Option<&'a str>,
    websocket_key: Option<&'a str>,
    if_none_match: Option<&'a str>,
    head_bytes: usize,
}

impl<'a> Head<'a> {
    fn new(request: &httparse::Request<'_, 'a>, head_bytes: usize) -> Result<Self, Answer> {
        let bad_request = || Answer::text("400 Bad Request");
        let field = |name: &str| single(request, name).map_err(|NotSingle| bad_request());
        let lists = |name: &str, wanted: &str| {
            let mut values = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
            values.any(|header| {
                core::str::from_utf8(header.value)
                    .is_ok_and(|value| value.split(',').any(|item| item.trim().eq_ignore_ascii_case(wanted)))
            })
        };
        let target = request.path.filter(|target| target.starts_with('/')).ok_or_else(bad_request)?;
        Ok(Self {
            method: request.method.unwrap_or_default(),
            path: target.split('?').next().unwrap_or(target),
            // RFC 9112 §3.2: a request without exactly one Host is answered with 400.
            host: field("Host")?.ok_or_else(bad_request)?,
            origin: field("Origin")?,
            wants_websocket: lists("Upgrade", "websocket") && lists("Connection", "upgrade"),
            websocket_version: field("Sec-WebSocket-Version")?,
            websocket_key: field("Sec-WebSocket-Key")?,
            if_none_match: field("If-None-Match")?,
            head_bytes,
        })
    }

    fn judge(&self, config: &Config, page: &[PageFile], has_room: bool) -> Verdict {
        if !gate::host_may_call(self.host, config) {
            return Verdict::Refuse(
                Answer::text("403 Forbidden").to_bytes(),
                Refused::Host(self.host.to_owned()),
            );
        }
        let is_foreign = !gate::origin_may_connect(self.origin, config);
        let origin = self.origin.unwrap_or_default();
        if is_foreign && (self.wants_websocket || origin.is_empty()) {
            return Verdict::Refuse(
                Answer::text("403 Forbidden").to_bytes(),
                Refused::Origin(origin.to_owned()),
            );
        }
        if self.method == "GET" && self.path == "/" && self.wants_websocket {
            return self.upgrade(has_room);
        }
        let file = page.iter().find(|file| file.path == self.path);
        let answer = match (self.method, self.path, file) {
            ("GET" | "HEAD", _, Some(file)) => self.serve(file),
            ("GET" | "HEAD", "/version", _) => version().readable_by(self.origin.filter(|_| !is_foreign)),
            // Chromium before 142 asks this before a page may fetch from the local network (Private Network Access);
            // later ones ask the user. A page that is not listed gets no header that would let it.
            ("OPTIONS", "/version", _) => preflight().readable_by(self.origin.filter(|_| !is_foreign)),
            (_, "/version", _) => Answer::text("405 Method Not Allowed").with("Allow: GET, HEAD, OPTIONS"),
            (_, _, Some(_)) => Answer::text("405 Method Not Allowed").with("Allow: GET, HEAD"),
            _ => Answer::text("404 Not Found"),
        };
        let is_bodiless = self.method == "HEAD" || answer.status == NOT_MODIFIED;
        Verdict::Answer(if is_bodiless { answer.head_to_bytes() } else { answer.to_bytes() })
    }

    /// The file, or that it has not changed (RFC 9110 §13.1.2): a browser keeps it, and asks each time.
    fn serve(&self, file: &PageFile) -> Answer {
        let is_known = |tag: &str| tag == "*" || tag.trim_start_matches("W/") == file.etag;
        let is_unchanged =
            self.if_none_match.is_some_and(|tags| tags.split(',').map(str::trim).any(is_known));
        let status = if is_unchanged { NOT_MODIFIED } else { "200 OK" };
        let (kind, caching, body) = (file.content_type, "no-cache", file.body.to_vec());
        Answer { kind, caching, body, ..Answer::empty(status) }
            .with(&format!("ETag: {}", file.etag))
            .with(PAGE_POLICY)
            .with("Cross-Origin-Resource-Policy: same-origin")
            .with("Cross-Origin-Opener-Policy: same-origin")
            .with("Referrer-Policy: no-referrer")
    }

    /// RFC 6455 §4.2.2.
    fn upgrade(&self, has_room: bool) -> Verdict {
        let answer = match (self.websocket_version, self.websocket_key) {
            (Some("13"), Some(key)) if has_room => {
                return Verdict::Upgrade {
                    key: key.to_owned(),
                    origin: self.origin.map(ToOwned::to_owned),
                    head_bytes: self.head_bytes,
                };
            }
            (Some("13"), Some(_)) => Answer::text("503 Service Unavailable"),
            (Some("13"), None) => Answer::text("400 Bad Request"),
            _ => Answer::text("426 Upgrade Required").with("Sec-WebSocket-Version: 13"),
        };
        Verdict::Answer(answer.to_bytes())
    }
}

/// A field that may stand once stands twice, or is no text.
struct NotSingle;

fn single<'a>(request: &httparse::Request<'_, 'a>, name: &str) -> Result<Option<&'a str>, NotSingle> {
    let mut found = request.headers.iter().filter(|header| header.name.eq_ignore_ascii_case(name));
    match (found.next(), found.next()) {
        (None, _) => Ok(None),
        (Some(header), None) => core::str::from_utf8(header.value).map(Some).map_err(|_| NotSingle),
        (Some(_), Some(_)) => Err(NotSingle),
    }
}

struct Answer {
    status: &'static str,
    kind: &'static str,
    /// `Cache-Control`
    caching: &'static str,
    headers: Vec<String>,
    body: Vec<u8>,
}

impl Answer {
    fn empty(status: &'static str) -> Self {
        let (headers, body) = (Vec::new(), Vec::new());
        Self { status, kind: "text/plain; charset=utf-8", caching: "no-store", headers, body }
    }

    /// An answer whose body repeats its status for people.
    fn text(status: &'static str) -> Self {
        Self { body: format!("{status}\n").into_bytes(), ..Self::empty(status) }
    }

    fn with(mut self, header: &str) -> Self {
        self.headers.push(header.to_owned());
        self
    }

    /// Lets a page of this origin read the answer, if it is one that may connect.
    fn readable_by(self, origin: Option<&str>) -> Self {
        let answer = self.with("Vary: Origin");
        match origin {
            Some(origin) => answer
                .with(&format!("Access-Control-Allow-Origin: {origin}"))
                .with("Access-Control-Allow-Methods: GET")
                .with("Access-Control-Allow-Private-Network: true"),
            None => answer,
        }
    }

    fn head(&self) -> String {
        let mut head = format!(
            "HTTP/1.1 {}\r\nContent-Type: {}\r\nContent-Length: {}\r\nX-Content-Type-Options: nosniff\r\n\
             Cache-Control: {}\r\nConnection: close\r\n",
            self.status,
            self.kind,
            self.body.len(),
            self.caching
        );
        for header in &self.headers {
            head.push_str(header);
            head.push_str("\r\n");
        }
        head.push_str("\r\n");
        head
    }

    fn head_to_bytes(&self) -> Vec<u8> {
        self.head().into_bytes()
    }

    fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = self.head_to_bytes();
        bytes.extend_from_slice(&self.body);
        bytes
    }
}

fn version() -> Answer {
    let body = format!("{{\"name\":\"neonphone\",\"version\":\"{VERSION}\"}}\n").into_bytes();
    Answer { kind: "application/json", body, ..Answer::empty("200 OK") }
}

fn preflight() -> Answer {
    Answer::empty("200 OK")
}
