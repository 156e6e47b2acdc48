//! SIP messages: whatever is taken prints to something that is taken as the same, and so does each of its views; an
//! endpoint answers it once, if at all.

use std::hint::black_box;

use base::{Dice, Instant};
use sip::digest::{Authorization, Challenge};
use sip::endpoint::{Config, Endpoint, Event, Input, Output};
use sip::flow::{Flow, Link, Transport};
use sip::invite::ABILITIES;
use sip::message::{Contacts, Message, Name, NameAddr, Response, Status, Via};

/// More messages than these for one that came in would make the phone an amplifier.
const MAX_ANSWERS: usize = 2;

const MESSAGES: [&str; 6] = [
    "INVITE sip:bob%40x;p=1@[2001:db8::1]:5070;transport=udp?Subject=a SIP/2.0\n\
     Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1, SIP / 2.0/TCP [::1] ;received=[::2]\n\
     From: \"A \\\"l\\\" <ice>\" <sip:alice@example.org>;tag=1\nt:\n bob <sip:bob@example.org>\ni: c1@x\n\
     CSeq: 4294967295 INVITE\nMax-Forwards: 70\nm: <sip:alice@192.0.2.1>;q=0.5;expires=60, sip:c@d\n\
     Record-Route: <sip:p1;lr>,<sip:p2;lr>\nk: replaces, timer\nAuthorization: Digest username=\"a\", realm=\"r\", \
     nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\nc: application/sdp\nl: 4\n\nv=0\n",
    "SIP/2.0 401 Unauthorized\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: sip:a@b;tag=1\nTo: sip:a@b;tag=2\n\
     Call-ID: c\nCSeq: 1 REGISTER\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\", \
     stale=true, opaque=\"\"\nRetry-After: 18 (busy);duration=3\nMin-Expires: 60\nContent-Length: 0\n\n",
    "OPTIONS tel:+1-2;ext=3 SIP/2.0\nVia: SIP/2.0/TLS a.example:5061\nFrom: Bell, A <isbn:1>;tag=1\nTo: <http://x>\n\
     Call-ID: c\nCSeq: 1 OPTIONS\nContact: *\nSubject:\n  one\n\ttwo\n\n",
    "REGISTER sips:example.org SIP/2.0\nv:SIP/2.0/TCP x\nf:<sip:\u{e4}@b>;tag=\"\u{e4}\"\nt:\u{e4}<sip:a@b>\ni:c\n\
     CSeq:1 REGISTER\nX-\u{e4}:1\nX:\u{e4}\n\n",
    "REFER sip:a@b SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK2;ttl=1;maddr=192.0.2.3\nFrom: <sip:a@b>;tag=1\n\
     To: <sip:a@b>;tag=2\nCall-ID: c\nCSeq: 2 REFER\nRefer-To: \"x\" <sip:c@d;method=INVITE?Replaces=1%3Bto-tag%3D2>\n\
     Referred-By: <sip:a@b>\nSubscription-State: terminated;reason=noresource\nEvent: refer;id=2\n\
     Content-Type: message/sipfrag;version=2.0\nContent-Length: 16\n\nSIP/2.0 200 OK\n",
    "INVITE sip:a@b SIP/2.0\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK3\nFrom: <sip:a@b>;tag=1\nTo: <sip:a@b>\n\
     Call-ID: c\nCSeq: 2 INVITE\nContact: <sip:a@b>\nContent-Type: multipart/mixed;boundary=\"a b\"\n\n--a b\n\
     Content-Type: text/plain\n\nx\n--a b\nContent-Type: application/sdp\n\nv=0\n--a b--\n",
];

pub(crate) fn examples() -> Vec<Vec<u8>> {
    MESSAGES.iter().map(|text| text.replace('\n', "\r\n").into_bytes()).collect()
}

pub(crate) fn examine(bytes: &[u8]) -> bool {
    Message::parse_stream(bytes).ok();
    let parsed = Message::parse(bytes);
    if let Ok(message) = &parsed {
        assert_eq!(Message::parse(&message.to_bytes()).as_ref(), Ok(message));
        read_all(message);
    }
    hand_to_endpoint(bytes);
    parsed.is_ok()
}

/// Every typed view, and what stands behind some of them: what they can read prints to what reads the same.
fn read_all(message: &Message) {
    let headers = message.headers();
    let addresses = [Name::From, Name::To].into_iter().filter_map(|name| headers.name_addr(name).ok());
    let contacts = match headers.contacts() {
        Ok(Contacts::List(list)) => list,
        _ => Vec::new(),
    };
    for address in addresses.chain(contacts) {
        assert_eq!(NameAddr::parse(&address.to_string()).as_ref(), Ok(&address));
        assert!(address.uri.is_equivalent(&address.uri), "{}", address.uri);
        black_box((address.q(), address.expires(), address.uri.bare()));
    }
    // Read without looking at the rest, they are what they are with it.
    assert_eq!(headers.from_tag(), headers.from().expect("is checked").tag());
    assert_eq!(headers.to_tag(), headers.to().expect("is checked").tag());
    for via in headers.vias().unwrap_or_default() {
        assert_eq!(Via::parse(&via.to_string()).as_ref(), Ok(&via));
        black_box((via.received(), via.rport()));
    }
    black_box((headers.expires().ok(), headers.retry_after().ok(), headers.min_expires().ok()));
    for value in headers.all(Name::WwwAuthenticate) {
        let Ok(challenge) = Challenge::parse(value) else { continue };
        assert_eq!(Challenge::parse(&challenge.to_string()), Ok(challenge));
    }
    for value in headers.all(Name::Authorization) {
        let Ok(authorization) = Authorization::parse(value) else { continue };
        assert_eq!(Authorization::parse(&authorization.to_string()), Ok(authorization));
    }
}

/// An endpoint whose user answers each request, as any user does.
fn hand_to_endpoint(bytes: &[u8]) {
    let now = Instant::ZERO;
    let mut endpoint = Endpoint::new(&Config::default(), Dice::new([1; 32]));
    let address = |text: &str| text.parse().expect("it is an address");
    let link = Link::Sip(Transport::Udp);
    let flow = Flow { link, local: address("192.0.2.9:5060"), remote: address("192.0.2.1:5060") };
    endpoint.handle_input(now, Input::Datagram { flow, bytes });
    let mut sent = 0;
    while let Some(output) = endpoint.poll_output() {
        match output {
            Output::Send { bytes, .. } => {
                sent += 1;
                // An answer has header fields of the request, damaged ones too.
                assert!(bytes.starts_with(b"SIP/2.0 "), "{}", String::from_utf8_lossy(&bytes));
            }
            Output::Event(Event::Request { transaction, request, .. }) => {
                let refusal = ABILITIES.inspect(&request).err();
                let ok = || Response::to_request(&request, Status::OK);
                endpoint.respond(now, transaction, refusal.unwrap_or_else(ok));
            }
            _ => {}
        }
    }
    assert!(sent <= MAX_ANSWERS, "{sent} answers to one message");
}
