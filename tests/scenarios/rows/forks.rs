//! One INVITE, several phones that answer it (RFC 3261 §13.2.2.4).

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S01",
        "fork",
        "the dialog is that of the fork that answered",
        "
        .. calling
           <- 100 INVITE
           <- 180 INVITE tag=a
              Contact: <sip:600@192.0.2.21>
        <= OnCallProgress 180
           <- 180 INVITE tag=b           // nothing new for whoever looks at the phone
              Contact: <sip:600@192.0.2.22>
           <- 200 INVITE tag=b sdp
              Contact: <sip:600@192.0.2.22>
        <= OnAcceptCall
           -> ACK sip:600@192.0.2.22 @192.0.2.22
              To: *;tag=b
        == 1 call
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.22 @192.0.2.22
              To: *;tag=b
           <- 200 BYE @192.0.2.22
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S02",
        "fork",
        "both answers are ACKed, the second is hung up, and the call has the first one's sound",
        "
        .. calling
           <- 200 INVITE tag=a
              Contact: <sip:600@192.0.2.21>
              sdp: 192.0.2.21:4000 8 0
        <= OnAcceptCall
           -> ACK sip:600@192.0.2.21 @192.0.2.21
              To: *;tag=a
        ~> use 8/PCMA 192.0.2.21:4000 sendrecv
           <- 200 INVITE tag=b
              Contact: <sip:600@192.0.2.22>
              sdp: 192.0.2.22:4000 8 0
           -> ACK sip:600@192.0.2.22 @192.0.2.22
              To: *;tag=b
           -> BYE sip:600@192.0.2.22 @192.0.2.22
              To: *;tag=b
           <- 200 BYE @192.0.2.22
           <- 200 INVITE tag=b again       // its ACK was lost
           -> ACK sip:600@192.0.2.22 @192.0.2.22
              To: *;tag=b
        ~> use nothing
        wait 64s
        == 1 call
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.21 @192.0.2.21
              To: *;tag=a
           <- 200 BYE @192.0.2.21
        wait 32s
        == at rest
        ",
    ),
    driven(
        "S03",
        "fork",
        "sound goes over to the fork that answered: to its address, codec and numbers",
        "
        .. calling
           <- 183 INVITE tag=a
              sdp: 192.0.2.21:4000 8
        <= OnCallProgress early 183
        ~> use 8/PCMA 192.0.2.21:4000 sendrecv
           <- 200 INVITE tag=b
              sdp: 192.0.2.22:6000 96; a=rtpmap:96 PCMU/8000
        <= OnAcceptCall
           -> ACK
              To: *;tag=b
        ~> use 96/PCMU 192.0.2.22:6000 sendrecv

        === both have sounded before, and the first answers
        .. calling
           <- 183 INVITE tag=a
              sdp: 192.0.2.21:4000 8
        <= OnCallProgress early 183
        ~> use 8/PCMA 192.0.2.21:4000 sendrecv
           <- 183 INVITE tag=b
              sdp: 192.0.2.22:6000 0
        ~> use 0/PCMU 192.0.2.22:6000 sendrecv
           <- 200 INVITE tag=a
              sdp: 192.0.2.21:4000 8
        <= OnAcceptCall
           -> ACK
              To: *;tag=a
        ~> use 8/PCMA 192.0.2.21:4000 sendrecv
        ",
    ),
    waits("S04", "fork", "each fork's 180 gets a PRACK of its own", "PRACK"),
];
