//! Keys that come in: S51 of the scenarios. What an event is to be taken for is tested beside `dtmf::Listener`.

extern crate std;

use std::string::String;

use super::*;

impl World {
    /// A packet of an event, and 20 ms pass.
    fn event(&mut self, payload_type: u8, timestamp: u32, event: u8, ends: bool, duration: u16) {
        let [high, low] = duration.to_be_bytes();
        let payload = [event, if ends { 0x8a } else { 0x0a }, high, low];
        let datagram = packet(self.sequence, timestamp, payload_type, &payload);
        self.receiver.handle_packet(self.now, LEG, Channel::Rtp, address(PEER), &datagram);
        self.sequence += 1;
        self.listen(Role::Both, 20);
    }

    fn keys(&mut self) -> String {
        let key = |event| if let LegEvent::Key(key) = event { Some(char::from(key)) } else { None };
        self.events().into_iter().filter_map(key).collect()
    }
}

#[test]
fn a_key_in_the_middle_of_speech_is_told_at_its_first_packet_and_not_heard_as_loss() {
    let mut world = World::new(&terms());
    world.run(20, PEER, 0);
    let begin = u32::from(world.sequence) * 160;
    world.event(101, begin, 11, false, 160);
    assert_eq!(world.keys(), "#");
    for duration in [320, 480, 640] {
        world.event(101, begin, 11, false, duration);
    }
    for _ in 0..3 {
        world.event(101, begin, 11, true, 800);
    }
    world.run(20, PEER, 0);
    assert_eq!(world.keys(), "");
    assert_eq!((world.stats().playout.concealed, world.stats().lost), (0, 0));
}

#[test]
fn events_have_the_number_of_our_own_sdp() {
    let mut world = World::new(&Terms { send_event: Some(97), receive_event: Some(101), ..terms() });
    world.event(97, 0, 1, false, 160);
    assert_eq!(world.keys(), "");
    world.event(101, 0, 1, false, 160);
    assert_eq!(world.keys(), "1");
}

#[test]
fn nothing_is_an_event_where_none_was_negotiated() {
    let mut world = World::new(&Terms { receive_event: None, ..terms() });
    world.event(101, 0, 1, false, 160);
    assert_eq!((world.keys().as_str(), world.refused().map(|refused| refused.foreign_type)), ("", Some(1)));
}

#[test]
fn keys_of_a_source_that_is_not_believed_are_not_told() {
    let mut world = World::new(&terms());
    world.run(1, PEER, 0);
    let datagram = packet(9, 0, 101, &[1, 0x8a, 3, 32]);
    for _ in 0..10 {
        world.receiver.handle_packet(world.now, LEG, Channel::Rtp, address(ELSEWHERE), &datagram);
    }
    assert_eq!(world.keys(), "");
}

#[test]
fn keys_are_not_told_while_we_do_not_receive() {
    let mut world = World::new(&Terms { receiving: false, ..terms() });
    world.event(101, 0, 1, true, 800);
    assert_eq!(world.keys(), "");
}
