//! Sound devices as the RTP threads see them: a [`Capture`] gives the microphone's sound, a [`Playback`] takes the
//! speaker's, both in the media's rate and without ever waiting. What is behind one, a sound card, a WAV file or
//! nothing, shows only in who wakes the thread: the card's callback, or the thread's own [`Ticker`].

mod alsa;
mod config;
mod devices;
mod health;
mod realtime;
mod resampler;
mod ring;
mod tap;
mod ticker;
mod wav;

pub use config::{Config, Device, DeviceError};
pub use devices::{AudioError, Devices, Opened, SystemDevices, Tally};
pub use realtime::make_realtime;
pub use ring::{Capture, Playback};
pub use ticker::Ticker;

use base::Duration;

/// The pace of the RTP threads where no sound card sets it: the usual packet (RFC 3551 §4.2), so that a thread wakes
/// once for each.
pub const TICK: Duration = Duration::from_millis(20);

/// Frames of the media in a tick.
pub const TICK_FRAMES: usize = TICK.as_millis() as usize / media::FRAME_MS as usize;

/// Samples of the media in a tick.
pub const TICK_SAMPLES: usize = TICK_FRAMES * media::FRAME_SAMPLES;
