//! Offer and answer (RFC 3264): what one call's both sides have described, and what follows from it.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use sdp_types::{Attribute, Connection, Media, Origin, Session, Time};

use super::read::{self, Line};
use super::{Agreed, Agreement, Capabilities, Direction, Format, SdpError};

/// Milliseconds of sound a packet that every phone takes (RFC 3551 §4.2).
pub(super) const USUAL_PTIME_MS: u16 = 20;

/// One call's negotiation, through as many offers as it takes.
#[derive(Clone, Debug)]
pub struct Negotiation {
    capabilities: Capabilities,
    /// What `o=` names this session by.
    session_id: u32,
    /// The description that was sent last.
    sent: Option<Session>,
    /// The media lines agreed on or offered, in their order, which never changes (RFC 3264 §8).
    lines: Vec<Place>,
    /// The offer that answers belong to, if it was ours.
    offer: Option<Offered>,
}

/// What stands in a media line's place.
#[derive(Clone, PartialEq, Eq, Debug)]
enum Place {
    /// Our audio.
    Audio,
    /// What the peer wanted and didn't get.
    Refused { media: String, proto: String, fmt: String },
}

/// An offer of ours.
#[derive(Clone, Copy, Debug)]
struct Offered {
    local_rtp: SocketAddr,
    direction: Direction,
}

/// Whose offer is being answered.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Offerer {
    We,
    Peer,
}

impl Negotiation {
    /// A call that nothing is agreed on yet. `session_id` is any number that no other call of this phone has.
    pub const fn new(capabilities: Capabilities, session_id: u32) -> Self {
        Self { capabilities, session_id, sent: None, lines: Vec::new(), offer: None }
    }

    /// Our offer, the first or a new one: audio at `local_rtp`, RTCP at the port after it.
    pub fn offer(&mut self, local_rtp: SocketAddr, direction: Direction) -> Vec<u8> {
        if !self.lines.contains(&Place::Audio) {
            self.lines.push(Place::Audio);
        }
        self.offer = Some(Offered { local_rtp, direction });
        let formats = self.capabilities.formats.clone();
        self.describe(local_rtp, direction, &formats)
    }

    /// Takes the answer to our offer. It may come more than once, from a 183 and then the 200, or from several forks:
    /// the latest counts.
    ///
    /// # Errors
    /// There is no such offer, or the answer refuses its audio; what was agreed before still holds.
    pub fn handle_answer(&mut self, answer: &[u8]) -> Result<Agreement, SdpError> {
        let offered = self.offer.ok_or(SdpError::NoSuchOffer)?;
        let lines = read::read(answer)?;
        let place =
            self.lines.iter().position(|place| *place == Place::Audio).ok_or(SdpError::NoSuchOffer)?;
        // A peer that leaves out the lines it refuses, against RFC 3264 §6, is understood while ours is there.
        let line =
            lines.get(place).or_else(|| lines.iter().find(|line| is_audio(line))).ok_or(SdpError::NoAudio)?;
        self.agree(line, Offerer::We, offered.local_rtp, offered.direction)
    }

    /// Takes the peer's offer, the first or a new one: what [`Self::answer`] will agree to, its first acceptable audio line,
    /// all others refused. `direction` is what we want; the answer has as much of that as goes with the offer.
    ///
    /// # Errors
    /// Nothing in it is acceptable: [`SdpError::status`] is the answer then, and what was agreed before still holds.
    pub fn handle_offer(
        &mut self,
        offer: &[u8],
        local_rtp: SocketAddr,
        direction: Direction,
    ) -> Result<Agreement, SdpError> {
        let lines = read::read(offer)?;
        let mut refusal = SdpError::NoAudio;
        let mut chosen = None;
        for (at, line) in lines.iter().enumerate() {
            match self.agree(line, Offerer::Peer, local_rtp, direction) {
                Ok(agreement) => {
                    chosen = Some((at, agreement));
                    break;
                }
                Err(SdpError::NoCodec) => refusal = SdpError::NoCodec,
                Err(_) => {}
            }
        }
        let (at, agreement) = chosen.ok_or(refusal)?;
        let place = |(its_place, line): (usize, &Line)| match its_place == at {
            true => Place::Audio,
            false => Place::refused(line),
        };
        self.offer = None;
        self.lines = lines.iter().enumerate().map(place).collect();
        self.keep_numbers(&agreement);
        Ok(agreement)
    }

    /// Our answer to the offer that was taken last, by which we agree to what came of it.
    pub fn answer(&mut self, agreement: &Agreement) -> Vec<u8> {
        let agreed = agreement.codecs.iter().chain(&agreement.event);
        let formats: Vec<Format> = agreed.filter_map(|agreed| self.format_of(agreed).cloned()).collect();
        self.describe(agreement.local_rtp, agreement.direction, &formats)
    }

    /// What follows from the peer's line: every codec that both have, in the peer's order.
    fn agree(
        &self,
        line: &Line,
        offerer: Offerer,
        local_rtp: SocketAddr,
        direction: Direction,
    ) -> Result<Agreement, SdpError> {
        let address = line
            .address
            .filter(|address| address.is_unspecified() || address.is_ipv4() == local_rtp.is_ipv4());
        let address = address.filter(|_| is_audio(line)).ok_or(SdpError::NoAudio)?;
        let mut agreed: Vec<Agreed> = Vec::new();
        for new in line.formats.iter().filter_map(|theirs| self.agreed(offerer, theirs)) {
            // A codec under several numbers is one codec, under the first.
            if !agreed.iter().any(|known| known.codec.is_same(&new.codec)) {
                agreed.push(new);
            }
        }
        let (events, codecs): (Vec<Agreed>, Vec<Agreed>) =
            agreed.into_iter().partition(|it| it.codec.is_telephone_event());
        let clock_hz = codecs.first().ok_or(SdpError::NoCodec)?.codec.clock_hz;
        let remote_rtp = SocketAddr::new(address, line.port);
        Ok(Agreement {
            local_rtp,
            remote_rtp,
            remote_rtcp: line.rtcp.unwrap_or(remote_rtp),
            event: events.into_iter().find(|event| event.codec.clock_hz == clock_hz),
            codecs,
            ptime_ms: usable_ptime(line.ptime_ms),
            direction: direction.facing(line.direction),
            held: !line.direction.receives,
        })
    }

    fn agreed(&self, offerer: Offerer, theirs: &Format) -> Option<Agreed> {
        let ours = self.capabilities.formats.iter().find(|ours| ours.codec.is_same(&theirs.codec))?;
        // RFC 3264 §6.1: an answer takes the numbers of its offer. A peer that answers with others of its own gets
        // them, and sends those that we offered.
        let receive = match offerer {
            Offerer::We => ours.number,
            Offerer::Peer => theirs.number,
        };
        Some(Agreed { codec: ours.codec.clone(), send: theirs.number, receive, fmtp: theirs.fmtp.clone() })
    }

    /// RFC 3264 §8.3.2: a number that a codec has got it keeps for the session, in our next offers too. A codec that
    /// had that number gets the one that is free now.
    fn keep_numbers(&mut self, agreement: &Agreement) {
        for agreed in agreement.codecs.iter().chain(&agreement.event) {
            let formats = &mut self.capabilities.formats;
            let Some(at) = formats.iter().position(|ours| ours.codec.is_same(&agreed.codec)) else {
                continue;
            };
            let Some(old) = formats.get(at).map(|ours| ours.number) else { continue };
            for ours in formats.iter_mut().filter(|ours| ours.number == agreed.receive) {
                ours.number = old;
            }
            if let Some(ours) = formats.get_mut(at) {
                ours.number = agreed.receive;
            }
        }
    }

    fn format_of(&self, agreed: &Agreed) -> Option<&Format> {
        self.capabilities.formats.iter().find(|ours| ours.codec.is_same(&agreed.codec))
    }

    /// Our description. RFC 3264 §8: its version rises when anything in it is new, and only then.
    fn describe(&mut self, local_rtp: SocketAddr, direction: Direction, formats: &[Format]) -> Vec<u8> {
        let version = self.sent.as_ref().map_or(1, |sent| sent.origin.sess_version);
        let mut session = Session::new(Origin::with_ip_addr(self.session_id, version, local_rtp.ip()), "-");
        session.connection = Some(Connection::from_ip_addr(local_rtp.ip()));
        session.times = [Time::new(0, 0)].into();
        let audio = describe_audio(local_rtp.port(), direction, formats, self.capabilities.ptime_ms);
        session.medias = self.lines.iter().map(|place| place.describe(&audio)).collect();
        if self.sent.as_ref().is_some_and(|sent| *sent != session) {
            session.origin.sess_version = version.saturating_add(1);
        }
        let mut text = Vec::new();
        session.write(&mut text).expect("writing to a Vec can't fail");
        self.sent = Some(session);
        text
    }
}

impl Place {
    fn refused(line: &Line) -> Self {
        Self::Refused { media: line.media.clone(), proto: line.proto.clone(), fmt: line.fmt.clone() }
    }

    fn describe(&self, audio: &Media) -> Media {
        match self {
            Self::Audio => audio.clone(),
            Self::Refused { media, proto, fmt } => media_line(media, 0, proto, fmt.clone()),
        }
    }
}

/// An audio line over RTP that is in use.
fn is_audio(line: &Line) -> bool {
    line.media.eq_ignore_ascii_case("audio") && line.proto.eq_ignore_ascii_case("RTP/AVP") && line.port != 0
}

/// What we send: 10 to 60 ms by steps of 10, as near below what is asked as there is.
fn usable_ptime(asked_ms: Option<u16>) -> u8 {
    let asked_ms = asked_ms.filter(|asked_ms| *asked_ms != 0).unwrap_or(USUAL_PTIME_MS).clamp(10, 60);
    u8::try_from(asked_ms / 10).unwrap_or(2).saturating_mul(10)
}

fn describe_audio(port: u16, direction: Direction, formats: &[Format], ptime_ms: u8) -> Media {
    let numbers: Vec<String> = formats.iter().map(|format| format!("{}", format.number)).collect();
    let mut media = media_line("audio", port, "RTP/AVP", numbers.join(" "));
    for Format { number, codec, fmtp } in formats {
        let rtpmap = format!("{number} {}/{}", codec.name, codec.clock_hz);
        media.attributes.push(Attribute::with_value("rtpmap", rtpmap));
        if let Some(fmtp) = fmtp {
            media.attributes.push(Attribute::with_value("fmtp", format!("{number} {fmtp}")));
        }
    }
    media.attributes.push(Attribute::with_value("ptime", ptime_ms));
    media.attributes.push(Attribute::new(direction.attribute()));
    media
}

fn media_line(media: &str, port: u16, proto: &str, fmt: String) -> Media {
    Media {
        media: media.into(),
        port,
        num_ports: None,
        proto: proto.into(),
        fmt,
        media_title: None,
        connections: Vec::new(),
        bandwidths: Vec::new(),
        key: None,
        attributes: Vec::new(),
    }
}
