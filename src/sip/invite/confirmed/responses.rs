//! What the peer answers to our requests within a dialog, and what that means for the call (RFC 3261 §12.2.1.2, §14.1).

use super::queue::Subject;
use super::reoffer::Verdict;
use super::{BYE_CROSSES, Bye, Confirmed};
use crate::endpoint;
use crate::invite::admit::sdp_of;
use crate::invite::{Event, Step};
use crate::message::{Response, Status};
use crate::transaction::GIVE_UP;

impl Confirmed {
    /// What became of a request of ours.
    pub(super) fn on_answer(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        let line = &mut self.line;
        if let Bye::Out(bye) = &mut self.bye
            && bye.owns(&event)
        {
            if bye.on_event(step, line, event).is_some() {
                self.end(step);
            }
        } else if self.reoffer.out().is_some_and(|it| it.owns(&event)) {
            if let Some(response) = self.reoffer.on_event(step, line, event) {
                self.on_reoffer_answered(step, &response);
            }
        } else if self.queue.owns(&event) {
            if let Some((subject, number, response)) = self.queue.on_event(step, line, event) {
                self.on_queue_answered(step, subject, number, response.status);
            }
        } else {
            self.acks.on_event(step, line, &event);
        }
    }

    fn on_queue_answered(
        &mut self,
        step: &mut Step<'_>,
        subject: Subject,
        number: Option<u32>,
        status: Status,
    ) {
        match subject {
            Subject::Info => {}
            Subject::Refer => {
                let until = matches!(self.bye, Bye::Over).then_some(step.now + GIVE_UP);
                self.refer.on_answered(number, status, until);
                step.tray.push(Event::ReferAnswered { status });
            }
            Subject::Notify(refer) => return self.referred.on_notify_answered(refer, status),
        }
        // RFC 3261 §12.2.1.2. A 408 says little here: proxies give none but late ones (RFC 4320 §4.2).
        if status == Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST {
            self.await_bye(step);
        }
    }

    fn on_reoffer_answered(&mut self, step: &mut Step<'_>, response: &Response) {
        let invite = self.reoffer.out().and_then(|it| it.sent());
        if let Some((transaction, invite)) = invite.filter(|_| response.status.is_success()) {
            // RFC 3261 §12.2.1.2: the ACK goes to the new target already.
            self.line.dialog.refresh_target(&response.headers);
            self.acks.send(step, &self.line, (transaction, invite), step.now + GIVE_UP);
        }
        let verdict = self.reoffer.on_answered(step, &self.line, response);
        if !matches!(self.bye, Bye::Unsaid) {
            return self.reoffer.give_up(step);
        }
        match verdict {
            Verdict::Answered => {
                let sdp = sdp_of(&response.headers, &response.body);
                step.tray.push(Event::ReofferAnswered { sdp });
            }
            Verdict::Again => {}
            Verdict::Refused => step.tray.push(Event::ReofferRefused { status: response.status }),
            Verdict::Unknown => self.await_bye(step),
            Verdict::Gone => self.break_off(step, response.status),
        }
    }

    /// The peer knows nothing of the dialog, which ends it (RFC 3261 §12.2.1.2): by its BYE, if that has but crossed our
    /// request (RFC 5407 §3.2.2).
    fn await_bye(&mut self, step: &Step<'_>) {
        if matches!(self.bye, Bye::Unsaid) {
            self.bye = Bye::Awaited { until: step.now + BYE_CROSSES };
        }
    }
}
