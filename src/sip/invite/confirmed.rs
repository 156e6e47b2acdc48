//! A dialog with an answered INVITE (RFC 3261 §12.2, §15): requests of both sides within it, and its end by a BYE of
//! either. What each kind of request does has a file of its own.

mod acks;
mod answer;
mod asking;
mod queue;
mod refer;
mod referred;
mod reoffer;

use alloc::vec::Vec;

use base::Instant;

use super::admit::{admit, come_later, ok_to, read_info, sdp_of};
use super::{Event, SDP, Step};
use crate::Show;
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, ClientId, ServerId};
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response, Status, Uri};
use crate::transaction::GIVE_UP;

use acks::Acks;
use answer::Answer;
use asking::{Asking, Draft};
use queue::{Queue, Subject};
use refer::Refer;
use referred::Referred;
use reoffer::{Reoffer, Verdict};

/// A dialog with an answered INVITE.
#[derive(Debug)]
pub(super) struct Confirmed {
    line: Line,
    acks: Acks,
    answer: Answer,
    reoffer: Reoffer,
    queue: Queue,
    refer: Refer,
    referred: Referred,
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
        let mut confirmed = Self::new(Line { dialog, flow, is_callers: true }, Answer::Settled);
        confirmed.acks.send(step, &confirmed.line, invite, until);
        confirmed
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
        Self::new(Line { dialog, flow, is_callers: false }, answer)
    }

    fn new(line: Line, answer: Answer) -> Self {
        Self {
            line,
            answer,
            acks: Acks::default(),
            reoffer: Reoffer::Idle,
            queue: Queue::default(),
            refer: Refer::Idle,
            referred: Referred::Idle,
            bye: Bye::Unsaid,
        }
    }

    /// Whether nothing more can come.
    pub(super) const fn is_over(&self) -> bool {
        self.is_silent() && self.acks.is_empty() && self.refer.is_idle() && self.referred.is_idle()
    }

    /// Whether nothing of it is under way.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.bye, Bye::Over) && !self.reoffer.is_out() && self.queue.is_idle()
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
                // What our REFER began is told though the call has ended.
                !(matches!(self.bye, Bye::Over) && self.refer.is_idle())
                    && DialogId::of_request(request).as_ref() == Some(self.line.dialog.id())
            }
            E::Cancelled { transaction } => {
                matches!(&self.answer, Answer::Pending { transaction: own, .. } if own == transaction)
            }
            E::Expired { .. } => false,
            _ => {
                matches!(&self.bye, Bye::Out(bye) if bye.owns(event))
                    || matches!(&self.reoffer, Reoffer::Out { asking, .. } if asking.owns(event))
                    || self.queue.owns(event)
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
        } else if self.queue.owns(&event) {
            if let Some((subject, number, response)) = self.queue.on_event(step, line, event) {
                self.on_queue_answered(step, subject, number, response.status);
            }
        } else {
            self.acks.on_event(step, line, &event);
        }
    }

    fn on_queue_answered(
        &mut self,
        step: &mut Step<'_>,
        subject: Subject,
        number: Option<u32>,
        status: Status,
    ) {
        match subject {
            Subject::Info => {}
            Subject::Refer => {
                let until = matches!(self.bye, Bye::Over).then_some(step.now + GIVE_UP);
                self.refer.on_answered(number, status, until);
                step.tray.push(Event::ReferAnswered { status });
            }
            Subject::Notify => return self.referred.on_notify_answered(status),
        }
        // RFC 3261 §12.2.1.2. A 408 says little here: proxies give none but late ones (RFC 4320 §4.2).
        if status == Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST && matches!(self.bye, Bye::Unsaid) {
            self.break_off(step, status);
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

    /// Our user refers the peer to somebody else.
    pub(super) fn refer(&mut self, step: &mut Step<'_>, to: &Uri) {
        if matches!(self.bye, Bye::Unsaid)
            && let Some(draft) = self.refer.ask(step, &self.line, to)
        {
            self.queue.send(step, &mut self.line, Subject::Refer, draft);
        }
    }

    pub(super) const fn is_referring(&self) -> bool {
        !self.refer.is_idle()
    }

    pub(super) fn answer_refer(&mut self, step: &mut Step<'_>, answer: Result<(), Status>) {
        self.referred.answer(step, &mut self.line, &mut self.queue, answer);
    }

    pub(super) fn notify_refer(&mut self, step: &mut Step<'_>, status: Status, is_last: bool) {
        self.referred.notify(step, &mut self.line, &mut self.queue, status, is_last);
    }

    pub(super) fn send_info(&mut self, step: &mut Step<'_>, content_type: &str, body: Vec<u8>) {
        if matches!(self.bye, Bye::Unsaid) {
            let content = Some((content_type.into(), body));
            let draft = Draft { content, ..Draft::new(Method::Info) };
            self.queue.send(step, &mut self.line, Subject::Info, draft);
        }
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
            self.refer.poll_timeout(),
            self.referred.poll_timeout(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) {
        self.acks.on_timeout(step.now);
        self.reoffer.on_timeout(step);
        self.refer.on_timeout(step.now);
        self.referred.on_timeout(step, &mut self.line, &mut self.queue);
        if self.answer.on_timeout(step) {
            self.break_off(step, Status::REQUEST_TIMEOUT);
        }
        self.offer_if_due(step);
    }

    fn on_request(&mut self, step: &mut Step<'_>, transaction: ServerId, request: Request) {
        let answer = match admit(&mut self.line.dialog, &request) {
            Ok(()) => self.on_admitted(step, transaction, request),
            Err(refusal) => Some(refusal),
        };
        if let Some(response) = answer {
            step.endpoint.respond(step.now, transaction, response);
        }
    }

    /// What a request is answered with, unless that is our user's to say.
    fn on_admitted(
        &mut self,
        step: &mut Step<'_>,
        transaction: ServerId,
        request: Request,
    ) -> Option<Response> {
        let ok = ok_to(&request, step.profile);
        let heard = match (&request.method, &self.bye) {
            (Method::Notify, _) => self.refer.take_notify(&request, self.queue.refer_number()),
            (Method::Bye, Bye::Unsaid | Bye::Owed | Bye::Out(_)) => {
                step.endpoint.respond(step.now, transaction, ok);
                self.on_bye(step);
                return None;
            }
            (Method::Invite, Bye::Unsaid) => match self.check_invite(step, &request) {
                Err(refusal) => Err(refusal),
                Ok(()) => {
                    let sdp = sdp_of(&request.headers, &request.body);
                    self.answer = Answer::Pending { transaction, invite: request };
                    step.tray.push(Event::Reoffered { sdp });
                    return None;
                }
            },
            (Method::Refer, Bye::Unsaid) => match self.referred.take(transaction, request) {
                Err(refusal) => Err(refusal),
                Ok(referred) => {
                    step.tray.push(referred);
                    return None;
                }
            },
            (Method::Info, Bye::Unsaid) => read_info(&request),
            (Method::Options, Bye::Unsaid | Bye::Owed | Bye::Out(_)) => Ok(None),
            _ => Err(Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
        };
        match heard {
            Ok(event) => {
                step.tray.extend(event);
                Some(ok)
            }
            Err(refusal) => Some(refusal),
        }
    }

    /// Whether a new offer can be heard now.
    fn check_invite(&self, step: &mut Step<'_>, invite: &Request) -> Result<(), Response> {
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
        self.refer.on_end(step.now);
        self.referred.on_end(step);
        self.queue.on_end();
    }
}
