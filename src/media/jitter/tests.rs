//! A bench for the buffer: a voice-like sound through seeded networks, judged by what can be computed.

extern crate std;

use alloc::vec::Vec;

use base::{Dice, Duration, Instant};

use super::*;
use crate::codec::Encoder;

const PACKET_SAMPLES: usize = 160;
const SSRC: u32 = 0x1234_5678;

/// A voice of harmonics over a wandering pitch, 400 ms of it and 200 ms of faint noise in turn.
fn voice(seconds: usize) -> Vec<f32> {
    let mut dice = Dice::new([9; 32]);
    let mut phase = 0.0_f32;
    let sample = |index: usize| {
        let at = index as f32 / 8_000.0;
        let hertz = 140.0 + 35.0 * (at * 2.3).sin() + 20.0 * (at * 5.1).sin();
        phase = (phase + hertz / 8_000.0) % 1.0;
        let harmonic = |n: f32| (phase * n * core::f32::consts::TAU).sin() / n;
        let noise = dice.below(2_001) as f32 / 1_000.0 - 1.0;
        let into = at % 0.6;
        let loudness = (into / 0.03).min((0.4 - into) / 0.03).clamp(0.0, 1.0);
        0.25 * loudness * (harmonic(1.0) + harmonic(2.0) + harmonic(3.0) + harmonic(5.0)) + 0.000_5 * noise
    };
    (0..seconds * 8_000).map(sample).collect()
}

/// What the network does to a packet: milliseconds by which it is late, none if it is lost.
type Fate<'a> = &'a mut dyn FnMut(usize) -> Option<f64>;

/// What came out of a run.
struct Heard {
    sound: Vec<f32>,
    kinds: Vec<Sound>,
    /// The buffer's own word on its delay after each frame, in milliseconds.
    delays_ms: Vec<f64>,
    counts: Counts,
}

impl Heard {
    fn delay_ms(&self, second: usize) -> f64 {
        self.delays_ms[second * 100]
    }

    fn frames_of(&self, kind: Sound) -> usize {
        self.kinds.iter().filter(|other| **other == kind).count()
    }

    /// By how many samples the sound heard from `at` on is behind the sound sent, found by looking alike.
    fn lag(&self, sent: &[f32], at: usize) -> usize {
        let window = &sent[at..at + 2_400];
        let alike = |lag: usize| pitch::likeness(window, &self.sound[at + lag..at + lag + 2_400]);
        (0..3_200).max_by(|one, other| alike(*one).total_cmp(&alike(*other))).expect("there are lags")
    }

    fn largest_step(&self) -> f32 {
        largest_step(&self.sound)
    }
}

fn largest_step(sound: &[f32]) -> f32 {
    sound.windows(2).map(|pair| (pair[1] - pair[0]).abs()).fold(0.0, f32::max)
}

fn at_ms(ms: f64) -> Instant {
    Instant::from_nanos(10_000_000_000 + (ms * 1e6) as u64)
}

fn payload(sound: &[f32]) -> Vec<u8> {
    let mut payload = alloc::vec![0; sound.len()];
    Encoder::new(Codec::Pcmu).encode(sound, &mut payload);
    payload
}

/// Sends `sent` in packets of 20 ms, whose sequence numbers and timestamps are soon to wrap, and pulls all the while.
fn run(sent: &[f32], fate: Fate<'_>) -> Heard {
    let mut arrivals: Vec<(f64, usize)> = (0..sent.len() / PACKET_SAMPLES)
        .filter_map(|index| Some((index as f64 * 20.0 + fate(index)?, index)))
        .collect();
    arrivals.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut arrivals = arrivals.into_iter().peekable();
    let mut buffer = JitterBuffer::new();
    let mut heard =
        Heard { sound: Vec::new(), kinds: Vec::new(), delays_ms: Vec::new(), counts: Counts::default() };
    let mut frame = [0.0; FRAME_SAMPLES];
    for tick in 0..sent.len() / FRAME_SAMPLES {
        let now_ms = tick as f64 * 10.0 + 3.0;
        while let Some((ms, index)) = arrivals.next_if(|(ms, _)| *ms <= now_ms) {
            let payload = payload(&sent[index * PACKET_SAMPLES..][..PACKET_SAMPLES]);
            buffer.push(at_ms(ms), packet(index, Content::Voice(Codec::Pcmu, &payload)));
        }
        heard.kinds.push(buffer.pull(at_ms(now_ms), &mut frame));
        heard.sound.extend_from_slice(&frame);
        heard.delays_ms.push(buffer.delay().as_secs_f64() * 1e3);
    }
    heard.counts = buffer.counts();
    heard
}

fn packet(index: usize, content: Content<'_>) -> Packet<'_> {
    Packet {
        ssrc: SSRC,
        sequence: 0xfff0_u16.wrapping_add(index as u16),
        timestamp: 0xffff_f000_u32.wrapping_add((index * PACKET_SAMPLES) as u32),
        content,
    }
}

fn normal(dice: &mut Dice) -> f64 {
    (0..12).map(|_| f64::from(dice.u32()) / 4_294_967_296.0).sum::<f64>() - 6.0
}

#[test]
fn a_clean_stream_is_heard_as_it_was_sent_after_30_ms() {
    let sent = voice(10);
    let heard = run(&sent, &mut |_| Some(0.0));
    let lag = heard.lag(&sent, 8_000);
    assert!(lag <= 240, "{lag} samples");
    let worst =
        sent.iter().zip(&heard.sound[lag..]).map(|(one, other)| (one - other).abs()).fold(0.0, f32::max);
    assert!(worst < 0.02, "{worst} is more than µ-law rounds by");
    assert_eq!(heard.frames_of(Sound::Concealed) + heard.frames_of(Sound::Stretched), 0);
    assert_eq!(heard.counts, Counts { packets: 500, streams: 1, ..Counts::default() });
}

#[test]
fn a_speaker_that_takes_40_ms_at_once_is_served_without_a_gap() {
    let sent = voice(10);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    let mut concealed = 0;
    for index in 0..sent.len() / PACKET_SAMPLES {
        let payload = payload(&sent[index * PACKET_SAMPLES..][..PACKET_SAMPLES]);
        let now = at_ms(index as f64 * 20.0);
        buffer.push(now, packet(index, Content::Voice(Codec::Pcmu, &payload)));
        if index % 2 == 1 {
            let kinds = [(); 4].map(|()| buffer.pull(now + Duration::from_millis(5), &mut frame));
            concealed += kinds.iter().filter(|kind| index > 50 && **kind == Sound::Concealed).count();
        }
    }
    assert_eq!(concealed, 0);
    assert!(buffer.delay() < Duration::from_millis(40), "{:?}", buffer.delay());
}

#[test]
fn lost_packets_are_bridged_without_clicks_and_cost_no_delay() {
    let sent = voice(20);
    let mut dice = Dice::new([3; 32]);
    let mut lost = 0;
    let heard = run(&sent, &mut |_| {
        let is_lost = dice.percent(5);
        lost += usize::from(is_lost);
        (!is_lost).then_some(0.0)
    });
    let concealed = heard.frames_of(Sound::Concealed);
    assert!((2 * lost - 4..=3 * lost).contains(&concealed), "{concealed} frames for {lost} packets");
    let lag = heard.lag(&sent, 80_000);
    assert!(lag <= 240, "{lag} samples");
    assert!(heard.largest_step() < 1.5 * largest_step(&sent), "{}", heard.largest_step());
    // What was guessed looks like what was lost: 9 dB and more, where silence would have 0.
    let pairs = || sent.iter().zip(&heard.sound[lag..]).skip(8_000);
    let signal: f32 = pairs().map(|(one, _)| one * one).sum();
    let error: f32 = pairs().map(|(one, other)| (one - other) * (one - other)).sum();
    assert!(signal / error > 20.0 * 8.0, "{} of the error that silence would be", error / signal * 20.0);
}

#[test]
fn a_burst_of_losses_fades_and_comes_back_smoothly() {
    let sent = voice(6);
    let heard = run(&sent, &mut |index| (!(110..125).contains(&index)).then_some(0.0));
    let quietest =
        heard.sound[8 * 2_400..8 * 2_480].iter().fold(0.0, |most: f32, sample| most.max(sample.abs()));
    assert!(quietest < 0.01, "{quietest}: a guess of 200 ms has faded");
    assert!(
        heard.largest_step() < 1.5 * largest_step(&sent),
        "{}",
        heard.largest_step() / largest_step(&sent)
    );
    assert!(heard.lag(&sent, 8 * 3_600) <= 240);
}

#[test]
fn jitter_is_waited_for_and_no_longer_even_where_the_first_packets_are_out_of_order() {
    let sent = voice(24);
    for (deviation_ms, orderly, most_ms) in
        [(20.0, 0, 95.0), (40.0, 0, 170.0), (20.0, 50, 95.0), (40.0, 50, 170.0)]
    {
        for seed in 0..4 {
            let mut dice = Dice::new([seed; 32]);
            let heard = run(&sent, &mut |index| {
                let late = normal(&mut dice) * deviation_ms;
                Some(if index < orderly { 0.0 } else { late })
            });
            let worst = heard.delays_ms[500..].iter().fold(0.0, |most: f64, delay| most.max(*delay));
            assert!(worst < most_ms, "{worst} ms, {deviation_ms} ms of jitter, seed {seed}");
            let guessed = heard.kinds[500..].iter().filter(|kind| **kind == Sound::Concealed).count();
            assert!(guessed <= 30, "{guessed} frames of 1900, {deviation_ms} ms of jitter, seed {seed}");
            assert!(heard.largest_step() < 2.0 * largest_step(&sent));
        }
    }
}

#[test]
fn after_a_stall_the_delay_is_soon_what_it_was() {
    let sent = voice(16);
    for stall_ms in [100.0, 300.0, 500.0] {
        let heard = run(&sent, &mut |index| {
            Some(
                (5_000.0 + stall_ms - index as f64 * 20.0).clamp(0.0, stall_ms)
                    * f64::from(u8::from(index >= 250)),
            )
        });
        let (before, after) = (heard.delay_ms(4), heard.delay_ms(10));
        assert!((after - before).abs() < 20.0, "{before} ms, then {after} ms after a stall of {stall_ms} ms");
        let lag = heard.lag(&sent, 8 * 10_800);
        assert!(lag < 8 * 50, "{lag} samples");
    }
}

#[test]
fn ten_minutes_of_clocks_200_ppm_apart_leave_the_delay_as_it_was() {
    let sent = voice(60);
    let sent: Vec<f32> = core::iter::repeat_n(sent, 10).flatten().collect();
    for skew in [200e-6, -200e-6] {
        let heard = run(&sent, &mut |index| Some(index as f64 * 20.0 * skew));
        let (first, last) = (heard.delay_ms(30), heard.delay_ms(570));
        assert!((last - first).abs() < 10.0, "{first} ms, then {last} ms");
        assert!(heard.delays_ms[500..].iter().all(|delay| *delay < 45.0));
        assert_eq!(heard.counts.late, 0);
    }
}

#[test]
fn packets_that_come_twice_are_heard_once() {
    let sent = voice(4);
    let mut buffer = JitterBuffer::new();
    for (index, sound) in sent[..800].chunks(PACKET_SAMPLES).enumerate() {
        let payload = payload(sound);
        for _ in 0..2 {
            buffer.push(at_ms(index as f64), packet(index, Content::Voice(Codec::Pcmu, &payload)));
        }
    }
    assert_eq!(buffer.counts().duplicate, 5);
}

/// Feeds a stream until `change` says otherwise, and returns after how many milliseconds the new one is heard.
fn heard_again_after_ms(change: impl Fn(&mut Packet<'_>)) -> usize {
    let loud = payload(&[0.5; PACKET_SAMPLES]);
    let faint = payload(&[0.01; PACKET_SAMPLES]);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    for index in 0..200 {
        let now = at_ms(index as f64 * 20.0);
        let mut sent = packet(index, Content::Voice(Codec::Pcmu, if index < 100 { &faint } else { &loud }));
        if index >= 100 {
            change(&mut sent);
        }
        buffer.push(now, sent);
        for part in 0..2 {
            buffer.pull(now + Duration::from_millis(3 + 10 * part), &mut frame);
            if index >= 100 && frame[FRAME_SAMPLES - 1] > 0.4 {
                return (index - 100) * 20 + 10 * part as usize;
            }
        }
    }
    usize::MAX
}

#[test]
fn whatever_jumps_in_a_stream_is_heard_through_within_half_a_second() {
    let heard = |change: &dyn Fn(&mut Packet<'_>)| heard_again_after_ms(change);
    assert!(heard(&|packet| packet.ssrc = 1) < 200);
    assert!(heard(&|packet| packet.sequence = packet.sequence.wrapping_add(30_000)) < 200);
    for jump in [-4_000_000, -16_000, -8_000, -2_400, -800, 800, 2_000, 8_000, 16_000, 400_000_000] {
        let after = heard(&|packet| packet.timestamp = packet.timestamp.wrapping_add_signed(jump));
        assert!(after < 500, "{after} ms after a jump of {jump} samples");
    }
    let all_at_once = heard(&|packet| {
        packet.ssrc = 2;
        packet.sequence = packet.sequence.wrapping_add(9_999);
        packet.timestamp = packet.timestamp.wrapping_add(1 << 31);
    });
    assert!(all_at_once < 200);
}

#[test]
fn a_single_stray_packet_changes_nothing() {
    let sent = voice(4);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    for (index, sound) in sent.chunks(PACKET_SAMPLES).enumerate() {
        let payload = payload(sound);
        let content = Content::Voice(Codec::Pcmu, &payload);
        let now = at_ms(index as f64 * 20.0);
        buffer.push(now, packet(index, content));
        if index == 100 {
            buffer.push(now, Packet { ssrc: 99, sequence: 7, timestamp: 7, content });
        }
        let kinds = [3, 13].map(|ms| buffer.pull(now + Duration::from_millis(ms), &mut frame));
        assert!(index < 5 || kinds == [Sound::Normal; 2], "{kinds:?}");
    }
    assert_eq!((buffer.counts().stray, buffer.counts().streams), (1, 1));
}

/// What is heard around a second in which the peer sends no voice, but perhaps `other` packets.
fn pause(other: impl Fn(usize) -> bool) -> (Vec<Sound>, Counts) {
    let sound = payload(&[0.2; PACKET_SAMPLES]);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    let mut kinds = Vec::new();
    let mut sequence = 0;
    for index in 0..150 {
        let now = at_ms(index as f64 * 20.0);
        let speaks = !(50..100).contains(&index);
        if speaks || other(index) {
            let content = if speaks { Content::Voice(Codec::Pcmu, &sound) } else { Content::Other };
            let timestamp = (index * PACKET_SAMPLES) as u32;
            buffer.push(now, Packet { ssrc: SSRC, sequence, timestamp, content });
            sequence += 1;
        }
        kinds.extend([3, 13].map(|ms| buffer.pull(now + Duration::from_millis(ms), &mut frame)));
    }
    (kinds, buffer.counts())
}

#[test]
fn comfort_noise_and_events_are_silence_not_loss() {
    for events in [&(|index: usize| index == 50) as &dyn Fn(usize) -> bool, &|_| true] {
        let (kinds, counts) = pause(events);
        assert!(!kinds.contains(&Sound::Concealed));
        assert!((96..=104).contains(&kinds[20..].iter().filter(|kind| **kind == Sound::Silence).count()));
        assert_eq!((counts.late, counts.stray, counts.streams), (0, 0, 1));
    }
}

#[test]
fn the_events_of_a_key_that_is_held_for_long_begin_nothing_anew() {
    let sound = payload(&[0.2; PACKET_SAMPLES]);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    for index in 0..400_usize {
        let now = Instant::ZERO + Duration::from_millis(20 * index as u64);
        // All of its packets have the timestamp of its begin (RFC 4733 §2.2.1).
        let (content, begin) = match index {
            50..250 => (Content::Other, 50),
            _ => (Content::Voice(Codec::Pcmu, &sound), index),
        };
        let (sequence, timestamp) = (index as u16, (begin * PACKET_SAMPLES) as u32);
        buffer.push(now, Packet { ssrc: SSRC, sequence, timestamp, content });
        for ms in [3, 13] {
            buffer.pull(now + Duration::from_millis(ms), &mut frame);
        }
    }
    assert_eq!((buffer.counts().streams, buffer.counts().stray, buffer.counts().late), (1, 0, 0));
}

#[test]
fn a_pause_without_packets_fades_to_silence_and_ends_on_time() {
    let (kinds, counts) = pause(|_| false);
    let (guessed, silent) = [Sound::Concealed, Sound::Silence]
        .map(|wanted| kinds[20..].iter().filter(|kind| **kind == wanted).count())
        .into();
    assert!(guessed <= 14 && (84..=92).contains(&silent), "{guessed} guessed, {silent} silent");
    assert_eq!((counts.late, counts.streams), (0, 1));
    assert_eq!(kinds[kinds.len() - 90..], [Sound::Normal; 90]);
}

#[test]
fn packets_of_any_length_are_played() {
    for samples in [1, 80, 161, 240, 480, 1_500] {
        let sound = payload(&alloc::vec![0.2; samples]);
        let mut buffer = JitterBuffer::new();
        let mut frame = [0.0; FRAME_SAMPLES];
        let mut sent = 0;
        let mut kinds = Vec::new();
        for tick in 0..300 {
            while sent * samples < tick * FRAME_SAMPLES {
                let (sequence, timestamp) = (sent as u16, (sent * samples) as u32);
                let content = Content::Voice(Codec::Pcmu, &sound);
                buffer.push(at_ms(tick as f64 * 10.0), Packet { ssrc: SSRC, sequence, timestamp, content });
                sent += 1;
            }
            kinds.push(buffer.pull(at_ms(tick as f64 * 10.0 + 2.0), &mut frame));
        }
        let normal =
            kinds[100..].iter().filter(|kind| matches!(kind, Sound::Normal | Sound::Stretched)).count();
        assert!(normal >= 195, "{normal} of 200 frames with {samples} samples a packet");
    }
}

#[test]
fn a_peer_that_sends_nonsense_harms_nothing() {
    let mut dice = Dice::new([5; 32]);
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    let bytes = [0x55; 1_600];
    let (mut now, mut sequence, mut timestamp) = (Instant::ZERO, 0_u16, 0_u32);
    for _ in 0..50_000 {
        now += Duration::from_micros(u64::from(dice.below(20_000)));
        // Mostly near what came before, at times anywhere.
        sequence =
            sequence.wrapping_add(if dice.percent(2) { dice.u32() as u16 } else { dice.below(4) as u16 });
        timestamp = timestamp.wrapping_add(if dice.percent(2) { dice.u32() } else { dice.below(400) });
        let most = if dice.percent(5) { 1_601 } else { 300 };
        let payload = &bytes[..dice.below(most) as usize];
        let content = if dice.percent(5) { Content::Other } else { Content::Voice(Codec::Pcma, payload) };
        buffer.push(
            now,
            Packet { ssrc: dice.below(2) * u32::from(dice.percent(3)), sequence, timestamp, content },
        );
        for _ in 0..dice.below(3) {
            buffer.pull(now, &mut frame);
            assert!(frame.iter().all(|sample| sample.abs() <= 1.5));
        }
    }
}
