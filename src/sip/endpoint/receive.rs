//! What comes in on a SIP flow: to which transaction it belongs, or which one it begins (RFC 3261 §18.2.1, §17.2.3,
//! §8.2.2.2, §9.2).

use core::net::SocketAddr;

use base::Instant;

use super::{Endpoint, Event, Output, ServerId};
use crate::flow::Flow;
use crate::message::{HeaderError, Message, Method, Name, Request, Response, Status, Via};
use crate::transaction::{ClientKey, MergeKey, Server, ServerKey};

/// When a peer that was refused for want of room may ask again, in seconds: by then a flood's first transactions have
/// lapsed.
const RETRY_AFTER_S: u32 = 32;

/// The port of a sent-by that names none (RFC 3261 §18.2.2): servers that write a Via anew leave it out.
const DEFAULT_PORT: u16 = 5060;

impl Endpoint {
    pub(super) fn on_datagram(&mut self, now: Instant, flow: Flow, bytes: &[u8]) {
        match Message::parse(bytes) {
            Ok(Message::Request(request)) => self.on_request(now, flow, request),
            Ok(Message::Response(response)) => self.on_response(now, response),
            Err(error) => {
                if let Some(answer) = error.answer {
                    self.refuse(now, flow, *answer);
                }
            }
        }
    }

    /// RFC 3261 §17.1.3. An answer to nothing, or that names another sender than the one that asked (§18.1.2), is
    /// dropped.
    fn on_response(&mut self, now: Instant, response: Response) {
        let Ok(via) = response.headers.via() else { return };
        let number = ClientKey::of_response(&response, &via).and_then(|key| self.clients.number(&key));
        let known = number.and_then(|number| Some((number, self.clients.get(number)?.flow())));
        let Some((number, flow)) = known else { return };
        let port = via.port.unwrap_or(DEFAULT_PORT);
        if via.host.ip() != Some(flow.local.ip()) || port != flow.local.port() {
            return;
        }
        // RFC 3263 §4.3: who can't serve is as good as silent.
        if response.status != Status::SERVICE_UNAVAILABLE {
            self.routes.hear(flow.remote);
        }
        let outputs = &mut self.outputs;
        let cancel = self.clients.change(number, |client| client.on_response(now, response, outputs));
        if let Some(cancel) = cancel.flatten() {
            self.send_cancel(now, flow, cancel);
        }
    }

    fn on_request(&mut self, now: Instant, flow: Flow, mut request: Request) {
        let Ok(Identity { mut via, key, merge }) = Identity::of(&request) else {
            return self.refuse(now, flow, Response::to_request(&request, Status::BAD_REQUEST));
        };
        via.note_source(flow.remote);
        request.headers.set_via(&via);
        let belongs_to_invite = matches!(request.method, Method::Ack | Method::Cancel);
        let invite = if belongs_to_invite { self.servers.number(&key.of_invite()) } else { None };
        if request.method == Method::Ack {
            return self.on_ack(now, flow, invite, request);
        }
        if let Some(number) = self.servers.number(&key) {
            let outputs = &mut self.outputs;
            self.servers.change(number, |server| server.on_repeat(outputs));
            return;
        }
        if merge.is_some() && self.servers.iter().any(|(_, server)| server.merge() == merge.as_ref()) {
            return self.refuse(now, flow, Response::to_request(&request, Status::LOOP_DETECTED));
        }
        if !self.make_room() {
            let mut busy = Response::to_request(&request, Status::SERVICE_UNAVAILABLE);
            busy.headers.push(Name::RetryAfter, RETRY_AFTER_S);
            return self.refuse(now, flow, busy);
        }
        let transaction = self.start_server(now, flow, Identity { via, key, merge }, &request);
        if request.method == Method::Cancel {
            self.on_cancel(now, invite, transaction, &request);
        } else {
            self.tell(Event::Request { transaction, flow, request });
        }
    }

    /// RFC 3261 §17.2.1: the ACK of an answer of 300 and above ends its repeats; any other is the user's.
    fn on_ack(&mut self, now: Instant, flow: Flow, invite: Option<u64>, request: Request) {
        let outputs = &mut self.outputs;
        let is_users = invite.and_then(|number| self.servers.change(number, |it| it.on_ack(now, outputs)));
        if is_users.unwrap_or(true) {
            self.tell(Event::Ack { flow, request });
        }
    }

    /// RFC 3261 §9.2: a CANCEL is answered with the To tag that the INVITE's answers have, and has an effect before the
    /// final one only.
    fn on_cancel(&mut self, now: Instant, invite: Option<u64>, transaction: ServerId, cancel: &Request) {
        let Some((number, server)) = invite.and_then(|number| Some((number, self.servers.get(number)?)))
        else {
            let unknown = Response::to_request(cancel, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
            return self.respond(now, transaction, unknown);
        };
        let mut ok = Response::to_request(cancel, Status::OK);
        ok.set_to_tag(server.tag());
        let is_cancellable = server.is_cancellable();
        self.respond(now, transaction, ok);
        if is_cancellable {
            self.tell(Event::Cancelled { transaction: ServerId(number) });
        }
    }

    fn start_server(&mut self, now: Instant, flow: Flow, identity: Identity, request: &Request) -> ServerId {
        let Identity { via, key, merge } = identity;
        let id = ServerId(self.new_id());
        let tag = self.dice.hex(2);
        let trying =
            (request.method == Method::Invite).then(|| Response::to_request(request, Status::TRYING));
        self.servers.insert(id.0, key, Server::start(now, id, reply_flow(flow, &via), merge, tag, trying));
        id
    }

    /// Whether one more server transaction may begin. If there are as many as there may be, one that has been answered
    /// and only absorbs repeats is forgotten: all that this can cost is that a repeat is taken for a new request.
    fn make_room(&mut self) -> bool {
        if !self.servers.is_full() {
            return true;
        }
        let answered = self.servers.by_deadline().find(|(_, server)| server.is_answered());
        let Some(number) = answered.map(|(number, _)| number) else { return false };
        self.servers.remove(number);
        true
    }

    /// Answers without a transaction, if the allowance permits.
    fn refuse(&mut self, now: Instant, flow: Flow, mut response: Response) {
        let Ok(mut via) = response.headers.via() else { return };
        if !self.refusals.allow(now) {
            return;
        }
        via.note_source(flow.remote);
        response.headers.set_via(&via);
        response.set_to_tag(&self.refusals.tag);
        self.outputs.push_back(Output::Send { flow: reply_flow(flow, &via), bytes: response.to_bytes() });
    }
}

/// What tells a request from others.
struct Identity {
    via: Via,
    key: ServerKey,
    merge: Option<MergeKey>,
}

impl Identity {
    fn of(request: &Request) -> Result<Self, HeaderError> {
        let via = request.headers.via()?;
        Ok(Self { key: ServerKey::new(request, &via)?, merge: MergeKey::new(request)?, via })
    }
}

/// RFC 3261 §18.2.2, RFC 3581 §4: answers leave from where the request came in. Over UDP they go to its source address,
/// at the source port if `rport` asks so, else at the sent-by's. (`maddr` is not followed: it would let anybody aim our
/// answers at anyone, and no peer asks for multicast any more.)
fn reply_flow(flow: Flow, via: &Via) -> Flow {
    if flow.link.transport().is_reliable() || via.wants_rport() {
        return flow;
    }
    Flow { remote: SocketAddr::new(flow.remote.ip(), via.port.unwrap_or(DEFAULT_PORT)), ..flow }
}
