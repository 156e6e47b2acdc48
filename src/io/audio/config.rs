//! Which devices the phone speaks and listens with.

use std::fmt;
use std::path::PathBuf;
use std::str::FromStr;

/// The audio roles of the configuration.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Config {
    /// The speaker of calls.
    pub playback: Device,
    /// The microphone.
    pub capture: Device,
    /// Where the phone rings; none for the speaker of calls.
    pub ring: Option<Device>,
}

/// A device by name: `alsa:NAME`, `wav:PATH` or `none`.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Device {
    /// An ALSA PCM, one of those that `aplay -L` lists. `default` is what the machine's configuration makes it.
    Alsa(String),
    /// As a microphone: a WAV file, played over and over. As a speaker: a WAV file to write, anew each time that
    /// devices open.
    Wav(PathBuf),
    /// Silence, and nowhere.
    None,
}

impl Default for Device {
    fn default() -> Self {
        Self::Alsa("default".into())
    }
}

/// Why a text is no [`Device`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DeviceError {
    /// It begins with none of the kinds.
    UnknownKind,
    /// Nothing follows the kind.
    NoName,
}

impl fmt::Display for DeviceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::UnknownKind => "expected alsa:NAME, wav:PATH or none",
            Self::NoName => "a name must follow alsa:, a path wav:",
        })
    }
}

impl std::error::Error for DeviceError {}

impl FromStr for Device {
    type Err = DeviceError;

    fn from_str(text: &str) -> Result<Self, DeviceError> {
        match text.split_once(':') {
            Some(("alsa" | "wav", "")) => Err(DeviceError::NoName),
            Some(("alsa", name)) => Ok(Self::Alsa(name.into())),
            Some(("wav", path)) => Ok(Self::Wav(path.into())),
            None if text == "none" => Ok(Self::None),
            _ => Err(DeviceError::UnknownKind),
        }
    }
}

impl fmt::Display for Device {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Alsa(name) => write!(f, "alsa:{name}"),
            Self::Wav(path) => write!(f, "wav:{}", path.display()),
            Self::None => f.write_str("none"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn devices_read_as_they_are_written() {
        for text in ["alsa:default", "alsa:plughw:CARD=Headset,DEV=0", "wav:/tmp/a b:c.wav", "none"] {
            assert_eq!(text.parse::<Device>().expect(text).to_string(), text);
        }
    }

    #[test]
    fn what_names_no_device_is_refused() {
        for text in ["", "default", "hw:0", "pulse:x", "None", "none:"] {
            assert_eq!(text.parse::<Device>(), Err(DeviceError::UnknownKind), "{text}");
        }
        for text in ["alsa:", "wav:"] {
            assert_eq!(text.parse::<Device>(), Err(DeviceError::NoName), "{text}");
        }
    }
}
