//! Offers and answers (RFC 3264, RFC 6337).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S36",
        "offer",
        "an INVITE without SDP is answered by an offer, and sound begins with the ACK's answer",
        "
        .. registered
           <- INVITE
           -> 180 INVITE bare
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | c=IN IP4 192.0.2.10
              | m=audio * RTP/AVP 8 0*
              | a=rtpmap:8 PCMA/8000
              | a=sendrecv
        ~> use nothing
           <- ACK
              sdp: 192.0.2.20:4000 0
        ~> use 0/PCMU 192.0.2.20:4000 sendrecv
        == 1 call

        === a body that need not be understood is no offer
        .. registered
           <- INVITE
              Content-Type: application/pidf+xml
              Content-Disposition: render;handling=optional
              | <presence/>
           -> 180 INVITE bare
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | m=audio * RTP/AVP 8 0*
           <- ACK
              sdp: 192.0.2.20:4000 0
        ~> use 0/PCMU 192.0.2.20:4000 sendrecv
        ",
    ),
    driven(
        "S37",
        "offer",
        "an offer that the ACK leaves unanswered ends the call; so does a BYE instead of it",
        "
        === an ACK without SDP
        .. registered
           <- INVITE
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
           <- ACK
           -> BYE
        <= OnFinalizedCall 488
        ~> end
           <- 200 BYE
        wait 32s
        == at rest

        === a BYE before the ACK
        .. registered
           <- INVITE
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
           <- BYE
           -> 200 BYE
        <= OnFinalizedCall
        ~> end
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S38",
        "offer",
        "a re-INVITE without SDP is answered by an offer of all that the phone can do",
        "
        .. ringing
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | o=- {session} 1 IN IP4 192.0.2.10
           <- ACK
           <- re-INVITE
           -> 200 INVITE sdp
              | o=- {session} * IN IP4 192.0.2.10
              | m=audio * RTP/AVP 8 0*
              | a=sendrecv
           <- ACK
              sdp: 192.0.2.20:4000 0; o=2
        ~> use 8/PCMA
        ~> use 0/PCMU 192.0.2.20:4000
        == 1 call
        ",
    ),
    driven(
        "S39",
        "offer",
        "a re-INVITE that can't be accepted gets 488, and the call goes on as it was",
        "
        === nothing but video
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE
              | v=0
              | o=peer 7 2 IN IP4 192.0.2.20
              | s=-
              | c=IN IP4 192.0.2.20
              | t=0 0
              | m=video 4002 RTP/AVP 99
              | a=rtpmap:99 H264/90000
           -> 488 INVITE
           <- ACK
        ~> use nothing
        == 1 call
        => finalizecall
        <= OnFinalizedCall
           -> BYE

        === a codec that nobody knows
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE
              sdp: 192.0.2.20:4000 98; a=rtpmap:98 MYSTERY/44100; o=2
           -> 488 INVITE
           <- ACK
        ~> use nothing
        == 1 call

        === and the next offer is good
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE
              sdp: 192.0.2.20:4000 98; a=rtpmap:98 MYSTERY/44100; o=2
           -> 488 INVITE
           <- ACK
           <- re-INVITE
              sdp: 192.0.2.20:4000 0; o=2
           -> 200 INVITE
              | m=audio * RTP/AVP 0
           <- ACK
        ~> use 0/PCMU
        ",
    ),
    driven(
        "S40",
        "offer",
        "the answer has the offer's numbers and as many media lines in their order; refused ones have port 0",
        "
        === numbers of the offerer's choice
        .. registered
           <- INVITE
              sdp: 192.0.2.20:4000 96 111 101; a=rtpmap:111 PCMA/8000/1; a=rtpmap:96 pcmu/8000; a=rtpmap:101 telephone-event/8000; a=fmtp:101 0-15
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | m=audio * RTP/AVP 96 111*
              | a=rtpmap:96 PCMU/8000
              | a=rtpmap:111 PCMA/8000
        ~> use 96/PCMU receive=96/PCMU,111/PCMA

        === one codec by two numbers, and static numbers without rtpmap
        .. registered
           <- INVITE
              sdp: 192.0.2.20:4000 0 110 8; a=rtpmap:110 PCMU/8000
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | m=audio * RTP/AVP 0 *8
        ~> use 0/PCMU

        === lines that are refused, one of them by the offerer
        .. registered
           <- INVITE
              | v=0
              | o=peer 7 1 IN IP4 192.0.2.20
              | s=-
              | c=IN IP4 192.0.2.20
              | t=0 0
              | m=audio 0 RTP/AVP 0
              | m=video 4002 RTP/AVP 99
              | a=rtpmap:99 H264/90000
              | m=audio 4004 RTP/AVP 8
              | c=IN IP4 192.0.2.29
              | m=audio 4006 RTP/AVP 0
              | m=application 9 UDP/BFCP *
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | m=audio 0 RTP/AVP 0
              | m=video 0 RTP/AVP 99
              | m=audio {port} RTP/AVP 8
              | m=audio 0 RTP/AVP 0
              | m=application 0 UDP/BFCP *
        ~> use 8/PCMA 192.0.2.29:4004

        === one part of a body of several
        .. registered
           <- INVITE
              Content-Type: multipart/mixed; boundary=\"cut here\"
              | --cut here
              | Content-Type: application/qsig
              | Content-Disposition: signal;handling=optional
              |
              | --cut
              | --cut here
              | Content-Type: application/SDP ; charset=utf-8
              |
              | v=0
              | o=peer 7 1 IN IP4 192.0.2.20
              | s=-
              | c=IN IP4 192.0.2.20
              | t=0 0
              | m=audio 4000 RTP/AVP 8
              | --cut here--
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE sdp
              | m=audio * RTP/AVP 8
        ~> use 8/PCMA 192.0.2.20:4000
        ",
    ),
    driven(
        "S41",
        "offer",
        "the same offer again leaves the sound alone; another session id or a leap of the version is taken",
        "
        === nothing new
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE sdp
           -> 200 INVITE
              | o=- * 1 IN IP4 *
           <- ACK
        ~> use nothing

        === nothing new, to keep alive a session that has a timer at the peer's side alone (RFC 4028 §4)
        .. registered
           <- INVITE sdp
              Supported: timer
              Session-Expires: 1800;refresher=uac
              Min-SE: 90
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
              no Session-Expires
              no Require
           <- ACK
        ~> use 8/PCMA
        wait 900s
           <- re-INVITE sdp
              Supported: timer
              Session-Expires: 1800;refresher=uac
           -> 200 INVITE
              no Session-Expires
              | o=- * 1 IN IP4 *
           <- ACK
        ~> use nothing

        === a leap
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE
              sdp: 192.0.2.20:4010 8 0; o=6
           -> 200 INVITE
           <- ACK
        ~> use 8/PCMA 192.0.2.20:4010

        === another session behind the same peer
        .. a call in
        ~> use 8/PCMA
           <- re-INVITE
              | v=0
              | o=other 99 1 IN IP4 192.0.2.77
              | s=-
              | c=IN IP4 192.0.2.77
              | t=0 0
              | m=audio 7000 RTP/AVP 0
           -> 200 INVITE
           <- ACK
        ~> use 0/PCMU 192.0.2.77:7000
        ",
    ),
];
