//! What each side knows of a hold when offers cross, are late, or are refused: rules 11, 17 and 18.

use super::*;
use crate::command::{Refusal, RefusalCode};
use crate::event::HoldState;

const SENDONLY: &str = "a=sendonly\r\n";

/// The peer's description of this version.
pub(super) fn described(version: u32, direction: &str) -> String {
    SDP.replace("o=- 1 1", &format!("o=- 1 {version}")) + direction
}

impl World {
    /// Our new offer; the peer's answer is this.
    fn is_answered(&mut self, sdp: &str) -> String {
        let offer = self.hears("INVITE ");
        self.answers(&offer, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", sdp);
        self.hears("ACK ");
        offer
    }

    /// A call that comes in without an offer and is accepted; the 200.
    pub(super) fn accepts_late_offer(&mut self) -> (CallId, String) {
        self.receives(&invite("new", ""));
        let told = self.told();
        let [Event::NewCall(told)] = &told[..] else { panic!("no call: {told:?}") };
        let call = told.call;
        self.ask(Command::AcceptCall(call));
        self.told();
        (call, self.hears("SIP/2.0 200 "))
    }

    pub(super) fn hold_state(&mut self, call: CallId) -> HoldState {
        let Done::State(state) = self.ask(Command::GetState) else { panic!("no state") };
        state.calls.into_iter().find(|it| it.told.call == call).expect("the call").hold
    }
}

/// The server's INVITE that begins a call.
pub(super) fn invite(branch: &str, sdp: &str) -> String {
    let content_type = if sdp.is_empty() { "" } else { "Content-Type: application/sdp\r\n" };
    format!(
        "INVITE sip:1000@192.0.2.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bK{branch};rport\r\n\
         Max-Forwards: 70\r\nFrom: <sip:600@192.0.2.1>;tag=peer\r\nTo: <sip:1000@192.0.2.1>\r\n\
         Call-ID: {branch}\r\nCSeq: 1 INVITE\r\nContact: <sip:600@192.0.2.1>\r\n{content_type}\
         Content-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// The server cancels that call.
pub(super) fn cancel(branch: &str) -> String {
    invite(branch, "").replace("INVITE sip:", "CANCEL sip:").replace("1 INVITE", "1 CANCEL")
}

/// The server's request within the dialog of our INVITE.
pub(super) fn within(ours: &str, method: &str, cseq: u32, sdp: &str) -> String {
    let (from, to, call_id) = (field(ours, "To"), field(ours, "From"), field(ours, "Call-ID"));
    format!(
        "{method} sip:1000@192.0.2.10:5060 SIP/2.0\r\n\
         Via: SIP/2.0/UDP {PEER};branch=z9hG4bK{method}{cseq};rport\r\nMax-Forwards: 70\r\n\
         From: {from};tag=peer\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: {cseq} {method}\r\n\
         Contact: <sip:600@192.0.2.1>\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

/// The ACK of a caller for our 200.
pub(super) fn ack(ok: &str, sdp: &str) -> String {
    let (from, to, call_id) = (field(ok, "From"), field(ok, "To"), field(ok, "Call-ID"));
    format!(
        "ACK sip:1000@192.0.2.10:5060 SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bKack;rport\r\n\
         Max-Forwards: 70\r\nFrom: {from}\r\nTo: {to}\r\nCall-ID: {call_id}\r\nCSeq: 1 ACK\r\n\
         Content-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{sdp}",
        sdp.len()
    )
}

#[test]
fn rule_11_a_transfer_goes_on_when_our_answer_to_the_peer_s_offer_has_told_the_hold() {
    let mut world = World::registered(Config::default());
    let (call, first) = world.calls();
    world.ask(Command::TransferCall { call, to: "601".into() });
    let offer = world.hears("INVITE ");
    world.answers(&offer, "491 Request Pending", "", "");
    // The peer's own offer, which had met ours, is made again first.
    world.receives(&within(&first, "INVITE", 2, &described(2, "")));
    let ok = world.hears("SIP/2.0 200 ");
    assert!(ok.contains(SENDONLY), "{ok}");
    world.receives(&within(&first, "ACK", 2, ""));
    assert_eq!(world.told(), [Event::Hold { call, hold: true, by: Side::Local, sip_error: 0 }]);
    world.pass(5 * SECOND);
    world.hears("REFER ");
}

#[test]
fn rule_18_a_hold_before_the_answer_to_a_late_offer_is_offered_once_the_answer_has_come() {
    let mut world = World::registered(Config::default());
    let (call, ok) = world.accepts_late_offer();
    world.ask(Command::SetHold { call, hold: true });
    world.receives(&ack(&ok, SDP));
    assert_eq!(world.told(), [], "the peer knows nothing of it");
    let offer = world.is_answered(&described(2, "a=recvonly\r\n"));
    assert!(offer.contains(SENDONLY), "{offer}");
    assert_eq!(world.told(), [Event::Hold { call, hold: true, by: Side::Local, sip_error: 0 }]);
}

#[test]
fn rule_17_who_is_called_hears_nothing_before_the_answer_while_another_call_speaks() {
    let mut world = World::registered(Config::default());
    world.ask(start_call());
    let ours = world.hears("INVITE ");
    world.answers(&ours, "183 Session Progress", "", SDP);
    world.told();
    world.receives(&invite("new", SDP));
    let told = world.told();
    let [Event::NewCall(other)] = &told[..] else { panic!("no call: {told:?}") };
    assert!(!world.terms[&world.legs[0]].mute);
    world.ask(Command::AcceptCall(other.call));
    assert!(world.terms[&world.legs[0]].mute && !world.terms[&world.legs[1]].mute);
    world.answers(&ours, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
    assert_eq!((world.speaking(), world.terms[&world.legs[0]].mute), (vec![world.legs[0]], false));
}

#[test]
fn rule_17_one_speaks_though_the_peer_of_another_refuses_to_be_held() {
    let mut world = World::registered(Config::default());
    let (first, _) = world.calls();
    let Done::Call(second) = world.ask(start_call()) else { panic!("no call") };
    let hold = world.hears("INVITE ");
    let invite = world.hears("INVITE ");
    world.answers(&invite, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
    world.answers(&hold, "488 Not Acceptable Here", "", "");
    let refused = Event::Hold { call: first, hold: false, by: Side::Local, sip_error: 488 };
    assert!(world.told().contains(&refused));
    assert_eq!((world.hold_state(first), world.hold_state(second)), (HoldState::None, HoldState::None));
    assert_eq!(world.speaking(), [world.legs[1]]);
}

#[test]
fn rule_17_a_call_whose_peer_refuses_to_be_held_speaks_again_when_no_other_does() {
    let mut world = World::registered(Config::default());
    let (first, _) = world.calls();
    let Done::Call(second) = world.ask(start_call()) else { panic!("no call") };
    let hold = world.hears("INVITE ");
    let invite = world.hears("INVITE ");
    world.answers(&hold, "488 Not Acceptable Here", "", "");
    assert_eq!(world.speaking(), [world.legs[0]], "the other only rings");
    world.answers(&invite, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
    let hold = world.hears("INVITE ");
    world.answers(&hold, "488 Not Acceptable Here", "", "");
    assert_eq!(world.speaking(), [world.legs[1]]);
    world.ask(Command::FinalizeCall(second));
    assert_eq!(world.speaking(), [world.legs[0]]);
    assert_eq!(world.hold_state(first), HoldState::None);
}

#[test]
fn a_call_that_moves_on_to_an_address_of_the_other_family_has_sound_there() {
    let mut world = World::registered(Config::default());
    let (port, rtp_port) = (PortId(8), 17_000);
    world.hand(Input::MediaPort { port, family: Family::V6, rtp_port });
    world.ask(start_call());
    let invite = world.hears("INVITE ");
    let contact = "Contact: <sip:600@[2001:db8::1]>\r\n";
    world.answers(&invite, "302 Moved Temporarily", contact, "");
    let invite = world.hears("INVITE ");
    assert!(invite.contains("c=IN IP6 2001:db8::10\r\n") && invite.contains("m=audio 17000 "), "{invite}");
    assert_eq!((world.legs.len(), world.ended), (2, vec![(world.legs[0], None)]));
}

#[test]
fn a_call_that_moves_on_within_a_family_has_its_sound_where_it_goes_out_from() {
    let mut world = World::registered(Config::default());
    world.ask(start_call());
    let invite = world.hears("INVITE ");
    assert!(invite.contains("c=IN IP4 192.0.2.10\r\n"), "{invite}");
    world.answers(&invite, "302 Moved Temporarily", "Contact: <sip:600@198.51.100.1>\r\n", "");
    let invite = world.hears("INVITE ");
    assert!(invite.contains("c=IN IP4 198.51.100.10\r\n"), "{invite}");
    assert_eq!((world.legs.len(), world.ended), (1, vec![]));
}

#[test]
fn a_call_that_moves_on_has_nothing_of_the_sound_that_was_agreed_on_with_who_sent_it_on() {
    let mut world = World::registered(Config::default());
    let Done::Call(call) = world.ask(start_call()) else { panic!("no call") };
    let invite = world.hears("INVITE ");
    world.answers(&invite, "183 Session Progress", "", SDP);
    assert_eq!(world.speaking(), [world.legs[0]]);
    world.ask(Command::SendDtmf { call, keys: ",7".into() });
    world.answers(&invite, "302 Moved Temporarily", "Contact: <sip:601@192.0.2.1>\r\n", "");
    let invite = world.hears("INVITE sip:601@");
    assert_eq!((world.legs.len(), world.speaking()), (2, vec![]));
    world.told();
    world.answers(&invite, "180 Ringing", "", "");
    assert_eq!(world.told(), [Event::CallProgress { call, status: 180, early_media: false }]);
    let refused = world.ask_as(PROGRAM, Command::SendDtmf { call, keys: "5".into() });
    assert!(matches!(refused, Err(Refusal { code: RefusalCode::InvalidArgument, .. })), "{refused:?}");
    world.answers(&invite, "200 OK", "Contact: <sip:601@192.0.2.1>\r\n", SDP);
    world.pass(MINUTE);
    assert_eq!((world.speaking(), &world.keys[..]), (vec![world.legs[1]], &[][..]));
}

#[test]
fn rule_17_a_hold_that_was_refused_is_told_once_the_peer_has_heard_of_it_and_lasts() {
    let mut world = World::registered(Config::default());
    let (first, ours) = world.calls();
    let Done::Call(second) = world.ask(start_call()) else { panic!("no call") };
    let hold = world.hears("INVITE ");
    let invite = world.hears("INVITE ");
    world.answers(&hold, "488 Not Acceptable Here", "", "");
    world.answers(&invite, "200 OK", "Contact: <sip:600@192.0.2.1>\r\n", SDP);
    let hold = world.hears("INVITE ");
    world.answers(&hold, "488 Not Acceptable Here", "", "");
    world.told();
    world.receives(&within(&ours, "INVITE", 2, &described(2, "")));
    let ok = world.hears("SIP/2.0 200 ");
    assert!(ok.contains(SENDONLY), "{ok}");
    world.receives(&within(&ours, "ACK", 2, ""));
    assert_eq!(world.told(), [Event::Hold { call: first, hold: true, by: Side::Local, sip_error: 0 }]);
    world.ask(Command::FinalizeCall(second));
    assert_eq!((world.hold_state(first), world.speaking()), (HoldState::Local, vec![]));
}

#[test]
fn a_description_in_the_ack_of_an_offer_that_is_answered_means_nothing() {
    let mut world = World::registered(Config::default());
    world.receives(&invite("new", SDP));
    let told = world.told();
    let [Event::NewCall(told)] = &told[..] else { panic!("no call: {told:?}") };
    world.ask(Command::AcceptCall(told.call));
    let ok = world.hears("SIP/2.0 200 ");
    let terms = world.terms.clone();
    world.receives(&ack(&ok, &described(2, SENDONLY).replace("7000", "7002")));
    assert_eq!(world.terms, terms);
    assert_eq!(world.hold_state(told.call), HoldState::None);
}

#[test]
fn a_session_s_number_has_room_where_peers_count_to_two_thousand_million() {
    let mut world = World::registered(Config::default());
    for _ in 0..8 {
        let Done::Call(call) = world.ask(start_call()) else { panic!("no call") };
        let invite = world.hears("INVITE ");
        let origin = invite.lines().find_map(|line| line.strip_prefix("o=- ")).expect("an origin");
        let number: i32 = origin.split(' ').next().unwrap_or_default().parse().expect("a number");
        assert!(number >= 0);
        world.ask(Command::FinalizeCall(call));
    }
}
