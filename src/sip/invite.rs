//! An invitation (RFC 3261 §13 to §15, RFC 6026, RFC 6141): one call's INVITE, the answers of all its forks, the
//! dialog that is kept and the end of it, as one machine that is caller or called. SDP passes through as bytes; what
//! they offer is the user's matter, and so is what a call means to people.
//!
//! A user that hangs up need not wait: the machine settles what still crosses on the wire by itself, and
//! [`Session::is_over`] says when it can be dropped.

mod called;
mod caller;
mod confirmed;

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Instant};

use crate::Show;
use crate::dialog::Dialog;
use crate::digest::Authenticator;
use crate::endpoint::{self, Abilities, Endpoint};
use crate::flow::{Flow, Link, Transport};
use crate::message::{Headers, Host, Method, Name, NameAddr, Request, Response, SipUri, Status, Uri};

use called::Ringing;
use caller::{Calling, Composing, Forks, Reaching};
use confirmed::Confirmed;

/// Methods that a user of invitations answers to.
pub const METHODS: &[Method] = &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options];

/// What a body with SDP is called.
pub const SDP: &str = "application/sdp";

/// What bodies of INFO may be called: keys (`Signal=5`, and a bare `5`).
pub const INFO_TYPES: &[&str] = &["application/dtmf-relay", "application/dtmf"];

/// What a user of invitations can do, within a call and without one.
pub const ABILITIES: Abilities<'static> =
    Abilities { methods: METHODS, extensions: &[], content_types: &[SDP] };

/// Forks of one INVITE that are ACKed and BYEd at once: a peer that sends more is ignored.
const MAX_STRAYS: usize = 8;

/// Who we are in a call.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Our address of record and display name, without tag.
    pub address: NameAddr,
    /// The user part of our Contact.
    pub contact_user: String,
    /// User-Agent or Server.
    pub agent: String,
    /// What answers the peers' challenges.
    pub authenticator: Option<Authenticator>,
}

impl Profile {
    /// Our Contact on a flow.
    pub fn contact(&self, flow: Flow) -> NameAddr {
        let uri = SipUri::new(Some(&self.contact_user), Host::from(flow.local.ip()), Some(flow.local.port()));
        NameAddr::new(Uri::Sip(match flow.link {
            Link::Sip(Transport::Tcp) => uri.with_param("transport", Some("tcp")),
            Link::Sip(Transport::Tls) => uri.with_param("transport", Some("tls")),
            Link::Sip(Transport::Udp) | Link::Dns => uri,
        }))
    }

    /// Whether a response is a challenge that is worth answering: the request is to be sent again, signed anew.
    pub(crate) fn take_challenge(&mut self, response: &Response) -> bool {
        matches!(response.status, Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED)
            && self.authenticator.as_mut().is_some_and(|it| it.take_challenge(response))
    }

    /// Answers in `request` the challenges that are known (RFC 3261 §22.2): a nonce that is still good saves a round
    /// trip.
    pub(crate) fn sign(&mut self, request: &mut Request, dice: &mut Dice) {
        if let Some(authenticator) = &mut self.authenticator {
            authenticator.sign(request, dice);
        }
    }
}

/// Whom to call.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes first: an outbound proxy, or the account's domain. Named as Route where it isn't the
    /// target's own host.
    pub hop: Uri,
    /// Header fields to send along.
    pub headers: Vec<(String, String)>,
}

/// What a session tells its user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Caller: the flow is known that the INVITE will go out on; [`Session::offer`] sends it. Again, if that flow
    /// fails and another address is tried.
    Reached(Flow),
    /// Caller: a provisional answer other than 100.
    Progress {
        /// 101 to 199.
        status: Status,
        /// The SDP in it: early media.
        sdp: Option<Vec<u8>>,
    },
    /// Caller: the call is answered, and the answer is ACKed. Without SDP, that of the `Progress` before holds.
    Answered {
        /// The SDP in the 2xx.
        sdp: Option<Vec<u8>>,
    },
    /// Called: the ACK for our answer has come.
    Acknowledged {
        /// Its SDP: the peer's answer, where ours was the offer.
        sdp: Option<Vec<u8>>,
    },
    /// The peer offers anew, or asks for an offer: [`Session::answer_reoffer`] answers.
    Reoffered {
        /// Its offer; none if it wants ours.
        sdp: Option<Vec<u8>>,
    },
    /// A new offer that [`Session::reoffer`] asked for may be made now: [`Session::offer`] makes it, or
    /// [`Session::withdraw_offer`]. Again, if it crossed one of the peer's (RFC 3261 §14.1).
    OfferDue,
    /// Our new offer is accepted, and the answer is ACKed.
    ReofferAnswered {
        /// The SDP in the 2xx.
        sdp: Option<Vec<u8>>,
    },
    /// Our new offer is refused: the call goes on as it was.
    ReofferRefused {
        /// By this status.
        status: Status,
    },
    /// Our REFER has its final answer.
    ReferAnswered {
        /// 2xx: the peer goes about it.
        status: Status,
    },
    /// What has become of our REFER, as the peer tells; perhaps before `ReferAnswered`.
    ReferProgress {
        /// How the peer's own request to the target was answered; 100 if it doesn't say.
        status: Status,
        /// Nothing more will be told of it, not even if `status` is provisional.
        is_last: bool,
    },
    /// The peer wants us to call somebody else: [`Session::answer_refer`] answers, at once.
    Referred {
        /// Whom: a `sip:` or `tel:` URI, without headers.
        to: NameAddr,
        /// Referred-By as it came, for the new INVITE (RFC 3892).
        referred_by: Option<String>,
    },
    /// The peer tells of keys by INFO, which is answered.
    Info {
        /// One of [`INFO_TYPES`], in lower case.
        content_type: String,
        /// The INFO's body.
        body: Vec<u8>,
    },
    /// The call is over: never told for a call that the user itself has hung up.
    Ended {
        /// The status that ended or refused it; none for a BYE.
        status: Option<Status>,
    },
}

/// One call's invitation.
#[derive(Debug)]
pub struct Session {
    profile: Profile,
    call_id: String,
    dice: Dice,
    state: State,
    /// Dialogs that other forks answered with: ACKed and BYEd.
    strays: Vec<Confirmed>,
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
        Self { profile, call_id, dice, state: State::Reaching(reaching), strays: Vec::new() }
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
        Ok(Self { profile, call_id, dice, state: State::Ringing(ringing), strays: Vec::new() })
    }

    /// The Call-ID.
    pub fn call_id(&self) -> &str {
        &self.call_id
    }

    /// Whether nothing more can come: the session can be dropped.
    pub const fn is_over(&self) -> bool {
        matches!(self.state, State::Over)
    }

    /// Whether nothing of it is under way any more: it listens at most for what other forks may yet answer.
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
        let Self { profile, dice, state, strays, call_id: _ } = self;
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

    /// Answers the peer's new offer: with SDP, or with the status that refuses it and leaves all as it was.
    pub fn answer_reoffer(&mut self, now: Instant, endpoint: &mut Endpoint, answer: Result<Vec<u8>, Status>) {
        let Self { profile, dice, state, .. } = self;
        if let State::Confirmed(kept, _) = state {
            kept.answer_reoffer(&mut Step { now, endpoint, profile, dice, tray: &mut Vec::new() }, answer);
        }
    }

    /// The user wants to offer anew, within an answered call. It hears `OfferDue` as soon as that may be, often at once.
    pub fn reoffer(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        let Self { profile, dice, state, .. } = self;
        if let State::Confirmed(kept, _) = state {
            kept.reoffer(&mut Step { now, endpoint, profile, dice, tray });
        }
    }

    /// The user has nothing to offer any more: an offer that is wanted or due is not made.
    pub fn withdraw_offer(&mut self) {
        if let State::Confirmed(kept, _) = &mut self.state {
            kept.withdraw_offer();
        }
    }

    /// Ends the call in whatever state it is: cancels, hangs up, or declines with `decline`. The user hears nothing
    /// more of it.
    pub fn hang_up(&mut self, now: Instant, endpoint: &mut Endpoint, decline: Status) {
        let Self { profile, dice, state, .. } = self;
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
        let Self { profile, dice, state, strays, .. } = self;
        let mut step = Step { now, endpoint, profile, dice, tray };
        match state {
            State::Ringing(ringing) => ringing.on_timeout(&mut step),
            State::Confirmed(kept, _) => kept.on_timeout(&mut step),
            State::Reaching(_) | State::Composing(_) | State::Calling(_) | State::Over => {}
        }
        strays.iter_mut().for_each(|stray| stray.on_timeout(&mut step));
        self.settle(now);
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
    let tag = response.headers.to().ok().and_then(|to| to.tag().map(String::from)).unwrap_or_default();
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

/// What every request within a dialog passes before it is looked at.
///
/// # Errors
/// The answer that refuses it.
fn admit(dialog: &mut Dialog, request: &Request) -> Result<(), Response> {
    // A BYE is heard whatever else it says: a call that can't be ended serves nobody.
    if request.method != Method::Bye {
        ABILITIES.inspect(request)?;
    }
    dialog.take_request(request).map_err(|status| Response::to_request(request, status))
}

/// The answer to a request within a dialog that needs no more than to be heard.
fn ok_to(request: &Request, profile: &Profile) -> Response {
    let mut ok = Response::to_request(request, Status::OK);
    ok.headers.push(Name::Server, &profile.agent);
    push_abilities(&mut ok.headers);
    ok
}

/// RFC 3261 §14.2: the answer to an INVITE that came before the one before it was answered.
fn come_later(invite: &Request, dice: &mut Dice) -> Response {
    let mut response = Response::to_request(invite, Status::SERVER_INTERNAL_ERROR);
    response.headers.push(Name::RetryAfter, dice.below(11));
    response
}

/// The SDP of a message, if it has a body of that type.
fn sdp_of(headers: &Headers, body: &[u8]) -> Option<Vec<u8>> {
    let is_sdp = headers
        .get(Name::ContentType)
        .is_none_or(|value| value.split(';').next().is_some_and(|it| it.trim().eq_ignore_ascii_case(SDP)));
    (is_sdp && !body.is_empty()).then(|| body.to_vec())
}

/// Allow and Supported, which tell a peer in an INVITE and its 2xx what the dialog can carry (RFC 3261 §13.2.1).
pub(crate) fn push_abilities(headers: &mut Headers) {
    for method in METHODS {
        headers.push(Name::Allow, method);
    }
}
