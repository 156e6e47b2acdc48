//! One call: an invitation, its sound, and what clients are told of both (rule 9).

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant};
use media::leg::{LegCommand, LegId};
use sip::Show;
use sip::endpoint::{self, Endpoint, ServerId};
use sip::flow::Flow;
use sip::invite::{self, Invitation, Profile, Session};
use sip::message::{Request, Status};
use sip::sdp::Agreement;

use super::sound::Sound;
use super::told::{bare, shown_headers};
use crate::command::{CallId, ConnectionId};
use crate::event::{CallSnapshot, CallState, CallTold, CallType, Event, HoldState};
use crate::interface::{Family, Output, PortId};

/// A call that clients know of.
#[derive(Debug)]
pub(crate) struct Call {
    session: Session,
    dice: Dice,
    told: CallTold,
    answered_at: Option<Instant>,
    sound: Option<Sound>,
    /// The peer's offer in its INVITE, and our answer while it rings.
    answer: Option<(Vec<u8>, Agreement)>,
}

/// RTP sockets for a call, and the leg that will have them.
pub(crate) trait Lent {
    /// A leg with a pair of sockets of this family; its RTP port. `None` if none is left.
    fn lend(&mut self, family: Family) -> Option<(LegId, PortId, u16)>;
}

/// What a step left of a call.
#[derive(Debug)]
pub(crate) enum Outcome {
    /// It goes on.
    Live,
    /// It is over for clients.
    Over,
}

impl Call {
    /// A call that is placed.
    pub(crate) fn place(
        now: Instant,
        endpoint: &mut Endpoint,
        ids: (CallId, ConnectionId),
        profile: Profile,
        invitation: Invitation,
        mut dice: Dice,
    ) -> Self {
        let (from, to) = (bare(&profile.address.uri), bare(&invitation.target));
        let session = Session::call(now, endpoint, profile, invitation, dice.fork());
        let told = CallTold {
            call: ids.0,
            call_type: CallType::Outgoing,
            from,
            to,
            duration: Duration::ZERO,
            sip_error: 0,
            connection: ids.1,
            display_name: String::new(),
            sip_call_id: session.call_id().into(),
            headers: Vec::new(),
        };
        Self { session, dice, told, answered_at: None, sound: None, answer: None }
    }

    /// A call that comes in, and rings.
    ///
    /// # Errors
    /// The status to refuse it with.
    #[expect(clippy::too_many_arguments, reason = "an INVITE, where it came in, and what a call is made of")]
    pub(crate) fn ring(
        now: Instant,
        endpoint: &mut Endpoint,
        ids: (CallId, ConnectionId),
        profile: Profile,
        transaction: ServerId,
        flow: Flow,
        invite: Request,
        mut dice: Dice,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Result<Self, Status> {
        let caller = invite.headers.from().map_err(|_| Status::BAD_REQUEST)?;
        let called = invite.headers.to().map_err(|_| Status::BAD_REQUEST)?;
        let headers = shown_headers(&invite.headers);
        let offer = invite.body.clone();
        let session = Session::ring(transaction, flow, invite, profile, dice.fork())?;
        let told = CallTold {
            call: ids.0,
            call_type: CallType::Incoming,
            from: bare(&caller.uri),
            to: bare(&called.uri),
            duration: Duration::ZERO,
            sip_error: 0,
            connection: ids.1,
            display_name: caller.display_name,
            sip_call_id: session.call_id().into(),
            headers,
        };
        let mut call = Self { session, dice, told, answered_at: None, sound: None, answer: None };
        let mut begun = Vec::new();
        let sound = call.begin_sound(flow, lent, &mut begun).ok_or(Status::SERVICE_UNAVAILABLE)?;
        // An offer that can't be answered is refused before anybody hears it ring.
        let answer = (!offer.is_empty()).then(|| sound.answer(&offer)).transpose();
        match answer {
            Ok(answer) => call.answer = answer,
            Err(error) => {
                outputs.append(&mut begun);
                call.end_sound(outputs);
                return Err(error.status());
            }
        }
        outputs.append(&mut begun);
        call.session.send_ringing(now, endpoint);
        outputs.push(Output::Event(Event::NewCall(call.told.clone())));
        Ok(call)
    }

    pub(crate) const fn id(&self) -> CallId {
        self.told.call
    }

    pub(crate) const fn connection(&self) -> ConnectionId {
        self.told.connection
    }

    pub(crate) fn is_ringing(&self) -> bool {
        self.answered_at.is_none()
    }

    /// Whether `acceptcall` fits: it came in, and rings.
    pub(crate) fn can_be_accepted(&self) -> bool {
        self.is_ringing() && self.told.call_type == CallType::Incoming
    }

    /// What its events tell now.
    pub(crate) fn told(&self, now: Instant) -> CallTold {
        let duration = self.answered_at.map_or(Duration::ZERO, |at| now.since(at));
        CallTold { duration, ..self.told.clone() }
    }

    pub(crate) fn snapshot(&self, now: Instant) -> CallSnapshot {
        CallSnapshot {
            told: self.told(now),
            state: if self.is_ringing() { CallState::Ringing } else { CallState::Answered },
            hold: HoldState::None,
            mute: false,
        }
    }

    pub(crate) fn show_states(&self, show: &mut Show<'_>) {
        self.session.show_states(show);
    }

    pub(crate) fn owns(&self, event: &endpoint::Event) -> bool {
        self.session.owns(event)
    }

    /// Answers a call that rings.
    pub(crate) fn accept(&mut self, now: Instant, endpoint: &mut Endpoint, outputs: &mut Vec<Output>) {
        let Some(sound) = &mut self.sound else { return };
        let sdp = match self.answer.take() {
            Some((sdp, agreement)) => {
                sound.take(&agreement, outputs);
                sdp
            }
            // RFC 3261 §13.3.1.4: an INVITE without an offer gets ours, and the ACK brings the answer.
            None => sound.offer(),
        };
        self.session.accept(now, endpoint, sdp);
        self.on_answered(now, outputs);
    }

    /// Ends it at once for clients, with this status; what crosses on the wire its session settles.
    pub(crate) fn finalize(
        mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        decline: Status,
        sip_error: u16,
        outputs: &mut Vec<Output>,
    ) -> Session {
        self.session.hang_up(now, endpoint, decline);
        self.into_settling(now, sip_error, outputs)
    }

    /// The status that `finalizecall` ends it with: declined, cancelled, or hung up (rule 9).
    pub(crate) fn status_by_us(&self, decline: Status) -> u16 {
        match (self.is_ringing(), self.told.call_type) {
            (true, CallType::Incoming) => decline.code(),
            (true, CallType::Outgoing) => Status::REQUEST_TERMINATED.code(),
            (false, _) => 0,
        }
    }

    /// Tells clients that it is over.
    pub(crate) fn into_settling(
        mut self,
        now: Instant,
        sip_error: u16,
        outputs: &mut Vec<Output>,
    ) -> Session {
        self.end_sound(outputs);
        let told = CallTold { sip_error, ..self.told(now) };
        if let Some(status) = Status::new(sip_error).filter(|_| self.is_ringing()) {
            let CallTold { from, to, .. } = &told;
            let line = format!("call from {from} to {to}: {status} {}", status.reason());
            outputs.push(Output::Log(line));
        }
        outputs.push(Output::Event(Event::CallFinalized(told)));
        self.session
    }

    /// Takes an event of the endpoint that its session owns.
    pub(crate) fn handle_event(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        event: endpoint::Event,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Outcome {
        let mut tray = Vec::new();
        self.session.handle_event(now, endpoint, event, &mut tray);
        self.on_events(now, endpoint, tray, lent, outputs)
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.session.poll_timeout()
    }

    pub(crate) fn handle_timeout(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Outcome {
        let mut tray = Vec::new();
        self.session.handle_timeout(now, endpoint, &mut tray);
        self.on_events(now, endpoint, tray, lent, outputs)
    }

    fn on_events(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        events: Vec<invite::Event>,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Outcome {
        for event in events {
            let failed = match event {
                invite::Event::Reached(flow) => self.on_reached(now, endpoint, flow, lent, outputs),
                invite::Event::Progress { status, sdp } => {
                    self.on_progress(status, sdp.as_deref(), outputs);
                    None
                }
                invite::Event::Answered { sdp } => {
                    self.on_answered(now, outputs);
                    self.on_answer(sdp.as_deref(), outputs)
                }
                invite::Event::Acknowledged { sdp } => self.on_acknowledged(sdp.as_deref(), outputs),
                invite::Event::Reoffered { sdp } => {
                    self.on_reoffered(now, endpoint, sdp.as_deref(), outputs);
                    None
                }
                invite::Event::Ended { status } => {
                    self.told.sip_error = status.map_or(0, Status::code);
                    return Outcome::Over;
                }
                // Offers of our own, REFER and INFO: nothing asks for them yet.
                _ => None,
            };
            if let Some(status) = failed {
                self.session.hang_up(now, endpoint, status);
                self.told.sip_error = status.code();
                return Outcome::Over;
            }
        }
        Outcome::Live
    }

    /// The status that ended it, once it is over.
    pub(crate) const fn sip_error(&self) -> u16 {
        self.told.sip_error
    }

    fn on_reached(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        flow: Flow,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Option<Status> {
        let Some(sound) = self.begin_sound(flow, lent, outputs) else {
            outputs.push(Output::Log("a call can't be placed: no RTP port is free".into()));
            return Some(Status::SERVER_INTERNAL_ERROR);
        };
        let offer = sound.offer();
        self.session.offer(now, endpoint, offer);
        None
    }

    fn on_progress(&mut self, status: Status, sdp: Option<&[u8]>, outputs: &mut Vec<Output>) {
        let early = sdp.zip(self.sound.as_mut()).map(|(sdp, sound)| sound.take_answer(sdp, outputs));
        let event = Event::CallProgress {
            call: self.told.call,
            status: status.code(),
            early_media: matches!(early, Some(Ok(()))),
        };
        outputs.push(Output::Event(event));
    }

    fn on_answered(&mut self, now: Instant, outputs: &mut Vec<Output>) {
        self.answered_at = Some(now);
        outputs.push(Output::Event(Event::CallAccepted(self.told(now))));
    }

    /// The answer in the 2xx; without one, what a 183 brought still holds (RFC 3261 §13.2.1).
    fn on_answer(&mut self, sdp: Option<&[u8]>, outputs: &mut Vec<Output>) -> Option<Status> {
        let sound = self.sound.as_mut()?;
        let taken = sdp.map(|sdp| sound.take_answer(sdp, outputs));
        match taken {
            Some(Err(error)) => Some(error.status()),
            None if !sound.is_agreed() => Some(Status::NOT_ACCEPTABLE_HERE),
            _ => None,
        }
    }

    /// RFC 3261 §13.3.1.4: an offer of ours that the ACK leaves without an answer ends the call.
    fn on_acknowledged(&mut self, sdp: Option<&[u8]>, outputs: &mut Vec<Output>) -> Option<Status> {
        let sound = self.sound.as_mut()?;
        if sound.is_answered() { None } else { self.on_answer(sdp, outputs) }
    }

    fn on_reoffered(
        &mut self,
        now: Instant,
        endpoint: &mut Endpoint,
        sdp: Option<&[u8]>,
        outputs: &mut Vec<Output>,
    ) {
        let Some(sound) = &mut self.sound else { return };
        let answer = match sdp {
            Some(offer) => sound.answer(offer).map(|(sdp, agreement)| {
                sound.take(&agreement, outputs);
                sdp
            }),
            None => Ok(sound.offer()),
        };
        self.session.answer_reoffer(now, endpoint, answer.map_err(|error| error.status()));
    }

    /// The call's sound, begun if there is none yet. `None` if no RTP port is left.
    fn begin_sound(
        &mut self,
        flow: Flow,
        lent: &mut dyn Lent,
        outputs: &mut Vec<Output>,
    ) -> Option<&mut Sound> {
        if let Some(sound) = &mut self.sound {
            sound.move_to(flow);
        } else {
            let (leg, port, rtp_port) = lent.lend(Family::of(flow.local))?;
            outputs.push(Output::StartLeg { leg, port });
            self.sound = Some(Sound::new(leg, flow, rtp_port, self.dice.u32() >> 1));
        }
        self.sound.as_mut()
    }

    fn end_sound(&mut self, outputs: &mut Vec<Output>) {
        if let Some(sound) = self.sound.take() {
            outputs.push(Output::Leg { leg: sound.leg(), command: LegCommand::End { tone: None } });
        }
    }
}
