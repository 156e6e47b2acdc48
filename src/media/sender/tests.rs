//! What goes out of a leg, read byte by byte.

mod keys;
mod reports;

use alloc::vec;
use alloc::vec::Vec;

use base::Duration;

use super::*;
use crate::leg::{Codec, Payload, Terms};
use crate::level::SILENCE_DBFS;

const LEG: LegId = LegId(3);
const PCMU: Payload = Payload { number: 0, codec: Codec::Pcmu };

fn address(text: &str) -> SocketAddr {
    text.parse().expect("is an address")
}

fn terms() -> Terms {
    Terms {
        local_rtp: address("192.0.2.10:6000"),
        remote_rtp: address("192.0.2.1:4000"),
        remote_rtcp: address("192.0.2.1:4001"),
        send: PCMU,
        receive: vec![PCMU],
        send_event: None,
        receive_event: None,
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    }
}

/// A packet as it went out, read byte by byte.
#[derive(Debug)]
struct Sent {
    to: SocketAddr,
    marker: bool,
    payload_type: u8,
    sequence: u16,
    timestamp: u32,
    ssrc: u32,
    payload: Vec<u8>,
}

impl Sent {
    fn read(packet: Packet<'_>) -> Self {
        let bytes = packet.bytes;
        assert_eq!((packet.leg, bytes[0]), (LEG, 0x80));
        let word = |at: usize| u32::from_be_bytes(bytes[at..at + 4].try_into().expect("four bytes"));
        Self {
            to: packet.to,
            marker: bytes[1] & 0x80 != 0,
            payload_type: bytes[1] & 0x7f,
            sequence: word(0) as u16,
            timestamp: word(4),
            ssrc: word(8),
            payload: bytes[12..].into(),
        }
    }
}

/// A report as it went out.
#[derive(Debug)]
struct Report {
    at: Instant,
    to: SocketAddr,
    bytes: Vec<u8>,
}

impl Report {
    fn word(&self, at: usize) -> u32 {
        u32::from_be_bytes(self.bytes[at..at + 4].try_into().expect("four bytes"))
    }
}

/// A sender with one leg, and a microphone.
struct World {
    sender: Sender,
    now: Instant,
    reports: Vec<Report>,
}

impl World {
    fn new(terms: Terms) -> Self {
        let sender = Sender::new(Dice::new([1; 32]));
        let mut world = Self { sender, now: Instant::ZERO, reports: Vec::new() };
        world.tell(terms);
        world
    }

    fn tell(&mut self, terms: Terms) {
        self.sender.handle_command(self.now, LEG, &LegCommand::Use(terms));
    }

    /// The microphone hears something for `frames` times 10 ms.
    fn speak(&mut self, frames: usize) -> Vec<Sent> {
        let mut sent = Vec::new();
        for _ in 0..frames {
            self.now += Duration::from_millis(10);
            self.sender.push(self.now, &[0.5; FRAME_SAMPLES]);
            sent.extend(self.fetch());
        }
        sent
    }

    /// What waits to be sent: the RTP is returned, the RTCP kept.
    fn fetch(&mut self) -> Vec<Sent> {
        let mut sent = Vec::new();
        while let Some(packet) = self.sender.poll_packet() {
            match packet.channel {
                Channel::Rtp => sent.push(Sent::read(packet)),
                Channel::Rtcp => {
                    self.reports.push(Report { at: self.now, to: packet.to, bytes: packet.bytes.into() });
                }
            }
        }
        sent
    }
}

#[test]
fn a_metered_leg_tells_the_level_of_what_it_sends() {
    let mut world = World::new(terms());
    world.sender.handle_command(world.now, LEG, &LegCommand::Meter(true));
    let level = |world: &mut World| {
        (0..10).find_map(|_| {
            world.sender.push(world.now, &[0.5; FRAME_SAMPLES]);
            world.sender.poll_event()
        })
    };
    let at = |peak_dbfs| Some((LEG, LegEvent::Level { half: Half::Send, peak_dbfs }));
    assert_eq!(level(&mut world), at(-6));
    world.sender.handle_command(world.now, LEG, &LegCommand::Use(Terms { mute: true, ..terms() }));
    assert_eq!(level(&mut world), at(SILENCE_DBFS));
    world.sender.handle_command(world.now, LEG, &LegCommand::Meter(false));
    assert_eq!(level(&mut world), None);
}

#[test]
fn speech_becomes_packets_that_count_on() {
    let mut world = World::new(terms());
    let sent = world.speak(20);
    assert_eq!(sent.len(), 10);
    for (index, packet) in sent.iter().enumerate() {
        assert_eq!(packet.sequence, sent[0].sequence.wrapping_add(index as u16));
        assert_eq!(packet.timestamp, sent[0].timestamp.wrapping_add(160 * index as u32));
        assert_eq!((packet.ssrc, packet.payload_type), (sent[0].ssrc, 0));
        assert_eq!(packet.marker, index == 0, "RFC 3551 §4.1: the first packet of a talkspurt");
        assert_eq!(packet.payload, [0x8f; 160], "0.5 in µ-law");
        assert_eq!(packet.to, terms().remote_rtp);
    }
}

#[test]
fn packets_are_as_long_as_was_agreed() {
    for ptime_ms in [10, 20, 30, 40, 60] {
        let sent = World::new(Terms { ptime_ms, ..terms() }).speak(12);
        assert_eq!(sent.len(), 120 / usize::from(ptime_ms));
        assert!(sent.iter().all(|packet| packet.payload.len() == usize::from(ptime_ms) * 8));
        assert_eq!(sent[1].timestamp.wrapping_sub(sent[0].timestamp), u32::from(ptime_ms) * 8);
    }
}

#[test]
fn each_leg_draws_numbers_of_its_own() {
    let mut sender = Sender::new(Dice::new([1; 32]));
    let mut numbers = Vec::new();
    for leg in 0..2 {
        sender.handle_command(Instant::ZERO, LegId(leg), &LegCommand::Use(terms()));
    }
    for _ in 0..2 {
        sender.push(Instant::ZERO, &[0.0; FRAME_SAMPLES]);
    }
    while let Some(packet) = sender.poll_packet() {
        numbers.push(packet.bytes[2..12].to_vec());
    }
    assert_eq!(numbers.len(), 2);
    assert!((0..10).step_by(2).all(|at| numbers[0][at..at + 2] != numbers[1][at..at + 2]));
}

#[test]
fn a_muted_microphone_sends_silence_at_the_same_pace() {
    let mut world = World::new(terms());
    world.speak(2);
    world.tell(Terms { mute: true, ..terms() });
    let muted = world.speak(4);
    assert_eq!(muted.len(), 2);
    assert!(muted.iter().all(|packet| packet.payload == [0xff; 160] && !packet.marker));
}

#[test]
fn nothing_is_sent_on_hold_and_time_has_gone_on_afterwards() {
    let mut world = World::new(terms());
    let before = world.speak(3).pop().expect("a packet");
    world.tell(Terms { sending: false, ..terms() });
    assert!(world.speak(97).is_empty());
    world.tell(terms());
    let after = world.speak(2).pop().expect("a packet");
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(8_000));
    assert!(after.marker);
}

#[test]
fn time_goes_on_while_the_microphone_is_away() {
    let mut world = World::new(terms());
    let before = world.speak(2).pop().expect("a packet");
    world.now += Duration::from_millis(3_000);
    let after = world.speak(2).pop().expect("a packet");
    assert_eq!(after.timestamp, before.timestamp.wrapping_add(160 + 24_000));
    assert!(after.marker);
}

#[test]
fn another_codec_goes_on_in_the_same_stream() {
    let mut world = World::new(terms());
    let before = world.speak(3).pop().expect("a packet");
    world.tell(Terms { send: Payload { number: 8, codec: Codec::Pcma }, ..terms() });
    let after = world.speak(2).pop().expect("a packet");
    assert_eq!((after.payload_type, after.ssrc), (8, before.ssrc));
    assert_eq!(after.sequence, before.sequence.wrapping_add(1));
    assert_eq!(after.payload, [0xa5; 160], "0.5 in A-law");
}

#[test]
fn packets_follow_the_latch_until_new_sdp() {
    let mut world = World::new(terms());
    let latched = address("198.51.100.7:61000");
    world.sender.handle_feedback(world.now, LEG, Feedback::Latched(latched));
    assert_eq!(world.speak(2)[0].to, latched);
    world.tell(Terms { mute: true, ..terms() });
    assert_eq!(world.speak(2)[0].to, latched, "the same address in new SDP moves nothing");
    let moved = address("192.0.2.2:5000");
    world.tell(Terms { remote_rtp: moved, ..terms() });
    assert_eq!(world.speak(2)[0].to, moved);
}

#[test]
fn a_leg_that_ends_says_so_once_and_sends_no_more() {
    let mut world = World::new(terms());
    world.speak(1);
    for leg in [LEG, LegId(77)] {
        world.sender.handle_command(world.now, leg, &LegCommand::End { tone: None });
        assert_eq!(world.sender.poll_event(), Some((leg, LegEvent::Ended(Half::Send))));
        assert_eq!(world.sender.poll_event(), None);
    }
    assert!(world.speak(10).is_empty());
}
