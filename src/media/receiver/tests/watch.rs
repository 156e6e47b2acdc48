//! Media that is lost and comes back.

use super::*;

fn watched() -> Terms {
    Terms { watch: true, ..terms() }
}

#[test]
fn silence_of_five_seconds_is_told_once_and_so_is_its_end() {
    let mut world = World::new(&watched());
    world.run(50, PEER, 0);
    assert_eq!(world.events(), [LegEvent::Arrived]);
    world.listen(Role::Both, 4_970);
    assert_eq!(world.events(), []);
    world.listen(Role::Both, 20);
    assert_eq!(world.events(), [LegEvent::Lost]);
    world.listen(Role::Both, 20_000);
    assert_eq!(world.events(), []);
    world.run(2, PEER, 0);
    assert_eq!(world.events(), [LegEvent::Back]);
    world.listen(Role::Both, 5_000);
    assert_eq!(world.events(), [LegEvent::Lost], "again");
}

#[test]
fn a_call_that_never_had_media_counts_from_its_answer() {
    let mut world = World::new(&terms());
    world.listen(Role::Both, 60_000);
    assert_eq!(world.events(), [], "nobody watches while it rings");
    world.tell(&LegCommand::Use(watched()));
    world.listen(Role::Both, 4_990);
    assert_eq!(world.events(), []);
    world.listen(Role::Both, 10);
    assert_eq!(world.events(), [LegEvent::Lost]);
}

#[test]
fn media_is_not_lost_on_hold_and_counts_anew_after_it() {
    let mut world = World::new(&watched());
    world.run(5, PEER, 0);
    world.events();
    world.tell(&LegCommand::Use(Terms { receiving: false, ..terms() }));
    world.listen(Role::Both, 60_000);
    world.tell(&LegCommand::Use(watched()));
    world.listen(Role::Both, 4_990);
    assert_eq!(world.events(), []);
    world.listen(Role::Both, 10);
    assert_eq!(world.events(), [LegEvent::Lost]);
    world.tell(&LegCommand::Use(terms()));
    world.run(1, PEER, 0);
    assert_eq!(world.events(), [LegEvent::Back], "what was told lost is told back, watched or not");
    world.tell(&LegCommand::Use(watched()));
    world.listen(Role::Both, 5_000);
    assert_eq!(world.events(), [LegEvent::Lost]);
    world.tell(&LegCommand::Use(terms()));
    world.tell(&LegCommand::Use(watched()));
    assert_eq!(world.events(), [LegEvent::Back], "a loss ends with its watch");
    world.listen(Role::Both, 4_990);
    assert_eq!(world.events(), []);
    world.listen(Role::Both, 10);
    assert_eq!(world.events(), [LegEvent::Lost], "each watch finds out for itself");
}

#[test]
fn reports_alone_show_that_the_peer_is_there_but_strangers_do_not() {
    let mut world = World::new(&watched());
    let report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    for from in ["192.0.2.1:4001", ELSEWHERE] {
        for _ in 0..3 {
            world.receiver.handle_packet(world.now, LEG, Channel::Rtcp, address(from), &report);
            world.listen(Role::Both, 4_000);
        }
    }
    assert_eq!(world.events(), [LegEvent::Lost]);
}
