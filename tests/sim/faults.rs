//! Faults planted in the phones, to see that the worlds would catch them: each is what a phone with that mistake would
//! do at its door, put between the phone and the world.

use std::collections::BTreeSet;

use media::leg::LegCommand;
use phone::{Event, Input, Output, PortId};
use sip::endpoint;

use crate::witness::Cause;

/// What is wrong with all phones of a world.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fault {
    /// A 2xx to an INVITE is not acknowledged.
    AckIsForgotten,
    /// A 2xx that comes again is not acknowledged again (RFC 3261 §13.2.2.4).
    AckIsNotRepeated,
    /// A 2xx to an INVITE goes out only once (RFC 3261 §13.3.1.4).
    AnswerIsNotRepeated,
    /// Requests go out only once.
    RequestIsNotRepeated,
    /// A call that is given up is not cancelled.
    CancelIsForgotten,
    /// A call that is hung up goes on at the other side.
    ByeIsForgotten,
    /// Who answers second is left to itself.
    ForkIsLeft,
    /// The tag of the 200 is another than that of the 180.
    TagChanges,
    /// Requests within a dialog have the number of the INVITE (RFC 3261 §12.2.1.1).
    NumberStandsStill,
    /// A binding is thought to last ten times as long as it does.
    GrantIsMisread,
    /// An account is disconnected without its binding being removed.
    BindingIsLeft,
    /// `OnFinalizedCall` is told twice.
    EndIsToldTwice,
    /// `OnAcceptCall` is not told.
    AnswerIsNotTold,
    /// `OnSIPRegisterFinalized` is not told.
    OutcomeIsNotFinalized,
    /// The reply follows its events.
    ReplyIsLate,
    /// A call that was cancelled looks like one that was declined.
    StatusIsWrong,
    /// A leg gets the sockets of the leg before.
    PortIsUsedTwice,
    /// A leg is not ended with its call.
    LegIsLeft,
    /// A hold is not offered to the peer.
    HoldIsNotOffered,
    /// A key of the peer's is told twice.
    KeyIsToldTwice,
    /// That a call is muted is not told.
    MuteIsNotTold,
}

impl Fault {
    pub(crate) const ALL: [Self; 21] = [
        Self::AckIsForgotten,
        Self::AckIsNotRepeated,
        Self::AnswerIsNotRepeated,
        Self::RequestIsNotRepeated,
        Self::CancelIsForgotten,
        Self::ByeIsForgotten,
        Self::ForkIsLeft,
        Self::TagChanges,
        Self::NumberStandsStill,
        Self::GrantIsMisread,
        Self::BindingIsLeft,
        Self::EndIsToldTwice,
        Self::AnswerIsNotTold,
        Self::OutcomeIsNotFinalized,
        Self::ReplyIsLate,
        Self::StatusIsWrong,
        Self::PortIsUsedTwice,
        Self::LegIsLeft,
        Self::HoldIsNotOffered,
        Self::KeyIsToldTwice,
        Self::MuteIsNotTold,
    ];
}

/// Makes a phone one that has a fault.
pub(crate) struct Spoiler {
    fault: Fault,
    /// Messages that have gone out, and the Vias of INVITEs among them.
    sent: BTreeSet<String>,
    invites: BTreeSet<String>,
    /// Vias of BYEs that have not gone out.
    left: BTreeSet<String>,
    last_port: Option<PortId>,
}

impl Spoiler {
    pub(crate) const fn new(fault: Fault) -> Self {
        Self {
            fault,
            sent: BTreeSet::new(),
            invites: BTreeSet::new(),
            left: BTreeSet::new(),
            last_port: None,
        }
    }

    /// A datagram as the phone understands it.
    pub(crate) fn misread(&self, input: &Input<'_>) -> Option<Vec<u8>> {
        let Input::Sip(endpoint::Input::Datagram { bytes, .. }) = input else { return None };
        let text = std::str::from_utf8(bytes).ok()?;
        match self.fault {
            Fault::GrantIsMisread if text.contains(" REGISTER\r\n") => {
                Some(with_number(text, ";expires=", |seconds| format!("{seconds}0")).into_bytes())
            }
            _ => None,
        }
    }

    /// What a phone with the fault does, where a good one does this.
    pub(crate) fn spoil(&mut self, cause: &Cause, outputs: Vec<Output>) -> Vec<Output> {
        let mut spoilt = Vec::new();
        for output in outputs {
            match output {
                Output::Send { flow, bytes } => {
                    let bytes = self.spoil_message(cause, bytes);
                    spoilt.extend(bytes.map(|bytes| Output::Send { flow, bytes }));
                }
                output => self.spoil_other(output, &mut spoilt),
            }
        }
        if self.fault == Fault::ReplyIsLate {
            spoilt.sort_by_key(|output| matches!(output, Output::Reply { .. }));
        }
        spoilt
    }

    fn spoil_message(&mut self, cause: &Cause, bytes: Vec<u8>) -> Option<Vec<u8>> {
        let text = String::from_utf8(bytes).expect("a phone sends text");
        let line = |name: &str| text.lines().find(|line| line.starts_with(name)).unwrap_or_default();
        let is = |method: &str| text.starts_with(method);
        let is_request = !is("SIP/2.0");
        let is_answer = is("SIP/2.0 200") && line("CSeq: ").ends_with(" INVITE");
        // Each ACK for a 2xx has a branch of its own, and is the same message nevertheless.
        let is_repeat = !self.sent.insert(text.lines().filter(|line| !line.starts_with("Via: ")).collect());
        let via = line("Via: ").to_owned();
        let is_dropped = match self.fault {
            // The ACK for another final answer is the transaction's own: it has the INVITE's branch (§17.1.1.3).
            Fault::AckIsForgotten => is("ACK ") && !self.invites.contains(&via),
            Fault::AckIsNotRepeated => is("ACK ") && is_repeat,
            Fault::AnswerIsNotRepeated => is_answer && is_repeat,
            Fault::RequestIsNotRepeated => is_request && is_repeat && !is("ACK "),
            Fault::CancelIsForgotten => is("CANCEL "),
            Fault::ByeIsForgotten => is("BYE "),
            Fault::ForkIsLeft => {
                is("BYE ")
                    && (*cause == Cause::Datagram && self.left.insert(via.clone())
                        || self.left.contains(&via))
            }
            _ => false,
        };
        let changed = match self.fault {
            Fault::TagChanges if is_answer => {
                let to = line("To: ");
                text.replacen(to, &format!("{to}0"), 1)
            }
            Fault::NumberStandsStill if is_request && line("To: ").contains(";tag=") => {
                with_number(&text, "CSeq: ", |_| "1".into())
            }
            Fault::BindingIsLeft if is("REGISTER ") => with_number(&text, "Expires: ", |seconds| {
                if seconds == "0" { "3600" } else { seconds }.into()
            }),
            Fault::HoldIsNotOffered if is("INVITE ") => {
                text.replace("a=sendonly", "a=sendrecv").replace("a=inactive", "a=sendrecv")
            }
            _ => text.clone(),
        };
        if is("INVITE ") {
            self.invites.insert(via);
        }
        Some(changed.into_bytes()).filter(|_| !is_dropped)
    }

    fn spoil_other(&mut self, output: Output, spoilt: &mut Vec<Output>) {
        match (self.fault, output) {
            (Fault::EndIsToldTwice, output @ Output::Event(Event::CallFinalized(_)))
            | (Fault::KeyIsToldTwice, output @ Output::Event(Event::Dtmf { .. })) => {
                spoilt.extend([output.clone(), output]);
            }
            (Fault::AnswerIsNotTold, Output::Event(Event::CallAccepted(_)))
            | (Fault::MuteIsNotTold, Output::Event(Event::Muted { .. }))
            | (Fault::OutcomeIsNotFinalized, Output::Event(Event::RegisterFinalized(..)))
            | (Fault::LegIsLeft, Output::Leg { command: LegCommand::End { .. }, .. }) => {}
            (Fault::StatusIsWrong, Output::Event(Event::CallFinalized(mut told))) => {
                told.sip_error = if told.sip_error == 487 { 486 } else { told.sip_error };
                spoilt.push(Output::Event(Event::CallFinalized(told)));
            }
            (Fault::PortIsUsedTwice, Output::StartLeg { leg, port }) => {
                let port = *self.last_port.get_or_insert(port);
                spoilt.push(Output::StartLeg { leg, port });
            }
            (_, output) => spoilt.push(output),
        }
    }
}

/// The text with the number replaced that follows these words.
fn with_number(text: &str, word: &str, number: impl Fn(&str) -> String) -> String {
    let mut parts = text.split(word);
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |before, part| {
        let end = part.find(|c: char| !c.is_ascii_digit()).unwrap_or(part.len());
        format!("{before}{word}{}{}", number(&part[..end]), &part[end..])
    })
}
