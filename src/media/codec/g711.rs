//! G.711, both laws, a byte a sample. The tables are audio-codec-algorithms'; here is the step from and to `f32`.

use audio_codec_algorithms as laws;

pub(super) fn decode_ulaw(payload: &[u8], sound: &mut [f32]) -> usize {
    decode(payload, sound, laws::decode_ulaw)
}

pub(super) fn decode_alaw(payload: &[u8], sound: &mut [f32]) -> usize {
    decode(payload, sound, laws::decode_alaw)
}

pub(super) fn encode_ulaw(sound: &[f32], payload: &mut [u8]) -> usize {
    encode(sound, payload, laws::encode_ulaw)
}

pub(super) fn encode_alaw(sound: &[f32], payload: &mut [u8]) -> usize {
    encode(sound, payload, laws::encode_alaw)
}

fn decode(payload: &[u8], sound: &mut [f32], law: fn(u8) -> i16) -> usize {
    for (sample, code) in sound.iter_mut().zip(payload) {
        *sample = f32::from(law(*code)) / 32_768.0;
    }
    payload.len().min(sound.len())
}

fn encode(sound: &[f32], payload: &mut [u8], law: fn(i16) -> u8) -> usize {
    for (code, sample) in payload.iter_mut().zip(sound) {
        *code = law(to_i16(*sample));
    }
    sound.len().min(payload.len())
}

/// Rounds to the nearest step; beyond −1…1 the cast saturates, and what is not a number becomes silence.
fn to_i16(sample: f32) -> i16 {
    let scaled = sample * 32_768.0;
    (scaled + if scaled < 0.0 { -0.5 } else { 0.5 }) as i16
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_survives_decoding_and_encoding() {
        let codes: alloc::vec::Vec<u8> = (0..=255).collect();
        let (mut sound, mut again) = ([0.0; 256], [0; 256]);
        assert_eq!(decode_alaw(&codes, &mut sound), 256);
        assert_eq!(encode_alaw(&sound, &mut again), 256);
        assert_eq!(again.as_slice(), codes);
        decode_ulaw(&codes, &mut sound);
        encode_ulaw(&sound, &mut again);
        // µ-law has two codes for zero; 0x7f decodes to the same sample as 0xff.
        assert!(
            codes.iter().zip(again).all(|(code, after)| *code == after || (*code, after) == (0x7f, 0xff))
        );
    }

    #[test]
    fn sound_beyond_full_scale_saturates_and_nonsense_is_silence() {
        assert_eq!(to_i16(2.0), i16::MAX);
        assert_eq!(to_i16(-2.0), i16::MIN);
        assert_eq!(to_i16(f32::NAN), 0);
    }

    #[test]
    fn the_shorter_side_says_how_much_is_done() {
        assert_eq!(decode_ulaw(&[0xff; 5], &mut [0.0; 3]), 3);
        assert_eq!(encode_ulaw(&[0.0; 3], &mut [0; 5]), 3);
    }
}
