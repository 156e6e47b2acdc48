//! What every request within a dialog passes before it is looked at, and the answers that all need (RFC 3261 §8.2,
//! §12.2.2).

use alloc::vec::Vec;

use base::Dice;

use super::{ABILITIES, Event, INFO_TYPES, METHODS, NOREFERSUB, Profile, SDP, SIPFRAG};
use crate::dialog::Dialog;
use crate::endpoint::Abilities;
use crate::message::{Headers, Method, Name, Request, Response, Status, part_of};

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

/// RFC 3261 §14.2: the answer to an INVITE that came before the one before it was answered, and to any other request that
/// came too early.
pub(super) fn come_later(request: &Request, dice: &mut Dice) -> Response {
    let mut response = Response::to_request(request, Status::SERVER_INTERNAL_ERROR);
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
    let told = part_of(&info.headers, &info.body, INFO_TYPES);
    Ok(told.map(|(content_type, body)| Event::Info { content_type: content_type.into(), body: body.into() }))
}

/// The SDP of a message: its body, or a part of that.
pub fn sdp_of(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    part_of(headers, body, &[SDP]).map(|(_, sdp)| sdp.into())
}

/// Allow and Supported, which tell a peer in an INVITE and its 2xx what the dialog can carry (RFC 3261 §13.2.1).
pub fn push_abilities(headers: &mut Headers) {
    for method in METHODS {
        headers.push(Name::Allow, method);
    }
    headers.push(Name::Supported, NOREFERSUB);
}
