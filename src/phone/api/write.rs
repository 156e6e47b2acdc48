//! Writing replies and events with exactly the spelling and case of the contract, ids as numbers and every member
//! always there (rule 2).

use alloc::string::String;
use alloc::vec::Vec;

use serde::{Serialize, Serializer};
use serde_json::value::RawValue;

use super::VERSION;
use crate::command::{Done, Refusal, Reply};
use crate::event::{
    AccountSnapshot, AccountState, CallSnapshot, CallState, CallTold, CallType, Event, HoldState, Side,
    SipError, Snapshot,
};

/// What `getstate` tells beside call control's snapshot.
#[derive(Clone, Copy)]
pub(crate) struct Beside {
    /// That of the last event that went to this connection.
    pub(crate) seq: u64,
    /// The page is to be seen (rule 16).
    pub(crate) show: bool,
}

/// The reply to a command of call control.
pub(crate) fn reply(id: Option<&RawValue>, beside: Beside, reply: &Reply) -> String {
    match reply {
        Ok(Done::Accepted) => success(id, None),
        Ok(Done::Connection(connection)) => {
            success(id, Some(ReplyData::Connection { connection_id: connection.0 }))
        }
        Ok(Done::Call(call)) => success(id, Some(ReplyData::Call { call_id: call.0 })),
        Ok(Done::State(snapshot)) => success(id, Some(ReplyData::State(StateData::new(beside, snapshot)))),
        Err(refusal) => failure(id, refusal),
    }
}

/// The reply to a successful `authenticate`.
pub(crate) fn token(id: Option<&RawValue>, token: &str) -> String {
    success(id, Some(ReplyData::Token { token }))
}

/// The reply to a request that is refused (rule 1).
pub(crate) fn failure(id: Option<&RawValue>, refusal: &Refusal) -> String {
    let error = ErrorData { code: refusal.code as u16, message: &refusal.message };
    text(&Failure { id, success: false, error })
}

/// An event, the `seq`th that goes to its connection.
pub(crate) fn event(seq: u64, event: &Event) -> String {
    let (name, data) = match event {
        Event::Registered(connection) => ("OnSIPRegister", registration(connection.0, 0)),
        Event::Unregistered(connection) => ("OnSIPUnRegister", registration(connection.0, 0)),
        Event::RegisterRefused(connection, status) => {
            ("OnSIPRegisterRefused", registration(connection.0, *status))
        }
        Event::RegisterFinalized(connection, status) => {
            ("OnSIPRegisterFinalized", registration(connection.0, *status))
        }
        Event::RegisterCancelled(connection) => ("OnSIPRegisterCancelled", registration(connection.0, 487)),
        Event::RegisterExpired(connection, status) => {
            ("OnSIPRegisterExpired", registration(connection.0, *status))
        }
        Event::NewCall(told) => ("OnNewCall", EventData::Call(Call::new(told))),
        Event::CallAccepted(told) => ("OnAcceptCall", EventData::Call(Call::new(told))),
        Event::CallFinalized(told) => ("OnFinalizedCall", EventData::Call(Call::new(told))),
        Event::CallTransferred(told) => ("OnTransferredCall", EventData::Call(Call::new(told))),
        Event::CallProgress { call, status, early_media } => {
            let (call_id, sip_error, early_media) = (call.0, *status, *early_media);
            ("OnCallProgress", EventData::Progress { call_id, sip_error, early_media })
        }
        Event::Hold { call, hold, by, sip_error } => {
            let (call_id, hold, by, sip_error) = (call.0, *hold, side(*by), *sip_error);
            ("OnHoldCall", EventData::Hold { call_id, hold, by, sip_error })
        }
        Event::TransferFailed { call, sip_error } => {
            ("OnTransferFailed", EventData::TransferFailed { call_id: call.0, sip_error: *sip_error })
        }
        Event::Dtmf { call, key } => ("OnDTMF", EventData::Dtmf { call_id: call.0, key: *key }),
        Event::MediaLost(call) => ("OnMediaLost", EventData::OfCall { call_id: call.0 }),
        Event::MediaBack(call) => ("OnMediaBack", EventData::OfCall { call_id: call.0 }),
        Event::Muted { call, mute } => {
            ("OnStateChanged", EventData::Calls { calls: [MutedData { call_id: call.0, mute: *mute }] })
        }
        Event::AccountsLeft(accounts) => {
            let accounts = accounts.iter().map(AccountData::new).collect();
            ("OnStateChanged", EventData::Accounts { accounts })
        }
        Event::AudioLevel { call, capture_dbfs, playback_dbfs } => {
            let (call_id, capture, playback) = (call.0, *capture_dbfs, *playback_dbfs);
            ("OnAudioLevel", EventData::Levels { call_id, capture, playback })
        }
    };
    event_frame(seq, name, data)
}

/// `OnShowUI`, the `seq`th event that goes to its connection. Call control knows nothing of it.
pub(crate) fn show_ui(seq: u64, show: bool) -> String {
    event_frame(seq, "OnShowUI", EventData::Interface(Interface { show }))
}

fn event_frame(seq: u64, name: &'static str, data: EventData<'_>) -> String {
    text(&EventFrame { action: "event", name, data, seq })
}

fn success(id: Option<&RawValue>, data: Option<ReplyData<'_>>) -> String {
    text(&Success { id, success: true, data })
}

fn registration<'a>(connection_id: u32, sip_error: SipError) -> EventData<'a> {
    EventData::Registration { connection_id, sip_error }
}

fn text(frame: &impl Serialize) -> String {
    serde_json::to_string(frame).expect("frames have text keys and no value that refuses to be written")
}

#[derive(Serialize)]
struct Success<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    success: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    data: Option<ReplyData<'a>>,
}

#[derive(Serialize)]
struct Failure<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    id: Option<&'a RawValue>,
    success: bool,
    error: ErrorData<'a>,
}

#[derive(Serialize)]
struct ErrorData<'a> {
    code: u16,
    message: &'a str,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum ReplyData<'a> {
    Token { token: &'a str },
    Connection { connection_id: u32 },
    Call { call_id: u32 },
    State(StateData<'a>),
}

#[derive(Serialize)]
struct EventFrame<'a> {
    action: &'static str,
    name: &'static str,
    data: EventData<'a>,
    seq: u64,
}

#[derive(Serialize)]
#[serde(untagged, rename_all_fields = "camelCase")]
enum EventData<'a> {
    Registration {
        connection_id: u32,
        #[serde(rename = "SIPError")]
        sip_error: SipError,
    },
    Call(Call<'a>),
    Progress {
        call_id: u32,
        #[serde(rename = "SIPError")]
        sip_error: SipError,
        early_media: bool,
    },
    Hold {
        call_id: u32,
        hold: bool,
        by: &'static str,
        #[serde(rename = "SIPError")]
        sip_error: SipError,
    },
    TransferFailed {
        call_id: u32,
        #[serde(rename = "SIPError")]
        sip_error: SipError,
    },
    Dtmf {
        call_id: u32,
        #[serde(rename = "DTMF")]
        key: char,
    },
    OfCall {
        call_id: u32,
    },
    /// These two are parts of what `getstate` answers.
    Calls {
        calls: [MutedData; 1],
    },
    Accounts {
        accounts: Vec<AccountData<'a>>,
    },
    Levels {
        call_id: u32,
        capture: i8,
        playback: i8,
    },
    Interface(Interface),
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct MutedData {
    call_id: u32,
    mute: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Call<'a> {
    call_id: u32,
    #[serde(rename = "type")]
    call_type: &'static str,
    from: &'a str,
    to: &'a str,
    duration: u64,
    #[serde(rename = "SIPError")]
    sip_error: SipError,
    connection_id: u32,
    display_name: &'a str,
    sip_call_id: &'a str,
    #[serde(serialize_with = "object")]
    headers: &'a [(String, String)],
}

impl<'a> Call<'a> {
    fn new(told: &'a CallTold) -> Self {
        Self {
            call_id: told.call.0,
            call_type: call_type(told.call_type),
            from: &told.from,
            to: &told.to,
            duration: duration_ms(told),
            sip_error: told.sip_error,
            connection_id: told.connection.0,
            display_name: &told.display_name,
            sip_call_id: &told.sip_call_id,
            headers: &told.headers,
        }
    }
}

/// An object from name to text. Call control has joined what came twice, and bounded all of it.
fn object<S: Serializer>(headers: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_map(headers.iter().map(|(name, value)| (name, value)))
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct StateData<'a> {
    version: &'static str,
    seq: u64,
    accounts: Vec<AccountData<'a>>,
    calls: Vec<CallData<'a>>,
    interface: Interface,
    // Sound devices and message waiting are told by later versions; the members are the contract's.
    audio_devices: [(); 0],
    message_waiting: [(); 0],
}

impl<'a> StateData<'a> {
    fn new(Beside { seq, show }: Beside, snapshot: &'a Snapshot) -> Self {
        Self {
            version: VERSION,
            seq,
            accounts: snapshot.accounts.iter().map(AccountData::new).collect(),
            calls: snapshot.calls.iter().map(CallData::new).collect(),
            interface: Interface { show },
            audio_devices: [],
            message_waiting: [],
        }
    }
}

#[derive(Serialize)]
struct Interface {
    show: bool,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct AccountData<'a> {
    connection_id: u32,
    number: &'a str,
    domain: &'a str,
    state: &'static str,
}

impl<'a> AccountData<'a> {
    fn new(account: &'a AccountSnapshot) -> Self {
        Self {
            connection_id: account.connection.0,
            number: &account.number,
            domain: &account.domain,
            state: match account.state {
                AccountState::Registering => "registering",
                AccountState::Connected => "connected",
                AccountState::Lost => "lost",
                AccountState::Refused => "refused",
            },
        }
    }
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct CallData<'a> {
    call_id: u32,
    connection_id: u32,
    #[serde(rename = "type")]
    call_type: &'static str,
    state: &'static str,
    hold: &'static str,
    mute: bool,
    from: &'a str,
    to: &'a str,
    duration: u64,
}

impl<'a> CallData<'a> {
    fn new(call: &'a CallSnapshot) -> Self {
        Self {
            call_id: call.told.call.0,
            connection_id: call.told.connection.0,
            call_type: call_type(call.told.call_type),
            state: match call.state {
                CallState::Ringing => "ringing",
                CallState::Answered => "answered",
            },
            hold: match call.hold {
                HoldState::None => "none",
                HoldState::Local => "local",
                HoldState::Remote => "remote",
                HoldState::Both => "both",
            },
            mute: call.mute,
            from: &call.told.from,
            to: &call.told.to,
            duration: duration_ms(&call.told),
        }
    }
}

fn side(side: Side) -> &'static str {
    match side {
        Side::Local => "local",
        Side::Remote => "remote",
    }
}

fn call_type(call_type: CallType) -> &'static str {
    match call_type {
        CallType::Incoming => "incoming",
        CallType::Outgoing => "outgoing",
    }
}

fn duration_ms(told: &CallTold) -> u64 {
    u64::try_from(told.duration.as_millis()).unwrap_or(u64::MAX)
}
