//! Time scaling: takes a pitch period out of the sound ahead or puts one in, where it is least heard (waveform
//! similarity overlap-add).

use super::line::{Line, PAST};
use super::pitch::{LONGEST, SHORTEST, likeness};

/// Samples that the change of the sound ahead came to: positive if it is longer now, zero if nothing fitted well.
pub(super) type Change = i64;

/// Takes out a period of at most `most` samples if the seam looks alike by `alike` or more.
pub(super) fn shorten(line: &mut Line, most: usize, alike: f32) -> Change {
    let ahead = line.ahead();
    let longest = LONGEST.min(most).min(ahead.len() / 2);
    let lags = (SHORTEST..=longest).map(|lag| (lag, likeness(&ahead[..lag], &ahead[lag..2 * lag])));
    let Some(lag) = best(lags, alike) else { return 0 };
    let rest = ahead.len() - lag;
    let sound = &mut line.all_mut()[PAST..];
    for index in 0..lag {
        sound[lag + index] = fade(index, lag, sound[index], sound[lag + index]);
    }
    sound.copy_within(lag.., 0);
    line.note_stretch(rest, lag);
    -(lag as Change)
}

/// Puts in a period of at most `most` samples if the seam looks alike by `alike` or more: the sound goes on for a
/// period while it turns back into what was just heard, and then is heard again.
pub(super) fn lengthen(line: &mut Line, most: usize, alike: f32) -> Change {
    let longest = LONGEST.min(most).min(line.ahead_len());
    let all = line.all();
    let lags =
        (SHORTEST..=longest).map(|lag| (lag, likeness(&all[PAST..PAST + lag], &all[PAST - lag..PAST])));
    let Some(lag) = best(lags, alike) else { return 0 };
    let (sound, end) = line.whole();
    if end + lag > sound.len() {
        return 0;
    }
    sound.copy_within(PAST..end, PAST + lag);
    for index in 0..lag {
        sound[PAST + index] = fade(index, lag, sound[PAST + lag + index], sound[PAST - lag + index]);
    }
    line.note_stretch(end - PAST + lag, lag);
    lag as Change
}

/// The lag that looks most alike, if alike enough.
fn best(lags: impl Iterator<Item = (usize, f32)>, alike: f32) -> Option<usize> {
    let (lag, likeness) = lags.max_by(|(_, one), (_, other)| one.total_cmp(other))?;
    (likeness >= alike).then_some(lag)
}

/// Sample `index` of `count` on the way from one sound to another.
pub(super) fn fade(index: usize, count: usize, from: f32, to: f32) -> f32 {
    let share = (index as f32 + 0.5) / count as f32;
    from + (to - from) * share
}
