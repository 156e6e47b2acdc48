//! Where requests and answers go (RFC 3261 §8.1.2, §12, §18.2.2; RFC 3581).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S27",
        "redirect",
        "the best Contact of a 302 is called, then the next, as the same call; loops end",
        "
        === two Contacts, the better of them out of reach
        dead 192.0.2.4
        .. calling
           <- 302 INVITE
              Contact: <sip:602@192.0.2.5:5070>;q=0.5
              Contact: <sip:601@192.0.2.4>;q=0.9
           -> ACK
              Via: {via}
           -> INVITE sip:602@192.0.2.5:5070 @192.0.2.5:5070
              From: {us}
              To: <sip:600@pbx.example>
              Call-ID: {call}
              CSeq: 2 INVITE
              no Route
           <- 200 INVITE sdp @192.0.2.5:5070
              Contact: <sip:602@192.0.2.5:5070>
        <= OnAcceptCall
           -> ACK sip:602@192.0.2.5:5070 @192.0.2.5:5070

        === the better is busy
        .. calling
           <- 300 INVITE
              Contact: <sip:602@192.0.2.5>;q=0.5, <sip:601@192.0.2.4>;q=0.9
           -> ACK
           -> INVITE sip:601@192.0.2.4 @192.0.2.4
              CSeq: 2 INVITE
           <- 486 INVITE @192.0.2.4
           -> ACK @192.0.2.4
           -> INVITE sip:602@192.0.2.5 @192.0.2.5
              CSeq: 3 INVITE
           <- 486 INVITE @192.0.2.5
           -> ACK @192.0.2.5
        <= OnFinalizedCall 486

        === round and round
        .. calling
           <- 302 INVITE
              Contact: <sip:601@192.0.2.4>
           -> ACK
           -> INVITE sip:601@192.0.2.4 @192.0.2.4
           <- 302 INVITE @192.0.2.4
              Contact: <sip:600@pbx.example>
           -> ACK @192.0.2.4
        <= OnFinalizedCall 302

        === to nowhere, and to what is no telephone
        each contact: <mailto:600@pbx.example> <https://pbx.example/600>
        .. calling
           <- 302 INVITE
              Contact: {contact}
           -> ACK
        <= OnFinalizedCall 302
        ",
    ),
    driven(
        "S28",
        "routing",
        "the caller's routes are the answer's Record-Routes in reverse, the target its Contact",
        "
        .. calling
           <- 200 INVITE sdp
              Record-Route: <sip:192.0.2.31;lr>, <sip:192.0.2.32;lr>
              Record-Route: <sip:192.0.2.33:5070;lr;x=y>
              Contact: <sip:600@192.0.2.20:5090>
        <= OnAcceptCall
           -> ACK sip:600@192.0.2.20:5090 @192.0.2.33:5070
              Route: <sip:192.0.2.33:5070;lr;x=y>
              Route: <sip:192.0.2.32;lr>
              Route: <sip:192.0.2.31;lr>
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.20:5090 @192.0.2.33:5070
              Route: <sip:192.0.2.33:5070;lr;x=y>
              Route: <sip:192.0.2.32;lr>
              Route: <sip:192.0.2.31;lr>
           <- 200 BYE @192.0.2.33:5070
        ",
    ),
    driven(
        "S29",
        "routing",
        "a strict router gets its own URI as Request-URI and the target last in Route; lr=on is lr, lrx isn't",
        "
        === strict
        each params: ;lrx ;xlr=lr
        .. calling
           <- 200 INVITE sdp
              Record-Route: <sip:192.0.2.32;lr>
              Record-Route: <sip:192.0.2.31{params}>
              Contact: <sip:600@192.0.2.20:5090>
        <= OnAcceptCall
           -> ACK sip:192.0.2.31{params} @192.0.2.31
              Route: <sip:192.0.2.32;lr>
              Route: <sip:600@192.0.2.20:5090>
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:192.0.2.31{params} @192.0.2.31
              Route: <sip:192.0.2.32;lr>
              Route: <sip:600@192.0.2.20:5090>
           <- 200 BYE @192.0.2.31

        === without any parameter
        .. calling
           <- 200 INVITE sdp
              Record-Route: <sip:192.0.2.31>
        <= OnAcceptCall
           -> ACK sip:192.0.2.31 @192.0.2.31
              Route: <sip:600@192.0.2.1:5060>

        === loose
        each params: ;lr ;lr=on ;LR ;lr=true;x
        .. calling
           <- 200 INVITE sdp
              Record-Route: <sip:192.0.2.31{params}>
              Contact: <sip:600@192.0.2.20:5090>
        <= OnAcceptCall
           -> ACK sip:600@192.0.2.20:5090 @192.0.2.31
              Route: <sip:192.0.2.31{params}>
        ",
    ),
    driven(
        "S30",
        "routing",
        "the called side copies Record-Route into its answers, and its routes are in their order",
        "
        .. registered
           <- INVITE sdp
              Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.32;lr>
              Record-Route: <sip:192.0.2.33;lr>
              Contact: <sip:600@192.0.2.20:5090>
           -> 180 INVITE
              Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.32;lr>
              Record-Route: <sip:192.0.2.33;lr>
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
              Record-Route: <sip:192.0.2.1;lr>, <sip:192.0.2.32;lr>
              Record-Route: <sip:192.0.2.33;lr>
           <- ACK
        => sethold true
           -> INVITE sip:600@192.0.2.20:5090
              Route: <sip:192.0.2.1;lr>
              Route: <sip:192.0.2.32;lr>
              Route: <sip:192.0.2.33;lr>
           <- 200 INVITE
              Record-Route: <sip:192.0.2.66;lr>     // a route set never changes
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK sip:600@192.0.2.1:5060
              Route: <sip:192.0.2.1;lr>
              Route: <sip:192.0.2.32;lr>
              Route: <sip:192.0.2.33;lr>
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.1:5060
              Route: <sip:192.0.2.1;lr>
              Route: <sip:192.0.2.32;lr>
              Route: <sip:192.0.2.33;lr>
              CSeq: * BYE
           <- 200 BYE
        ",
    ),
    driven(
        "S31",
        "routing",
        "answers go to the sent-by port without rport, to the source port with it; received says where from",
        "
        === without rport
        .. registered
           <- OPTIONS @192.0.2.1:40000
              Via: SIP/2.0/UDP 192.0.2.1:5066;branch=z9hG4bKa
           -> 200 OPTIONS @192.0.2.1:5066
              Via: SIP/2.0/UDP 192.0.2.1:5066;branch=z9hG4bKa

        === without rport, by a name without a port
        .. registered
           <- OPTIONS @192.0.2.1:40000
              Via: SIP/2.0/UDP proxy.internal;branch=z9hG4bKa
           -> 200 OPTIONS @192.0.2.1:5060
              Via: SIP/2.0/UDP proxy.internal;branch=z9hG4bKa;received=192.0.2.1

        === with rport
        .. registered
           <- OPTIONS @192.0.2.1:40000
              Via: SIP/2.0/UDP 10.0.0.1:5066;rport;branch=z9hG4bKa
           -> 200 OPTIONS @192.0.2.1:40000
              Via: SIP/2.0/UDP 10.0.0.1:5066;rport=40000;branch=z9hG4bKa;received=192.0.2.1

        === by IPv6
        .. registered
           <- OPTIONS @[2001:db8::9]:40000
              Via: SIP/2.0/UDP [2001:db8::1]:5066;rport;branch=z9hG4bKa
              Via+: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb;received=10.0.0.9
           -> 200 OPTIONS @[2001:db8::9]:40000
              Via: SIP/2.0/UDP [2001:db8::1]:5066;rport=40000;branch=z9hG4bKa;received=2001:db8::9
              Via: SIP/2.0/UDP 192.0.2.9;branch=z9hG4bKb;received=10.0.0.9
        ",
    ),
    driven(
        "S32",
        "target refresh",
        "the next requests go to the newest Contact",
        "
        === of the peer's re-INVITE
        .. a call in
           <- re-INVITE
              Contact: <sip:600@192.0.2.44:5080>
              sdp: 192.0.2.20:4000 8 0; o=2
           -> 200 INVITE sdp
              Contact: <sip:1000@192.0.2.10:5060>
           <- ACK
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.44:5080 @192.0.2.44:5080
           <- 200 BYE @192.0.2.44:5080

        === of the answer to the phone's own
        .. a call in
        => sethold true
           -> INVITE
           <- 200 INVITE
              Contact: <sip:600@192.0.2.45>
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK sip:600@192.0.2.45 @192.0.2.45
        => finalizecall
        <= OnFinalizedCall
           -> BYE sip:600@192.0.2.45 @192.0.2.45

        === of the answer, not of the ringing before it
        .. calling
           <- 180 INVITE
              Contact: <sip:600@192.0.2.43>
        <= OnCallProgress 180
           <- 200 INVITE sdp
              Contact: <sip:600@192.0.2.44>
        <= OnAcceptCall
           -> ACK sip:600@192.0.2.44 @192.0.2.44
        ",
    ),
];
