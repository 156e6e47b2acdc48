//! Why a registration or a call has failed, in words that need no knowledge of SIP: for the log.

use sip::endpoint::{Event, Failure, Unreachable};
use sip::flow::FlowError;
use sip::message::Status;

use crate::event::CallType;

/// What happened on the way to the peer, if that is what the event tells. An answer of the peer tells nothing of that.
pub(crate) const fn on_the_way(event: &Event) -> Option<&'static str> {
    match event {
        Event::Unreachable { reason: Unreachable::NoSuchHost, .. } => Some("its name has no address"),
        Event::Unreachable { reason: Unreachable::NoNameServer, .. } => {
            Some("its name can't be looked up, for no name server answers")
        }
        Event::Unreachable { reason: Unreachable::Flow(error), .. }
        | Event::Failed { reason: Failure::Transport(error), .. } => Some(match error {
            FlowError::Unreachable => "there is no way to its address: is the network up?",
            FlowError::Refused | FlowError::Closed => "nobody listens at its address and port",
            FlowError::Unsupported => "this machine has no socket that could reach it",
        }),
        Event::Unreachable { reason: Unreachable::Unsupported, .. } => {
            Some("this phone has no such transport")
        }
        Event::Unreachable { reason: Unreachable::Full, .. }
        | Event::Failed { reason: Failure::Full, .. } => Some("too much is going on at once"),
        Event::Failed { reason: Failure::Timeout, .. } => Some("no answer came"),
        _ => None,
    }
}

/// Why a registration failed with this status.
pub(crate) const fn of_registration(status: Status) -> &'static str {
    match status.code() {
        300..=399 => "the server names another one, which can't be asked",
        401 | 407 => "user or password is wrong",
        403 => "the server doesn't let this user register, or the password is wrong",
        404 | 604 => "the server knows no such user",
        405 | 501 => "the server takes no registrations",
        408 | 504 => "no answer came",
        503 => "the server is overloaded, or down",
        500..=599 => "the server has a fault of its own",
        _ => "the server refuses it",
    }
}

/// Why nobody heard that there was a call, which got this status.
pub(crate) const fn of_refusal(status: Status) -> &'static str {
    match status.code() {
        403 => "it comes from neither an account's server nor a configured peer",
        404 => "no account has that number",
        406 | 415 | 488 | 606 => "the two sides have no kind of sound in common",
        416 => "it is for an address of a kind that this phone has not",
        420 => "the caller asks for more than this phone knows",
        486 => "there are as many calls as there may be",
        503 => "no RTP port is free",
        _ => "the request is malformed",
    }
}

/// Why a call that began like this ended with this status before it was answered.
pub(crate) const fn of_ringing(call: CallType, status: Status) -> &'static str {
    match (call, status.code()) {
        (_, 487) => "cancelled before it was answered",
        (_, 415 | 488 | 606) => "the two sides have no kind of sound in common",
        (_, 500) => "one of the two sides has a fault of its own",
        (CallType::Incoming, 300..=399) => "sent on to somebody else",
        (CallType::Incoming, 408) => "the caller is not there any more",
        (CallType::Incoming, _) => "declined here",
        (CallType::Outgoing, 300..=399) => "sent on to nobody who can be reached",
        (CallType::Outgoing, 401 | 407) => "user or password is wrong",
        (CallType::Outgoing, 402) => "the provider wants to be paid first",
        (CallType::Outgoing, 403) => "the server doesn't allow it",
        (CallType::Outgoing, 404 | 410 | 604) => "there is no such number",
        (CallType::Outgoing, 408 | 504) => "no answer came",
        (CallType::Outgoing, 480) => "nobody can be reached there at the moment",
        (CallType::Outgoing, 484) => "the number is not complete",
        (CallType::Outgoing, 486 | 600) => "busy",
        (CallType::Outgoing, 503) => "the server is overloaded, or down",
        (CallType::Outgoing, 603 | 607 | 608) => "declined there",
        (CallType::Outgoing, 501..=599) => "the server has a fault of its own",
        (CallType::Outgoing, _) => "the other side refuses it",
    }
}

/// Why a call ended with this status after it was answered.
pub(crate) const fn of_answered(status: Status) -> &'static str {
    match status.code() {
        408 | 504 => "the other side does not answer any more",
        481 => "the other side knows nothing of it any more",
        415 | 488 | 606 => "the two sides have no kind of sound in common",
        _ => "the other side, or a server between, gave it up",
    }
}
