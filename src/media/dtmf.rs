//! The keys of a telephone: what they are called, and how they travel, as telephone-events (RFC 4733) in `listener` and
//! `keypad`, or as pairs of tones (ITU-T Q.23).

mod keypad;
mod listener;

pub(crate) use keypad::{EventPacket, Keypad, Said};
pub(crate) use listener::Listener;

use crate::tone::{Burst, Sine};

/// Milliseconds that a key sounds.
const KEY_MS: u32 = 100;

/// Hertz of the keypad's rows, one of a key's two tones.
const ROWS: [u32; 4] = [697, 770, 852, 941];

/// Hertz of the keypad's columns, the other one.
const COLUMNS: [u32; 4] = [1_209, 1_336, 1_477, 1_633];

/// Amplitude of a row's tone: −11 dBm0, where a full sine has 3.14 dBm0 (ETSI ES 201 235-2 §4.2.4).
const ROW_AMPLITUDE: f32 = 0.196;

/// Amplitude of a column's tone: −9 dBm0.
const COLUMN_AMPLITUDE: f32 = 0.247;

/// Keys of a leg that may wait to be sent: as many as call control takes of a user at once.
pub const QUEUE_MAX: usize = 64;

/// A key of a telephone.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct Key(u8);

/// As what a key goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Way {
    /// telephone-event (RFC 4733), which the terms must have negotiated.
    Event,
    /// Two tones (ITU-T Q.23) in place of the voice.
    InBand,
}

/// Not one of `0`-`9`, `*`, `#` and `A`-`D`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoKey;

/// By the numbers of their events (RFC 4733 §3.2).
const KEYS: &[u8; 16] = b"0123456789*#ABCD";

/// The same keys as they lie on the keypad, row by row.
const KEYPAD: &[u8; 16] = b"123A456B789C*0#D";

impl Key {
    /// The key of an event; `None` for events that are none, flash and what follows it.
    fn from_event(event: u8) -> Option<Self> {
        (usize::from(event) < KEYS.len()).then_some(Self(event))
    }

    fn label(self) -> u8 {
        KEYS.get(usize::from(self.0)).copied().unwrap_or(b'?')
    }

    /// Its two tones.
    fn burst(self) -> Burst {
        let at = KEYPAD.iter().position(|label| *label == self.label()).unwrap_or(0);
        let [row, column] = [ROWS[at / 4 % 4], COLUMNS[at % 4]];
        Burst::new([Sine::new(row, ROW_AMPLITUDE), Sine::new(column, COLUMN_AMPLITUDE)], KEY_MS)
    }
}

impl TryFrom<char> for Key {
    type Error = NoKey;

    /// The key that is labelled so; letters in either case.
    fn try_from(label: char) -> Result<Self, NoKey> {
        let label = label.to_ascii_uppercase();
        let event = KEYS.iter().position(|key| char::from(*key) == label).ok_or(NoKey)?;
        Ok(Self(event as u8))
    }
}

impl From<Key> for char {
    fn from(key: Key) -> Self {
        key.label().into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_is_what_its_label_says() {
        for label in "0123456789*#ABCD".chars() {
            assert_eq!(Key::try_from(label).map(char::from), Ok(label));
        }
        assert_eq!(Key::try_from('a'), Key::try_from('A'));
        for label in ['E', ',', ' ', 'é'] {
            assert_eq!(Key::try_from(label), Err(NoKey));
        }
    }
}
