//! A call at the exchange: an invitation, its sound, and the script that it follows.

use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::Packet;
use media::leg::Channel;
use sip::endpoint::{self, Endpoint, ServerId};
use sip::flow::Flow;
use sip::invite::{Event, Invitation, Profile, Session};
use sip::message::{Request, Status, Uri};
use sip::sdp::{Direction, Negotiation, SdpError};

use super::numbers::Step;
use super::voice::{self, Voice};

/// How long somebody who is called may let it ring.
const RINGS_FOR: Duration = Duration::from_secs(30);

/// A place for a call's sound: two sockets that the driver has bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Which of the driver's.
    pub(super) number: usize,
    /// Where its RTP socket is bound.
    pub(super) rtp: SocketAddr,
}

/// What a call wants of its exchange.
#[derive(Debug)]
pub(super) enum Wish {
    /// To call its caller.
    CallBack { user: String, after: Duration },
}

#[derive(Debug)]
pub(super) struct Call {
    session: Session,
    line: Line,
    /// Whom it is with.
    peer: String,
    negotiation: Negotiation,
    /// What we want of the sound: all but while the caller is on hold.
    direction: Direction,
    /// The offer in the INVITE, until it is answered.
    offer: Option<Vec<u8>>,
    voice: Voice,
    /// What is left to do.
    script: &'static [Step],
    state: State,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Somebody is called, until then.
    Calling(Instant),
    /// A step of the script, until then.
    Doing(Instant),
    /// Over, but for what the session has to settle.
    Over,
}

impl Call {
    /// Takes an INVITE.
    ///
    /// # Errors
    /// The status that refuses it.
    pub(super) fn take(
        now: Instant,
        (transaction, flow, invite): (ServerId, Flow, Request),
        profile: Profile,
        (peer, line): (String, Line),
        script: &'static [Step],
        mut dice: Dice,
    ) -> Result<Self, Status> {
        let offer = (!invite.body.is_empty()).then(|| invite.body.clone());
        let session = Session::ring(transaction, flow, invite, profile, dice.fork())?;
        Ok(Self::new(session, (peer, line), offer, script, State::Doing(now), dice))
    }

    /// Calls `peer` at `contact`.
    pub(super) fn place(
        now: Instant,
        endpoint: &mut Endpoint,
        contact: &Uri,
        profile: Profile,
        (peer, line): (String, Line),
        script: &'static [Step],
        mut dice: Dice,
    ) -> Self {
        let invitation = Invitation { target: contact.clone(), hop: contact.clone(), headers: Vec::new() };
        let session = Session::call(now, endpoint, profile, invitation, dice.fork());
        Self::new(session, (peer, line), None, script, State::Calling(now + RINGS_FOR), dice)
    }

    fn new(
        session: Session,
        (peer, line): (String, Line),
        offer: Option<Vec<u8>>,
        script: &'static [Step],
        state: State,
        mut dice: Dice,
    ) -> Self {
        let negotiation = Negotiation::new(voice::capabilities(), dice.u32());
        let voice = Voice::new(dice);
        let direction = Direction::SENDRECV;
        Self { session, line, peer, negotiation, direction, offer, voice, script, state }
    }

    pub(super) const fn line(&self) -> Line {
        self.line
    }

    /// Whether nothing of it is under way any more.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over && self.session.is_silent()
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        self.session.owns(event)
    }

    pub(super) fn handle_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: endpoint::Event) {
        let mut told = Vec::new();
        self.session.handle_event(now, endpoint, event, &mut told);
        self.on_told(now, endpoint, told);
    }

    /// When `handle_timeout` is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let step = match self.state {
            State::Calling(until) | State::Doing(until) => Some(until),
            State::Over => None,
        };
        step.into_iter().chain(self.session.poll_timeout()).min()
    }

    /// Does what is due.
    pub(super) fn handle_timeout(&mut self, now: Instant, endpoint: &mut Endpoint, wishes: &mut Vec<Wish>) {
        let mut told = Vec::new();
        self.session.handle_timeout(now, endpoint, &mut told);
        self.on_told(now, endpoint, told);
        match self.state {
            State::Calling(until) if until <= now => self.hang_up(now, endpoint),
            State::Doing(_) => self.follow_script(now, endpoint, wishes),
            State::Calling(_) | State::Over => {}
        }
    }

    /// Ends it, with the status for callers that were not answered.
    pub(super) fn end(&mut self, now: Instant, endpoint: &mut Endpoint, decline: Status) {
        self.session.hang_up(now, endpoint, decline);
        self.state = State::Over;
    }

    pub(super) fn hang_up(&mut self, now: Instant, endpoint: &mut Endpoint) {
        self.end(now, endpoint, Status::TEMPORARILY_UNAVAILABLE);
    }

    pub(super) fn handle_packet(&mut self, now: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        self.voice.handle_packet(now, channel, from, bytes);
    }

    /// Whether it has sound to hear or to send.
    pub(super) fn sounds(&self) -> bool {
        matches!(self.state, State::Doing(_)) && self.voice.is_agreed()
    }

    /// Hears and says 10 ms.
    pub(super) fn tick(&mut self, now: Instant, send: impl FnMut(Packet<'_>)) {
        self.voice.tick(now, send);
    }

    fn on_told(&mut self, now: Instant, endpoint: &mut Endpoint, told: Vec<Event>) {
        for event in told {
            // A description that can't be used ends the call: RFC 3261 §13.2.2.4 and §13.3.1.4 have a BYE then.
            if self.on_event(now, endpoint, event).is_err() {
                self.hang_up(now, endpoint);
            }
        }
    }

    fn on_event(&mut self, now: Instant, endpoint: &mut Endpoint, event: Event) -> Result<(), SdpError> {
        match event {
            Event::Reached(_) | Event::OfferDue => {
                let offer = self.negotiation.offer(self.line.rtp, self.direction);
                self.session.offer(now, endpoint, offer);
            }
            Event::Progress { sdp, .. } | Event::Acknowledged { sdp } | Event::ReofferAnswered { sdp } => {
                self.take_answer(now, sdp)?;
            }
            Event::Answered { sdp } => {
                self.take_answer(now, sdp)?;
                self.state = State::Doing(now);
            }
            Event::Reoffered { sdp } => {
                let answer = self.answer(now, sdp).map_err(SdpError::status);
                self.session.answer_reoffer(now, endpoint, answer);
            }
            Event::Ended { .. } => self.state = State::Over,
            // Without a new agreement the old one holds. The rest is not asked for.
            _ => {}
        }
        Ok(())
    }

    fn take_answer(&mut self, now: Instant, sdp: Option<Vec<u8>>) -> Result<(), SdpError> {
        let Some(sdp) = sdp else { return Ok(()) };
        self.voice.agree(now, &self.negotiation.handle_answer(&sdp)?)
    }

    /// Our answer to an offer, or our offer where there is none.
    fn answer(&mut self, now: Instant, offer: Option<Vec<u8>>) -> Result<Vec<u8>, SdpError> {
        let Some(offer) = offer else {
            return Ok(self.negotiation.offer(self.line.rtp, self.direction));
        };
        let (answer, agreement) = self.negotiation.answer(&offer, self.line.rtp, self.direction)?;
        self.voice.agree(now, &agreement)?;
        Ok(answer)
    }

    /// Begins each step that is due.
    fn follow_script(&mut self, now: Instant, endpoint: &mut Endpoint, wishes: &mut Vec<Wish>) {
        while let State::Doing(until) = self.state
            && until <= now
        {
            let Some((step, rest)) = self.script.split_first() else { return self.hang_up(now, endpoint) };
            self.script = rest;
            match *step {
                Step::Ring(length) => {
                    self.session.send_ringing(now, endpoint);
                    self.state = State::Doing(now + length);
                }
                Step::Refuse(status) => self.end(now, endpoint, status),
                Step::Answer => {
                    let offer = self.offer.take();
                    match self.answer(now, offer) {
                        Ok(answer) => self.session.accept(now, endpoint, answer),
                        Err(error) => self.end(now, endpoint, error.status()),
                    }
                }
                Step::Say(sound, length) => {
                    self.voice.say(sound);
                    self.state = State::Doing(now + length);
                }
                Step::Hold(held) => {
                    self.direction = if held { Direction::SENDONLY } else { Direction::SENDRECV };
                    let mut told = Vec::new();
                    self.session.reoffer(now, endpoint, &mut told);
                    self.on_told(now, endpoint, told);
                }
                Step::CallBack(after) => {
                    wishes.push(Wish::CallBack { user: self.peer.clone(), after });
                }
            }
        }
    }
}
