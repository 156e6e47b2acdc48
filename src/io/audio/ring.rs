//! The RTP threads' ends of the devices.

use std::fmt;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;

use media::{FRAME_MS, FRAME_SAMPLES, RATE_HZ};
use ringbuf::traits::{Consumer, Observer, Producer};
use ringbuf::{HeapCons, HeapProd};
use rubato::ResamplerConstructionError;

use super::health::Health;
use super::resampler::Resampler;
use super::{TICK_FRAMES, TICK_SAMPLES};
use crate::io::mailbox::Bell;

/// The microphone: sound in the media's rate, a tick at a time.
pub struct Capture(Source);

enum Source {
    Card(CardSource),
    Loop { sound: Vec<f32>, at: usize },
    Silence,
}

/// The reading end of a sound card's ring.
pub(super) struct CardSource {
    ring: HeapCons<f32>,
    resampler: Resampler,
    taken: Vec<f32>,
}

impl CardSource {
    /// Reads `ring`, in which a card's callback puts `rate_hz` samples a second.
    ///
    /// # Errors
    /// A rate of 0.
    pub(super) fn new(ring: HeapCons<f32>, rate_hz: u32) -> Result<Self, ResamplerConstructionError> {
        let resampler = Resampler::to_blocks(rate_hz, RATE_HZ, TICK_SAMPLES)?;
        Ok(Self { taken: vec![0.0; resampler.input_max()], ring, resampler })
    }

    /// Samples of silence to put into the ring before the card starts.
    pub(super) fn lead(&self) -> usize {
        self.resampler.lead()
    }

    fn complete(&self) -> usize {
        self.ring.occupied_len() / self.resampler.input_next().max(1)
    }

    fn read(&mut self, sound: &mut [f32; TICK_SAMPLES]) -> bool {
        let needed = self.resampler.input_next();
        if self.ring.occupied_len() < needed {
            return false;
        }
        let taken = &mut self.taken[..needed];
        self.ring.pop_slice(taken);
        self.resampler.process(taken, sound);
        true
    }
}

impl Capture {
    /// No microphone.
    pub fn silence() -> Self {
        Self(Source::Silence)
    }

    /// A sound in the media's rate, over and over.
    pub(super) fn repeat(sound: Vec<f32>) -> Self {
        debug_assert!(!sound.is_empty());
        Self(Source::Loop { sound, at: 0 })
    }

    pub(super) fn card(source: CardSource) -> Self {
        Self(Source::Card(source))
    }

    /// True where the thread's ticker says when to read; else the device's callback rings when a tick's sound is
    /// complete.
    pub fn is_ticked(&self) -> bool {
        !matches!(self.0, Source::Card(_))
    }

    /// Ticks of sound that can be read: `ticks`, which the ticker has told, but for a card, of which that's nearly so.
    pub fn complete(&self, ticks: usize) -> usize {
        match &self.0 {
            Source::Card(card) => card.complete(),
            Source::Loop { .. } | Source::Silence => ticks,
        }
    }

    /// Fills `sound` with the next 20 ms. False, and nothing is taken, where they aren't complete, which only a
    /// device that isn't ticked says.
    pub fn read(&mut self, sound: &mut [f32; TICK_SAMPLES]) -> bool {
        match &mut self.0 {
            Source::Card(card) => return card.read(sound),
            Source::Loop { sound: played, at } => {
                for sample in sound {
                    *sample = played[*at];
                    *at = (*at + 1) % played.len();
                }
            }
            Source::Silence => sound.fill(0.0),
        }
        true
    }
}

/// The speaker: takes frames of the media.
pub struct Playback(Sink);

enum Sink {
    Card(CardSink),
    File(FileSink),
    Nowhere,
}

/// The writing end of a ring that its reader, who may wait for a disk, empties into a file.
pub(super) struct FileSink {
    pub(super) ring: HeapProd<f32>,
    /// Samples in the ring from which on the reader is woken.
    pub(super) enough: usize,
    pub(super) reader: Bell,
    pub(super) health: Arc<Health>,
}

impl FileSink {
    fn write(&mut self, frame: &[f32; FRAME_SAMPLES]) {
        if self.ring.push_slice(frame) < frame.len() {
            self.health.starved.fetch_add(1, Relaxed);
        }
        if self.ring.occupied_len() >= self.enough {
            self.reader.ring();
        }
    }
}

/// The writing end of a sound card's ring.
pub(super) struct CardSink {
    ring: HeapProd<f32>,
    resampler: Resampler,
    given: Vec<f32>,
    /// Samples of the card in a frame of the media.
    frame: usize,
    health: Arc<Health>,
}

impl CardSink {
    /// Fills `ring`, from which a card's callback takes `rate_hz` samples a second.
    ///
    /// # Errors
    /// A rate of 0.
    pub(super) fn new(
        ring: HeapProd<f32>,
        rate_hz: u32,
        health: Arc<Health>,
    ) -> Result<Self, ResamplerConstructionError> {
        let resampler = Resampler::of_blocks(RATE_HZ, rate_hz, FRAME_SAMPLES)?;
        let given = vec![0.0; resampler.output_max()];
        Ok(Self { ring, given, resampler, frame: frame_samples(rate_hz), health })
    }

    /// The ring is to hold the largest block that the card asked for, and a frame; as nearly as whole frames can. Were it
    /// to hold that at the least, a single sample that is missing would cost a frame of delay.
    fn wanted(&self) -> usize {
        let target = self.health.largest_block.load(Relaxed) as usize + self.frame;
        let missing = target.min(self.ring.capacity().get()).saturating_sub(self.ring.occupied_len());
        (missing + self.frame / 2) / self.frame
    }

    fn write(&mut self, frame: &[f32; FRAME_SAMPLES]) {
        let given = self.resampler.process(frame, &mut self.given);
        // What finds no room is lost: `wanted` asks for no more than there is room for, but for rounding.
        self.ring.push_slice(&self.given[..given]);
    }
}

impl Playback {
    /// No speaker.
    pub fn nowhere() -> Self {
        Self(Sink::Nowhere)
    }

    pub(super) fn file(sink: FileSink) -> Self {
        Self(Sink::File(sink))
    }

    pub(super) fn card(sink: CardSink) -> Self {
        Self(Sink::Card(sink))
    }

    /// True where the thread's ticker says when to write; else the device's callback rings when it needs more.
    pub fn is_ticked(&self) -> bool {
        !matches!(self.0, Sink::Card(_))
    }

    /// Frames of the media to write now, after `ticks` of the ticker.
    pub fn wanted(&self, ticks: usize) -> usize {
        match &self.0 {
            Sink::Card(card) => card.wanted(),
            Sink::File(_) | Sink::Nowhere => ticks * TICK_FRAMES,
        }
    }

    /// The next 10 ms. Never waits.
    pub fn write(&mut self, frame: &[f32; FRAME_SAMPLES]) {
        match &mut self.0 {
            Sink::Card(card) => card.write(frame),
            Sink::File(file) => file.write(frame),
            Sink::Nowhere => {}
        }
    }
}

/// Samples of a device in a frame of the media.
pub(super) fn frame_samples(rate_hz: u32) -> usize {
    (rate_hz * FRAME_MS / 1_000) as usize
}

impl fmt::Debug for Capture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Source::Card(_) => "Capture(card)",
            Source::Loop { .. } => "Capture(loop)",
            Source::Silence => "Capture(silence)",
        })
    }
}

impl fmt::Debug for Playback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self.0 {
            Sink::Card(_) => "Playback(card)",
            Sink::File(_) => "Playback(file)",
            Sink::Nowhere => "Playback(nowhere)",
        })
    }
}

#[cfg(test)]
mod tests {
    use super::super::tap::{CaptureTap, PlaybackTap};
    use super::*;
    use crate::io::mailbox::Inbox;
    use crate::io::tests::allocations::allocations;
    use mio::Token;
    use ringbuf::HeapRb;
    use ringbuf::traits::Split;

    /// Rates and block sizes of cards, as asked for and as PulseAudio's plugin gives them.
    const CARDS: [(u32, usize); 7] = [
        (48_000, 480),
        (48_000, 320),
        (48_000, 1_024),
        (44_100, 441),
        (44_100, 106),
        (16_000, 160),
        (8_000, 80),
    ];

    fn bell() -> (Inbox<()>, Bell) {
        let (inbox, mailbox) = Inbox::new(Token(1), 1).expect("an inbox");
        (inbox, mailbox.bell())
    }

    #[test]
    fn a_card_gives_ticks_as_fast_as_its_blocks_make_them() {
        for (rate_hz, block) in CARDS {
            let (mut ring, reading_end) = HeapRb::new(rate_hz as usize / 4).split();
            let source = CardSource::new(reading_end, rate_hz).expect("a source");
            ring.push_iter(std::iter::repeat_n(0.0, source.lead()));
            let mut capture = Capture::card(source);
            let (_inbox, reader) = bell();
            let mut tap =
                CaptureTap { ring, channels: 2, enough: 1, reader, realtime: false, health: Arc::default() };

            let blocks = 10 * rate_hz as usize / block;
            let mut ticks = 0;
            for _ in 0..blocks {
                tap.on_block(&vec![0i16; block * 2]);
                while capture.read(&mut [0.0; TICK_SAMPLES]) {
                    ticks += 1;
                }
            }
            let complete = blocks * block * 50 / rate_hz as usize;
            assert!(
                (complete - 1..=complete).contains(&ticks),
                "{ticks} of {complete}, {block} at {rate_hz} Hz"
            );
            assert_eq!(tap.health.tally().starved, 0);
        }
    }

    #[test]
    fn a_card_is_never_starved_and_never_far_ahead() {
        for (rate_hz, block) in CARDS {
            let (writing_end, ring) = HeapRb::new(rate_hz as usize / 4).split();
            let health: Arc<Health> = Arc::default();
            let mut playback =
                Playback::card(CardSink::new(writing_end, rate_hz, health.clone()).expect("a sink"));
            let (_inbox, writer) = bell();
            let reserve = frame_samples(rate_hz);
            let mut tap = PlaybackTap { ring, channels: 1, reserve, writer, realtime: false, health };

            for _ in 0..1_000 {
                tap.on_block(&mut vec![0.0f32; block]);
                for _ in 0..playback.wanted(0) {
                    playback.write(&[0.5; FRAME_SAMPLES]);
                }
                let held = tap.ring.occupied_len();
                let half = reserve / 2 + 1;
                let aimed = block + reserve - half..=block + reserve + half;
                assert!(aimed.contains(&held), "{held} wait, blocks of {block} at {rate_hz} Hz");
            }
            assert_eq!(tap.health.tally().starved, 0, "blocks of {block} at {rate_hz} Hz");
        }
    }

    #[test]
    fn neither_callbacks_nor_threads_allocate_for_a_cards_sound() {
        let (_inbox, bell) = bell();
        let (mut ring, reading_end) = HeapRb::new(12_000).split();
        let source = CardSource::new(reading_end, 48_000).expect("a source");
        ring.push_iter(std::iter::repeat_n(0.0, source.lead()));
        let mut capture = Capture::card(source);
        let mut capture_tap = CaptureTap {
            ring,
            channels: 2,
            enough: 960,
            reader: bell.clone(),
            realtime: false,
            health: Arc::default(),
        };
        let (writing_end, ring) = HeapRb::new(12_000).split();
        let health: Arc<Health> = Arc::default();
        let mut playback =
            Playback::card(CardSink::new(writing_end, 48_000, health.clone()).expect("a sink"));
        let mut playback_tap =
            PlaybackTap { ring, channels: 2, reserve: 480, writer: bell, realtime: false, health };

        let mut block = [0i16; 640];
        let before = allocations();
        for _ in 0..100 {
            capture_tap.on_block(&block);
            while capture.read(&mut [0.0; TICK_SAMPLES]) {}
            playback_tap.on_block(&mut block);
            (0..playback.wanted(0)).for_each(|_| playback.write(&[0.5; FRAME_SAMPLES]));
        }
        assert_eq!(allocations() - before, 0);
    }

    #[test]
    fn a_file_is_played_over_and_over() {
        let sound: Vec<f32> = (0..100).map(|at| at as f32 / 100.0).collect();
        let mut capture = Capture::repeat(sound);
        let mut tick = [0.0; TICK_SAMPLES];
        assert!(capture.is_ticked() && capture.read(&mut tick));
        assert_eq!((tick[99], tick[100], tick[159]), (0.99, 0.0, 0.59));
        assert!(capture.read(&mut tick));
        assert_eq!(tick[0], 0.6);
    }

    #[test]
    fn without_devices_silence_keeps_the_tickers_pace() {
        let mut tick = [0.5; TICK_SAMPLES];
        assert!(Capture::silence().is_ticked() && Capture::silence().read(&mut tick));
        assert_eq!(tick, [0.0; TICK_SAMPLES]);
        let playback = Playback::nowhere();
        assert!(playback.is_ticked());
        assert_eq!((playback.wanted(0), playback.wanted(1), playback.wanted(3)), (0, 2, 6));
    }
}
