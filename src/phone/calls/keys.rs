//! Keys that a call sends (rule 12): one after another, each in its time.

use alloc::collections::VecDeque;
use core::fmt;
use core::str::FromStr;

use base::{Duration, Instant};
use media::dtmf::Key;

/// Keys and pauses that wait at a time (rule 12).
const MAX_KEYS: usize = 64;

/// From one key's begin to the next one's: 100 ms of tone and 70 ms of gap (rule 12).
const KEY_TIME: Duration = Duration::from_millis(170);

/// What a `,` waits (rule 12).
const PAUSE_TIME: Duration = Duration::from_secs(2);

/// Keys and pauses as a user writes them: one or more of `0-9 * # A-D` and `,`.
#[derive(Debug)]
pub(crate) struct Strokes(VecDeque<Stroke>);

/// A key, or a pause in its place.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Stroke {
    Key(Key),
    Pause,
}

/// Why keys are not sent.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum KeysError {
    /// None at all.
    Empty,
    /// Something else than keys and pauses.
    Unknown,
    /// So many can't wait.
    TooMany,
}

impl fmt::Display for KeysError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("expected one or more of 0-9 * # A-D and ,"),
            Self::Unknown => f.write_str("expected nothing but 0-9 * # A-D and ,"),
            Self::TooMany => write!(f, "more than {MAX_KEYS} keys would wait"),
        }
    }
}

impl FromStr for Strokes {
    type Err = KeysError;

    fn from_str(text: &str) -> Result<Self, KeysError> {
        let strokes: VecDeque<Stroke> =
            text.chars().map(read).collect::<Option<_>>().ok_or(KeysError::Unknown)?;
        if strokes.is_empty() { Err(KeysError::Empty) } else { Ok(Self(strokes)) }
    }
}

fn read(sign: char) -> Option<Stroke> {
    match sign {
        ',' => Some(Stroke::Pause),
        // Rule 2: values keep their case.
        'a'..='d' => None,
        key => Key::try_from(key).ok().map(Stroke::Key),
    }
}

/// The keys that wait.
#[derive(Debug, Default)]
pub(super) struct Keys {
    waiting: VecDeque<Stroke>,
    /// When the next one's turn is; `None` while nothing was sent lately.
    next_at: Option<Instant>,
}

impl Keys {
    /// Takes all of them, or none.
    ///
    /// # Errors
    /// [`KeysError::TooMany`].
    pub(super) fn push(&mut self, now: Instant, Strokes(strokes): Strokes) -> Result<(), KeysError> {
        if self.waiting.len().saturating_add(strokes.len()) > MAX_KEYS {
            return Err(KeysError::TooMany);
        }
        self.waiting.extend(strokes);
        self.next_at = self.next_at.or(Some(now));
        Ok(())
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        self.next_at
    }

    /// The key whose turn it is.
    pub(super) fn handle_timeout(&mut self, now: Instant) -> Option<Key> {
        self.next_at.filter(|at| *at <= now)?;
        let stroke = self.waiting.pop_front();
        self.next_at = stroke.map(|stroke| {
            now + match stroke {
                Stroke::Key(_) => KEY_TIME,
                Stroke::Pause => PAUSE_TIME,
            }
        });
        match stroke? {
            Stroke::Key(key) => Some(key),
            Stroke::Pause => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::String;
    use alloc::vec::Vec;

    #[test]
    fn rule_12_keys_go_out_one_after_another_and_a_comma_waits() {
        let mut keys = Keys::default();
        let begin = Instant::ZERO;
        keys.push(begin, "1,#".parse().expect("keys")).expect("room");
        let mut sent = Vec::new();
        while let Some(at) = keys.poll_timeout() {
            sent.extend(keys.handle_timeout(at).map(|key| (at.since(begin).as_millis(), char::from(key))));
        }
        assert_eq!(sent, [(0, '1'), (2170, '#')]);
    }

    #[test]
    fn rule_12_64_keys_wait_and_no_more() {
        let mut keys = Keys::default();
        let many: String = "5".repeat(MAX_KEYS);
        assert_eq!(keys.push(Instant::ZERO, many.parse().expect("keys")), Ok(()));
        assert_eq!(keys.push(Instant::ZERO, "5".parse().expect("a key")), Err(KeysError::TooMany));
        assert!(keys.handle_timeout(Instant::ZERO).is_some());
        assert_eq!(keys.push(Instant::ZERO, "5".parse().expect("a key")), Ok(()));
    }

    #[test]
    fn rule_12_what_is_no_key_is_refused() {
        for (text, error) in
            [("", KeysError::Empty), ("12a", KeysError::Unknown), ("1 2", KeysError::Unknown)]
        {
            assert_eq!(text.parse::<Strokes>().err(), Some(error), "{text:?}");
        }
    }
}
