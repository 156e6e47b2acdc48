use alloc::vec;
use alloc::vec::Vec;

use super::*;
use crate::leg::{Codec, Payload};

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

    /// A packet of 20 ms, scripted byte by byte.
    fn send_to(&mut self, leg: LegId, from: &str, payload_type: u8, code: u8) {
        let mut datagram = vec![0x80, payload_type];
        datagram.extend(self.sequence.to_be_bytes());
        datagram.extend((u32::from(self.sequence) * 160).to_be_bytes());
        datagram.extend([0, 0, 0, 9]);
        datagram.extend([code; 160]);
        self.receiver.handle_packet(self.now, leg, Channel::Rtp, address(from), &datagram);
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
    assert_eq!(world.feedback(), []);
}

#[test]
fn sound_of_a_type_that_was_not_negotiated_is_not_heard() {
    let mut world = World::new(&terms());
    assert!(world.run(20, PEER, 8) == 0.0);
    assert_eq!(world.events(), []);
    assert_eq!(world.receiver.refused(LEG), Some(Refused { foreign_type: 20, ..Refused::default() }));
}

#[test]
fn nothing_is_heard_while_we_do_not_receive_and_all_again_afterwards() {
    let mut world = World::new(&terms());
    world.run(20, PEER, 0);
    world.receiver.handle_command(world.now, LEG, &LegCommand::Use(Terms { receiving: false, ..terms() }));
    assert!(world.run(20, PEER, 0) == 0.0);
    world.receiver.handle_command(world.now, LEG, &LegCommand::Use(terms()));
    assert!(world.run(5, PEER, 0) > 0.2);
}

#[test]
fn a_peer_may_change_between_negotiated_types_in_the_middle() {
    let mut world = World::new(&Terms { receive: vec![PCMU, PCMA], ..terms() });
    world.run(20, PEER, 0);
    world.run(3, PEER, 8);
    assert!(world.run(5, PEER, 8) > 0.05);
    assert_eq!(world.receiver.counts(LEG).map(|counts| (counts.late, counts.concealed)), Some((0, 0)));
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
    assert_eq!(world.receiver.counts(LEG).map(|counts| counts.concealed), Some(0));
}

#[test]
fn packets_from_elsewhere_move_the_sending_half_after_probation() {
    let mut world = World::new(&terms());
    assert!(world.run(4, ELSEWHERE, 0) == 0.0);
    assert_eq!((world.events(), world.feedback()), (vec![], vec![]));
    assert!(world.run(5, ELSEWHERE, 0) > 0.2);
    assert_eq!(world.events(), [LegEvent::Arrived]);
    assert_eq!(world.feedback(), [Feedback::Latched(address(ELSEWHERE))]);
    world.run(1, PEER, 0);
    assert_eq!(world.feedback(), [Feedback::Latched(address(PEER))]);
}

#[test]
fn new_sdp_is_the_only_truth_until_packets_come() {
    let mut world = World::new(&terms());
    world.run(6, ELSEWHERE, 0);
    world.feedback();
    let moved = Terms { remote_rtp: address("192.0.2.2:5000"), ..terms() };
    world.receiver.handle_command(world.now, LEG, &LegCommand::Use(moved));
    assert_eq!(world.feedback(), [], "the sending half has the same terms");
    world.run(4, ELSEWHERE, 0);
    assert_eq!(world.feedback(), []);
    world.run(1, ELSEWHERE, 0);
    assert_eq!(world.feedback(), [Feedback::Latched(address(ELSEWHERE))]);
}

#[test]
fn what_is_no_rtp_is_counted_and_ignored() {
    let mut world = World::new(&terms());
    for datagram in [&[][..], &[0x80; 11], &[0; 172], &[0x80, 200, 0, 1, 0, 0, 0, 1, 0, 0, 0, 0]] {
        world.receiver.handle_packet(world.now, LEG, Channel::Rtp, address(PEER), datagram);
    }
    assert_eq!(world.receiver.refused(LEG), Some(Refused { malformed: 4, ..Refused::default() }));
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
    assert_eq!(world.receiver.refused(LEG), None);
}
