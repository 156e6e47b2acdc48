//! Transfers (RFC 3515, RFC 5589, RFC 3891, RFC 4488).

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S67",
        "refer",
        "each NOTIFY is answered, early ones too; after the final one the call is hung up as transferred",
        "
        === told how it goes
        .. a call out
        => transferecall 700
           -> INVITE
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
           -> REFER
              Refer-To: *sip:700@pbx.example*
              CSeq: 3 REFER
           <- NOTIFY inside              // before the 202
              Event: refer
              Subscription-State: active;expires=60
              Content-Type: message/sipfrag;version=2.0
              | SIP/2.0 100 Trying
           -> 200 NOTIFY
           <- 202 REFER
           <- NOTIFY inside
              Event: refer
              Subscription-State: active;expires=60
              Content-Type: message/sipfrag
              | SIP/2.0 180 Ringing
           -> 200 NOTIFY
           <- NOTIFY inside
              Event: refer;id=3
              Subscription-State: terminated;reason=noresource
              Content-Type: message/sipfrag
              | SIP/2.0 200 OK
           -> 200 NOTIFY
        <= OnTransferredCall
        <= OnFinalizedCall
           -> BYE
           <- 200 BYE
        wait 32s
        == at rest

        === the peer goes without a word
        .. a call out
        => transferecall 700
           -> INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
           -> REFER
           <- 202 REFER
           <- BYE
           -> 200 BYE
        wait 1s
        <= OnTransferredCall
        <= OnFinalizedCall
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S68",
        "refer",
        "a transfer that fails gives the call back, and says why",
        "
        === the target is not to be had
        each status: 486 503 603
        .. a call out
        => transferecall 700
           -> INVITE
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
           -> REFER
           <- 202 REFER
           <- NOTIFY inside
              Event: refer
              Subscription-State: terminated;reason=noresource
              Content-Type: message/sipfrag
              | SIP/2.0 {status} No
           -> 200 NOTIFY
        <= OnTransferFailed {status}
           -> INVITE
              | a=sendrecv
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; o=3
        <= OnHoldCall false local
           -> ACK
        == 1 call
        => finalizecall
        <= OnFinalizedCall
           -> BYE

        === the peer transfers nobody
        each status: 403 405 501 603
        .. a call out
        => transferecall 700
           -> INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
           -> REFER
           <- {status} REFER
        <= OnTransferFailed {status}
           -> INVITE
              | a=sendrecv
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; o=3
        <= OnHoldCall false local
           -> ACK
        == 1 call

        === nothing is told
        .. a call out
        => transferecall 700
           -> INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
           -> REFER
           <- 202 REFER
        wait 59.999s
        wait 1ms
        <= OnTransferFailed 408
           -> INVITE
              | a=sendrecv
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; o=3
        <= OnHoldCall false local
           -> ACK
        == 1 call

        === the call was held before: it stays so
        .. a call out
        => sethold true
           -> INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
        => transferecall 700
           -> REFER
           <- 403 REFER
        <= OnTransferFailed 403
        == 1 call
        ",
    ),
    waits("S69", "refer", "an attended transfer names the consultation's dialog", "Replaces"),
    driven(
        "S70",
        "refer",
        "who is transferred calls the target, tells of it, and keeps the call if that fails",
        "
        === the target answers
        .. a call in
           <- REFER as refer
              Refer-To: <sip:700@pbx.example>
              Referred-By: <sip:600@pbx.example>
           -> 202 REFER
           -> NOTIFY
              Event: refer*
              Subscription-State: active*
              Content-Type: message/sipfrag*
              | SIP/2.0 100 *
        <= OnNewCall outgoing #2 to=sip:700@pbx.example
           -> INVITE sip:700@pbx.example as onward
              Referred-By: <sip:600@pbx.example>
           <- 200 NOTIFY
           <- 180 onward
        <= OnCallProgress 180
           -> NOTIFY
              | SIP/2.0 180 *
           <- 200 NOTIFY
           <- 200 onward sdp
        <= OnAcceptCall #2
           -> ACK
           -> INVITE sip:600@*           // one call speaks
              | a=sendonly
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall #1 true local
           -> ACK
           -> NOTIFY
              Subscription-State: terminated*
              | SIP/2.0 200 *
           <- 200 NOTIFY
           <- BYE on=refer
           -> 200 BYE
        <= OnFinalizedCall #1
        == 1 call

        === the target answers, and the transferor hangs up before it is held
        .. a call in
           <- REFER as refer
              Refer-To: <sip:700@pbx.example>
           -> 202 REFER
           -> NOTIFY
        <= OnNewCall outgoing #2
           -> INVITE sip:700@pbx.example as onward
           <- 200 NOTIFY
           <- 200 onward sdp
        <= OnAcceptCall #2
           -> ACK
           -> INVITE sip:600@* as hold
           <- BYE on=refer
           -> 200 BYE
        <= OnFinalizedCall #1
           <- 487 hold
           -> ACK
           -> NOTIFY                     // it learns of the target all the same
              Subscription-State: terminated*
              | SIP/2.0 200 *
           <- 481 NOTIFY
        == 1 call

        === the target is busy
        .. a call in
           <- REFER
              Refer-To: <sip:700@pbx.example>
           -> 202 REFER
           -> NOTIFY
        <= OnNewCall outgoing #2
           -> INVITE sip:700@pbx.example
           <- 200 NOTIFY
           <- 486 INVITE
           -> ACK
        <= OnFinalizedCall 486 #2
           -> NOTIFY
              Subscription-State: terminated*
              | SIP/2.0 486 *
           <- 200 NOTIFY
        == 1 call

        === the transferor hangs up at once
        .. a call in
           <- REFER
              Refer-To: <sip:700@pbx.example>
           -> 202 REFER
           -> NOTIFY
        <= OnNewCall outgoing #2
           -> INVITE sip:700@pbx.example as onward
           <- 200 NOTIFY
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall #1
           <- 200 onward sdp
        <= OnAcceptCall #2
           -> ACK
           -> NOTIFY                     // the subscription outlives the call
              Subscription-State: terminated*
              | SIP/2.0 200 *
           <- 481 NOTIFY
        == 1 call

        === nobody wants to be told
        .. a call in
           <- REFER
              Refer-To: <sip:700@pbx.example>
              Refer-Sub: false
              Supported: norefersub
           -> 202 REFER
              Refer-Sub: false
        <= OnNewCall outgoing #2
           -> INVITE sip:700@pbx.example
           <- 200 INVITE sdp
        <= OnAcceptCall #2
           -> ACK
           -> INVITE sip:600@*
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall #1 true local
           -> ACK
        == 2 calls

        === to a telephone number
        .. a call in
           <- REFER
              Refer-To: <tel:+49301234>
           -> 202 REFER
           -> NOTIFY
        <= OnNewCall outgoing #2 to=sip:+49301234@pbx.example
           -> INVITE sip:+49301234@pbx.example
           <- 200 NOTIFY

        === to what is no telephone
        .. a call in
           <- REFER
              Refer-To: <https://pbx.example/700>
           -> 416 REFER
        == 1 call

        === to nobody, and to two
        .. a call in
           <- REFER
           -> 400 REFER
           <- REFER
              Refer-To: <sip:700@pbx.example>
              Refer-To: <sip:701@pbx.example>
           -> 400 REFER
        == 1 call
        ",
    ),
    waits("S71", "replaces", "an INVITE takes the place of the call that it names", "Replaces"),
];
