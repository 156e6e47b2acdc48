//! An invitation (RFC 3261 §13 to §15, RFC 5407, 6026, 6141): one call's INVITE, the answers of all its forks, the dialog
//! that is kept, what is offered, referred (RFC 3515) and told (RFC 6086) in it, and the end of it, as one machine that is
//! caller or called. SDP passes through as bytes; what they offer is the user's matter, and so is what a call means to people.
//!
//! A user that hangs up need not wait: the machine settles what still crosses on the wire by itself, and
//! [`Session::is_over`] says when it can be dropped.

mod admit;
mod called;
mod caller;
mod confirmed;
mod interface;
mod targets;

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Instant};

use crate::Show;
use crate::endpoint::{self, Endpoint};
use crate::flow::Flow;
use crate::message::{Request, Status, Uri};

use called::Ringing;
use caller::{Calling, Composing, Forks, Reaching};
use confirmed::Confirmed;
use interface::{NOREFERSUB, SIPFRAG};

pub use admit::{push_abilities, sdp_of};
pub use interface::{ABILITIES, Event, INFO_TYPES, Invitation, METHODS, Profile, SDP, Seen};

/// Forks of one INVITE that are ACKed and BYEd at once: a peer that sends more is ignored.
const MAX_STRAYS: usize = 8;

/// One call's invitation.
#[derive(Debug)]
pub struct Session {
    profile: Profile,
    call_id: String,
    dice: Dice,
    state: State,
    /// Dialogs that other forks answered with: ACKed and BYEd.
    strays: Vec<Confirmed>,
    /// The user has hung up: it hears nothing more.
    is_left: bool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a handful of calls: a box would cost more than it saves")]
enum State {
    /// A flow to the first hop is being opened.
    Reaching(Reaching),
    /// It is open; the user composes the offer.
    Composing(Composing),
    /// The INVITE is out.
    Calling(Calling),
    /// An INVITE came in, without a final answer yet.
    Ringing(Ringing),
    /// Answered with 2xx, until the BYE has been answered and no other fork can answer any more.
    Confirmed(Confirmed, Option<Forks>),
    /// Nothing more to come.
    Over,
}

/// What every step of a session is given.
struct Step<'a> {
    now: Instant,
    endpoint: &'a mut Endpoint,
    profile: &'a mut Profile,
    dice: &'a mut Dice,
    tray: &'a mut Vec<Event>,
}

impl Session {
    /// Begins to call. The user hears `Reached`, or `Ended`.
    pub fn call(
        now: Instant,
        endpoint: &mut Endpoint,
        profile: Profile,
        invitation: Invitation,
        mut dice: Dice,
    ) -> Self {
        let call_id = dice.hex(4);
        let reaching = Reaching::new(now, endpoint, invitation, &mut dice);
        Self::new(profile, call_id, dice, State::Reaching(reaching))
    }

    /// Takes an INVITE that came in. Nothing is answered yet.
    ///
    /// # Errors
    /// The status to refuse it with: it lacks what a dialog needs.
    pub fn ring(
        transaction: endpoint::ServerId,
        flow: Flow,
        invite: Request,
        profile: Profile,
        mut dice: Dice,
    ) -> Result<Self, Status> {
        let call_id = String::from(invite.headers.call_id().map_err(|_| Status::BAD_REQUEST)?);
        let ringing = Ringing::new(transaction, flow, invite, &profile, &mut dice)?;
        Ok(Self::new(profile, call_id, dice, State::Ringing(ringing)))
    }

    const fn new(profile: Profile, call_id: String, dice: Dice, state: State) -> Self {
        Self { profile, call_id, dice, state, strays: Vec::new(), is_left: false }
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Whether nothing more can come: the session can be dropped.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether nothing of it is under way any more: it listens at most for what other forks may yet answer, and for what
    /// comes of a REFER.
    pub fn is_silent(&self) -> bool {
        let is_ended = match &self.state {
            State::Confirmed(kept, _) => kept.is_silent(),
            State::Over => true,
            _ => false,
        };
        is_ended && self.strays.iter().all(Confirmed::is_silent)
    }

    /// Shows its state, and those of its dialogs.
    pub fn show_states(&self, show: &mut Show<'_>) {
        let local_tag = match &self.state {
            State::Reaching(reaching) => reaching.local_tag(),
            State::Composing(composing) => composing.local_tag(),
            State::Calling(calling) => calling.local_tag(),
            State::Ringing(ringing) => ringing.local_tag(),
            State::Confirmed(kept, _) => kept.local_tag(),
            State::Over => return,
        };
        show("invitation", format_args!("{} {local_tag}", self.call_id), &self.state);
        let kept = match &self.state {
            State::Confirmed(kept, _) => Some(kept),
            _ => None,
        };
        kept.into_iter().chain(&self.strays).for_each(|dialog| dialog.show_states(show));
    }

    /// Whether an event of the endpoint is this session's to handle.
    pub fn owns(&self, event: &endpoint::Event) -> bool {
        let own = match &self.state {
            State::Reaching(reaching) => reaching.owns(event),
            State::Calling(calling) => calling.owns(event),
            State::Ringing(ringing) => ringing.owns(event),
            State::Confirmed(kept, forks) => {
                kept.owns(event) || forks.as_ref().is_some_and(|forks| forks.owns(event))
            }
            State::Composing(_) | State::Over => false,
        };
        own || self.strays.iter().any(|stray| stray.owns(event))
    }

    /// Takes an event that it owns.
    pub fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        tray: &mut Vec<Event>,
    ) {
        let Self { profile, dice, state, strays, is_left, .. } = self;
        let mut untold = Vec::new();
        let tray = if *is_left { &mut untold } else { tray };
        let mut step = Step { now, endpoint, profile, dice, tray };
        match state {
            State::Confirmed(kept, Some(forks)) if forks.owns(&event) => {
                on_late_answer(&mut step, kept, strays, forks, event);
            }
            _ => match strays.iter_mut().find(|stray| stray.owns(&event)) {
                // Nobody is told of a fork that was not kept.
                Some(stray) => stray.on_event(&mut Step { tray: &mut Vec::new(), ..step }, event),
                None => state.on_event(&mut step, event),
            },
        }
        self.settle(now);
    }

    /// Sends this offer: the caller's first, on the flow that `Reached` told, or a new one that is due.
    pub fn offer(&mut self, now: Instant, endpoint: &mut Endpoint, sdp: Vec<u8>) {
        let Self { profile, dice, state, call_id, .. } = self;
        let mut step = Step { now, endpoint, profile, dice, tray: &mut Vec::new() };
        *state = match core::mem::replace(state, State::Over) {
            State::Composing(composing) => State::Calling(composing.send(&mut step, call_id, sdp)),
            State::Confirmed(mut kept, forks) => {
                kept.offer(&mut step, sdp);
                State::Confirmed(kept, forks)
            }
            other => other,
        };
    }

    /// Called: tells the caller that it rings.
    pub fn send_ringing(&mut self, now: Instant, endpoint: &mut Endpoint) {
        let Self { profile, dice, state, .. } = self;
        if let State::Ringing(ringing) = state {
            ringing.send_ringing(&mut Step { now, endpoint, profile, dice, tray: &mut Vec::new() });
        }
    }

    /// Called: answers with 200 and this SDP, which is the answer to the INVITE's offer, or an offer if it had none.
    pub fn accept(&mut self, now: Instant, endpoint: &mut Endpoint, sdp: Vec<u8>) {
        let Self { profile, dice, state, .. } = self;
        let mut step = Step { now, endpoint, profile, dice, tray: &mut Vec::new() };
        *state = match core::mem::replace(state, State::Over) {
            State::Ringing(ringing) => State::Confirmed(ringing.accept(&mut step, sdp), None),
            other => other,
        };
    }

    /// Called: sends the caller to somebody else with 302. The user hears nothing more.
    pub fn redirect(&mut self, now: Instant, endpoint: &mut Endpoint, to: &Uri) {
        let Self { profile, dice, state, .. } = self;
        let mut step = Step { now, endpoint, profile, dice, tray: &mut Vec::new() };
        *state = match core::mem::replace(state, State::Over) {
            State::Ringing(ringing) => {
                ringing.redirect(&mut step, to);
                State::Over
            }
            other => other,
        };
    }

    /// Answers the peer's new offer: with SDP, or with the status that refuses it and leaves all as it was.
    pub fn answer_reoffer(&mut self, now: Instant, endpoint: &mut Endpoint, answer: Result<Vec<u8>, Status>) {
        self.in_call(now, endpoint, &mut Vec::new(), |call, step| call.answer_reoffer(step, answer));
    }

    /// The user wants to offer anew, within an answered call. It hears `OfferDue` as soon as that may be, often at once.
    pub fn reoffer(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        self.in_call(now, endpoint, tray, |call, step| call.reoffer(step));
    }

    /// The user has nothing to offer any more: an offer that is wanted or due is not made.
    pub fn withdraw_offer(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.in_call(now, endpoint, &mut Vec::new(), Confirmed::withdraw_offer);
    }

    /// Refers the peer of an answered call to somebody else (RFC 3515), who is called by it. The user hears `ReferAnswered`
    /// and `ReferProgress`, in any order. While an earlier REFER has no answer nothing is sent; one that was accepted is
    /// forgotten.
    pub fn refer(&mut self, now: Instant, endpoint: &mut Endpoint, to: Uri) {
        self.in_call(now, endpoint, &mut Vec::new(), |call, step| call.refer(step, &to));
    }

    /// Whether a REFER of ours has no answer yet, or the peer has more to tell of it.
    pub const fn is_referring(&self) -> bool {
        matches!(&self.state, State::Confirmed(kept, _) if kept.is_referring())
    }

    /// Answers the peer's REFER: accepted, or the status that refuses it.
    pub fn answer_refer(&mut self, now: Instant, endpoint: &mut Endpoint, answer: Result<(), Status>) {
        self.in_call(now, endpoint, &mut Vec::new(), |call, step| call.answer_refer(step, answer));
    }

    /// Tells the peer what has become of the REFER that was accepted, unless it doesn't want to know: how the target has
    /// answered our own INVITE; `is_last` if nothing more will be told. That may be when this call has ended.
    pub fn notify_refer(&mut self, now: Instant, endpoint: &mut Endpoint, status: Status, is_last: bool) {
        self.in_call(now, endpoint, &mut Vec::new(), |call, step| call.notify_refer(step, status, is_last));
    }

    /// Sends an INFO within an answered call, after those before it have been answered.
    pub fn send_info(&mut self, now: Instant, endpoint: &mut Endpoint, content_type: &str, body: Vec<u8>) {
        self.in_call(now, endpoint, &mut Vec::new(), |call, step| call.send_info(step, content_type, body));
    }

    /// Ends the call in whatever state it is: cancels, hangs up, or declines with `decline`. The user hears nothing
    /// more of it.
    pub fn hang_up(&mut self, now: Instant, endpoint: &mut Endpoint, decline: Status) {
        let Self { profile, dice, state, is_left, .. } = self;
        *is_left = true;
        let mut step = Step { now, endpoint, profile, dice, tray: &mut Vec::new() };
        *state = match core::mem::replace(state, State::Over) {
            State::Reaching(_) | State::Composing(_) | State::Over => State::Over,
            State::Calling(mut calling) => {
                calling.give_up(&mut step);
                State::Calling(calling)
            }
            State::Ringing(ringing) => {
                ringing.refuse(&mut step, decline);
                State::Over
            }
            State::Confirmed(mut kept, forks) => {
                kept.hang_up(&mut step);
                State::Confirmed(kept, forks)
            }
        };
        self.settle(now);
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let due = match &self.state {
            State::Ringing(ringing) => ringing.poll_timeout(),
            State::Confirmed(kept, forks) => {
                kept.poll_timeout().into_iter().chain(forks.as_ref().map(|forks| forks.until)).min()
            }
            State::Reaching(_) | State::Composing(_) | State::Calling(_) | State::Over => None,
        };
        due.into_iter().chain(self.strays.iter().filter_map(Confirmed::poll_timeout)).min()
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        let Self { profile, dice, state, strays, is_left, .. } = self;
        let mut untold = Vec::new();
        let tray = if *is_left { &mut untold } else { tray };
        let mut step = Step { now, endpoint, profile, dice, tray };
        *state = match core::mem::replace(state, State::Over) {
            State::Ringing(ringing) => ringing.on_timeout(&mut step),
            State::Confirmed(mut kept, forks) => {
                kept.on_timeout(&mut step);
                State::Confirmed(kept, forks)
            }
            other => other,
        };
        strays.iter_mut().for_each(|stray| stray.on_timeout(&mut step));
        self.settle(now);
    }

    /// Does something with the dialog of an answered call; nothing in any other state.
    fn in_call(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        tray: &mut Vec<Event>,
        act: impl FnOnce(&mut Confirmed, &mut Step<'_>),
    ) {
        let Self { profile, dice, state, .. } = self;
        if let State::Confirmed(kept, _) = state {
            act(kept, &mut Step { now, endpoint, profile, dice, tray });
        }
    }

    /// Forgets what has ended. The dialogs of all forks are known until no fork can answer any more: who repeats a 2xx
    /// is not taken for a new one.
    fn settle(&mut self, now: Instant) {
        if let State::Confirmed(_, forks) = &mut self.state {
            forks.take_if(|forks| forks.until <= now);
        }
        let is_over = matches!(&self.state, State::Confirmed(kept, None) if kept.is_over());
        if is_over && self.strays.iter().all(Confirmed::is_over) {
            self.state = State::Over;
            self.strays.clear();
        }
    }
}

impl State {
    fn on_event(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        *self = match core::mem::replace(self, Self::Over) {
            Self::Reaching(reaching) => reaching.on_event(step, event),
            Self::Calling(calling) => calling.on_event(step, event),
            Self::Ringing(ringing) => ringing.on_event(step, event),
            Self::Confirmed(mut kept, forks) => {
                kept.on_event(step, event);
                Self::Confirmed(kept, forks)
            }
            other @ (Self::Composing(_) | Self::Over) => other,
        };
    }
}

/// Another 2xx to an INVITE that was answered (RFC 3261 §13.2.2.4): a repeat is ACKed again; that of another fork is
/// ACKed, and its dialog ended.
fn on_late_answer(
    step: &mut Step<'_>,
    kept: &mut Confirmed,
    strays: &mut Vec<Confirmed>,
    forks: &Forks,
    event: endpoint::Event,
) {
    let endpoint::Event::Response { flow, response, .. } = event else { return };
    let tag = response.headers.to_tag().map(String::from).unwrap_or_default();
    if let Some(known) = core::iter::once(kept).chain(&mut *strays).find(|dialog| dialog.remote_tag() == tag)
    {
        known.acknowledge(step, forks.transaction());
    } else if strays.len() < MAX_STRAYS
        && let Some(mut stray) = forks.confirm(step, flow, &response)
    {
        stray.hang_up(step);
        strays.push(stray);
    }
}
