//! Sends a WAV file (8 kHz, mono, 16 bit) through a bad network into a [`Receiver`] and writes what the speaker would
//! get, so that an ear or PESQ can judge it: `impair CONDITION SEED IN.wav OUT.wav`.
//!
//! Conditions: `clean`, `loss:PERCENT`, `bursts:PERCENT`, `jitter:MS` (first packets out of order), `settled:MS`
//! (jitter whose first second is in order), `spike:MS` (a stall at 8 s), `skew:PPM`. Prints what became of it as one
//! line of `name=value`.

use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::leg::{Channel, Codec, LegCommand, LegId, Payload, Terms};
use media::{FRAME_SAMPLES, Receiver, Role, Sender};

const PEER: &str = "192.0.2.1:4000";
const LEG: LegId = LegId(1);
/// What every packet takes through the network at least.
const TRANSIT: Duration = Duration::from_millis(200);

struct Arrival {
    at: Instant,
    bytes: Vec<u8>,
}

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [condition, seed, from, to] = arguments.as_slice() else {
        eprintln!("usage: impair CONDITION SEED IN.wav OUT.wav");
        std::process::exit(2);
    };
    let mut seeds = [0; 32];
    seeds[..8].copy_from_slice(&seed.parse::<u64>().expect("SEED is a number").to_le_bytes());
    let network = Network::new(condition, Dice::new(seeds));
    let (heard, counts) = carry(network, &read(from));
    write(to, &heard);
    println!("{counts}");
}

/// Sends the sound, and gives what the speaker gets from the moment of the first packet's sending plus [`TRANSIT`].
fn carry(mut network: Network, sound: &[f32]) -> (Vec<f32>, String) {
    let start = Instant::from_nanos(3_600_000_000_000);
    let mut arrivals = network.deliver(start, packets(sound));
    arrivals.sort_by_key(|arrival| arrival.at);
    let mut arrivals = arrivals.into_iter().peekable();
    let mut receiver = Receiver::new();
    receiver.handle_command(start, LEG, &LegCommand::Use(terms()));
    let mut heard = Vec::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    let begin = start + TRANSIT;
    // The speaker's clock has nothing to do with the network's: its ticks lie 3 ms beside the packets.
    for tick in 0..(sound.len() / FRAME_SAMPLES + 60) as u64 {
        let now = begin + Duration::from_millis(10 * tick + 3);
        while let Some(arrival) = arrivals.next_if(|arrival| arrival.at <= now) {
            receiver.handle_packet(arrival.at, LEG, Channel::Rtp, peer(), &arrival.bytes);
        }
        receiver.pull(now, Role::Both, &mut frame);
        heard.extend_from_slice(&frame);
    }
    let stats = receiver.stats(LEG).unwrap_or_default();
    (heard, format!("{:?} {:?}", stats.playout, stats.delay))
}

/// The sound as packets of 20 ms, by our own sender.
fn packets(sound: &[f32]) -> Vec<Vec<u8>> {
    let mut sender = Sender::new(Dice::new([1; 32]));
    let mut now = Instant::ZERO;
    sender.handle_command(now, LEG, &LegCommand::Use(terms()));
    let mut packets = Vec::new();
    for frame in sound.chunks_exact(FRAME_SAMPLES) {
        now += Duration::from_millis(10);
        sender.push(now, frame.try_into().expect("chunks are exact"));
        while let Some(packet) = sender.poll_packet() {
            if packet.channel == Channel::Rtp {
                packets.push(packet.bytes.to_vec());
            }
        }
    }
    packets
}

fn peer() -> SocketAddr {
    PEER.parse().expect("is an address")
}

fn terms() -> Terms {
    let pcmu = Payload { number: 0, codec: Codec::Pcmu };
    Terms {
        local_rtp: (core::net::Ipv4Addr::new(192, 0, 2, 10), 6_000).into(),
        remote_rtp: peer(),
        remote_rtcp: peer(),
        send: pcmu,
        receive: vec![pcmu],
        send_event: None,
        receive_event: None,
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    }
}

enum Condition {
    Clean,
    Loss,
    Bursts { lost: bool },
    Jitter { orderly_packets: usize },
    Spike,
    Skew,
}

struct Network {
    condition: Condition,
    amount: f64,
    dice: Dice,
}

impl Network {
    fn new(condition: &str, dice: Dice) -> Self {
        let (name, amount) = condition.split_once(':').unwrap_or((condition, "0"));
        let condition = match name {
            "clean" => Condition::Clean,
            "loss" => Condition::Loss,
            "bursts" => Condition::Bursts { lost: false },
            "jitter" => Condition::Jitter { orderly_packets: 0 },
            "settled" => Condition::Jitter { orderly_packets: 50 },
            "spike" => Condition::Spike,
            "skew" => Condition::Skew,
            other => panic!("unknown condition {other}"),
        };
        Self { condition, amount: amount.parse().expect("the amount is a number"), dice }
    }

    fn deliver(&mut self, start: Instant, packets: Vec<Vec<u8>>) -> Vec<Arrival> {
        let sent = packets.into_iter().enumerate();
        sent.filter_map(|(index, bytes)| Some(Arrival { at: start + TRANSIT + self.fate(index)?, bytes }))
            .collect()
    }

    /// When a packet arrives, counted from when the first one should; `None` if it never does.
    fn fate(&mut self, index: usize) -> Option<Duration> {
        let due_ms = index as f64 * 20.0;
        let at_ms = match &mut self.condition {
            Condition::Clean => due_ms,
            Condition::Loss if self.dice.unit() * 100.0 < self.amount => return None,
            Condition::Loss => due_ms,
            Condition::Bursts { lost } => {
                // Gilbert-Elliott: bursts of four packets on average.
                let (into, out_of) = (self.amount / (100.0 - self.amount) / 4.0, 0.25);
                *lost = self.dice.unit() < if *lost { 1.0 - out_of } else { into };
                if *lost {
                    return None;
                }
                due_ms
            }
            Condition::Jitter { orderly_packets } if index < *orderly_packets => due_ms,
            Condition::Jitter { .. } => due_ms + self.dice.normal() * self.amount,
            Condition::Spike if (8_000.0..8_000.0 + self.amount).contains(&due_ms) => 8_000.0 + self.amount,
            Condition::Spike => due_ms,
            Condition::Skew => due_ms * (1.0 - self.amount / 1e6),
        };
        Some(Duration::from_secs_f64((at_ms / 1_000.0).max(0.0)))
    }
}

trait Chance {
    /// From 0 to 1.
    fn unit(&mut self) -> f64;
    /// Normally distributed, as a sum of twelve; deviation 1.
    fn normal(&mut self) -> f64;
}

impl Chance for Dice {
    fn unit(&mut self) -> f64 {
        f64::from(self.u32()) / 4_294_967_296.0
    }

    fn normal(&mut self) -> f64 {
        (0..12).map(|_| self.unit()).sum::<f64>() - 6.0
    }
}

fn read(path: &str) -> Vec<f32> {
    let wav = hound::WavReader::open(path).expect("IN.wav opens");
    assert_eq!((wav.spec().sample_rate, wav.spec().channels), (8_000, 1), "8 kHz, mono");
    wav.into_samples::<i16>().map(|sample| f32::from(sample.expect("16 bit")) / 32_768.0).collect()
}

fn write(path: &str, sound: &[f32]) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 8_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut wav = hound::WavWriter::create(path, spec).expect("OUT.wav can be written");
    for sample in sound {
        wav.write_sample((sample * 32_767.0) as i16).expect("OUT.wav can be written");
    }
    wav.finalize().expect("OUT.wav can be written");
}
