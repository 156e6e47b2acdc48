//! A phone's room: a microphone that always hears a tone, and what its speaker plays.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU32, Ordering};

use hound::{SampleFormat, WavReader, WavSpec, WavWriter};

/// A level that only sound reaches, of a file's samples of 16 bits.
const LOUD: i16 = 4_000;

/// A folder of one story, removed with all that is in it when this is dropped.
pub(crate) struct Room(PathBuf);

impl Room {
    pub(crate) fn new() -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("neonphone-room-{}-{number}", std::process::id()));
        fs::create_dir(&path).expect("a folder");
        let room = Self(path);
        room.write_microphone();
        room
    }

    /// The section of a phone that stands in it.
    pub(crate) fn audio(&self) -> String {
        let (microphone, speaker) = (self.file("microphone.wav"), self.file("speaker.wav"));
        format!(
            "[audio]\ncapture = \"wav:{}\"\nplayback = \"wav:{}\"\n",
            microphone.display(),
            speaker.display()
        )
    }

    pub(crate) fn file(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    /// A second of a tone of 500 Hz, loud.
    fn write_microphone(&self) {
        let spec = WavSpec {
            channels: 1,
            sample_rate: 8_000,
            bits_per_sample: 16,
            sample_format: SampleFormat::Int,
        };
        let mut file = WavWriter::create(self.file("microphone.wav"), spec).expect("created");
        for sample in 0..8_000 {
            let level: i16 = if sample % 16 < 8 { 16_000 } else { -16_000 };
            file.write_sample(level).expect("written");
        }
        file.finalize().expect("written");
    }

    /// How many milliseconds of loud sound the speaker played.
    pub(crate) fn heard_ms(&self) -> usize {
        self.loud_ms("speaker.wav")
    }

    /// How many milliseconds of loud sound were played into a file of the phone's.
    pub(crate) fn loud_ms(&self, name: &str) -> usize {
        let mut file = WavReader::open(self.file(name)).expect("the phone's file");
        let loud = file.samples::<i16>().filter(|sample| {
            let level = sample.as_ref().expect("a sample").saturating_abs();
            level > LOUD
        });
        loud.count() / 8
    }
}

impl Drop for Room {
    fn drop(&mut self) {
        fs::remove_dir_all(&self.0).ok();
    }
}
