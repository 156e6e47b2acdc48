//! Keys that go out: S50 and S52 of the scenarios.

extern crate std;

use super::*;
use crate::dtmf::{Key, Way};

fn with_events() -> World {
    World::new(Terms { send_event: Some(97), receive_event: Some(101), ..terms() })
}

impl World {
    fn press(&mut self, labels: &str, way: Way) {
        for label in labels.chars() {
            let key = Key::try_from(label).expect("is a key");
            self.sender.handle_command(self.now, LEG, &LegCommand::Key { key, way });
        }
    }
}

fn is_event(sent: &Sent) -> bool {
    sent.payload_type == 97
}

#[test]
fn a_key_is_an_event_that_grows_and_ends_three_times_in_place_of_the_voice() {
    let mut world = with_events();
    let before = world.speak(4).pop().expect("a packet");
    world.press("#", Way::Event);
    let sent = world.speak(16);
    let begin = before.timestamp.wrapping_add(160);
    let events: Vec<_> = sent
        .iter()
        .take_while(|packet| is_event(packet))
        .map(|packet| {
            let [event, flags, high, low] = packet.payload[..] else { panic!("four bytes") };
            assert_eq!((packet.timestamp, event, flags & 0x40, flags & 0x3f), (begin, 11, 0, 9));
            (packet.marker, flags & 0x80 != 0, u16::from_be_bytes([high, low]))
        })
        .collect();
    let growing = [(true, false, 160), (false, false, 320), (false, false, 480), (false, false, 640)];
    assert_eq!(events[..4], growing);
    assert_eq!(events[4..], [(false, true, 800); 3]);
    let after = &sent[7];
    assert_eq!((after.payload_type, after.marker), (0, false), "the voice goes on where it is by now");
    assert_eq!(after.timestamp, begin.wrapping_add(14 * 80));
    let sequences = (1..9).map(|index| before.sequence.wrapping_add(index));
    assert!(sequences.eq(sent.iter().map(|packet| packet.sequence)));
}

#[test]
fn keys_keep_their_distance_however_fast_they_are_pressed_and_whatever_the_packets_are() {
    for ptime_ms in [10, 20, 30, 60] {
        let mut world = World::new(Terms { send_event: Some(97), ptime_ms, ..terms() });
        world.speak(1);
        world.press("1122*#AD", Way::Event);
        let events: Vec<Sent> = world.speak(8 * 17).into_iter().filter(is_event).collect();
        assert_eq!(events.len(), 8 * 7);
        let starts = events.chunks(7).map(|event| (event[0].payload[0], event[0].timestamp));
        let expected = [1, 1, 2, 2, 10, 11, 12, 15].into_iter().enumerate();
        let first = events[0].timestamp;
        assert!(starts.eq(expected.map(|(at, key)| (key, first.wrapping_add(at as u32 * 17 * 80)))));
    }
}

#[test]
fn keys_are_heard_though_the_microphone_is_muted() {
    let mut world = World::new(Terms { send_event: Some(97), mute: true, ..terms() });
    world.press("5", Way::Event);
    assert_eq!(world.speak(17).iter().filter(|packet| is_event(packet)).count(), 7);
}

#[test]
fn keys_of_a_leg_that_sends_nothing_are_dropped_with_those_that_waited() {
    let mut world = with_events();
    world.press("12", Way::Event);
    world.speak(5);
    world.tell(Terms { sending: false, ..terms() });
    world.press("3", Way::Event);
    world.speak(20);
    world.tell(Terms { send_event: Some(97), ..terms() });
    assert!(!world.speak(40).iter().any(is_event));
}

#[test]
fn no_more_keys_wait_than_call_control_takes() {
    let mut world = with_events();
    world.press(&"7".repeat(100), Way::Event);
    assert_eq!(
        world.speak(100 * 17).into_iter().filter(|packet| packet.marker && is_event(packet)).count(),
        64
    );
}

#[test]
fn events_that_were_not_negotiated_are_not_sent() {
    let mut world = World::new(terms());
    world.press("1", Way::Event);
    assert!(world.speak(40).iter().all(|packet| packet.payload_type == 0));
}

/// The amplitude of a frequency in a sound.
fn amplitude(sound: &[f32], hertz: f32) -> f32 {
    let turn = |at: usize| std::f32::consts::TAU * hertz * at as f32 / 8_000.0;
    let part = |wave: fn(f32) -> f32| -> f32 {
        sound.iter().enumerate().map(|(at, sample)| sample * wave(turn(at))).sum::<f32>()
    };
    part(f32::sin).hypot(part(f32::cos)) * 2.0 / sound.len() as f32
}

#[test]
fn without_events_a_key_is_its_two_tones_for_100_ms_and_silence_for_70() {
    const ROWS: [f32; 4] = [697.0, 770.0, 852.0, 941.0];
    const COLUMNS: [f32; 4] = [1_209.0, 1_336.0, 1_477.0, 1_633.0];
    for (at, label) in "123A456B789C*0#D".chars().enumerate() {
        let mut world = World::new(Terms { send: Payload { number: 8, codec: Codec::Pcma }, ..terms() });
        world.speak(2);
        world.press(label.encode_utf8(&mut [0; 1]), Way::InBand);
        let sent = world.speak(20);
        assert!(sent.iter().all(|packet| packet.payload_type == 8 && packet.payload.len() == 160));
        let codes: Vec<u8> = sent.into_iter().flat_map(|packet| packet.payload).collect();
        let mut sound = vec![0.0; codes.len()];
        crate::codec::Decoder::new(Codec::Pcma).decode(&codes, &mut sound);
        let tones = &sound[40..760];
        // −11 and −9 dBm0.
        for (tone, (hertz, level)) in
            [(ROWS[at / 4], 0.196), (COLUMNS[at % 4], 0.247)].into_iter().enumerate()
        {
            let heard = amplitude(tones, hertz);
            assert!((heard - level).abs() < 0.01, "{label}, tone {tone}: {heard}");
        }
        assert!(sound[0].abs() < 0.01 && sound[5].abs() < 0.1, "it comes on a ramp");
        assert!(sound[800..1_360].iter().all(|sample| sample.abs() < 0.001), "{label} is over");
        assert!((sound[1_360] - 0.5).abs() < 0.02, "the voice goes on");
    }
}
