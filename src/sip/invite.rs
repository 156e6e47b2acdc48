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
            State::Confirmed(kept, _) => kept.is_over(),
            State::Over => true,
            _ => false,
        };
        is_ended && self.strays.iter().all(Confirmed::is_over)
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
        let mut step = Step { now, endpoint, tray };
        if let Some(stray) = self.strays.iter_mut().find(|stray| stray.owns(&event)) {
            // Nobody is told of a fork that was not kept.
            let mut untold = Vec::new();
            let mut step = Step { now, endpoint: step.endpoint, tray: &mut untold };
            stray.on_event(&mut step, &mut self.profile, &mut self.dice, event);
        } else {
            self.on_event(&mut step, event);
        }
        self.settle(now);
    }

    /// Caller: sends the INVITE with this offer, on the flow that `Reached` told.
    pub fn offer(&mut self, now: Instant, endpoint: &mut Endpoint, sdp: Vec<u8>) {
        self.state = match core::mem::replace(&mut self.state, State::Over) {
            State::Composing(composing) => State::Calling(composing.send(
                now,
                endpoint,
                &mut self.profile,
                &mut self.dice,
                &self.call_id,
                sdp,
            )),
            other => other,
        };
    }

    /// Called: tells the caller that it rings.
    pub fn send_ringing(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if let State::Ringing(ringing) = &mut self.state {
            ringing.send_ringing(now, endpoint, &self.profile);
        }
    }

    /// Called: answers with 200 and this SDP, which is the answer to the INVITE's offer, or an offer if it had none.
    pub fn accept(&mut self, now: Instant, endpoint: &mut Endpoint, sdp: Vec<u8>) {
        self.state = match core::mem::replace(&mut self.state, State::Over) {
            State::Ringing(ringing) => {
                State::Confirmed(ringing.accept(now, endpoint, &self.profile, sdp), None)
            }
            other => other,
        };
    }

    /// Answers the peer's new offer: with SDP, or with the status that refuses it and leaves all as it was.
    pub fn answer_reoffer(&mut self, now: Instant, endpoint: &mut Endpoint, answer: Result<Vec<u8>, Status>) {
        if let State::Confirmed(kept, _) = &mut self.state {
            kept.answer_reoffer(now, endpoint, &self.profile, answer);
        }
    }

    /// Ends the call in whatever state it is: cancels, hangs up, or declines with `decline`. The user hears nothing
    /// more of it.
    pub fn hang_up(&mut self, now: Instant, endpoint: &mut Endpoint, decline: Status) {
        let mut untold = Vec::new();
        let mut step = Step { now, endpoint, tray: &mut untold };
        self.state = match core::mem::replace(&mut self.state, State::Over) {
            State::Reaching(_) | State::Composing(_) | State::Over => State::Over,
            State::Calling(mut calling) => {
                calling.give_up(&mut step);
                State::Calling(calling)
            }
            State::Ringing(ringing) => {
                ringing.refuse(&mut step, &self.profile, decline);
                State::Over
            }
            State::Confirmed(mut kept, forks) => {
                kept.hang_up(&mut step, &mut self.profile, &mut self.dice);
                State::Confirmed(kept, forks)
            }
        };
        self.settle(now);
    }

    /// When `handle_timeout` is due.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match &self.state {
            State::Ringing(ringing) => ringing.poll_timeout(),
            State::Confirmed(kept, forks) => {
                kept.poll_timeout().into_iter().chain(forks.as_ref().map(|forks| forks.until)).min()
            }
            State::Reaching(_) | State::Composing(_) | State::Calling(_) | State::Over => None,
        }
    }

    /// Does what is due.
    pub fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, tray: &mut Vec<Event>) {
        let mut step = Step { now, endpoint, tray };
        match &mut self.state {
            State::Ringing(ringing) => ringing.on_timeout(&mut step, &self.profile),
            State::Confirmed(kept, _) => kept.on_timeout(&mut step, &mut self.profile, &mut self.dice),
            State::Reaching(_) | State::Composing(_) | State::Calling(_) | State::Over => {}
        }
        self.settle(now);
    }

    fn on_event(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        let Self { profile, dice, .. } = self;
        self.state = match core::mem::replace(&mut self.state, State::Over) {
            State::Reaching(reaching) => reaching.on_event(step, event),
            State::Calling(calling) => calling.on_event(step, profile, dice, event),
            State::Ringing(ringing) => ringing.on_event(step, profile, dice, event),
            State::Confirmed(mut kept, Some(forks)) if forks.owns(&event) => {
                self.on_late_answer(step, &mut kept, &forks, event);
                State::Confirmed(kept, Some(forks))
            }
            State::Confirmed(mut kept, forks) => {
                kept.on_event(step, profile, dice, event);
                State::Confirmed(kept, forks)
            }
            other @ (State::Composing(_) | State::Over) => other,
        };
    }

    /// Another 2xx to an INVITE that was answered (RFC 3261 §13.2.2.4): a repeat is ACKed again; that of another fork
    /// is ACKed, and its dialog ended.
    fn on_late_answer(
        &mut self,
        step: &mut Step<'_>,
        kept: &mut Confirmed,
        forks: &Forks,
        event: endpoint::Event,
    ) {
        let endpoint::Event::Response { flow, response, .. } = event else { return };
        let tag = response.headers.to().ok().and_then(|to| to.tag().map(String::from)).unwrap_or_default();
        if let Some(known) =
            core::iter::once(kept).chain(&mut self.strays).find(|dialog| dialog.remote_tag() == tag)
        {
            known.acknowledge(step);
        } else if self.strays.len() < MAX_STRAYS
            && let Some(mut stray) = forks.confirm(step, flow, &response)
        {
            stray.hang_up(step, &mut self.profile, &mut self.dice);
            self.strays.push(stray);
        }
    }

    /// Forgets what has ended. The dialogs of all forks are known until no fork can answer any more: who repeats a 2xx
    /// is not taken for a new one.
    fn settle(&mut self, now: Instant) {
        if let State::Confirmed(_, forks) = &mut self.state {
            forks.take_if(|forks| forks.until <= now);
        }
        if matches!(self.state, State::Confirmed(_, None)) && self.is_silent() {
            self.state = State::Over;
            self.strays.clear();
        }
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
