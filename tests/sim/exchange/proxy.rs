//! The exchange's proxy (RFC 3261 §16): it forwards a request to all places where its user is, and the answers back.

use std::net::SocketAddr;

use base::Instant;
use sip::endpoint::{ClientId, Endpoint, ServerId};
use sip::message::{Method, Name, NameAddr, Request, Response, SipUri, Status, Uri};

use super::{RINGS_FOR, address_of, flow};

pub(super) struct Proxy {
    address: SocketAddr,
    stays_in_path: bool,
    forwards: Vec<Forward>,
}

/// A request on its way, and the way back for its answers: a response context.
struct Forward {
    request: Request,
    server: ServerId,
    branches: Vec<Branch>,
    /// An INVITE that has no final answer yet is cancelled then.
    cancel_at: Option<Instant>,
    /// The best of what has been refused so far, and whether a 2xx has gone back.
    best: Option<Response>,
    is_won: bool,
    /// Whoever was called sends the caller elsewhere.
    is_redirected: bool,
}

struct Branch {
    client: ClientId,
    is_final: bool,
}

impl Proxy {
    pub(super) const fn new(address: SocketAddr, stays_in_path: bool) -> Self {
        Self { address, stays_in_path, forwards: Vec::new() }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.forwards.iter().filter_map(|forward| forward.cancel_at).min()
    }

    pub(super) fn is_forked(&self, call_id: &str) -> bool {
        let is_it = |forward: &&Forward| forward.request.headers.call_id() == Ok(call_id);
        self.forwards.iter().filter(is_it).any(|it| it.branches.len() > 1 || it.is_redirected)
    }

    pub(super) fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint) {
        for forward in self.forwards.iter_mut().filter(|it| it.cancel_at.is_some_and(|at| at <= now)) {
            forward.cancel(now, endpoint);
        }
    }

    /// RFC 3261 §16.6.
    pub(super) fn forward(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        server: ServerId,
        request: Request,
        targets: &[Uri],
    ) {
        let is_invite = request.method == Method::Invite;
        let mut branches = Vec::new();
        for target in targets {
            let Some(remote) = address_of(target) else { continue };
            let mut onward = request.clone();
            onward.uri = target.clone();
            pass(&mut onward);
            if is_invite && self.stays_in_path {
                let own = SipUri::new(None, self.address.ip().into(), Some(self.address.port()));
                let route = NameAddr::new(Uri::Sip(own.with_param("lr", None)));
                onward.headers.push_front(Name::RecordRoute, route);
            }
            let client = endpoint.request(now, flow(self.address, remote), onward);
            branches.push(Branch { client, is_final: false });
        }
        if branches.is_empty() {
            return endpoint.respond(now, server, Response::to_request(&request, Status::NOT_FOUND));
        }
        let cancel_at = is_invite.then(|| now + RINGS_FOR);
        let (best, is_won, is_redirected) = (None, false, false);
        self.forwards.push(Forward { request, server, branches, cancel_at, best, is_won, is_redirected });
    }

    /// The ACK for a 2xx has no transaction and no answer. One for the exchange itself is of a refusal that it has forgotten.
    pub(super) fn forward_ack(&self, endpoint: &mut Endpoint, mut ack: Request) {
        pass(&mut ack);
        if let Some(remote) = address_of(&ack.uri).filter(|remote| *remote != self.address) {
            endpoint.send_ack(flow(self.address, remote), ack);
        }
    }

    /// The caller gave up.
    pub(super) fn cancel(&mut self, now: Instant, endpoint: &mut Endpoint, server: ServerId) {
        if let Some(forward) = self.forwards.iter_mut().find(|it| it.server == server) {
            forward.cancel(now, endpoint);
        }
    }

    pub(super) fn on_failed(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        client: ClientId,
        status: Status,
    ) {
        if let Some(forward) = self.by_client(client) {
            let response = Response::to_request(&forward.request, status);
            forward.on_refused(now, endpoint, client, response);
        }
    }

    /// RFC 3261 §16.7.
    pub(super) fn on_response(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        client: ClientId,
        mut response: Response,
    ) {
        let Some(forward) = self.by_client(client) else { return };
        response.headers.remove(Name::Via);
        let vias: Vec<&str> = forward.request.headers.all(Name::Via).collect();
        for via in vias.into_iter().rev() {
            response.headers.push_front(Name::Via, via);
        }
        if response.status.is_success() {
            forward.settle(client);
            forward.is_won = true;
            endpoint.respond(now, forward.server, response);
            forward.cancel(now, endpoint);
        } else if response.status.is_final() {
            forward.is_redirected |= response.status.is_redirection();
            forward.on_refused(now, endpoint, client, response);
        } else if !forward.is_won {
            endpoint.respond(now, forward.server, response);
        }
    }

    fn by_client(&mut self, client: ClientId) -> Option<&mut Forward> {
        self.forwards.iter_mut().find(|forward| forward.branches.iter().any(|it| it.client == client))
    }
}

impl Forward {
    fn cancel(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.cancel_at = None;
        for branch in self.branches.iter().filter(|branch| !branch.is_final) {
            endpoint.cancel(now, branch.client);
        }
    }

    fn settle(&mut self, client: ClientId) {
        for branch in self.branches.iter_mut().filter(|branch| branch.client == client) {
            branch.is_final = true;
        }
    }

    /// The best answer goes back when all have come: a 6xx, which also ends the search, else the lowest status.
    fn on_refused(&mut self, now: Instant, endpoint: &mut Endpoint, client: ClientId, response: Response) {
        self.settle(client);
        if response.status.code() >= 600 {
            self.cancel(now, endpoint);
        }
        let rank = |response: &Response| match response.status.code() {
            600.. => 0,
            // That the same phone was asked twice says nothing of the call.
            482 => 999,
            other => other,
        };
        if self.best.as_ref().is_none_or(|best| rank(&response) < rank(best)) {
            self.best = Some(response);
        }
        if !self.is_won && self.branches.iter().all(|branch| branch.is_final) {
            self.cancel_at = None;
            if let Some(best) = self.best.take() {
                endpoint.respond(now, self.server, best);
            }
        }
    }
}

/// What it changes in any request: one hop less to go, and its own Route is done with. The way back is its own secret:
/// it keeps the Vias.
fn pass(request: &mut Request) {
    request.headers.remove(Name::Via);
    let hops = request.headers.max_forwards().ok().flatten().unwrap_or(70);
    request.headers.set(Name::MaxForwards, hops.saturating_sub(1));
    let routes = request.headers.routes(Name::Route).unwrap_or_default();
    request.headers.remove(Name::Route);
    for route in routes.iter().skip(1) {
        request.headers.push(Name::Route, route);
    }
}
