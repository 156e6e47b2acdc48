//! Repeats, crossings and requests that don't fit (RFC 3261 §8.2.2, §12.2.2, §13.3.1.4, §17).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S58",
        "txn",
        "the 200 is repeated from T1 to T2 until its ACK, and the call hung up where none comes",
        "
        === the ACK is lost three times
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
        wait 499ms
        wait 1ms
           -> 200 INVITE again
        wait 1s
           -> 200 INVITE again
        wait 2s
           -> 200 INVITE again
        wait 3.999s
        wait 1ms
           -> 200 INVITE again
        wait 3.999s
           <- ACK
        wait 60s
        == 1 call

        === there is no ACK
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
        wait 31.999s
           -> repeats
        wait 1ms
           -> BYE
        <= OnFinalizedCall 408
           <- 200 BYE
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S59",
        "txn",
        "what comes twice rings once, is answered again, and is told once",
        "
        === INVITE and BYE, called
        .. registered
           <- INVITE sdp
           -> 180 INVITE
        <= OnNewCall incoming
           <- INVITE again
           -> 180 INVITE again
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- INVITE again               // the transaction is done with it
           <- ACK
           <- ACK again
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall
           <- BYE again
           -> 200 BYE again

        === 180 and 200, calling
        .. calling
           <- 180 INVITE
        <= OnCallProgress 180
           <- 180 INVITE again
           <- 200 INVITE sdp
        <= OnAcceptCall
           -> ACK
           <- 200 INVITE again
           -> ACK
           <- 200 INVITE again
           -> ACK
           <- 180 INVITE again
        wait 40s
        == 1 call

        === a refusal
        .. calling
           <- 486 INVITE
           -> ACK
        <= OnFinalizedCall 486
           <- 486 INVITE again
           -> ACK again

        === an ACK with a branch of its own making
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- ACK
              Via: SIP/2.0/UDP 192.0.2.1:5060;branch=1
        wait 60s
        == 1 call

        === a refusal that nobody ACKs
        .. ringing
        => finalizecall
           -> 486 INVITE
        <= OnFinalizedCall 486
        wait 500ms
           -> 486 INVITE again
        wait 1s
           -> 486 INVITE again
        wait 2s
           -> 486 INVITE again
        wait 3.999s
        wait 1ms
           -> 486 INVITE again
        wait 3.999s
        wait 1ms
           -> 486 INVITE again
        wait 20.5s
           -> repeats
        == at rest

        === an ACK for a refusal with a branch of its own making is none
        .. ringing
        => finalizecall
           -> 486 INVITE
        <= OnFinalizedCall 486
           <- ACK
              Via: SIP/2.0/UDP 192.0.2.1:5060;branch=z9hG4bKother
        wait 500ms
           -> 486 INVITE again
           <- ACK
        wait 60s
        == at rest
        ",
    ),
    driven(
        "S60",
        "txn",
        "a BYE that crosses ours is answered; ours is given up after 64*T1; a pending INVITE gets 487",
        "
        === both hang up
        .. a call in
        => finalizecall
        <= OnFinalizedCall
           -> BYE
           <- BYE
           -> 200 BYE
           <- 481 BYE
        wait 32s
        == at rest

        === nobody answers
        .. a call in
        => finalizecall
        <= OnFinalizedCall
           -> BYE
        wait 499ms
        wait 1ms
           -> BYE again
        wait 31.5s
           -> repeats
        == no call
        == at rest

        === the phone hangs up while its own INVITE has no answer
        .. a call in
        => sethold true
           -> INVITE
        => finalizecall
        <= OnFinalizedCall
           -> BYE
           <- 200 BYE
           <- 487 INVITE
           -> ACK
        wait 32s
        == at rest

        === the peer does
        .. a call in
        => sethold true
           -> INVITE
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
           -> ACK
        wait 32s
        == at rest

        === the BYE overtakes an INVITE that rings
        .. ringing
           <- BYE
           -> 200 BYE
           -> 487 INVITE
              CSeq: 1 INVITE
        <= OnFinalizedCall 487
           <- ACK
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S61",
        "txn",
        "the same INVITE by another path gets 482, and rings no second time",
        "
        .. registered
           <- INVITE sdp as first
              Call-ID: forked@192.0.2.1
           -> 180 INVITE
        <= OnNewCall incoming
           <- INVITE sdp @192.0.2.2
              Call-ID: forked@192.0.2.1
              Via: SIP/2.0/UDP 192.0.2.2;rport;branch=z9hG4bKelsewhere
           -> 482 INVITE @192.0.2.2
           <- ACK @192.0.2.2
        == 1 call
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- ACK of=first
        == 1 call
        ",
    ),
    driven(
        "S62",
        "txn",
        "requests out of order, out of place or oddly spelt get the answer that they deserve",
        "
        === a lower number in the dialog
        .. a call in
           <- OPTIONS inside
              CSeq: 9 OPTIONS
           -> 200 OPTIONS
           <- OPTIONS inside
              CSeq: 8 OPTIONS
           -> 500 OPTIONS
        == 1 call

        === a higher number than there should be
        each number: 2147483647 2147483648 4294967295
        .. registered
           <- OPTIONS
              CSeq: {number} OPTIONS
           -> 200 OPTIONS

        === no hop left
        .. registered
           <- INVITE sdp
              Max-Forwards: 0
           -> 180 INVITE
        <= OnNewCall incoming

        === a tag that nobody gave
        .. a call in
           <- OPTIONS inside
              To: <sip:1000@pbx.example>;tag=nobody
           -> 481 OPTIONS
           <- BYE
              To: <sip:1000@pbx.example>;tag=nobody
           -> 481 BYE
        == 1 call

        === a strange Call-ID and tag
        .. registered
           <- INVITE sdp
              Call-ID: w!~*'()%x<>:\"/[]?{}@h.o-s+t
              From: \"a\\\"b;tag=x\" <sip:600@pbx.example;tag=y>;tag=Odd%21~
           -> 180 INVITE
              Call-ID: w!~*'()%x<>:\"/[]?*@h.o-s+t
        <= OnNewCall incoming
        ",
    ),
];
