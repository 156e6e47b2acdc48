//! What a call's user hears when it has ended.

use super::offers::{cancel, invite, within};
use super::*;

#[test]
fn a_call_that_did_not_come_about_ends_with_the_busy_tone() {
    let mut world = World::registered(Config::default());
    world.ask(start_call());
    let invite = world.hears("INVITE ");
    world.answers(&invite, "486 Busy Here", "", "");
    assert_eq!(world.ended, [(world.legs[0], Some(Tone::Busy))]);
}

#[test]
fn a_call_that_did_not_come_about_ends_in_silence_while_another_speaks() {
    let mut world = World::registered(Config::default());
    world.calls();
    world.ask(start_call());
    world.hears("INVITE ");
    let invite = world.hears("INVITE ");
    world.answers(&invite, "486 Busy Here", "", "");
    assert_eq!(world.ended, [(world.legs[1], None)]);
}

#[test]
fn a_call_that_was_answered_given_up_or_came_in_ends_in_silence() {
    let mut world = World::registered(Config::default());
    let (_, ours) = world.calls();
    world.receives(&within(&ours, "BYE", 2, ""));
    let Done::Call(given_up) = world.ask(start_call()) else { panic!("no call") };
    world.ask(Command::FinalizeCall(given_up));
    world.receives(&invite("new", SDP));
    world.receives(&cancel("new"));
    let silent = world.legs.iter().map(|leg| (*leg, None)).collect::<Vec<_>>();
    assert_eq!((world.ended.len(), world.ended), (3, silent));
}
