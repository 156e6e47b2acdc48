//! Seeded mutations of ordinary and strange messages: none panics, and whatever is taken prints to something that is
//! taken as the same.

use std::hint::black_box;

use base::Dice;
use sip::digest::{Authorization, Challenge};
use sip::message::{Contacts, Message, Name};
use sip::sdp::{Capabilities, Codec, Direction, Format, Negotiation};

/// Enough for each byte of the messages to have been hit by each kind of change; takes about a second unoptimized.
const MUTATIONS: u32 = 20_000;

const MESSAGES: [&str; 4] = [
    "INVITE sip:bob%40x;p=1@[2001:db8::1]:5070;transport=udp?Subject=a SIP/2.0\n\
     Via: SIP/2.0/UDP 192.0.2.1:5060;rport;branch=z9hG4bK1, SIP / 2.0/TCP [::1] ;received=[::2]\n\
     From: \"A \\\"l\\\" <ice>\" <sip:alice@example.org>;tag=1\nt:\n bob <sip:bob@example.org>\ni: c1@x\n\
     CSeq: 4294967295 INVITE\nMax-Forwards: 70\nm: <sip:alice@192.0.2.1>;q=0.5;expires=60, sip:c@d\n\
     Record-Route: <sip:p1;lr>,<sip:p2;lr>\nk: replaces, timer\nAuthorization: Digest username=\"a\", realm=\"r\", \
     nonce=\"n\", uri=\"sip:x\", response=\"0\", qop=auth, nc=00000001, cnonce=\"c\"\nc: application/sdp\nl: 235\n\n\
     v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 49170/2 RTP/AVP 0 8 96\n\
     a=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\na=ptime:30\na=maxptime:60\na=sendonly\n\
     a=rtcp:5001 IN IP4 192.0.2.2\nm=video 0 RTP/AVP 31",
    "SIP/2.0 401 Unauthorized\nVia: SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1\nFrom: sip:a@b;tag=1\nTo: sip:a@b;tag=2\n\
     Call-ID: c\nCSeq: 1 REGISTER\nWWW-Authenticate: Digest realm=\"r\", nonce=\"n\", algorithm=SHA-256, qop=\"auth\", \
     stale=true, opaque=\"\"\nRetry-After: 18 (busy);duration=3\nMin-Expires: 60\nContent-Length: 0\n\n",
    "OPTIONS tel:+1-2;ext=3 SIP/2.0\nVia: SIP/2.0/TLS a.example:5061\nFrom: Bell, A <isbn:1>;tag=1\nTo: <http://x>\n\
     Call-ID: c\nCSeq: 1 OPTIONS\nContact: *\nSubject:\n  one\n\ttwo\n\n",
    "REGISTER sips:example.org SIP/2.0\nv:SIP/2.0/TCP x\nf:<sip:\u{e4}@b>;tag=\"\u{e4}\"\nt:\u{e4}<sip:a@b>\ni:c\n\
     CSeq:1 REGISTER\nX-\u{e4}:1\nX:\u{e4}\n\n",
];

#[test]
fn no_mutation_panics_and_what_is_taken_prints_to_the_same() {
    let mut dice = Dice::new([5; 32]);
    let sources: Vec<Vec<u8>> = MESSAGES.iter().map(|text| text.replace('\n', "\r\n").into_bytes()).collect();
    let mut taken: u32 = 0;
    for round in 0..MUTATIONS {
        let mut bytes = pick(&mut dice, &sources).clone();
        for _ in 0..=dice.below(3) {
            mutate(&mut dice, &mut bytes, &sources);
        }
        Message::parse_stream(&bytes).ok();
        let Ok(message) = Message::parse(&bytes) else { continue };
        taken += 1;
        let printed = message.to_bytes();
        assert_eq!(Message::parse(&printed).as_ref(), Ok(&message), "round {round}");
        read_all(&message);
    }
    assert!(taken > MUTATIONS / 10, "only {taken} were taken: the loop tests little");
}

fn pick<'a, T>(dice: &mut Dice, of: &'a [T]) -> &'a T {
    let at = dice.below(u32::try_from(of.len()).expect("few"));
    &of[at as usize]
}

/// Flips, puts in, takes out, doubles or swaps some bytes.
fn mutate(dice: &mut Dice, bytes: &mut Vec<u8>, sources: &[Vec<u8>]) {
    const TELLING: &[u8] = b"\0\r\n\t \"\\<>;:,=@?%/[]()*0-9+\x7f\x80\xc3\xff";
    let length = u32::try_from(bytes.len()).expect("short");
    let at = dice.below(length) as usize;
    let end = (at + dice.below(12) as usize).min(bytes.len());
    match dice.below(6) {
        _ if bytes.is_empty() => bytes.push(b' '),
        0 => bytes[at] ^= 1 << dice.below(8),
        1 => bytes[at] = *pick(dice, TELLING),
        2 => bytes.insert(at, *pick(dice, TELLING)),
        3 => drop(bytes.drain(at..end)),
        4 => {
            let copy = bytes[at..end].to_vec();
            bytes.splice(at..at, copy);
        }
        _ => {
            let other = pick(dice, sources);
            let from = dice.below(u32::try_from(other.len()).expect("short")) as usize;
            let to = (from + dice.below(40) as usize).min(other.len());
            bytes.splice(at..end, other[from..to].iter().copied());
        }
    }
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
        assert_eq!(sip::message::NameAddr::parse(&address.to_string()).as_ref(), Ok(&address));
        assert!(address.uri.is_equivalent(&address.uri), "{}", address.uri);
        black_box((address.q(), address.expires(), address.uri.bare()));
    }
    for via in headers.vias().unwrap_or_default() {
        assert_eq!(sip::message::Via::parse(&via.to_string()).as_ref(), Ok(&via));
        black_box((via.received(), via.rport(), via.maddr(), via.ttl()));
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
    if let Message::Request(request) = message {
        let formats = vec![Format { number: 0, codec: Codec::mono("PCMU", 8_000), fmtp: None }];
        let local = "192.0.2.9:4000".parse().expect("it is an address");
        let mut negotiation = Negotiation::new(Capabilities { formats, ptime_ms: 20 }, 1);
        if let Ok((answer, agreement)) = negotiation.answer(&request.body, local, Direction::SENDRECV) {
            assert!((10..=60).contains(&agreement.ptime_ms) && !agreement.codecs.is_empty());
            let mut other = negotiation.clone();
            other.offer(local, Direction::SENDRECV);
            assert!(other.handle_answer(&answer).is_ok(), "{}", String::from_utf8_lossy(&answer));
        }
    }
}
