//! What a call's leg is told and tells: who is heard, what rings, how loud it is, and media that are lost (rules 17 and 18,
//! part 3).

use alloc::vec::Vec;

use base::{Duration, Instant};
use media::leg::{Half, LegEvent, Tone};
use sip::flow::Flow;
use sip::message::Status;

use super::Step;
use super::call::{Call, Outcome};
use super::keys::Keys;
use super::sound::{Sound, Stance};
use crate::event::{Event, HoldState};
use crate::interface::{Family, Output};

/// How long neither RTP nor RTCP came when the leg tells it (part 3).
const LOST_AFTER: Duration = Duration::from_secs(5);

/// Media that are lost.
#[derive(Clone, Copy, Debug)]
pub(super) struct Lost {
    /// `None` if it may last for ever.
    give_up_at: Option<Instant>,
}

impl Call {
    /// `mutecall`.
    pub(super) fn mute(&mut self, mute: bool, outputs: &mut Vec<Output>) {
        if self.mute != mute {
            self.mute = mute;
            self.tell_leg(outputs);
            outputs.push(Output::Event(Event::Muted { call: self.id(), mute }));
        }
    }

    /// While it speaks it tells how loud it is, or not.
    pub(super) fn meter(&mut self, is_wanted: bool, outputs: &mut Vec<Output>) {
        self.is_metered = is_wanted;
        self.tell_leg(outputs);
    }

    /// What its user hears of it while it rings here: as loud as nobody speaks, or within the speech of another call.
    pub(super) fn ring_over(&mut self, speech: bool, outputs: &mut Vec<Output>) {
        if self.can_be_accepted()
            && let Some(sound) = &mut self.sound
        {
            sound.sound_tone(Some(if speech { Tone::CallWaiting } else { Tone::Ring }), outputs);
        }
    }

    /// Rule 17: one speaks. Whoever is called while another call does may be heard before the answer, and hears nothing.
    pub(super) fn hush(&mut self, speech: bool, outputs: &mut Vec<Output>) {
        let is_hushed = speech && self.is_ringing();
        if core::mem::replace(&mut self.is_hushed, is_hushed) != is_hushed {
            self.tell_leg(outputs);
        }
    }

    /// Takes what its leg tells. Media that are lost for `timeout` end the call, unless that is zero.
    pub(super) fn handle_leg(&mut self, step: &mut Step<'_>, event: LegEvent, timeout: Duration) -> Outcome {
        let call = self.id();
        let told = match event {
            LegEvent::Failed => {
                self.trouble = Some("this phone was given no way to its sound");
                return self.give_up(step, Status::SERVER_INTERNAL_ERROR);
            }
            LegEvent::Key(key) => Some(Event::Dtmf { call, key: key.into() }),
            // It may cross the news that the call is held or over.
            LegEvent::Lost if self.is_watched() => {
                let rest = timeout.saturating_sub(LOST_AFTER);
                self.lost = Some(Lost { give_up_at: (!timeout.is_zero()).then(|| step.now + rest) });
                Some(Event::MediaLost(call))
            }
            LegEvent::Level { half: Half::Receive, peak_dbfs } => {
                self.playback_dbfs = peak_dbfs;
                None
            }
            LegEvent::Level { half: Half::Send, peak_dbfs } => {
                Some(Event::AudioLevel { call, capture_dbfs: peak_dbfs, playback_dbfs: self.playback_dbfs })
            }
            LegEvent::Back => self.lost.take().map(|_| Event::MediaBack(call)),
            LegEvent::Lost | LegEvent::Arrived | LegEvent::Ended(_) => None,
        };
        step.outputs.extend(told.map(Output::Event));
        Outcome::Live
    }

    /// When it ends because media are lost.
    pub(super) fn gives_up_at(&self) -> Option<Instant> {
        self.lost.and_then(|lost| lost.give_up_at)
    }

    /// The leg follows what is agreed, who holds, what is muted and who listens.
    pub(super) fn tell_leg(&mut self, outputs: &mut Vec<Output>) {
        let (is_unheld, watch) = (self.is_unheld(), self.is_watched());
        // Rule 18: media are not lost while either side holds. Afterwards the leg finds out anew.
        if !watch && self.lost.take().is_some() {
            outputs.push(Output::Event(Event::MediaBack(self.id())));
        }
        let mute = self.mute || self.is_hushed;
        let stance = Stance { held: self.hold.is_wanted(), mute, watch };
        if let Some(sound) = &mut self.sound {
            sound.follow(stance, outputs);
            sound.meter(self.is_metered && is_unheld, outputs);
        }
    }

    /// Whether silence of the network means something: the peer may be heard, and has said that it sends (rule 18).
    fn is_watched(&self) -> bool {
        self.is_unheld() && self.sound.as_ref().is_some_and(Sound::is_receiving)
    }

    /// Whether it is answered, and held by nobody.
    fn is_unheld(&self) -> bool {
        self.is_answered() && !self.hold.is_wanted() && self.hold.state() == HoldState::None
    }

    /// The call's sound there, begun if there is none yet that would do. `None` if no RTP port is left.
    pub(super) fn begin_sound(&mut self, step: &mut Step<'_>, flow: Flow) -> Option<&mut Sound> {
        let family = Family::of(flow.local);
        // A leg's sockets are of one family, and who is called next has not agreed on anything yet.
        if self.sound.as_ref().is_some_and(|sound| sound.family() != family || sound.is_agreed()) {
            self.end_sound(None, step.outputs);
            // Those that wait were meant for somebody else.
            self.keys = Keys::default();
        }
        if let Some(sound) = &mut self.sound {
            sound.move_to(flow);
        } else {
            let (leg, port, rtp_port) = step.legs.begin(family)?;
            step.outputs.push(Output::StartLeg { leg, port });
            self.sound = Some(Sound::new(leg, flow, rtp_port, self.dice.u32() >> 1));
        }
        self.sound.as_mut()
    }

    pub(super) fn end_sound(&mut self, tone: Option<Tone>, outputs: &mut Vec<Output>) {
        if let Some(sound) = self.sound.take() {
            sound.end(tone, outputs);
        }
    }
}
