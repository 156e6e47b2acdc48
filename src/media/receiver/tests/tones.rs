//! Tones, alone and with speech, and where they are heard.

use super::*;
use crate::leg::Tone;

fn loudest(sound: &[f32]) -> f32 {
    sound.iter().fold(0.0, |most, sample| most.max(sample.abs()))
}

/// A leg of which only a tone is known.
fn with_tone(tone: Tone) -> World {
    let mut world = World { receiver: Receiver::new(), now: Instant::ZERO, sequence: 0 };
    world.tell(&LegCommand::Tone(Some(tone)));
    world
}

#[test]
fn ringing_is_heard_from_its_own_speaker_or_else_from_the_only_one() {
    let mut world = with_tone(Tone::Ring);
    assert!(loudest(&world.listen(Role::Playback, 100)) == 0.0);
    assert!(loudest(&world.listen(Role::Ring, 100)) > 0.4);
    assert!(loudest(&with_tone(Tone::Ring).listen(Role::Both, 100)) > 0.4);
}

#[test]
fn other_tones_are_heard_where_speech_is() {
    for tone in [Tone::Ringback, Tone::Busy, Tone::CallWaiting] {
        assert!(loudest(&with_tone(tone).listen(Role::Ring, 100)) == 0.0);
        for role in [Role::Playback, Role::Both] {
            assert!(loudest(&with_tone(tone).listen(role, 100)) > 0.05);
        }
    }
}

#[test]
fn a_tone_that_is_told_again_goes_on_and_one_that_is_ended_is_silent() {
    let mut world = with_tone(Tone::Ringback);
    world.listen(Role::Both, 900);
    world.tell(&LegCommand::Tone(Some(Tone::Ringback)));
    assert!(loudest(&world.listen(Role::Both, 200)[800..]) == 0.0, "its second is over");
    world.tell(&LegCommand::Tone(Some(Tone::Busy)));
    assert!(loudest(&world.listen(Role::Both, 100)) > 0.1, "another begins at once");
    world.tell(&LegCommand::Tone(None));
    world.listen(Role::Both, 10);
    assert!(loudest(&world.listen(Role::Both, 2_000)) == 0.0);
}

#[test]
fn ringback_ends_when_the_callee_is_heard_and_never_comes_back_over_it() {
    let mut world = with_tone(Tone::Ringback);
    world.tell(&LegCommand::Use(terms()));
    assert!(loudest(&world.listen(Role::Both, 500)) > 0.1, "SDP alone makes no sound");
    world.run(5, PEER, 13);
    assert!(loudest(&world.listen(Role::Both, 200)) > 0.1, "nor does comfort noise");
    assert!(loudest(&world.listen(Role::Both, 4_300)) > 0.0);
    world.run(5, PEER, 0);
    world.listen(Role::Both, 500);
    assert!(loudest(&world.listen(Role::Both, 6_000)) == 0.0);
    world.tell(&LegCommand::Tone(Some(Tone::Ringback)));
    assert!(loudest(&world.listen(Role::Both, 6_000)) == 0.0);
}

#[test]
fn call_waiting_is_heard_through_speech() {
    let mut world = World::new(&terms());
    let alone = world.run(20, PEER, 0);
    world.tell(&LegCommand::Tone(Some(Tone::CallWaiting)));
    let both = world.run(8, PEER, 0);
    assert!((both - alone - 0.078).abs() < 0.01, "{alone} alone, {both} with the tone");
}

#[test]
fn a_leg_may_end_with_three_seconds_of_busy_and_hears_no_peer_meanwhile() {
    let mut world = World::new(&terms());
    world.run(10, PEER, 0);
    world.events();
    world.tell(&LegCommand::End { tone: Some(Tone::Busy) });
    let sound = world.listen(Role::Both, 2_990);
    assert!(loudest(&sound[..4_000]) > 0.1 && loudest(&sound[4_000..8_000]) == 0.0);
    assert_eq!(world.events(), []);
    world.run(1, PEER, 0);
    assert_eq!(world.events(), [LegEvent::Ended(Half::Receive)]);
    assert!(loudest(&world.listen(Role::Both, 1_000)) == 0.0);
}

#[test]
fn the_next_call_is_not_disturbed_by_the_busy_tone_of_the_last() {
    let mut world = with_tone(Tone::Ringback);
    world.tell(&LegCommand::End { tone: Some(Tone::Busy) });
    let next = LegId(LEG.0 + 1);
    world.receiver.handle_command(world.now, next, &LegCommand::Use(terms()));
    assert_eq!(world.events(), [LegEvent::Ended(Half::Receive)]);
    assert!(loudest(&world.listen(Role::Both, 1_000)) == 0.0);
}
