//! A dialog with an answered INVITE (RFC 3261 §12.2, §15): requests of both sides within it, and its end by a BYE of
//! either. What each kind of request does has a file of its own.

mod acks;
mod answer;
mod asking;
mod reoffer;

use alloc::vec::Vec;

use base::Instant;

use super::{Event, SDP, Step, admit, come_later, ok_to, sdp_of};
use crate::Show;
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, ClientId, ServerId};
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response, Status};
use crate::transaction::GIVE_UP;

use acks::Acks;
use answer::Answer;
use asking::{Asking, Draft};
use reoffer::{Reoffer, Verdict};

/// A dialog with an answered INVITE.
#[derive(Debug)]
pub(super) struct Confirmed {
    line: Line,
    acks: Acks,
    answer: Answer,
    reoffer: Reoffer,
    bye: Bye,
}

/// A dialog and how it came about.
#[derive(Debug)]
struct Line {
    dialog: Dialog,
    /// The flow that it came about on.
    flow: Flow,
    /// We called: the Call-ID is ours.
    is_callers: bool,
}

/// How far the end of the dialog has come.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each call: a box would cost more than it saves")]
enum Bye {
    /// The call goes on.
    Unsaid,
    /// Our user wants it, but the peer's ACK has yet to come (RFC 3261 §15).
    Owed,
    /// Ours is under way.
    Out(Asking),
    /// The dialog has ended.
    Over,
}

impl Confirmed {
    /// Our INVITE was answered: ACKs. More answers to it may come until `until`.
    pub(super) fn of_caller(
        step: &mut Step<'_>,
        dialog: Dialog,
        flow: Flow,
        invite: (ClientId, &Request),
        until: Instant,
    ) -> Self {
        let line = Line { dialog, flow, is_callers: true };
        let mut acks = Acks::default();
        acks.send(step, &line, invite, until);
        Self { line, acks, answer: Answer::Settled, reoffer: Reoffer::Idle, bye: Bye::Unsaid }
    }

    /// We answer an INVITE with `ok`.
    pub(super) fn of_called(
        step: &mut Step<'_>,
        dialog: Dialog,
        flow: Flow,
        transaction: ServerId,
        ok: Response,
    ) -> Self {
        let answer = Answer::send(step.now, step.endpoint, transaction, ok);
        let line = Line { dialog, flow, is_callers: false };
        Self { line, acks: Acks::default(), answer, reoffer: Reoffer::Idle, bye: Bye::Unsaid }
    }

    /// Whether nothing more can come.
    pub(super) const fn is_over(&self) -> bool {
        self.is_silent() && self.acks.is_empty()
    }

    /// Whether nothing of it is under way.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.bye, Bye::Over) && !self.reoffer.is_out()
    }

    pub(super) fn show_states(&self, show: &mut Show<'_>) {
        let DialogId { call_id, local_tag, remote_tag } = self.line.dialog.id();
        show("dialog", format_args!("{call_id} {local_tag} {remote_tag}"), &self.bye);
        show("answer", format_args!("{call_id} {local_tag} {remote_tag}"), &self.answer);
        show("reoffer", format_args!("{call_id} {local_tag} {remote_tag}"), &self.reoffer);
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.line.dialog.id().local_tag
    }

    pub(super) fn remote_tag(&self) -> &str {
        &self.line.dialog.id().remote_tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match event {
            E::Request { request, .. } | E::Ack { request, .. } => {
                !matches!(self.bye, Bye::Over)
                    && DialogId::of_request(request).as_ref() == Some(self.line.dialog.id())
            }
            E::Cancelled { transaction } => {
                matches!(&self.answer, Answer::Pending { transaction: own, .. } if own == transaction)
            }
            E::Expired { .. } => false,
            _ => {
                matches!(&self.bye, Bye::Out(bye) if bye.owns(event))
                    || matches!(&self.reoffer, Reoffer::Out { asking, .. } if asking.owns(event))
                    || self.acks.owns(event)
            }
        }
    }

    pub(super) fn on_event(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        use endpoint::Event as E;
        match event {
            E::Request { transaction, request, .. } => self.on_request(step, transaction, request),
            E::Ack { request, .. } => self.on_ack(step, &request),
            E::Cancelled { .. } => self.answer.refuse_pending(step, Status::REQUEST_TERMINATED),
            event => self.on_answer(step, event),
        }
        self.offer_if_due(step);
    }

    /// What became of a request of ours.
    fn on_answer(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        let line = &mut self.line;
        if let Bye::Out(bye) = &mut self.bye
            && bye.owns(&event)
        {
            if bye.on_event(step, line, event).is_some() {
                self.end(step);
            }
        } else if let Some(reinvite) = self.reoffer.out().filter(|it| it.owns(&event)) {
            if let Some(response) = reinvite.on_event(step, line, event) {
                self.on_reoffer_answered(step, &response);
            }
        } else {
            self.acks.on_event(step, line, &event);
        }
    }

    /// The 2xx to the INVITE that made this dialog has come again.
    pub(super) fn acknowledge(&mut self, step: &mut Step<'_>, invite: ClientId) {
        self.acks.send_again(step, &self.line, invite);
    }

    /// Our user hangs up.
    pub(super) fn hang_up(&mut self, step: &mut Step<'_>) {
        if !matches!(self.bye, Bye::Unsaid | Bye::Owed) {
            return;
        }
        self.answer.refuse_pending(step, Status::REQUEST_TERMINATED);
        // RFC 3261 §15: the called side's BYE waits for the ACK, or for the end of waiting for it.
        if matches!(self.answer, Answer::Unacknowledged { .. }) {
            self.bye = Bye::Owed;
        } else {
            self.send_bye(step);
        }
    }

    /// Our user wants to offer anew.
    pub(super) fn reoffer(&mut self, step: &mut Step<'_>) {
        if matches!(self.bye, Bye::Unsaid) {
            self.reoffer.want(step.now);
            self.offer_if_due(step);
        }
    }

    /// Our user's new offer. If the peer's was faster, it is due again later.
    pub(super) fn offer(&mut self, step: &mut Step<'_>, sdp: Vec<u8>) {
        if self.may_offer() {
            self.reoffer.send(step, &mut self.line, sdp);
        } else {
            self.reoffer.put_off(step.now);
        }
    }

    pub(super) fn withdraw_offer(&mut self) {
        self.reoffer.withdraw();
    }

    pub(super) fn answer_reoffer(&mut self, step: &mut Step<'_>, answer: Result<Vec<u8>, Status>) {
        let Some((transaction, invite)) = self.answer.take_pending() else { return };
        match answer {
            Ok(sdp) => {
                let mut ok = ok_to(&invite, step.profile);
                ok.headers.push(Name::Contact, self.line.dialog.contact());
                ok.set_body(SDP, sdp);
                self.answer = Answer::send(step.now, step.endpoint, transaction, ok);
            }
            Err(status) => {
                step.endpoint.respond(step.now, transaction, Response::to_request(&invite, status));
                self.reoffer.put_off(step.now);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.answer.poll_timeout(),
            self.reoffer.poll_timeout(self.may_offer()),
            self.acks.poll_timeout(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) {
        self.acks.on_timeout(step.now);
        self.reoffer.on_timeout(step);
        if self.answer.on_timeout(step) {
            self.break_off(step, Status::REQUEST_TIMEOUT);
        }
        self.offer_if_due(step);
    }

    fn on_request(&mut self, step: &mut Step<'_>, transaction: ServerId, request: Request) {
        let admitted = admit(&mut self.line.dialog, &request);
        let response = match (admitted, &request.method) {
            (Err(refusal), _) => refusal,
            (Ok(()), Method::Bye) => {
                step.endpoint.respond(step.now, transaction, ok_to(&request, step.profile));
                return self.on_bye(step);
            }
            (Ok(()), Method::Invite) => match self.check_invite(step, &request) {
                Err(refusal) => refusal,
                Ok(()) => {
                    let sdp = sdp_of(&request.headers, &request.body);
                    self.answer = Answer::Pending { transaction, invite: request };
                    return step.tray.push(Event::Reoffered { sdp });
                }
            },
            (Ok(()), _) => ok_to(&request, step.profile),
        };
        step.endpoint.respond(step.now, transaction, response);
    }

    /// Whether a new offer can be heard now.
    fn check_invite(&self, step: &mut Step<'_>, invite: &Request) -> Result<(), Response> {
        if !matches!(self.bye, Bye::Unsaid) {
            return Err(Response::to_request(invite, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
        }
        match &self.answer {
            // RFC 3261 §14.2: offers that cross are both made again.
            Answer::Settled if self.reoffer.is_out() => {
                Err(Response::to_request(invite, Status::REQUEST_PENDING))
            }
            Answer::Settled => Ok(()),
            Answer::Pending { .. } => Err(come_later(invite, step.dice)),
            // RFC 5407 §3.1.4: until the ACK we don't know whether the first offer and answer are through.
            Answer::Unacknowledged { .. } => Err(Response::to_request(invite, Status::REQUEST_PENDING)),
        }
    }

    /// The peer hangs up.
    fn on_bye(&mut self, step: &mut Step<'_>) {
        // RFC 3261 §15.1.2: what is still pending is answered with 487.
        self.answer.refuse_pending(step, Status::REQUEST_TERMINATED);
        self.answer = Answer::Settled;
        if matches!(self.bye, Bye::Unsaid) {
            step.tray.push(Event::Ended { status: None });
        }
        // Our own BYE, if it crosses this one, has an answer to come.
        if !matches!(&self.bye, Bye::Out(bye) if bye.sent().is_some()) {
            self.end(step);
        }
    }

    fn on_ack(&mut self, step: &mut Step<'_>, ack: &Request) {
        if !self.answer.take_ack(ack) {
            return;
        }
        if matches!(self.bye, Bye::Owed) {
            self.send_bye(step);
        } else {
            step.tray.push(Event::Acknowledged { sdp: sdp_of(&ack.headers, &ack.body) });
        }
    }

    fn on_reoffer_answered(&mut self, step: &mut Step<'_>, response: &Response) {
        let invite = self.reoffer.out().and_then(|it| it.sent());
        if let Some((transaction, invite)) = invite.filter(|_| response.status.is_success()) {
            // RFC 3261 §12.2.1.2: the ACK goes to the new target already.
            self.line.dialog.refresh_target(&response.headers);
            self.acks.send(step, &self.line, (transaction, invite), step.now + GIVE_UP);
        }
        let verdict = self.reoffer.on_answered(step, &self.line, response);
        if !matches!(self.bye, Bye::Unsaid) {
            return self.reoffer.give_up(step);
        }
        match verdict {
            Verdict::Answered => {
                let sdp = sdp_of(&response.headers, &response.body);
                step.tray.push(Event::ReofferAnswered { sdp });
            }
            Verdict::Again => {}
            Verdict::Refused => step.tray.push(Event::ReofferRefused { status: response.status }),
            Verdict::Gone => self.break_off(step, response.status),
        }
    }

    /// Whether an INVITE of ours could go out now (RFC 3261 §14.1).
    fn may_offer(&self) -> bool {
        matches!(self.bye, Bye::Unsaid) && self.answer.is_settled() && !self.acks.are_leaving()
    }

    fn offer_if_due(&mut self, step: &mut Step<'_>) {
        if self.may_offer() && self.reoffer.become_due(step.now) {
            step.tray.push(Event::OfferDue);
        }
    }

    /// Nothing is to be expected of the peer any more: the call ends with this status, and a BYE.
    fn break_off(&mut self, step: &mut Step<'_>, status: Status) {
        if matches!(self.bye, Bye::Unsaid) {
            step.tray.push(Event::Ended { status: Some(status) });
        }
        self.send_bye(step);
    }

    fn send_bye(&mut self, step: &mut Step<'_>) {
        self.bye = Bye::Out(Asking::start(step, &mut self.line, Draft::new(Method::Bye)));
    }

    /// The dialog has ended.
    fn end(&mut self, step: &mut Step<'_>) {
        self.bye = Bye::Over;
        self.reoffer.give_up(step);
    }
}
