use alloc::format;
use alloc::string::ToString;

use super::*;
use crate::message::Message;

fn request(text: &str) -> Request {
    match Message::parse(text.replace('\n', "\r\n").as_bytes()) {
        Ok(Message::Request(request)) => request,
        other => panic!("{other:?}"),
    }
}

fn response(text: &str) -> Response {
    match Message::parse(text.replace('\n', "\r\n").as_bytes()) {
        Ok(Message::Response(response)) => response,
        other => panic!("{other:?}"),
    }
}

fn invite(more: &str) -> Request {
    request(&format!(
        "INVITE sip:bob@example.net SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n\
         From: <sip:alice@example.net>;tag=a\nTo: <sip:bob@example.net>\nCall-ID: c\nCSeq: 7 INVITE\n\
         Contact: <sip:alice@192.0.2.1>\n{more}\n"
    ))
}

fn ok(more: &str) -> Response {
    response(&format!(
        "SIP/2.0 200 OK\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\n\
         From: <sip:alice@example.net>;tag=a\nTo: <sip:bob@example.net>;tag=b\nCall-ID: c\nCSeq: 7 INVITE\n\
         Contact: <sip:bob@192.0.2.2:5070>\n{more}\n"
    ))
}

fn in_dialog(method: &str, number: u32) -> Request {
    request(&format!(
        "{method} sip:alice@192.0.2.1 SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.2;branch=z9hG4bK2\n\
         From: <sip:bob@example.net>;tag=b\nTo: <sip:alice@example.net>;tag=a\nCall-ID: c\nCSeq: {number} {method}\n\
         Contact: <sip:bob@192.0.2.9>\n\n"
    ))
}

fn routes(request: &Request) -> Vec<&str> {
    request.headers.all(Name::Route).collect()
}

#[test]
fn a_caller_asks_the_peers_contact_with_the_next_number() {
    let mut dialog = Dialog::of_caller(&invite(""), &ok("")).unwrap();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:bob@192.0.2.2:5070");
    assert_eq!(bye.headers.get(Name::CSeq), Some("8 BYE"));
    assert_eq!(bye.headers.get(Name::From), Some("<sip:alice@example.net>;tag=a"));
    assert_eq!(bye.headers.get(Name::To), Some("<sip:bob@example.net>;tag=b"));
    assert_eq!(dialog.ack(7).headers.get(Name::CSeq), Some("7 ACK"));
    assert_eq!(dialog.request(Method::Options).headers.get(Name::CSeq), Some("9 OPTIONS"));
}

#[test]
fn a_caller_takes_the_routes_in_reverse_and_the_called_as_they_are() {
    let recorded = "Record-Route: <sip:p2.example.net;lr>, <sip:p1.example.net;lr=on>\n";
    let mut caller = Dialog::of_caller(&invite(""), &ok(recorded)).unwrap();
    let bye = caller.request(Method::Bye);
    assert_eq!(routes(&bye), ["<sip:p1.example.net;lr=on>", "<sip:p2.example.net;lr>"]);
    assert_eq!(caller.next_hop().to_string(), "sip:p1.example.net;lr=on");
    let contact = NameAddr::new(Uri::parse("sip:bob@192.0.2.2").unwrap());
    let mut called = Dialog::of_called(&invite(recorded), "b", contact).unwrap();
    let bye = called.request(Method::Bye);
    assert_eq!(routes(&bye), ["<sip:p2.example.net;lr>", "<sip:p1.example.net;lr=on>"]);
    assert_eq!(bye.uri.to_string(), "sip:alice@192.0.2.1");
}

#[test]
fn a_strict_router_gets_its_own_uri_and_the_peers_comes_last() {
    let recorded = "Record-Route: <sip:p2.example.net;lr>, <sip:p1.example.net;lrx>\n";
    let mut dialog = Dialog::of_caller(&invite(""), &ok(recorded)).unwrap();
    let bye = dialog.request(Method::Bye);
    assert_eq!(bye.uri.to_string(), "sip:p1.example.net;lrx");
    assert_eq!(routes(&bye), ["<sip:p2.example.net;lr>", "<sip:bob@192.0.2.2:5070>"]);
    assert_eq!(dialog.next_hop().to_string(), "sip:p1.example.net;lrx");
}

#[test]
fn a_peers_number_must_rise_and_only_an_invite_moves_the_target() {
    let mut dialog = Dialog::of_caller(&invite(""), &ok("")).unwrap();
    assert_eq!(dialog.take_request(&in_dialog("INFO", 2_147_483_648)), Ok(()));
    assert_eq!(dialog.next_hop().to_string(), "sip:bob@192.0.2.2:5070");
    assert_eq!(dialog.take_request(&in_dialog("INFO", 5)), Err(Status::SERVER_INTERNAL_ERROR));
    assert_eq!(dialog.take_request(&in_dialog("INVITE", 2_147_483_649)), Ok(()));
    assert_eq!(dialog.next_hop().to_string(), "sip:bob@192.0.2.9");
}

#[test]
fn a_request_finds_its_dialog_by_both_tags() {
    let dialog = Dialog::of_caller(&invite(""), &ok("")).unwrap();
    assert_eq!(DialogId::of_request(&in_dialog("BYE", 1)).as_ref(), Some(dialog.id()));
    assert_eq!(DialogId::of_request(&invite("")), None);
}
