//! Between a device's rate and the media's, without allocating once it is made.

use rubato::audioadapter_buffers::direct::InterleavedSlice;
use rubato::{
    Async, FixedAsync, Resampler as _, ResamplerConstructionError, SincInterpolationParameters,
    SincInterpolationType, WindowFunction,
};

/// Length of the filter in samples of the lower rate; half of it is the resampler's delay, 2 ms at 8 kHz. With a Hann
/// window its passband ends at 3.4 kHz (-0.8 dB) for a codec of 8 kHz, all that a telephone band has (ITU-T G.712).
/// Twice the length gives the same PESQ to three digits, half of it loses 1.9 dB at 3 kHz.
const TAPS: usize = 32;

/// Least number of filter phases, so that linear interpolation between two of them stays below the noise of 16 bits
/// should the ratio ever be steered. The exact ratio always falls on a phase.
const PHASES_MIN: usize = 128;

/// How far the ratio may be steered: far beyond the drift of any crystal.
const STEERING: f64 = 1.001;

/// A mono stream of one rate in, one of another out.
pub(super) struct Resampler {
    /// None where the rates are equal.
    sinc: Option<Async<f32>>,
    block: usize,
    fixed: FixedAsync,
}

impl Resampler {
    /// Takes as many samples as each block of exactly `block` samples out needs.
    ///
    /// # Errors
    /// A rate of 0.
    pub(super) fn to_blocks(
        from_hz: u32,
        to_hz: u32,
        block: usize,
    ) -> Result<Self, ResamplerConstructionError> {
        Self::new(from_hz, to_hz, block, FixedAsync::Output)
    }

    /// Takes blocks of exactly `block` samples, and gives as many as come of each.
    ///
    /// # Errors
    /// A rate of 0.
    pub(super) fn of_blocks(
        from_hz: u32,
        to_hz: u32,
        block: usize,
    ) -> Result<Self, ResamplerConstructionError> {
        Self::new(from_hz, to_hz, block, FixedAsync::Input)
    }

    fn new(
        from_hz: u32,
        to_hz: u32,
        block: usize,
        fixed: FixedAsync,
    ) -> Result<Self, ResamplerConstructionError> {
        if from_hz == to_hz {
            return Ok(Self { sinc: None, block, fixed });
        }
        let ratio = f64::from(to_hz) / f64::from(from_hz);
        let phases = to_hz / greatest_common_divisor(from_hz, to_hz).max(1);
        let parameters = SincInterpolationParameters::new(
            (TAPS as f64 / ratio.min(1.0)).ceil() as usize,
            WindowFunction::Hann,
        )
        .oversampling_factor(PHASES_MIN.next_multiple_of(phases.max(1) as usize))
        .interpolation(SincInterpolationType::Linear);
        let sinc = Async::new_sinc(ratio, STEERING, &parameters, block, 1, fixed)?;
        Ok(Self { sinc: Some(sinc), block, fixed })
    }

    /// Samples that the next [`Self::process`] takes.
    pub(super) fn input_next(&self) -> usize {
        self.sinc.as_ref().map_or(self.block, |sinc| sinc.input_frames_next())
    }

    /// Samples that any [`Self::process`] takes at most.
    pub(super) fn input_max(&self) -> usize {
        self.sinc.as_ref().map_or(self.block, |sinc| sinc.input_frames_max())
    }

    /// Samples that any [`Self::process`] gives at most.
    pub(super) fn output_max(&self) -> usize {
        self.sinc.as_ref().map_or(self.block, |sinc| sinc.output_frames_max())
    }

    /// Samples of silence that, taken first, let a block of the device complete a block of the media from the start:
    /// the filter's reach, and one for rounding.
    pub(super) fn lead(&self) -> usize {
        match (&self.sinc, self.fixed) {
            (Some(sinc), FixedAsync::Output) => {
                let steady = (self.block as f64 / sinc.resample_ratio()).ceil() as usize;
                sinc.input_frames_next().saturating_sub(steady) + 1
            }
            _ => 0,
        }
    }

    /// Takes [`Self::input_next`] samples of `input`, and returns how many it wrote to `output`, which has room for
    /// [`Self::output_max`].
    pub(super) fn process(&mut self, input: &[f32], output: &mut [f32]) -> usize {
        let Some(sinc) = &mut self.sinc else {
            output[..self.block].copy_from_slice(&input[..self.block]);
            return self.block;
        };
        let room = output.len();
        let input = InterleavedSlice::new(input, 1, input.len()).expect("one channel of as many frames");
        let mut output = InterleavedSlice::new_mut(output, 1, room).expect("one channel of as many frames");
        let (_, written) = sinc
            .process_into_buffer(&input, &mut output, None)
            .expect("both slices are as long as it asked for");
        written
    }

    /// A whole sound at once, with the filter's delay taken off.
    ///
    /// # Errors
    /// A rate of 0.
    pub(super) fn convert(
        from_hz: u32,
        to_hz: u32,
        sound: Vec<f32>,
    ) -> Result<Vec<f32>, ResamplerConstructionError> {
        /// Any size does.
        const BLOCK: usize = 1024;
        let Some(mut sinc) = Self::of_blocks(from_hz, to_hz, BLOCK)?.sinc else { return Ok(sound) };
        let input = InterleavedSlice::new(&sound, 1, sound.len()).expect("one channel of as many frames");
        let converted = sinc.process_all(&input, sound.len(), None).expect("the sound is as long as it is");
        Ok(converted.take_data())
    }
}

fn greatest_common_divisor(a: u32, b: u32) -> u32 {
    if b == 0 { a } else { greatest_common_divisor(b, a % b) }
}

impl std::fmt::Debug for Resampler {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Resampler").field("block", &self.block).field("equal", &self.sinc.is_none()).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::f32::consts::TAU;

    const BLOCK: usize = 160;

    fn tone(rate_hz: u32, hz: f32, samples: usize) -> Vec<f32> {
        (0..samples).map(|at| 0.5 * (TAU * hz * at as f32 / rate_hz as f32).sin()).collect()
    }

    /// Speaker and microphone of a device, joined by a wire.
    fn there_and_back(device_hz: u32, sound: &[f32]) -> Vec<f32> {
        let mut there = Resampler::of_blocks(8_000, device_hz, BLOCK).expect("a resampler");
        let mut back = Resampler::to_blocks(device_hz, 8_000, BLOCK).expect("a resampler");
        let mut wire = vec![0.0; back.lead()];
        let mut heard = Vec::new();
        for block in sound.as_chunks::<BLOCK>().0 {
            let mut output = vec![0.0; there.output_max()];
            let written = there.process(block, &mut output);
            wire.extend_from_slice(&output[..written]);
            while wire.len() >= back.input_next() {
                let taken: Vec<f32> = wire.drain(..back.input_next()).collect();
                let mut output = [0.0; BLOCK];
                assert_eq!(back.process(&taken, &mut output), BLOCK);
                heard.extend(output);
            }
        }
        heard
    }

    fn level_db(sound: &[f32]) -> f32 {
        10.0 * (sound.iter().map(|sample| sample * sample).sum::<f32>() / sound.len() as f32 / 0.125).log10()
    }

    #[test]
    fn the_telephone_band_passes_devices_of_all_rates() {
        for device_hz in [8_000, 11_025, 16_000, 44_100, 48_000, 96_000] {
            for (hz, least_db) in [(300.0, -0.1), (1_000.0, -0.1), (3_000.0, -0.2), (3_400.0, -2.0)] {
                let heard = there_and_back(device_hz, &tone(8_000, hz, 6_400));
                let level = level_db(&heard[1_000..5_000]);
                assert!((least_db..0.1).contains(&level), "{hz} Hz at {device_hz}: {level} dB");
            }
        }
    }

    #[test]
    fn sound_above_the_telephone_band_does_not_fold_into_it() {
        for hz in [5_000.0, 7_300.0, 12_000.0, 20_000.0] {
            let mut back = Resampler::to_blocks(48_000, 8_000, BLOCK).expect("a resampler");
            let sound = tone(48_000, hz, 48_000);
            let mut heard = Vec::new();
            let mut rest = &sound[..];
            while rest.len() >= back.input_next() {
                let (taken, after) = rest.split_at(back.input_next());
                let mut output = [0.0; BLOCK];
                back.process(taken, &mut output);
                heard.extend(output);
                rest = after;
            }
            let level = level_db(&heard[1_000..]);
            assert!(level < -40.0, "{hz} Hz comes back with {level} dB");
        }
    }

    #[test]
    fn each_way_takes_two_milliseconds() {
        let mut click = vec![0.0; 1_600];
        click[800] = 1.0;
        for device_hz in [16_000, 44_100, 48_000] {
            let heard = there_and_back(device_hz, &click);
            let loudest = (0..heard.len()).max_by(|a, b| heard[*a].abs().total_cmp(&heard[*b].abs()));
            let delay = loudest.expect("sound") - 800;
            assert!((31..=34).contains(&delay), "at {device_hz}: {delay} samples of 8 kHz");
        }
    }

    #[test]
    fn a_block_of_the_device_completes_a_block_of_the_media_from_the_first() {
        for device_hz in [8_000, 16_000, 44_100, 48_000] {
            let mut back = Resampler::to_blocks(device_hz, 8_000, BLOCK).expect("a resampler");
            let mut held = back.lead();
            for block in 0..1_000 {
                held += device_hz as usize / 50;
                assert!(
                    held >= back.input_next(),
                    "block {block} at {device_hz}: {held} < {}",
                    back.input_next()
                );
                held -= back.input_next();
                back.process(&vec![0.0; back.input_next()], &mut [0.0; BLOCK]);
            }
            assert!(held <= 2, "{held} samples are left over at {device_hz}");
        }
    }

    #[test]
    fn equal_rates_pass_sound_untouched() {
        let sound = tone(8_000, 440.0, 1_600);
        assert_eq!(there_and_back(8_000, &sound), sound);
    }

    #[test]
    fn a_whole_sound_keeps_its_length_and_its_place() {
        let sound = tone(44_100, 400.0, 44_100);
        let converted = Resampler::convert(44_100, 8_000, sound).expect("converted");
        assert_eq!(converted.len(), 8_000);
        let expected = tone(8_000, 400.0, 8_000);
        // A sample further, the tone would differ by 0.157.
        for (sample, expected) in converted.iter().zip(&expected).skip(100).take(7_800) {
            assert!((sample - expected).abs() < 0.157);
        }
    }
}
