//! The names of actions: the one place that knows them all.

use core::str::FromStr;

/// An action of the contract that this phone knows by name.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub enum Action {
    /// `authenticate`
    Authenticate,
    /// `sipregister`
    SipRegister,
    /// `sipunregister`
    SipUnregister,
    /// `startcall`
    StartCall,
    /// `finalizecall`
    FinalizeCall,
    /// `acceptcall`
    AcceptCall,
    /// `transferecall`, the API's own spelling, and `transfercall` (rule 2)
    TransferCall,
    /// `senddtmf`
    SendDtmf,
    /// `sethold`
    SetHold,
    /// `showui`
    ShowUi,
    /// `mutecall`
    MuteCall,
    /// `watchlevels`
    WatchLevels,
    /// `getstate`
    GetState,
    /// `logout`
    Logout,
}

const NAMES: [(&str, Action); 15] = [
    ("authenticate", Action::Authenticate),
    ("sipregister", Action::SipRegister),
    ("sipunregister", Action::SipUnregister),
    ("startcall", Action::StartCall),
    ("finalizecall", Action::FinalizeCall),
    ("acceptcall", Action::AcceptCall),
    ("transferecall", Action::TransferCall),
    ("transfercall", Action::TransferCall),
    ("senddtmf", Action::SendDtmf),
    ("sethold", Action::SetHold),
    ("showui", Action::ShowUi),
    ("mutecall", Action::MuteCall),
    ("watchlevels", Action::WatchLevels),
    ("getstate", Action::GetState),
    ("logout", Action::Logout),
];

/// No action has that name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct UnknownAction;

impl FromStr for Action {
    type Err = UnknownAction;

    /// The action of that name, without regard to case (rule 2).
    fn from_str(name: &str) -> Result<Self, UnknownAction> {
        let named = NAMES.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        named.map(|(_, action)| *action).ok_or(UnknownAction)
    }
}
