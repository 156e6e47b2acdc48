use alloc::string::String;

use base::Dice;

use super::*;

/// A listener and the clock of packets that come every 20 ms.
struct World {
    listener: Listener,
    now: Instant,
    heard: String,
}

impl World {
    fn new() -> Self {
        Self { listener: Listener::new(), now: Instant::ZERO + Duration::from_secs(5), heard: String::new() }
    }

    /// A packet, scripted byte by byte.
    fn packet(&mut self, timestamp: u32, event: u8, ends: bool, duration: u16) {
        self.now += Duration::from_millis(20);
        let [high, low] = duration.to_be_bytes();
        self.hear(1, timestamp, &[event, if ends { 0x8a } else { 0x0a }, high, low]);
    }

    fn hear(&mut self, ssrc: u32, timestamp: u32, payload: &[u8]) {
        self.listener.hear(self.now, ssrc, timestamp, payload, |key| self.heard.push(key.into()));
    }

    /// A key of 100 ms in five packets and two more for its end, of which `comes` lets some through.
    fn key(&mut self, timestamp: u32, event: u8, comes: impl Fn(u16) -> bool) {
        for index in 0..7_u16 {
            if comes(index) {
                self.packet(timestamp, event, index >= 4, 160 * (index + 1).min(5));
            }
        }
    }
}

#[test]
fn a_key_is_told_once_whichever_of_its_packets_come() {
    for coming in 1..128_u32 {
        let mut world = World::new();
        world.key(1_000, 5, |index| coming >> index & 1 == 1);
        world.key(2_360, 5, |index| coming >> index & 1 == 1);
        world.key(3_720, 11, |index| coming >> (6 - index) & 1 == 1);
        assert_eq!(world.heard, "55#", "packets {coming:07b}");
    }
}

#[test]
fn two_equal_keys_in_quick_succession_are_two() {
    let mut world = World::new();
    // 40 ms each, 40 ms apart, their last packets lost.
    for press in 0..4 {
        world.packet(press * 640, 1, false, 160);
    }
    assert_eq!(world.heard, "1111");
}

#[test]
fn a_key_that_is_held_beyond_what_a_duration_can_say_is_one() {
    for lost in [0..0, 395..405, 404..420] {
        let mut world = World::new();
        let begin = 0xffff_f000_u32;
        for index in (1..1_000_u32).filter(|index| !lost.contains(index)) {
            let samples = index * 160;
            let segment = samples / 0xffff * 0xffff;
            world.packet(begin.wrapping_add(segment), 9, index == 999, (samples - segment) as u16);
        }
        world.packet(begin.wrapping_add(999 * 160 + 400), 9, false, 160);
        assert_eq!(world.heard, "99", "{lost:?} lost");
    }
}

#[test]
fn segments_that_are_shorter_than_they_could_be_are_one_key_too() {
    let mut world = World::new();
    for samples in [160, 32_000, 64_000] {
        world.packet(0, 9, false, samples);
    }
    world.packet(64_000, 9, false, 160);
    world.packet(64_000, 9, true, 320);
    assert_eq!(world.heard, "9");
}

#[test]
fn packets_that_are_overtaken_or_come_twice_tell_nothing_new() {
    let mut world = World::new();
    world.packet(0, 1, false, 160);
    world.packet(0, 1, true, 800);
    world.packet(1_360, 2, false, 160);
    world.packet(0, 1, false, 480);
    world.packet(0, 1, true, 800);
    world.packet(1_360, 2, false, 160);
    world.packet(1_360, 2, true, 800);
    world.packet(1_360, 2, false, 640);
    assert_eq!(world.heard, "12");
}

#[test]
fn another_key_is_another_even_at_the_same_moment_of_a_clock_that_stands_still() {
    let mut world = World::new();
    for event in [1, 2, 3] {
        world.packet(500, event, false, 160);
        world.packet(500, event, true, 800);
    }
    assert_eq!(world.heard, "123");
}

#[test]
fn the_same_key_on_a_clock_that_stands_still_is_another_once_it_has_been_let_go() {
    for ends in [true, false] {
        let mut world = World::new();
        for _ in 0..3 {
            for duration in [160, 320, 480] {
                world.packet(500, 1, false, duration);
            }
            world.packet(500, 1, ends, 640);
            world.packet(500, 1, false, 480);
            world.now += Duration::from_millis(200);
        }
        assert_eq!(world.heard, "111", "its end is heard: {ends}");
    }
    let mut world = World::new();
    world.packet(500, 1, false, 160);
    world.now += Duration::from_secs(1);
    world.packet(500, 1, false, 64_000);
    world.now += Duration::from_secs(1);
    world.packet(500 + 0xffff, 1, false, 8_000);
    assert_eq!(world.heard, "1", "it was held while packets were lost, and longer than a duration can say");
}

#[test]
fn a_sender_that_moves_the_timestamp_with_each_packet_is_understood() {
    let mut world = World::new();
    for index in 0..5 {
        world.packet(index * 160, 7, index == 4, 160 * (index as u16 + 1));
    }
    assert_eq!(world.heard, "7");
}

#[test]
fn a_stream_that_begins_anew_is_heard_even_if_its_clock_went_back() {
    let mut world = World::new();
    world.key(1_000_000, 1, |_| true);
    world.hear(2, 500, &[2, 0x0a, 0, 160]);
    assert_eq!(world.heard, "12", "another source");
    world.now += LATE;
    world.hear(2, 100, &[3, 0x0a, 0, 160]);
    assert_eq!(world.heard, "123", "the same source, after a while");
}

#[test]
fn what_is_no_key_is_not_told() {
    let mut world = World::new();
    for payload in [&[][..], &[1], &[1, 0, 0], &[16, 10, 0, 160], &[255; 4], &[16, 10, 0, 160, 3]] {
        world.hear(1, 0, payload);
    }
    assert_eq!(world.heard, "");
    world.hear(1, 0, &[4, 0x8a, 0, 160, 16, 0x8a, 1, 0, 5, 0x8a, 0, 160]);
    assert_eq!(world.heard, "45", "several events in a packet");
}

#[test]
fn keys_that_the_network_held_up_come_at_once_but_a_flood_is_cut() {
    let mut world = World::new();
    for press in 0..100 {
        world.hear(1, press * 1_360, &[(press % 10) as u8, 0x8a, 3, 32]);
    }
    assert_eq!(world.heard, "0123456789012345");
    world.now += Duration::from_secs(2);
    world.hear(1, 1_000_000, &[9, 0x8a, 3, 32]);
    assert!(world.heard.ends_with("59"));
}

#[test]
fn nonsense_harms_nothing() {
    let mut world = World::new();
    let mut dice = Dice::new([3; 32]);
    for _ in 0..100_000 {
        world.now += Duration::from_millis(u64::from(dice.below(100)));
        let payload: [u8; 12] = core::array::from_fn(|_| dice.u32() as u8);
        let (ssrc, timestamp) = (dice.below(2), dice.u32());
        world.hear(ssrc, timestamp, &payload[..dice.below(13) as usize]);
    }
}
