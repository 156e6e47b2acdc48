//! All calls, and what concerns several of them: who speaks (rule 17), and calls that the peer of another asked for.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Duration, Instant};
use media::leg::{LegEvent, LegId, Tone};
use sip::Show;
use sip::endpoint;
use sip::invite::Session;
use sip::message::{Status, Uri};

use super::call::{Call, Outcome, Placed, Rung};
use super::keys::Strokes;
use super::{Legs, News, Referral, Step, Turn};
use crate::command::{CallId, ConnectionId, Refusal, RefusalCode};
use crate::event::CallSnapshot;
use crate::interface::{Family, PortId, RingingTransfer};

/// Calls that are over for clients, and settle on the wire. One more than these lets the oldest go: its peer hears no
/// more than from a phone that lost power.
const MAX_SETTLING: usize = 64;

/// All calls, oldest first.
#[derive(Debug)]
pub(crate) struct Calls {
    calls: Vec<Call>,
    /// Sessions of calls that are over for clients.
    settling: VecDeque<(CallId, Session)>,
    legs: Legs,
    next_id: u32,
    /// Somebody wants to hear how loud calls are.
    is_metered: bool,
    news: VecDeque<News>,
    /// What peers ask for, to be answered by [`Calls::follow`] or [`Calls::refuse`].
    referrals: VecDeque<Referral>,
}

impl Calls {
    pub(crate) fn new() -> Self {
        Self {
            calls: Vec::new(),
            settling: VecDeque::new(),
            legs: Legs::default(),
            next_id: 1,
            is_metered: false,
            news: VecDeque::new(),
            referrals: VecDeque::new(),
        }
    }

    /// The driver lends RTP sockets.
    pub(crate) fn lend(&mut self, port: PortId, family: Family, rtp_port: u16) {
        self.legs.take(port, family, rtp_port);
    }

    pub(crate) fn len(&self) -> usize {
        self.calls.len()
    }

    /// Whether nothing of any call is under way on the wire any more.
    pub(crate) fn is_silent(&self) -> bool {
        self.calls.is_empty() && self.settling.iter().all(|(_, session)| session.is_silent())
    }

    pub(crate) fn take_id(&mut self) -> CallId {
        let id = CallId(self.next_id);
        self.next_id = self.next_id.saturating_add(1);
        id
    }

    /// The account of a call.
    ///
    /// # Errors
    /// 102: unknown.
    pub(crate) fn connection(&self, id: CallId) -> Result<ConnectionId, Refusal> {
        self.get(id).map(Call::connection)
    }

    pub(crate) fn snapshots(&self, now: Instant) -> Vec<CallSnapshot> {
        self.calls.iter().map(|call| call.snapshot(now)).collect()
    }

    pub(crate) fn show_states(&self, show: &mut Show<'_>) {
        self.calls.iter().for_each(|call| call.show_states(show));
        self.settling.iter().for_each(|(_, session)| session.show_states(show));
    }

    /// Places a call; the one that speaks is held first.
    pub(crate) fn place(&mut self, turn: &mut Turn<'_>, placed: Placed) {
        self.hold_all_but(turn, placed.id);
        self.add(turn, placed);
    }

    /// Takes a call that comes in.
    ///
    /// # Errors
    /// The status to refuse it with.
    pub(crate) fn ring(&mut self, turn: &mut Turn<'_>, rung: Rung) -> Result<(), Status> {
        let mut call = Call::ring(&mut turn.step(&mut self.legs, &mut self.news), rung)?;
        call.meter(self.is_metered, turn.outputs);
        self.calls.push(call);
        self.settle_news(turn);
        Ok(())
    }

    /// `acceptcall`; the call that speaks is held first.
    ///
    /// # Errors
    /// 102: unknown, or not ringing for us to answer.
    pub(crate) fn accept(&mut self, turn: &mut Turn<'_>, id: CallId) -> Result<(), Refusal> {
        if !self.get(id)?.can_be_accepted() {
            return Err(unfit(format!("call {} is not ringing for us to answer", id.0)));
        }
        self.hold_all_but(turn, id);
        self.change(turn, id, Call::accept);
        Ok(())
    }

    /// `finalizecall`; `decline` is what a ringing call gets.
    ///
    /// # Errors
    /// 102: unknown.
    pub(crate) fn finalize(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        decline: Status,
    ) -> Result<(), Refusal> {
        let sip_error = self.get(id)?.status_by_us(decline);
        self.end(turn, id, decline, sip_error);
        Ok(())
    }

    /// `sethold`; a call that is resumed holds the one that speaks first.
    ///
    /// # Errors
    /// 102: unknown, not answered, or being transferred.
    pub(crate) fn set_hold(&mut self, turn: &mut Turn<'_>, id: CallId, hold: bool) -> Result<(), Refusal> {
        if !self.get(id)?.can_be_held() {
            return Err(unfit(format!("call {} is not answered, or is being transferred", id.0)));
        }
        if !hold {
            self.hold_all_but(turn, id);
        }
        self.change(turn, id, |call, step| call.set_hold(step, hold));
        Ok(())
    }

    /// `mutecall`.
    ///
    /// # Errors
    /// 102: unknown.
    pub(crate) fn mute(&mut self, turn: &mut Turn<'_>, id: CallId, mute: bool) -> Result<(), Refusal> {
        self.get(id)?;
        self.change(turn, id, |call, step| call.mute(mute, step.outputs));
        Ok(())
    }

    /// From now on calls that speak tell how loud they are, or no more.
    pub(crate) fn meter(&mut self, turn: &mut Turn<'_>, is_wanted: bool) {
        if self.is_metered != is_wanted {
            self.is_metered = is_wanted;
            self.calls.iter_mut().for_each(|call| call.meter(is_wanted, turn.outputs));
        }
    }

    /// `senddtmf`.
    ///
    /// # Errors
    /// 102: unknown, no media that keys could go out in, or too many keys.
    pub(crate) fn send_keys(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        keys: Strokes,
    ) -> Result<(), Refusal> {
        if !self.get(id)?.can_send_keys() {
            let message = format!("call {} has no media that keys could go out in, or is held", id.0);
            return Err(unfit(message));
        }
        let sent = self.change(turn, id, |call, step| call.send_keys(step, keys));
        match sent {
            Some(Err(error)) => {
                Err(Refusal { code: RefusalCode::InvalidArgument, message: format!("DTMF: {error}") })
            }
            _ => Ok(()),
        }
    }

    /// `transferecall`.
    ///
    /// # Errors
    /// 102: unknown, an outgoing call that rings, or one that is being transferred already.
    pub(crate) fn transfer(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        to: Uri,
        ringing: RingingTransfer,
    ) -> Result<(), Refusal> {
        let call = self.get(id)?;
        match ringing {
            RingingTransfer::Redirect if call.can_be_accepted() => {
                self.change(turn, id, |call, step| call.redirect(step, &to));
                self.settle_over(turn, id, None);
            }
            RingingTransfer::Answer if call.can_be_accepted() => {
                self.change(turn, id, |call, step| {
                    call.accept(step);
                    call.transfer(step, to);
                });
            }
            _ if call.can_be_transferred() => {
                self.change(turn, id, |call, step| call.transfer(step, to));
            }
            _ => {
                let message = format!("call {} is ringing at the other side, or being transferred", id.0);
                return Err(unfit(message));
            }
        }
        Ok(())
    }

    /// Rule 7: calls that ring end with this status when their account is disconnected; those answered go on.
    pub(crate) fn end_ringing(&mut self, turn: &mut Turn<'_>, account: ConnectionId, status: Status) {
        let rings = |call: &&Call| call.connection() == account && call.is_ringing();
        while let Some(id) = self.calls.iter().find(rings).map(Call::id) {
            self.end(turn, id, status, status.code());
        }
    }

    /// Ends all calls.
    pub(crate) fn end_all(&mut self, turn: &mut Turn<'_>, decline: Status) {
        while let Some((id, sip_error)) =
            self.calls.first().map(|call| (call.id(), call.status_by_us(decline)))
        {
            self.end(turn, id, decline, sip_error);
        }
    }

    /// Whether an event of the endpoint is a call's to handle.
    pub(crate) fn owns(&self, event: &endpoint::Event) -> bool {
        self.calls.iter().any(|call| call.owns(event))
            || self.settling.iter().any(|(_, session)| session.owns(event))
    }

    /// Takes an event that it owns.
    pub(crate) fn handle_event(&mut self, turn: &mut Turn<'_>, event: endpoint::Event) {
        if let Some(id) = self.calls.iter().find(|call| call.owns(&event)).map(Call::id) {
            let outcome = self.change(turn, id, |call, step| call.handle_event(step, event));
            self.on_outcome(turn, id, outcome);
        } else if let Some((_, session)) = self.settling.iter_mut().find(|(_, session)| session.owns(&event))
        {
            // Nobody is told of a call that is over.
            session.handle_event(turn.now, turn.endpoint, event, &mut Vec::new());
        }
        self.settling.retain(|(_, session)| !session.is_over());
    }

    /// Takes what a leg tells. Media that are lost for `timeout` end their call, unless that is zero.
    pub(crate) fn handle_leg(&mut self, turn: &mut Turn<'_>, leg: LegId, event: LegEvent, timeout: Duration) {
        if let Some(id) = self.calls.iter().find(|call| call.leg() == Some(leg)).map(Call::id) {
            let outcome = self.change(turn, id, |call, step| call.handle_leg(step, event, timeout));
            self.on_outcome(turn, id, outcome);
        }
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        let settling = self.settling.iter().filter_map(|(_, session)| session.poll_timeout());
        self.calls.iter().filter_map(Call::poll_timeout).chain(settling).min()
    }

    pub(crate) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        for (_, session) in &mut self.settling {
            session.handle_timeout(turn.now, turn.endpoint, &mut Vec::new());
        }
        self.settling.retain(|(_, session)| !session.is_over());
        let ids: Vec<CallId> = self.calls.iter().map(Call::id).collect();
        for id in ids {
            let outcome = self.change(turn, id, Call::handle_timeout);
            self.on_outcome(turn, id, outcome);
        }
    }

    /// What a peer asks for next: [`Calls::follow`] or [`Calls::refuse`] answers it.
    pub(crate) fn poll_referral(&mut self) -> Option<Referral> {
        self.referrals.pop_front()
    }

    /// Does what a peer asked for.
    pub(crate) fn follow(&mut self, turn: &mut Turn<'_>, referrer: CallId, placed: Placed) {
        if let Some(session) = self.session(referrer) {
            session.answer_refer(turn.now, turn.endpoint, Ok(()));
        }
        // What becomes of a call that it asked for before and does not follow is no news of this one.
        self.calls.iter_mut().for_each(|call| call.forget_referrer(referrer));
        self.add(turn, placed);
    }

    /// Does not do what a peer asked for.
    pub(crate) fn refuse(&mut self, turn: &mut Turn<'_>, referrer: CallId, status: Status) {
        if let Some(session) = self.session(referrer) {
            session.answer_refer(turn.now, turn.endpoint, Err(status));
        }
    }

    fn add(&mut self, turn: &mut Turn<'_>, placed: Placed) {
        let mut call = Call::place(&mut turn.step(&mut self.legs, &mut self.news), placed);
        call.meter(self.is_metered, turn.outputs);
        self.calls.push(call);
        self.settle_news(turn);
    }

    fn get(&self, id: CallId) -> Result<&Call, Refusal> {
        self.calls.iter().find(|call| call.id() == id).ok_or_else(|| unfit(format!("no call {}", id.0)))
    }

    fn session(&mut self, id: CallId) -> Option<&mut Session> {
        let live = self.calls.iter_mut().find(|call| call.id() == id).map(Call::session_mut);
        live.or_else(|| {
            self.settling.iter_mut().find(|(its_id, _)| *its_id == id).map(|(_, session)| session)
        })
    }

    /// Lets a call do something, and brings the others what is news to them.
    fn change<T>(
        &mut self,
        turn: &mut Turn<'_>,
        id: CallId,
        act: impl FnOnce(&mut Call, &mut Step<'_>) -> T,
    ) -> Option<T> {
        let call = self.calls.iter_mut().find(|call| call.id() == id)?;
        let done = act(call, &mut turn.step(&mut self.legs, &mut self.news));
        self.settle_news(turn);
        Some(done)
    }

    /// Rule 17: one speaks.
    fn hold_all_but(&mut self, turn: &mut Turn<'_>, id: CallId) {
        for call in self.calls.iter_mut().filter(|call| call.id() != id && call.speaks()) {
            call.set_hold(&mut turn.step(&mut self.legs, &mut self.news), true);
        }
    }

    fn settle_news(&mut self, turn: &mut Turn<'_>) {
        while let Some(news) = self.news.pop_front() {
            match news {
                News::Speaks(id) if self.get(id).is_ok_and(Call::speaks) => self.hold_all_but(turn, id),
                // It was answered to be transferred.
                News::Speaks(_) => {}
                News::Returns(id) if !self.calls.iter().any(Call::speaks) => {
                    self.change(turn, id, |call, step| call.set_hold(step, false));
                }
                News::Returns(_) => {}
                News::Referred(referral) => self.referrals.push_back(*referral),
                News::Answered { referrer, status } => {
                    if let Some(session) = self.session(referrer) {
                        session.notify_refer(turn.now, turn.endpoint, status, status.is_final());
                    }
                }
            }
        }
        let mut is_spoken = self.calls.iter().any(Call::speaks);
        // Rule 17 silenced it against its peer's will, and does so no longer.
        if !is_spoken && let Some(call) = self.calls.iter_mut().find(|call| call.could_speak()) {
            call.set_hold(&mut turn.step(&mut self.legs, &mut self.news), false);
            is_spoken = true;
        }
        for call in &mut self.calls {
            call.ring_over(is_spoken, turn.outputs);
            call.hush(is_spoken, turn.outputs);
        }
    }

    fn on_outcome(&mut self, turn: &mut Turn<'_>, id: CallId, outcome: Option<Outcome>) {
        if outcome == Some(Outcome::Over) {
            let tone = self.get(id).ok().and_then(Call::last_tone).filter(|_| self.calls.len() == 1);
            self.settle_over(turn, id, tone);
        }
    }

    fn end(&mut self, turn: &mut Turn<'_>, id: CallId, decline: Status, sip_error: u16) {
        self.change(turn, id, |call, step| call.hang_up(step, decline, sip_error));
        self.settle_over(turn, id, None);
    }

    /// A call is over for clients; what crosses on the wire its session settles.
    fn settle_over(&mut self, turn: &mut Turn<'_>, id: CallId, tone: Option<Tone>) {
        let Some(at) = self.calls.iter().position(|call| call.id() == id) else { return };
        let call = self.calls.remove(at);
        let session = call.into_settling(&mut turn.step(&mut self.legs, &mut self.news), tone);
        if !session.is_over() {
            self.settling.push_back((id, session));
            let excess = self.settling.len().saturating_sub(MAX_SETTLING);
            self.settling.drain(..excess);
        }
        self.settle_news(turn);
    }
}

impl<'a> Turn<'a> {
    fn step<'b>(&'b mut self, legs: &'b mut Legs, news: &'b mut VecDeque<News>) -> Step<'b> {
        Step { now: self.now, endpoint: self.endpoint, outputs: self.outputs, legs, news }
    }
}

fn unfit(what: String) -> Refusal {
    Refusal { code: RefusalCode::InvalidArgument, message: format!("callid: {what}") }
}
