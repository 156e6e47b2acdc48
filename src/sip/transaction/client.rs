//! A client transaction of either kind, the tray it writes into, and the requests that it makes itself: the ACK for a
//! final answer other than 2xx, and the CANCEL.

use alloc::collections::VecDeque;
use alloc::vec::Vec;

use base::Instant;

use super::Machine;
use super::client_invite::ClientInvite;
use super::client_non_invite::ClientNonInvite;
use crate::Show;
use crate::endpoint::{ClientId, Event, Failure, Output};
use crate::flow::Flow;
use crate::message::{CSeq, Headers, Method, Name, Request, Response, Status};

/// Where a client transaction writes.
#[derive(Debug)]
pub(crate) struct ClientTray<'a> {
    pub(crate) outputs: &'a mut VecDeque<Output>,
    pub(crate) flow: Flow,
    /// Whom events name; `None` for the endpoint's own CANCEL, which nobody is told of.
    pub(crate) told: Option<ClientId>,
}

impl ClientTray<'_> {
    pub(super) const fn is_unreliable(&self) -> bool {
        !self.flow.link.transport().is_reliable()
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send { flow: self.flow, bytes });
    }

    /// A 100 only says that repeats can stop: nothing that a user could act on.
    pub(super) fn tell_response(&mut self, response: Response) {
        let flow = self.flow;
        if response.status != Status::TRYING {
            self.tell(|transaction| Event::Response { transaction, flow, response });
        }
    }

    pub(super) fn tell_failed(&mut self, reason: Failure) {
        self.tell(|transaction| Event::Failed { transaction, reason });
    }

    fn tell(&mut self, event: impl FnOnce(ClientId) -> Event) {
        self.outputs.extend(self.told.map(|transaction| Output::Event(event(transaction))));
    }
}

#[derive(Debug)]
enum Kind {
    Invite(ClientInvite),
    NonInvite(ClientNonInvite),
}

/// A client transaction.
#[derive(Debug)]
pub(crate) struct Client {
    flow: Flow,
    told: Option<ClientId>,
    kind: Kind,
}

impl Client {
    /// Sends `request`, which has its Via.
    pub(crate) fn start(now: Instant, request: Request, mut tray: ClientTray<'_>) -> Self {
        let kind = if request.method == Method::Invite {
            Kind::Invite(ClientInvite::start(now, request, &mut tray))
        } else {
            Kind::NonInvite(ClientNonInvite::start(now, &request, &mut tray))
        };
        Self { flow: tray.flow, told: tray.told, kind }
    }

    /// The flow that its requests go out on.
    pub(crate) const fn flow(&self) -> Flow {
        self.flow
    }

    /// Takes an answer; gives back a CANCEL that may go out now.
    pub(crate) fn on_response(
        &mut self,
        now: Instant,
        response: Response,
        outputs: &mut VecDeque<Output>,
    ) -> Option<Request> {
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_response(now, response, &mut tray),
            Kind::NonInvite(other) => {
                other.on_response(now, response, &mut tray);
                None
            }
        }
    }

    /// Gives an INVITE up; gives back the CANCEL if it may go out now.
    pub(crate) fn cancel(&mut self, now: Instant) -> Option<Request> {
        match &mut self.kind {
            Kind::Invite(invite) => invite.cancel(now),
            Kind::NonInvite(_) => None,
        }
    }

    pub(crate) fn on_timeout(&mut self, now: Instant, outputs: &mut VecDeque<Output>) {
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_timeout(now, &mut tray),
            Kind::NonInvite(other) => other.on_timeout(now, &mut tray),
        }
    }

    pub(crate) fn on_failed(&mut self, reason: Failure, outputs: &mut VecDeque<Output>) {
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_failed(reason, &mut tray),
            Kind::NonInvite(other) => other.on_failed(reason, &mut tray),
        }
    }

    pub(crate) fn show_state(&self, number: u64, show: &mut Show<'_>) {
        match &self.kind {
            Kind::Invite(invite) => show("INVITE client", format_args!("{number}"), invite),
            Kind::NonInvite(other) => show("non-INVITE client", format_args!("{number}"), other),
        }
    }

    fn split<'a>(&'a mut self, outputs: &'a mut VecDeque<Output>) -> (&'a mut Kind, ClientTray<'a>) {
        (&mut self.kind, ClientTray { outputs, flow: self.flow, told: self.told })
    }
}

impl Machine for Client {
    fn deadline(&self) -> Option<Instant> {
        match &self.kind {
            Kind::Invite(invite) => invite.deadline(),
            Kind::NonInvite(other) => other.deadline(),
        }
    }

    fn is_terminated(&self) -> bool {
        matches!(
            self.kind,
            Kind::Invite(ClientInvite::Terminated) | Kind::NonInvite(ClientNonInvite::Terminated)
        )
    }
}

/// RFC 3261 §17.1.1.3: all of the INVITE's but To, which is the answer's.
pub(super) fn ack_of(invite: &Request, response: &Response) -> Request {
    let to = response.headers.get(Name::To).or_else(|| invite.headers.get(Name::To));
    hop_request(invite, Method::Ack, to)
}

/// RFC 3261 §9.1.
pub(super) fn cancel_of(invite: &Request) -> Request {
    hop_request(invite, Method::Cancel, invite.headers.get(Name::To))
}

/// What ACK and CANCEL share: they go the way of the INVITE, with its topmost Via (so its branch) and its Routes.
fn hop_request(invite: &Request, method: Method, to: Option<&str>) -> Request {
    let mut headers = Headers::new();
    for name in [Name::Via, Name::MaxForwards, Name::Route, Name::From] {
        let most = if name == Name::Via { 1 } else { usize::MAX };
        invite.headers.all(name).take(most).for_each(|value| headers.push(name, value));
    }
    to.into_iter().for_each(|to| headers.push(Name::To, to));
    invite.headers.get(Name::CallId).into_iter().for_each(|value| headers.push(Name::CallId, value));
    let number = invite.headers.cseq().map_or(0, |cseq| cseq.number);
    headers.push(Name::CSeq, CSeq { number, method: method.clone() });
    Request { method, uri: invite.uri.clone(), headers, body: Vec::new() }
}
