//! What acknowledges the 2xx to our INVITEs, each time that it comes (RFC 3261 §13.2.2.4).

use alloc::vec::Vec;

use base::Instant;

use super::Line;
use crate::endpoint::{self, ClientId, RouteId};
use crate::invite::Step;
use crate::message::{Name, Request, Uri};

/// INVITEs of one dialog whose 2xx is expected to come again at a time; beyond that the oldest is forgotten. A peer
/// takes no new INVITE while it waits for the ACK of the one before.
const MAX_ACKS: usize = 4;

/// The ACKs of one dialog.
#[derive(Debug, Default)]
pub(super) struct Acks {
    acks: Vec<Ack>,
}

#[derive(Debug)]
struct Ack {
    /// The INVITE's.
    transaction: ClientId,
    request: Request,
    hop: Uri,
    /// The hop is being reached.
    route: Option<RouteId>,
    /// When that transaction ends (RFC 6026 §7.2, timer M).
    until: Instant,
}

impl Acks {
    /// Acknowledges the 2xx to `invite`.
    pub(super) fn send(
        &mut self,
        step: &mut Step<'_>,
        line: &Line,
        (transaction, invite): (ClientId, &Request),
        until: Instant,
    ) {
        let mut request = line.dialog.ack(invite.headers.cseq().map_or(0, |cseq| cseq.number));
        // RFC 3261 §22.1: an ACK has the credentials of its INVITE.
        request.headers.copy(Name::Authorization, &invite.headers);
        request.headers.copy(Name::ProxyAuthorization, &invite.headers);
        let hop = line.dialog.next_hop().clone();
        let mut ack = Ack { transaction, request, hop, route: None, until };
        ack.send(step, line);
        if self.acks.len() >= MAX_ACKS {
            self.acks.remove(0);
        }
        self.acks.push(ack);
    }

    /// The 2xx has come again.
    pub(super) fn send_again(&mut self, step: &mut Step<'_>, line: &Line, meant: ClientId) {
        if let Some(ack) = self.acks.iter_mut().find(|ack| ack.transaction == meant) {
            ack.send(step, line);
        }
    }

    /// Whether one is on its way to where it can be sent.
    pub(super) fn are_leaving(&self) -> bool {
        self.acks.iter().any(|ack| ack.route.is_some())
    }

    pub(super) const fn is_empty(&self) -> bool {
        self.acks.is_empty()
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        self.acks.iter().any(|ack| match event {
            E::Reached { route, .. } | E::Unreachable { route, .. } => ack.route == Some(*route),
            E::Response { transaction, .. } => ack.transaction == *transaction,
            _ => false,
        })
    }

    pub(super) fn on_event(&mut self, step: &mut Step<'_>, line: &Line, event: &endpoint::Event) {
        use endpoint::Event as E;
        match event {
            E::Reached { route, .. } | E::Unreachable { route, .. } => {
                let Some(ack) = self.acks.iter_mut().find(|ack| ack.route == Some(*route)) else { return };
                ack.route = None;
                let flow = if let E::Reached { flow, .. } = event { *flow } else { line.flow() };
                step.endpoint.send_ack(flow, ack.request.clone());
            }
            E::Response { transaction, response, .. } if response.status.is_success() => {
                self.send_again(step, line, *transaction);
            }
            _ => {}
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        self.acks.iter().map(|ack| ack.until).min()
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        self.acks.retain(|ack| ack.until > now);
    }
}

impl Ack {
    fn send(&mut self, step: &mut Step<'_>, line: &Line) {
        match line.way_to(&self.hop) {
            _ if self.route.is_some() => {}
            Some((flow, _)) => step.endpoint.send_ack(flow, self.request.clone()),
            None => self.route = Some(step.endpoint.reach(step.now, &self.hop)),
        }
    }
}
