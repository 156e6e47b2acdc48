//! How loud a call is, for those who want to know.

use super::offers::ack;
use super::*;

impl World {
    fn holds(&mut self, call: CallId, hold: bool, version: u32) {
        self.ask(Command::SetHold { call, hold });
        let offer = self.hears("INVITE ");
        let direction = if hold { "a=recvonly\r\n" } else { "" };
        let sdp = SDP.replace("o=- 1 1", &format!("o=- 1 {version}")) + direction;
        self.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &sdp);
    }
}

#[test]
fn a_call_is_measured_while_it_speaks_and_somebody_wants_to_know() {
    let mut world = World::registered(Config::default());
    let (call, _) = world.calls();
    let all = BTreeSet::from([world.legs[0]]);
    assert_eq!(world.metered, BTreeSet::new());
    world.ask(Command::WatchLevels(true));
    assert_eq!(world.metered, all);
    world.holds(call, true, 2);
    assert_eq!(world.metered, BTreeSet::new());
    world.holds(call, false, 3);
    assert_eq!(world.metered, all);
    world.ask_as(ClientId(2), Command::WatchLevels(true)).expect("it is accepted");
    world.ask(Command::WatchLevels(false));
    assert_eq!(world.metered, all, "another wants to know");
    world.hand(Input::Command { client: ClientId(2), command: Command::ClientGone });
    assert_eq!(world.metered, BTreeSet::new());
}

#[test]
fn a_call_that_begins_is_measured_for_those_who_wanted_to_know_before() {
    let mut world = World::registered(Config::default());
    world.ask(Command::WatchLevels(true));
    world.calls();
    assert_eq!(world.metered, BTreeSet::from([world.legs[0]]));
    // Accepted, and without terms until the ACK brings them.
    let (_, ok) = world.accepts_late_offer();
    world.receives(&ack(&ok, SDP));
    assert_eq!(world.metered, BTreeSet::from([world.legs[1]]));
}
