//! What a message's transaction is found by (RFC 3261 §17.1.3, §17.2.3, §8.2.2.2).

use alloc::borrow::ToOwned;
use alloc::string::{String, ToString};

use crate::message::{HeaderError, MAGIC_COOKIE, Method, Request, Response, Via};

/// The port of a sent-by that names none; as a key only, so that TLS's other default doesn't matter.
const DEFAULT_PORT: u16 = 5060;

/// What an answer has of its request (§17.1.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) struct ClientKey {
    branch: String,
    method: Method,
}

impl ClientKey {
    /// For a request with this branch.
    pub(crate) fn new(branch: &str, method: Method) -> Self {
        Self { branch: branch.to_owned(), method }
    }

    /// Of an answer, whose topmost Via is `via`.
    pub(crate) fn of_response(response: &Response, via: &Via) -> Option<Self> {
        Some(Self::new(via.branch()?, response.headers.cseq().ok()?.method))
    }
}

/// What a request has in common with its repeats, its ACK and its CANCEL (§17.2.3).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub(crate) enum ServerKey {
    /// A client of RFC 3261 has made its branch unique among its own.
    Branch { branch: String, sent_by: (String, u16), method: Method },
    /// One of RFC 2543 has not: all that its requests repeat. The To tag is left out, as its ACK carries ours.
    Rfc2543 { uri: String, from: String, call_id: String, cseq: u32, via: String, method: Method },
}

impl ServerKey {
    /// Of a request, whose topmost Via is `via` as it was sent.
    ///
    /// # Errors
    /// A header field that it is made of is missing or malformed.
    pub(crate) fn new(request: &Request, via: &Via) -> Result<Self, HeaderError> {
        let method = request.method.clone();
        let unique = via.branch().filter(|branch| branch.len() > MAGIC_COOKIE.len());
        if let Some(branch) = unique.filter(|branch| branch.starts_with(MAGIC_COOKIE)) {
            let host = via.host.to_string().to_ascii_lowercase();
            let sent_by = (host, via.port.unwrap_or(DEFAULT_PORT));
            return Ok(Self::Branch { branch: branch.to_owned(), sent_by, method });
        }
        let headers = &request.headers;
        Ok(Self::Rfc2543 {
            uri: request.uri.to_string(),
            from: headers.from_tag().unwrap_or_default().to_owned(),
            call_id: headers.call_id()?.to_owned(),
            cseq: headers.cseq()?.number,
            via: via.to_string(),
            method,
        })
    }

    /// The INVITE's that this ACK or CANCEL belongs to.
    pub(crate) fn of_invite(&self) -> Self {
        let mut key = self.clone();
        let (Self::Branch { method, .. } | Self::Rfc2543 { method, .. }) = &mut key;
        *method = Method::Invite;
        key
    }
}

/// What a request has in common with copies of it that reach us on other ways (§8.2.2.2).
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct MergeKey {
    cseq: u32,
    method: Method,
    call_id: String,
    from_tag: String,
}

impl MergeKey {
    /// Of a request outside of dialogs; `None` of one within a dialog, or whose From has no tag to tell it by, and of a
    /// CANCEL, which is its INVITE's by its branch alone (§9.2).
    ///
    /// # Errors
    /// A header field that it is made of is missing or malformed.
    pub(crate) fn new(request: &Request) -> Result<Option<Self>, HeaderError> {
        let headers = &request.headers;
        if headers.to_tag().is_some() || request.method == Method::Cancel {
            return Ok(None);
        }
        let cseq = headers.cseq()?;
        let call_id = headers.call_id()?.to_owned();
        Ok(headers.from_tag().map(|tag| Self {
            cseq: cseq.number,
            method: cseq.method,
            call_id,
            from_tag: tag.to_owned(),
        }))
    }
}
