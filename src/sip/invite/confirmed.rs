//! A dialog with an answered INVITE (RFC 3261 §13.2.2.4, §13.3.1.4, §14.2, §15): the 2xx until its ACK, the peer's new
//! offers, and the end by a BYE of either side.

use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use super::{Event, Profile, SDP, Step, push_abilities, sdp_of};
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, ClientId, Endpoint, RouteId, ServerId};
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response, Status};
use crate::transaction::{GIVE_UP, T1, T2};

/// Requests that wait for a flow to their next hop: an ACK, its repeat, and a BYE. One more than these would be a
/// peer's that repeats its 2xx faster than names resolve.
const MAX_WAITING: usize = 4;

/// A dialog with an answered INVITE.
#[derive(Debug)]
pub(super) struct Confirmed {
    dialog: Dialog,
    /// The flow that the dialog came about on.
    flow: Flow,
    /// Caller: the number of the INVITE, for the ACKs of its 2xx.
    acknowledged: Option<u32>,
    answer: Answer,
    bye: Bye,
    /// Requests whose next hop is being reached.
    waiting: Vec<(RouteId, Request)>,
}

/// The latest INVITE of the peer in this dialog.
#[derive(Debug)]
enum Answer {
    /// None, or all said about it.
    Settled,
    /// Our user has not answered it yet.
    Pending { transaction: ServerId, invite: Request },
    /// Its 2xx is repeated until the ACK comes.
    Unacknowledged {
        transaction: ServerId,
        ok: Response,
        resend_at: Instant,
        resend_after: Duration,
        give_up_at: Instant,
    },
}

/// How far the end of the dialog has come.
#[derive(Debug)]
enum Bye {
    /// The call goes on.
    Unsaid,
    /// Our user wants it, but the peer's ACK has yet to come (RFC 3261 §15).
    Owed,
    /// It is on its way to its next hop.
    Leaving,
    /// It is out.
    Sent(ClientId),
    /// Nothing more to come.
    Over,
}

impl Confirmed {
    /// Our INVITE was answered: ACKs.
    pub(super) fn of_caller(step: &mut Step<'_>, dialog: Dialog, flow: Flow, number: u32) -> Self {
        let mut confirmed = Self {
            dialog,
            flow,
            acknowledged: Some(number),
            answer: Answer::Settled,
            bye: Bye::Unsaid,
            waiting: Vec::new(),
        };
        confirmed.acknowledge_again(step);
        confirmed
    }

    /// We answer an INVITE with `ok`.
    pub(super) fn of_called(
        now: Instant,
        endpoint: &mut Endpoint,
        dialog: Dialog,
        flow: Flow,
        transaction: ServerId,
        ok: Response,
    ) -> Self {
        let answer = Answer::send(now, endpoint, transaction, ok);
        Self { dialog, flow, acknowledged: None, answer, bye: Bye::Unsaid, waiting: Vec::new() }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.bye, Bye::Over)
    }

    pub(super) fn remote_tag(&self) -> &str {
        &self.dialog.id().remote_tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match event {
            E::Request { request, .. } | E::Ack { request, .. } => {
                DialogId::of_request(request).as_ref() == Some(self.dialog.id())
            }
            E::Cancelled { transaction } | E::Expired { transaction } => {
                matches!(&self.answer, Answer::Pending { transaction: own, .. } if own == transaction)
            }
            E::Response { transaction, .. } | E::Failed { transaction, .. } => {
                matches!(&self.bye, Bye::Sent(own) if own == transaction)
            }
            E::Reached { route, .. } | E::Unreachable { route, .. } => {
                self.waiting.iter().any(|(own, _)| own == route)
            }
        }
    }

    pub(super) fn on_event(
        &mut self,
        step: &mut Step<'_>,
        profile: &mut Profile,
        dice: &mut Dice,
        event: endpoint::Event,
    ) {
        use endpoint::Event as E;
        match event {
            E::Request { transaction, request, .. } => self.on_request(step, profile, transaction, request),
            E::Ack { request, .. } => self.on_ack(step, profile, dice, &request),
            E::Cancelled { .. } => self.refuse_pending(step, Status::REQUEST_TERMINATED),
            E::Expired { .. } => self.answer = Answer::Settled,
            E::Response { response, .. } => self.on_bye_answered(step, profile, dice, &response),
            E::Failed { .. } => self.bye = Bye::Over,
            E::Reached { route, flow, .. } => self.on_reached(step, route, flow),
            E::Unreachable { route, .. } => self.on_unreachable(route),
        }
    }

    /// The ACK for the 2xx, or for a repeat of it.
    pub(super) fn acknowledge_again(&mut self, step: &mut Step<'_>) {
        if let Some(number) = self.acknowledged {
            self.post(step, self.dialog.ack(number));
        }
    }

    /// Our user hangs up.
    pub(super) fn hang_up(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice) {
        if !matches!(self.bye, Bye::Unsaid | Bye::Owed) {
            return;
        }
        self.refuse_pending(step, Status::REQUEST_TERMINATED);
        // RFC 3261 §15: the called side's BYE waits for the ACK, or for the end of waiting for it.
        if matches!(self.answer, Answer::Unacknowledged { .. }) {
            self.bye = Bye::Owed;
        } else {
            self.send_bye(step, profile, dice);
        }
    }

    pub(super) fn answer_reoffer(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        profile: &Profile,
        answer: Result<Vec<u8>, Status>,
    ) {
        let Answer::Pending { transaction, invite } = core::mem::replace(&mut self.answer, Answer::Settled)
        else {
            return;
        };
        match answer {
            Ok(sdp) => {
                let mut ok = Response::to_request(&invite, Status::OK);
                ok.headers.push(Name::Contact, self.dialog.contact());
                ok.headers.push(Name::Server, &profile.agent);
                push_abilities(&mut ok.headers);
                ok.set_body(SDP, sdp);
                self.answer = Answer::send(now, endpoint, transaction, ok);
            }
            Err(status) => endpoint.respond(now, transaction, Response::to_request(&invite, status)),
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.answer {
            Answer::Unacknowledged { resend_at, .. } => Some(resend_at),
            Answer::Settled | Answer::Pending { .. } => None,
        }
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice) {
        let Answer::Unacknowledged { transaction, ok, resend_at, resend_after, give_up_at } =
            &mut self.answer
        else {
            return;
        };
        if *resend_at > step.now {
            return;
        }
        if *give_up_at <= step.now {
            // RFC 3261 §13.3.1.4: no ACK within 64*T1; the dialog is confirmed, and should be ended.
            self.answer = Answer::Settled;
            if matches!(self.bye, Bye::Unsaid) {
                step.tray.push(Event::Ended { status: Some(Status::REQUEST_TIMEOUT) });
            }
            return self.send_bye(step, profile, dice);
        }
        step.endpoint.respond(step.now, *transaction, ok.clone());
        *resend_after = T2.min(resend_after.saturating_mul(2));
        *resend_at = (step.now + *resend_after).min(*give_up_at);
    }

    fn on_request(
        &mut self,
        step: &mut Step<'_>,
        profile: &Profile,
        transaction: ServerId,
        request: Request,
    ) {
        let answer = |step: &mut Step<'_>, response| step.endpoint.respond(step.now, transaction, response);
        // RFC 3261 §14.2: an INVITE while the one before has no final answer is told to come again a little later.
        if request.method == Method::Invite && matches!(self.answer, Answer::Pending { .. }) {
            let mut response = Response::to_request(&request, Status::SERVER_INTERNAL_ERROR);
            response.headers.push(Name::RetryAfter, 1);
            return answer(step, response);
        }
        if let Err(status) = self.dialog.take_request(&request) {
            return answer(step, Response::to_request(&request, status));
        }
        let mut response = Response::to_request(&request, Status::OK);
        response.headers.push(Name::Server, &profile.agent);
        match request.method {
            Method::Bye => {
                answer(step, response);
                // RFC 3261 §15.1.2: what is still pending is answered with 487.
                self.refuse_pending(step, Status::REQUEST_TERMINATED);
                if matches!(self.bye, Bye::Unsaid) {
                    step.tray.push(Event::Ended { status: None });
                }
                self.answer = Answer::Settled;
                // Our own BYE, if it crosses this one, has an answer to come.
                if !matches!(self.bye, Bye::Sent(_)) {
                    self.bye = Bye::Over;
                }
            }
            Method::Invite if !matches!(self.bye, Bye::Unsaid) => {
                answer(step, Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
            }
            // RFC 5407 §3.1.4: until the ACK we don't know whether the first offer and answer are through.
            Method::Invite if matches!(self.answer, Answer::Unacknowledged { .. }) => {
                answer(step, Response::to_request(&request, Status::REQUEST_PENDING));
            }
            Method::Invite => {
                let sdp = sdp_of(&request.headers, &request.body);
                self.answer = Answer::Pending { transaction, invite: request };
                step.tray.push(Event::Reoffered { sdp });
            }
            // All else that an endpoint lets through needs no more than to be heard.
            _ => {
                push_abilities(&mut response.headers);
                answer(step, response);
            }
        }
    }

    fn on_ack(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice, ack: &Request) {
        if !matches!(&self.answer, Answer::Unacknowledged { ok, .. }
            if ok.headers.cseq().map(|it| it.number) == ack.headers.cseq().map(|it| it.number))
        {
            return;
        }
        self.answer = Answer::Settled;
        if matches!(self.bye, Bye::Owed) {
            self.send_bye(step, profile, dice);
        } else {
            step.tray.push(Event::Acknowledged { sdp: sdp_of(&ack.headers, &ack.body) });
        }
    }

    fn refuse_pending(&mut self, step: &mut Step<'_>, status: Status) {
        if matches!(self.answer, Answer::Pending { .. })
            && let Answer::Pending { transaction, invite } =
                core::mem::replace(&mut self.answer, Answer::Settled)
        {
            step.endpoint.respond(step.now, transaction, Response::to_request(&invite, status));
        }
    }

    fn send_bye(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice) {
        let mut bye = self.dialog.request(Method::Bye);
        bye.headers.push(Name::UserAgent, &profile.agent);
        if let Some(authenticator) = &mut profile.authenticator {
            authenticator.sign(&mut bye, dice);
        }
        self.bye = Bye::Leaving;
        self.post(step, bye);
    }

    fn on_bye_answered(
        &mut self,
        step: &mut Step<'_>,
        profile: &mut Profile,
        dice: &mut Dice,
        response: &Response,
    ) {
        if response.status.is_provisional() {
            return;
        }
        let is_challenge =
            matches!(response.status, Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED);
        if is_challenge && profile.authenticator.as_mut().is_some_and(|it| it.take_challenge(response)) {
            self.send_bye(step, profile, dice);
        } else {
            self.bye = Bye::Over;
        }
    }

    /// Sends a request to its next hop: on the dialog's own flow if that leads there, else on one that is opened.
    fn post(&mut self, step: &mut Step<'_>, request: Request) {
        let hop = self.dialog.next_hop();
        if leads_to(self.flow, hop) {
            self.send(step, self.flow, request);
        } else if self.waiting.len() < MAX_WAITING {
            self.waiting.push((step.endpoint.reach(step.now, hop), request));
        }
    }

    fn send(&mut self, step: &mut Step<'_>, flow: Flow, request: Request) {
        if request.method == Method::Ack {
            step.endpoint.send_ack(flow, request);
        } else {
            self.bye = Bye::Sent(step.endpoint.request(step.now, flow, request));
        }
    }

    fn on_reached(&mut self, step: &mut Step<'_>, route: RouteId, flow: Flow) {
        if let Some(request) = self.take_waiting(route) {
            self.send(step, flow, request);
        }
    }

    fn on_unreachable(&mut self, route: RouteId) {
        if self.take_waiting(route).is_some_and(|request| request.method == Method::Bye) {
            self.bye = Bye::Over;
        }
    }

    fn take_waiting(&mut self, route: RouteId) -> Option<Request> {
        let at = self.waiting.iter().position(|(own, _)| *own == route)?;
        Some(self.waiting.swap_remove(at).1)
    }
}

impl Answer {
    fn send(now: Instant, endpoint: &mut Endpoint, transaction: ServerId, ok: Response) -> Self {
        endpoint.respond(now, transaction, ok.clone());
        Self::Unacknowledged {
            transaction,
            ok,
            resend_at: now + T1,
            resend_after: T1,
            give_up_at: now + GIVE_UP,
        }
    }
}

/// Whether a hop is the flow's own far end, by its address alone.
fn leads_to(flow: Flow, hop: &crate::message::Uri) -> bool {
    hop.as_sip().is_some_and(|uri| {
        uri.host.ip() == Some(flow.remote.ip())
            && uri.port.unwrap_or(5060) == flow.remote.port()
            && uri.params.get("transport").is_none_or(|it| it.eq_ignore_ascii_case("udp"))
            && !uri.secure
            && !uri.params.has("maddr")
    })
}
