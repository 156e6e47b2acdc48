//! One call: an invitation, its sound, and what clients are told of both (rule 9).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use base::{Dice, Duration, Instant};
use media::leg::{LegId, Tone};
use media::level::SILENCE_DBFS;
use sip::Show;
use sip::endpoint;
use sip::flow::Flow;
use sip::invite::{self, Invitation, Profile, Session};
use sip::message::{Name, Request, Status};
use sip::sdp::Agreement;

use super::hearing::Lost;
use super::hold::Hold;
use super::keys::Keys;
use super::sound::Sound;
use super::told::{bare, shown_headers};
use super::transfer::Transfer;
use super::{News, Referral, Step};
use crate::accounts::DtmfWay;
use crate::command::{CallId, ConnectionId};
use crate::event::{CallSnapshot, CallState, CallTold, CallType, Event};
use crate::interface::Output;
use crate::reason;

/// A call that clients know of.
#[derive(Debug)]
pub(super) struct Call {
    pub(super) session: Session,
    pub(super) dice: Dice,
    pub(super) told: CallTold,
    /// How its account sends keys.
    pub(super) dtmf: DtmfWay,
    /// What `OnCallProgress` told last: status, and whether sound comes.
    progress: Option<(Status, bool)>,
    pub(super) answered_at: Option<Instant>,
    pub(super) sound: Option<Sound>,
    /// What our answer to the offer in the peer's INVITE agrees to, while it rings.
    pub(super) answer: Option<Agreement>,
    pub(super) hold: Hold,
    pub(super) mute: bool,
    /// Another call speaks while this one rings.
    pub(super) is_hushed: bool,
    /// Somebody wants to hear how loud it is.
    pub(super) is_metered: bool,
    /// How loud its peer was last.
    pub(super) playback_dbfs: i8,
    pub(super) keys: Keys,
    pub(super) transfer: Option<Transfer>,
    /// The call whose peer asked for this one.
    referrer: Option<CallId>,
    /// No media since 5 s: when it ends for that.
    pub(super) lost: Option<Lost>,
    /// What went wrong last without any answer of the peer.
    pub(super) trouble: Option<&'static str>,
}

/// A call that is placed: whom, for which account, and why.
pub(crate) struct Placed {
    pub(crate) id: CallId,
    pub(crate) connection: ConnectionId,
    pub(crate) profile: Profile,
    pub(crate) dtmf: DtmfWay,
    pub(crate) invitation: Invitation,
    pub(crate) referrer: Option<CallId>,
    /// Its user is to be heard no more than in the call whose peer asked for it.
    pub(crate) mute: bool,
    pub(crate) dice: Dice,
}

/// A call that comes in: for which account, and where.
pub(crate) struct Rung {
    pub(crate) id: CallId,
    pub(crate) connection: ConnectionId,
    pub(crate) profile: Profile,
    pub(crate) dtmf: DtmfWay,
    pub(crate) transaction: endpoint::ServerId,
    pub(crate) flow: Flow,
    pub(crate) invite: Request,
    pub(crate) dice: Dice,
}

/// What a step left of a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Outcome {
    /// It goes on.
    Live,
    /// It is over for clients.
    Over,
}

impl Call {
    /// A call that is placed.
    pub(super) fn place(step: &mut Step<'_>, placed: Placed) -> Self {
        let Placed { id, connection, profile, dtmf, invitation, referrer, mute, mut dice } = placed;
        let (from, to) = (bare(&profile.address.uri), bare(&invitation.target));
        let sent = invitation.headers.iter().map(|(name, value)| (Name::parse(name), value.as_str()));
        let headers = shown_headers(sent);
        let session = Session::call(step.now, step.endpoint, profile, invitation, dice.fork());
        let told = CallTold {
            call: id,
            call_type: CallType::Outgoing,
            from,
            to,
            duration: Duration::ZERO,
            sip_error: 0,
            connection,
            display_name: String::new(),
            sip_call_id: session.call_id().into(),
            headers,
        };
        step.outputs.push(Output::Event(Event::NewCall(told.clone())));
        let mut call = Self { referrer, ..Self::new(session, dice, told, dtmf) };
        call.mute(mute, step.outputs);
        call
    }

    /// A call that comes in, and rings.
    ///
    /// # Errors
    /// The status to refuse it with.
    pub(super) fn ring(step: &mut Step<'_>, rung: Rung) -> Result<Self, Status> {
        let Rung { id, connection, profile, dtmf, transaction, flow, invite, mut dice } = rung;
        let caller = invite.headers.from().map_err(|_| Status::BAD_REQUEST)?;
        let called = invite.headers.to().map_err(|_| Status::BAD_REQUEST)?;
        let headers = shown_headers(invite.headers.iter());
        let offer = invite::sdp_of(&invite.headers, &invite.body);
        let session = Session::ring(transaction, flow, invite, profile, dice.fork())?;
        let told = CallTold {
            call: id,
            call_type: CallType::Incoming,
            from: bare(&caller.uri),
            to: bare(&called.uri),
            duration: Duration::ZERO,
            sip_error: 0,
            connection,
            display_name: caller.display_name,
            sip_call_id: session.call_id().into(),
            headers,
        };
        let mut call = Self::new(session, dice, told, dtmf);
        call.begin_sound(step, flow).ok_or(Status::SERVICE_UNAVAILABLE)?;
        // An offer that can't be answered is refused before anybody hears it ring.
        if let Err(error) = offer.map_or(Ok(()), |offer| call.prepare_answer(&offer)) {
            call.end_sound(None, step.outputs);
            return Err(error.status());
        }
        call.session.send_ringing(step.now, step.endpoint);
        step.outputs.push(Output::Event(Event::NewCall(call.told.clone())));
        Ok(call)
    }

    fn new(session: Session, dice: Dice, told: CallTold, dtmf: DtmfWay) -> Self {
        Self {
            session,
            dice,
            told,
            dtmf,
            progress: None,
            answered_at: None,
            sound: None,
            answer: None,
            hold: Hold::default(),
            mute: false,
            is_hushed: false,
            is_metered: false,
            playback_dbfs: SILENCE_DBFS,
            keys: Keys::default(),
            transfer: None,
            referrer: None,
            lost: None,
            trouble: None,
        }
    }

    pub(super) const fn id(&self) -> CallId {
        self.told.call
    }

    pub(super) const fn connection(&self) -> ConnectionId {
        self.told.connection
    }

    pub(super) fn leg(&self) -> Option<LegId> {
        self.sound.as_ref().map(Sound::leg)
    }

    pub(super) fn is_ringing(&self) -> bool {
        self.answered_at.is_none()
    }

    /// Whether it is answered, and the peer has not hung up.
    pub(super) fn is_answered(&self) -> bool {
        !self.is_ringing() && !self.transfer.as_ref().is_some_and(Transfer::has_left)
    }

    /// Whether it is the call that speaks (rule 17): answered, and not held by our side.
    pub(super) fn speaks(&self) -> bool {
        self.is_answered() && !self.hold.is_wanted()
    }

    /// Whether it would speak, did another call not: its peer has refused to be held.
    pub(super) fn could_speak(&self) -> bool {
        self.is_answered() && self.hold.is_refused()
    }

    /// Whether `acceptcall` fits: it came in, and rings.
    pub(super) fn can_be_accepted(&self) -> bool {
        self.is_ringing() && self.told.call_type == CallType::Incoming
    }

    /// Whether `sethold` fits: it is answered, and no transfer has its own idea of the hold.
    pub(super) fn can_be_held(&self) -> bool {
        self.is_answered() && self.transfer.is_none()
    }

    pub(super) const fn session_mut(&mut self) -> &mut Session {
        &mut self.session
    }

    /// What its events tell now.
    pub(super) fn told(&self, now: Instant) -> CallTold {
        let duration = self.answered_at.map_or(Duration::ZERO, |at| now.since(at));
        CallTold { duration, ..self.told.clone() }
    }

    pub(super) fn snapshot(&self, now: Instant) -> CallSnapshot {
        CallSnapshot {
            told: self.told(now),
            state: if self.is_ringing() { CallState::Ringing } else { CallState::Answered },
            hold: self.hold.state(),
            mute: self.mute,
        }
    }

    pub(super) fn show_states(&self, show: &mut Show<'_>) {
        show("hold", format_args!("{}", self.id().0), &self.hold.state());
        if let Some(transfer) = &self.transfer {
            show("transfer", format_args!("{}", self.id().0), transfer.step());
        }
        self.session.show_states(show);
    }

    pub(super) fn owns(&self, event: &endpoint::Event) -> bool {
        self.session.owns(event)
    }

    /// Ends it in whatever state it is, with this status for clients.
    pub(super) fn hang_up(&mut self, step: &mut Step<'_>, decline: Status, sip_error: u16) {
        self.session.hang_up(step.now, step.endpoint, decline);
        self.told.sip_error = sip_error;
    }

    /// The status that `finalizecall` ends it with: declined, cancelled, or hung up (rule 9).
    pub(super) fn status_by_us(&self, decline: Status) -> u16 {
        match (self.is_ringing(), self.told.call_type) {
            (true, CallType::Incoming) => decline.code(),
            (true, CallType::Outgoing) => Status::REQUEST_TERMINATED.code(),
            (false, _) => 0,
        }
    }

    /// Tells clients that it is over; its user perhaps by a tone.
    pub(super) fn into_settling(mut self, step: &mut Step<'_>, tone: Option<Tone>) -> Session {
        self.end_sound(tone, step.outputs);
        let told = self.told(step.now);
        if let Some(status) = Status::new(told.sip_error) {
            step.outputs.push(self.log(status));
            if self.is_ringing() {
                self.tell_referrer(step, status);
            }
        }
        step.outputs.push(Output::Event(Event::CallFinalized(told)));
        self.session
    }

    /// Why it ended, where it did not end well.
    fn log(&self, status: Status) -> Output {
        let CallTold { from, to, call_type, .. } = &self.told;
        // These are what a trouble is told as.
        let trouble = self.trouble.filter(|_| matches!(status.code(), 408 | 500 | 503));
        let why = trouble.unwrap_or_else(|| match self.is_ringing() {
            true => reason::of_ringing(*call_type, status),
            false => reason::of_answered(status),
        });
        Output::Log(format!("the call from {from} to {to} has ended: {why} ({status} {})", status.reason()))
    }

    /// What its user hears when the peer has ended it: a call that didn't come about doesn't end in silence.
    pub(super) fn last_tone(&self) -> Option<Tone> {
        let has_failed = self.told.call_type == CallType::Outgoing && self.is_ringing();
        has_failed.then_some(Tone::Busy)
    }

    /// Takes an event of the endpoint that its session owns.
    pub(super) fn handle_event(&mut self, step: &mut Step<'_>, event: endpoint::Event) -> Outcome {
        let mut tray = Vec::new();
        self.trouble = reason::on_the_way(&event);
        self.session.handle_event(step.now, step.endpoint, event, &mut tray);
        self.on_events(step, tray)
    }

    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let transfer = self.transfer.as_ref().and_then(Transfer::poll_timeout);
        let own = [transfer, self.gives_up_at(), self.key_due_at(), self.session.poll_timeout()];
        own.into_iter().flatten().min()
    }

    pub(super) fn handle_timeout(&mut self, step: &mut Step<'_>) -> Outcome {
        if self.gives_up_at().is_some_and(|at| at <= step.now) {
            self.trouble = Some("nothing was heard of the other side any more");
            return self.give_up(step, Status::REQUEST_TIMEOUT);
        }
        self.send_due_key(step);
        if self.check_transfer(step) == Outcome::Over {
            return Outcome::Over;
        }
        let mut tray = Vec::new();
        self.session.handle_timeout(step.now, step.endpoint, &mut tray);
        self.on_events(step, tray)
    }

    pub(super) fn on_events(&mut self, step: &mut Step<'_>, events: Vec<invite::Event>) -> Outcome {
        for event in events {
            if self.on_event(step, event) == Outcome::Over {
                return Outcome::Over;
            }
        }
        self.tell_leg(step.outputs);
        Outcome::Live
    }

    fn on_event(&mut self, step: &mut Step<'_>, event: invite::Event) -> Outcome {
        use invite::Event as E;
        let described = match event {
            E::Reached(flow) => self.on_reached(step, flow),
            E::Progress { status, sdp } => {
                self.on_progress(step, status, sdp.as_deref());
                Ok(())
            }
            E::Answered { sdp } => {
                self.on_answered(step);
                self.on_answer(step, sdp.as_deref())
            }
            E::Acknowledged { sdp } => self.on_acknowledged(step, sdp.as_deref()),
            E::Reoffered { sdp } => {
                self.on_reoffered(step, sdp.as_deref());
                Ok(())
            }
            E::OfferDue => {
                self.on_offer_due(step);
                Ok(())
            }
            E::ReofferAnswered { sdp } => {
                self.on_reoffer_answered(step, sdp.as_deref());
                Ok(())
            }
            E::ReofferRefused { status } => {
                self.on_reoffer_refused(step, status);
                Ok(())
            }
            E::Info { content_type, body } => {
                self.on_info(step, &content_type, &body);
                Ok(())
            }
            E::Referred { to, referred_by } => {
                let (call, connection) = (self.id(), self.connection());
                let referral = Referral { call, connection, to, referred_by, mute: self.mute };
                step.news.push_back(News::Referred(Box::new(referral)));
                Ok(())
            }
            E::ReferAnswered { status } => return self.on_refer_answered(step, status),
            E::ReferProgress { status, .. } => return self.on_refer_progress(step, status),
            E::Ended { status } => return self.on_ended(step, status),
        };
        match described {
            Ok(()) => Outcome::Live,
            Err(status) => self.give_up(step, status),
        }
    }

    fn on_progress(&mut self, step: &mut Step<'_>, status: Status, sdp: Option<&[u8]>) {
        let mut early_media = false;
        if let Some(sound) = &mut self.sound {
            if let Some(sdp) = sdp {
                // One that is of no use leaves what there is: only the answer that comes with a 2xx has to be.
                sound.take_answer(sdp).ok();
            }
            if status == Status::RINGING {
                sound.sound_tone(Some(Tone::Ringback), step.outputs);
            }
            early_media = sound.is_agreed();
        }
        // Rule 18: phones say again and again that they ring, and several may ring.
        if self.progress.replace((status, early_media)) == Some((status, early_media)) {
            return;
        }
        let event = Event::CallProgress { call: self.id(), status: status.code(), early_media };
        step.outputs.push(Output::Event(event));
        self.tell_referrer(step, status);
    }

    /// It is answered, by either side.
    pub(super) fn on_answered(&mut self, step: &mut Step<'_>) {
        self.answered_at = Some(step.now);
        step.outputs.push(Output::Event(Event::CallAccepted(self.told(step.now))));
        if let Some(sound) = &mut self.sound {
            sound.sound_tone(None, step.outputs);
        }
        step.news.push_back(News::Speaks(self.id()));
        self.tell_referrer(step, Status::OK);
    }

    fn on_ended(&mut self, step: &mut Step<'_>, status: Option<Status>) -> Outcome {
        if status.is_none() && self.transfer.as_mut().is_some_and(|transfer| transfer.on_bye(step.now)) {
            self.end_sound(None, step.outputs);
            return Outcome::Live;
        }
        self.told.sip_error = status.map_or(0, Status::code);
        Outcome::Over
    }

    /// It can't go on.
    pub(super) fn give_up(&mut self, step: &mut Step<'_>, status: Status) -> Outcome {
        self.hang_up(step, status, status.code());
        Outcome::Over
    }

    /// The peer of that call has asked for another one since.
    pub(super) fn forget_referrer(&mut self, referrer: CallId) {
        self.referrer.take_if(|own| *own == referrer);
    }

    /// The peer that asked for this call hears how it goes (RFC 3515 §2.4.5).
    fn tell_referrer(&self, step: &mut Step<'_>, status: Status) {
        if let Some(referrer) = self.referrer {
            step.news.push_back(News::Answered { referrer, status });
        }
    }
}
