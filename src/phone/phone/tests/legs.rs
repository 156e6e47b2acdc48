//! What the driver does for a leg: after what it sends, and where the system gives it no sound.

use super::offers::invite;
use super::*;

impl World {
    /// The latest leg fails: the one call that it belongs to ends with 500, and the leg with it.
    fn fails(&mut self) {
        self.told();
        self.log.clear();
        let leg = *self.legs.last().expect("it was started");
        self.hand(Input::LegEvent { leg, event: LegEvent::Failed });
        let told = self.told();
        assert!(matches!(&told[..], [Event::CallFinalized(told)] if told.sip_error == 500), "{told:?}");
        assert!(matches!(self.ended[..], [(ended, _)] if ended == leg), "{:?}", self.ended);
        let [line] = &self.log[..] else { panic!("one line: {:?}", self.log) };
        let why = " has ended: this phone was given no way to its sound (500 Server Internal Error)";
        assert!(line.ends_with(why), "{line}");
        self.hand(Input::LegEvent { leg, event: LegEvent::Failed });
        assert_eq!((self.told(), self.log.len()), (vec![], 1), "it has ended already");
    }
}

#[test]
fn a_caller_is_answered_before_any_thread_is_woken_for_the_call() {
    let mut world = World::registered(Config::default());
    let (flow, invite) = (flow_to(world.peer), invite("new", SDP));
    let datagram = endpoint::Input::Datagram { flow, bytes: invite.as_bytes() };
    world.phone.handle_input(world.now, Input::Sip(datagram));
    let outputs: Vec<Output> = core::iter::from_fn(|| world.phone.poll_output()).collect();
    assert!(
        matches!(&outputs[0], Output::Send { bytes, .. } if bytes.starts_with(b"SIP/2.0 180 ")),
        "{outputs:?}"
    );
    assert!(outputs.iter().any(|output| matches!(output, Output::StartLeg { .. })), "{outputs:?}");
}

#[test]
fn a_call_that_rings_here_is_refused_when_its_leg_fails() {
    let mut world = World::registered(Config::default());
    world.receives(&invite("new", SDP));
    world.hears("SIP/2.0 180 ");
    world.fails();
    world.hears("SIP/2.0 500 ");
}

#[test]
fn a_call_that_is_placed_is_cancelled_when_its_leg_fails() {
    let mut world = World::registered(Config::default());
    world.ask(start_call());
    let invite = world.hears("INVITE ");
    world.fails();
    world.answers(&invite, "180 Ringing", "", "");
    world.hears("CANCEL ");
}

#[test]
fn a_call_is_hung_up_when_its_leg_fails_and_others_go_on() {
    let mut world = World::registered(Config::default());
    let (first, _) = world.calls();
    world.ask(start_call());
    let held = world.hears("INVITE ");
    world.answers(&held, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", &SDP.replace("o=- 1 1", "o=- 1 2"));
    let invite = world.hears("INVITE sip:600@");
    world.answers(&invite, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
    world.fails();
    world.hears("BYE ");
    let Done::State(state) = world.ask(Command::GetState) else { panic!("no state") };
    assert_eq!(state.calls.iter().map(|call| call.told.call).collect::<Vec<_>>(), [first]);
}
