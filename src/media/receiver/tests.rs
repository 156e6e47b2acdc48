//! What is heard and learned of packets that are scripted byte by byte.

mod keys;
mod reports;
mod tones;
mod watch;

use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::leg::{Codec, Payload, Terms};

const LEG: LegId = LegId(3);
const PEER: &str = "192.0.2.1:4000";
const ELSEWHERE: &str = "198.51.100.7:61000";
const PCMU: Payload = Payload { number: 0, codec: Codec::Pcmu };
const PCMA: Payload = Payload { number: 8, codec: Codec::Pcma };

fn address(text: &str) -> SocketAddr {
    text.parse().expect("is an address")
}

fn terms() -> Terms {
    Terms {
        local_rtp: address("192.0.2.10:6000"),
        remote_rtp: address(PEER),
        remote_rtcp: address("192.0.2.1:4001"),
        send: PCMU,
        receive: vec![PCMU],
        send_event: None,
        receive_event: Some(101),
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    }
}

/// A packet of source 9.
fn packet(sequence: u16, timestamp: u32, payload_type: u8, payload: &[u8]) -> Vec<u8> {
    let mut datagram = vec![0x80, payload_type];
    datagram.extend(sequence.to_be_bytes());
    datagram.extend(timestamp.to_be_bytes());
    datagram.extend([0, 0, 0, 9]);
    datagram.extend(payload);
    datagram
}

/// A receiver with one leg, its peer, and a speaker.
struct World {
    receiver: Receiver,
    now: Instant,
    sequence: u16,
}

impl World {
    fn new(terms: &Terms) -> Self {
        let mut receiver = Receiver::new();
        receiver.handle_command(Instant::ZERO, LEG, &LegCommand::Use(terms.clone()));
        Self { receiver, now: Instant::ZERO, sequence: 0 }
    }

    fn tell(&mut self, command: &LegCommand) {
        self.receiver.handle_command(self.now, LEG, command);
    }

    /// A packet of 20 ms.
    fn send_to(&mut self, leg: LegId, from: &str, payload_type: u8, code: u8) {
        let timestamp = u32::from(self.sequence) * 160;
        let datagram = packet(self.sequence, timestamp, payload_type, &[code; 160]);
        self.receiver.handle_packet(self.now, leg, Channel::Rtp, address(from), &datagram);
    }

    /// Time passes without packets; returns what is heard.
    fn listen(&mut self, role: Role, ms: usize) -> Vec<f32> {
        let mut sound = Vec::new();
        for _ in 0..ms / 10 {
            self.now += Duration::from_millis(10);
            let mut frame = [0.0; FRAME_SAMPLES];
            self.receiver.pull(self.now, role, &mut frame);
            sound.extend(frame);
        }
        sound
    }

    fn stats(&self) -> Stats {
        self.receiver.stats(LEG).expect("the leg has terms")
    }

    fn refused(&self) -> Option<Refused> {
        Some(self.receiver.stats(LEG)?.refused)
    }

    /// 20 ms pass in which `legs` each get a packet; returns the loudest sample.
    fn pass(&mut self, legs: &[LegId], from: &str, payload_type: u8, code: u8) -> f32 {
        for leg in legs {
            self.send_to(*leg, from, payload_type, code);
        }
        self.sequence += 1;
        let mut frame = [0.0; FRAME_SAMPLES];
        let mut loudest = 0.0_f32;
        for _ in 0..2 {
            self.now += Duration::from_millis(10);
            self.receiver.pull(self.now, Role::Both, &mut frame);
            loudest = frame.iter().fold(loudest, |most, sample| most.max(sample.abs()));
        }
        loudest
    }

    fn run(&mut self, packets: usize, from: &str, payload_type: u8) -> f32 {
        (0..packets).map(|_| self.pass(&[LEG], from, payload_type, LOUD)).fold(0.0, f32::max)
    }

    fn events(&mut self) -> Vec<LegEvent> {
        core::iter::from_fn(|| self.receiver.poll_event()).map(|(_, event)| event).collect()
    }

    fn feedback(&mut self) -> Vec<Feedback> {
        core::iter::from_fn(|| self.receiver.poll_feedback()).map(|(_, feedback)| feedback).collect()
    }

    /// Of the feedback, that which says where to send.
    fn moves(&mut self) -> Vec<Feedback> {
        let all = self.feedback().into_iter();
        all.filter(|feedback| !matches!(feedback, Feedback::Received(_))).collect()
    }
}

/// A µ-law code of about a quarter of full scale.
const LOUD: u8 = 0xa0;

#[test]
fn the_first_packet_is_told_once_and_is_soon_heard() {
    let mut world = World::new(&terms());
    assert_eq!(world.events(), []);
    world.run(1, PEER, 0);
    assert_eq!(world.events(), [LegEvent::Arrived]);
    assert!(world.run(3, PEER, 0) > 0.2);
    assert_eq!(world.events(), []);
    assert_eq!(world.moves(), []);
}

#[test]
fn sound_of_a_type_that_was_not_negotiated_is_not_heard() {
    let mut world = World::new(&terms());
    assert!(world.run(20, PEER, 8) == 0.0);
    assert_eq!(world.events(), []);
    assert_eq!(world.refused(), Some(Refused { foreign_type: 20, ..Refused::default() }));
}

#[test]
fn nothing_is_heard_while_we_do_not_receive_and_all_again_afterwards() {
    let mut world = World::new(&terms());
    world.run(20, PEER, 0);
    world.tell(&LegCommand::Use(Terms { receiving: false, ..terms() }));
    assert!(world.run(20, PEER, 0) == 0.0);
    world.tell(&LegCommand::Use(terms()));
    assert!(world.run(5, PEER, 0) > 0.2);
}

#[test]
fn a_peer_may_change_between_negotiated_types_in_the_middle() {
    let mut world = World::new(&Terms { receive: vec![PCMU, PCMA], ..terms() });
    world.run(20, PEER, 0);
    world.run(3, PEER, 8);
    assert!(world.run(5, PEER, 8) > 0.05);
    assert_eq!((world.stats().playout.late, world.stats().playout.concealed), (0, 0));
}

#[test]
fn events_and_comfort_noise_are_not_heard_as_sound_nor_as_loss() {
    let mut world = World::new(&terms());
    world.run(20, PEER, 0);
    world.run(5, PEER, 101);
    world.run(5, PEER, 13);
    let during = world.pass(&[LEG], PEER, 101, LOUD);
    assert!(during == 0.0, "{during}");
    world.run(20, PEER, 0);
    assert_eq!(world.stats().playout.concealed, 0);
}

#[test]
fn packets_from_elsewhere_move_the_sending_half_after_probation() {
    let mut world = World::new(&terms());
    assert!(world.run(4, ELSEWHERE, 0) == 0.0);
    assert_eq!((world.events(), world.moves()), (vec![], vec![]));
    assert!(world.run(5, ELSEWHERE, 0) > 0.2);
    assert_eq!(world.events(), [LegEvent::Arrived]);
    assert_eq!(world.moves(), [Feedback::Latched(address(ELSEWHERE))]);
    world.run(1, PEER, 0);
    assert_eq!(world.moves(), [Feedback::Latched(address(PEER))]);
}

#[test]
fn new_sdp_is_the_only_truth_until_packets_come() {
    let mut world = World::new(&terms());
    world.run(6, ELSEWHERE, 0);
    world.moves();
    let named = address("192.0.2.2:5000");
    world.tell(&LegCommand::Use(Terms { remote_rtp: named, ..terms() }));
    let why = "the sending half may have heard of the old source after it had the same terms";
    assert_eq!(world.moves(), [Feedback::Latched(named)], "{why}");
    world.run(4, ELSEWHERE, 0);
    assert_eq!(world.moves(), []);
    world.run(1, ELSEWHERE, 0);
    assert_eq!(world.moves(), [Feedback::Latched(address(ELSEWHERE))]);
}

#[test]
fn what_is_no_rtp_is_counted_and_ignored() {
    let mut world = World::new(&terms());
    for datagram in [&[][..], &[0x80; 11], &[0; 172], &[0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]] {
        world.receiver.handle_packet(world.now, LEG, Channel::Rtp, address(PEER), datagram);
    }
    assert_eq!(world.refused(), Some(Refused { malformed: 4, ..Refused::default() }));
    world.receiver.handle_packet(world.now, LegId(99), Channel::Rtp, address(PEER), &[0x80; 172]);
    assert_eq!(world.events(), []);
}

#[test]
fn legs_are_heard_together_and_never_beyond_full_scale() {
    let mut world = World::new(&terms());
    world.receiver.handle_command(world.now, LegId(4), &LegCommand::Use(terms()));
    let both = [LEG, LegId(4)];
    let together = (0..10).map(|_| world.pass(&both, PEER, 0, LOUD)).fold(0.0, f32::max);
    let alone = (0..10).map(|_| world.pass(&both[..1], PEER, 0, LOUD)).last().expect("ten packets");
    assert!((together - 2.0 * alone).abs() < 0.001, "{together} together, {alone} alone");
    // Code 0x00 is µ-law's loudest.
    assert!((0..10).map(|_| world.pass(&both, PEER, 0, 0x00)).fold(0.0, f32::max) <= 1.0);
}

#[test]
fn a_leg_that_ends_says_so_once_and_is_gone_even_if_it_never_had_terms() {
    let mut world = World::new(&terms());
    for leg in [LEG, LegId(77)] {
        world.receiver.handle_command(world.now, leg, &LegCommand::End { tone: None });
        assert_eq!(world.receiver.poll_event(), Some((leg, LegEvent::Ended(Half::Receive))));
        assert_eq!(world.receiver.poll_event(), None);
    }
    assert!(world.run(10, PEER, 0) == 0.0);
    assert_eq!(world.refused(), None);
}
