//! Calls: what becomes of an invitation for people and programs (rules 9, 11, 12, 17 and 18).

mod call;
mod hearing;
mod hold;
mod keying;
mod keys;
mod legs;
mod negotiating;
mod sound;
mod table;
mod told;
mod transfer;
mod transferring;

use alloc::boxed::Box;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use base::Instant;
use sip::endpoint::Endpoint;
use sip::message::{NameAddr, Status};

use crate::command::{CallId, ConnectionId};
use crate::interface::Output;

use legs::Legs;

pub(crate) use call::{Placed, Rung};
pub(crate) use keys::Strokes;
pub(crate) use table::Calls;

/// What every step of call control is given.
pub(crate) struct Turn<'a> {
    pub(crate) now: Instant,
    pub(crate) endpoint: &'a mut Endpoint,
    pub(crate) outputs: &'a mut Vec<Output>,
}

/// What every step of a call is given.
struct Step<'a> {
    now: Instant,
    endpoint: &'a mut Endpoint,
    outputs: &'a mut Vec<Output>,
    legs: &'a mut Legs,
    /// What concerns other calls too.
    news: &'a mut VecDeque<News>,
}

/// What a call does that concerns others. No call sees another: [`Calls`] brings them the news.
#[derive(Debug)]
enum News {
    /// It speaks from now on.
    Speaks(CallId),
    /// Its transfer failed; it was not held before, and is now.
    Returns(CallId),
    /// Its peer asks for a call to another (RFC 3515).
    Referred(Box<Referral>),
    /// It was placed because the peer of another had asked for it, and its own peer's answer is this.
    Answered { referrer: CallId, status: Status },
}

/// A call that a peer asks for (RFC 3515).
#[derive(Debug)]
pub(crate) struct Referral {
    /// The call whose peer asks.
    pub(crate) call: CallId,
    /// That call's account.
    pub(crate) connection: ConnectionId,
    /// Whom to call.
    pub(crate) to: NameAddr,
    /// Who asks (RFC 3892).
    pub(crate) referred_by: Option<String>,
    /// That call is muted.
    pub(crate) mute: bool,
}
