//! Keys in a call, both ways (rule 12): those that the leg carries, and INFO (application/dtmf-relay).

use alloc::format;

use base::Instant;
use media::dtmf::{Key, Way};

use super::Step;
use super::call::Call;
use super::keys::{KeysError, Strokes};
use crate::accounts::DtmfWay;
use crate::event::Event;
use crate::interface::Output;

/// What INFO calls a key and how long it lasts.
const DTMF_RELAY: &str = "application/dtmf-relay";

/// The older and simpler type: the key, and nothing else.
const DTMF: &str = "application/dtmf";

impl Call {
    /// Whether keys have a way to go out now.
    pub(super) fn can_send_keys(&self) -> bool {
        self.key_way().is_some()
    }

    /// Sends keys, each in its turn.
    ///
    /// # Errors
    /// Too many would wait.
    pub(super) fn send_keys(&mut self, step: &mut Step<'_>, keys: Strokes) -> Result<(), KeysError> {
        self.keys.push(step.now, keys)?;
        self.send_due_key(step);
        Ok(())
    }

    /// When a key's turn is, if it has a way to go out: while the call is held, say, keys wait.
    pub(super) fn key_due_at(&self) -> Option<Instant> {
        self.keys.poll_timeout().filter(|_| self.can_send_keys())
    }

    /// Sends the key whose turn it is.
    pub(super) fn send_due_key(&mut self, step: &mut Step<'_>) {
        let Some(way) = self.key_way() else { return };
        let Some(key) = self.keys.handle_timeout(step.now) else { return };
        match (way, &self.sound) {
            (KeyWay::Leg(way), Some(sound)) => sound.send_key(key, way, step.outputs),
            (KeyWay::Info, _) => {
                let body = format!("Signal={}\r\nDuration=100\r\n", char::from(key));
                self.session.send_info(step.now, step.endpoint, DTMF_RELAY, body.into_bytes());
            }
            (KeyWay::Leg(_), None) => {}
        }
    }

    /// As what a key would go out now, by the account's setting and what was negotiated.
    fn key_way(&self) -> Option<KeyWay> {
        let sound = self.sound.as_ref().filter(|sound| sound.is_sending())?;
        match self.dtmf {
            DtmfWay::Auto if sound.has_events() => Some(KeyWay::Leg(Way::Event)),
            // Every codec that there is carries tones.
            DtmfWay::Auto | DtmfWay::InBand => Some(KeyWay::Leg(Way::InBand)),
            DtmfWay::Rfc4733 => sound.has_events().then_some(KeyWay::Leg(Way::Event)),
            DtmfWay::Info => self.is_answered().then_some(KeyWay::Info),
        }
    }

    /// A key that came by INFO.
    pub(super) fn on_info(&self, step: &mut Step<'_>, content_type: &str, body: &[u8]) {
        if let Some(key) = read_info(content_type, body) {
            step.outputs.push(Output::Event(Event::Dtmf { call: self.id(), key: key.into() }));
        }
    }
}

/// As what a key goes out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum KeyWay {
    /// In the leg's RTP.
    Leg(Way),
    /// In the dialog.
    Info,
}

/// The key that an INFO tells; `None` if it is none, or of another type.
fn read_info(content_type: &str, body: &[u8]) -> Option<Key> {
    let text = core::str::from_utf8(body).ok()?;
    let signal = if content_type.eq_ignore_ascii_case(DTMF_RELAY) {
        text.lines().find_map(|line| {
            let (name, value) = line.split_once('=')?;
            name.trim().eq_ignore_ascii_case("Signal").then_some(value)
        })?
    } else if content_type.eq_ignore_ascii_case(DTMF) {
        text
    } else {
        return None;
    };
    let mut signs = signal.trim().chars();
    match (signs.next(), signs.next()) {
        (Some(sign), None) => Key::try_from(sign).ok(),
        // Some phones write `*` and `#` by their events' numbers (RFC 4733 §3.2).
        _ => match signal.trim() {
            "10" => Key::try_from('*').ok(),
            "11" => Key::try_from('#').ok(),
            _ => None,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rule_12_a_key_is_read_from_either_type_of_info() {
        for (content_type, body, key) in [
            ("application/dtmf-relay", "Signal=5\r\nDuration=160\r\n", Some('5')),
            ("Application/DTMF-Relay", "Duration = 100\nsignal = #\n", Some('#')),
            ("application/dtmf-relay", "Signal=10\r\n", Some('*')),
            ("application/dtmf", "D", Some('D')),
            ("application/dtmf", "11", Some('#')),
            ("application/dtmf", "", None),
            ("application/dtmf-relay", "5", None),
            ("application/dtmf-relay", "Signal=16", None),
            ("text/plain", "5", None),
        ] {
            assert_eq!(read_info(content_type, body.as_bytes()).map(char::from), key, "{body:?}");
        }
    }
}
