//! What every request within a dialog passes before it is looked at, and the answers that all need (RFC 3261 §8.2,
//! §12.2.2).

use alloc::vec::Vec;

use base::Dice;

use super::{ABILITIES, Event, INFO_TYPES, METHODS, NOREFERSUB, Profile, SDP, SIPFRAG};
use crate::dialog::Dialog;
use crate::endpoint::Abilities;
use crate::message::{Headers, Method, Name, Request, Response, Status};

/// Checks a request, and takes its number.
///
/// # Errors
/// The answer that refuses it.
pub(super) fn admit(dialog: &mut Dialog, request: &Request) -> Result<(), Response> {
    let content_types: &[&str] = match request.method {
        Method::Info => INFO_TYPES,
        Method::Notify => &[SIPFRAG],
        _ => &[SDP],
    };
    // A BYE is heard whatever else it says: a call that can't be ended serves nobody.
    if request.method != Method::Bye {
        Abilities { content_types, ..ABILITIES }.inspect(request)?;
    }
    dialog.take_request(request).map_err(|status| Response::to_request(request, status))
}

/// The answer to a request that needs no more than to be heard.
pub(super) fn ok_to(request: &Request, profile: &Profile) -> Response {
    let mut ok = Response::to_request(request, Status::OK);
    ok.headers.push(Name::Server, &profile.agent);
    push_abilities(&mut ok.headers);
    if request.method == Method::Options {
        // RFC 3261 §11.2.
        ok.headers.push(Name::Accept, SDP);
    }
    ok
}

/// RFC 3261 §14.2: the answer to an INVITE that came before the one before it was answered.
pub(super) fn come_later(invite: &Request, dice: &mut Dice) -> Response {
    let mut response = Response::to_request(invite, Status::SERVER_INTERNAL_ERROR);
    response.headers.push(Name::RetryAfter, dice.below(11));
    response
}

/// What an INFO tells; nothing if it is empty.
///
/// # Errors
/// The answer to one of a package that nobody has asked for (RFC 6086 §5.3.1).
pub(super) fn read_info(info: &Request) -> Result<Option<Event>, Response> {
    if info.headers.get(Name::Other("Info-Package")).is_some() {
        let mut refusal = Response::to_request(info, Status::BAD_INFO_PACKAGE);
        refusal.headers.push(Name::Other("Recv-Info"), "");
        return Err(refusal);
    }
    let content_type =
        info.headers.get(Name::ContentType).map(|value| media_type(value).to_ascii_lowercase());
    let has_body = !info.body.is_empty();
    Ok(content_type
        .filter(|_| has_body)
        .map(|content_type| Event::Info { content_type, body: info.body.clone() }))
}

/// The SDP of a message, if it has a body of that type.
pub(super) fn sdp_of(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    let is_sdp =
        headers.get(Name::ContentType).is_none_or(|value| media_type(value).eq_ignore_ascii_case(SDP));
    (is_sdp && !body.is_empty()).then(|| body.to_vec())
}

/// A Content-Type without its parameters.
pub(super) fn media_type(value: &str) -> &str {
    value.split(';').next().unwrap_or_default().trim()
}

/// Allow and Supported, which tell a peer in an INVITE and its 2xx what the dialog can carry (RFC 3261 §13.2.1).
pub fn push_abilities(headers: &mut Headers) {
    for method in METHODS {
        headers.push(Name::Allow, method);
    }
    headers.push(Name::Supported, NOREFERSUB);
}
