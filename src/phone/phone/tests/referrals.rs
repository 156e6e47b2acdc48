//! Calls that peers ask for (RFC 3515, RFC 4488): rule 11.

use super::offers::within;
use super::*;

/// The peer of this call refers it to somebody; it may not want to hear what becomes of that.
fn refer(ours: &str, cseq: u32, to: &str, fields: &str) -> String {
    let fields = format!("Refer-To: <sip:{to}@192.0.2.1>\r\n{fields}Content-Type");
    within(ours, "REFER", cseq, "").replace("Content-Type", &fields)
}

#[test]
fn rule_11_a_peer_hears_only_of_the_call_that_it_has_asked_for_last() {
    let mut world = World::registered(Config::default());
    let (_, invite) = world.calls();
    world.receives(&refer(&invite, 2, "601", "Refer-Sub: false\r\n"));
    world.hears("SIP/2.0 202 ");
    let first = world.hears("INVITE sip:601@");
    world.receives(&refer(&invite, 3, "602", ""));
    world.hears("SIP/2.0 202 ");
    let trying = world.hears("NOTIFY ");
    world.answers(&trying, "200 OK", "", "");
    let second = world.hears("INVITE sip:602@");

    world.answers(&first, "486 Busy Here", "", "");
    world.hears("ACK ");
    world.hears_nothing();
    world.answers(&second, "404 Not Found", "", "");
    let last = world.hears("NOTIFY ");
    assert!(last.contains("SIP/2.0 404 "), "{last}");
}

#[test]
fn rule_11_a_peer_that_asks_for_more_calls_than_there_may_be_is_refused() {
    let mut world = World::registered(Config { max_calls: 1, ..Config::default() });
    let (_, invite) = world.calls();
    world.receives(&refer(&invite, 2, "601", ""));
    world.hears("SIP/2.0 486 ");
    world.hears_nothing();
    assert_eq!(world.told(), []);
}

#[test]
fn rule_11_a_call_that_a_peer_asks_for_is_as_mute_as_the_one_that_it_asks_in() {
    let mut world = World::registered(Config::default());
    let (call, ours) = world.calls();
    world.ask(Command::MuteCall { call, mute: true });
    world.told();
    world.receives(&refer(&ours, 2, "601", ""));
    let told = world.told();
    assert!(matches!(&told[..], [Event::NewCall(_), Event::Muted { mute: true, .. }]), "{told:?}");
    let invite = world.hears("INVITE sip:601@");
    world.answers(&invite, "183 Session Progress", "", SDP);
    assert!(world.terms[&world.legs[1]].mute);
}
