//! A phone that is told to stop: it hangs up and disconnects first, and is done as soon as it may be.

use super::offers::invite;
use super::*;
use crate::command::{Refusal, RefusalCode};

/// A phone in a call that is told to stop: its BYE, and the REGISTER that disconnects it.
fn stopping() -> (World, String, String) {
    let mut world = World::registered(Config::default());
    world.calls();
    world.hand(Input::Stop);
    let bye = world.hears("BYE ");
    let removal = world.hears("REGISTER ");
    (world, bye, removal)
}

#[test]
fn a_phone_stops_as_soon_as_the_last_of_its_peers_has_answered() {
    for bye_is_last in [true, false] {
        let (mut world, bye, removal) = stopping();
        let [first, last] = if bye_is_last { [removal, bye] } else { [bye, removal] };
        world.answers(&first, "200 OK", "", "");
        assert!(!world.has_stopped, "{last}");
        world.answers(&last, "200 OK", "", "");
        assert!(world.has_stopped);
    }
}

#[test]
fn a_phone_stops_within_two_seconds_though_nobody_answers() {
    let (mut world, ..) = stopping();
    world.pass(SECOND);
    assert!(!world.has_stopped);
    world.pass(SECOND);
    assert!(world.has_stopped);
}

#[test]
fn a_phone_that_stops_takes_no_more_calls() {
    let (mut world, bye, _) = stopping();
    world.answers(&bye, "200 OK", "", "");
    world.told();
    world.receives(&invite("late", SDP));
    world.hears("SIP/2.0 404 ");
    assert_eq!(world.told(), []);
}

#[test]
fn a_phone_that_stops_binds_nothing_that_nobody_would_remove_and_places_no_call() {
    let (mut world, _, removal) = stopping();
    world.answers(&removal, "200 OK", "", "");
    for command in [register(), start_call()] {
        let refused = world.ask_as(PROGRAM, command);
        assert!(matches!(refused, Err(Refusal { code: RefusalCode::Internal, .. })), "{refused:?}");
    }
    world.hears_nothing();
}
