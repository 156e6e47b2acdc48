//! What call control tells every client (docs/api.md, parts 1 and 3).

use alloc::string::String;
use alloc::vec::Vec;

use base::Duration;

use crate::command::{CallId, ConnectionId};

/// A SIP status as the contract's `SIPError`: 0 for none.
pub type SipError = u16;

/// Who placed a call.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallType {
    /// It came in.
    Incoming,
    /// It was placed here.
    Outgoing,
}

/// What the four call events of part 1 tell, and what part 3 adds.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallTold {
    /// The call.
    pub call: CallId,
    /// Who placed it.
    pub call_type: CallType,
    /// Bare URI of the caller.
    pub from: String,
    /// Bare URI of the called.
    pub to: String,
    /// Time since the answer, zero before it.
    pub duration: Duration,
    /// The status that ended or refused it, 0 for none.
    pub sip_error: SipError,
    /// Its account.
    pub connection: ConnectionId,
    /// The caller's display name, empty if there is none.
    pub display_name: String,
    /// The INVITE's Call-ID.
    pub sip_call_id: String,
    /// The INVITE's header fields that a program shows or matches by (part 3): name and value.
    pub headers: Vec<(String, String)>,
}

/// An event of the contract.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// `OnSIPRegister`.
    Registered(ConnectionId),
    /// `OnSIPUnRegister`.
    Unregistered(ConnectionId),
    /// `OnSIPRegisterRefused`.
    RegisterRefused(ConnectionId, SipError),
    /// `OnSIPRegisterFinalized`.
    RegisterFinalized(ConnectionId, SipError),
    /// `OnSIPRegisterCancelled`, always with 487.
    RegisterCancelled(ConnectionId),
    /// `OnSIPRegisterExpired`.
    RegisterExpired(ConnectionId, SipError),
    /// `OnStateChanged`: accounts are gone of which nothing else tells, for they had been refused. These are left.
    AccountsLeft(Vec<AccountSnapshot>),
    /// `OnNewCall`.
    NewCall(CallTold),
    /// `OnAcceptCall`.
    CallAccepted(CallTold),
    /// `OnFinalizedCall`.
    CallFinalized(CallTold),
    /// `OnTransferredCall`.
    CallTransferred(CallTold),
    /// `OnCallProgress`: a provisional answer other than 100.
    CallProgress {
        /// The call.
        call: CallId,
        /// 101 to 199.
        status: SipError,
        /// Sound may come before the answer.
        early_media: bool,
    },
    /// `OnHoldCall`: one side's hold has changed, or the peer has refused a hold (rule 18).
    Hold {
        /// The call.
        call: CallId,
        /// Whether that side holds it now.
        hold: bool,
        /// Which side.
        by: Side,
        /// The status by which the peer refused, 0 for none.
        sip_error: SipError,
    },
    /// `OnTransferFailed`.
    TransferFailed {
        /// The call that is left as it was.
        call: CallId,
        /// Why.
        sip_error: SipError,
    },
    /// `OnDTMF`: the peer has sent a key.
    Dtmf {
        /// In which call.
        call: CallId,
        /// One of `0-9 * # A-D`.
        key: char,
    },
    /// `OnMediaLost`.
    MediaLost(CallId),
    /// `OnMediaBack`.
    MediaBack(CallId),
    /// `OnStateChanged`: a call is muted, or no more.
    Muted {
        /// The call.
        call: CallId,
        /// Silence is sent instead of the microphone.
        mute: bool,
    },
    /// `OnAudioLevel`, for those only who asked for it: the peaks of the last 100 ms, in dBFS.
    AudioLevel {
        /// The call.
        call: CallId,
        /// What the peer is sent.
        capture_dbfs: i8,
        /// What the peer is heard to say.
        playback_dbfs: i8,
    },
}

/// A side of a call, as `OnHoldCall` spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Side {
    /// `local`
    Local,
    /// `remote`
    Remote,
}

/// State of an account, as `getstate` spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum AccountState {
    /// `registering`
    Registering,
    /// `connected`
    Connected,
    /// `lost`
    Lost,
    /// `refused`
    Refused,
}

/// State of a call, as `getstate` spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum CallState {
    /// `ringing`
    Ringing,
    /// `answered`
    Answered,
}

/// Who holds a call, as `getstate` spells it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum HoldState {
    /// `none`
    None,
    /// `local`
    Local,
    /// `remote`
    Remote,
    /// `both`
    Both,
}

/// One account of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AccountSnapshot {
    /// The account.
    pub connection: ConnectionId,
    /// User name.
    pub number: String,
    /// Its domain, `host` or `host:port`.
    pub domain: String,
    /// Its state.
    pub state: AccountState,
}

/// One call of a snapshot.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CallSnapshot {
    /// The call, as its events tell it.
    pub told: CallTold,
    /// Its state.
    pub state: CallState,
    /// Who holds it.
    pub hold: HoldState,
    /// Silence is sent instead of the microphone.
    pub mute: bool,
}

/// What `getstate` answers of call control; version, `seq` and the interface are the API server's to add.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Snapshot {
    /// All accounts, oldest first.
    pub accounts: Vec<AccountSnapshot>,
    /// All calls, oldest first.
    pub calls: Vec<CallSnapshot>,
}
