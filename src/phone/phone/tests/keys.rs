//! Keys that our side sends, and a call that is held: rule 12.

use super::offers::described;
use super::*;

#[test]
fn rule_12_keys_that_wait_when_the_call_is_held_go_out_when_it_speaks_again() {
    let mut world = World::registered(Config::default());
    let (call, _) = world.calls();
    let leg = world.legs[0];
    world.ask(Command::SendDtmf { call, keys: "1,23".into() });
    world.pass(SECOND);
    world.ask(Command::SetHold { call, hold: true });
    let offer = world.hears("INVITE ");
    world.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &described(2, "a=recvonly\r\n"));
    world.pass(MINUTE);
    assert_eq!(world.keys, [(leg, '1')]);
    world.ask(Command::SetHold { call, hold: false });
    let offer = world.hears("INVITE ");
    world.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &described(3, ""));
    world.pass(SECOND);
    assert_eq!(world.keys, [(leg, '1'), (leg, '2'), (leg, '3')]);
}
