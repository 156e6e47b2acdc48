extern crate std;

use alloc::vec::Vec;

use super::*;

fn play(player: &mut Player, ms: usize) -> Vec<f32> {
    let mut sound = Vec::new();
    for _ in 0..ms / 10 {
        let mut frame = [0.0; FRAME_SAMPLES];
        player.mix(&mut frame);
        sound.extend_from_slice(&frame);
    }
    sound
}

/// Alternating milliseconds of sound and silence, to 10 ms.
fn cadence_of(sound: &[f32]) -> Vec<usize> {
    let mut parts = Vec::new();
    let mut sounds = true;
    let mut ms = 0;
    for frame in sound.chunks(FRAME_SAMPLES) {
        if frame.iter().any(|sample| sample.abs() > 0.01) != sounds {
            parts.push(ms);
            (sounds, ms) = (!sounds, 0);
        }
        ms += 10;
    }
    parts.push(ms);
    parts
}

/// The amplitude of a frequency in a sound.
fn amplitude(sound: &[f32], hertz: f32) -> f32 {
    let turn = |at: usize| std::f32::consts::TAU * hertz * at as f32 / RATE_HZ as f32;
    let part = |wave: fn(f32) -> f32| -> f32 {
        sound.iter().enumerate().map(|(at, sample)| sample * wave(turn(at))).sum::<f32>()
    };
    part(f32::sin).hypot(part(f32::cos)) * 2.0 / sound.len() as f32
}

#[test]
fn tones_keep_the_cadences_of_european_networks() {
    for (tone, parts) in [
        (Tone::Ringback, &[1_000, 4_000, 1_000, 4_000][..]),
        (Tone::Ring, &[1_000, 4_000, 1_000, 4_000]),
        (Tone::Busy, &[500, 500, 500, 500]),
        (Tone::CallWaiting, &[200, 200, 200, 5_000, 200]),
    ] {
        let sound = play(&mut Player::new(tone), parts.iter().sum());
        assert_eq!(cadence_of(&sound), parts, "{tone:?}");
    }
}

#[test]
fn tones_have_the_frequency_and_level_that_they_should() {
    for (tone, level) in [(Tone::Ringback, 0.156), (Tone::Busy, 0.156), (Tone::CallWaiting, 0.078)] {
        let sound = &play(&mut Player::new(tone), 180)[80..1_360];
        assert!((amplitude(sound, 425.0) - level).abs() < 0.002, "{tone:?}");
        assert!(amplitude(sound, 850.0) < 0.002 && amplitude(sound, 1_275.0) < 0.002, "{tone:?} is pure");
    }
    let ring = play(&mut Player::new(Tone::Ring), 1_000);
    let ring = &ring[800..4_000];
    assert!((amplitude(ring, 425.0) - 0.247).abs() < 0.005 && (amplitude(ring, 450.0) - 0.247).abs() < 0.005);
}

#[test]
fn a_tone_comes_and_goes_without_a_click_even_when_it_is_ended() {
    let mut player = Player::new(Tone::Ring);
    let mut sound = play(&mut player, 6_530);
    player.end();
    assert_eq!(player.tone(), None);
    sound.extend(play(&mut player, 20));
    sound.extend(play(&mut Player::new(Tone::Busy), 20));
    let steepest = 2.0 * 0.247 * std::f32::consts::TAU * 450.0 / RATE_HZ as f32;
    assert!(sound.windows(2).all(|pair| (pair[1] - pair[0]).abs() < steepest * 1.1));
    assert!(sound[sound.len() - 240..sound.len() - 160].iter().all(|sample| *sample == 0.0));
}

#[test]
fn the_series_is_the_sine() {
    for step in 0..100_000_u32 {
        let phase = step.wrapping_mul(42_949);
        let exact = (f64::from(phase) / 4_294_967_296.0 * std::f64::consts::TAU).sin();
        assert!((f64::from(sine(phase)) - exact).abs() < 4e-6);
    }
}
