//! Where devices come from, and what is kept of an open one: the sound thread's side.

use std::fmt;

use base::Instant;
use rubato::ResamplerConstructionError;

use super::{Capture, Device, Playback, alsa, wav};
use crate::io::mailbox::Bell;

/// Opens devices. May block. Another implementation than [`SystemDevices`] is a test's.
pub trait Devices: Send {
    /// Opens a microphone, whose callback rings `reader` when 20 ms are complete, and `keeper` when the device has
    /// something to tell [`Opened::attend`].
    ///
    /// # Errors
    /// Why there is no sound from it.
    fn open_capture(
        &mut self,
        device: &Device,
        reader: &Bell,
        keeper: &Bell,
    ) -> Result<(Capture, Box<dyn Opened>), AudioError>;

    /// Opens a speaker, whose callback rings `writer` when its ring runs low.
    ///
    /// # Errors
    /// Why it takes no sound.
    fn open_playback(
        &mut self,
        device: &Device,
        writer: &Bell,
        keeper: &Bell,
    ) -> Result<(Playback, Box<dyn Opened>), AudioError>;
}

/// What keeps a device open; dropped, it is closed. May block.
pub trait Opened: Send {
    /// To be called when the keeper's bell rang, and every few seconds: does what the device can't do in its
    /// callback. True if sound may have gone through the device since the last time.
    ///
    /// # Errors
    /// The device has failed, and is to be closed.
    fn attend(&mut self, now: Instant) -> Result<bool, AudioError>;

    /// What went wrong since it was opened.
    fn tally(&self) -> Tally;
}

/// What went wrong on a device that works.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Tally {
    /// Blocks of sound that were cut because the phone was late.
    pub starved: u32,
    /// Blocks that the device itself says it lost.
    pub xruns: u32,
    /// Its thread did not get real-time priority.
    pub realtime_refused: bool,
}

/// Why a device doesn't work.
#[derive(Debug)]
pub enum AudioError {
    /// ALSA knows no such name.
    NoSuchDevice,
    /// ALSA doesn't open it.
    Refused(cpal::Error),
    /// It works in formats only that nobody hears.
    Format(cpal::SampleFormat),
    /// It says that it has a rate of 0.
    Rate(ResamplerConstructionError),
    /// It is gone, or gives nothing but errors, or nothing.
    Lost,
    /// A WAV file can't be read or written.
    Wav(hound::Error),
    /// A WAV file without sound.
    WavEmpty,
    /// A WAV file with too much sound, or of a rate that no sound card has.
    WavTooLong,
}

/// What helps where a card doesn't open.
const WAY_OUT: &str = "`aplay -L` and `arecord -L` list what there is, [audio] in the configuration chooses";

impl fmt::Display for AudioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NoSuchDevice => write!(f, "no such device ({WAY_OUT})"),
            Self::Refused(error) => write!(f, "{error} ({WAY_OUT})"),
            Self::Format(format) => write!(f, "unknown sample format {format}"),
            Self::Rate(error) => error.fmt(f),
            Self::Lost => f.write_str("the device is gone or has stopped working"),
            Self::Wav(error) => error.fmt(f),
            Self::WavEmpty => f.write_str("no sound in the file"),
            Self::WavTooLong => write!(f, "more than {} s of sound in the file", wav::LENGTH_MAX.as_secs()),
        }
    }
}

impl std::error::Error for AudioError {}

/// The devices of this machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemDevices;

impl Devices for SystemDevices {
    fn open_capture(
        &mut self,
        device: &Device,
        reader: &Bell,
        keeper: &Bell,
    ) -> Result<(Capture, Box<dyn Opened>), AudioError> {
        match device {
            Device::Alsa(name) => {
                let (capture, card) = alsa::open_capture(name, reader, keeper)?;
                Ok((capture, Box::new(card)))
            }
            Device::Wav(path) => Ok((Capture::repeat(wav::load(path)?), Box::new(Unattended))),
            Device::None => Ok((Capture::silence(), Box::new(Unattended))),
        }
    }

    fn open_playback(
        &mut self,
        device: &Device,
        writer: &Bell,
        keeper: &Bell,
    ) -> Result<(Playback, Box<dyn Opened>), AudioError> {
        match device {
            Device::Alsa(name) => {
                let (playback, card) = alsa::open_playback(name, writer, keeper)?;
                Ok((playback, Box::new(card)))
            }
            Device::Wav(path) => {
                let (playback, recording) = wav::record(path, keeper)?;
                Ok((playback, Box::new(recording)))
            }
            Device::None => Ok((Playback::nowhere(), Box::new(Unattended))),
        }
    }
}

/// A device that nothing can happen to.
struct Unattended;

impl Opened for Unattended {
    fn attend(&mut self, _now: Instant) -> Result<bool, AudioError> {
        Ok(true)
    }

    fn tally(&self) -> Tally {
        Tally::default()
    }
}
