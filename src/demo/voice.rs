//! The sound of one call at the exchange: a leg of its own, whose receiving half is heard by its sending half where
//! the number is an echo. Keys come back as they are pressed: as two tones for the ear, and as an event (RFC 4733)
//! for the program.

use std::net::SocketAddr;

use base::{Dice, Instant};
use media::dtmf::{Key, Way};
use media::leg::{Channel, LegCommand, LegEvent, LegId};
use media::{FRAME_SAMPLES, Packet, Receiver, Role, Sender};
use phone::terms::terms;
use sip::sdp::{Agreement, SdpError};

use super::numbers::Sound;
use super::tune::Tune;

/// Each voice has two machines of its own, with this one leg.
const LEG: LegId = LegId(0);

#[derive(Debug)]
pub(super) struct Voice {
    receiver: Receiver,
    sender: Sender,
    is_agreed: bool,
    says: Says,
}

/// What the caller hears.
#[derive(Debug)]
enum Says {
    /// What he says.
    Echo,
    /// The keys that he presses.
    Keys,
    Tune(Tune),
}

impl Voice {
    /// A voice that is silent until something is agreed on.
    pub(super) fn new(dice: Dice) -> Self {
        let says = Says::Tune(Tune::silence());
        Self { receiver: Receiver::new(), sender: Sender::new(dice), is_agreed: false, says }
    }

    pub(super) const fn is_agreed(&self) -> bool {
        self.is_agreed
    }

    /// Follows what offer and answer came to.
    ///
    /// # Errors
    /// Nothing in it is a voice.
    pub(super) fn agree(&mut self, now: Instant, agreement: &Agreement) -> Result<(), SdpError> {
        let command = LegCommand::Use(terms(agreement).ok_or(SdpError::NoCodec)?);
        self.receiver.handle_command(now, LEG, &command);
        self.sender.handle_command(now, LEG, &command);
        self.is_agreed = true;
        Ok(())
    }

    pub(super) fn say(&mut self, sound: Sound) {
        self.says = match sound {
            Sound::Echo => Says::Echo,
            Sound::Keys => Says::Keys,
            Sound::Tone => Says::Tune(Tune::tone()),
            Sound::Beeps => Says::Tune(Tune::beeps()),
            Sound::Melody => Says::Tune(Tune::melody()),
            Sound::MusicOnHold => Says::Tune(Tune::music_on_hold()),
        };
    }

    pub(super) fn handle_packet(&mut self, now: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        self.receiver.handle_packet(now, LEG, channel, from, bytes);
        while let Some((_, event)) = self.receiver.poll_event() {
            if let LegEvent::Key(key) = event {
                self.on_key(now, key);
            }
        }
        while let Some((_, feedback)) = self.receiver.poll_feedback() {
            self.sender.handle_feedback(now, LEG, feedback);
        }
    }

    /// Hears and says 10 ms, and sends what is complete.
    pub(super) fn tick(&mut self, now: Instant, mut send: impl FnMut(Packet<'_>)) {
        let mut frame = [0.0; FRAME_SAMPLES];
        self.receiver.pull(now, Role::Playback, &mut frame);
        match &mut self.says {
            Says::Echo => {}
            Says::Keys => frame.fill(0.0),
            Says::Tune(tune) => tune.play(&mut frame),
        }
        self.sender.push(now, &frame);
        while let Some(packet) = self.sender.poll_packet() {
            send(packet);
        }
    }

    pub(super) fn on_key(&mut self, now: Instant, key: Key) {
        if matches!(self.says, Says::Keys) {
            for way in [Way::InBand, Way::Event] {
                self.sender.handle_command(now, LEG, &LegCommand::Key { key, way });
            }
        }
    }
}
