//! RTCP that comes in, and what is reported of RTP.

use super::*;
use crate::leg::Reception;

const PEER_RTCP: &str = "192.0.2.1:4001";

impl World {
    fn send_report(&mut self, from: &str, bytes: &[u8]) {
        self.receiver.handle_packet(self.now, LEG, Channel::Rtcp, address(from), bytes);
    }

    /// The last of what the sending half was told to report.
    fn news(&mut self) -> Option<Reception> {
        let news =
            |feedback| if let Feedback::Received(reception) = feedback { Some(reception) } else { None };
        self.feedback().into_iter().filter_map(news).next_back()
    }
}

/// A sender report of source 9, whose block answers a report of ours.
fn report(clock: u64, last: u32, delay: u32) -> Vec<u8> {
    let mut bytes = vec![0x81, 200, 0, 12, 0, 0, 0, 9];
    bytes.extend(clock.to_be_bytes());
    bytes.extend([0; 28]);
    bytes.extend(last.to_be_bytes());
    bytes.extend(delay.to_be_bytes());
    bytes
}

#[test]
fn the_sending_half_hears_every_second_what_came_and_when_the_peer_reported() {
    let mut world = World::new(&terms());
    for index in 0..100 {
        if index % 4 == 3 {
            world.sequence += 1;
            world.listen(Role::Both, 20);
        } else {
            world.run(1, PEER, 0);
        }
    }
    let arrival = world.now;
    world.send_report(PEER_RTCP, &report(0x1111_2222_3333_4444, 0, 0));
    world.run(60, PEER, 0);
    let news = world.news().expect("packets came");
    assert_eq!((news.ssrc, news.expected - news.received), (9, 25));
    assert_eq!(news.sender.map(|sender| (sender.middle, sender.arrival)), Some((0x2222_3333, arrival)));
    assert_eq!((world.stats().lost, world.stats().received), (25, 135));
    world.listen(Role::Both, 1_000);
    world.feedback();
    world.listen(Role::Both, 3_000);
    assert_eq!(world.news(), None, "nothing came");
}

#[test]
fn the_round_trip_is_known_when_the_peer_has_answered_a_report() {
    let mut world = World::new(&terms());
    world.now += Duration::from_secs(700);
    assert_eq!(world.stats().round_trip, None);
    // Sent at 699.5 s by our clock; the peer held it for a quarter of a second.
    world.send_report(PEER_RTCP, &report(1, 699 << 16 | 0x8000, 0x4000));
    assert_eq!(world.stats().round_trip, Some(Duration::from_millis(250)));
}

#[test]
fn rtcp_has_a_latch_of_its_own() {
    let mut world = World::new(&terms());
    world.run(6, ELSEWHERE, 0);
    assert_eq!(world.moves(), [Feedback::Latched(address(ELSEWHERE))], "RTP came through a NAT");
    let mapped = "198.51.100.7:61001";
    for _ in 0..4 {
        world.send_report(mapped, &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    }
    assert_eq!(world.moves(), []);
    world.send_report(mapped, &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    assert_eq!(world.moves(), [Feedback::LatchedRtcp(address(mapped))]);
    world.listen(Role::Both, 6_000);
    for _ in 0..20 {
        world.send_report("203.0.113.66:9", &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    }
    assert_eq!(world.moves(), [], "six seconds are no silence for RTCP");
    let named = address("192.0.2.2:5001");
    world.tell(&LegCommand::Use(Terms { remote_rtcp: named, ..terms() }));
    assert_eq!(world.moves(), [Feedback::LatchedRtcp(named)], "new SDP says where it is");
    world.send_report("192.0.2.2:5001", &[0x80, 201, 0, 1, 0, 0, 0, 9]);
    assert_eq!(world.moves(), []);
}

#[test]
fn what_is_no_rtcp_and_what_comes_on_the_other_port_is_counted_and_ignored() {
    let mut world = World::new(&terms());
    for bytes in [&[][..], &[0x80, 201], &[0x80, 201, 0, 9, 0, 0, 0, 9], &packet(0, 0, 0, &[0xff; 160])] {
        world.send_report(PEER_RTCP, bytes);
    }
    world.receiver.handle_packet(world.now, LEG, Channel::Rtp, address(PEER), &report(1, 2, 3));
    assert_eq!(world.refused(), Some(Refused { malformed: 5, ..Refused::default() }));
    assert_eq!((world.events(), world.stats().round_trip), (vec![], None));
}
