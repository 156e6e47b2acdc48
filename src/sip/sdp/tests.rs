use alloc::string::{String, ToString};
use alloc::vec::Vec;
use alloc::{format, vec};
use core::net::SocketAddr;

use super::*;

const PCMU: u8 = 0;
const PCMA: u8 = 8;

fn format(number: u8, name: &str, fmtp: Option<&str>) -> Format {
    Format { number, codec: Codec::mono(name, 8_000), fmtp: fmtp.map(Into::into) }
}

/// A phone with both laws of G.711 and telephone-event.
fn phone() -> Negotiation {
    let formats = vec![
        format(PCMA, "PCMA", None),
        format(PCMU, "PCMU", None),
        format(101, "telephone-event", Some("0-15")),
    ];
    Negotiation::new(Capabilities { formats, ptime_ms: 20 }, 77)
}

fn local() -> SocketAddr {
    "192.0.2.9:4000".parse().expect("it is an address")
}

/// A description of the peer's: its media level lines below the usual session lines.
fn peer(lines: &str) -> Vec<u8> {
    let text = format!("v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\n{lines}\n");
    text.replace('\n', "\r\n").into_bytes()
}

fn answered(lines: &str) -> Result<(String, Agreement), SdpError> {
    answered_as(lines, Direction::SENDRECV)
}

fn answered_as(lines: &str, direction: Direction) -> Result<(String, Agreement), SdpError> {
    let mut phone = phone();
    let agreement = phone.handle_offer(&peer(lines), local(), direction)?;
    Ok((text(phone.answer(&agreement)), agreement))
}

fn text(bytes: Vec<u8>) -> String {
    String::from_utf8(bytes).expect("we write UTF-8")
}

fn names(agreement: &Agreement) -> Vec<(&str, u8, u8)> {
    agreement.codecs.iter().map(|it| (it.codec.name.as_str(), it.send, it.receive)).collect()
}

#[test]
fn an_offer_of_ours_is_this() {
    let expected = "v=0\no=- 77 1 IN IP4 192.0.2.9\ns=-\nc=IN IP4 192.0.2.9\nt=0 0\nm=audio 4000 RTP/AVP 8 0 101\n\
                    a=rtpmap:8 PCMA/8000\na=rtpmap:0 PCMU/8000\na=rtpmap:101 telephone-event/8000\n\
                    a=fmtp:101 0-15\na=ptime:20\na=sendrecv\n";
    assert_eq!(text(phone().offer(local(), Direction::SENDRECV)), expected.replace('\n', "\r\n"));
}

#[test]
fn an_offer_over_ipv6_names_its_family() {
    let local = "[2001:db8::9]:4000".parse().expect("it is an address");
    let offer = text(phone().offer(local, Direction::SENDRECV));
    assert!(offer.contains("o=- 77 1 IN IP6 2001:db8::9\r\n") && offer.contains("c=IN IP6 2001:db8::9\r\n"));
}

#[test]
fn the_peers_order_of_codecs_and_its_numbers_are_taken() {
    let (answer, agreement) = answered(
        "m=audio 49170 RTP/AVP 96 0 3 97 8\na=rtpmap:96 telephone-event/8000\na=rtpmap:97 opus/48000/2",
    )
    .expect("it has G.711");
    assert_eq!(names(&agreement), [("PCMU", 0, 0), ("PCMA", 8, 8)]);
    assert_eq!(agreement.event.map(|event| (event.send, event.receive)), Some((96, 96)));
    assert!(answer.contains("m=audio 4000 RTP/AVP 0 8 96\r\n"), "{answer}");
    assert_eq!(agreement.remote_rtp, "192.0.2.1:49170".parse().expect("it is an address"));
    assert_eq!(agreement.remote_rtcp, "192.0.2.1:49171".parse().expect("it is an address"));
}

#[test]
fn g711_under_a_dynamic_number_is_g711_and_keeps_its_number_in_our_next_offer() {
    let mut phone = phone();
    let offer = peer("m=audio 49170 RTP/AVP 101\na=rtpmap:101 pcmu/8000/1");
    let agreement = phone.handle_offer(&offer, local(), Direction::SENDRECV).expect("it has G.711");
    assert_eq!(names(&agreement), [("PCMU", 101, 101)]);
    let offer = text(phone.offer(local(), Direction::SENDRECV));
    assert!(offer.contains("a=rtpmap:101 PCMU/8000\r\n"), "{offer}");
    assert!(
        offer.contains("a=rtpmap:0 telephone-event/8000\r\n"),
        "what had that number gets another: {offer}"
    );
}

#[test]
fn an_answer_with_other_numbers_than_ours_is_sent_what_it_names() {
    let mut phone = phone();
    phone.offer(local(), Direction::SENDRECV);
    let answer = peer("m=audio 49170 RTP/AVP 98 97\na=rtpmap:97 telephone-event/8000\na=rtpmap:98 PCMA/8000");
    let agreement = phone.handle_answer(&answer).expect("it has G.711");
    assert_eq!(names(&agreement), [("PCMA", 98, 8)]);
    assert_eq!(agreement.event.map(|event| (event.send, event.receive)), Some((97, 101)));
}

#[test]
fn other_lines_than_audio_are_refused_in_their_place_and_stay_there() {
    let mut phone = phone();
    let offer = peer(
        "m=video 5000 RTP/AVP 31\nm=audio 0 RTP/AVP 0\nm=audio 5002 RTP/SAVP 0\nm=audio 5004 RTP/AVP 0\n\
         m=audio 5006 RTP/AVP 0\nm=application 9 TCP/BFCP *",
    );
    let agreement = phone.handle_offer(&offer, local(), Direction::SENDRECV).expect("it has audio");
    let answer = phone.answer(&agreement);
    let lines = |text: &str| -> Vec<String> {
        text.lines().filter(|line| line.starts_with("m=")).map(ToString::to_string).collect()
    };
    let mut expected = vec![
        "m=video 0 RTP/AVP 31",
        "m=audio 0 RTP/AVP 0",
        "m=audio 0 RTP/SAVP 0",
        "m=audio 4000 RTP/AVP 0",
        "m=audio 0 RTP/AVP 0",
        "m=application 0 TCP/BFCP *",
    ];
    assert_eq!(lines(&text(answer)), expected);
    assert_eq!(agreement.remote_rtp.port(), 5004);
    if let Some(audio) = expected.get_mut(3) {
        *audio = "m=audio 4000 RTP/AVP 8 0 101";
    }
    assert_eq!(lines(&text(phone.offer(local(), Direction::SENDRECV))), expected);
}

#[test]
fn an_offer_without_anything_for_us_is_refused_with_488() {
    for (lines, error) in [
        ("", SdpError::NoAudio),
        ("m=audio 0 RTP/AVP 0", SdpError::NoAudio),
        ("m=audio 5000 RTP/SAVP 0", SdpError::NoAudio),
        ("m=audio 5000 RTP/AVP 0\nc=IN IP6 2001:db8::1", SdpError::NoAudio),
        ("m=audio 5000 RTP/AVP 0\nc=IN IP4 224.2.1.1/127", SdpError::NoAudio),
        ("m=audio 5000 RTP/AVP 0\nc=IN IP4 host.example.org", SdpError::NoAudio),
        ("m=audio 5000 RTP/AVP 3 18", SdpError::NoCodec),
        ("m=audio 5000 RTP/AVP 96", SdpError::NoCodec),
        ("m=audio 5000 RTP/AVP 128\na=rtpmap:128 PCMU/8000", SdpError::NoCodec),
        ("m=audio 5000 RTP/AVP 101\na=rtpmap:101 telephone-event/8000", SdpError::NoCodec),
        ("m=audio 5000 RTP/AVP 96\na=rtpmap:96 PCMU/16000", SdpError::NoCodec),
    ] {
        let refusal = answered(lines).map(|(answer, _)| answer);
        assert_eq!(refusal, Err(error), "{lines}");
        assert_eq!(error.status(), Status::NOT_ACCEPTABLE_HERE);
    }
    let endless = "m=video 1 RTP/AVP 31\n".repeat(40);
    assert_eq!(answered(&endless).map(drop), Err(SdpError::TooLong));
}

#[test]
fn what_is_no_description_is_a_bad_request() {
    for bytes in
        [&b""[..], b"\0\0\0", b"hello", b"v=1\r\n", b"v=0\r\nm=audio x RTP/AVP 0\r\n", b"v=0\r\nm=audio\r\n"]
    {
        let refusal = phone().handle_offer(bytes, local(), Direction::SENDRECV);
        assert!(refusal.is_err_and(|error| matches!(error, SdpError::Malformed)), "{bytes:?}");
    }
    assert_eq!(SdpError::Malformed.status(), Status::BAD_REQUEST);
}

#[test]
fn faults_where_a_phone_does_not_look_cost_no_call() {
    let offer = b"v=0\no=caf\xe9 x y IN\ns=\xff\xfe\nb=AS:64.5\nt=now\nnonsense\nc=IN IP4 192.0.2.1 \n\
                  a=\xe9:\xe9\nm=audio 5000 RTP/AVP  0 8 \nm=video 0 RTP/AVP\n\0";
    let agreement = phone().handle_offer(offer, local(), Direction::SENDRECV);
    assert_eq!(agreement.map(|agreement| agreement.codecs.len()), Ok(2));
}

#[test]
fn a_peer_that_holds_is_understood_in_each_of_its_ways() {
    for (lines, direction) in [
        ("m=audio 5000 RTP/AVP 0\na=sendrecv", Direction::SENDRECV),
        ("m=audio 5000 RTP/AVP 0\na=sendonly", Direction::RECVONLY),
        ("m=audio 5000 RTP/AVP 0\na=recvonly", Direction::SENDONLY),
        ("m=audio 5000 RTP/AVP 0\na=inactive", Direction::INACTIVE),
        ("a=sendonly\nm=audio 5000 RTP/AVP 0", Direction::RECVONLY),
        ("a=sendonly\nm=audio 5000 RTP/AVP 0\na=sendrecv", Direction::SENDRECV),
        ("m=audio 5000 RTP/AVP 0\nc=IN IP4 0.0.0.0", Direction::RECVONLY),
        ("m=audio 5000 RTP/AVP 0\nc=IN IP4 0.0.0.0\na=inactive", Direction::INACTIVE),
    ] {
        let (answer, agreement) = answered(lines).expect("it is acceptable");
        assert_eq!(agreement.direction, direction, "{lines}");
        assert!(answer.contains(&format!("a={}\r\n", direction.attribute())), "{lines}: {answer}");
        assert_eq!(agreement.held, !direction.sends, "{lines}");
    }
}

#[test]
fn a_call_that_we_hold_stays_held_whatever_the_peer_offers() {
    for (attribute, direction) in [
        ("sendrecv", Direction::SENDONLY),
        ("recvonly", Direction::SENDONLY),
        ("sendonly", Direction::INACTIVE),
        ("inactive", Direction::INACTIVE),
    ] {
        let lines = format!("m=audio 5000 RTP/AVP 0\na={attribute}");
        let (_, agreement) = answered_as(&lines, Direction::SENDONLY).expect("it is acceptable");
        assert_eq!(agreement.direction, direction, "{attribute}");
    }
}

#[test]
fn the_version_rises_only_when_something_is_new() {
    let mut phone = phone();
    let version = |description: Vec<u8>| -> String {
        let text = text(description);
        text.lines().nth(1).and_then(|line| line.split(' ').nth(2)).unwrap_or_default().to_string()
    };
    assert_eq!(version(phone.offer(local(), Direction::SENDRECV)), "1");
    assert_eq!(version(phone.offer(local(), Direction::SENDRECV)), "1");
    assert_eq!(version(phone.offer(local(), Direction::SENDONLY)), "2");
    assert_eq!(version(phone.offer(local(), Direction::SENDONLY)), "2");
    let offer = peer("m=audio 5000 RTP/AVP 0");
    for expected in ["3", "3"] {
        let agreement = phone.handle_offer(&offer, local(), Direction::SENDRECV).expect("it has G.711");
        assert_eq!(version(phone.answer(&agreement)), expected);
    }
}

#[test]
fn an_answer_may_come_again_and_the_latest_counts() {
    let mut phone = phone();
    assert_eq!(phone.handle_answer(&peer("m=audio 5000 RTP/AVP 0")).map(drop), Err(SdpError::NoSuchOffer));
    phone.offer(local(), Direction::SENDRECV);
    for port in [5000, 6000] {
        let answer = peer(&format!("m=audio {port} RTP/AVP 0"));
        assert_eq!(phone.handle_answer(&answer).map(|agreement| agreement.remote_rtp.port()), Ok(port));
    }
    assert_eq!(phone.handle_answer(&peer("m=audio 0 RTP/AVP 0")).map(drop), Err(SdpError::NoAudio));
}

#[test]
fn rtcp_goes_where_the_peer_says() {
    for (attribute, expected) in [
        ("a=rtcp:5999", "192.0.2.1:5999"),
        ("a=rtcp:5999 IN IP4 192.0.2.7", "192.0.2.7:5999"),
        ("a=rtcp:no", "192.0.2.1:5001"),
    ] {
        let (_, agreement) = answered(&format!("m=audio 5000 RTP/AVP 0\n{attribute}")).expect("it has G.711");
        assert_eq!(agreement.remote_rtcp.to_string(), expected);
    }
    let (_, agreement) = answered("m=audio 65535 RTP/AVP 0").expect("it has G.711");
    assert_eq!(agreement.remote_rtcp.port(), 65535, "there is no next port");
}

#[test]
fn packets_are_as_long_as_the_peer_likes_within_bounds() {
    for (attributes, expected) in [
        ("", 20),
        ("a=ptime:30", 30),
        ("a=ptime:30.0", 30),
        ("a=ptime:5", 10),
        ("a=ptime:0", 20),
        ("a=ptime:25", 20),
        ("a=ptime:200", 60),
        ("a=ptime:99999999999", 20),
        ("a=ptime:40\na=maxptime:30", 30),
        ("a=maxptime:10", 10),
        ("a=maxptime:150", 20),
    ] {
        let (_, agreement) =
            answered(&format!("m=audio 5000 RTP/AVP 0\n{attributes}")).expect("it has G.711");
        assert_eq!(agreement.ptime_ms, expected, "{attributes}");
    }
}

#[test]
fn an_event_at_another_clock_rate_than_the_voice_is_none() {
    let (_, agreement) =
        answered("m=audio 5000 RTP/AVP 0 96\na=rtpmap:96 telephone-event/48000").expect("it has G.711");
    assert_eq!(agreement.event, None);
}
