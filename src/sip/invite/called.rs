//! The called side until its answer (RFC 3261 §13.3).

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use super::admit::{admit, come_later, ok_to, push_abilities, read_info};
use super::confirmed::{Confirmed, Line};
use super::{Event, Profile, SDP, State, Step};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, ServerId};
use crate::flow::Flow;
use crate::message::{Method, Name, NameAddr, Request, Response, Status, Uri};

/// How often a call that rings says so again: proxies forget one that is silent for three minutes (RFC 3261
/// §13.3.1.1).
const RINGING_AGAIN: Duration = Duration::from_secs(60);

/// How long an INVITE holds at most, whatever its Expires says: longer than any caller waits. One that is gone without a
/// CANCEL, as behind a server that was restarted, would be rung for until somebody comes by.
const EXPIRES_MAX: Duration = Duration::from_secs(600);

/// An INVITE came in, without a final answer yet.
#[derive(Debug)]
pub(super) struct Ringing {
    transaction: ServerId,
    flow: Flow,
    invite: Request,
    tag: String,
    dialog: Dialog,
    /// The next 180, once there was a first.
    ringing_at: Option<Instant>,
    /// When the INVITE expires, once it rings (RFC 3261 §13.3.1).
    expires_at: Option<Instant>,
}

impl Ringing {
    pub(super) fn new(
        transaction: ServerId,
        flow: Flow,
        invite: Request,
        profile: &Profile,
        dice: &mut Dice,
    ) -> Result<Self, Status> {
        let tag = dice.hex(2);
        let dialog =
            Dialog::of_called(&invite, &tag, profile.contact(flow)).map_err(|_| Status::BAD_REQUEST)?;
        Ok(Self { transaction, flow, invite, tag, dialog, ringing_at: None, expires_at: None })
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event::{Cancelled, Request};
        match event {
            Cancelled { transaction } => *transaction == self.transaction,
            Request { request, .. } => DialogId::of_request(request).as_ref() == Some(self.dialog.id()),
            _ => false,
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.ringing_at.into_iter().chain(self.expires_at).min()
    }

    pub(super) fn on_timeout(mut self, step: &mut Step<'_>) -> State {
        if self.expires_at.is_some_and(|at| at <= step.now) {
            return self.end(step);
        }
        if self.ringing_at.is_some_and(|at| at <= step.now) {
            self.send_ringing(step);
        }
        State::Ringing(self)
    }

    pub(super) fn send_ringing(&mut self, step: &mut Step<'_>) {
        let expires = self.invite.headers.expires().ok().flatten();
        let expires = expires.map_or(EXPIRES_MAX, |seconds| Duration::from_secs(u64::from(seconds)));
        self.expires_at.get_or_insert(step.now + expires.min(EXPIRES_MAX));
        self.ringing_at = Some(step.now + RINGING_AGAIN);
        self.respond(step, Status::RINGING);
    }

    pub(super) fn accept(self, step: &mut Step<'_>, sdp: Vec<u8>) -> Confirmed {
        let mut ok = self.response(Status::OK, step.profile);
        push_abilities(&mut ok.headers);
        ok.set_body(SDP, sdp);
        Confirmed::of_called(
            step,
            Line::of_called(self.dialog, self.flow),
            (self.transaction, &self.invite),
            ok,
        )
    }

    pub(super) fn refuse(self, step: &mut Step<'_>, status: Status) {
        self.respond(step, status);
    }

    /// RFC 3261 §21.3.3: the caller is to call somebody else.
    pub(super) fn redirect(self, step: &mut Step<'_>, to: &Uri) {
        let mut moved = self.response(Status::MOVED_TEMPORARILY, step.profile);
        moved.headers.push(Name::Contact, NameAddr::new(to.clone()));
        step.endpoint.respond(step.now, self.transaction, moved);
    }

    pub(super) fn on_event(self, step: &mut Step<'_>, event: endpoint::Event) -> State {
        match event {
            endpoint::Event::Cancelled { .. } => self.end(step),
            endpoint::Event::Request { transaction, request, .. } => {
                self.on_request(step, transaction, &request)
            }
            _ => State::Ringing(self),
        }
    }

    /// A request within the early dialog.
    fn on_request(mut self, step: &mut Step<'_>, transaction: ServerId, request: &Request) -> State {
        let heard = admit(&mut self.dialog, request).and_then(|()| match request.method {
            Method::Invite => Err(come_later(request, step.dice)),
            Method::Info => read_info(request),
            // Nobody can be sent elsewhere, or told of it, who does not talk yet.
            Method::Refer => Err(Response::to_request(request, Status::DECLINE)),
            Method::Notify => Err(Response::to_request(request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
            _ => Ok(None),
        });
        let is_over = heard.is_ok() && request.method == Method::Bye;
        let response = match heard {
            Ok(event) => {
                step.tray.extend(event);
                ok_to(request, step.profile)
            }
            Err(refusal) => refusal,
        };
        step.endpoint.respond(step.now, transaction, response);
        if is_over { self.end(step) } else { State::Ringing(self) }
    }

    /// The caller gave up, or its INVITE has expired: 487 (RFC 3261 §9.2, §13.3.1, §15.1.2).
    fn end(self, step: &mut Step<'_>) -> State {
        self.respond(step, Status::REQUEST_TERMINATED);
        step.tray.push(Event::Ended { status: Some(Status::REQUEST_TERMINATED) });
        State::Over
    }

    fn respond(&self, step: &mut Step<'_>, status: Status) {
        step.endpoint.respond(step.now, self.transaction, self.response(status, step.profile));
    }

    /// A response with what makes the dialog (RFC 3261 §12.1.1).
    fn response(&self, status: Status, profile: &Profile) -> Response {
        let mut response = Response::to_request(&self.invite, status);
        response.set_to_tag(&self.tag);
        response.headers.push(Name::Server, &profile.agent);
        if status.code() < 300 {
            response.headers.copy(Name::RecordRoute, &self.invite.headers);
            response.headers.push(Name::Contact, self.dialog.contact());
        }
        response
    }
}
