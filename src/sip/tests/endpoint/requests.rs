//! Where answers go (RFC 3261 §18.2, RFC 3581), merged requests (§8.2.2.2), malformed ones, and what every user checks
//! (§8.2).

use sip::endpoint::{Abilities, Event};
use sip::flow::Transport;
use sip::message::{Message, Method, Request, Status};

use crate::stage::{LOCAL, Stage, flow_over, flow_to, is_message, ms, our_answer, their_request};

const BRANCH: &str = "z9hG4bKthem1";

/// Sends an OPTIONS with this Via from `source`, answers it, and gives the answer's remote address and its Via.
fn answered(via: &str, source: &str) -> (String, String) {
    let mut stage = Stage::new();
    let flow = flow_to(source);
    let ours = format!("Via: SIP/2.0/UDP 192.0.2.1:5060;branch={BRANCH};rport");
    stage.receive_on(flow, &their_request("OPTIONS", BRANCH, 1).replace(&ours, via));
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::OK));
    let answer = stage.sent_one();
    assert_eq!(answer.flow.local.to_string(), LOCAL);
    (answer.flow.remote.to_string(), answer.value("Via").to_owned())
}

#[test]
fn with_rport_the_answer_goes_to_the_port_that_the_request_came_from() {
    let (to, via) = answered("Via: SIP/2.0/UDP 10.0.0.1:5060;branch=z9hG4bK1;rport", "198.51.100.7:40123");
    assert_eq!(to, "198.51.100.7:40123");
    assert!(via.contains(";rport=40123") && via.contains(";received=198.51.100.7"), "{via}");
}

#[test]
fn without_rport_the_answer_goes_to_the_sources_address_at_the_port_of_its_sent_by() {
    let (to, via) = answered("Via: SIP/2.0/UDP phone.example:5070;branch=z9hG4bK1", "198.51.100.7:40123");
    assert_eq!(to, "198.51.100.7:5070");
    assert!(via.ends_with(";received=198.51.100.7") && !via.contains("rport"), "{via}");
    let (to, via) = answered("Via: SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1", "198.51.100.7:40123");
    assert_eq!(
        (to.as_str(), via.as_str()),
        ("198.51.100.7:5060", "SIP/2.0/UDP 198.51.100.7;branch=z9hG4bK1")
    );
}

#[test]
fn a_via_can_not_aim_answers_at_somebody_else() {
    let (to, _) = answered(
        "Via: SIP/2.0/UDP 203.0.113.9:5060;maddr=203.0.113.9;received=203.0.113.9;branch=z9hG4bK1;rport=53",
        "198.51.100.7:40123",
    );
    assert_eq!(to, "198.51.100.7:40123");
}

#[test]
fn over_a_stream_the_answer_stays_on_it() {
    let mut stage = Stage::new();
    let flow = flow_over(Transport::Tcp, "198.51.100.7:40123");
    stage.receive_on(
        flow,
        &their_request("OPTIONS", BRANCH, 1)
            .replace("5060;branch=z9hG4bKthem1;rport", "5060;branch=z9hG4bK1"),
    );
    let (id, request) = stage.requested();
    stage.respond(id, our_answer(&request, Status::OK));
    assert_eq!(stage.sent_one().flow, flow);
}

#[test]
fn a_request_that_arrives_on_a_second_way_is_answered_482() {
    let mut stage = Stage::new();
    stage.receive(&their_request("INVITE", BRANCH, 1));
    stage.requested();
    stage.receive(&their_request("INVITE", "z9hG4bKthem2", 1));
    let merged = stage.sent_one();
    assert_eq!(merged.first_line(), "SIP/2.0 482 Loop Detected");
    assert!(merged.value("To").contains(";tag="));
    stage.receive(&their_request("INVITE", "z9hG4bKthem2", 1));
    assert_eq!(stage.sent_one().text(), merged.text(), "stateless, but the same to a repeat");
    assert!(stage.events().is_empty());
    // Neither a request with the next CSeq nor one within a dialog is merged.
    stage.receive(&their_request("INVITE", "z9hG4bKthem3", 2));
    stage.requested();
    let within = their_request("INVITE", "z9hG4bKthem4", 1)
        .replace("To: <sip:1000@pbx.example>", "To: <sip:1000@pbx.example>;tag=mine");
    stage.receive(&within);
    stage.requested();
}

#[test]
fn a_malformed_request_is_answered_without_a_transaction() {
    for (text, status) in [
        (their_request("OPTIONS", BRANCH, 1).replace("CSeq: 1 OPTIONS", "CSeq: 1 INVITE"), "400"),
        (their_request("OPTIONS", BRANCH, 1).replace("Call-ID: two@192.0.2.1\n", ""), "400"),
        (their_request("OPTIONS", BRANCH, 1).replace("Content-Length: 0", "Content-Length: 99"), "400"),
        (their_request("OPTIONS", BRANCH, 1).replacen("SIP/2.0", "SIP/3.0", 1), "505"),
    ] {
        let mut stage = Stage::new();
        stage.receive_on(flow_to("192.0.2.1:6000"), &text);
        let answer = stage.sent_one();
        assert!(answer.first_line().starts_with(&format!("SIP/2.0 {status} ")), "{}", answer.text());
        assert!(answer.value("Via").contains(";rport=6000") && answer.value("To").contains(";tag="));
        assert_eq!(answer.flow.remote.port(), 6000);
        assert!(is_message(&answer.bytes) || !text.contains("Call-ID"));
        stage.assert_at_rest();
    }
}

#[test]
fn what_can_not_be_answered_is_dropped() {
    for text in [
        "".to_owned(),
        "\n\n".to_owned(),
        "hello\n\n".to_owned(),
        their_request("ACK", BRANCH, 1).replace("CSeq: 1 ACK", "CSeq: 1 INVITE"),
        their_request("OPTIONS", BRANCH, 1).replace("Via: SIP/2.0/UDP 192.0.2.1:5060", "Via: nonsense"),
        their_request("OPTIONS", BRANCH, 1).replace("OPTIONS sip:1000@192.0.2.10 SIP/2.0", "SIP/2.0 200 OK"),
    ] {
        let mut stage = Stage::new();
        stage.receive(&text);
        stage.assert_at_rest();
    }
}

#[test]
fn a_request_with_no_forwards_left_has_arrived() {
    let mut stage = Stage::new();
    stage.receive(&their_request("OPTIONS", BRANCH, 1).replace("Max-Forwards: 70", "Max-Forwards: 0"));
    assert!(matches!(stage.event(), Event::Request { .. }));
}

const METHODS: &[Method] = &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options];
const ABILITIES: Abilities<'_> =
    Abilities { methods: METHODS, extensions: &["replaces"], content_types: &["application/sdp"] };

/// The answer to a request with these lines before its last one and this body, as text; empty if it may be served.
fn inspected(method: &str, lines: &str, body: &str) -> String {
    let text = their_request(method, BRANCH, 1)
        .replace("Content-Length: 0\n\n", &format!("{lines}Content-Length: {}\n\n{body}", body.len()));
    let parsed = Message::parse(text.replace('\n', "\r\n").as_bytes());
    let Ok(Message::Request(request)) = parsed else { panic!("{parsed:?}") };
    refusal_of(&request)
}

fn refusal_of(request: &Request) -> String {
    match ABILITIES.inspect(request) {
        Ok(()) => String::new(),
        Err(response) => String::from_utf8(response.to_bytes()).expect("SIP is sent as text"),
    }
}

#[test]
fn what_a_user_can_serve_passes_inspection() {
    assert_eq!(inspected("OPTIONS", "", ""), "");
    assert_eq!(
        inspected("INVITE", "Content-Type: Application/SDP;charset=utf-8\nRequire: REPLACES\n", "v=0"),
        ""
    );
    assert_eq!(inspected("INVITE", "Accept: text/plain, application/*;q=0.5\n", ""), "");
    assert_eq!(
        inspected("INVITE", "Content-Type: image/png\nContent-Disposition: icon;handling=optional\n", "x"),
        ""
    );
    assert_eq!(inspected("OPTIONS", "Accept: text/plain\n", ""), "");
}

#[test]
fn a_method_that_is_known_gets_405_and_another_501_each_with_allow() {
    for (method, status) in [("REGISTER", "405"), ("invite", "501"), ("NEWMETHOD", "501")] {
        let answer = inspected(method, "", "");
        assert!(answer.starts_with(&format!("SIP/2.0 {status} ")), "{answer}");
        assert!(answer.contains("\r\nAllow: INVITE, ACK, CANCEL, BYE, OPTIONS\r\n"), "{answer}");
    }
}

#[test]
fn another_scheme_gets_416() {
    for uri in ["soap.beep://192.0.2.10", "sips:1000@192.0.2.10"] {
        let text = their_request("OPTIONS", BRANCH, 1).replace("sip:1000@192.0.2.10", uri);
        let Ok(Message::Request(request)) = Message::parse(text.replace('\n', "\r\n").as_bytes()) else {
            panic!()
        };
        assert!(refusal_of(&request).starts_with("SIP/2.0 416 "), "{uri}");
    }
}

#[test]
fn unknown_extensions_get_420_that_names_them_only() {
    let answer = inspected(
        "OPTIONS",
        "Require: replaces, nothingSupportsThis\nRequire: nor.this\nProxy-Require: notOurs\n",
        "",
    );
    assert!(answer.starts_with("SIP/2.0 420 "), "{answer}");
    assert!(answer.contains("\r\nUnsupported: nothingSupportsThis\r\nUnsupported: nor.this\r\n"), "{answer}");
    assert!(!answer.contains("notOurs") && !answer.contains("replaces"));
}

#[test]
fn bodies_that_nobody_understands_get_415_that_says_what_is_understood() {
    let answer = inspected("INVITE", "Content-Type: application/unknownformat\n", "<audio/>");
    assert!(
        answer.starts_with("SIP/2.0 415 ") && answer.contains("\r\nAccept: application/sdp\r\n"),
        "{answer}"
    );
    let answer = inspected("INVITE", "Content-Type: application/sdp\nContent-Encoding: gzip\n", "....");
    assert!(
        answer.starts_with("SIP/2.0 415 ") && answer.contains("\r\nAccept-Encoding: identity\r\n"),
        "{answer}"
    );
}

#[test]
fn an_invite_that_takes_no_sdp_gets_406() {
    assert!(inspected("INVITE", "Accept: text/plain, application/sdpx\n", "").starts_with("SIP/2.0 406 "));
}

#[test]
fn inspection_leaves_the_tag_to_the_transaction() {
    let mut stage = Stage::new();
    stage.receive(&their_request("REGISTER", BRANCH, 1));
    let (id, request) = stage.requested();
    let refusal = ABILITIES.inspect(&request).expect_err("REGISTER isn't served");
    stage.respond(id, refusal);
    assert!(stage.sent_one().value("To").contains(";tag="));
    stage.run_for(ms(32_000));
    stage.assert_at_rest();
}
