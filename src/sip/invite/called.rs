//! The called side until its answer (RFC 3261 §13.3).

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use super::confirmed::Confirmed;
use super::{Event, Profile, SDP, State, Step, admit, come_later, ok_to, push_abilities};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, ServerId};
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response, Status};

/// How often a call that rings says so again: proxies forget one that is silent for three minutes (RFC 3261
/// §13.3.1.1).
const RINGING_AGAIN: Duration = Duration::from_secs(60);

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
        Ok(Self { transaction, flow, invite, tag, dialog, ringing_at: None })
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

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.ringing_at
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) {
        if self.ringing_at.is_some_and(|at| at <= step.now) {
            self.send_ringing(step);
        }
    }

    pub(super) fn send_ringing(&mut self, step: &mut Step<'_>) {
        self.ringing_at = Some(step.now + RINGING_AGAIN);
        self.respond(step, Status::RINGING);
    }

    pub(super) fn accept(self, step: &mut Step<'_>, sdp: Vec<u8>) -> Confirmed {
        let mut ok = self.response(Status::OK, step.profile);
        push_abilities(&mut ok.headers);
        ok.set_body(SDP, sdp);
        Confirmed::of_called(step, self.dialog, self.flow, self.transaction, ok)
    }

    pub(super) fn refuse(self, step: &mut Step<'_>, status: Status) {
        self.respond(step, status);
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
        let admitted = admit(&mut self.dialog, request);
        let is_over = admitted.is_ok() && request.method == Method::Bye;
        let response = match admitted {
            Err(refusal) => refusal,
            Ok(()) if request.method == Method::Invite => come_later(request, step.dice),
            Ok(()) => ok_to(request, step.profile),
        };
        step.endpoint.respond(step.now, transaction, response);
        if is_over { self.end(step) } else { State::Ringing(self) }
    }

    /// The caller gave up: 487 (RFC 3261 §9.2, §15.1.2).
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
