//! Our requests within a dialog other than INVITE and BYE, one after the other: over UDP a later one can overtake the one
//! before, which the peer then refuses for its number (RFC 3261 §12.2.2).

use alloc::collections::VecDeque;

use super::Line;
use super::asking::{Asking, Draft};
use crate::endpoint;
use crate::invite::Step;
use crate::message::Response;

/// Requests that wait for the one before: keys that a user types ahead of a slow peer. What comes beyond is not sent.
const MAX_WAITING: usize = 64;

/// What a request is about.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Subject {
    /// A key.
    Info,
    /// We refer the peer to somebody.
    Refer,
    /// What has become of the peer's REFER of this number.
    Notify(u32),
}

/// The request that is out, and those that wait.
#[derive(Debug, Default)]
pub(super) struct Queue {
    out: Option<(Subject, Asking)>,
    waiting: VecDeque<(Subject, Draft)>,
}

impl Queue {
    /// Takes a request, which goes out as soon as its turn comes.
    pub(super) fn push(&mut self, subject: Subject, draft: Draft) {
        // Of what has become of a REFER only the latest counts.
        self.waiting.retain(|(its, _)| !matches!(subject, Subject::Notify(_)) || *its != subject);
        // There is but one REFER at a time, and somebody waits to hear of it.
        if self.waiting.len() < MAX_WAITING || subject == Subject::Refer {
            self.waiting.push_back((subject, draft));
        }
    }

    pub(super) const fn is_idle(&self) -> bool {
        self.out.is_none()
    }

    pub(super) const fn has_refer_out(&self) -> bool {
        matches!(self.out, Some((Subject::Refer, _)))
    }

    /// The number of the REFER that is out.
    pub(super) fn refer_number(&self) -> Option<u32> {
        match &self.out {
            Some((Subject::Refer, refer)) => refer.number(),
            _ => None,
        }
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        self.out.as_ref().is_some_and(|(_, out)| out.owns(event))
    }

    /// Takes an event that it owns. What it gives back is a final answer: to what, to which number, and the answer.
    pub(super) fn on_event(
        &mut self,
        step: &mut Step<'_>,
        line: &mut Line,
        event: endpoint::Event,
    ) -> Option<(Subject, Option<u32>, Response)> {
        let (_, out) = self.out.as_mut()?;
        let response = out.on_event(step, line, event)?;
        let (subject, out) = self.out.take()?;
        Some((subject, out.number(), response))
    }

    /// The dialog is being ended: what is out is not sent again behind the BYE, and what has yet to go out doesn't go out
    /// beside it.
    pub(super) fn on_bye(&mut self) {
        if let Some((subject, mut out)) = self.out.take() {
            if out.sent().is_some() {
                out.try_no_more();
                self.out = Some((subject, out));
            } else {
                self.waiting.push_front((subject, out.into_draft()));
            }
        }
    }

    /// The call has ended: only what the peer still waits for is sent.
    pub(super) fn on_end(&mut self) {
        self.out.take_if(|(subject, _)| *subject == Subject::Info);
        self.waiting.retain(|(subject, _)| matches!(subject, Subject::Notify(_)));
    }

    /// Sends the next, if none is out.
    pub(super) fn send_next(&mut self, step: &mut Step<'_>, line: &mut Line) {
        if self.out.is_none()
            && let Some((subject, draft)) = self.waiting.pop_front()
        {
            self.out = Some((subject, Asking::start(step, line, draft)));
        }
    }
}
