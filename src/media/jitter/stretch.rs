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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::FRAME_SAMPLES;

    /// A tone of 100 Hz (80 samples a period), heard for a while, with `ahead` samples to come.
    fn tone(ahead: usize) -> Line {
        let wave = |index: usize| {
            let at = (index % 80) as f32 / 40.0 - 1.0;
            4.0 * at * (1.0 - at.abs())
        };
        let mut line = Line::new();
        line.append(|room| {
            room[..PAST + ahead].iter_mut().enumerate().for_each(|(index, sample)| *sample = wave(index));
            PAST + ahead
        });
        for _ in 0..PAST / FRAME_SAMPLES {
            line.play(&mut [0.0; FRAME_SAMPLES]);
        }
        line
    }

    fn largest_step(line: &Line) -> f32 {
        line.all().windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
    }

    #[test]
    fn a_period_is_taken_out_and_put_in_without_a_seam() {
        let whole = largest_step(&tone(400));
        let mut line = tone(400);
        assert_eq!(shorten(&mut line, 1_000, 0.8), -80);
        assert_eq!(line.ahead_len(), 320);
        assert!(line.is_stretched() && largest_step(&line) < 1.1 * whole);
        let mut line = tone(400);
        assert_eq!(lengthen(&mut line, 1_000, 0.8), 80);
        assert_eq!(line.ahead_len(), 480);
        assert!(line.is_stretched() && largest_step(&line) < 1.1 * whole);
    }

    #[test]
    fn nothing_is_changed_where_no_seam_would_be_alike_or_none_is_wanted() {
        let mut line = tone(400);
        assert_eq!((shorten(&mut line, 50, 0.8), lengthen(&mut line, 50, 0.8)), (0, 0), "less than a period");
        assert_eq!(shorten(&mut tone(30), 1_000, 0.0), 0, "less than two periods are there");
        assert_eq!(lengthen(&mut tone(10), 1_000, 0.0), 0);
    }
}
