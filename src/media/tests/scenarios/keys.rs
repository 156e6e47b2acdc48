//! S50 to S52: keys.

use super::*;

impl World {
    fn press(&mut self, labels: &str, way: Way) {
        for label in labels.chars() {
            self.tell(LegCommand::Key { key: Key::try_from(label).expect("is a key"), way });
            self.pass(170);
        }
    }

    /// Seven packets of 20 ms for a key of 100 ms, less those that are lost.
    fn receive_key(&mut self, number: u8, is_lost: impl Fn(usize) -> bool) {
        let begin = self.peer.timestamp;
        for index in 0..7 {
            let [high, low] = (160 * (index as u16 + 1).min(5)).to_be_bytes();
            let payload = [number, if index >= 4 { 0x8a } else { 0x0a }, high, low];
            let event = Stream { timestamp: begin, ..self.peer }.packet(101, &payload);
            if !is_lost(index) {
                self.receive(PEER, &event);
            }
            self.peer.advance();
            self.pass(20);
        }
    }
}

#[test]
fn s50_keys_that_are_sent_are_heard_by_another_phone_exactly_though_a_fifth_of_the_packets_is_lost() {
    let keys = "1122*#A00123456789BCD";
    let mut dice = Dice::new([4; 32]);
    let (mut here, mut there) = (World::new(), World::new());
    there.agree(Terms { receive_event: Some(97), ..terms() });
    here.speak(200);
    here.press(keys, Way::Event);
    here.pass(100);
    for (_, datagram) in &here.sent {
        if !dice.percent(20) {
            there.receive(PEER, datagram);
        }
        there.pass(20);
    }
    assert_eq!(there.keys, keys);
}

#[test]
fn s51_each_key_is_one_event_whatever_the_network_does_to_it() {
    let mut world = World::new();
    world.speak(500);
    let losses: [fn(usize) -> bool; 5] =
        [|_| false, |index| index < 3, |index| index >= 4, |index| index != 2, |index| index % 2 == 0];
    for is_lost in losses {
        world.receive_key(5, is_lost);
        world.speak(80);
        world.receive_key(5, is_lost);
        world.receive_key(11, is_lost);
        world.speak(200);
        assert_eq!(std::mem::take(&mut world.keys), "55#");
    }
    assert!(world.stats().playout.late == 0);
}

#[test]
fn s51_a_key_that_is_held_for_twenty_seconds_is_one() {
    let mut world = World::new();
    let begin = world.peer.timestamp;
    for index in 1..=1_000_u32 {
        let samples = index * 160;
        let segment = samples / 0xffff * 0xffff;
        let [high, low] = ((samples - segment) as u16).to_be_bytes();
        let payload = [1, if index == 1_000 { 0x8a } else { 0x0a }, high, low];
        let timestamp = begin.wrapping_add(segment);
        let event = Stream { timestamp, ..world.peer }.packet(101, &payload);
        world.receive(PEER, &event);
        world.peer.advance();
        world.pass(20);
    }
    assert_eq!(world.keys, "1");
    assert!(!world.events.contains(&LegEvent::Lost));
}

#[test]
fn s52_a_peer_without_events_gets_tones_in_the_voice() {
    let mut world = World::new();
    world.agree(Terms { send_event: None, receive_event: None, ..terms() });
    world.press("5", Way::InBand);
    assert!(world.sent.iter().all(|(_, datagram)| datagram[1] & 0x7f == 0 && datagram.len() == 172));
    world.sent.clear();
    world.press("5", Way::Event);
    assert!(world.sent.iter().all(|(_, datagram)| datagram[1] & 0x7f == 0), "no number was agreed on");
}
