//! What so many stories begin with, as ladders themselves.

/// The ladder of that name.
pub(crate) fn opening(name: &str) -> &'static str {
    match name {
        "registered" => {
            "
            => sipregister pbx.example 1000 pw1000
               -> REGISTER sip:pbx.example
               <- 200 REGISTER granted=3600
            <= OnSIPRegister
            <= OnSIPRegisterFinalized
            "
        }
        "calling" => {
            "
            .. registered
            => startcall 600
            <= OnNewCall outgoing
               -> INVITE sip:600@pbx.example sdp
                  Via: {via}
                  From: {us}
                  Call-ID: {call}
                  CSeq: 1 INVITE
            "
        }
        "a call out" => {
            "
            .. calling
               <- 200 INVITE sdp
            <= OnAcceptCall
               -> ACK
            "
        }
        "ringing" => {
            "
            .. registered
               <- INVITE sdp
               -> 180 INVITE
                  To: {us}
            <= OnNewCall incoming
            "
        }
        "a call in" => {
            "
            .. ringing
            => acceptcall
            <= OnAcceptCall
               -> 200 INVITE
               <- ACK
            "
        }
        other => panic!("no opening is called `{other}`"),
    }
}
