//! Offers and answers: what can be answered is answered by an SDP that the other side can take.

use sip::sdp::{Capabilities, Codec, Direction, Format, Negotiation};

pub(crate) fn examples() -> Vec<Vec<u8>> {
    let texts = [
        "v=0\no=- 1 1 IN IP4 192.0.2.1\ns=-\nc=IN IP4 192.0.2.1\nt=0 0\nm=audio 49170/2 RTP/AVP 0 8 96\n\
         a=rtpmap:96 telephone-event/8000\na=fmtp:96 0-15\na=ptime:30\na=maxptime:60\na=sendonly\n\
         a=rtcp:5001 IN IP4 192.0.2.2\nm=video 0 RTP/AVP 31\n",
        "v=0\no=jdoe 2890844526 2890842807 IN IP6 2001:db8::1\ns=SDP Seminar\ni=A Seminar\nu=http://a/b\n\
         e=j@example.com (Jane Doe)\np=+1 617 555-6011\nb=X-YZ:128\nt=2873397496 2873404696\nr=7d 1h 0 25h\n\
         z=2882844526 -1h 2898848070 0\nk=prompt\na=recvonly\nm=audio 49170 RTP/AVP 8\nc=IN IP6 ff15::101/3\n\
         a=rtpmap:8 PCMA/8000/1\n",
        "v=0\no=- 0 0 IN IP4 0.0.0.0\ns= \nc=IN IP4 0.0.0.0\nt=0 0\na=inactive\nm=image 1 udptl t38\n\
         m=audio 4000 RTP/AVP 18 101 8 13\na=rtpmap:101 telephone-event/8000\na=fmtp:101 0-11,16\na=sendrecv\n\
         m=audio 4002 RTP/AVP 0\na=rtcp-mux\n",
    ];
    texts.map(|text| text.replace('\n', "\r\n").into_bytes()).into()
}

pub(crate) fn examine(bytes: &[u8]) -> bool {
    let format = |number, name: &str| Format { number, codec: Codec::mono(name, 8_000), fmtp: None };
    let formats = vec![format(8, "PCMA"), format(0, "PCMU"), format(101, "telephone-event")];
    let local = "192.0.2.9:4000".parse().expect("it is an address");
    let mut called = Negotiation::new(Capabilities { formats, ptime_ms: 20 }, 1);
    let mut caller = called.clone();
    caller.offer(local, Direction::SENDRECV);
    let is_answer = caller.handle_answer(bytes).is_ok();
    let Ok(agreement) = called.handle_offer(bytes, local, Direction::SENDRECV) else { return is_answer };
    let answer = called.answer(&agreement);
    assert!((10..=60).contains(&agreement.ptime_ms) && !agreement.codecs.is_empty());
    let mut offerer = called.clone();
    offerer.offer(local, Direction::SENDRECV);
    assert!(offerer.handle_answer(&answer).is_ok(), "{}", String::from_utf8_lossy(&answer));
    true
}
