//! Decoded sound around the moment that is played: what has just been heard, and right behind it what comes next.

use crate::FRAME_SAMPLES;

/// Samples that have been heard and are kept: 60 ms, twice the longest pitch period and a window to compare.
pub(super) const PAST: usize = 480;

/// Samples that are decoded ahead at most: the longest packet (1,500 bytes of G.711), a bridged gap before it, and
/// what waited before both.
pub(super) const AHEAD: usize = 2_560;

/// What silence leaves of the sample before: a thousandth after [`SILENCED_AFTER`].
const SILENCING: f32 = 0.84;

/// Samples, 5 ms, after which nothing is left to hear.
pub(super) const SILENCED_AFTER: usize = 40;

#[derive(Debug)]
pub(super) struct Line {
    sound: [f32; PAST + AHEAD],
    ahead: usize,
    /// Samples ahead, counted from the first, until the last one that was guessed.
    guessed: usize,
    /// The same for sound that was stretched or shortened.
    stretched: usize,
}

impl Line {
    pub(super) fn new() -> Self {
        Self { sound: [0.0; PAST + AHEAD], ahead: 0, guessed: 0, stretched: 0 }
    }

    /// Samples ahead.
    pub(super) fn ahead_len(&self) -> usize {
        self.ahead
    }

    /// The samples ahead.
    pub(super) fn ahead(&self) -> &[f32] {
        &self.sound[PAST..PAST + self.ahead]
    }

    /// What was heard, and all that is ahead.
    pub(super) fn all(&self) -> &[f32] {
        &self.sound[..PAST + self.ahead]
    }

    /// The same, to be changed in place.
    pub(super) fn all_mut(&mut self) -> &mut [f32] {
        &mut self.sound[..PAST + self.ahead]
    }

    pub(super) fn is_stretched(&self) -> bool {
        self.stretched > 0
    }

    pub(super) fn is_guessed(&self) -> bool {
        self.guessed > 0
    }

    /// Appends what `fill` writes: it gets the room that is left, and returns how much of it it used.
    pub(super) fn append(&mut self, fill: impl FnOnce(&mut [f32]) -> usize) -> usize {
        let added = fill(&mut self.sound[PAST + self.ahead..]);
        self.ahead += added;
        added
    }

    /// Appends silence, which begins without a click.
    pub(super) fn append_silence(&mut self, samples: usize) {
        let mut last = self.sound[PAST + self.ahead - 1];
        self.append(|room| {
            for sample in &mut room[..samples] {
                last *= SILENCING;
                *sample = last;
            }
            samples
        });
    }

    /// Says that what is ahead was guessed up to here, but for the last `real` samples.
    pub(super) fn mark_guessed(&mut self, real: usize) {
        self.guessed = self.ahead.saturating_sub(real);
    }

    /// Drops all that is ahead.
    pub(super) fn drop_ahead(&mut self) {
        (self.ahead, self.guessed, self.stretched) = (0, 0, 0);
    }

    /// Says that the sound ahead, of which nothing was guessed, has become `ahead` samples, and that the first `touched`
    /// of them show it.
    pub(super) fn note_stretch(&mut self, ahead: usize, touched: usize) {
        self.ahead = ahead;
        self.stretched = touched;
    }

    /// The room behind what is ahead, and where it begins: for a change that makes the sound longer.
    pub(super) fn whole(&mut self) -> (&mut [f32], usize) {
        (&mut self.sound, PAST + self.ahead)
    }

    /// Plays the next frame; what is missing of it is silence.
    pub(super) fn play(&mut self, frame: &mut [f32; FRAME_SAMPLES]) {
        self.append_silence(FRAME_SAMPLES.saturating_sub(self.ahead));
        frame.copy_from_slice(&self.sound[PAST..PAST + FRAME_SAMPLES]);
        self.sound.copy_within(FRAME_SAMPLES..PAST + self.ahead, 0);
        self.ahead -= FRAME_SAMPLES;
        self.guessed = self.guessed.saturating_sub(FRAME_SAMPLES);
        self.stretched = self.stretched.saturating_sub(FRAME_SAMPLES);
    }
}
