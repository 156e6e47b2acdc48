//! What programs and legs are told, in the words of the ladders.

use media::leg::{Codec, LegCommand, Payload, Terms, Tone};
use phone::event::{CallType, Side, SipError};
use phone::{CallTold, Event};

/// An event's name and words, and its SIPError.
pub(crate) fn event(event: &Event) -> (Vec<String>, SipError) {
    let (words, sip_error) = match event {
        Event::Registered(id) => (format!("OnSIPRegister @{}", id.0), 0),
        Event::Unregistered(id) => (format!("OnSIPUnRegister @{}", id.0), 0),
        Event::RegisterRefused(id, status) => (format!("OnSIPRegisterRefused @{}", id.0), *status),
        Event::RegisterFinalized(id, status) => (format!("OnSIPRegisterFinalized @{}", id.0), *status),
        Event::RegisterCancelled(id) => (format!("OnSIPRegisterCancelled @{}", id.0), 487),
        Event::RegisterExpired(id, status) => (format!("OnSIPRegisterExpired @{}", id.0), *status),
        Event::NewCall(told) => (call("OnNewCall", told), told.sip_error),
        Event::CallAccepted(told) => (call("OnAcceptCall", told), told.sip_error),
        Event::CallFinalized(told) => (call("OnFinalizedCall", told), told.sip_error),
        Event::CallTransferred(told) => (call("OnTransferredCall", told), told.sip_error),
        Event::CallProgress { call, status, early_media } => {
            let early = if *early_media { "early" } else { "" };
            (format!("OnCallProgress #{} {early}", call.0), *status)
        }
        Event::Hold { call, hold, by, sip_error } => {
            let by = if *by == Side::Local { "local" } else { "remote" };
            (format!("OnHoldCall #{} {hold} {by}", call.0), *sip_error)
        }
        Event::TransferFailed { call, sip_error } => (format!("OnTransferFailed #{}", call.0), *sip_error),
        Event::Dtmf { call, key } => (format!("OnDTMF #{} {key}", call.0), 0),
        Event::MediaLost(call) => (format!("OnMediaLost #{}", call.0), 0),
        Event::MediaBack(call) => (format!("OnMediaBack #{}", call.0), 0),
        Event::AccountsLeft(left) => (format!("OnStateChanged accounts={}", left.len()), 0),
        Event::Muted { call, mute } => (format!("OnStateChanged #{} mute={mute}", call.0), 0),
        Event::AudioLevel { call, .. } => (format!("OnAudioLevel #{}", call.0), 0),
    };
    (words.split_whitespace().map(str::to_owned).collect(), sip_error)
}

fn call(name: &str, told: &CallTold) -> String {
    let call_type = if told.call_type == CallType::Incoming { "incoming" } else { "outgoing" };
    let CallTold { call, from, to, .. } = told;
    let mut words = format!("{name} #{} {call_type} from={from} to={to}", call.0);
    let display_name = told.display_name.split_whitespace().collect::<Vec<_>>().join("_");
    words.push_str(&format!(" name={}", display_name.chars().take(60).collect::<String>()));
    for (name, value) in &told.headers {
        words.push_str(&format!(" {name}={}", value.replace(' ', "_")));
    }
    words
}

/// A command to a leg: `use` with its terms, `tone`, `key`, `end`.
pub(crate) fn leg(command: &LegCommand) -> Vec<String> {
    let tone = |tone: &Option<Tone>| tone.map_or("silence".to_owned(), |tone| format!("{tone:?}"));
    let words = match command {
        LegCommand::Use(terms) => terms_of(terms),
        LegCommand::Tone(sounds) => format!("tone {}", tone(sounds)),
        LegCommand::Key { key, way } => format!("key {} {way:?}", char::from(*key)),
        LegCommand::Meter(on) => format!("meter {on}"),
        LegCommand::End { tone: sounds } => format!("end {}", tone(sounds)),
    };
    words.split_whitespace().map(str::to_owned).collect()
}

fn terms_of(terms: &Terms) -> String {
    let direction = match (terms.sending, terms.receiving) {
        (true, true) => "sendrecv",
        (true, false) => "sendonly",
        (false, true) => "recvonly",
        (false, false) => "inactive",
    };
    let receive: Vec<String> = terms.receive.iter().map(payload).collect();
    let number = |number: Option<u8>| number.map_or("none".to_owned(), |number| number.to_string());
    format!(
        "use {} {} rtcp={} receive={} {direction} ptime={} event={}/{} {}",
        payload(&terms.send),
        terms.remote_rtp,
        terms.remote_rtcp,
        receive.join(","),
        terms.ptime_ms,
        number(terms.send_event),
        number(terms.receive_event),
        if terms.mute { "mute" } else { "heard" },
    )
}

fn payload(payload: &Payload) -> String {
    let codec = match payload.codec {
        Codec::Pcma => "PCMA",
        Codec::Pcmu => "PCMU",
    };
    format!("{}/{codec}", payload.number)
}
