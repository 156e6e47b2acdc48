//! Final answers (RFC 3261 §17.1.1.3, §8.1.3.2).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[driven(
    "S78",
    "final",
    "each refusal is ACKed hop by hop and told as it is; unknown codes count as their class",
    "
        === refused
        each status: 480 486 487 488 499 500 504 600 603 604 606 699
        .. calling
           <- {status} INVITE
           -> ACK sip:600@pbx.example
              Via: {via}
              From: {us}
              To: *;tag=peer
              Call-ID: {call}
              CSeq: 1 ACK
              no Contact
        <= OnFinalizedCall {status}
        == no call
        wait 32s
        == at rest

        === by way of a proxy: the ACK goes the INVITE's way
        config account=1000 proxy=192.0.2.8:5070
           -> REGISTER sip:pbx.example @192.0.2.8:5070
              Route: <sip:192.0.2.8:5070;lr>
           <- 200 REGISTER granted=3600 @192.0.2.8:5070
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        => startcall 600
        <= OnNewCall outgoing
           -> INVITE sip:600@pbx.example @192.0.2.8:5070
              Via: {via}
              Route: <sip:192.0.2.8:5070;lr>
           <- 480 INVITE @192.0.2.8:5070
              Record-Route: <sip:192.0.2.66;lr>
              Contact: <sip:600@192.0.2.66>
           -> ACK sip:600@pbx.example @192.0.2.8:5070
              Via: {via}
              Route: <sip:192.0.2.8:5070;lr>
        <= OnFinalizedCall 480

        === out of service, and no other server
        .. calling
           <- 503 INVITE
              Retry-After: 10
           -> ACK
        <= OnFinalizedCall 503
        == no call

        === 299 is an answer
        .. calling
           <- 299 INVITE sdp
        <= OnAcceptCall
           -> ACK
        == 1 call

        === 199 is progress
        .. calling
           <- 199 INVITE tag=a
        <= OnCallProgress 199
           <- 101 INVITE tag=b
        <= OnCallProgress 101
           <- 200 INVITE sdp tag=b
        <= OnAcceptCall
           -> ACK
              To: *;tag=b

        === one fork refuses for all
        .. calling
           <- 180 INVITE tag=a
        <= OnCallProgress 180
           <- 180 INVITE tag=b
           <- 603 INVITE tag=a
           -> ACK
              To: *;tag=a
        <= OnFinalizedCall 603
        wait 32s
        == at rest
        ",
)];
