//! How loud sound is: its peak, ten times a second, for meters that people look at.

/// Frames of 10 ms that a level stands for.
const FRAMES: u8 = 10;

/// Below this nothing is told apart, in dBFS: the quietest step of 16 bits is -90.
pub const SILENCE_DBFS: i8 = -96;

/// The amplitude of a sound that is 1 dB quieter.
const DECIBEL: f32 = 0.891_250_94;

/// The amplitude half a decibel below full scale, where rounding turns from 0 to -1 dBFS.
const HALF_A_DECIBEL: f32 = 0.944_060_9;

/// Gathers the peak of frames.
#[derive(Default, Debug)]
pub(crate) struct Meter {
    peak: f32,
    frames: u8,
}

impl Meter {
    /// Takes the next frame; with each tenth, the level of those ten.
    pub(crate) fn take(&mut self, frame: &[f32]) -> Option<i8> {
        self.peak = frame.iter().fold(self.peak, |peak, sample| peak.max(sample.abs()));
        self.frames += 1;
        if self.frames < FRAMES {
            return None;
        }
        let Self { peak, .. } = core::mem::take(self);
        Some(level_dbfs(peak))
    }
}

/// The level of a peak, rounded: 0 for full scale, at least [`SILENCE_DBFS`]. Stepping down needs no logarithm.
fn level_dbfs(peak: f32) -> i8 {
    let (mut level, mut step) = (0, HALF_A_DECIBEL);
    while peak < step && level > SILENCE_DBFS {
        level -= 1;
        step *= DECIBEL;
    }
    level
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_level_is_the_peak_of_100_ms() {
        let mut meter = Meter::default();
        let mut levels =
            [0.0, 0.0, -0.5, 0.1, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0].map(|peak| meter.take(&[0.0, peak]));
        assert_eq!(levels[9].take(), Some(-6));
        assert_eq!(levels, [None; 10]);
        assert_eq!(
            [(); 10].map(|()| meter.take(&[0.0]))[9],
            Some(SILENCE_DBFS),
            "the next 100 ms begin anew"
        );
    }

    #[test]
    fn levels_are_decibels_below_full_scale() {
        let levels =
            [(2.0, 0), (1.0, 0), (0.9, -1), (0.8, -2), (0.5, -6), (0.1, -20), (1e-4, -80), (1e-9, -96)];
        for (peak, level) in levels {
            assert_eq!(level_dbfs(peak), level, "{peak}");
        }
    }
}
