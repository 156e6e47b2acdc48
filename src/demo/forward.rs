//! Calls from one phone to another: the exchange forwards the INVITE and its answers (RFC 3261 §16), and is in nobody's
//! way after that, for all else in the call goes from phone to phone.

use base::{Duration, Instant};
use sip::endpoint::{ClientId, Endpoint, Event, ServerId};
use sip::flow::Flow;
use sip::message::{Name, Request, Response, Status, Uri};

/// Calls that are being forwarded. A user of two phones has no more under way; one more finds the line busy.
pub(super) const MAX_FORWARDS: usize = 16;

/// How long a phone may ring (RFC 3261 §16.6, timer C).
const RINGS_FOR: Duration = Duration::from_secs(181);

/// A 2xx comes again until its ACK has arrived, for 64*T1 (RFC 3261 §13.3.1.4).
const REPEATS_FOR: Duration = Duration::from_secs(32);

/// Hops that an INVITE without Max-Forwards may take (RFC 3261 §16.6, step 3).
const USUAL_HOPS: u32 = 70;

/// An INVITE on its way, and the way back for its answers.
#[derive(Debug)]
pub(super) struct Forward {
    request: Request,
    server: ServerId,
    client: ClientId,
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// The phone has not answered yet; until then it may.
    Ringing(Instant),
    /// The caller has given up, or it rang for too long: the answer to the CANCEL is awaited.
    Cancelled,
    /// It has accepted the call, and may say so again until then.
    Accepted(Instant),
    Over,
}

impl Forward {
    /// Sends the INVITE on to `target`, which `flow` leads to.
    ///
    /// # Errors
    /// 483: it has come too far.
    pub(super) fn start(
        now: Instant,
        endpoint: &mut Endpoint,
        (server, request): (ServerId, &Request),
        (target, flow): (Uri, Flow),
    ) -> Result<Self, Status> {
        let hops = request.headers.max_forwards().ok().flatten().unwrap_or(USUAL_HOPS);
        let mut onward = request.clone();
        onward.uri = target;
        let headers = &mut onward.headers;
        headers.set(Name::MaxForwards, hops.checked_sub(1).ok_or(Status::TOO_MANY_HOPS)?);
        // The answers find their way back by the request that is kept here; and the password was for us.
        for name in [Name::Via, Name::Route, Name::ProxyAuthorization] {
            headers.remove(name);
        }
        let client = endpoint.request(now, flow, onward);
        Ok(Self { request: request.clone(), server, client, state: State::Ringing(now + RINGS_FOR) })
    }

    pub(super) fn owns(&self, event: &Event) -> bool {
        match event {
            Event::Response { transaction, .. } | Event::Failed { transaction, .. } => {
                *transaction == self.client
            }
            Event::Cancelled { transaction } => *transaction == self.server,
            _ => false,
        }
    }

    pub(super) fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) {
        match event {
            Event::Response { response, .. } => self.on_response(now, endpoint, response),
            Event::Failed { reason, .. } => {
                let response = Response::to_request(&self.request, reason.status());
                endpoint.respond(now, self.server, response);
                self.state = State::Over;
            }
            Event::Cancelled { .. } => self.cancel(now, endpoint),
            _ => {}
        }
    }

    /// When `handle_timeout` is due.
    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Ringing(until) | State::Accepted(until) => Some(until),
            State::Cancelled | State::Over => None,
        }
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        match self.state {
            State::Ringing(until) if until <= now => self.cancel(now, endpoint),
            State::Accepted(until) if until <= now => self.state = State::Over,
            _ => {}
        }
    }

    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over
    }

    fn cancel(&mut self, now: Instant, endpoint: &mut Endpoint) {
        if matches!(self.state, State::Ringing(_)) {
            self.state = State::Cancelled;
            endpoint.cancel(now, self.client);
        }
    }

    /// RFC 3261 §16.7: by the way that the request came.
    fn on_response(&mut self, now: Instant, endpoint: &mut Endpoint, mut response: Response) {
        self.state = match self.state {
            State::Accepted(until) => State::Accepted(until),
            _ if response.status.is_success() => State::Accepted(now + REPEATS_FOR),
            _ if response.status.is_final() => State::Over,
            waiting => waiting,
        };
        response.headers.remove(Name::Via);
        let vias: Vec<&str> = self.request.headers.all(Name::Via).collect();
        for via in vias.into_iter().rev() {
            response.headers.push_front(Name::Via, via);
        }
        endpoint.respond(now, self.server, response);
    }
}
