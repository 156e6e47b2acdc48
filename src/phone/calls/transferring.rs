//! A call that is transferred (rule 11): the session refers, [`Transfer`] knows how far it has come, clients hear what
//! became of it.

use sip::message::{Status, Uri};

use super::call::{Call, Outcome};
use super::transfer::{End, Transfer};
use super::{News, Step};
use crate::event::Event;
use crate::interface::Output;

impl Call {
    /// Whether a transfer of an answered call fits: none is under way.
    pub(super) fn can_be_transferred(&self) -> bool {
        self.is_answered() && self.transfer.is_none()
    }

    /// Transfers an answered call: it is held, and then referred.
    pub(super) fn transfer(&mut self, step: &mut Step<'_>, to: Uri) {
        let was_held = self.hold.is_wanted();
        self.transfer = Some(Transfer::new(to, was_held));
        self.set_hold(step, true);
        if was_held {
            self.on_hold_settled(step);
        }
    }

    /// Transfers a call that rings here, by a redirection of its caller. It is over with that.
    pub(super) fn redirect(&mut self, step: &mut Step<'_>, to: &Uri) {
        self.session.redirect(step.now, step.endpoint, to);
        step.outputs.push(Output::Event(Event::CallTransferred(self.told(step.now))));
        self.told.sip_error = Status::MOVED_TEMPORARILY.code();
    }

    pub(super) fn on_hold_settled(&mut self, step: &mut Step<'_>) {
        let to = self.transfer.as_mut().and_then(|transfer| transfer.on_hold_settled(step.now));
        if let Some(to) = to {
            self.session.refer(step.now, step.endpoint, to);
        }
    }

    pub(super) fn on_refer_answered(&mut self, step: &mut Step<'_>, status: Status) -> Outcome {
        let end = self.transfer.as_mut().and_then(|transfer| transfer.on_answered(step.now, status));
        self.on_transfer_ended(step, end)
    }

    pub(super) fn on_refer_progress(&mut self, step: &mut Step<'_>, status: Status) -> Outcome {
        let end = self.transfer.as_mut().and_then(|transfer| transfer.on_progress(step.now, status));
        self.on_transfer_ended(step, end)
    }

    pub(super) fn check_transfer(&mut self, step: &mut Step<'_>) -> Outcome {
        let end = self.transfer.as_ref().and_then(|transfer| transfer.handle_timeout(step.now));
        self.on_transfer_ended(step, end)
    }

    fn on_transfer_ended(&mut self, step: &mut Step<'_>, end: Option<End>) -> Outcome {
        let Some((end, transfer)) = end.and_then(|end| Some((end, self.transfer.take()?))) else {
            return Outcome::Live;
        };
        match end {
            End::Done => {
                step.outputs.push(Output::Event(Event::CallTransferred(self.told(step.now))));
                self.session.hang_up(step.now, step.endpoint, Status::OK);
                Outcome::Over
            }
            End::Failed(status) => {
                let event = Event::TransferFailed { call: self.id(), sip_error: status.code() };
                step.outputs.push(Output::Event(event));
                if transfer.has_left() {
                    return Outcome::Over;
                }
                if !transfer.was_held() {
                    step.news.push_back(News::Returns(self.id()));
                }
                Outcome::Live
            }
        }
    }
}
