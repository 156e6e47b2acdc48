//! Sound cards: ALSA through cpal, at the card's own rate, channels and format.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use ::alsa::{Direction, PCM};
use base::Instant;
use cpal::traits::{DeviceTrait, HostTrait, StreamTrait};
use cpal::{BufferSize, DeviceId, ErrorKind, HostId, Stream, StreamConfig, SupportedStreamConfig};
use ringbuf::HeapRb;
use ringbuf::traits::{Producer, Split};

use super::devices::{AudioError, Opened, Tally};
use super::health::{Complaint, Health};
use super::realtime::make_ordinary;
use super::ring::{CardSink, CardSource, frame_samples};
use super::tap::{CaptureTap, PlaybackTap};
use super::{Capture, Playback, TICK_FRAMES};
use crate::io::clock;
use crate::io::mailbox::Bell;

/// Blocks a second that a microphone is asked for: a tick's sound is complete with each, and nobody wakes in between.
/// What a card gives is its own affair.
const CAPTURE_BLOCKS_A_SECOND: u32 = 50;

/// Blocks a second that a speaker is asked for. Shorter ones would wake more threads than they save delay.
const PLAYBACK_BLOCKS_A_SECOND: u32 = 100;

/// The same for a sound server's plugin: nobody has priority there, and where a buffer of shorter blocks runs dry in a
/// busy moment, PulseAudio's plugin doesn't recover.
const SERVER_PLAYBACK_BLOCKS_A_SECOND: u32 = 50;

/// The part of a second that a ring holds, 250 ms: several blocks of any card that one can talk through, and the
/// longest that an RTP thread may be late.
const RING_PARTS: u32 = 4;

/// How long a card may give or take nothing before it counts as lost. PulseAudio takes 2 s to resume a sink.
const STALLED_AFTER: Duration = Duration::from_secs(3);

/// How long cpal waits for a card before it asks whether it is still there.
const LOOK_AGAIN_AFTER: Duration = Duration::from_secs(1);

/// An open sound card.
pub(super) struct Card {
    /// Dropped, it stops the callbacks and closes the card.
    stream: Stream,
    health: Arc<Health>,
    /// The number of blocks that was seen last, and when it was new.
    seen: Option<(u32, Instant)>,
}

impl Opened for Card {
    fn attend(&mut self, now: Instant) -> Result<bool, AudioError> {
        let blocks = self.health.blocks.load(Relaxed);
        let (seen, seen_at) = self.seen.unwrap_or((0, now));
        let moves = seen != blocks;
        let since = if moves { now } else { seen_at };
        self.seen = Some((blocks, since));
        let has_stopped = self.health.has_failed() || now - since >= STALLED_AFTER;
        if has_stopped { Err(AudioError::Lost) } else { Ok(moves) }
    }

    fn tally(&self) -> Tally {
        self.health.tally()
    }
}

/// Opens the microphone `name`.
///
/// # Errors
/// Why there is no sound from it.
pub(super) fn open_capture(name: &str, reader: &Bell, keeper: &Bell) -> Result<(Capture, Card), AudioError> {
    let _quiet = quiet();
    let device = find(name, |host| host.default_input_device())?;
    let realtime = is_hardware(name, Direction::Capture);
    let config = device.default_input_config().map_err(AudioError::Refused)?;
    let rate_hz = config.sample_rate();
    let on_data =
        CaptureTap::for_format(config.sample_format()).ok_or(AudioError::Format(config.sample_format()))?;
    let open = |size| {
        let (mut ring, reading_end) = ring(rate_hz).split();
        let source = CardSource::new(reading_end, rate_hz).map_err(AudioError::Rate)?;
        ring.push_iter(std::iter::repeat_n(0.0, source.lead()));
        let health = Arc::new(Health::default());
        let mut tap = CaptureTap {
            ring,
            channels: config.channels().into(),
            enough: frame_samples(rate_hz) * TICK_FRAMES,
            reader: reader.clone(),
            realtime,
            health: health.clone(),
        };
        let stream = device
            .build_input_stream_raw(
                sized(&config, size),
                config.sample_format(),
                move |data, _| on_data(&mut tap, data),
                on_error(&health, keeper),
                Some(LOOK_AGAIN_AFTER),
            )
            .map_err(AudioError::Refused)?;
        Ok((Capture::card(source), Card { stream, health, seen: None }))
    };
    start(rate_hz / CAPTURE_BLOCKS_A_SECOND, open)
}

/// Opens the speaker `name`.
///
/// # Errors
/// Why it takes no sound.
pub(super) fn open_playback(
    name: &str,
    writer: &Bell,
    keeper: &Bell,
) -> Result<(Playback, Card), AudioError> {
    let _quiet = quiet();
    let device = find(name, |host| host.default_output_device())?;
    let realtime = is_hardware(name, Direction::Playback);
    let config = device.default_output_config().map_err(AudioError::Refused)?;
    let rate_hz = config.sample_rate();
    let on_data =
        PlaybackTap::for_format(config.sample_format()).ok_or(AudioError::Format(config.sample_format()))?;
    let open = |size| {
        let (writing_end, ring) = ring(rate_hz).split();
        let health = Arc::new(Health::default());
        let sink = CardSink::new(writing_end, rate_hz, health.clone()).map_err(AudioError::Rate)?;
        let mut tap = PlaybackTap {
            ring,
            channels: config.channels().into(),
            reserve: frame_samples(rate_hz),
            writer: writer.clone(),
            realtime,
            health: health.clone(),
        };
        let stream = device
            .build_output_stream_raw(
                sized(&config, size),
                config.sample_format(),
                move |data, _| on_data(&mut tap, data),
                on_error(&health, keeper),
                Some(LOOK_AGAIN_AFTER),
            )
            .map_err(AudioError::Refused)?;
        Ok((Playback::card(sink), Card { stream, health, seen: None }))
    };
    let blocks = if realtime { PLAYBACK_BLOCKS_A_SECOND } else { SERVER_PLAYBACK_BLOCKS_A_SECOND };
    start(rate_hz / blocks, open)
}

/// Keeps what ALSA has to say about a missing card, a dozen lines on standard error each time, from the user for as
/// long as it is held; the error that cpal returns is told instead.
fn quiet() -> Option<Rc<RefCell<::alsa::Output>>> {
    // Without memory for it, ALSA is loud.
    ::alsa::Output::local_error_handler().ok()
}

/// The device of that name. ALSA's configuration is read anew, so a card that was plugged in is found.
fn find(name: &str, default: fn(&cpal::Host) -> Option<cpal::Device>) -> Result<cpal::Device, AudioError> {
    let host = cpal::host_from_id(HostId::Alsa).map_err(AudioError::Refused)?;
    let device = match name {
        // By this way only, cpal doesn't look at every PCM of the machine first.
        "default" => default(&host),
        name => host.device_by_id(&DeviceId::new(HostId::Alsa, name)),
    };
    device.ok_or(AudioError::NoSuchDevice)
}

/// True for a sound card, false for a sound server's plugin, as PulseAudio's: that may keep cpal's thread running
/// without a pause until the server, which may have no priority, has more sound for it.
fn is_hardware(name: &str, direction: Direction) -> bool {
    // What opens here for a moment and is no card, or doesn't open, needs no priority.
    PCM::new(name, direction, true).and_then(|pcm| pcm.info()).is_ok_and(|info| info.get_card() >= 0)
}

fn ring(rate_hz: u32) -> HeapRb<f32> {
    HeapRb::new((rate_hz / RING_PARTS).max(1) as usize)
}

fn sized(config: &SupportedStreamConfig, size: BufferSize) -> StreamConfig {
    StreamConfig { buffer_size: size, ..config.config() }
}

fn on_error(health: &Arc<Health>, keeper: &Bell) -> impl FnMut(cpal::Error) + Send + 'static {
    let (health, keeper) = (health.clone(), keeper.clone());
    move |error| {
        let complaint = match error.kind() {
            ErrorKind::Xrun => Complaint::Xrun,
            ErrorKind::DeviceNotAvailable | ErrorKind::StreamInvalidated => Complaint::Gone,
            _ => Complaint::Other,
        };
        if health.on_error(clock::now(), complaint, &keeper) {
            // It may go round here until it is closed: not with a priority above whoever closes it.
            make_ordinary();
        }
    }
}

/// Opens a card with blocks of `frames`, or of its own choice where it has no such, and lets it run.
fn start<T>(
    frames: u32,
    open: impl Fn(BufferSize) -> Result<(T, Card), AudioError>,
) -> Result<(T, Card), AudioError> {
    let mut opened = open(BufferSize::Fixed(frames)).or_else(|_| open(BufferSize::Default))?;
    // cpal asks for a buffer of two blocks, of which PulseAudio's plugin makes three. With blocks as long as asked the
    // microphone's ticks are regular, the speaker's buffer doesn't run dry as soon as the machine is busy, and the
    // plugin seldom wakes cpal without end while a part of a block is left over.
    if opened.1.stream.buffer_size().is_ok_and(|got| got == frames * 2 / 3) {
        drop(opened);
        opened = open(BufferSize::Fixed(frames * 3 / 2))?;
    }
    opened.1.stream.play().map_err(AudioError::Refused)?;
    Ok(opened)
}
