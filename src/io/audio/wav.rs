//! WAV files in place of a microphone and a speaker.

use std::fs::{File, OpenOptions};
use std::io::BufWriter;
use std::os::unix::fs::OpenOptionsExt;
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
    // What is said is nobody else's.
    let mut options = OpenOptions::new();
    let file = options.write(true).create(true).truncate(true).mode(0o600).open(path);
    let file =
        file.map_err(hound::Error::IoError).and_then(|file| WavWriter::new(BufWriter::new(file), spec));
    let file = file.map_err(AudioError::Wav)?;
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
    fn attend(&mut self, _now: Instant) -> Result<bool, AudioError> {
        match self.write() {
            Ok(()) => Ok(true),
            Err(error) => {
                self.file = None;
                Err(AudioError::Wav(error))
            }
        }
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mailbox::Inbox;
    use media::FRAME_SAMPLES;
    use mio::{Events, Token};
    use std::path::PathBuf;

    /// A path of this test's own, free of what an earlier run left.
    fn path(name: &str) -> PathBuf {
        let path = std::env::temp_dir().join(format!("neonphone-wav-{}-{name}.wav", std::process::id()));
        std::fs::remove_file(&path).ok();
        path
    }

    fn write(path: &Path, channels: u16, rate_hz: u32, samples: impl IntoIterator<Item = i16>) {
        let spec =
            WavSpec { channels, sample_rate: rate_hz, bits_per_sample: 16, sample_format: SampleFormat::Int };
        let mut file = WavWriter::create(path, spec).expect("a file");
        for sample in samples {
            file.write_sample(sample).expect("written");
        }
        file.finalize().expect("finished");
    }

    #[test]
    fn a_microphone_file_of_any_rate_and_channels_becomes_one_channel_of_the_medias() {
        let path = path("stereo");
        write(&path, 2, 48_000, (0..48_000).flat_map(|_| [16_384, 0]));
        let sound = load(&path).expect("loaded");
        std::fs::remove_file(&path).expect("removed");
        assert_eq!(sound.len(), 8_000);
        assert!(sound[100..7_900].iter().all(|sample| (sample - 0.25).abs() < 0.001));
    }

    #[test]
    fn files_without_sound_and_files_without_end_are_refused() {
        let path = path("refused");
        assert!(matches!(load(&path), Err(AudioError::Wav(_))), "no file");
        write(&path, 1, 8_000, []);
        assert!(matches!(load(&path), Err(AudioError::WavEmpty)));
        write(&path, 1, 8, std::iter::repeat_n(0, 8 * 600));
        assert!(matches!(load(&path), Err(AudioError::WavTooLong)));
        std::fs::write(&path, b"RIFF no wave").expect("written");
        assert!(matches!(load(&path), Err(AudioError::Wav(_))));
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn what_the_speaker_plays_is_in_the_file_once_its_keeper_has_attended() {
        let path = path("speaker");
        let mut events = Events::with_capacity(1);
        let (mut inbox, mailbox) = Inbox::<()>::new(Token(1), 1).expect("an inbox");
        let (mut playback, mut recording) = record(&path, &mailbox.bell()).expect("a file");
        for frame in 0..100 {
            playback.write(&[frame as f32 / 100.0; FRAME_SAMPLES]);
        }
        inbox.poll.poll(&mut events, None).expect("the keeper is woken after a second of sound");
        recording.attend(Instant::ZERO).expect("attended");

        let mut file = WavReader::open(&path).expect("whole before it is closed");
        assert_eq!(file.spec().sample_rate, 8_000);
        let samples: Vec<i16> = file.samples().collect::<Result<_, _>>().expect("samples");
        assert_eq!((samples.len(), samples[4_000]), (8_000, 16_384));
        assert_eq!(recording.tally(), Tally::default());
        drop(recording);
        std::fs::remove_file(&path).expect("removed");
    }

    #[test]
    fn a_full_disk_ends_the_recording_and_nothing_else() {
        // Every write to this device fails with ENOSPC.
        let full = Path::new("/dev/full");
        let (_inbox, mailbox) = Inbox::<()>::new(Token(1), 1).expect("an inbox");
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let file = WavWriter::new(BufWriter::new(File::create(full).expect("opened")), spec);
        // hound writes the header at once, into the buffer.
        let (ring, reading_end) = HeapRb::new(RING_SAMPLES).split();
        let health = Arc::new(Health::default());
        let sink = FileSink { ring, enough: ENOUGH_SAMPLES, reader: mailbox.bell(), health: health.clone() };
        let mut playback = Playback::file(sink);
        let mut recording = Recording { file: Some(file.expect("buffered")), ring: reading_end, health };
        for _ in 0..1_000 {
            playback.write(&[0.5; FRAME_SAMPLES]);
        }
        assert!(matches!(recording.attend(Instant::ZERO), Err(AudioError::Wav(_))));
        recording.attend(Instant::ZERO).expect("nothing is left to fail");
        assert!(recording.tally().starved > 0, "what found no room was lost, and the writer never waited");
    }
}
