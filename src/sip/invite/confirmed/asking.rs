//! A request of ours within a dialog until its final answer: by which flow it goes, the hop's other addresses, and
//! challenges (RFC 3261 §12.2.1, §22.2; RFC 3263 §4.3). One mechanism for all methods.

use alloc::vec::Vec;

use super::Line;
use crate::endpoint::{self, Alternatives, ClientId, RouteId};
use crate::flow::Flow;
use crate::invite::Step;
use crate::message::{Headers, Method, Name, Request, Response, Status, Uri};

/// What a request says beyond what its dialog makes it say: it is composed anew for each attempt.
#[derive(Debug)]
pub(super) struct Draft {
    method: Method,
    pub(super) headers: Headers,
    body: Vec<u8>,
}

/// A request that has no final answer yet.
#[derive(Debug)]
pub(super) struct Asking {
    draft: Draft,
    hop: Uri,
    way: Way,
    /// Any answer is the final one: it is not sent again, neither for a challenge nor elsewhere.
    is_last_try: bool,
}

#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a few for each call: a box would cost more than it saves")]
enum Way {
    /// Its hop is being reached, after another address of it has failed in that way.
    Reaching { route: RouteId, failed: Option<Response> },
    /// It is out. A hop that was reached by name has perhaps other addresses.
    Sent { transaction: ClientId, flow: Flow, alternatives: Option<Alternatives>, request: Request },
}

impl Draft {
    pub(super) const fn new(method: Method) -> Self {
        Self { method, headers: Headers::new(), body: Vec::new() }
    }

    pub(super) fn with_body(mut self, content_type: &str, body: Vec<u8>) -> Self {
        self.headers.push(Name::ContentType, content_type);
        Self { body, ..self }
    }

    /// The next request of the dialog, signed.
    fn compose(&self, step: &mut Step<'_>, line: &mut Line) -> Request {
        let mut request = line.dialog.request(self.method.clone());
        for (name, value) in self.headers.iter() {
            request.headers.push(name, value);
        }
        request.headers.push(Name::UserAgent, &step.profile.agent);
        request.body.clone_from(&self.body);
        step.profile.sign(&mut request, step.dice);
        request
    }
}

impl Asking {
    /// Sends it: on the flow that is known to lead to the next hop, else on one that is opened.
    pub(super) fn start(step: &mut Step<'_>, line: &mut Line, draft: Draft) -> Self {
        let hop = line.dialog.next_hop().clone();
        let way = match line.way_to(&hop) {
            Some((flow, alternatives)) => Way::send(step, line, &draft, flow, alternatives),
            None => Way::Reaching { route: step.endpoint.reach(step.now, &hop), failed: None },
        };
        Self { draft, hop, way, is_last_try: false }
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match (&self.way, event) {
            (Way::Reaching { route: own, .. }, E::Reached { route, .. } | E::Unreachable { route, .. }) => {
                own == route
            }
            (
                Way::Sent { transaction: own, .. },
                E::Response { transaction, .. } | E::Failed { transaction, .. },
            ) => own == transaction,
            _ => false,
        }
    }

    /// Takes an event that it owns. What it gives back is the final answer, or what RFC 3261 §8.1.3.1 takes the lack of
    /// one for; `None` while it goes on.
    pub(super) fn on_event(
        &mut self,
        step: &mut Step<'_>,
        line: &mut Line,
        event: endpoint::Event,
    ) -> Option<Response> {
        use endpoint::Event as E;
        match event {
            E::Reached { flow, alternatives, .. } => {
                self.way = Way::send(step, line, &self.draft, flow, Some(alternatives));
                None
            }
            E::Response { response, .. } => self.on_response(step, line, response),
            E::Failed { reason, .. } => self.try_next(step, line, Response::new(reason.status())),
            E::Unreachable { .. } => match &mut self.way {
                Way::Reaching { failed: Some(response), .. } => Some(response.clone()),
                _ => {
                    self.way = Way::send(step, line, &self.draft, line.flow(), None);
                    None
                }
            },
            _ => None,
        }
    }

    /// It has lost its purpose: it is not sent again, whatever its answer.
    pub(super) const fn try_no_more(&mut self) {
        self.is_last_try = true;
    }

    /// What it says, to be said another time.
    pub(super) fn into_draft(self) -> Draft {
        self.draft
    }

    /// The transaction, once it is out, and the request as it was sent last, but for its Via.
    pub(super) const fn sent(&self) -> Option<(ClientId, &Request)> {
        match &self.way {
            Way::Reaching { .. } => None,
            Way::Sent { transaction, request, .. } => Some((*transaction, request)),
        }
    }

    /// The transaction, once it is out.
    pub(super) fn transaction(&self) -> Option<ClientId> {
        self.sent().map(|(transaction, _)| transaction)
    }

    /// Its CSeq number, once it is out.
    pub(super) fn number(&self) -> Option<u32> {
        self.sent().and_then(|(_, request)| request.headers.cseq().ok()).map(|cseq| cseq.number)
    }

    fn on_response(&mut self, step: &mut Step<'_>, line: &mut Line, response: Response) -> Option<Response> {
        let Way::Sent { flow, alternatives, .. } = &self.way else { return None };
        if response.status.is_provisional() {
            return None;
        }
        if self.is_last_try {
            return Some(response);
        }
        if response.status == Status::SERVICE_UNAVAILABLE {
            return self.try_next(step, line, response);
        }
        if let Some(alternatives) = alternatives {
            line.learn(&self.hop, *flow, alternatives);
        }
        if step.profile.take_challenge(&response) {
            self.way = Way::send(step, line, &self.draft, *flow, alternatives.clone());
            return None;
        }
        Some(response)
    }

    /// The hop doesn't work: it has perhaps another address.
    fn try_next(&mut self, step: &mut Step<'_>, line: &mut Line, response: Response) -> Option<Response> {
        let Way::Sent { flow, alternatives, .. } = &mut self.way else { return Some(response) };
        line.forget(*flow);
        match alternatives.take().filter(|_| !self.is_last_try).and_then(|it| step.endpoint.reach_next(it)) {
            Some(route) => {
                self.way = Way::Reaching { route, failed: Some(response) };
                None
            }
            None => Some(response),
        }
    }
}

impl Way {
    fn send(
        step: &mut Step<'_>,
        line: &mut Line,
        draft: &Draft,
        flow: Flow,
        alternatives: Option<Alternatives>,
    ) -> Self {
        let request = draft.compose(step, line);
        let transaction = step.endpoint.request(step.now, flow, request.clone());
        Self::Sent { transaction, flow, alternatives, request }
    }
}
