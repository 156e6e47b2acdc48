//! A call's sound: its leg, and what offers and answers (RFC 3264) make of it.

use alloc::vec::Vec;
use core::net::SocketAddr;

use media::dtmf;
use media::leg::{LegCommand, LegId, Terms, Tone};
use sip::flow::Flow;
use sip::sdp::{Agreement, Direction, Negotiation, SdpError};

use crate::interface::{Family, Output};
use crate::terms::{capabilities, terms};

/// A call's leg and its negotiation.
#[derive(Debug)]
pub(super) struct Sound {
    leg: LegId,
    local_rtp: SocketAddr,
    negotiation: Negotiation,
    /// What offers and answers came to last.
    agreement: Option<Agreement>,
    /// The last terms, told to the leg.
    terms: Option<Terms>,
    /// What the user hears of the call's state, told to the leg.
    tone: Option<Tone>,
    /// Whether the leg tells how loud it is, told to it.
    is_metered: bool,
}

/// What our side makes of what was agreed.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Stance {
    /// Our side holds: nothing is sent and nothing played, whatever the peer may think.
    pub(super) held: bool,
    /// Silence is sent instead of the microphone.
    pub(super) mute: bool,
    /// Silence of the network is worth a word.
    pub(super) watch: bool,
}

impl Stance {
    fn apply(self, terms: Terms) -> Terms {
        let Self { held, mute, watch } = self;
        Terms { sending: terms.sending && !held, receiving: terms.receiving && !held, mute, watch, ..terms }
    }
}

impl Sound {
    /// Sound at `rtp_port` of the address that the call's messages go out from.
    pub(super) fn new(leg: LegId, flow: Flow, rtp_port: u16, session_id: u32) -> Self {
        Self {
            leg,
            local_rtp: at_port(flow.local, rtp_port),
            negotiation: Negotiation::new(capabilities(), session_id),
            agreement: None,
            terms: None,
            tone: None,
            is_metered: false,
        }
    }

    pub(super) const fn leg(&self) -> LegId {
        self.leg
    }

    /// The family of the leg's sockets.
    pub(super) fn family(&self) -> Family {
        Family::of(self.local_rtp)
    }

    /// Another address of the callee is tried, perhaps by another of ours, of the same family.
    pub(super) fn move_to(&mut self, flow: Flow) {
        self.local_rtp = at_port(flow.local, self.local_rtp.port());
    }

    /// Whether an offer and its answer are through.
    pub(super) const fn is_agreed(&self) -> bool {
        self.agreement.is_some()
    }

    /// Whether the peer wants to hear nothing.
    pub(super) fn is_held(&self) -> bool {
        self.agreement.as_ref().is_some_and(|agreement| agreement.held)
    }

    pub(super) fn offer(&mut self, direction: Direction) -> Vec<u8> {
        self.negotiation.offer(self.local_rtp, direction)
    }

    pub(super) fn take_answer(&mut self, sdp: &[u8]) -> Result<(), SdpError> {
        self.agreement = Some(self.negotiation.handle_answer(sdp)?);
        Ok(())
    }

    /// What we can agree to of the peer's offer.
    pub(super) fn take_offer(&mut self, offer: &[u8], direction: Direction) -> Result<Agreement, SdpError> {
        self.negotiation.handle_offer(offer, self.local_rtp, direction)
    }

    /// The answer that agrees to it, and goes out now.
    pub(super) fn answer(&mut self, agreement: Agreement) -> Vec<u8> {
        let answer = self.negotiation.answer(&agreement);
        self.agreement = Some(agreement);
        answer
    }

    /// Whether it is agreed on that the peer sends.
    pub(super) fn is_receiving(&self) -> bool {
        self.agreement.as_ref().is_some_and(|agreement| agreement.direction.receives)
    }

    /// Whether something is agreed on that we may send, keys included.
    pub(super) fn is_sending(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.sending)
    }

    /// Whether keys may go out as telephone-event.
    pub(super) fn has_events(&self) -> bool {
        self.terms.as_ref().is_some_and(|terms| terms.send_event.is_some())
    }

    /// The leg follows what was agreed and our stance; unchanged terms leave it in peace.
    pub(super) fn follow(&mut self, stance: Stance, outputs: &mut Vec<Output>) {
        let terms = self.agreement.as_ref().and_then(terms).map(|terms| stance.apply(terms));
        if let Some(terms) = terms.filter(|terms| self.terms.as_ref() != Some(terms)) {
            self.terms = Some(terms.clone());
            outputs.push(self.command(LegCommand::Use(terms)));
        }
    }

    /// What the user hears from now on.
    pub(super) fn sound_tone(&mut self, tone: Option<Tone>, outputs: &mut Vec<Output>) {
        if tone != self.tone {
            self.tone = tone;
            outputs.push(self.command(LegCommand::Tone(tone)));
        }
    }

    /// Whether the leg tells how loud it is, as soon as it has terms.
    pub(super) fn meter(&mut self, on: bool, outputs: &mut Vec<Output>) {
        if self.terms.is_some() && on != self.is_metered {
            self.is_metered = on;
            outputs.push(self.command(LegCommand::Meter(on)));
        }
    }

    pub(super) fn send_key(&self, key: dtmf::Key, way: dtmf::Way, outputs: &mut Vec<Output>) {
        outputs.push(self.command(LegCommand::Key { key, way }));
    }

    pub(super) fn end(self, tone: Option<Tone>, outputs: &mut Vec<Output>) {
        outputs.push(self.command(LegCommand::End { tone }));
    }

    const fn command(&self, command: LegCommand) -> Output {
        Output::Leg { leg: self.leg, command }
    }
}

/// Another port of the same address, scope included.
fn at_port(mut address: SocketAddr, port: u16) -> SocketAddr {
    address.set_port(port);
    address
}
