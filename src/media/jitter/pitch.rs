//! The pitch of a voice: by how much a sound has to be shifted to look most like itself.

/// Samples of the shortest pitch period: 2.5 ms, 400 Hz.
pub(super) const SHORTEST: usize = 20;

/// Samples of the longest pitch period: 16 ms, 62 Hz.
pub(super) const LONGEST: usize = 128;

/// Below this energy a sound looks like nothing at all: a window of G.711's smallest steps.
const FAINT: f32 = 1e-6;

/// How much two sounds look alike: the square of the normalized correlation, negative if they look opposite. 1 is the
/// same shape, whatever its loudness.
pub(super) fn likeness(one: &[f32], other: &[f32]) -> f32 {
    let (mut product, mut one_energy, mut other_energy) = (0.0, FAINT, FAINT);
    for (x, y) in one.iter().zip(other) {
        product += x * y;
        one_energy += x * x;
        other_energy += y * y;
    }
    product * f32::abs(product) / (one_energy * other_energy)
}

/// Mean square of a sound.
pub(super) fn power(sound: &[f32]) -> f32 {
    sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len().max(1) as f32
}

/// A period, and how sure it is.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(super) struct Pitch {
    pub(super) lag: usize,
    /// [`likeness`] of the sound and itself one period before.
    pub(super) voicing: f32,
}

/// Samples at the end of a sound that are compared with what was a period before.
const WINDOW: usize = 160;

/// A longer period must look so much more alike than a shorter one: two periods look as alike as one.
const FAVOUR_SHORT: f32 = 0.0006;

/// The pitch at the end of `sound`, which is at least as long as a window and the longest period.
pub(super) fn at_end(sound: &[f32]) -> Pitch {
    let window = &sound[sound.len() - WINDOW..];
    let candidates = (SHORTEST..=LONGEST).map(|lag| {
        let before = &sound[sound.len() - WINDOW - lag..sound.len() - lag];
        (lag, likeness(window, before))
    });
    best(candidates)
}

/// The candidate that looks most alike, a short one where it makes no difference.
fn best(candidates: impl Iterator<Item = (usize, f32)>) -> Pitch {
    let mut pitch = Pitch { lag: SHORTEST, voicing: f32::MIN };
    let mut most = f32::MIN;
    for (lag, voicing) in candidates {
        let worth = voicing - lag as f32 * FAVOUR_SHORT;
        if worth > most {
            (most, pitch) = (worth, Pitch { lag, voicing });
        }
    }
    pitch
}
