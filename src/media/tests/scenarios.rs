//! Scenarios S45 to S52 of the shared table, as far as they are media: what a leg makes of a peer's packets, scripted
//! byte by byte, and what it sends. What they want of SDP and INFO is SIP's.

use std::f32::consts::TAU;
use std::net::SocketAddr;

use audio_codec_algorithms::{decode_alaw, encode_alaw, encode_ulaw};
use base::{Dice, Duration, Instant};
use media::dtmf::{Key, Way};
use media::leg::{Channel, Codec, LegCommand, LegEvent, LegId, Payload, Terms};
use media::{FRAME_SAMPLES, Receiver, Role, Sender, Stats};

const LEG: LegId = LegId(1);
const PEER: &str = "192.0.2.1:4000";
const PEER_RTCP: &str = "192.0.2.1:4001";
const NAT: &str = "198.51.100.7:61000";
const ATTACKER: &str = "203.0.113.66:9";
const PCMU: Payload = Payload { number: 0, codec: Codec::Pcmu };
const PCMA: Payload = Payload { number: 8, codec: Codec::Pcma };

/// Amplitude of the peer's voice.
const VOICE: f32 = 0.25;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("is an address")
}

fn terms() -> Terms {
    Terms {
        local_rtp: address("192.0.2.10:6000"),
        remote_rtp: address(PEER),
        remote_rtcp: address(PEER_RTCP),
        send: PCMU,
        receive: vec![PCMU],
        send_event: Some(97),
        receive_event: Some(101),
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: true,
    }
}

/// The peer's stream: a tone of 200 Hz, whose next packet is so numbered.
#[derive(Clone, Copy)]
struct Stream {
    payload: Payload,
    samples: usize,
    ssrc: u32,
    sequence: u16,
    timestamp: u32,
    /// Of the tone itself.
    at: usize,
}

impl Stream {
    fn new() -> Self {
        Self { payload: PCMU, samples: 160, ssrc: 9, sequence: 0xfff0, timestamp: 0xffff_f000, at: 0 }
    }

    /// A header with `payload` behind it.
    fn packet(&self, payload_type: u8, payload: &[u8]) -> Vec<u8> {
        let mut datagram = vec![0x80, payload_type];
        datagram.extend(self.sequence.to_be_bytes());
        datagram.extend(self.timestamp.to_be_bytes());
        datagram.extend(self.ssrc.to_be_bytes());
        datagram.extend(payload);
        datagram
    }

    /// Goes on by a packet.
    fn advance(&mut self) {
        self.at += self.samples;
        self.sequence = self.sequence.wrapping_add(1);
        self.timestamp = self.timestamp.wrapping_add(self.samples as u32);
    }

    fn next(&mut self) -> Vec<u8> {
        let codes: Vec<u8> = (self.at..self.at + self.samples)
            .map(|at| {
                let sample = (VOICE * (TAU * at as f32 / 40.0).sin() * 32_768.0) as i16;
                match self.payload.codec {
                    Codec::Pcmu => encode_ulaw(sample),
                    Codec::Pcma => encode_alaw(sample),
                }
            })
            .collect();
        let datagram = self.packet(self.payload.number, &codes);
        self.advance();
        datagram
    }
}

/// Both halves of a leg, and the clock.
struct World {
    receiver: Receiver,
    sender: Sender,
    now: Instant,
    peer: Stream,
    /// What was heard of late.
    heard: Vec<f32>,
    /// RTP that was sent.
    sent: Vec<(SocketAddr, Vec<u8>)>,
    events: Vec<LegEvent>,
    keys: String,
}

impl World {
    fn new() -> Self {
        let mut world = Self {
            receiver: Receiver::new(),
            sender: Sender::new(Dice::new([7; 32])),
            now: Instant::ZERO,
            peer: Stream::new(),
            heard: Vec::new(),
            sent: Vec::new(),
            events: Vec::new(),
            keys: String::new(),
        };
        world.agree(terms());
        world
    }

    /// An offer and its answer are through.
    fn agree(&mut self, terms: Terms) {
        self.tell(LegCommand::Use(terms));
    }

    fn tell(&mut self, command: LegCommand) {
        self.receiver.handle_command(self.now, LEG, &command);
        self.sender.handle_command(self.now, LEG, &command);
    }

    fn receive(&mut self, from: &str, datagram: &[u8]) {
        self.receiver.handle_packet(self.now, LEG, Channel::Rtp, address(from), datagram);
    }

    /// Time passes for the microphone and the speaker.
    fn pass(&mut self, ms: usize) {
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            let mut frame = [0.5; FRAME_SAMPLES];
            self.sender.push(self.now, &frame);
            while let Some(packet) = self.sender.poll_packet() {
                if packet.channel == Channel::Rtp {
                    self.sent.push((packet.to, packet.bytes.into()));
                }
            }
            self.receiver.pull(self.now, Role::Both, &mut frame);
            self.heard.extend(frame);
            while let Some((_, event)) = self.receiver.poll_event() {
                match event {
                    LegEvent::Key(key) => self.keys.push(key.into()),
                    other => self.events.push(other),
                }
            }
            while let Some((_, feedback)) = self.receiver.poll_feedback() {
                self.sender.handle_feedback(self.now, LEG, feedback);
            }
        }
    }

    /// The peer speaks from an address for a while.
    fn speak_from(&mut self, from: &str, ms: usize) {
        let packet_ms = self.peer.samples / 8;
        for _ in 0..ms / packet_ms {
            let datagram = self.peer.next();
            self.receive(from, &datagram);
            self.pass(packet_ms);
        }
    }

    fn speak(&mut self, ms: usize) {
        self.speak_from(PEER, ms);
    }

    fn stats(&self) -> Stats {
        self.receiver.stats(LEG).expect("the leg runs")
    }

    /// Milliseconds of sound that was heard of late and is not the peer's voice at its level.
    fn strange_ms(&mut self) -> usize {
        let heard = std::mem::take(&mut self.heard);
        10 * heard.chunks(FRAME_SAMPLES).filter(|frame| !is_voice(frame)).count()
    }

    /// After how many milliseconds of speech the voice is heard without a fault from there on.
    fn heard_again_after_ms(&mut self, ms: usize) -> usize {
        self.heard.clear();
        self.speak(ms);
        let frames: Vec<bool> = self.heard.chunks(FRAME_SAMPLES).map(is_voice).collect();
        10 * frames.iter().rposition(|voice| !voice).map_or(0, |last| last + 1)
    }
}

/// Whether a frame is two periods of the tone at its level, wherever they begin.
fn is_voice(frame: &[f32]) -> bool {
    let part = |wave: fn(f32) -> f32| -> f32 {
        let turns = frame.iter().enumerate().map(|(at, sample)| sample * wave(TAU * at as f32 / 40.0));
        turns.sum::<f32>() / 40.0
    };
    let amplitude = part(f32::sin).hypot(part(f32::cos));
    let power = frame.iter().map(|sample| sample * sample).sum::<f32>() / FRAME_SAMPLES as f32;
    (amplitude - VOICE).abs() < 0.02 && (power - amplitude * amplitude / 2.0).abs() < 0.001
}

#[path = "scenarios/keys.rs"]
mod keys;
#[path = "scenarios/network.rs"]
mod network;

#[test]
fn s45_a_codec_and_a_ptime_change_in_the_middle_and_no_noise_is_heard() {
    let mut world = World::new();
    world.speak(1_000);
    world.heard.clear();
    let dynamic = Payload { number: 96, codec: Codec::Pcma };
    world.agree(Terms { send: PCMA, receive: vec![dynamic], ptime_ms: 40, ..terms() });
    world.sent.clear();
    world.peer = Stream { payload: dynamic, samples: 320, ..world.peer };
    world.speak(2_000);
    // Longer packets need more time in the buffer: the change may take a period or two of the tone, but no noise.
    assert!(world.strange_ms() <= 100);
    assert_eq!(world.stats().refused.foreign_type, 0);
    let (_, sent) = &world.sent[3];
    assert_eq!((sent[1], sent.len()), (8, 12 + 320));
    assert!((f32::from(decode_alaw(sent[20])) / 32_768.0 - 0.5).abs() < 0.02);
}

#[test]
fn s45_the_same_codec_under_another_number_is_decoded_from_its_first_packet() {
    let mut world = World::new();
    world.speak(1_000);
    world.heard.clear();
    let dynamic = Payload { number: 118, codec: Codec::Pcmu };
    world.agree(Terms { receive: vec![dynamic], ..terms() });
    world.peer.payload = dynamic;
    world.speak(2_000);
    assert_eq!((world.strange_ms(), world.stats().lost), (0, 0));
}

#[test]
fn s46_another_stream_from_the_same_port_is_heard_within_half_a_second() {
    let jumps: [fn(&mut Stream); 5] = [
        |peer| peer.ssrc = 77,
        |peer| peer.sequence = peer.sequence.wrapping_add(20_000),
        |peer| peer.timestamp = peer.timestamp.wrapping_add(1 << 30),
        |peer| peer.timestamp = peer.timestamp.wrapping_sub(40_000),
        |peer| (peer.ssrc, peer.sequence, peer.timestamp) = (1, 3, 5),
    ];
    for (index, jump) in jumps.into_iter().enumerate() {
        let mut world = World::new();
        world.speak(2_000);
        jump(&mut world.peer);
        let after = world.heard_again_after_ms(3_000);
        assert!(after < 500, "jump {index}: {after} ms");
        assert!(world.stats().lost <= 1, "jump {index}: {:?}", world.stats());
    }
}

#[test]
fn s48_a_peer_behind_a_nat_is_heard_and_answered_where_it_is() {
    let mut world = World::new();
    world.speak_from(NAT, 2_000);
    assert!(world.strange_ms() <= 200);
    assert_eq!(world.sent.last().map(|(to, _)| *to), Some(address(NAT)));
    assert_eq!(world.events, [LegEvent::Arrived]);
}

#[test]
fn s48_what_is_injected_beside_the_peer_is_not_heard_nor_answered() {
    let mut world = World::new();
    world.speak(500);
    let mut intruder = Stream { ssrc: 66, sequence: 1, ..Stream::new() };
    let mut copy = world.peer;
    world.heard.clear();
    for _ in 0..150 {
        for datagram in [intruder.next(), copy.next()] {
            world.receive(ATTACKER, &datagram);
        }
        world.speak(20);
    }
    assert_eq!((world.strange_ms(), world.stats().refused.foreign_source), (0, 300));
    assert!(world.sent.iter().all(|(to, _)| *to == address(PEER)));
    // From the peer's own address a single stray packet of another stream changes nothing either.
    let stray = intruder.next();
    world.receive(PEER, &stray);
    world.speak(1_000);
    assert_eq!(world.strange_ms(), 0);
}

#[test]
fn s48_an_attacker_that_races_the_peer_never_moves_what_the_peer_has() {
    for head_start_ms in [0, 60, 200] {
        let mut world = World::new();
        let mut attacker = Stream { ssrc: 66, ..Stream::new() };
        let mut race = |world: &mut World| {
            for _ in 0..2 {
                let datagram = attacker.next();
                world.receive(ATTACKER, &datagram);
            }
        };
        for _ in 0..head_start_ms / 20 {
            race(&mut world);
            world.pass(20);
        }
        world.speak(20);
        world.sent.clear();
        for _ in 0..500 {
            race(&mut world);
            world.speak(20);
        }
        assert!(world.sent.iter().all(|(to, _)| *to == address(PEER)), "{head_start_ms} ms ahead");
        world.heard.drain(..8_000);
        assert_eq!(world.strange_ms(), 0);
        // The peer is quiet for less than the attacker would have to wait for.
        for _ in 0..95 {
            race(&mut world);
            world.pass(20);
        }
        world.sent.clear();
        world.speak(500);
        assert!(world.sent.iter().all(|(to, _)| *to == address(PEER)));
    }
}

#[test]
fn s48_a_peer_that_moves_without_a_word_is_heard_again_after_its_silence() {
    let mut world = World::new();
    world.speak(1_000);
    world.speak_from(NAT, 1_900);
    assert_eq!(world.sent.last().map(|(to, _)| *to), Some(address(PEER)));
    world.speak_from(NAT, 500);
    assert_eq!(world.sent.last().map(|(to, _)| *to), Some(address(NAT)));
    world.agree(Terms { remote_rtp: address("192.0.2.2:5000"), ..terms() });
    world.sent.clear();
    world.pass(100);
    assert!(world.sent.iter().all(|(to, _)| *to == address("192.0.2.2:5000")), "new SDP moves it at once");
}
