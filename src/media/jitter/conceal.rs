//! Guesses sound that never came: a voice goes on with its pitch for a while and fades, and where the sound after the
//! gap is already there, both sides grow towards each other.

use super::line::Line;
use super::pitch::{self, LONGEST};
use super::stretch::fade;

/// Samples that a guess goes on at full loudness: 20 ms, a packet.
const FULL_SAMPLES: usize = 160;

/// Samples that it then takes to fade: 100 ms.
const FADE_SAMPLES: usize = 800;

/// Likeness below which a sound has no pitch to go on with, and a longer piece of its noise is repeated.
const VOICED: f32 = 0.25;

/// Samples over which a guess takes leave of the last sample that was heard, so that it begins without a click.
const JOIN_SAMPLES: usize = 20;

/// Samples over which a guess turns into what the peer really sent.
const MERGE_SAMPLES: usize = 40;

/// Periods tried on either side of the pitch so that both sides of a bridge meet in step, in parts of a period.
const TUNE_PART: usize = 8;

/// Samples of the longest gap that is bridged from both sides: 60 ms.
pub(super) const LONGEST_BRIDGE: usize = 480;

/// A sound that repeats itself: forwards behind what was heard, or backwards before what is to come.
#[derive(Clone, Copy, Debug)]
struct Cycle {
    samples: [f32; LONGEST],
    lag: usize,
    at: usize,
}

impl Cycle {
    /// The last `lag` samples of `past`, made to join its own beginning.
    fn behind(past: &[f32], lag: usize) -> Self {
        let mut samples = [0.0; LONGEST];
        let start = past.len() - lag;
        samples[..lag].copy_from_slice(&past[start..]);
        let seam = lag / 4;
        for index in 0..seam {
            let before = past[start - seam + index];
            samples[lag - seam + index] = fade(index, seam, samples[lag - seam + index], before);
        }
        Self { samples, lag, at: 0 }
    }

    fn next(&mut self) -> f32 {
        let sample = self.samples[self.at];
        self.at = (self.at + 1) % self.lag;
        sample
    }
}

/// A guess that goes on until something comes.
#[derive(Debug)]
pub(super) struct Concealer {
    cycle: Cycle,
    /// What the last sample heard and the first guessed are apart.
    step: f32,
    age: usize,
}

impl Concealer {
    /// Begins behind all that is on the line.
    pub(super) fn new(line: &Line) -> Self {
        let past = line.all();
        Self::with_lag(past, guess_lag(past))
    }

    fn with_lag(past: &[f32], lag: usize) -> Self {
        let cycle = Cycle::behind(past, lag);
        let step = past[past.len() - 1] - past[past.len() - 1 - lag];
        Self { cycle, step, age: 0 }
    }

    fn next(&mut self) -> f32 {
        let join = 1.0 - (self.age + 1) as f32 / JOIN_SAMPLES as f32;
        let sample = self.cycle.next() + self.step * join.max(0.0);
        let faded = self.age.saturating_sub(FULL_SAMPLES) as f32 / FADE_SAMPLES as f32;
        self.age += 1;
        sample * (1.0 - faded).max(0.0)
    }

    /// True when nothing is left of it to hear.
    pub(super) fn is_silent(&self) -> bool {
        self.age >= FULL_SAMPLES + FADE_SAMPLES
    }

    /// Appends `count` samples.
    pub(super) fn extend(&mut self, line: &mut Line, count: usize) {
        line.append(|room| {
            room[..count].iter_mut().for_each(|sample| *sample = self.next());
            count
        });
        line.mark_guessed(0);
    }

    /// Appends a bridge of `gap` samples and `landing`, the sound behind it. The guess from before turns into one from
    /// behind on the way, and in any case into what was really sent.
    pub(super) fn bridge(&mut self, line: &mut Line, gap: usize, landing: &[f32]) {
        if self.age == 0 && gap > 0 {
            self.tune(line, gap, landing);
        }
        let back = Backward::before(landing, self.cycle.lag);
        line.append(|room| {
            let merge = MERGE_SAMPLES.min(landing.len());
            for (index, sample) in room[..gap].iter_mut().enumerate() {
                let ahead = self.next();
                *sample = match &back {
                    Some(back) => fade(index, gap, ahead, back.at(gap - index)),
                    None => ahead,
                };
            }
            room[gap..gap + landing.len()].copy_from_slice(landing);
            if back.is_none() || gap == 0 {
                for index in 0..merge {
                    let real = room[gap + index];
                    room[gap + index] = fade(index, merge, self.next(), real);
                }
            }
            gap + landing.len()
        });
        line.mark_guessed(landing.len().saturating_sub(MERGE_SAMPLES));
    }

    /// Chooses the period, near the pitch, with which the guess is in step with the landing.
    fn tune(&mut self, line: &Line, gap: usize, landing: &[f32]) {
        let past = line.all();
        let pitch = self.cycle.lag;
        let lags = pitch - pitch / TUNE_PART..=(pitch + pitch / TUNE_PART).min(LONGEST);
        let window = landing.len().min(LONGEST);
        let fits = lags.map(|lag| {
            let mut cycle = Cycle::behind(past, lag);
            cycle.at = gap % lag;
            let mut onward = [0.0; LONGEST];
            onward[..window].iter_mut().for_each(|sample| *sample = cycle.next());
            (lag, pitch::likeness(&onward[..window], &landing[..window]))
        });
        if let Some((lag, _)) = fits.max_by(|(_, one), (_, other)| one.total_cmp(other)) {
            *self = Self::with_lag(past, lag);
        }
    }
}

/// The first period of a sound, repeated before it.
struct Backward<'a> {
    period: &'a [f32],
    /// What the period's beginning and its repetition are apart.
    step: f32,
}

impl<'a> Backward<'a> {
    /// Looks for a period near `lag`.
    fn before(landing: &'a [f32], lag: usize) -> Option<Self> {
        let lags = lag - lag / TUNE_PART..=(lag + lag / TUNE_PART).min(landing.len() * 3 / 4);
        let fits = lags.map(|lag| (lag, pitch::likeness(&landing[..landing.len() - lag], &landing[lag..])));
        let (lag, _) = fits.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
        Some(Self { period: &landing[..lag], step: landing[0] - landing[lag] })
    }

    /// The sample `back` samples before the landing, 1 or more.
    fn at(&self, back: usize) -> f32 {
        let before_seam = (back - 1) % self.period.len() + 1;
        let join = 1.0 - before_seam as f32 / JOIN_SAMPLES as f32;
        self.period[self.period.len() - before_seam] + self.step * join.max(0.0)
    }
}

fn guess_lag(past: &[f32]) -> usize {
    let pitch = pitch::at_end(past);
    if pitch.voicing < VOICED { LONGEST } else { pitch.lag }
}
