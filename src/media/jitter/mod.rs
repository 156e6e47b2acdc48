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
use line::Line;
use slots::{MAX_PAYLOAD_BYTES, Slots};
use timeline::{Label, Place, Position, Timeline};

/// A packet of a leg's incoming stream.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Packet<'a> {
    /// Synchronisation source: another one is another stream.
    pub ssrc: u32,
    /// Sequence number, as on the wire.
    pub sequence: u16,
    /// Timestamp, as on the wire.
    pub timestamp: u32,
    /// What it carries.
    pub content: Content<'a>,
}

/// What a packet carries.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Content<'a> {
    /// The voice.
    Voice(Codec, &'a [u8]),
    /// Comfort noise or a telephone-event: nothing is heard of it, and nothing is missing where it was.
    Other,
}

/// What a pulled frame is made of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Sound {
    /// What the peer sent, at its own pace.
    Normal,
    /// At least a part had to be guessed.
    Concealed,
    /// What the peer sent, stretched or shortened to follow the network's delay.
    Stretched,
    /// Nothing was to be heard.
    Silence,
}

/// What became of packets and frames since the buffer was made.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub struct Counts {
    /// Packets that came in.
    pub packets: u64,
    /// Packets that came a second time.
    pub duplicate: u64,
    /// Packets that came when their time was over.
    pub late: u64,
    /// Packets that fitted no stream, or could not be of any.
    pub stray: u64,
    /// Streams that began: the first, and each that a peer began anew.
    pub streams: u64,
    /// Frames of [`Sound::Concealed`].
    pub concealed: u64,
    /// Frames of [`Sound::Stretched`].
    pub stretched: u64,
}

/// Late packets in a row, with nothing else to play, after which the stream is where they say: 100 ms of the usual
/// packets.
const LATE_IN_A_ROW: u32 = 5;

/// Frames whose delays are looked at together, for a speaker asks for several at once and then for none: 160 ms.
const PACE_FRAMES: usize = 16;

/// Samples that a change of the pace looks at: two of the longest pitch periods, and a frame.
const STRETCH_AHEAD: usize = 2 * pitch::LONGEST + FRAME_SAMPLES;

/// Part of the packets' irregularity by which the delay may be longer than its target before it is shortened: where
/// packets come irregularly the target itself wavers.
const SLACK_PART: i64 = 2;

/// Samples off the target in speech that are left alone: 10 ms.
const SPEECH_SLACK: i64 = 80;

/// The same in a pause, where nobody hears a change: 4 ms.
const PAUSE_SLACK: i64 = 32;

/// Likeness of the seam below which speech is not changed (see [`pitch::likeness`]): a correlation of 0.9.
const ALIKE: f32 = 0.81;

/// The same where the delay is [`FAR_OFF`]: a correlation of 0.5.
const ALIKE_WHEN_FAR: f32 = 0.25;

/// Samples off the target from which a change is worth being heard: 60 ms.
const FAR_OFF: i64 = 480;

/// A pause is sound with less than this part of the power of the speech around it: 35 dB below.
const PAUSE_PART: f32 = 0.000_3;

/// What has less power than this is a pause in any case: 60 dB below full scale.
const PAUSE_POWER: f32 = 1e-6;

/// What a frame leaves of the loudness that is remembered: half is gone after 3.5 s.
const LOUDNESS_KEPT: f32 = 0.998;

/// Samples of delay beyond the target that shortening is not fast enough for: sound is thrown away. Half a second.
const MAX_EXCESS: i64 = 4_000;

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
    /// The newest packet, sequence number and whether it was voice.
    newest: (i64, bool),
    gap: Gap,
    late_in_a_row: u32,
    /// Local time minus position at the last frames, the newest last.
    pace: [i64; PACE_FRAMES],
    /// Mean square of the loudest speech of late.
    loudness: f32,
    counts: Counts,
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
            newest: (0, true),
            gap: Gap::None,
            late_in_a_row: 0,
            pace: [0; PACE_FRAMES],
            loudness: 0.0,
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
        let waits = self.delay.figures().map_or(0, |figures| self.lowest_pace() - figures.typical);
        Duration::from_nanos(u64::try_from(waits).unwrap_or(0) * NANOS_PER_SAMPLE)
    }

    /// Takes a packet that arrived.
    pub fn push(&mut self, now: Instant, packet: Packet<'_>) {
        self.counts.packets += 1;
        let arrival = samples_at(now);
        let label = Label { ssrc: packet.ssrc, sequence: packet.sequence, timestamp: packet.timestamp };
        let fastest = self.delay.figures().map(|figures| figures.fastest);
        let position = match self.timeline.place(arrival, label, fastest) {
            Place::Within(position) => position,
            Place::Anew(position) => self.begin(position),
            Place::Twice => return self.counts.duplicate += 1,
            Place::Stray => return self.counts.stray += 1,
        };
        let is_voice = matches!(packet.content, Content::Voice(..));
        if position.sequence >= self.newest.0 {
            self.newest = (position.sequence, is_voice);
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
        self.newest = (position.sequence, true);
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
        self.pace = [clock + early as i64 - self.end; PACE_FRAMES];
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
        let mut sound = [0.0; MAX_PAYLOAD_BYTES];
        let samples = self.decoder.decode(payload, &mut sound);
        let known = usize::try_from(self.end - packet.timestamp).unwrap_or(0).min(samples);
        let landing = &sound[known..samples];
        if landing.is_empty() {
            self.counts.late += 1;
            return;
        }
        match &mut self.gap {
            Gap::Missing { concealer, .. } => concealer.bridge(&mut self.line, gap, landing),
            Gap::None | Gap::Quiet { .. } => {
                self.line.append(|room| {
                    room[..landing.len()].copy_from_slice(landing);
                    landing.len()
                });
            }
        }
        self.end += (gap + landing.len()) as i64;
        self.last_sequence = packet.sequence;
        self.gap = Gap::None;
    }

    /// Provides for a whole frame on the line though the next packet is not there.
    fn fill_gap(&mut self) {
        while self.line.ahead_len() < FRAME_SAMPLES {
            let wanted = FRAME_SAMPLES - self.line.ahead_len();
            match self.slots.earliest() {
                Some(next) => {
                    let gap = usize::try_from(next.timestamp - self.end).unwrap_or(0);
                    if self.timeline.all_came(self.last_sequence + 1, next.sequence) {
                        self.be_quiet(wanted.min(gap));
                    } else {
                        self.miss();
                        if self.is_short_by(SPEECH_SLACK) {
                            // Packets are late rather than lost: they get the time that the delay lacks anyway.
                            self.guess(wanted);
                            self.shift_pace(wanted as i64);
                        } else if gap <= conceal::LONGEST_BRIDGE {
                            self.land(gap);
                        } else {
                            self.guess(wanted);
                            self.end += wanted as i64;
                        }
                    }
                }
                None if !self.newest.1 => self.be_quiet(wanted),
                None => {
                    self.miss();
                    self.guess(wanted);
                    self.end += wanted as i64;
                }
            }
            self.decode_ahead(FRAME_SAMPLES);
        }
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
        self.shift_pace(by);
    }

    /// The delay has grown by so many samples, or become less.
    fn shift_pace(&mut self, by: i64) {
        self.pace.iter_mut().for_each(|pace| *pace += by);
    }

    fn heard_until(&self) -> i64 {
        match self.gap {
            Gap::None => self.end,
            Gap::Quiet { since } | Gap::Missing { since, .. } => since,
        }
    }

    fn lowest_pace(&self) -> i64 {
        self.pace.iter().copied().min().unwrap_or(0)
    }

    fn is_short_by(&self, samples: i64) -> bool {
        self.delay.figures().is_some_and(|figures| self.lowest_pace() + samples < figures.target)
    }

    /// Stretches or shortens what is ahead where the delay is off its target.
    fn keep_pace(&mut self, clock: i64) {
        self.pace.rotate_left(1);
        self.pace[PACE_FRAMES - 1] = clock - (self.end - self.line.ahead_len() as i64);
        let Some(figures) = self.delay.figures() else { return };
        let off = self.lowest_pace() - figures.target;
        if off > MAX_EXCESS {
            return self.skip_to(clock - figures.target);
        }
        if !matches!(self.gap, Gap::None) || self.line.is_stretched() || self.line.is_guessed() {
            return;
        }
        let pause = pitch::power(self.line.ahead()) < (self.loudness * PAUSE_PART).max(PAUSE_POWER);
        let slack = match off {
            0.. => figures.irregularity / SLACK_PART,
            _ => 0,
        } + if pause { PAUSE_SLACK } else { SPEECH_SLACK };
        if off.abs() <= slack {
            return;
        }
        self.decode_ahead(STRETCH_AHEAD);
        let most = usize::try_from(off.abs()).unwrap_or(0);
        let alike = match off.abs() {
            _ if pause => f32::MIN,
            far if far > FAR_OFF => ALIKE_WHEN_FAR,
            _ => ALIKE,
        };
        let change = if off > 0 {
            stretch::shorten(&mut self.line, most, alike)
        } else {
            stretch::lengthen(&mut self.line, most, alike)
        };
        self.shift_pace(change);
    }

    /// Throws sound away until `position`.
    fn skip_to(&mut self, position: i64) {
        self.line.drop_ahead();
        while self.slots.earliest().is_some_and(|next| next.timestamp < position) {
            self.slots.take_earliest();
            self.counts.late += 1;
        }
        self.rewind(position);
        self.gap = self.missing();
    }

    fn sound_ahead(&self) -> Sound {
        match &self.gap {
            _ if self.line.ahead_len() == 0 => Sound::Silence,
            Gap::Missing { concealer, .. } if concealer.is_silent() => Sound::Silence,
            Gap::Quiet { since } if self.end - since >= FRAME_SAMPLES as i64 => Sound::Silence,
            _ if self.line.is_guessed() => Sound::Concealed,
            _ if self.line.is_stretched() => Sound::Stretched,
            _ => Sound::Normal,
        }
    }

    fn count(&mut self, sound: Sound, frame: &[f32; FRAME_SAMPLES]) {
        match sound {
            Sound::Normal => self.loudness = pitch::power(frame).max(self.loudness * LOUDNESS_KEPT),
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
