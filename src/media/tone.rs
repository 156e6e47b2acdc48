//! Tones of the phone's own: bursts of two sine waves, and the cadences of bursts that tell what a call does (ITU-T
//! E.180, European practice: 425 Hz).

use core::f32::consts::PI;

use crate::leg::Tone;
use crate::{FRAME_SAMPLES, RATE_HZ};

/// Samples over which a burst comes and goes, so that it does neither with a click: 5 ms.
const RAMP_SAMPLES: usize = 40;

/// Of all tones but [`Tone::Ring`].
const HERTZ: u32 = 425;

/// Beside [`HERTZ`] in [`Tone::Ring`]: the two beat 25 times a second, as a bell's clapper would.
const RING_HERTZ: u32 = 450;

/// Amplitude of ringback and busy: −13 dBm0, where a full sine has 3.14 dBm0 (ITU-T G.711).
const TELLING: f32 = 0.156;

/// Amplitude of each of the two waves of ringing: −9 dBm0.
const RINGING: f32 = 0.247;

/// Amplitude of call waiting, which is heard through speech: −19 dBm0.
const WAITING: f32 = 0.078;

/// Sound and silence in turn, in milliseconds, over and over.
type Cadence = &'static [u32];

const fn cadence(tone: Tone) -> Cadence {
    match tone {
        Tone::Ringback | Tone::Ring => &[1_000, 4_000],
        Tone::Busy => &[500, 500],
        Tone::CallWaiting => &[200, 200, 200, 5_000],
    }
}

fn waves(tone: Tone) -> [Sine; 2] {
    match tone {
        Tone::Ringback | Tone::Busy => [Sine::new(HERTZ, TELLING), Sine::SILENT],
        Tone::Ring => [Sine::new(HERTZ, RINGING), Sine::new(RING_HERTZ, RINGING)],
        Tone::CallWaiting => [Sine::new(HERTZ, WAITING), Sine::SILENT],
    }
}

/// A tone that sounds until it is ended.
#[derive(Debug)]
pub(crate) struct Player {
    tone: Tone,
    burst: Burst,
    /// Which part of the cadence `burst` is of.
    part: usize,
    ending: bool,
}

impl Player {
    pub(crate) fn new(tone: Tone) -> Self {
        Self { tone, burst: Burst::of(tone, 0), part: 0, ending: false }
    }

    /// Which tone, as long as it is not ending.
    pub(crate) fn tone(&self) -> Option<Tone> {
        (!self.ending).then_some(self.tone)
    }

    pub(crate) fn is_ring(&self) -> bool {
        self.tone == Tone::Ring
    }

    /// What sounds of it fades within the next frame.
    pub(crate) fn end(&mut self) {
        self.ending = true;
        self.burst.end();
    }

    /// Adds the next 10 ms to `frame`.
    pub(crate) fn mix(&mut self, frame: &mut [f32; FRAME_SAMPLES]) {
        for sample in frame {
            if self.burst.is_over() {
                if self.ending {
                    return;
                }
                self.part = (self.part + 1) % cadence(self.tone).len();
                self.burst = Burst::of(self.tone, self.part);
            }
            *sample += self.burst.next();
        }
    }
}

/// Two waves for a time.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Burst {
    waves: [Sine; 2],
    at: usize,
    samples: usize,
}

impl Burst {
    pub(crate) fn new(waves: [Sine; 2], ms: u32) -> Self {
        Self { waves, at: 0, samples: (RATE_HZ / 1_000 * ms) as usize }
    }

    /// A part of a tone's cadence: those with odd numbers are silent.
    fn of(tone: Tone, part: usize) -> Self {
        let ms = cadence(tone).get(part).copied().unwrap_or(0);
        Self::new(if part.is_multiple_of(2) { waves(tone) } else { [Sine::SILENT; 2] }, ms)
    }

    pub(crate) fn is_over(&self) -> bool {
        self.at >= self.samples
    }

    /// It fades from here on.
    fn end(&mut self) {
        self.samples = self.samples.min(self.at + RAMP_SAMPLES);
    }

    /// The next sample; silence when it is over.
    pub(crate) fn next(&mut self) -> f32 {
        let from_edge = (self.at + 1).min(self.samples.saturating_sub(self.at));
        let loudness = from_edge.min(RAMP_SAMPLES) as f32 / RAMP_SAMPLES as f32;
        self.at += 1;
        loudness * self.waves.iter_mut().map(Sine::next).sum::<f32>()
    }
}

/// A sine wave. The phase is in 2⁻³²ths of a turn: it wraps by itself, and no error adds up.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Sine {
    phase: u32,
    step: u32,
    amplitude: f32,
}

impl Sine {
    const SILENT: Self = Self { phase: 0, step: 0, amplitude: 0.0 };

    pub(crate) const fn new(hertz: u32, amplitude: f32) -> Self {
        let step = ((hertz as u64) << 32) / RATE_HZ as u64;
        Self { phase: 0, step: step as u32, amplitude }
    }

    fn next(&mut self) -> f32 {
        let sample = self.amplitude * sine(self.phase);
        self.phase = self.phase.wrapping_add(self.step);
        sample
    }
}

/// The sine of a phase, by its series within a quarter of a turn: `core` has none. Off by less than 4 parts in a
/// million.
fn sine(phase: u32) -> f32 {
    let half_turns = phase.cast_signed() as f32 / 2_147_483_648.0;
    let quarter = match half_turns {
        second if second > 0.5 => 1.0 - second,
        third if third < -0.5 => -1.0 - third,
        near => near,
    };
    let angle = quarter * PI;
    let square = angle * angle;
    angle * (1.0 - square / 6.0 * (1.0 - square / 20.0 * (1.0 - square / 42.0 * (1.0 - square / 72.0))))
}

#[cfg(test)]
mod tests;
