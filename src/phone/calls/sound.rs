//! A call's sound: its leg, and what offers and answers (RFC 3264) make of it.

use alloc::vec::Vec;
use core::net::SocketAddr;

use media::leg::{Codec, LegCommand, LegId, Payload, Terms};
use sip::flow::Flow;
use sip::sdp::{self, Agreement, Capabilities, Direction, Format, Negotiation, SdpError};

use crate::interface::Output;

/// Milliseconds of sound a packet that we ask for.
const PTIME_MS: u8 = 20;

/// Codecs by name, static payload type and meaning; the preferred first.
const CODECS: [(&str, u8, Codec); 2] = [("PCMA", 8, Codec::Pcma), ("PCMU", 0, Codec::Pcmu)];

/// A call's leg and its negotiation.
#[derive(Debug)]
pub(super) struct Sound {
    leg: LegId,
    local_rtp: SocketAddr,
    negotiation: Negotiation,
    /// The last terms, told to the leg.
    terms: Option<Terms>,
    /// An offer of ours has no answer yet.
    is_offering: bool,
}

impl Sound {
    /// Sound at `rtp_port` of the address that the call's messages go out from.
    pub(super) fn new(leg: LegId, flow: Flow, rtp_port: u16, session_id: u32) -> Self {
        Self {
            leg,
            local_rtp: SocketAddr::new(flow.local.ip(), rtp_port),
            negotiation: Negotiation::new(capabilities(), session_id),
            terms: None,
            is_offering: false,
        }
    }

    pub(super) const fn leg(&self) -> LegId {
        self.leg
    }

    /// Another address of the callee is tried, perhaps by another of ours.
    pub(super) fn move_to(&mut self, flow: Flow) {
        self.local_rtp.set_ip(flow.local.ip());
    }

    /// Whether an offer and its answer are through.
    pub(super) const fn is_agreed(&self) -> bool {
        self.terms.is_some()
    }

    /// Whether our last offer, if there was one, has its answer.
    pub(super) const fn is_answered(&self) -> bool {
        !self.is_offering
    }

    pub(super) fn offer(&mut self) -> Vec<u8> {
        self.is_offering = true;
        self.negotiation.offer(self.local_rtp, Direction::SENDRECV)
    }

    pub(super) fn take_answer(&mut self, sdp: &[u8], outputs: &mut Vec<Output>) -> Result<(), SdpError> {
        let agreement = self.negotiation.handle_answer(sdp)?;
        self.is_offering = false;
        self.take(&agreement, outputs);
        Ok(())
    }

    /// Our answer to the peer's offer. The leg follows it by [`Self::take`] when it goes out.
    pub(super) fn answer(&mut self, offer: &[u8]) -> Result<(Vec<u8>, Agreement), SdpError> {
        self.negotiation.answer(offer, self.local_rtp, Direction::SENDRECV)
    }

    /// The leg follows what was agreed; unchanged terms leave it in peace.
    pub(super) fn take(&mut self, agreement: &Agreement, outputs: &mut Vec<Output>) {
        let terms = terms(agreement);
        if terms.is_some() && terms != self.terms {
            self.terms.clone_from(&terms);
            let command = terms.map(LegCommand::Use);
            outputs.extend(command.map(|command| Output::Leg { leg: self.leg, command }));
        }
    }
}

fn capabilities() -> Capabilities {
    let voice = CODECS.map(|(name, number, codec)| Format {
        number,
        codec: sdp::Codec::mono(name, codec.rate_hz()),
        fmtp: None,
    });
    Capabilities { formats: voice.into(), ptime_ms: PTIME_MS }
}

/// What the leg's halves are told. `None` if nothing agreed on is a voice.
fn terms(agreement: &Agreement) -> Option<Terms> {
    let payload = |number: u8, name: &str| {
        let codec = CODECS.iter().find(|(known, ..)| known.eq_ignore_ascii_case(name))?.2;
        Some(Payload { number, codec })
    };
    let first = agreement.codecs.first()?;
    let can_reach = agreement.remote_rtp.port() != 0 && !agreement.remote_rtp.ip().is_unspecified();
    Some(Terms {
        remote_rtp: agreement.remote_rtp,
        remote_rtcp: agreement.remote_rtcp,
        send: payload(first.send, &first.codec.name)?,
        receive: agreement.codecs.iter().filter_map(|it| payload(it.receive, &it.codec.name)).collect(),
        send_event: agreement.event.as_ref().map(|event| event.send),
        receive_event: agreement.event.as_ref().map(|event| event.receive),
        ptime_ms: agreement.ptime_ms,
        sending: agreement.direction.sends && can_reach,
        receiving: agreement.direction.receives,
        mute: false,
        watch: false,
    })
}
