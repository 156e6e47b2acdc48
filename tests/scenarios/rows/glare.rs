//! Two INVITEs in one dialog at a time (RFC 3261 §14, RFC 5407 §3).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S09",
        "glare",
        "both are refused with 491, and the phone's comes again after its time: it holds in the end",
        "
        === the phone owns the Call-ID: 2.1 to 4 s
        .. a call out
        => sethold true
           -> INVITE
              CSeq: 2 INVITE
              | a=sendonly
           <- re-INVITE as theirs
              sdp: 192.0.2.20:4000 8 0; o=2
           -> 491 INVITE
              CSeq: 1 INVITE
           <- ACK
           <- 491 INVITE
           -> ACK
              CSeq: 2 ACK
        wait 2.099s
        wait 1.901s until sent
           -> INVITE
              CSeq: 3 INVITE
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 0; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
        ~> use sendrecv
        ~> use inactive
        == 1 call

        === the peer does: 2 s at most
        .. a call in
        => sethold true
           -> INVITE
              CSeq: 1 INVITE
              | a=sendonly
           <- re-INVITE
              sdp: 192.0.2.20:4000 8 0; a=sendonly; o=2
           -> 491 INVITE
           <- ACK
           <- 491 INVITE
           -> ACK
        wait 2s until sent
           -> INVITE
              CSeq: 2 INVITE
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 0; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
        == 1 call
        ",
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
