//! What a call's offers and answers make of its sound and its hold (RFC 3264, RFC 6337; rules 17 and 18).

use alloc::vec::Vec;

use sip::flow::Flow;
use sip::message::Status;
use sip::sdp::{Direction, SdpError};

use super::Step;
use super::call::Call;
use super::sound::Sound;
use crate::event::Event;
use crate::interface::Output;

impl Call {
    /// Our side holds or resumes. Nobody hears the other from this moment on; the peer is told by a new offer.
    pub(super) fn set_hold(&mut self, step: &mut Step<'_>, hold: bool) {
        if !self.hold.want(hold) {
            return;
        }
        self.tell_leg(step.outputs);
        let mut tray = Vec::new();
        self.session.reoffer(step.now, step.endpoint, &mut tray);
        // A new offer that is due at once leads to nothing that could end the call.
        self.on_events(step, tray);
    }

    /// What can be agreed to of the offer in the INVITE. The answer is written when somebody answers: who calls waits for
    /// the ringing.
    pub(super) fn prepare_answer(&mut self, offer: &[u8]) -> Result<(), SdpError> {
        if let Some(sound) = &mut self.sound {
            self.answer = Some(sound.take_offer(offer, Direction::SENDRECV)?);
        }
        Ok(())
    }

    /// Answers a call that rings.
    pub(super) fn accept(&mut self, step: &mut Step<'_>) {
        let Some(sound) = &mut self.sound else { return };
        match self.answer.take() {
            Some(agreement) => {
                let answer = sound.answer(agreement);
                self.session.accept(step.now, step.endpoint, answer);
                self.on_answered(step);
                self.on_offer_taken(step);
            }
            // RFC 3261 §13.3.1.4: an INVITE without an offer gets ours, and the ACK brings the answer.
            None => {
                let offer = sound.offer(self.hold.offer());
                self.session.accept(step.now, step.endpoint, offer);
                self.on_answered(step);
            }
        }
    }

    pub(super) fn on_reached(&mut self, step: &mut Step<'_>, flow: Flow) -> Result<(), Status> {
        let direction = self.hold.offer();
        let Some(sound) = self.begin_sound(step, flow) else {
            self.trouble = Some("no RTP port is free");
            return Err(Status::SERVER_INTERNAL_ERROR);
        };
        let offer = sound.offer(direction);
        self.session.offer(step.now, step.endpoint, offer);
        Ok(())
    }

    /// The answer in the 2xx; without one, what a 183 brought still holds (RFC 3261 §13.2.1).
    pub(super) fn on_answer(&mut self, step: &mut Step<'_>, sdp: Option<&[u8]>) -> Result<(), Status> {
        if let Some(sound) = &mut self.sound {
            match sdp {
                Some(sdp) => sound.take_answer(sdp).map_err(|error| error.status())?,
                None if !sound.is_agreed() => return Err(Status::NOT_ACCEPTABLE_HERE),
                None => {}
            }
        }
        self.on_offer_answered(step);
        Ok(())
    }

    /// RFC 3261 §13.3.1.4: an offer of ours that the ACK leaves without an answer ends the call.
    pub(super) fn on_acknowledged(&mut self, step: &mut Step<'_>, sdp: Option<&[u8]>) -> Result<(), Status> {
        if self.hold.is_offered() { self.on_answer(step, sdp) } else { Ok(()) }
    }

    /// The peer's new offer is answered, with as much as our side's hold allows; one without an offer gets ours.
    pub(super) fn on_reoffered(&mut self, step: &mut Step<'_>, sdp: Option<&[u8]>) {
        let Some(sound) = &mut self.sound else { return };
        let answer = match sdp {
            Some(offer) => {
                sound.take_offer(offer, self.hold.answering()).map(|agreement| sound.answer(agreement))
            }
            None => Ok(sound.offer(self.hold.offer())),
        };
        let is_taken = sdp.is_some() && answer.is_ok();
        self.session.answer_reoffer(step.now, step.endpoint, answer.map_err(|error| error.status()));
        if is_taken {
            self.on_offer_taken(step);
        }
    }

    /// Our new offer may go out, if there still is something new in it: our answer to one of the peer's may have told it.
    pub(super) fn on_offer_due(&mut self, step: &mut Step<'_>) {
        match &mut self.sound {
            Some(sound) if !self.hold.is_agreed() => {
                let offer = sound.offer(self.hold.offer());
                self.session.offer(step.now, step.endpoint, offer);
            }
            _ => {
                self.session.withdraw_offer(step.now, step.endpoint);
                self.on_hold_settled(step);
            }
        }
    }

    pub(super) fn on_reoffer_answered(&mut self, step: &mut Step<'_>, sdp: Option<&[u8]>) {
        let taken = match (&mut self.sound, sdp) {
            (Some(sound), Some(sdp)) => sound.take_answer(sdp).map_err(|error| error.status()),
            _ => Err(Status::NOT_ACCEPTABLE_HERE),
        };
        match taken {
            Ok(()) => self.on_offer_answered(step),
            Err(status) => return self.on_reoffer_refused(step, status),
        }
        self.on_hold_settled(step);
    }

    pub(super) fn on_reoffer_refused(&mut self, step: &mut Step<'_>, status: Status) {
        let event = self.hold.on_refused(self.id(), status);
        step.outputs.extend(event.map(Output::Event));
        self.on_hold_settled(step);
    }

    /// The peer has answered an offer of ours.
    pub(super) fn on_offer_answered(&mut self, step: &mut Step<'_>) {
        let events = self.hold.on_answer(self.id(), self.is_held());
        self.tell_hold(step, events);
    }

    /// The peer's offer is answered.
    pub(super) fn on_offer_taken(&mut self, step: &mut Step<'_>) {
        let events = self.hold.on_offer(self.id(), self.is_held());
        self.tell_hold(step, events);
    }

    fn tell_hold(&mut self, step: &mut Step<'_>, events: [Option<Event>; 2]) {
        step.outputs.extend(events.into_iter().flatten().map(Output::Event));
        self.tell_leg(step.outputs);
    }

    /// Whether the peer's last description wants to hear nothing.
    fn is_held(&self) -> bool {
        self.sound.as_ref().is_some_and(Sound::is_held)
    }
}
