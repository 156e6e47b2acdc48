//! Hold (RFC 3264 §8.4, RFC 6337 §5.3).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S42",
        "hold",
        "what holds us is answered in kind, told, and stops our RTP; what resumes us starts it again",
        "
        === sendonly
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 192.0.2.20:4000 8 0; a=sendonly; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | m=audio {port} RTP/AVP 8 0
              | a=recvonly
           <- ACK
        ~> use recvonly 192.0.2.20:4000
           <- re-INVITE
              sdp: 192.0.2.20:4000 8 0; o=3
        <= OnHoldCall false remote
           -> 200 INVITE
              | m=audio {port} RTP/AVP 8 0
              | a=sendrecv
           <- ACK
        ~> use sendrecv

        === inactive
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 192.0.2.20:4000 8 0; a=inactive; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=inactive
           <- ACK
        ~> use inactive

        === an address of zeros, as before RFC 3264
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 0.0.0.0:4000 8 0; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=*
           <- ACK
        ~> use 0.0.0.0:4000 recvonly
           <- re-INVITE                  // a PBX takes the call back by asking for an offer
           -> 200 INVITE
              | a=sendrecv
           <- ACK
              sdp: 192.0.2.20:4000 8; o=3
        <= OnHoldCall false remote
        ~> use 192.0.2.20:4000 sendrecv
        == 1 call

        === inactive, music by an offer of ours, and back by another
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 0.0.0.0:4000 8 0; a=inactive; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=inactive
           <- ACK
        ~> use inactive
           <- re-INVITE
           -> 200 INVITE
              | a=sendrecv
           <- ACK
              sdp: 192.0.2.30:5000 8; a=sendonly; o=3
        ~> use 192.0.2.30:5000 recvonly
           <- re-INVITE
              sdp: 0.0.0.0:4000 8 0; a=inactive; o=4
           -> 200 INVITE
              | a=inactive
           <- ACK
        ~> use inactive
           <- re-INVITE
           -> 200 INVITE
              | a=sendrecv
           <- ACK
              sdp: 192.0.2.20:4000 8; o=5
        <= OnHoldCall false remote
        ~> use 192.0.2.20:4000 sendrecv

        === an address of zeros, and inactive
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 0.0.0.0:4000 8 0; a=inactive; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=inactive
           <- ACK
        ~> use inactive
        ",
    ),
    driven(
        "S43",
        "hold",
        "both may hold, and each resumes for itself; each offer has the next number",
        "
        === the peer first, and first to resume
        .. a call in
        ~> use sendrecv
           <- re-INVITE
              sdp: 192.0.2.20:4000 8 0; a=sendonly; o=2
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=recvonly
           <- ACK
        => sethold true
           -> INVITE
              CSeq: 1 INVITE
              | o=- {session} {v1} IN IP4 *
              | a=inactive
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 0; a=inactive; o=3
        <= OnHoldCall true local
           -> ACK
        ~> use recvonly
        ~> use inactive
           <- re-INVITE                  // it resumes
              sdp: 192.0.2.20:4000 8 0; o=4
        <= OnHoldCall false remote
           -> 200 INVITE
              | a=sendonly
           <- ACK
        => sethold false
           -> INVITE
              CSeq: 2 INVITE
              | o=- {session} {v2≠v1} IN IP4 *
              | a=sendrecv
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 0; o=5
        <= OnHoldCall false local
           -> ACK
        ~> use sendonly                  // it speaks again at once
        ~> use sendrecv

        === the phone alone; the peer refuses to be resumed
        .. a call out
        => sethold true
           -> INVITE
              CSeq: 2 INVITE
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
        => sethold false
           -> INVITE
              CSeq: 3 INVITE
              | a=sendrecv
           <- 488 INVITE
           -> ACK
        <= OnHoldCall true local 488
        == 1 call
        ",
    ),
    driven(
        "S44",
        "hold",
        "a direction counts at the session's level too, and in a last line without an end",
        "
        === in the last line, unfinished
        .. registered
           <- INVITE cut
              sdp: 192.0.2.20:4000 8; a=sendonly
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=recvonly
        ~> use recvonly

        === at the session's level
        .. registered
           <- INVITE
              | v=0
              | o=peer 7 1 IN IP4 192.0.2.20
              | s=-
              | c=IN IP4 192.0.2.20
              | t=0 0
              | a=inactive
              | m=audio 4000 RTP/AVP 8
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
        <= OnHoldCall true remote
           -> 200 INVITE
              | a=inactive
        ~> use inactive
        ",
    ),
];
