//! What every user of an endpoint checks of a request before it looks at what is asked (RFC 3261 §8.2).

use core::fmt;

use crate::message::{Method, Name, Request, Response, Status, media_type, part_of};

/// What a user of an endpoint can do.
#[derive(Clone, Copy, Debug)]
pub struct Abilities<'a> {
    /// Methods that it answers to: Allow.
    pub methods: &'a [Method],
    /// Extensions that it may be required to use: option tags in lower case.
    pub extensions: &'a [&'a str],
    /// Types of bodies that it understands, in lower case, without parameters: Accept.
    pub content_types: &'a [&'a str],
}

impl Abilities<'_> {
    /// Checks a request by RFC 3261 §8.2.1 to §8.2.3 and §21.4.7. What it can't be served for is the answer to give,
    /// which has no To tag yet: `Endpoint::respond` adds one.
    ///
    /// # Errors
    /// 501 or 405 with Allow, 416, 420 with Unsupported, 415 with Accept or Accept-Encoding, 406.
    pub fn inspect(&self, request: &Request) -> Result<(), Response> {
        self.check_method(request)?;
        check_scheme(request)?;
        self.check_extensions(request)?;
        self.check_body(request)?;
        check_accept(request)
    }

    /// RFC 3261 §8.2.1: 405 for a method that we know of, 501 (§21.5.2) for one that we don't.
    fn check_method(&self, request: &Request) -> Result<(), Response> {
        if self.methods.contains(&request.method) {
            return Ok(());
        }
        let status = match request.method {
            Method::Other(_) => Status::NOT_IMPLEMENTED,
            _ => Status::METHOD_NOT_ALLOWED,
        };
        Err(refusal(request, status, Name::Allow, List(self.methods)))
    }

    /// RFC 3261 §8.2.2.3: names all that is not understood, and nothing else.
    fn check_extensions(&self, request: &Request) -> Result<(), Response> {
        let is_known = |tag: &str| self.extensions.iter().any(|known| known.eq_ignore_ascii_case(tag));
        let mut unknown = request.headers.values(Name::Require).filter(|tag| !is_known(tag)).peekable();
        if unknown.peek().is_none() {
            return Ok(());
        }
        let mut response = Response::to_request(request, Status::BAD_EXTENSION);
        unknown.for_each(|tag| response.headers.push(Name::Unsupported, tag));
        Err(response)
    }

    /// RFC 3261 §8.2.3. A body whose type nobody names is left to who reads it; of several parts one will do, for callers
    /// seldom say that the others are optional.
    fn check_body(&self, request: &Request) -> Result<(), Response> {
        let headers = &request.headers;
        let is_optional = headers
            .get(Name::ContentDisposition)
            .is_some_and(|value| parameters(value).any(|it| it.eq_ignore_ascii_case("handling=optional")));
        if request.body.is_empty() || is_optional {
            return Ok(());
        }
        let encoded = headers.values(Name::ContentEncoding).any(|it| !it.eq_ignore_ascii_case("identity"));
        if encoded {
            let encoding = Name::Other("Accept-Encoding");
            return Err(refusal(request, Status::UNSUPPORTED_MEDIA_TYPE, encoding, "identity"));
        }
        match part_of(headers, &request.body, self.content_types) {
            Some(_) => Ok(()),
            None => {
                let accept = List(self.content_types);
                Err(refusal(request, Status::UNSUPPORTED_MEDIA_TYPE, Name::Accept, accept))
            }
        }
    }
}

/// RFC 3261 §8.2.2.1. `sips` wants TLS on the whole way (§26.2.2), which no flow of ours has yet.
fn check_scheme(request: &Request) -> Result<(), Response> {
    match request.uri.as_sip() {
        Some(uri) if !uri.secure => Ok(()),
        _ => Err(Response::to_request(request, Status::UNSUPPORTED_URI_SCHEME)),
    }
}

/// RFC 3261 §13.3.1.3: the answer to an INVITE holds SDP. Without Accept that is understood (§20.1).
fn check_accept(request: &Request) -> Result<(), Response> {
    let takes_sdp = |value: &str| {
        ["application/sdp", "application/*", "*/*"]
            .iter()
            .any(|it| it.eq_ignore_ascii_case(media_type(value)))
    };
    let mut accepted = request.headers.values(Name::Accept).peekable();
    if request.method != Method::Invite || accepted.peek().is_none() || accepted.any(takes_sdp) {
        return Ok(());
    }
    Err(Response::to_request(request, Status::NOT_ACCEPTABLE))
}

fn parameters(value: &str) -> impl Iterator<Item = &str> {
    value.split(';').skip(1).map(str::trim_ascii)
}

fn refusal(request: &Request, status: Status, name: Name<'_>, value: impl fmt::Display) -> Response {
    let mut response = Response::to_request(request, status);
    response.headers.push(name, value);
    response
}

/// Prints with commas between.
struct List<'a, T>(&'a [T]);

impl<T: fmt::Display> fmt::Display for List<'_, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, item) in self.0.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{item}")?;
        }
        Ok(())
    }
}
