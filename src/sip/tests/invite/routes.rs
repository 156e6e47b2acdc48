//! RFC 3261 §12.2.1.1, §16.12.1.2; RFC 3263 §4.3: where requests within a call go.

use super::{Call, calling, from_caller, ok, reaching, ringing_and_answered, their_invite};
use crate::stage::{REMOTE, answer, flow_to, ms, with};

/// We call, and the answer comes through these proxies.
fn answered_through(record_routes: &str) -> Call {
    let (mut call, invite) = calling();
    call.receive(&with(&ok(&invite, "you"), record_routes));
    call.told();
    call
}

#[test]
fn a_loose_route_is_followed_to_its_first_proxy() {
    let mut call =
        answered_through("Record-Route: <sip:192.0.2.8;lr>\nRecord-Route: <sip:192.0.2.9:5070;lr=on>");
    let ack = call.sent_one();
    assert_eq!((ack.first_line(), ack.flow), ("ACK sip:1001@192.0.2.1 SIP/2.0", flow_to("192.0.2.9:5070")));
    assert_eq!(ack.values("Route"), ["<sip:192.0.2.9:5070;lr=on>", "<sip:192.0.2.8;lr>"]);
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!((bye.first_line(), bye.flow), ("BYE sip:1001@192.0.2.1 SIP/2.0", flow_to("192.0.2.9:5070")));
    assert_eq!(bye.values("Route"), ack.values("Route"));
    call.receive(&answer(&bye, "200 OK"));
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn a_strict_router_gets_its_own_uri_as_request_uri_and_the_peers_as_the_last_route() {
    let mut call = answered_through("Record-Route: <sip:192.0.2.8;lr>\nRecord-Route: <sip:192.0.2.9>");
    let ack = call.sent_one();
    assert_eq!((ack.first_line(), ack.flow), ("ACK sip:192.0.2.9 SIP/2.0", flow_to("192.0.2.9:5060")));
    assert_eq!(ack.values("Route"), ["<sip:192.0.2.8;lr>", "<sip:1001@192.0.2.1>"]);
}

#[test]
fn the_called_side_follows_the_route_as_it_was_recorded() {
    let invite = with(&their_invite(), "Record-Route: <sip:192.0.2.9;lr>\nRecord-Route: <sip:192.0.2.8;lr>");
    let (mut call, ok) = ringing_and_answered(&invite);
    call.receive(&from_caller(&ok, "ACK", "z9hG4bKack", 1));
    call.hang_up();
    let bye = call.sent_one();
    assert_eq!((bye.first_line(), bye.flow), ("BYE sip:1001@192.0.2.1 SIP/2.0", flow_to("192.0.2.9:5060")));
    assert_eq!(bye.values("Route"), ["<sip:192.0.2.9;lr>", "<sip:192.0.2.8;lr>"]);
}

#[test]
fn a_hop_by_name_is_resolved_and_a_repeated_answer_is_acked_there_again() {
    let (mut call, invite) = calling();
    let answer = with(&ok(&invite, "you"), "Record-Route: <sip:pbx.example:5070;lr>");
    for _ in 0..10 {
        call.receive(&answer);
        let ack = call.sent_one();
        assert_eq!((ack.value("CSeq"), ack.flow), ("1 ACK", flow_to("192.0.2.1:5070")));
    }
}

#[test]
fn a_bye_whose_hop_does_not_hear_it_goes_to_the_hops_next_address() {
    let mut call = answered_through("Record-Route: <sip:pbx.example:5070;lr>");
    call.hang_up();
    assert!(call.sent().iter().all(|sent| sent.flow == flow_to("192.0.2.1:5070")));
    call.refuse("192.0.2.1:5070");
    let second = call.sent_one();
    assert_eq!((second.value("CSeq"), second.flow), ("3 BYE", flow_to("192.0.2.2:5070")));
    call.receive_on(second.flow, &answer(&second, "200 OK"));
    call.run_for(ms(32_000));
    call.assert_over();

    let mut call = answered_through("Record-Route: <sip:pbx.example:5070;lr>");
    call.hang_up();
    let first = call.sent().pop().expect("the BYE");
    call.receive_on(first.flow, &answer(&first, "503 Service Unavailable"));
    assert_eq!(call.sent_one().flow, flow_to("192.0.2.2:5070"));
    call.refuse("192.0.2.2:5070");
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn the_far_end_of_the_call_s_own_flow_is_not_sought_but_another_port_of_it_is() {
    let mut call = answered_through("Record-Route: <sip:192.0.2.1:5060;lr>");
    call.sent();
    call.hold_back(REMOTE);
    call.hang_up();
    assert_eq!(call.sent_one().flow, flow_to(REMOTE));

    let mut call = answered_through("Record-Route: <sip:192.0.2.1:5070;lr>");
    assert_eq!(call.sent_one().flow, flow_to("192.0.2.1:5070"));
}

#[test]
fn an_offer_that_goes_to_the_hops_next_address_is_cancelled_in_its_own_time() {
    let mut call = answered_through("Record-Route: <sip:pbx.example:5070;lr>");
    call.sent();
    call.reoffer_now();
    call.run_for(ms(32_000));
    let second = call.sent().pop().expect("the offer again");
    assert_eq!((second.value("CSeq"), second.flow), ("3 INVITE", flow_to("192.0.2.2:5070")));
    call.receive_on(second.flow, &answer(&second, "100 Trying"));
    call.run_for(ms(31_999));
    assert!(call.sent().is_empty());
    call.run_for(ms(1));
    assert_eq!(call.sent_one().value("CSeq"), "3 CANCEL");
}

#[test]
fn an_address_that_has_answered_is_where_all_goes_from_then_on() {
    let mut call = reaching(&[]);
    call.offer_as_told("192.0.2.1:5060");
    call.refuse("192.0.2.1:5060");
    let invite = call.offer_as_told("192.0.2.2:5060");
    call.receive_on(invite.flow, &with(&ok(&invite, "you"), "Record-Route: <sip:PBX.example;lr>"));
    assert_eq!(call.sent_one().flow, flow_to("192.0.2.2:5060"), "the ACK: the first address is dead");
    call.send_info("Signal=1");
    let info = call.sent_one();
    assert_eq!(info.flow, flow_to("192.0.2.2:5060"));
    call.receive_on(info.flow, &answer(&info, "200 OK"));

    let mut call = answered_through("Record-Route: <sip:pbx.example:5070;lr>");
    call.sent();
    call.send_info("Signal=1");
    call.refuse("192.0.2.1:5070");
    let info = call.sent().pop().expect("the INFO again");
    assert_eq!(info.flow, flow_to("192.0.2.2:5070"));
    call.receive_on(info.flow, &answer(&info, "200 OK"));
    call.send_info("Signal=2");
    let info = call.sent_one();
    assert_eq!(info.flow, flow_to("192.0.2.2:5070"), "it was found to work");
    call.refuse("192.0.2.2:5070");
    call.hang_up();
    assert_eq!(call.sent_one().flow, flow_to("192.0.2.1:5070"), "until it does no more");
}

#[test]
fn what_has_a_hop_that_cannot_be_reached_goes_back_the_way_the_call_came() {
    for record_route in [
        // No way leads there, its transport is none that we have, and its name has no address.
        "Record-Route: <sip:192.0.2.9;lr>",
        "Record-Route: <sip:192.0.2.8;transport=sctp;lr>",
        "Record-Route: <sip:gone.example;lr>",
    ] {
        let (mut call, invite) = calling();
        call.kill("192.0.2.9:5060");
        let ok = with(&ok(&invite, "you"), record_route);
        for _ in 0..2 {
            call.receive(&ok);
            let ack = call.sent_one();
            assert_eq!((ack.value("CSeq"), ack.flow), ("1 ACK", flow_to(REMOTE)), "{record_route}");
        }
        call.told();
        call.hang_up();
        let bye = call.sent_one();
        assert_eq!((bye.value("CSeq"), bye.flow), ("2 BYE", flow_to(REMOTE)), "{record_route}");
        call.receive(&answer(&bye, "200 OK"));
        call.run_for(ms(32_000));
        call.assert_over();
    }
}

#[test]
fn a_bye_that_nobody_answers_on_any_way_ends_the_call_all_the_same() {
    let mut call = answered_through("Record-Route: <sip:pbx.example:5070;lr>");
    call.kill("192.0.2.2:5070");
    call.hang_up();
    call.refuse("192.0.2.1:5070");
    assert!(call.sent().iter().all(|sent| sent.flow == flow_to("192.0.2.1:5070")), "nowhere else");
    call.run_for(ms(32_000));
    call.assert_over();
}

#[test]
fn a_way_that_takes_long_to_find_is_sought_once_however_often_the_answer_comes() {
    let (mut call, invite) = calling();
    call.hold_back("192.0.2.9:5060");
    for _ in 0..10 {
        call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:192.0.2.9;lr>"));
    }
    call.hang_up();
    assert!(call.sent().is_empty());
    assert_eq!(call.open_held(), 2, "one for the ACK, and one for the BYE");
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1", "BYE sip:1001@192.0.2.1"]);
}

#[test]
fn what_is_still_on_its_way_when_we_hang_up_does_not_go_out_beside_the_bye() {
    let (mut call, invite) = calling();
    call.hold_back("192.0.2.9:5060");
    call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:192.0.2.9;lr>"));
    call.send_info("Signal=1");
    call.hang_up();
    call.open_held();
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1", "BYE sip:1001@192.0.2.1"]);
}

#[test]
fn a_peers_bye_takes_back_ours_that_is_still_on_its_way() {
    let (mut call, invite) = calling();
    call.hold_back("192.0.2.9:5060");
    call.receive(&with(&ok(&invite, "you"), "Record-Route: <sip:192.0.2.9;lr>"));
    call.hang_up();
    call.receive(&super::from_called(&invite, "BYE", "z9hG4bKbye", 1));
    assert_eq!(call.sent_lines(), ["200 OK"]);
    call.open_held();
    assert_eq!(call.sent_lines(), ["ACK sip:1001@192.0.2.1"], "no BYE");
    call.told();
    call.run_for(ms(32_000));
    call.assert_over();
}
