//! From a hop to a flow (RFC 3263 §4): literals, listed names, several addresses, and what can't be reached.

use sip::endpoint::{Alternatives, Config, Event, Input, RouteId, Unreachable};
use sip::flow::{Flow, FlowError, Link, Transport};
use sip::message::Method;

use crate::stage::{LOCAL, Stage, address, answer, flow_to, our_request, uri};

fn listed() -> Stage {
    let hosts = "192.0.2.5 pbx.example pbx\n192.0.2.6 pbx.example\n".to_owned();
    Stage::with(&Config { hosts, resolv_conf: String::new() })
}

fn reach(stage: &mut Stage, hop: &str) -> RouteId {
    let route = stage.endpoint.reach(stage.now, &uri(hop));
    stage.collect();
    route
}

/// The driver opens the one flow that is asked for.
fn open(stage: &mut Stage) -> Flow {
    let connects = stage.connects();
    let [(connect, link, remote)] = connects.as_slice() else { panic!("{connects:?}") };
    let flow = Flow { link: *link, local: address(LOCAL), remote: *remote };
    stage.input(Input::FlowOpen { connect: *connect, flow });
    flow
}

fn fail(stage: &mut Stage, reason: FlowError) {
    let connects = stage.connects();
    let [(connect, ..)] = connects.as_slice() else { panic!("{connects:?}") };
    stage.input(Input::FlowFailed { connect: *connect, reason });
}

fn reached(stage: &mut Stage) -> (RouteId, Flow, Alternatives) {
    match stage.event() {
        Event::Reached { route, flow, alternatives } => (route, flow, alternatives),
        other => panic!("{other:?}"),
    }
}

fn unreachable(stage: &mut Stage) -> (RouteId, Unreachable) {
    match stage.event() {
        Event::Unreachable { route, reason } => (route, reason),
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_address_is_connected_to_at_the_port_and_by_the_transport_that_its_uri_names() {
    for (hop, transport, remote) in [
        ("sip:192.0.2.1", Transport::Udp, "192.0.2.1:5060"),
        ("sip:600@192.0.2.1:5070;transport=UDP", Transport::Udp, "192.0.2.1:5070"),
        ("sip:[2001:db8::1];transport=tcp", Transport::Tcp, "[2001:db8::1]:5060"),
        ("sips:192.0.2.1", Transport::Tls, "192.0.2.1:5061"),
        ("sip:192.0.2.1;transport=tls", Transport::Tls, "192.0.2.1:5061"),
        ("sip:nowhere.example;maddr=192.0.2.9", Transport::Udp, "192.0.2.9:5060"),
    ] {
        let mut stage = Stage::new();
        let route = reach(&mut stage, hop);
        let flow = open(&mut stage);
        assert_eq!((flow.link, flow.remote), (Link::Sip(transport), address(remote)), "{hop}");
        let (told, told_flow, alternatives) = reached(&mut stage);
        assert_eq!((told, told_flow), (route, flow));
        assert!(alternatives.is_empty() && stage.endpoint.reach_next(alternatives).is_none());
        stage.assert_at_rest();
    }
}

#[test]
fn a_uri_that_names_no_known_way_is_unreachable() {
    for hop in ["tel:+5571334115", "sip:192.0.2.1;transport=sctp", "sips:192.0.2.1;transport=udp"] {
        let mut stage = Stage::new();
        let route = reach(&mut stage, hop);
        assert_eq!(unreachable(&mut stage), (route, Unreachable::Unsupported), "{hop}");
    }
}

#[test]
fn the_addresses_of_a_listed_name_are_tried_in_turn() {
    let mut stage = listed();
    let route = reach(&mut stage, "sip:PBX.example:5080");
    fail(&mut stage, FlowError::Unreachable);
    let flow = open(&mut stage);
    assert_eq!(flow.remote, address("192.0.2.6:5080"));
    assert_eq!(reached(&mut stage).0, route);

    let route = reach(&mut stage, "sip:pbx.example");
    fail(&mut stage, FlowError::Unreachable);
    fail(&mut stage, FlowError::Refused);
    assert_eq!(unreachable(&mut stage), (route, Unreachable::Flow(FlowError::Refused)));
    stage.assert_at_rest();
}

#[test]
fn after_a_failure_on_one_address_the_next_one_can_be_reached() {
    let mut stage = listed();
    reach(&mut stage, "sip:pbx.example");
    assert_eq!(open(&mut stage).remote, address("192.0.2.5:5060"));
    let (first, _, alternatives) = reached(&mut stage);
    let next = stage.endpoint.reach_next(alternatives).expect("there is a second address");
    assert_ne!(next, first);
    stage.collect();
    assert_eq!(open(&mut stage).remote, address("192.0.2.6:5060"));
    let (route, _, alternatives) = reached(&mut stage);
    assert_eq!(route, next);
    assert!(alternatives.is_empty());
}

#[test]
fn of_several_addresses_the_one_that_answered_last_is_tried_first_and_a_503_is_no_answer() {
    let mut stage = listed();
    for (answers, line, first) in [
        ("192.0.2.6:5060", "503 Service Unavailable", "192.0.2.5:5060"),
        ("192.0.2.6:5060", "401 Unauthorized", "192.0.2.6:5060"),
        ("192.0.2.5:5060", "100 Trying", "192.0.2.5:5060"),
        ("192.0.2.6:5061", "200 OK", "192.0.2.5:5060"),
        ("192.0.2.6:5060", "486 Busy Here", "192.0.2.6:5060"),
    ] {
        let flow = flow_to(answers);
        stage.request_on(flow, our_request(Method::Options));
        let request = stage.sent_one();
        stage.receive_on(flow, &answer(&request, line));
        stage.events();
        reach(&mut stage, "sip:pbx.example");
        assert_eq!(open(&mut stage).remote, address(first), "{answers} {line}");
        assert_eq!(reached(&mut stage).2.addresses().count(), 1);
    }
    stage.input(Input::FlowClosed { flow: flow_to("192.0.2.6:5060"), reason: FlowError::Refused });
    reach(&mut stage, "sip:pbx.example");
    assert_eq!(open(&mut stage).remote, address("192.0.2.5:5060"), "nobody is there any more");
}

#[test]
fn an_unlisted_name_without_a_name_server_is_unreachable() {
    let mut stage = listed();
    let route = reach(&mut stage, "sip:other.example");
    assert_eq!(unreachable(&mut stage), (route, Unreachable::NoNameServer));
    stage.assert_at_rest();
}

#[test]
fn more_routes_than_there_may_be_are_refused_until_one_has_been_found() {
    let mut stage = Stage::new();
    for _ in 0..64 {
        reach(&mut stage, "sip:192.0.2.1");
    }
    let connects = stage.connects();
    assert_eq!(connects.len(), 64);
    let route = reach(&mut stage, "sip:192.0.2.1");
    assert_eq!(unreachable(&mut stage), (route, Unreachable::Full));
    stage.input(Input::FlowFailed { connect: connects[0].0, reason: FlowError::Unsupported });
    stage.events();
    reach(&mut stage, "sip:192.0.2.1");
    assert_eq!(stage.connects().len(), 1);
}

#[test]
fn a_flow_that_nobody_asked_for_changes_nothing() {
    let mut stage = listed();
    reach(&mut stage, "sip:pbx");
    let connects = stage.connects();
    let flow = Flow { link: connects[0].1, local: address(LOCAL), remote: connects[0].2 };
    let unknown = sip::flow::ConnectId(999);
    stage.input(Input::FlowOpen { connect: unknown, flow });
    stage.input(Input::FlowFailed { connect: unknown, reason: FlowError::Closed });
    assert!(stage.events().is_empty() && stage.connects().is_empty());
    stage.input(Input::FlowOpen { connect: connects[0].0, flow });
    assert_eq!(reached(&mut stage).1, flow);
    stage.input(Input::FlowOpen { connect: connects[0].0, flow });
    assert!(stage.events().is_empty());
}
