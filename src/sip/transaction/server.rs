//! A server transaction of either kind, and the tray it writes into.

use alloc::borrow::ToOwned;
use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;

use base::Instant;

use super::server_invite::ServerInvite;
use super::server_non_invite::ServerNonInvite;
use super::{Machine, MergeKey};
use crate::Show;
use crate::endpoint::{Event, Output, ServerId};
use crate::flow::Flow;
use crate::message::{Response, Status};

/// Where a server transaction writes.
#[derive(Debug)]
pub(crate) struct ServerTray<'a> {
    outputs: &'a mut VecDeque<Output>,
    id: ServerId,
    flow: Flow,
}

impl ServerTray<'_> {
    pub(super) const fn is_unreliable(&self) -> bool {
        !self.flow.link.transport().is_reliable()
    }

    pub(super) fn send(&mut self, bytes: Vec<u8>) {
        self.outputs.push_back(Output::Send { flow: self.flow, bytes });
    }

    pub(super) fn tell(&mut self, event: impl FnOnce(ServerId) -> Event) {
        self.outputs.push_back(Output::Event(event(self.id)));
    }
}

#[derive(Debug)]
enum Kind {
    Invite(ServerInvite),
    NonInvite(ServerNonInvite),
}

/// A server transaction.
#[derive(Debug)]
pub(crate) struct Server {
    id: ServerId,
    /// Where answers go, which is where the request came from unless its Via says another port.
    flow: Flow,
    /// What tells the request from a merged copy of it; `None` within a dialog.
    merge: Option<MergeKey>,
    /// The To tag of its answers: the user's own once it has answered with one.
    tag: String,
    kind: Kind,
}

impl Server {
    /// A request has come in. `trying` is the 100 for it, if it is an INVITE.
    pub(crate) fn start(
        now: Instant,
        id: ServerId,
        flow: Flow,
        merge: Option<MergeKey>,
        tag: String,
        trying: Option<Response>,
    ) -> Self {
        let kind = match trying {
            Some(trying) => Kind::Invite(ServerInvite::start(now, trying.to_bytes())),
            None => Kind::NonInvite(ServerNonInvite::start(now)),
        };
        Self { id, flow, merge, tag, kind }
    }

    pub(crate) const fn merge(&self) -> Option<&MergeKey> {
        self.merge.as_ref()
    }

    /// The To tag of what has been answered, else the one for what will be.
    pub(crate) fn tag(&self) -> &str {
        &self.tag
    }

    /// Whether it is an INVITE that has no final answer: a CANCEL still has an effect.
    pub(crate) const fn is_cancellable(&self) -> bool {
        matches!(self.kind, Kind::Invite(ServerInvite::Proceeding { .. }))
    }

    /// Whether all that it is still good for is absorbing repeats.
    pub(crate) const fn is_answered(&self) -> bool {
        matches!(
            self.kind,
            Kind::Invite(ServerInvite::Completed { .. } | ServerInvite::Confirmed { .. })
                | Kind::NonInvite(ServerNonInvite::Completed { .. })
        )
    }

    pub(crate) fn on_repeat(&mut self, outputs: &mut VecDeque<Output>) {
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_repeat(&mut tray),
            Kind::NonInvite(other) => other.on_repeat(&mut tray),
        }
    }

    /// The ACK of an INVITE. True if that is the user's to know.
    pub(crate) fn on_ack(&mut self, now: Instant, outputs: &mut VecDeque<Output>) -> bool {
        let (kind, tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_ack(now, &tray),
            Kind::NonInvite(_) => false,
        }
    }

    /// Sends an answer, with a To tag (RFC 3261 §8.2.6.2).
    pub(crate) fn respond(&mut self, now: Instant, mut response: Response, outputs: &mut VecDeque<Output>) {
        match response.headers.to_tag() {
            Some(tag) => tag.clone_into(&mut self.tag),
            None if response.status == Status::TRYING => {}
            None => response.set_to_tag(&self.tag),
        }
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.respond(now, response.status, response.to_bytes(), &mut tray),
            Kind::NonInvite(other) => other.respond(now, response.status, response.to_bytes(), &mut tray),
        }
    }

    pub(crate) fn on_timeout(&mut self, now: Instant, outputs: &mut VecDeque<Output>) {
        let (kind, mut tray) = self.split(outputs);
        match kind {
            Kind::Invite(invite) => invite.on_timeout(now, &mut tray),
            Kind::NonInvite(other) => other.on_timeout(now),
        }
    }

    pub(crate) fn show_state(&self, number: u64, show: &mut Show<'_>) {
        match &self.kind {
            Kind::Invite(invite) => show("INVITE server", format_args!("{number}"), invite),
            Kind::NonInvite(other) => show("non-INVITE server", format_args!("{number}"), other),
        }
    }

    fn split<'a>(&'a mut self, outputs: &'a mut VecDeque<Output>) -> (&'a mut Kind, ServerTray<'a>) {
        (&mut self.kind, ServerTray { outputs, id: self.id, flow: self.flow })
    }
}

impl Machine for Server {
    fn deadline(&self) -> Option<Instant> {
        match &self.kind {
            Kind::Invite(invite) => invite.deadline(),
            Kind::NonInvite(other) => other.deadline(),
        }
    }

    fn is_terminated(&self) -> bool {
        matches!(
            self.kind,
            Kind::Invite(ServerInvite::Terminated) | Kind::NonInvite(ServerNonInvite::Terminated)
        )
    }
}
