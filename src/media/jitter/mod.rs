//! The jitter buffer: packets in as the network delivers them, sound out as the speaker asks for it, 10 ms at a time.
//!
//! Sound is played at a target delay that nearly all packets of the last seconds would have kept (`delay`). Where the
//! real delay is another, for the network changed or the two clocks differ, sound is stretched or shortened by pitch
//! periods, in pauses if it can wait for one (`stretch`). What is missing is guessed (`conceal`). Positions are
//! timestamps, extended so that they never wrap (`timeline`); times are in samples of the local clock.
//!
//! It reads no clock, and after its making it allocates nothing.

mod conceal;
mod delay;
mod line;
mod pace;
mod packet;
mod pitch;
mod slots;
mod stretch;
mod timeline;

use base::{Duration, Instant};

use crate::codec::{Decoder, samples_in};
use crate::leg::Codec;
use crate::{FRAME_SAMPLES, RATE_HZ};
use conceal::Concealer;
use delay::Delay;
use line::{Line, SILENCED_AFTER};
use pace::Pace;
pub use packet::{Content, Counts, Packet, Sound};
use slots::{MAX_PAYLOAD_BYTES, Slots, Waiting};
use timeline::{Label, Place, Position, Timeline};

/// Late packets in a row, with nothing else to play, after which the stream is where they say: 100 ms of the usual
/// packets.
const LATE_IN_A_ROW: u32 = 5;

/// Samples of speech that a late packet may lose to keep the delay; beyond it, the delay grows instead. 30 ms.
const LATE_LOSS: i64 = 240;

/// The jitter buffer of one leg.
#[derive(Debug)]
pub struct JitterBuffer {
    timeline: Timeline,
    delay: Delay,
    slots: Slots,
    decoder: Decoder,
    line: Line,
    playout: Playout,
    /// Timestamp of the sample behind the last one on the line.
    end: i64,
    /// Sequence number of the packet whose sound is last on the line.
    last_sequence: i64,
    newest: Newest,
    gap: Gap,
    late_in_a_row: u32,
    pace: Pace,
    counts: Counts,
}

/// The packet with the highest sequence number. Where nothing follows on one that was not voice, nothing is missing.
#[derive(Clone, Copy, Debug)]
struct Newest {
    sequence: i64,
    is_voice: bool,
}

/// How far playing has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Playout {
    /// Nothing has come.
    Idle,
    /// The first packets wait for the time to begin.
    Waiting,
    Playing,
}

/// What is being played where packets are missing.
#[derive(Debug)]
#[expect(clippy::large_enum_variant, reason = "a box would be an allocation at each lost packet")]
enum Gap {
    None,
    /// Nothing was sent, as far as can be known.
    Quiet {
        since: i64,
    },
    /// Something should be there.
    Missing {
        since: i64,
        concealer: Concealer,
    },
}

impl Default for JitterBuffer {
    fn default() -> Self {
        Self::new()
    }
}

impl JitterBuffer {
    /// An empty buffer.
    pub fn new() -> Self {
        Self {
            timeline: Timeline::new(),
            delay: Delay::new(),
            slots: Slots::new(),
            decoder: Decoder::new(Codec::Pcmu),
            line: Line::new(),
            playout: Playout::Idle,
            end: 0,
            last_sequence: 0,
            newest: Newest { sequence: 0, is_voice: true },
            gap: Gap::None,
            late_in_a_row: 0,
            pace: Pace::new(),
            counts: Counts::default(),
        }
    }

    /// Forgets the stream: the next packet begins one.
    pub fn clear(&mut self) {
        self.timeline = Timeline::new();
        self.delay = Delay::new();
        self.slots.clear();
        self.line.drop_ahead();
        (self.playout, self.gap) = (Playout::Idle, Gap::None);
    }

    /// What became of packets and frames.
    pub fn counts(&self) -> Counts {
        self.counts
    }

    /// How long sound waits here from the arrival of a packet, on average; zero before the first.
    pub fn delay(&self) -> Duration {
        let waits = self.delay.figures().map_or(0, |figures| self.pace.lowest() - figures.typical);
        Duration::from_nanos(u64::try_from(waits).unwrap_or(0) * NANOS_PER_SAMPLE)
    }

    /// Takes a packet that arrived.
    pub fn push(&mut self, now: Instant, packet: Packet<'_>) {
        self.counts.packets += 1;
        let arrival = samples_at(now);
        let label = Label { ssrc: packet.ssrc, sequence: packet.sequence, timestamp: packet.timestamp };
        let is_voice = matches!(packet.content, Content::Voice(..));
        let fastest = self.delay.figures().map(|figures| figures.fastest);
        let position = match self.timeline.place(arrival, label, is_voice, fastest) {
            Place::Within(position) => position,
            Place::Anew(position) => self.begin(position),
            Place::Twice => return self.counts.duplicate += 1,
            Place::Stray => return self.counts.stray += 1,
        };
        if position.sequence >= self.newest.sequence {
            self.newest = Newest { sequence: position.sequence, is_voice };
        }
        if let Content::Voice(codec, payload) = packet.content {
            self.on_voice(arrival, label, position, codec, payload);
        }
    }

    fn on_voice(&mut self, arrival: i64, label: Label, mut position: Position, codec: Codec, payload: &[u8]) {
        let samples = samples_in(codec, payload.len()) as i64;
        if samples == 0 || payload.len() > MAX_PAYLOAD_BYTES {
            return self.counts.stray += 1;
        }
        if self.playout == Playout::Playing && position.timestamp + samples <= self.heard_until() {
            self.counts.late += 1;
            self.late_in_a_row += 1;
            if self.late_in_a_row < LATE_IN_A_ROW || self.slots.earliest().is_some() {
                return self.delay.observe(arrival, position.timestamp, samples);
            }
            if let Place::Anew(anew) = self.timeline.begin(label) {
                position = self.begin(anew);
            }
        }
        self.late_in_a_row = 0;
        self.delay.observe(arrival, position.timestamp, samples);
        self.slots.insert(position.sequence, position.timestamp, codec, payload);
    }

    /// A stream begins; what is left of another one fades.
    fn begin(&mut self, position: Position) -> Position {
        self.counts.streams += 1;
        self.slots.clear();
        self.delay = Delay::new();
        self.line.drop_ahead();
        if self.playout == Playout::Playing {
            self.gap = self.missing();
        }
        self.playout = Playout::Waiting;
        self.newest = Newest { sequence: position.sequence, is_voice: true };
        position
    }

    /// Gives the next 10 ms.
    pub fn pull(&mut self, now: Instant, frame: &mut [f32; FRAME_SAMPLES]) -> Sound {
        let clock = samples_at(now);
        if self.playout == Playout::Waiting {
            self.try_to_play(clock);
        }
        match self.playout {
            Playout::Playing => {
                self.decode_ahead(FRAME_SAMPLES);
                self.keep_pace(clock);
                self.fill_gap();
            }
            Playout::Idle | Playout::Waiting => self.guess(FRAME_SAMPLES),
        }
        let sound = self.sound_ahead();
        self.line.play(frame);
        self.count(sound, frame);
        sound
    }

    /// Begins to play when the earliest packet's time comes within the next frame: exactly at the target.
    fn try_to_play(&mut self, clock: i64) {
        let (Some(first), Some(figures)) = (self.slots.earliest(), self.delay.figures()) else { return };
        let early = usize::try_from(first.timestamp + figures.target - clock).unwrap_or(0);
        if early >= FRAME_SAMPLES {
            return;
        }
        if matches!(self.gap, Gap::None) {
            self.line.append_silence(early);
        }
        self.guess(early);
        self.end = first.timestamp;
        self.last_sequence = first.sequence - 1;
        self.pace.begin(clock + early as i64 - self.end);
        self.playout = Playout::Playing;
        if let Gap::Missing { since, .. } = &mut self.gap {
            *since = self.end;
        }
    }

    /// Decodes packets as long as they follow on each other, until `wanted` samples are ahead.
    fn decode_ahead(&mut self, wanted: usize) {
        while self.line.ahead_len() < wanted
            && let Some(next) = self.slots.earliest()
            && next.timestamp <= self.end
        {
            match self.gap {
                Gap::None => self.land(0),
                Gap::Quiet { since } => {
                    self.rewind(next.timestamp.max(since));
                    self.land(0);
                }
                Gap::Missing { since, .. } => {
                    let resume = next.timestamp.max(since);
                    if self.end - resume > LATE_LOSS || self.is_short_by(0) {
                        self.rewind(resume);
                    }
                    self.land(0);
                }
            }
        }
    }

    /// Takes the earliest packet, which begins `gap` samples behind the line's end or before it, onto the line.
    fn land(&mut self, gap: usize) {
        let Some((packet, payload)) = self.slots.take_earliest() else { return };
        if self.decoder.codec() != packet.codec {
            self.decoder = Decoder::new(packet.codec);
        }
        let samples = samples_in(packet.codec, payload.len());
        let known = usize::try_from(self.end - packet.timestamp).unwrap_or(0);
        if known >= samples {
            self.counts.late += 1;
            return;
        }
        match &mut self.gap {
            Gap::Missing { concealer, .. } => {
                let mut sound = [0.0; MAX_PAYLOAD_BYTES];
                self.decoder.decode(payload, &mut sound);
                concealer.bridge(&mut self.line, gap, &sound[known..samples]);
            }
            Gap::None | Gap::Quiet { .. } => {
                self.line.append(|room| {
                    self.decoder.decode(payload, room);
                    room.copy_within(known..samples, 0);
                    samples - known
                });
            }
        }
        self.end += (gap + samples - known) as i64;
        self.last_sequence = packet.sequence;
        self.gap = Gap::None;
    }

    /// Provides for a whole frame on the line though the next packet is not there.
    fn fill_gap(&mut self) {
        while self.line.ahead_len() < FRAME_SAMPLES {
            let wanted = FRAME_SAMPLES - self.line.ahead_len();
            match self.slots.earliest() {
                Some(next) => self.fill_before(next, wanted),
                None if self.newest.is_voice => self.go_on(wanted),
                None => self.be_quiet(wanted),
            }
            self.decode_ahead(FRAME_SAMPLES);
        }
    }

    /// Provides for `wanted` samples between the line's end and `next`, or for the gap as a whole.
    fn fill_before(&mut self, next: Waiting, wanted: usize) {
        let gap = usize::try_from(next.timestamp - self.end).unwrap_or(0);
        if self.timeline.all_came(self.last_sequence + 1, next.sequence) {
            return self.be_quiet(wanted.min(gap));
        }
        if self.is_short_by(pace::SPEECH_SLACK) {
            // Packets are late rather than lost: they get the time that the delay lacks anyway.
            self.go_on(wanted);
            return self.rewind(self.end - wanted as i64);
        }
        if gap <= conceal::LONGEST_BRIDGE {
            self.miss();
            return self.land(gap);
        }
        self.go_on(wanted);
    }

    /// Goes on with a guess at what should be there.
    fn go_on(&mut self, samples: usize) {
        self.miss();
        self.guess(samples);
        self.end += samples as i64;
    }

    /// The peer sent nothing: silence, without a click.
    fn be_quiet(&mut self, samples: usize) {
        if !matches!(self.gap, Gap::Quiet { .. }) {
            self.gap = Gap::Quiet { since: self.end };
        }
        self.line.append_silence(samples);
        self.end += samples as i64;
    }

    fn miss(&mut self) {
        if !matches!(self.gap, Gap::Missing { .. }) {
            self.gap = self.missing();
        }
    }

    fn missing(&self) -> Gap {
        Gap::Missing { since: self.end, concealer: Concealer::new(&self.line) }
    }

    /// Appends a guess if something is missing, else leaves silence.
    fn guess(&mut self, samples: usize) {
        if let Gap::Missing { concealer, .. } = &mut self.gap {
            concealer.extend(&mut self.line, samples);
        }
    }

    /// Goes back to where something real comes: the delay grows by as much.
    fn rewind(&mut self, to: i64) {
        let by = self.end - to;
        self.end = to;
        self.pace.shift(by);
    }

    fn heard_until(&self) -> i64 {
        match self.gap {
            Gap::None => self.end,
            Gap::Quiet { since } | Gap::Missing { since, .. } => since,
        }
    }

    fn is_short_by(&self, samples: i64) -> bool {
        self.delay.figures().is_some_and(|figures| self.pace.lowest() + samples < figures.target)
    }

    fn sound_ahead(&self) -> Sound {
        match &self.gap {
            _ if self.line.ahead_len() == 0 => Sound::Silence,
            Gap::Missing { concealer, .. } if concealer.is_silent() => Sound::Silence,
            Gap::Quiet { since } if self.end - since >= (SILENCED_AFTER + FRAME_SAMPLES) as i64 => {
                Sound::Silence
            }
            _ if self.line.is_guessed() => Sound::Concealed,
            _ if self.line.is_stretched() => Sound::Stretched,
            _ => Sound::Normal,
        }
    }

    fn count(&mut self, sound: Sound, frame: &[f32; FRAME_SAMPLES]) {
        match sound {
            Sound::Normal => self.pace.hear(frame),
            Sound::Concealed => self.counts.concealed += 1,
            Sound::Stretched => self.counts.stretched += 1,
            Sound::Silence => {}
        }
    }
}

const NANOS_PER_SAMPLE: u64 = 1_000_000_000 / RATE_HZ as u64;

fn samples_at(now: Instant) -> i64 {
    (now.as_nanos() / NANOS_PER_SAMPLE) as i64
}

#[cfg(test)]
mod tests;
