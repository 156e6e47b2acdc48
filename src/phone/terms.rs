//! Codecs as session descriptions name them and as media legs know them: what can be offered, and what a leg is told of
//! what offer and answer came to. For calls, and for whoever else answers them.

use media::leg::{Codec, Payload, Terms};
use sip::sdp::{self, Agreement, Capabilities, Format};

/// Milliseconds of sound a packet that we ask for.
const PTIME_MS: u8 = 20;

/// Codecs by name, static payload type and meaning; the preferred first.
const CODECS: [(&str, u8, Codec); 2] = [("PCMA", 8, Codec::Pcma), ("PCMU", 0, Codec::Pcmu)];

/// The number that our offers give to telephone-event, and the events that we understand: the sixteen keys (RFC 4733
/// §2.5).
const EVENT_NUMBER: u8 = 101;
const EVENTS: &str = "0-15";

/// All that the package `media` can do.
pub fn capabilities() -> Capabilities {
    let voice = CODECS.map(|(name, number, codec)| Format {
        number,
        codec: sdp::Codec::mono(name, codec.rate_hz()),
        fmtp: None,
    });
    let event = Format {
        number: EVENT_NUMBER,
        codec: sdp::Codec::mono("telephone-event", 8_000),
        fmtp: Some(EVENTS.into()),
    };
    Capabilities { formats: voice.into_iter().chain([event]).collect(), ptime_ms: PTIME_MS }
}

/// What a leg's halves are told; neither muted nor watched. `None` if nothing agreed on is a voice.
pub fn terms(agreement: &Agreement) -> Option<Terms> {
    let payload = |number: u8, name: &str| {
        let codec = CODECS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?.2;
        Some(Payload { number, codec })
    };
    let first = agreement.codecs.first()?;
    Some(Terms {
        local_rtp: agreement.local_rtp,
        remote_rtp: agreement.remote_rtp,
        remote_rtcp: agreement.remote_rtcp,
        send: payload(first.send, &first.codec.name)?,
        receive: agreement.codecs.iter().filter_map(|it| payload(it.receive, &it.codec.name)).collect(),
        send_event: agreement.event.as_ref().map(|event| event.send),
        receive_event: agreement.event.as_ref().map(|event| event.receive),
        ptime_ms: agreement.ptime_ms,
        sending: agreement.direction.sends,
        receiving: agreement.direction.receives,
        mute: false,
        watch: false,
    })
}
