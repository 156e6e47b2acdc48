//! Hold (RFC 3264 §8.4, RFC 6337 §5.3).

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    waits("S42", "hold", "what holds us is answered in kind, told, and stops our RTP", "hold"),
    waits("S43", "hold", "both may hold, and each resumes for itself", "hold"),
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
