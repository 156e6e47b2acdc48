//! A call at the exchange: an invitation, its sound, and the script that it follows.

use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::Packet;
use media::dtmf::Key;
use media::leg::Channel;
use phone::terms::capabilities;
use sip::endpoint::{self, Endpoint, ServerId};
use sip::flow::Flow;
use sip::invite::{Event, Invitation, Profile, Session, sdp_of};
use sip::message::{Request, SipUri, Status, Uri};
use sip::sdp::{Direction, Negotiation, SdpError};

use super::numbers::Step;
use super::voice::Voice;

/// How long somebody who is called may let it ring.
const RINGS_FOR: Duration = Duration::from_secs(30);

/// Who a call is with, and where.
#[derive(Debug)]
pub(super) struct Peer {
    /// The user.
    pub(super) user: String,
    /// Who the exchange is for him.
    pub(super) profile: Profile,
    /// The call's place.
    pub(super) line: Line,
}

/// A place for a call's sound: two sockets that the driver has bound.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// Which of the driver's.
    pub(super) number: usize,
    /// Where its RTP socket is bound.
    pub(super) rtp: SocketAddr,
}

/// A call that a caller asked for by transferring one that he had.
#[derive(Debug)]
pub(super) struct Referral {
    /// The Call-ID of the one that he had.
    pub(super) call_id: String,
    /// Whom to call.
    pub(super) to: Uri,
    /// Referred-By, to be sent along (RFC 3892).
    pub(super) referred_by: Option<String>,
    /// What the other is to hear.
    pub(super) script: &'static [Step],
}

/// What a call wants of its exchange.
#[derive(Debug)]
pub(super) enum Wish {
    /// To call its caller.
    CallBack { user: String, after: Duration },
    /// To make a call, and tell how it goes by [`Call::tell_referrer`].
    Refer(Referral),
    /// The call that was asked for in the call of this Call-ID was answered so.
    Tell { call_id: String, status: Status },
}

/// What a call is lent while it works.
pub(super) struct Turn<'a> {
    pub(super) now: Instant,
    pub(super) endpoint: &'a mut Endpoint,
    pub(super) wishes: &'a mut Vec<Wish>,
}

#[derive(Debug)]
pub(super) struct Call {
    session: Session,
    peer: Peer,
    negotiation: Negotiation,
    /// What we want of the sound: all but while the caller is on hold.
    direction: Direction,
    /// The offer in the INVITE, until it is answered.
    offer: Option<Vec<u8>>,
    voice: Voice,
    /// What is left to do, the step that is being done included once there is one.
    script: &'static [Step],
    state: State,
    /// The call in which this one was asked for, until it was told what became of it.
    referrer: Option<String>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum State {
    /// Somebody is called, until then.
    Calling(Instant),
    /// Nothing of the script is done yet.
    Begun,
    /// The first step of the script, until then.
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
        (transaction, flow, invite): (ServerId, Flow, Request),
        peer: Peer,
        script: &'static [Step],
        mut dice: Dice,
    ) -> Result<Self, Status> {
        let offer = sdp_of(&invite.headers, &invite.body);
        let session = Session::ring(transaction, flow, invite, peer.profile.clone(), dice.fork())?;
        Ok(Self { offer, ..Self::new(session, peer, script, State::Begun, dice) })
    }

    /// Calls back.
    pub(super) fn place(
        turn: &mut Turn<'_>,
        contact: &Uri,
        peer: Peer,
        script: &'static [Step],
        dice: Dice,
    ) -> Self {
        Self::invite(turn, contact, Vec::new(), peer, script, dice)
    }

    /// Calls whom another call's caller wants to be called.
    pub(super) fn refer(
        turn: &mut Turn<'_>,
        contact: &Uri,
        peer: Peer,
        referral: Referral,
        dice: Dice,
    ) -> Self {
        let headers = referral.referred_by.map(|value| ("Referred-By".into(), value));
        let call = Self::invite(turn, contact, headers.into_iter().collect(), peer, referral.script, dice);
        Self { referrer: Some(referral.call_id), ..call }
    }

    fn invite(
        turn: &mut Turn<'_>,
        contact: &Uri,
        headers: Vec<(String, String)>,
        peer: Peer,
        script: &'static [Step],
        mut dice: Dice,
    ) -> Self {
        let invitation = Invitation { target: contact.clone(), hop: contact.clone(), headers };
        let profile = peer.profile.clone();
        let session = Session::call(turn.now, turn.endpoint, profile, invitation, dice.fork());
        Self::new(session, peer, script, State::Calling(turn.now + RINGS_FOR), dice)
    }

    fn new(session: Session, peer: Peer, script: &'static [Step], state: State, mut dice: Dice) -> Self {
        Self {
            session,
            peer,
            negotiation: Negotiation::new(capabilities(), dice.u32()),
            direction: Direction::SENDRECV,
            offer: None,
            voice: Voice::new(dice),
            script,
            state,
            referrer: None,
        }
    }

    pub(super) const fn line(&self) -> Line {
        self.peer.line
    }

    pub(super) fn call_id(&self) -> &str {
        self.session.call_id()
    }

    /// Whether nothing of it is under way any more.
    pub(super) fn is_over(&self) -> bool {
        self.state == State::Over && self.session.is_silent()
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        self.session.owns(event)
    }

    pub(super) fn handle_event(&mut self, turn: &mut Turn<'_>, event: endpoint::Event) {
        let mut told = Vec::new();
        self.session.handle_event(turn.now, turn.endpoint, event, &mut told);
        self.on_told(turn, told);
    }

    /// When `handle_timeout` is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let step = match self.state {
            State::Calling(until) | State::Doing(until) => Some(until),
            State::Begun | State::Over => None,
        };
        step.into_iter().chain(self.session.poll_timeout()).min()
    }

    /// Does what is due: to be called after each other call of a method that takes a turn, too.
    pub(super) fn handle_timeout(&mut self, turn: &mut Turn<'_>) {
        let mut told = Vec::new();
        self.session.handle_timeout(turn.now, turn.endpoint, &mut told);
        self.on_told(turn, told);
        match self.state {
            State::Calling(until) if until <= turn.now => self.end(turn, Status::TEMPORARILY_UNAVAILABLE),
            State::Begun | State::Doing(_) => self.follow_script(turn),
            State::Calling(_) | State::Over => {}
        }
    }

    /// Ends it, with the status for a caller who was not answered.
    pub(super) fn end(&mut self, turn: &mut Turn<'_>, status: Status) {
        self.session.hang_up(turn.now, turn.endpoint, status);
        self.on_ended(turn, status);
    }

    /// The call that was asked for in this one was answered so.
    pub(super) fn tell_referrer(&mut self, turn: &mut Turn<'_>, status: Status) {
        self.session.notify_refer(turn.now, turn.endpoint, status, true);
    }

    pub(super) fn handle_packet(&mut self, now: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        self.voice.handle_packet(now, channel, from, bytes);
    }

    /// Whether it has sound to hear or to send.
    pub(super) fn sounds(&self) -> bool {
        self.state != State::Over && self.voice.is_agreed()
    }

    /// Hears and says 10 ms.
    pub(super) fn tick(&mut self, now: Instant, send: impl FnMut(Packet<'_>)) {
        self.voice.tick(now, send);
    }

    fn on_told(&mut self, turn: &mut Turn<'_>, told: Vec<Event>) {
        for event in told {
            // A description that can't be used ends the call (RFC 3261 §13.2.2.4, §13.3.1.4).
            if self.on_event(turn, event).is_err() {
                self.end(turn, Status::NOT_ACCEPTABLE_HERE);
            }
        }
    }

    fn on_event(&mut self, turn: &mut Turn<'_>, event: Event) -> Result<(), SdpError> {
        match event {
            Event::Reached(_) | Event::OfferDue => {
                let offer = self.negotiation.offer(self.peer.line.rtp, self.direction);
                self.session.offer(turn.now, turn.endpoint, offer);
            }
            Event::Progress { sdp, .. } | Event::Acknowledged { sdp } | Event::ReofferAnswered { sdp } => {
                self.take_answer(turn.now, sdp)?;
            }
            Event::Answered { sdp } => {
                self.take_answer(turn.now, sdp)?;
                self.state = State::Begun;
                self.conclude(turn, Status::OK);
            }
            Event::Reoffered { sdp } => {
                let answer = self.answer(turn.now, sdp).map_err(SdpError::status);
                self.session.answer_reoffer(turn.now, turn.endpoint, answer);
            }
            Event::Referred { to, referred_by } => {
                self.session.answer_refer(turn.now, turn.endpoint, Ok(()));
                let (call_id, script) = (self.call_id().to_owned(), self.script);
                turn.wishes.push(Wish::Refer(Referral { call_id, to: to.uri, referred_by, script }));
            }
            Event::Info { body, .. } => {
                if let Some(key) = key_in(&body) {
                    self.voice.on_key(turn.now, key);
                }
            }
            // The caller has called the other, or won't: either way the transfer is no longer waited for.
            Event::ReferAnswered { status } if !status.is_success() => self.state = State::Doing(turn.now),
            Event::ReferProgress { status, is_last } if is_last || status.is_final() => {
                self.state = State::Doing(turn.now);
            }
            Event::Ended { status } => {
                self.on_ended(turn, status.unwrap_or(Status::TEMPORARILY_UNAVAILABLE));
            }
            // Without a new agreement the old one holds.
            Event::ReofferRefused { .. } | Event::ReferAnswered { .. } | Event::ReferProgress { .. } => {}
        }
        Ok(())
    }

    fn on_ended(&mut self, turn: &mut Turn<'_>, status: Status) {
        self.state = State::Over;
        self.conclude(turn, status);
    }

    /// Whoever asked for this call is told, once, what became of it.
    fn conclude(&mut self, turn: &mut Turn<'_>, status: Status) {
        let referrer = self.referrer.take();
        turn.wishes.extend(referrer.map(|call_id| Wish::Tell { call_id, status }));
    }

    fn take_answer(&mut self, now: Instant, sdp: Option<Vec<u8>>) -> Result<(), SdpError> {
        let Some(sdp) = sdp else { return Ok(()) };
        self.voice.agree(now, &self.negotiation.handle_answer(&sdp)?)
    }

    /// Our answer to an offer, or our offer where there is none.
    fn answer(&mut self, now: Instant, offer: Option<Vec<u8>>) -> Result<Vec<u8>, SdpError> {
        let rtp = self.peer.line.rtp;
        let Some(offer) = offer else { return Ok(self.negotiation.offer(rtp, self.direction)) };
        let agreement = self.negotiation.handle_offer(&offer, rtp, self.direction)?;
        self.voice.agree(now, &agreement)?;
        Ok(self.negotiation.answer(&agreement))
    }

    /// Begins each step that is due.
    fn follow_script(&mut self, turn: &mut Turn<'_>) {
        loop {
            self.script = match self.state {
                State::Begun => self.script,
                State::Doing(until) if until <= turn.now => self.script.get(1..).unwrap_or_default(),
                State::Doing(_) | State::Calling(_) | State::Over => return,
            };
            let Some(step) = self.script.first() else {
                return self.end(turn, Status::TEMPORARILY_UNAVAILABLE);
            };
            self.state = State::Doing(turn.now);
            self.begin(turn, *step);
        }
    }

    fn begin(&mut self, turn: &mut Turn<'_>, step: Step) {
        match step {
            Step::Ring(length) => {
                self.session.send_ringing(turn.now, turn.endpoint);
                self.state = State::Doing(turn.now + length);
            }
            Step::Refuse(status) => self.end(turn, status),
            Step::Answer => {
                let offer = self.offer.take();
                match self.answer(turn.now, offer) {
                    Ok(answer) => self.session.accept(turn.now, turn.endpoint, answer),
                    Err(error) => self.end(turn, error.status()),
                }
            }
            Step::Say(sound, length) => {
                self.voice.say(sound);
                self.state = State::Doing(turn.now + length);
            }
            Step::Hold(held) => {
                self.direction = if held { Direction::SENDONLY } else { Direction::SENDRECV };
                let mut told = Vec::new();
                self.session.reoffer(turn.now, turn.endpoint, &mut told);
                self.on_told(turn, told);
            }
            Step::Transfer(number, within) => {
                let own = self.peer.profile.address.uri.as_sip();
                if let Some(SipUri { host, port, .. }) = own {
                    let to = SipUri::new(Some(number), host.clone(), *port);
                    self.session.refer(turn.now, turn.endpoint, to.into());
                    self.state = State::Doing(turn.now + within);
                }
            }
            Step::CallBack(after) => {
                turn.wishes.push(Wish::CallBack { user: self.peer.user.clone(), after });
            }
        }
    }
}

/// The key that an INFO tells of: `5` (application/dtmf), or a line `Signal=5` (application/dtmf-relay).
fn key_in(body: &[u8]) -> Option<Key> {
    let text = std::str::from_utf8(body).ok()?;
    let signal = text.lines().find_map(|line| line.trim().strip_prefix("Signal="));
    let label = signal.unwrap_or(text).trim().chars().next()?;
    Key::try_from(label).ok()
}
