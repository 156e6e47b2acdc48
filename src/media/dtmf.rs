//! The keys of a telephone: what they are called, and the ways in which they travel.

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
        KEYS.get(usize::from(key.0)).copied().map_or('?', Self::from)
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
