//! Two INVITEs in one dialog at a time (RFC 3261 §14, RFC 5407 §3).

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    waits(
        "S09",
        "glare",
        "both are refused with 491, and the phone's comes again after its time",
        "re-INVITE",
    ),
    driven(
        "S10",
        "glare",
        "an INVITE while the one before it has no answer gets 500 with a short Retry-After",
        "
        .. registered
           <- INVITE sdp as first
           -> 180 INVITE
        <= OnNewCall incoming
           <- re-INVITE sdp
           -> 500 INVITE
              Retry-After: {seconds}
           <- ACK
        == 1 call
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
              CSeq: 1 INVITE
           <- ACK of=first
        == 1 call
        ",
    ),
    driven(
        "S11",
        "glare",
        "an INVITE before the ACK of the one before it is answered if all is agreed, else put off; never lost",
        "
        === the answer has been given
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- re-INVITE
              sdp: 192.0.2.20:4010 8 0; o=2
           -> 200 INVITE
              CSeq: 2 INVITE
           <- ACK
        == 1 call

        === the answer has yet to come
        .. registered
           <- INVITE as first
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- re-INVITE
              sdp: 192.0.2.20:4010 8 0; o=2
           -> 491 INVITE
           <- ACK
           <- ACK of=first
              sdp: 192.0.2.20:4000 8
        ~> use 8/PCMA 192.0.2.20:4000
           <- re-INVITE
              sdp: 192.0.2.20:4010 8 0; o=2
           -> 200 INVITE
           <- ACK
        ~> use 8/PCMA 192.0.2.20:4010
        == 1 call
        ",
    ),
];
