//! The bodies of the device callbacks. They copy between the device's block and a ring, count what went wrong, and
//! ring a bell: no lock, no allocation, no log. The bell's write to an eventfd is their only system call, but for the
//! first block's, which asks for real-time priority.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use cpal::{Data, FromSample, Sample, SampleFormat, SizedSample};
use ringbuf::traits::{Consumer, Observer, Producer};
use ringbuf::{HeapCons, HeapProd};

use super::health::Health;
use super::realtime::make_realtime;
use crate::io::mailbox::Bell;

/// The microphone's callback: blocks of the device, mixed to one channel, into the ring.
pub(super) struct CaptureTap {
    pub(super) ring: HeapProd<f32>,
    pub(super) channels: usize,
    /// Samples in the ring from which on the reader is woken.
    pub(super) enough: usize,
    pub(super) reader: Bell,
    /// To ask for real-time priority with the first block.
    pub(super) realtime: bool,
    pub(super) health: Arc<Health>,
}

/// The speaker's callback: the ring, on all channels, into blocks of the device.
pub(super) struct PlaybackTap {
    pub(super) ring: HeapCons<f32>,
    pub(super) channels: usize,
    /// Samples beyond the largest block below which the writer is woken.
    pub(super) reserve: usize,
    pub(super) writer: Bell,
    /// To ask for real-time priority with the first block.
    pub(super) realtime: bool,
    pub(super) health: Arc<Health>,
}

/// What a tap does with a block in the device's own format.
pub(super) type OnCapture = fn(&mut CaptureTap, &Data);
pub(super) type OnPlayback = fn(&mut PlaybackTap, &mut Data);

/// The callback of this tap for a format; `on_data` is the same for all of them but for the type of its samples.
macro_rules! by_format {
    ($format:expr) => {
        Some(match $format {
            SampleFormat::I8 => Self::on_data::<i8>,
            SampleFormat::U8 => Self::on_data::<u8>,
            SampleFormat::I16 => Self::on_data::<i16>,
            SampleFormat::U16 => Self::on_data::<u16>,
            SampleFormat::I24 => Self::on_data::<cpal::I24>,
            SampleFormat::U24 => Self::on_data::<cpal::U24>,
            SampleFormat::I32 => Self::on_data::<i32>,
            SampleFormat::U32 => Self::on_data::<u32>,
            SampleFormat::F32 => Self::on_data::<f32>,
            SampleFormat::F64 => Self::on_data::<f64>,
            _ => return None,
        })
    };
}

impl CaptureTap {
    /// The callback for blocks in `format`; None where that is nothing that sound comes in (DSD).
    pub(super) fn for_format(format: SampleFormat) -> Option<OnCapture> {
        by_format!(format)
    }

    fn on_data<T: SizedSample>(&mut self, data: &Data)
    where
        f32: FromSample<T>,
    {
        begin(&mut self.realtime, &self.health);
        self.on_block(data.as_slice::<T>().unwrap_or_default());
    }

    pub(super) fn on_block<T: Sample>(&mut self, block: &[T])
    where
        f32: FromSample<T>,
    {
        let frames = block.len() / self.channels;
        let share = 1.0 / self.channels as f32;
        let mono = block
            .chunks_exact(self.channels)
            .map(|frame| frame.iter().map(|sample| f32::from_sample_(*sample)).sum::<f32>() * share);
        if self.ring.push_iter(mono) < frames {
            self.health.starved.fetch_add(1, Relaxed);
        }
        self.health.on_block(frames);
        if self.ring.occupied_len() >= self.enough {
            self.reader.ring();
        }
    }
}

impl PlaybackTap {
    /// The callback for blocks in `format`; None where that is nothing that sound goes out in (DSD).
    pub(super) fn for_format(format: SampleFormat) -> Option<OnPlayback> {
        by_format!(format)
    }

    fn on_data<T: SizedSample + FromSample<f32>>(&mut self, data: &mut Data) {
        begin(&mut self.realtime, &self.health);
        self.on_block(data.as_slice_mut::<T>().unwrap_or_default());
    }

    pub(super) fn on_block<T: Sample + FromSample<f32>>(&mut self, block: &mut [T]) {
        let frames = block.len() / self.channels;
        // Before the first block nobody knew how much to put into the ring: that it is empty is no fault.
        let is_first = self.health.largest_block.load(Relaxed) == 0;
        self.health.on_block(frames);
        let given = self.ring.occupied_len().min(frames);
        let (sounding, silent) = block.split_at_mut(given * self.channels);
        for (frame, sample) in sounding.chunks_exact_mut(self.channels).zip(self.ring.pop_iter()) {
            frame.fill(T::from_sample_(sample));
        }
        silent.fill(T::EQUILIBRIUM);
        if given < frames && !is_first {
            self.health.starved.fetch_add(1, Relaxed);
        }
        if self.ring.occupied_len() < self.health.largest_block.load(Relaxed) as usize + self.reserve {
            self.writer.ring();
        }
    }
}

/// What the first block of a device begins with.
fn begin(realtime: &mut bool, health: &Health) {
    if std::mem::take(realtime) && !make_realtime() {
        health.realtime_refused.store(true, Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mailbox::Inbox;
    use mio::{Events, Token};
    use ringbuf::HeapRb;
    use ringbuf::traits::Split;
    use std::time::Duration;

    /// A thread that sleeps in a poll.
    struct Sleeper {
        inbox: Inbox<()>,
        bell: Bell,
    }

    impl Sleeper {
        fn new() -> Self {
            let (inbox, mailbox) = Inbox::new(Token(1), 1).expect("an inbox");
            Self { inbox, bell: mailbox.bell() }
        }

        fn was_woken(&mut self) -> bool {
            let mut events = Events::with_capacity(1);
            self.inbox.poll.poll(&mut events, Some(Duration::ZERO)).expect("a poll");
            !events.is_empty()
        }
    }

    fn microphone(
        channels: usize,
        room: usize,
        enough: usize,
        reader: &Sleeper,
    ) -> (CaptureTap, HeapCons<f32>) {
        let (ring, reading_end) = HeapRb::new(room).split();
        let tap = CaptureTap {
            ring,
            channels,
            enough,
            reader: reader.bell.clone(),
            realtime: false,
            health: Arc::default(),
        };
        (tap, reading_end)
    }

    fn speaker(
        channels: usize,
        room: usize,
        reserve: usize,
        writer: &Sleeper,
    ) -> (HeapProd<f32>, PlaybackTap) {
        let (writing_end, ring) = HeapRb::new(room).split();
        let tap = PlaybackTap {
            ring,
            channels,
            reserve,
            writer: writer.bell.clone(),
            realtime: false,
            health: Arc::default(),
        };
        (writing_end, tap)
    }

    #[test]
    fn the_microphones_channels_are_mixed_to_one() {
        let (mut tap, mut ring) = microphone(2, 8, 8, &Sleeper::new());
        tap.on_block(&[16_384i16, 0, i16::MIN, i16::MIN, 8_192, -8_192]);
        assert_eq!(ring.pop_iter().collect::<Vec<_>>(), [0.25, -1.0, 0.0]);
    }

    #[test]
    fn unsigned_samples_have_their_silence_in_the_middle() {
        let (mut tap, mut ring) = microphone(1, 8, 8, &Sleeper::new());
        tap.on_block(&[128u8, 0, 192]);
        assert_eq!(ring.pop_iter().collect::<Vec<_>>(), [0.0, -1.0, 0.5]);

        let (mut ring, mut tap) = speaker(1, 8, 0, &Sleeper::new());
        ring.push_slice(&[0.5]);
        let mut block = [7u8; 2];
        tap.on_block(&mut block);
        assert_eq!(block, [192, 128], "what the ring lacks is silence");
    }

    #[test]
    fn the_microphone_wakes_its_reader_once_enough_is_complete() {
        let mut reader = Sleeper::new();
        let (mut tap, mut ring) = microphone(1, 1_000, 160, &reader);
        tap.on_block(&[0.0f32; 106]);
        assert!(!reader.was_woken());
        tap.on_block(&[0.0f32; 106]);
        assert!(reader.was_woken());
        ring.skip(160);
        tap.on_block(&[0.0f32; 106]);
        assert!(!reader.was_woken(), "158 are not enough");
    }

    #[test]
    fn sound_that_nobody_reads_is_lost_and_counted() {
        let (mut tap, ring) = microphone(1, 100, 100, &Sleeper::new());
        tap.on_block(&[0.5f32; 60]);
        tap.on_block(&[0.5f32; 60]);
        assert_eq!(ring.occupied_len(), 100);
        assert_eq!(tap.health.tally().starved, 1);
    }

    #[test]
    fn the_speaker_hears_the_ring_on_all_channels() {
        let (mut ring, mut tap) = speaker(2, 8, 0, &Sleeper::new());
        ring.push_slice(&[0.25, -0.5, 0.75]);
        let mut block = [9i16; 4];
        tap.on_block(&mut block);
        assert_eq!(block, [8_192, 8_192, -16_384, -16_384]);
        assert_eq!(ring.occupied_len(), 1, "the rest waits for the next block");
    }

    #[test]
    fn a_ring_that_runs_dry_is_silence_and_counted_but_for_the_first_time() {
        let (mut ring, mut tap) = speaker(1, 8, 0, &Sleeper::new());
        let mut block = [9.0f32; 4];
        tap.on_block(&mut block);
        assert_eq!((block, tap.health.tally().starved), ([0.0; 4], 0), "nobody knew yet how much it takes");
        ring.push_slice(&[0.5; 3]);
        tap.on_block(&mut block);
        assert_eq!((block, tap.health.tally().starved), ([0.5, 0.5, 0.5, 0.0], 1));
    }

    #[test]
    fn the_speaker_wakes_its_writer_below_the_largest_block_and_a_reserve() {
        let mut writer = Sleeper::new();
        let (mut ring, mut tap) = speaker(1, 2_000, 80, &writer);
        tap.on_block(&mut [0.0f32; 320]);
        assert!(writer.was_woken(), "the ring is empty");
        ring.push_slice(&[0.1; 720]);
        tap.on_block(&mut [0.0f32; 320]);
        assert!(!writer.was_woken(), "400 are left");
        ring.push_slice(&[0.1; 500]);
        tap.on_block(&mut [0.0f32; 480]);
        assert!(writer.was_woken(), "420 are left, but blocks of 480 come");
        tap.on_block(&mut [0.0f32; 10]);
        assert!(writer.was_woken());
    }
}
