//! The caller's side until an answer: a flow to the first hop, the INVITE, challenges, other addresses, the answers of
//! all forks (RFC 3261 §13.2, §22.2; RFC 3263 §4.3).

use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Instant};

use super::admit::{push_abilities, sdp_of};
use super::confirmed::{Confirmed, Line};
use super::targets::Targets;
use super::{Event, Invitation, Profile, SDP, State, Step};
use crate::dialog::{Dialog, MAX_FORWARDS, is_same_host, push_first_route};
use crate::endpoint::{self, Alternatives, ClientId, Endpoint, RouteId};
use crate::flow::Flow;
use crate::message::{CSeq, Method, Name, NameAddr, Request, Response, Status, Uri};
use crate::transaction::GIVE_UP;

/// A flow to the first hop is being opened.
#[derive(Debug)]
pub(super) struct Reaching {
    route: RouteId,
    draft: Draft,
}

/// What all INVITEs of one call have in common.
#[derive(Clone, Debug)]
struct Draft {
    /// Where it goes now: what a 3xx said may stand in place of what the user wanted.
    invitation: Invitation,
    /// Whom the user called.
    to: NameAddr,
    targets: Targets,
    tag: String,
    /// CSeq number of the last INVITE sent.
    number: u32,
}

impl Reaching {
    pub(super) fn new(
        now: Instant,
        endpoint: &mut Endpoint,
        invitation: Invitation,
        dice: &mut Dice,
    ) -> Self {
        let route = endpoint.reach(now, &invitation.hop);
        let to = NameAddr::new(invitation.target.clone());
        let targets = Targets::new(invitation.target.clone());
        Self { route, draft: Draft { invitation, to, targets, tag: dice.hex(2), number: 0 } }
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.draft.tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event::{Reached, Unreachable};
        matches!(event, Reached { route, .. } | Unreachable { route, .. } if *route == self.route)
    }

    pub(super) fn on_event(self, step: &mut Step<'_>, event: endpoint::Event) -> State {
        if let endpoint::Event::Reached { flow, alternatives, .. } = event {
            step.tray.push(Event::Reached(flow));
            State::Composing(Composing { flow, alternatives, draft: self.draft })
        } else {
            // RFC 3261 §8.1.3.1: an error of the transport is taken for a 503.
            self.draft.go_on(step, Status::SERVICE_UNAVAILABLE)
        }
    }
}

/// The flow is open; the user composes the offer.
#[derive(Debug)]
pub(super) struct Composing {
    flow: Flow,
    alternatives: Alternatives,
    draft: Draft,
}

impl Composing {
    pub(super) fn local_tag(&self) -> &str {
        &self.draft.tag
    }

    /// Sends the INVITE.
    pub(super) fn send(mut self, step: &mut Step<'_>, call_id: &str, sdp: Vec<u8>) -> Calling {
        self.draft.number = self.draft.number.saturating_add(1);
        let mut invite = self.draft.write(step.profile, call_id, self.flow);
        invite.set_body(SDP, sdp);
        step.profile.sign(&mut invite, step.dice);
        Calling {
            transaction: step.endpoint.request(step.now, self.flow, invite.clone()),
            flow: self.flow,
            alternatives: self.alternatives,
            draft: self.draft,
            invite,
            has_given_up: false,
        }
    }
}

impl Draft {
    fn write(&self, profile: &Profile, call_id: &str, flow: Flow) -> Request {
        let mut invite = Request::new(Method::Invite, self.invitation.target.clone());
        let headers = &mut invite.headers;
        push_first_route(headers, &self.invitation.target, &self.invitation.hop);
        headers.push(Name::MaxForwards, MAX_FORWARDS);
        headers.push(Name::From, profile.address.clone().with_tag(&self.tag));
        headers.push(Name::To, &self.to);
        headers.push(Name::CallId, call_id);
        headers.push(Name::CSeq, CSeq { number: self.number, method: Method::Invite });
        headers.push(Name::Contact, profile.contact(flow));
        headers.push(Name::UserAgent, &profile.agent);
        push_abilities(headers);
        for (name, value) in &self.invitation.headers {
            headers.push(Name::parse(name), value);
        }
        invite
    }

    /// This address has come to nothing: the next one that a 3xx has named, if there is one (RFC 3261 §8.1.3.4).
    fn go_on(mut self, step: &mut Step<'_>, status: Status) -> State {
        // RFC 3261 §21.6: nobody else will answer either.
        let is_all = status.code() >= 600;
        let Some(target) = self.targets.next().filter(|_| !is_all) else {
            step.tray.push(Event::Ended { status: Some(status) });
            return State::Over;
        };
        if self.invitation.redirect(target) {
            step.profile.forget_challenges();
        }
        let route = step.endpoint.reach(step.now, &self.invitation.hop);
        State::Reaching(Reaching { route, draft: self })
    }
}

impl Invitation {
    /// The hop stays where it is a proxy between us and the target, or the new target's own host; else the new target
    /// itself is the hop. True if the hop is another one.
    fn redirect(&mut self, target: Uri) -> bool {
        let is_proxy = !is_same_host(&self.hop, &self.target);
        let names_more = target.as_sip().is_some_and(|it| it.port.is_some() || it.params.has("transport"));
        let is_another = !is_proxy && (names_more || !is_same_host(&self.hop, &target));
        if is_another {
            self.hop = target.clone();
        }
        self.target = target;
        is_another
    }
}

/// The INVITE is out.
#[derive(Debug)]
pub(super) struct Calling {
    transaction: ClientId,
    flow: Flow,
    alternatives: Alternatives,
    draft: Draft,
    /// As it was sent last, but for its Via.
    invite: Request,
    /// The user has hung up: whatever the answer, it only ends the call.
    has_given_up: bool,
}

impl Calling {
    pub(super) fn local_tag(&self) -> &str {
        &self.draft.tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event::{Failed, Response};
        matches!(event, Response { transaction, .. } | Failed { transaction, .. }
            if *transaction == self.transaction)
    }

    /// RFC 3261 §9.1; the endpoint waits for a provisional answer with it.
    pub(super) fn give_up(&mut self, step: &mut Step<'_>) {
        self.has_given_up = true;
        step.endpoint.cancel(step.now, self.transaction);
    }

    pub(super) fn on_event(self, step: &mut Step<'_>, event: endpoint::Event) -> State {
        match event {
            endpoint::Event::Response { flow, response, .. } => self.on_response(step, flow, &response),
            endpoint::Event::Failed { reason, .. } => self.on_failure(step, reason.status()),
            _ => State::Calling(self),
        }
    }

    fn on_response(mut self, step: &mut Step<'_>, flow: Flow, response: &Response) -> State {
        let status = response.status;
        if status.is_provisional() {
            let sdp = sdp_of(&response.headers, &response.body);
            step.tray.push(Event::Progress { status, sdp });
            State::Calling(self)
        } else if status.is_success() {
            self.on_success(step, flow, response)
        } else if !self.has_given_up && step.profile.take_challenge(response) {
            self.send_again(step);
            State::Calling(self)
        } else if status == Status::SERVICE_UNAVAILABLE {
            self.on_failure(step, status)
        } else if status.is_redirection() {
            self.draft.targets.take(response);
            self.end(step, status)
        } else {
            self.end(step, status)
        }
    }

    fn on_success(self, step: &mut Step<'_>, flow: Flow, response: &Response) -> State {
        let until = step.now + GIVE_UP;
        let Some(mut kept) = self.confirm(step, flow, response, until) else {
            // A 2xx that makes no dialog can be neither ACKed nor ended.
            return self.end(step, Status::SERVER_INTERNAL_ERROR);
        };
        if self.has_given_up {
            kept.hang_up(step);
        } else {
            step.tray.push(Event::Answered { sdp: sdp_of(&response.headers, &response.body) });
        }
        State::Confirmed(kept, Some(Forks { until, calling: self }))
    }

    /// The dialog of a 2xx, its ACK on the way.
    fn confirm(
        &self,
        step: &mut Step<'_>,
        flow: Flow,
        response: &Response,
        until: Instant,
    ) -> Option<Confirmed> {
        let dialog = Dialog::of_caller(&self.invite, response).ok()?;
        let hop = (self.draft.invitation.hop.clone(), self.alternatives.clone());
        let line = Line::of_caller(dialog, flow, hop);
        Some(Confirmed::of_caller(step, line, (self.transaction, &self.invite), until))
    }

    /// The same INVITE with credentials (RFC 3261 §22.2): the next number, the same Call-ID, From and To.
    fn send_again(&mut self, step: &mut Step<'_>) {
        self.draft.number = self.draft.number.saturating_add(1);
        self.invite.headers.set(Name::CSeq, CSeq { number: self.draft.number, method: Method::Invite });
        step.profile.sign(&mut self.invite, step.dice);
        self.transaction = step.endpoint.request(step.now, self.flow, self.invite.clone());
    }

    /// The hop doesn't work: it has perhaps another address (RFC 3263 §4.3).
    fn on_failure(self, step: &mut Step<'_>, status: Status) -> State {
        let next = if self.has_given_up { None } else { step.endpoint.reach_next(self.alternatives.clone()) };
        match next {
            Some(route) => State::Reaching(Reaching { route, draft: self.draft }),
            None => self.end(step, status),
        }
    }

    /// It has come to nothing.
    fn end(self, step: &mut Step<'_>, status: Status) -> State {
        if self.has_given_up { State::Over } else { self.draft.go_on(step, status) }
    }
}

/// An INVITE that was answered: other forks may answer too, until its transaction ends (RFC 6026 §7.2, timer M).
#[derive(Debug)]
pub(super) struct Forks {
    calling: Calling,
    pub(super) until: Instant,
}

impl Forks {
    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        self.calling.owns(event)
    }

    /// The INVITE's transaction.
    pub(super) const fn transaction(&self) -> ClientId {
        self.calling.transaction
    }

    /// The dialog of another fork's 2xx, its ACK on the way.
    pub(super) fn confirm(&self, step: &mut Step<'_>, flow: Flow, response: &Response) -> Option<Confirmed> {
        self.calling.confirm(step, flow, response, self.until)
    }
}
