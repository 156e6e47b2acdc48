//! Keeps the delay of what is played near its target, by stretching and shortening sound.

use super::stretch;
use super::{Gap, JitterBuffer, pitch};
use crate::FRAME_SAMPLES;

/// Frames whose delays are looked at together, for a speaker asks for several at once and then for none: 160 ms.
const PACE_FRAMES: usize = 16;

/// Samples that a change of the pace looks at: two of the longest pitch periods, and a frame.
const STRETCH_AHEAD: usize = 2 * pitch::LONGEST + FRAME_SAMPLES;

/// Part of the packets' irregularity by which the delay may be longer than its target before it is shortened: where
/// packets come irregularly the target itself wavers.
const SLACK_PART: i64 = 2;

/// Samples off the target in speech that are left alone: 10 ms.
pub(super) const SPEECH_SLACK: i64 = 80;

/// The same in a pause, where nobody hears a change: 4 ms.
const PAUSE_SLACK: i64 = 32;

/// Likeness of the seam below which speech is not changed (see [`pitch::likeness`]): a correlation of 0.9.
const ALIKE: f32 = 0.81;

/// The same where the delay is [`FAR_OFF`]: a correlation of 0.5.
const ALIKE_WHEN_FAR: f32 = 0.25;

/// Samples off the target from which a change is worth being heard: 60 ms.
const FAR_OFF: i64 = 480;

/// A pause is sound with less than this part of the power of the speech around it: 35 dB below.
const PAUSE_PART: f32 = 0.000_3;

/// What has less power than this is a pause in any case: 60 dB below full scale.
const PAUSE_POWER: f32 = 1e-6;

/// What a frame leaves of the loudness that is remembered: half is gone after 3.5 s.
const LOUDNESS_KEPT: f32 = 0.998;

/// Samples of delay beyond the target that shortening is not fast enough for: sound is thrown away. Half a second.
const MAX_EXCESS: i64 = 4_000;

/// The delay at which sound is played, and how loud it is.
#[derive(Debug)]
pub(super) struct Pace {
    /// Local time minus position at the last frames, the newest last.
    delays: [i64; PACE_FRAMES],
    /// Mean square of the loudest speech of late.
    loudness: f32,
}

impl Pace {
    pub(super) fn new() -> Self {
        Self { delays: [0; PACE_FRAMES], loudness: 0.0 }
    }

    /// Playing begins with this delay.
    pub(super) fn begin(&mut self, delay: i64) {
        self.delays = [delay; PACE_FRAMES];
    }

    /// Notes the delay of the next frame.
    fn note(&mut self, delay: i64) {
        self.delays.rotate_left(1);
        self.delays[PACE_FRAMES - 1] = delay;
    }

    /// The delay has grown by so many samples, or become less.
    pub(super) fn shift(&mut self, by: i64) {
        self.delays.iter_mut().for_each(|delay| *delay += by);
    }

    /// The delay of the frame that was asked for earliest: what packets have to keep.
    pub(super) fn lowest(&self) -> i64 {
        self.delays.iter().copied().min().unwrap_or(0)
    }

    /// A frame of what the peer sent was played.
    pub(super) fn hear(&mut self, frame: &[f32; FRAME_SAMPLES]) {
        self.loudness = pitch::power(frame).max(self.loudness * LOUDNESS_KEPT);
    }

    fn is_pause(&self, sound: &[f32]) -> bool {
        pitch::power(sound) < (self.loudness * PAUSE_PART).max(PAUSE_POWER)
    }
}

impl JitterBuffer {
    /// Stretches or shortens what is ahead where the delay is off its target.
    pub(super) fn keep_pace(&mut self, clock: i64) {
        self.pace.note(clock - (self.end - self.line.ahead_len() as i64));
        let Some(figures) = self.delay.figures() else { return };
        let off = self.pace.lowest() - figures.target;
        if off > MAX_EXCESS {
            return self.skip_to(clock - figures.target);
        }
        if !matches!(self.gap, Gap::None) || self.line.is_stretched() || self.line.is_guessed() {
            return;
        }
        let pause = self.pace.is_pause(self.line.ahead());
        let slack = match off {
            0.. => figures.irregularity / SLACK_PART,
            _ => 0,
        } + if pause { PAUSE_SLACK } else { SPEECH_SLACK };
        if off.abs() <= slack {
            return;
        }
        self.decode_ahead(STRETCH_AHEAD);
        let most = usize::try_from(off.abs()).unwrap_or(0);
        let alike = match off.abs() {
            _ if pause => f32::MIN,
            far if far > FAR_OFF => ALIKE_WHEN_FAR,
            _ => ALIKE,
        };
        let change = if off > 0 {
            stretch::shorten(&mut self.line, most, alike)
        } else {
            stretch::lengthen(&mut self.line, most, alike)
        };
        self.pace.shift(change);
    }

    /// Throws sound away until `position`.
    fn skip_to(&mut self, position: i64) {
        self.line.drop_ahead();
        while self.slots.earliest().is_some_and(|next| next.timestamp < position) {
            self.slots.take_earliest();
            self.counts.late += 1;
        }
        self.rewind(position);
        self.gap = self.missing();
    }
}
