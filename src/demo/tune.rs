//! What the exchange plays: notes, made sample by sample.

use std::f32::consts::TAU;

use media::RATE_HZ;

/// How loud a note begins, of full scale: −12 dB, as loud as a voice.
const LEVEL: f32 = 0.25;

/// A struck note falls by so many times e in a second, which sounds like a bell.
const FALL: f32 = 3.0;

/// Samples of its rise: without one it would begin with a click.
const RISE_SAMPLES: u32 = RATE_HZ / 200;

/// A pause.
const REST: f32 = 0.0;

/// C major from B below middle C on.
const B3: f32 = 246.94;
const C4: f32 = 261.63;
const D4: f32 = 293.66;
const E4: f32 = 329.63;
const F4: f32 = 349.23;
const G4: f32 = 392.00;
const A4: f32 = 440.00;
const C5: f32 = 523.25;
const D5: f32 = 587.33;
const E5: f32 = 659.26;
const F5: f32 = 698.46;

/// A sound of some length.
#[derive(Clone, Copy, Debug)]
struct Note {
    hz: f32,
    ms: u32,
    /// It falls like a bell; else it keeps its level.
    struck: bool,
}

/// Notes one after the other, from the first again after the last, or silence then.
#[derive(Clone, Debug)]
pub(super) struct Tune {
    notes: Vec<Note>,
    repeats: bool,
    /// The note that sounds.
    at: usize,
    /// Samples of it that have sounded.
    sounded: u32,
}

impl Tune {
    /// Nothing.
    pub(super) fn silence() -> Self {
        Self::new(Vec::new(), false)
    }

    /// A steady tone of 440 Hz.
    pub(super) fn tone() -> Self {
        Self::new(vec![Note { hz: A4, ms: 1_000, struck: false }], true)
    }

    /// Two short beeps: something follows.
    pub(super) fn beeps() -> Self {
        let beep = Note { hz: A4 * 2.0, ms: 150, struck: false };
        let pause = Note { hz: REST, ms: 100, struck: false };
        Self::new(vec![beep, pause, beep], false)
    }

    /// Beethoven's melody to Schiller's Ode to Joy, its first eight bars: 14.4 s.
    pub(super) fn melody() -> Self {
        const QUARTER_MS: u32 = 450;
        let bars = [E4, E4, F4, G4, G4, F4, E4, D4, C4, C4, D4, E4];
        let endings = [[E4, D4, D4], [D4, C4, C4]];
        let quarter = |hz| struck(hz, QUARTER_MS);
        let mut notes = Vec::new();
        for [dotted, eighth, half] in endings {
            notes.extend(bars.map(quarter));
            notes.push(struck(dotted, QUARTER_MS * 3 / 2));
            notes.push(struck(eighth, QUARTER_MS / 2));
            notes.push(struck(half, QUARTER_MS * 2));
        }
        Self::new(notes, false)
    }

    /// The first four bars of Bach's prelude in C major (BWV 846), again and again: who hears it is on hold.
    pub(super) fn music_on_hold() -> Self {
        const SIXTEENTH_MS: u32 = 190;
        let bars = [[C4, E4, G4, C5, E5], [C4, D4, A4, D5, F5], [B3, D4, G4, D5, F5], [C4, E4, G4, C5, E5]];
        let halves = bars.into_iter().flat_map(|bar| [bar; 2]);
        let notes = halves.flat_map(|[first, second, third, fourth, fifth]| {
            [first, second, third, fourth, fifth, third, fourth, fifth].map(|hz| struck(hz, SIXTEENTH_MS))
        });
        Self::new(notes.collect(), true)
    }

    /// Fills a frame with what comes next.
    pub(super) fn play(&mut self, frame: &mut [f32]) {
        for sample in frame {
            *sample = self.next_sample();
        }
    }

    fn new(notes: Vec<Note>, repeats: bool) -> Self {
        Self { notes, repeats, at: 0, sounded: 0 }
    }

    fn next_sample(&mut self) -> f32 {
        let Some(note) = self.notes.get(self.at) else { return 0.0 };
        let sample = note.sample(self.sounded);
        self.sounded += 1;
        if self.sounded >= note.ms * (RATE_HZ / 1_000) {
            self.sounded = 0;
            self.at += 1;
            if self.repeats {
                self.at %= self.notes.len();
            }
        }
        sample
    }
}

impl Note {
    fn sample(self, at: u32) -> f32 {
        let seconds = at as f32 / RATE_HZ as f32;
        let level = if self.struck {
            (-FALL * seconds).exp() * (at.min(RISE_SAMPLES) as f32 / RISE_SAMPLES as f32)
        } else {
            1.0
        };
        LEVEL * level * (TAU * self.hz * seconds).sin()
    }
}

fn struck(hz: f32, ms: u32) -> Note {
    Note { hz, ms, struck: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn played(mut tune: Tune, seconds: usize) -> Vec<f32> {
        let mut sound = vec![0.0; seconds * RATE_HZ as usize];
        tune.play(&mut sound);
        sound
    }

    fn loudest(sound: &[f32]) -> f32 {
        sound.iter().fold(0.0, |most, sample| sample.abs().max(most))
    }

    #[test]
    fn the_tone_goes_on_without_a_click_where_it_repeats() {
        let sound = played(Tune::tone(), 3);
        let steepest = LEVEL * TAU * A4 / RATE_HZ as f32;
        assert!(sound.windows(2).all(|pair| (pair[1] - pair[0]).abs() <= steepest * 1.01));
        assert!(sound.chunks(80).all(|frame| loudest(frame) > 0.2));
    }

    #[test]
    fn the_melody_ends_and_the_music_on_hold_does_not() {
        let second = RATE_HZ as usize;
        let melody = played(Tune::melody(), 20);
        assert!(loudest(&melody[14 * second..14 * second + 2_000]) > 0.01);
        assert_eq!(loudest(&melody[15 * second..]), 0.0);
        let music = played(Tune::music_on_hold(), 60);
        assert!(music.chunks(second).all(|part| loudest(part) > 0.1));
    }
}
