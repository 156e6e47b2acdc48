//! WAV files in place of a microphone and a speaker.

use std::fs::File;
use std::io::BufWriter;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use base::Instant;
use hound::{SampleFormat, WavReader, WavSpec, WavWriter};
use media::RATE_HZ;
use ringbuf::traits::{Consumer, Split};
use ringbuf::{HeapCons, HeapRb};

use super::Playback;
use super::devices::{AudioError, Opened, Tally};
use super::health::Health;
use super::resampler::Resampler;
use super::ring::FileSink;
use crate::io::mailbox::Bell;

/// The longest microphone file. It is kept in memory, in the media's rate: 19 MB of this length at 8 kHz.
pub(super) const LENGTH_MAX: Duration = Duration::from_secs(600);

/// The highest rate of a file. Beyond it nothing is left to hear, and converting gets slow.
const RATE_MAX_HZ: u32 = 192_000;

/// Samples of the speaker's ring, 8 s: longer than a slow memory card stands still.
const RING_SAMPLES: usize = 8 * RATE_HZ as usize;

/// Samples in the ring from which on they are written, 1 s: seldom enough to cost nothing.
const ENOUGH_SAMPLES: usize = RATE_HZ as usize;

/// Reads a whole file as one channel in the media's rate.
///
/// # Errors
/// It can't be read, is no WAV file, holds no sound or more than [`LENGTH_MAX`].
pub(super) fn load(path: &Path) -> Result<Vec<f32>, AudioError> {
    let mut reader = WavReader::open(path).map_err(AudioError::Wav)?;
    let spec = reader.spec();
    if reader.duration() == 0 || spec.channels == 0 || spec.sample_rate == 0 {
        return Err(AudioError::WavEmpty);
    }
    let seconds = u64::from(reader.duration()) / u64::from(spec.sample_rate);
    if spec.sample_rate > RATE_MAX_HZ || seconds >= LENGTH_MAX.as_secs() {
        return Err(AudioError::WavTooLong);
    }
    let samples: hound::Result<Vec<f32>> = match spec.sample_format {
        SampleFormat::Float => reader.samples::<f32>().collect(),
        SampleFormat::Int => {
            let full_scale = 2f32.powi(i32::from(spec.bits_per_sample) - 1);
            reader.samples::<i32>().map(|sample| Ok(sample? as f32 / full_scale)).collect()
        }
    };
    let samples = samples.map_err(AudioError::Wav)?;
    let channels = usize::from(spec.channels);
    let mono =
        samples.chunks_exact(channels).map(|frame| frame.iter().sum::<f32>() / channels as f32).collect();
    Resampler::convert(spec.sample_rate, RATE_HZ, mono).map_err(AudioError::Rate)
}

/// A speaker that writes a file: one channel of 16 bits in the media's rate. What was there is overwritten.
///
/// # Errors
/// The file can't be created.
pub(super) fn record(path: &Path, keeper: &Bell) -> Result<(Playback, Recording), AudioError> {
    let spec =
        WavSpec { channels: 1, sample_rate: RATE_HZ, bits_per_sample: 16, sample_format: SampleFormat::Int };
    let file = WavWriter::create(path, spec).map_err(AudioError::Wav)?;
    let (ring, reading_end) = HeapRb::new(RING_SAMPLES).split();
    let health = Arc::new(Health::default());
    let sink = FileSink { ring, enough: ENOUGH_SAMPLES, reader: keeper.clone(), health: health.clone() };
    Ok((Playback::file(sink), Recording { file: Some(file), ring: reading_end, health }))
}

/// The file that a speaker's sound goes to.
pub(super) struct Recording {
    /// None once it couldn't be written.
    file: Option<WavWriter<BufWriter<File>>>,
    ring: HeapCons<f32>,
    health: Arc<Health>,
}

impl Recording {
    /// Writes what the ring holds, and the length into the header: the file is whole after each time.
    fn write(&mut self) -> Result<(), hound::Error> {
        let Some(file) = &mut self.file else { return Ok(()) };
        for sample in self.ring.pop_iter() {
            file.write_sample((sample * f32::from(i16::MAX)).round() as i16)?;
        }
        file.flush()
    }
}

impl Opened for Recording {
    fn attend(&mut self, _now: Instant) -> Result<(), AudioError> {
        self.write().map_err(|error| {
            self.file = None;
            AudioError::Wav(error)
        })
    }

    fn tally(&self) -> Tally {
        self.health.tally()
    }
}

impl Drop for Recording {
    fn drop(&mut self) {
        // The last second. A disk that fails just now loses it, and nobody is left to be told.
        self.write().ok();
    }
}
