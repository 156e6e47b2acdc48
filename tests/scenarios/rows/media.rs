//! Sound and keys, as far as call control has to do with them: what terms a leg gets. What becomes of packets is shown
//! by the tests of the media package.

use super::{Row, driven, waits};

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
    waits(
        "S47",
        "media",
        "loss, reordering, wraps and gaps are healed",
        "nothing here: the media package shows it",
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
    waits("S50", "dtmf", "keys go out as events by the numbers agreed on", "keys"),
    waits("S51", "dtmf", "a key that a leg heard is told once", "keys"),
    waits("S52", "dtmf", "without events keys go out as configured; INFO is answered", "keys"),
];
