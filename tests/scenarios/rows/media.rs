//! Sound and keys, as far as call control has to do with them: what terms a leg gets. What becomes of packets is shown
//! by the tests of the media package.

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S45",
        "media",
        "another codec, number or packet time in a re-INVITE is the leg's from then on",
        "
        .. a call in
        ~> use 8/PCMA ptime=20
           <- re-INVITE
              sdp: 192.0.2.20:4000 0; a=ptime:40; o=2
           -> 200 INVITE
              | m=audio * RTP/AVP 0
           <- ACK
        ~> use 0/PCMU receive=0/PCMU ptime=40
           <- re-INVITE
              sdp: 192.0.2.20:4000 97; a=rtpmap:97 PCMA/8000; o=3
           -> 200 INVITE
              | m=audio * RTP/AVP 97
              | a=rtpmap:97 PCMA/8000
           <- ACK
        ~> use 97/PCMA receive=97/PCMA ptime=20
        ",
    ),
    driven(
        "S46",
        "media",
        "who moves behind a PBX offers the same again: the leg is left to hear through it",
        "
        .. a call in
        ~> use 8/PCMA 192.0.2.20:4000
           <- re-INVITE
              Contact: <sip:700@192.0.2.1:5060>
              sdp: 192.0.2.20:4000 8 0; o=2
           -> 200 INVITE
           <- ACK
        ~> use nothing
        ",
    ),
    driven(
        "S47",
        "media",
        "a gap that is too long is told, so is its end, and the call goes on; what is shorter the leg heals alone",
        "
        === a gap
        .. a call out
        ~> use 8/PCMA sendrecv
        <~ Arrived
        <~ Lost
        <= OnMediaLost
        <~ Back
        <= OnMediaBack
        wait 120s
        == 1 call

        === of a peer that only listens nothing is missed
        .. calling
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly
        <= OnAcceptCall
           -> ACK
        ~> use sendonly
        <~ Lost
        wait 120s
        == 1 call
           <- re-INVITE
              sdp: 192.0.2.20:4000 8; o=2
           -> 200 INVITE
           <- ACK
        ~> use sendrecv
        <~ Lost
        <= OnMediaLost

        === on hold nothing is lost, and afterwards all is found out anew
        .. a call out
        ~> use 8/PCMA sendrecv
        <~ Lost
        <= OnMediaLost
        => sethold true
        <= OnMediaBack
           -> INVITE
              CSeq: 2 INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
        wait 120s
        <~ Back
        => sethold false
           -> INVITE
              CSeq: 3 INVITE
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; o=3
        <= OnHoldCall false local
           -> ACK
        <~ Lost
        <= OnMediaLost
        wait 54s
        == 1 call
        wait 1s
           -> BYE
        <= OnFinalizedCall 408
           <- 200 BYE
        ",
    ),
    driven(
        "S48",
        "media",
        "the leg is told the SDP's address, and listens before the ACK; latching is its own matter",
        "
        === called
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
        ~> use 192.0.2.20:4000 rtcp=192.0.2.20:4001 sendrecv
        <~ Arrived
           <- ACK
        ~> use nothing
        == 1 call

        === an address for RTCP of its own
        .. calling
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=rtcp:5005 IN IP4 192.0.2.21
        <= OnAcceptCall
           -> ACK
        ~> use 192.0.2.20:4000 rtcp=192.0.2.21:5005
        ",
    ),
    driven(
        "S49",
        "media",
        "a leg hears the numbers that were agreed on, and no other",
        "
        .. registered
           <- INVITE
              sdp: 192.0.2.20:4000 8 13 18; a=rtpmap:13 CN/8000; a=rtpmap:18 G729/8000
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
              no | m=audio * 18*
        ~> use 8/PCMA receive=8/PCMA
        ",
    ),
    driven(
        "S50",
        "dtmf",
        "keys go out in their order as events by the number agreed on; how they sound is the leg's",
        "
        .. calling
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 101; a=rtpmap:101 telephone-event/8000; a=fmtp:101 0-15
        <= OnAcceptCall
           -> ACK
        ~> use event=101/101
        => senddtmf 11#
        ~> key 1 Event
        wait 1s
        ~> key 1 Event
        ~> key # Event
        ~> key nothing
        ",
    ),
    driven(
        "S51",
        "dtmf",
        "a key that the leg heard is told once, and each side may have a number of its own for events",
        "
        .. calling
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8 96; a=rtpmap:96 telephone-event/8000
        <= OnAcceptCall
           -> ACK
        ~> use event=96/101
        <~ key D
        <= OnDTMF D
        <~ key D
        <= OnDTMF D
        ",
    ),
    driven(
        "S52",
        "dtmf",
        "without events keys go out as tones or as configured; INFO is heard, and what else INFO may hold refused",
        "
        === tones
        .. a call out
        => senddtmf 5
        ~> key 5 InBand

        === by INFO, if an account wants that
        config account=1000 dtmf=info
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        => startcall 600
        <= OnNewCall outgoing
           -> INVITE
           <- 200 INVITE sdp
        <= OnAcceptCall
           -> ACK
        => senddtmf 5#
           -> INFO
              CSeq: 2 INFO
              Content-Type: application/dtmf-relay
              | Signal=5
              | Duration=100
           <- 200 INFO
        wait 1s until sent
           -> INFO
              CSeq: 3 INFO
              | Signal=#
           <- 200 INFO
        ~> key nothing

        === the peer's
        .. a call in
           <- INFO
              Content-Type: application/dtmf-relay
              | Signal= A
              | Duration= 160
        <= OnDTMF A
           -> 200 INFO
           <- INFO
              Content-Type: application/dtmf
              | D
        <= OnDTMF D
           -> 200 INFO
           <- INFO
           -> 200 INFO
           <- INFO
              Content-Type: application/media_control+xml
              | <media_control/>
           -> 415 INFO
              Accept: application/dtmf-relay*
        == 1 call
        ",
    ),
];
