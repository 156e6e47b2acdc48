//! From a peer's text to its media lines.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, SocketAddr};

use sdp_types::{Attribute, Connection, Media, Session};

use super::{Codec, Direction, Format, SdpError};
use crate::message::lex;

/// Media lines of a description. A phone's has 1 or 2, a conference server's some more; each has to be answered.
const MAX_LINES: usize = 32;

/// Formats of a media line that are looked at: RTP has no more payload types (RFC 3550 §5.1).
const MAX_FORMATS: usize = 128;

/// One media line.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Line {
    /// `audio`, `video` and so on.
    pub(super) media: String,
    /// `RTP/AVP` and so on.
    pub(super) proto: String,
    /// Payload type numbers, or what else the protocol has, as written.
    pub(super) fmt: String,
    /// 0 for a line that is refused or not in use.
    pub(super) port: u16,
    /// Where the peer receives. None where it is a name, multicast, or missing.
    pub(super) address: Option<IpAddr>,
    /// `a=rtcp`, else the next port.
    pub(super) rtcp: Option<SocketAddr>,
    /// What the peer does.
    pub(super) direction: Direction,
    /// What we can make out of `fmt`, in the peer's order.
    pub(super) formats: Vec<Format>,
    /// What the peer likes to get in a packet, within its `a=maxptime`.
    pub(super) ptime_ms: Option<u16>,
}

/// Reads a description. Only what this phone goes by is looked at: a fault elsewhere costs no call.
pub(super) fn read(bytes: &[u8]) -> Result<Vec<Line>, SdpError> {
    let session = Session::parse(&relevant_lines(bytes)).map_err(|_| SdpError::Malformed)?;
    if session.medias.len() > MAX_LINES {
        return Err(SdpError::TooLong);
    }
    Ok(session.medias.iter().map(|media| read_line(&session, media)).collect())
}

/// The lines of version, connection, media and attributes, as UTF-8.
fn relevant_lines(bytes: &[u8]) -> Vec<u8> {
    let mut text = String::with_capacity(bytes.len());
    for line in bytes.split(|byte| matches!(byte, b'\n' | b'\r')) {
        let line = lex::decode(line);
        let line = line.trim_matches([' ', '\t', '\0']);
        if !["v=", "c=", "m=", "a="].iter().any(|key| line.starts_with(key)) {
            continue;
        }
        text.push_str(line);
        // A refused line may come without any format, against the grammar.
        if line.starts_with("m=") && line.split_ascii_whitespace().count() == 3 {
            text.push_str(" 0");
        }
        text.push_str("\r\n");
    }
    text.into_bytes()
}

fn read_line(session: &Session, media: &Media) -> Line {
    let connection = media.connections.first().or(session.connection.as_ref());
    let address = connection.and_then(read_address);
    let value = |name| find(&media.attributes, name).or_else(|| find(&session.attributes, name));
    let number = |name| value(name).and_then(|text| lex::number::<u16>(text.split('.').next()?));
    let direction = read_direction(&media.attributes).or_else(|| read_direction(&session.attributes));
    let ptime_ms = match (number("ptime"), number("maxptime")) {
        (Some(ptime), Some(most)) => Some(ptime.min(most)),
        // Without ptime only a maxptime below our own would matter.
        (None, Some(most)) if most < super::negotiation::USUAL_PTIME_MS => Some(most),
        (ptime, _) => ptime,
    };
    let mut direction = direction.unwrap_or(Direction::SENDRECV);
    let formats = media.fmt.split_ascii_whitespace().take(MAX_FORMATS);
    // RFC 3264 §8.4: the old way to hold.
    direction.receives &= !address.is_some_and(|address| address.is_unspecified());
    Line {
        media: media.media.clone(),
        proto: media.proto.clone(),
        fmt: media.fmt.clone(),
        port: media.port,
        address,
        rtcp: address.and_then(|address| read_rtcp(media, address)),
        direction,
        formats: formats.filter_map(|number| read_format(media, number)).collect(),
        ptime_ms,
    }
}

fn read_address(connection: &Connection) -> Option<IpAddr> {
    let text = connection.connection_address.split('/').next()?;
    let text = text.strip_prefix('[').and_then(|text| text.strip_suffix(']')).unwrap_or(text);
    text.parse::<IpAddr>().ok().filter(|address| !address.is_multicast())
}

/// RFC 3605: `a=rtcp:port` or `a=rtcp:port IN IP4 address`.
fn read_rtcp(media: &Media, address: IpAddr) -> Option<SocketAddr> {
    let next = media.port.checked_add(1).map(|port| SocketAddr::new(address, port));
    let Some(value) = find(&media.attributes, "rtcp") else { return next };
    let mut words = value.split_ascii_whitespace();
    let Some(port) = words.next().and_then(lex::number) else { return next };
    let own_address = words.nth(2).and_then(|text| text.parse().ok());
    Some(SocketAddr::new(own_address.unwrap_or(address), port))
}

fn find<'a>(attributes: &'a [Attribute], name: &str) -> Option<&'a str> {
    let found = attributes.iter().find(|attribute| attribute.attribute.eq_ignore_ascii_case(name))?;
    found.value.as_deref().map(lex::trim)
}

fn read_direction(attributes: &[Attribute]) -> Option<Direction> {
    attributes.iter().find_map(|attribute| {
        let is_it = |it: &Direction| attribute.attribute.eq_ignore_ascii_case(it.attribute());
        Direction::ALL.into_iter().find(is_it)
    })
}

fn read_format(media: &Media, number: &str) -> Option<Format> {
    let number = lex::number::<u8>(number).filter(|number| *number < 128)?;
    let of_number = |name: &str| {
        let named =
            media.attributes.iter().filter(move |attribute| attribute.attribute.eq_ignore_ascii_case(name));
        let mut values = named.filter_map(|attribute| attribute.value.as_deref());
        values.find_map(|value| {
            let (its_number, rest) = lex::trim(value).split_once([' ', '\t'])?;
            (lex::number(its_number) == Some(number)).then(|| lex::trim(rest).to_owned())
        })
    };
    let codec = match of_number("rtpmap") {
        Some(encoding) => read_codec(&encoding)?,
        None => static_codec(number)?,
    };
    Some(Format { number, codec, fmtp: of_number("fmtp") })
}

/// `name/clock` or `name/clock/channels`.
fn read_codec(encoding: &str) -> Option<Codec> {
    let mut parts = encoding.split('/').map(lex::trim);
    let name = parts.next().filter(|name| !name.is_empty())?.to_owned();
    let clock_hz = lex::number(parts.next()?)?;
    let channels = parts.next().map_or(Some(1), lex::number)?;
    Some(Codec { name, clock_hz, channels })
}

/// RFC 3551 §6: numbers that need no `a=rtpmap`, of codecs that we may have.
fn static_codec(number: u8) -> Option<Codec> {
    match number {
        0 => Some(Codec::mono("PCMU", 8_000)),
        8 => Some(Codec::mono("PCMA", 8_000)),
        _ => None,
    }
}
