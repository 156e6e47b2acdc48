//! What a client asks of call control, and the answer it gets (docs/api.md, parts 1 and 3). A client is a
//! WebSocket connection of the control API, or the keys of a handset.

use alloc::string::String;
use alloc::vec::Vec;

use base::Secret;

use crate::event::Snapshot;

/// An account, as clients name it. Never used twice in the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ConnectionId(pub u32);

/// A call, as clients name it. Never used twice in the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct CallId(pub u32);

/// A client. Never used twice in the life of the process.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct ClientId(pub u64);

/// A request whose format, token, rights and parameters have been found good (rule 3); state is checked by call
/// control.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Command {
    /// `sipregister`.
    Register {
        /// The proxy as written (rule 13).
        domain: String,
        /// User name.
        number: String,
        /// Its password.
        password: Secret,
        /// Disconnect the account when this client is lost.
        autodisconnect: bool,
    },
    /// `sipunregister`.
    Unregister,
    /// `startcall`.
    StartCall {
        /// Whom to call, as written (rule 10).
        number: String,
        /// Header fields to send along, `X-…` and User-to-User only.
        headers: Vec<(String, String)>,
        /// The account to call from; by rule 7 if none is named.
        connection: Option<ConnectionId>,
    },
    /// `acceptcall`.
    AcceptCall(CallId),
    /// `finalizecall`.
    FinalizeCall(CallId),
    /// `sethold`.
    SetHold {
        /// Which call.
        call: CallId,
        /// Hold it, or resume it.
        hold: bool,
    },
    /// `mutecall`.
    MuteCall {
        /// Which call.
        call: CallId,
        /// Send silence instead of the microphone.
        mute: bool,
    },
    /// `transferecall`.
    TransferCall {
        /// Which call.
        call: CallId,
        /// To whom, as written (rule 10).
        to: String,
    },
    /// `senddtmf`.
    SendDtmf {
        /// In which call.
        call: CallId,
        /// Keys and pauses as written (rule 12).
        keys: String,
    },
    /// `watchlevels`: whether this client wants to hear how loud the sound is.
    WatchLevels(bool),
    /// `getstate`.
    GetState,
    /// This client's connection is gone; its account stays, or by `autodisconnect` waits a little (rule 7). Has no
    /// reply.
    ClientGone,
    /// This client came with the token of a closed one, and takes over its account (rule 5). Has no reply.
    TakeOver(ClientId),
}

/// Why a command was refused: the contract's codes (part 1).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
#[repr(u16)]
pub enum RefusalCode {
    /// 100: the message is not in the right format.
    BadFormat = 100,
    /// 102: invalid argument.
    InvalidArgument = 102,
    /// 500: the phone's own fault, or too busy.
    Internal = 500,
    /// 600: invalid credentials.
    InvalidCredentials = 600,
    /// 601: not registered with the SIP proxy.
    NotRegistered = 601,
    /// 602: not authorized to run this command.
    NotAuthorized = 602,
}

/// A refusal: code, and words for a developer that name the parameter at fault and hold no secret.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Refusal {
    /// Which of the contract's codes.
    pub code: RefusalCode,
    /// English.
    pub message: String,
}

/// What an accepted command gives back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Done {
    /// Nothing but success.
    Accepted,
    /// The account that `sipregister` connects.
    Connection(ConnectionId),
    /// The call that `startcall` places.
    Call(CallId),
    /// The answer to `getstate`.
    State(Snapshot),
}

/// One command's one answer.
pub type Reply = Result<Done, Refusal>;
