//! A dialog with an answered INVITE (RFC 3261 §13.2.2.4, §13.3.1.4, §14.2, §15): the 2xx until its ACK, the peer's new
//! offers, and the end by a BYE of either side.

use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use super::{Event, Profile, SDP, Step, admit, come_later, ok_to, sdp_of};
use crate::Show;
use crate::dialog::{Dialog, DialogId};
use crate::endpoint::{self, Alternatives, ClientId, Endpoint, RouteId, ServerId, leads_to};
use crate::flow::Flow;
use crate::message::{Method, Name, Request, Response, Status};
use crate::transaction::{GIVE_UP, T1, T2};

/// A dialog with an answered INVITE.
#[derive(Debug)]
pub(super) struct Confirmed {
    dialog: Dialog,
    /// The flow that the dialog came about on.
    flow: Flow,
    /// Caller: the ACK for our INVITE's 2xx.
    ack: Option<Ack>,
    answer: Answer,
    bye: Bye,
}

/// What acknowledges the 2xx to our INVITE, each time that it comes.
#[derive(Debug)]
struct Ack {
    request: Request,
    /// Its hop is being reached.
    route: Option<RouteId>,
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
    /// Its hop is being reached.
    Leaving { route: RouteId, bye: Request },
    /// It is out. A hop that was reached by name has perhaps other addresses.
    Sent { transaction: ClientId, alternatives: Option<Alternatives> },
    /// Nothing more to come.
    Over,
}

impl Confirmed {
    /// Our INVITE was answered: ACKs.
    pub(super) fn of_caller(step: &mut Step<'_>, dialog: Dialog, flow: Flow, invite: &Request) -> Self {
        let mut request = dialog.ack(invite.headers.cseq().map_or(0, |cseq| cseq.number));
        // RFC 3261 §22.1: an ACK has the credentials of its INVITE.
        request.headers.copy(Name::Authorization, &invite.headers);
        request.headers.copy(Name::ProxyAuthorization, &invite.headers);
        let ack = Some(Ack { request, route: None });
        let mut confirmed = Self { dialog, flow, ack, answer: Answer::Settled, bye: Bye::Unsaid };
        confirmed.acknowledge(step);
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
        Self { dialog, flow, ack: None, answer, bye: Bye::Unsaid }
    }

    pub(super) fn is_over(&self) -> bool {
        matches!(self.bye, Bye::Over)
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.dialog.id().local_tag
    }

    pub(super) fn show_states(&self, show: &mut Show<'_>) {
        let DialogId { call_id, local_tag, remote_tag } = self.dialog.id();
        show("dialog", format_args!("{call_id} {local_tag} {remote_tag}"), &self.bye);
        show("answer", format_args!("{call_id} {local_tag} {remote_tag}"), &self.answer);
    }

    pub(super) fn remote_tag(&self) -> &str {
        &self.dialog.id().remote_tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match event {
            E::Request { request, .. } | E::Ack { request, .. } => {
                !self.is_over() && DialogId::of_request(request).as_ref() == Some(self.dialog.id())
            }
            E::Cancelled { transaction } => {
                matches!(&self.answer, Answer::Pending { transaction: own, .. } if own == transaction)
            }
            E::Response { transaction, .. } | E::Failed { transaction, .. } => {
                matches!(&self.bye, Bye::Sent { transaction: own, .. } if own == transaction)
            }
            E::Reached { route, .. } | E::Unreachable { route, .. } => {
                self.is_acknowledging(*route) || self.is_leaving(*route)
            }
            E::Expired { .. } => false,
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
            E::Request { transaction, request, .. } => {
                self.on_request(step, profile, dice, transaction, request);
            }
            E::Ack { request, .. } => self.on_ack(step, profile, dice, &request),
            E::Cancelled { .. } => self.refuse_pending(step, Status::REQUEST_TERMINATED),
            E::Response { response, .. } => self.on_bye_answered(step, profile, dice, &response),
            E::Failed { .. } => self.on_bye_failed(step, profile, dice),
            E::Reached { route, flow, alternatives } => self.on_reached(step, route, flow, alternatives),
            E::Unreachable { route, .. } => self.on_unreachable(route),
            E::Expired { .. } => {}
        }
    }

    /// The ACK for the 2xx, or for a repeat of it. One that finds no way is made up for by the next repeat.
    pub(super) fn acknowledge(&mut self, step: &mut Step<'_>) {
        let Some(ack @ Ack { route: None, .. }) = &mut self.ack else { return };
        let hop = self.dialog.next_hop();
        if leads_to(self.flow, hop) {
            step.endpoint.send_ack(self.flow, ack.request.clone());
        } else {
            ack.route = Some(step.endpoint.reach(step.now, hop));
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
                let mut ok = ok_to(&invite, profile);
                ok.headers.push(Name::Contact, self.dialog.contact());
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
        dice: &mut Dice,
        transaction: ServerId,
        request: Request,
    ) {
        let admitted = admit(&mut self.dialog, &request);
        let response = match (admitted, &request.method) {
            (Err(refusal), _) => refusal,
            (Ok(()), Method::Bye) => {
                step.endpoint.respond(step.now, transaction, ok_to(&request, profile));
                return self.on_bye(step);
            }
            (Ok(()), Method::Invite) => match self.check_invite(&request, dice) {
                Err(refusal) => refusal,
                Ok(()) => {
                    let sdp = sdp_of(&request.headers, &request.body);
                    self.answer = Answer::Pending { transaction, invite: request };
                    return step.tray.push(Event::Reoffered { sdp });
                }
            },
            (Ok(()), _) => ok_to(&request, profile),
        };
        step.endpoint.respond(step.now, transaction, response);
    }

    /// Whether a new offer can be heard now.
    fn check_invite(&self, invite: &Request, dice: &mut Dice) -> Result<(), Response> {
        match (&self.bye, &self.answer) {
            (Bye::Unsaid, Answer::Settled) => Ok(()),
            (Bye::Unsaid, Answer::Pending { .. }) => Err(come_later(invite, dice)),
            // RFC 5407 §3.1.4: until the ACK we don't know whether the first offer and answer are through.
            (Bye::Unsaid, Answer::Unacknowledged { .. }) => {
                Err(Response::to_request(invite, Status::REQUEST_PENDING))
            }
            _ => Err(Response::to_request(invite, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
        }
    }

    /// The peer hangs up.
    fn on_bye(&mut self, step: &mut Step<'_>) {
        // RFC 3261 §15.1.2: what is still pending is answered with 487.
        self.refuse_pending(step, Status::REQUEST_TERMINATED);
        self.answer = Answer::Settled;
        if matches!(self.bye, Bye::Unsaid) {
            step.tray.push(Event::Ended { status: None });
        }
        // Our own BYE, if it crosses this one, has an answer to come.
        if !matches!(self.bye, Bye::Sent { .. }) {
            self.bye = Bye::Over;
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

    /// Sends a BYE: on the dialog's own flow if that leads to the next hop, else on one that is opened.
    fn send_bye(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice) {
        let bye = self.compose_bye(profile, dice);
        let hop = self.dialog.next_hop();
        self.bye = if leads_to(self.flow, hop) {
            let transaction = step.endpoint.request(step.now, self.flow, bye);
            Bye::Sent { transaction, alternatives: None }
        } else {
            Bye::Leaving { route: step.endpoint.reach(step.now, hop), bye }
        };
    }

    fn compose_bye(&mut self, profile: &mut Profile, dice: &mut Dice) -> Request {
        let mut bye = self.dialog.request(Method::Bye);
        bye.headers.push(Name::UserAgent, &profile.agent);
        profile.sign(&mut bye, dice);
        bye
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
        if profile.take_challenge(response) {
            self.send_bye(step, profile, dice);
        } else if response.status == Status::SERVICE_UNAVAILABLE {
            self.on_bye_failed(step, profile, dice);
        } else {
            self.bye = Bye::Over;
        }
    }

    /// The hop doesn't work: it has perhaps another address (RFC 3263 §4.3).
    fn on_bye_failed(&mut self, step: &mut Step<'_>, profile: &mut Profile, dice: &mut Dice) {
        let next = match core::mem::replace(&mut self.bye, Bye::Over) {
            Bye::Sent { alternatives: Some(alternatives), .. } => step.endpoint.reach_next(alternatives),
            _ => None,
        };
        if let Some(route) = next {
            self.bye = Bye::Leaving { route, bye: self.compose_bye(profile, dice) };
        }
    }

    fn on_reached(&mut self, step: &mut Step<'_>, reached: RouteId, flow: Flow, alternatives: Alternatives) {
        if self.is_leaving(reached)
            && let Bye::Leaving { bye, .. } = core::mem::replace(&mut self.bye, Bye::Over)
        {
            let transaction = step.endpoint.request(step.now, flow, bye);
            self.bye = Bye::Sent { transaction, alternatives: Some(alternatives) };
        } else if let Some(ack) = &mut self.ack {
            ack.route = None;
            step.endpoint.send_ack(flow, ack.request.clone());
        }
    }

    fn on_unreachable(&mut self, route: RouteId) {
        if self.is_leaving(route) {
            self.bye = Bye::Over;
        } else if let Some(ack) = &mut self.ack {
            ack.route = None;
        }
    }

    fn is_acknowledging(&self, reached: RouteId) -> bool {
        matches!(&self.ack, Some(Ack { route: Some(route), .. }) if *route == reached)
    }

    fn is_leaving(&self, reached: RouteId) -> bool {
        matches!(&self.bye, Bye::Leaving { route, .. } if *route == reached)
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
