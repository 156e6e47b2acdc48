//! A dialog with an answered INVITE (RFC 3261 §12.2, §15): requests of both sides within it, and its end by a BYE of
//! either. Here is what our user wants and what time brings; what the peer asks and answers, and each kind of request, has
//! a file of its own.

mod acks;
mod answer;
mod asking;
mod line;
mod queue;
mod refer;
mod referred;
mod reoffer;
mod requests;
mod responses;

use alloc::vec::Vec;

use base::{Duration, Instant};

use super::admit::{ok_to, push_abilities};
use super::{Event, SDP, Step};
use crate::Show;
use crate::dialog::DialogId;
use crate::endpoint::{self, ClientId, ServerId};
use crate::message::{Method, Name, Request, Response, Status, Uri};
use crate::transaction::T1;

use acks::Acks;
use answer::Answer;
use asking::{Asking, Draft};
use queue::{Queue, Subject};
use refer::Refer;
use referred::Referred;
use reoffer::Reoffer;

pub(super) use line::Line;

/// How long the BYE of a peer that knows nothing of the dialog any more is awaited. Such a peer has hung up, most often,
/// and its BYE and our request have crossed: one that was lost is sent again after T1, and may be as late again.
const BYE_CROSSES: Duration = T1.saturating_mul(2);

/// A dialog with an answered INVITE.
#[derive(Debug)]
pub(super) struct Confirmed {
    line: Line,
    acks: Acks,
    answer: Answer,
    reoffer: Reoffer,
    queue: Queue,
    refer: Refer,
    referred: Referred,
    bye: Bye,
}

/// How far the end of the dialog has come.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "one for each call: a box would cost more than it saves")]
enum Bye {
    /// The call goes on.
    Unsaid,
    /// The peer knows nothing of the dialog, so its BYE should be on the way. It is awaited until then.
    Awaited { until: Instant },
    /// Our user wants it, but the peer's ACK has yet to come (RFC 3261 §15).
    Owed,
    /// Ours is under way.
    Out(Asking),
    /// The dialog has ended.
    Over,
}

impl Confirmed {
    /// Our INVITE was answered: ACKs. More answers to it may come until `until`.
    pub(super) fn of_caller(
        step: &mut Step<'_>,
        line: Line,
        invite: (ClientId, &Request),
        until: Instant,
    ) -> Self {
        let mut confirmed = Self::new(line, Answer::Settled);
        confirmed.acks.send(step, &confirmed.line, invite, until);
        confirmed
    }

    /// We answer `invite` with `ok`.
    pub(super) fn of_called(
        step: &mut Step<'_>,
        line: Line,
        invite: (ServerId, &Request),
        ok: Response,
    ) -> Self {
        let answer = Answer::send(step, invite, ok, true);
        Self::new(line, answer)
    }

    fn new(line: Line, answer: Answer) -> Self {
        Self {
            line,
            answer,
            acks: Acks::default(),
            reoffer: Reoffer::Idle,
            queue: Queue::default(),
            refer: Refer::default(),
            referred: Referred::Idle,
            bye: Bye::Unsaid,
        }
    }

    /// Whether nothing more can come.
    pub(super) const fn is_over(&self) -> bool {
        self.is_silent() && self.acks.is_empty() && self.refer.is_idle() && self.referred.is_idle()
    }

    /// Whether nothing of it is under way.
    pub(super) const fn is_silent(&self) -> bool {
        matches!(self.bye, Bye::Over) && !self.reoffer.is_out() && self.queue.is_idle()
    }

    pub(super) fn show_states(&self, show: &mut Show<'_>) {
        let DialogId { call_id, local_tag, remote_tag } = self.line.dialog.id();
        show("dialog", format_args!("{call_id} {local_tag} {remote_tag}"), &self.bye);
        show("answer", format_args!("{call_id} {local_tag} {remote_tag}"), &self.answer);
        show("reoffer", format_args!("{call_id} {local_tag} {remote_tag}"), &self.reoffer);
        show("refer", format_args!("{call_id} {local_tag} {remote_tag}"), self.refer.state());
        show("referred", format_args!("{call_id} {local_tag} {remote_tag}"), &self.referred);
    }

    pub(super) fn local_tag(&self) -> &str {
        &self.line.dialog.id().local_tag
    }

    pub(super) fn remote_tag(&self) -> &str {
        &self.line.dialog.id().remote_tag
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        use endpoint::Event as E;
        match event {
            E::Request { request, .. } | E::Ack { request, .. } => {
                // What our REFER began is told though the call has ended.
                !(matches!(self.bye, Bye::Over) && self.refer.is_idle())
                    && DialogId::of_request(request).as_ref() == Some(self.line.dialog.id())
            }
            E::Cancelled { transaction } => {
                matches!(&self.answer, Answer::Pending { transaction: own, .. } if own == transaction)
            }
            _ => {
                matches!(&self.bye, Bye::Out(bye) if bye.owns(event))
                    || matches!(&self.reoffer, Reoffer::Out { asking, .. } if asking.owns(event))
                    || self.queue.owns(event)
                    || self.acks.owns(event)
            }
        }
    }

    pub(super) fn on_event(&mut self, step: &mut Step<'_>, event: endpoint::Event) {
        use endpoint::Event as E;
        match event {
            E::Request { transaction, request, .. } => self.on_request(step, transaction, request),
            E::Ack { request, .. } => self.on_ack(step, &request),
            E::Cancelled { .. } => self.answer.refuse_pending(step, Status::REQUEST_TERMINATED),
            event => self.on_answer(step, event),
        }
        self.offer_if_due(step);
        self.ask_if_due(step);
    }

    /// The 2xx to the INVITE that made this dialog has come again.
    pub(super) fn acknowledge(&mut self, step: &mut Step<'_>, invite: ClientId) {
        self.acks.send_again(step, &self.line, invite);
    }

    /// Our user hangs up.
    pub(super) fn hang_up(&mut self, step: &mut Step<'_>) {
        if matches!(self.bye, Bye::Owed | Bye::Out(_) | Bye::Over) {
            return;
        }
        // RFC 3261 §15: the called side's BYE waits for the first ACK, or for the end of waiting for it.
        if matches!(self.answer, Answer::Unacknowledged { is_first: true, .. }) {
            self.bye = Bye::Owed;
            self.reoffer.on_bye();
        } else {
            self.send_bye(step);
        }
    }

    /// Our user wants to offer anew.
    pub(super) fn reoffer(&mut self, step: &mut Step<'_>) {
        if matches!(self.bye, Bye::Unsaid) {
            self.reoffer.want(step.now);
            self.offer_if_due(step);
        }
    }

    /// Our user's new offer. If the peer's was faster, it is due again later.
    pub(super) fn offer(&mut self, step: &mut Step<'_>, sdp: Vec<u8>) {
        if self.may_offer() {
            let mut draft = self.line.target_refresh(Method::Invite).with_body(SDP, sdp);
            push_abilities(&mut draft.headers);
            self.reoffer.send(step, &mut self.line, draft);
        } else {
            self.reoffer.put_off(step.now);
        }
    }

    pub(super) fn withdraw_offer(&mut self, step: &mut Step<'_>) {
        self.reoffer.withdraw();
        self.ask_if_due(step);
    }

    /// Our user refers the peer to somebody else.
    pub(super) fn refer(&mut self, step: &mut Step<'_>, to: &Uri) {
        if matches!(self.bye, Bye::Unsaid)
            && let Some(draft) = self.refer.ask(step, &self.line, to)
        {
            self.queue.push(Subject::Refer, draft);
            self.ask_if_due(step);
        }
    }

    pub(super) const fn is_referring(&self) -> bool {
        !self.refer.is_idle()
    }

    pub(super) fn answer_refer(&mut self, step: &mut Step<'_>, answer: Result<(), Status>) {
        self.referred.answer(step, &self.line, &mut self.queue, answer);
        self.ask_if_due(step);
    }

    pub(super) fn notify_refer(&mut self, step: &mut Step<'_>, status: Status, is_last: bool) {
        self.referred.notify(step, &self.line, &mut self.queue, status, is_last);
        self.ask_if_due(step);
    }

    pub(super) fn send_info(&mut self, step: &mut Step<'_>, content_type: &str, body: Vec<u8>) {
        if matches!(self.bye, Bye::Unsaid) {
            let draft = Draft::new(Method::Info).with_body(content_type, body);
            self.queue.push(Subject::Info, draft);
            self.ask_if_due(step);
        }
    }

    pub(super) fn answer_reoffer(&mut self, step: &mut Step<'_>, answer: Result<Vec<u8>, Status>) {
        let Some((transaction, invite)) = self.answer.take_pending() else { return };
        match answer {
            Ok(sdp) => {
                let mut ok = ok_to(&invite, step.profile);
                ok.headers.push(Name::Contact, self.line.dialog.contact());
                ok.set_body(SDP, sdp);
                self.answer = Answer::send(step, (transaction, &invite), ok, false);
            }
            Err(status) => {
                step.endpoint.respond(step.now, transaction, Response::to_request(&invite, status));
                self.reoffer.put_off(step.now);
            }
        }
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let deadlines = [
            self.bye.poll_timeout(),
            self.answer.poll_timeout(),
            self.reoffer.poll_timeout(self.may_offer()),
            self.acks.poll_timeout(),
            self.refer.poll_timeout(),
            self.referred.poll_timeout(),
        ];
        deadlines.into_iter().flatten().min()
    }

    pub(super) fn on_timeout(&mut self, step: &mut Step<'_>) {
        self.acks.on_timeout(step.now);
        self.reoffer.on_timeout(step);
        self.refer.on_timeout(step.now);
        self.referred.on_timeout(step, &self.line, &mut self.queue);
        if self.answer.on_timeout(step) {
            self.break_off(step, Status::REQUEST_TIMEOUT);
        }
        if self.bye.poll_timeout().is_some_and(|until| until <= step.now) {
            self.break_off(step, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
        }
        self.offer_if_due(step);
        self.ask_if_due(step);
    }

    /// Whether an INVITE of ours could go out now (RFC 3261 §14.1).
    fn may_offer(&self) -> bool {
        matches!(self.bye, Bye::Unsaid)
            && self.answer.is_settled()
            && !self.acks.are_leaving()
            && self.queue.is_idle()
    }

    fn offer_if_due(&mut self, step: &mut Step<'_>) {
        if self.may_offer() && self.reoffer.become_due(step.now) {
            step.tray.push(Event::OfferDue);
        }
    }

    /// Sends what waits to be said. Nothing goes out before the peer has the dialog, which it has with our 2xx, nor together
    /// with another request of ours, which it could overtake: the peer would refuse that for its number (RFC 3261 §12.2.2),
    /// and a call go on for one side whose BYE is refused.
    fn ask_if_due(&mut self, step: &mut Step<'_>) {
        let has_dialog = !matches!(self.answer, Answer::Unacknowledged { is_first: true, .. });
        if has_dialog && !matches!(self.bye, Bye::Out(_)) && !self.reoffer.is_under_way() {
            self.queue.send_next(step, &mut self.line);
        }
    }

    /// Nothing is to be expected of the peer any more: the call ends with this status, and a BYE.
    fn break_off(&mut self, step: &mut Step<'_>, status: Status) {
        if self.bye.is_new() {
            step.tray.push(Event::Ended { status: Some(status) });
        }
        if !matches!(self.bye, Bye::Out(_) | Bye::Over) {
            self.send_bye(step);
        }
    }

    fn send_bye(&mut self, step: &mut Step<'_>) {
        self.answer.refuse_pending(step, Status::REQUEST_TERMINATED);
        self.reoffer.on_bye();
        self.queue.on_bye();
        self.bye = Bye::Out(Asking::start(step, &mut self.line, Draft::new(Method::Bye)));
    }

    /// The dialog has ended.
    fn end(&mut self, step: &mut Step<'_>) {
        self.bye = Bye::Over;
        // RFC 3261 §15.1.2: what is still pending is answered with 487.
        self.answer.refuse_pending(step, Status::REQUEST_TERMINATED);
        self.answer = Answer::Settled;
        self.reoffer.give_up(step);
        self.queue.on_end();
        self.refer.on_end(step.now, self.queue.has_refer_out());
        self.referred.on_end(step);
    }
}

impl Bye {
    /// Whether our user has yet to hear of the end.
    const fn is_new(&self) -> bool {
        matches!(self, Self::Unsaid | Self::Awaited { .. })
    }

    const fn poll_timeout(&self) -> Option<Instant> {
        match self {
            Self::Awaited { until } => Some(*until),
            Self::Unsaid | Self::Owed | Self::Out(_) | Self::Over => None,
        }
    }
}
