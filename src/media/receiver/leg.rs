//! What the user hears of one call: the peer, once there are terms, and tones, from before that until after the end.

use alloc::boxed::Box;
use core::net::SocketAddr;

use base::{Duration, Instant};

use super::stream::Stream;
use super::{Role, Stats};
use crate::FRAME_SAMPLES;
use crate::leg::{Channel, Feedback, Half, LegCommand, LegEvent, Terms, Tone};
use crate::tone::Player;

/// How long a leg that ends with a tone plays it.
const LAST_TONE: Duration = Duration::from_secs(3);

/// A leg's receiving half.
#[derive(Debug, Default)]
pub(super) struct Leg {
    stream: Option<Box<Stream>>,
    player: Option<Player>,
    /// Something of the peer was heard: no ringback any more.
    was_heard: bool,
    end: End,
}

#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
enum End {
    #[default]
    Open,
    /// A last tone sounds until then.
    At(Instant),
    /// To be told.
    Reached,
}

impl Leg {
    pub(super) fn handle_command(&mut self, now: Instant, command: &LegCommand) {
        if self.end != End::Open {
            return;
        }
        match command {
            LegCommand::Use(terms) => self.take(now, terms),
            LegCommand::Tone(tone) => self.play(*tone),
            LegCommand::End { tone } => {
                self.stream = None;
                self.play(*tone);
                self.end = if tone.is_some() { End::At(now + LAST_TONE) } else { End::Reached };
            }
            LegCommand::Meter(on) => self.stream.iter_mut().for_each(|stream| stream.meter(*on)),
            // The sending half's.
            LegCommand::Key { .. } => {}
        }
    }

    /// The user has begun something else: the tone of a call that is over would only disturb.
    pub(super) fn end_last_tone(&mut self) {
        if let End::At(_) = self.end {
            self.player = None;
            self.end = End::Reached;
        }
    }

    fn take(&mut self, now: Instant, terms: &Terms) {
        match &mut self.stream {
            Some(stream) => stream.renew(now, terms),
            None => self.stream = Some(Box::new(Stream::new(now, terms))),
        }
    }

    fn play(&mut self, tone: Option<Tone>) {
        let tone = tone.filter(|tone| *tone != Tone::Ringback || !self.was_heard);
        if self.player.as_ref().and_then(Player::tone) == tone {
            return;
        }
        match tone {
            Some(tone) => self.player = Some(Player::new(tone)),
            None => self.player.iter_mut().for_each(Player::end),
        }
    }

    pub(super) fn handle_packet(&mut self, at: Instant, channel: Channel, from: SocketAddr, bytes: &[u8]) {
        let Some(stream) = &mut self.stream else { return };
        match channel {
            Channel::Rtp => stream.on_rtp(at, from, bytes),
            Channel::Rtcp => stream.on_rtcp(at, from, bytes),
        }
    }

    /// Adds the next 10 ms to `frame`, as far as a speaker of this role plays them.
    pub(super) fn mix(&mut self, now: Instant, role: Role, frame: &mut [f32; FRAME_SAMPLES]) {
        if let End::At(end) = self.end
            && now >= end
        {
            self.end = End::Reached;
        }
        if let Some(stream) = &mut self.stream {
            stream.pass(now);
            if role != Role::Ring && stream.mix(now, frame) {
                self.was_heard = true;
                if let Some(player) = &mut self.player
                    && player.tone() == Some(Tone::Ringback)
                {
                    player.end();
                }
            }
        }
        if let Some(player) = &mut self.player {
            let is_here = match role {
                Role::Both => true,
                Role::Ring => player.is_ring(),
                Role::Playback => !player.is_ring(),
            };
            if is_here {
                player.mix(frame);
            }
        }
    }

    pub(super) fn poll_event(&mut self) -> Option<LegEvent> {
        match self.end {
            End::Reached => Some(LegEvent::Ended(Half::Receive)),
            End::Open | End::At(_) => self.stream.as_mut()?.poll_event(),
        }
    }

    pub(super) fn poll_feedback(&mut self) -> Option<Feedback> {
        self.stream.as_mut()?.poll_feedback()
    }

    pub(super) fn stats(&self) -> Option<Stats> {
        Some(self.stream.as_ref()?.stats())
    }
}
