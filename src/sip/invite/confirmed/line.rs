//! A dialog and the way that its requests take: what was found to lead to the next hop once is not sought again (RFC 3261
//! §12.2.1.1, RFC 3263 §4.3).

use super::asking::Draft;
use crate::dialog::Dialog;
use crate::endpoint::{Alternatives, is_same_hop, leads_to};
use crate::flow::Flow;
use crate::message::{Method, Name, Uri};

/// A dialog and how its peer is reached.
#[derive(Debug)]
pub(in crate::invite) struct Line {
    pub(super) dialog: Dialog,
    /// We called: the Call-ID is ours.
    pub(super) is_callers: bool,
    /// The flow that the dialog came about on, or that a request of ours was answered on since.
    flow: Flow,
    /// The hop that it leads to though the hop's URI alone doesn't say so, and the addresses that the hop has besides.
    hop: Option<(Uri, Alternatives)>,
}

impl Line {
    /// We called by way of this hop.
    pub(in crate::invite) fn of_caller(dialog: Dialog, flow: Flow, hop: (Uri, Alternatives)) -> Self {
        Self { dialog, is_callers: true, flow, hop: Some(hop) }
    }

    /// We were called.
    pub(in crate::invite) fn of_called(dialog: Dialog, flow: Flow) -> Self {
        Self { dialog, is_callers: false, flow, hop: None }
    }

    /// The way back to where the dialog came about: for requests whose hop can't be reached. Phones behind a NAT, and those
    /// that would rather have TCP, write Contacts that lead nowhere from here, and calls are to end all the same.
    pub(super) const fn flow(&self) -> Flow {
        self.flow
    }

    /// The flow to a hop, if it is known, and the addresses that the hop has besides.
    pub(super) fn way_to(&self, hop: &Uri) -> Option<(Flow, Option<Alternatives>)> {
        match &self.hop {
            Some((known, alternatives)) if is_same_hop(known, hop) => {
                Some((self.flow, Some(alternatives.clone())))
            }
            _ => leads_to(self.flow, hop).then_some((self.flow, None)),
        }
    }

    /// A request was answered on a flow that was found by the hop's name.
    pub(super) fn learn(&mut self, hop: &Uri, flow: Flow, alternatives: &Alternatives) {
        self.flow = flow;
        self.hop = Some((hop.clone(), alternatives.clone()));
    }

    /// Nothing is heard on a flow: the hop is sought anew the next time.
    pub(super) fn forget(&mut self, flow: Flow) {
        self.hop.take_if(|_| self.flow == flow);
    }

    /// A request that may move the target tells where we are.
    pub(super) fn target_refresh(&self, method: Method) -> Draft {
        let mut draft = Draft::new(method);
        draft.headers.push(Name::Contact, self.dialog.contact());
        draft
    }
}
