//! Sound before the answer (RFC 3261 §13.2.1, RFC 3960).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S33",
        "early media",
        "an answer without SDP leaves what the 183 agreed on",
        "
        .. calling
           <- 183 INVITE
              sdp: 192.0.2.20:4000 0
        <= OnCallProgress early 183
        ~> use 0/PCMU 192.0.2.20:4000 sendrecv
        <~ Arrived
           <- 200 INVITE
        <= OnAcceptCall
           -> ACK
        == 1 call
        ",
    ),
    driven(
        "S34",
        "early media",
        "the 183's sound is heard from then on, whatever rings after it",
        "
        .. calling
           <- 180 INVITE
        <= OnCallProgress 180
        ~> tone Ringback
           <- 183 INVITE sdp
        <= OnCallProgress early 183
        ~> use 8/PCMA 192.0.2.20:4000 sendrecv
        <~ Arrived
           <- 180 INVITE
        <= OnCallProgress early 180
        ~> use nothing
        ~> tone nothing
           <- 200 INVITE
        <= OnAcceptCall
           -> ACK
        ",
    ),
    driven(
        "S35",
        "early media",
        "an answer that differs from the 183 is what counts",
        "
        .. calling
           <- 183 INVITE
              sdp: 192.0.2.20:4000 8
        <= OnCallProgress early 183
        ~> use 8/PCMA 192.0.2.20:4000 sendrecv
           <- 200 INVITE
              sdp: 192.0.2.28:6000 0; o=2; a=ptime:40
        <= OnAcceptCall
           -> ACK
        ~> use 0/PCMU 192.0.2.28:6000 sendrecv ptime=40
        == 1 call

        === both beside what the telephone network says
        .. calling
           <- 183 INVITE
              Content-Type: multipart/mixed;boundary=x
              | --x
              | Content-Type: application/sdp
              |
              | v=0
              | c=IN IP4 192.0.2.20
              | m=audio 4000 RTP/AVP 8
              | --x
              | Content-Type: application/isup; version=itu-t92+
              |
              | 2c01
              | --x--
        <= OnCallProgress early 183
        ~> use 8/PCMA 192.0.2.20:4000 sendrecv
           <- 200 INVITE
              Content-Type: multipart/mixed;boundary=x
              | --x
              | Content-Type: application/isup; version=itu-t92+
              |
              | 0901
              | --x
              | Content-Type: application/sdp
              |
              | v=0
              | c=IN IP4 192.0.2.28
              | m=audio 6000 RTP/AVP 0
              | --x--
        <= OnAcceptCall
           -> ACK
        ~> use 0/PCMU 192.0.2.28:6000 sendrecv
        ",
    ),
];
