//! Calls that are given up while something crosses (RFC 3261 §9, RFC 5407 §3.1).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S05",
        "cancel",
        "an answer that crosses the CANCEL is ACKed and hung up; programs have heard the end",
        "
        === the CANCEL finds nothing to cancel
        .. calling
           <- 180 INVITE
        <= OnCallProgress 180
        => finalizecall
        <= OnFinalizedCall 487
           -> CANCEL sip:600@pbx.example
              Via: {via}
              Call-ID: {call}
              CSeq: 1 CANCEL
           <- 200 INVITE sdp
           -> ACK
           -> BYE
           <- 481 CANCEL
           <- 200 BYE
        == no call
        wait 32s
        == at rest

        === the CANCEL is answered before the call is
        .. calling
           <- 180 INVITE
        <= OnCallProgress 180
        => finalizecall
        <= OnFinalizedCall 487
           -> CANCEL
           <- 200 CANCEL
           <- 200 INVITE sdp
           -> ACK
           -> BYE
           <- 200 BYE
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S06",
        "cancel",
        "a CANCEL waits for a provisional answer; an answer instead of it is ACKed and hung up",
        "
        === a provisional answer comes
        .. calling
        => finalizecall
        <= OnFinalizedCall 487
        wait 500ms
           -> INVITE again
           <- 100 INVITE
           -> CANCEL
              Via: {via}
           <- 200 CANCEL
           <- 487 INVITE
           -> ACK sip:600@pbx.example
              Via: {via}
        wait 32s
        == at rest

        === it is answered at once
        .. calling
        => finalizecall
        <= OnFinalizedCall 487
           <- 200 INVITE sdp
           -> ACK
           -> BYE
           <- 200 BYE
        wait 32s
        == at rest

        === nothing comes at all
        .. calling
        => finalizecall
        <= OnFinalizedCall 487
        wait 32s
           -> repeats
        == at rest
        ",
    ),
    driven(
        "S07",
        "cancel",
        "a CANCEL that comes after the answer is answered and changes nothing; the BYE ends the call",
        "
        === ACK before BYE
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              To: {us}
           <- CANCEL
           -> 200 CANCEL
              To: {us}
        == 1 call
           <- ACK
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall
        wait 32s
        == at rest

        === BYE without ACK
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- CANCEL
           -> 200 CANCEL
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S08",
        "cancel",
        "a CANCEL that is answered, and then nothing more: the call is over at once, all of it after 64*T1",
        "
        .. calling
           <- 180 INVITE
        <= OnCallProgress 180
        => finalizecall
        <= OnFinalizedCall 487
           -> CANCEL
           <- 200 CANCEL
        == no call
        wait 32s
        == at rest
        ",
    ),
];
