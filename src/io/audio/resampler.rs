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
