//! The peer's REFER (RFC 3515 §2.4, RFC 4488): whether it can be followed, our user's answer, and the NOTIFYs that tell how
//! it goes. They go on when the call has ended (RFC 5057 §4).

use alloc::format;
use alloc::string::String;

use base::{Duration, Instant};

use super::Line;
use super::queue::{Queue, Subject};
use crate::endpoint::ServerId;
use crate::invite::{Event, SIPFRAG, Step};
use crate::message::{Method, Name, NameAddr, Request, Response, Status, Uri};

/// How long a peer is told of its REFER: longer than any call rings (RFC 3515 §2.4.4).
const LASTS: Duration = Duration::from_secs(300);

/// How far it has come.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each call: a box would cost more than it saves")]
pub(super) enum Referred {
    /// None is under way.
    Idle,
    /// Our user has not answered it yet.
    Asked { transaction: ServerId, request: Request },
    /// Accepted; the peer is told how it goes, at last what is known at `until`.
    Subscribed { number: u32, status: Status, until: Instant },
}

impl Referred {
    /// Takes a REFER. What it gives back is what to tell our user.
    ///
    /// # Errors
    /// The answer that refuses it.
    pub(super) fn take(&mut self, transaction: ServerId, request: Request) -> Result<Event, Response> {
        if !self.is_idle() {
            return Err(Response::to_request(&request, Status::REQUEST_PENDING));
        }
        let to = read_target(&request)?;
        let referred_by = match request.headers.at_most_one(Name::ReferredBy) {
            Ok(value) => value.map(String::from),
            Err(_) => return Err(Response::to_request(&request, Status::BAD_REQUEST)),
        };
        *self = Self::Asked { transaction, request };
        Ok(Event::Referred { to, referred_by })
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self, Self::Idle)
    }

    /// Our user's answer: 202, and how it goes; or a refusal.
    pub(super) fn answer(
        &mut self,
        step: &mut Step<'_>,
        line: &Line,
        queue: &mut Queue,
        answer: Result<(), Status>,
    ) {
        let Self::Asked { transaction, request } = core::mem::replace(self, Self::Idle) else { return };
        let mut response = Response::to_request(&request, answer.err().unwrap_or(Status::ACCEPTED));
        response.headers.push(Name::Server, &step.profile.agent);
        // RFC 4488 §4: who asks for no subscription gets none, and is told so.
        let wants_none =
            request.headers.get(Name::ReferSub).is_some_and(|it| it.eq_ignore_ascii_case("false"));
        if answer.is_ok() {
            response.headers.push(Name::Contact, line.dialog.contact());
            if wants_none {
                response.headers.push(Name::ReferSub, "false");
            }
        }
        step.endpoint.respond(step.now, transaction, response);
        if answer.is_ok() && !wants_none {
            let number = request.headers.cseq().map_or(0, |cseq| cseq.number);
            *self = Self::Subscribed { number, status: Status::TRYING, until: step.now + LASTS };
            self.notify(step, line, queue, Status::TRYING, false);
        }
    }

    /// Tells the peer how it goes.
    pub(super) fn notify(
        &mut self,
        step: &mut Step<'_>,
        line: &Line,
        queue: &mut Queue,
        now_known: Status,
        is_last: bool,
    ) {
        let Self::Subscribed { number, status, until } = self else { return };
        *status = now_known;
        let state = if is_last {
            String::from("terminated;reason=noresource")
        } else {
            format!("active;expires={}", until.since(step.now).as_secs())
        };
        let body = format!("SIP/2.0 {now_known} {}\r\n", now_known.reason()).into_bytes();
        let fragment = format!("{SIPFRAG};version=2.0");
        let mut draft = line.target_refresh(Method::Notify).with_body(&fragment, body);
        draft.headers.push(Name::Event, format_args!("refer;id={number}"));
        draft.headers.push(Name::SubscriptionState, state);
        queue.push(Subject::Notify(*number), draft);
        if is_last {
            *self = Self::Idle;
        }
    }

    /// RFC 6665 §4.2.2: a NOTIFY that is not taken ends the subscription.
    pub(super) fn on_notify_answered(&mut self, refer: u32, status: Status) {
        if !status.is_success() && matches!(self, Self::Subscribed { number, .. } if *number == refer) {
            *self = Self::Idle;
        }
    }

    /// The call has ended: a REFER that our user has not answered comes to nothing.
    pub(super) fn on_end(&mut self, step: &mut Step<'_>) {
        if let Self::Asked { transaction, request } = self {
            let gone = Response::to_request(request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            step.endpoint.respond(step.now, *transaction, gone);
            *self = Self::Idle;
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Subscribed { until, .. } => Some(*until),
            Self::Idle | Self::Asked { .. } => None,
        }
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>, line: &Line, queue: &mut Queue) {
        if let Self::Subscribed { status, until, .. } = self
            && *until <= step.now
        {
            let status = *status;
            self.notify(step, line, queue, status, true);
        }
    }
}

/// Whom a REFER refers to: one URI that can be called, without what it wants the INVITE to carry (RFC 3261 §19.1.5).
///
/// # Errors
/// 400 for none or several, 416 for a scheme that can't be called, 420 where a call is to be replaced, 603 for a method
/// other than INVITE.
fn read_target(refer: &Request) -> Result<NameAddr, Response> {
    let refusal = |status| Response::to_request(refer, status);
    let mut to = refer.headers.name_addr(Name::ReferTo).map_err(|_| refusal(Status::BAD_REQUEST))?;
    match &mut to.uri {
        Uri::Sip(uri) if !uri.secure => {
            if uri.params.get("method").is_some_and(|method| method != Method::Invite.as_str()) {
                return Err(refusal(Status::DECLINE));
            }
            let mut headers = uri.headers.split('&').filter_map(|field| field.split('=').next());
            if headers.any(|name| name.eq_ignore_ascii_case("Replaces")) {
                let mut refused = refusal(Status::BAD_EXTENSION);
                refused.headers.push(Name::Unsupported, "replaces");
                return Err(refused);
            }
            uri.params.remove("method");
            uri.headers.clear();
            Ok(to)
        }
        Uri::Other(uri) if uri.scheme().eq_ignore_ascii_case("tel") => Ok(to),
        _ => Err(refusal(Status::UNSUPPORTED_URI_SCHEME)),
    }
}
