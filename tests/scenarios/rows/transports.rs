//! Streams, connections and sizes (RFC 3261 §18).

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    waits("S63", "tcp", "messages are found in a stream however it is cut", "TCP"),
    waits("S64", "tcp", "a connection that ends is opened again, registration included", "TCP"),
    waits(
        "S65",
        "mtu",
        "a request that is too long for a datagram goes by TCP, or by UDP if that fails",
        "TCP",
    ),
    driven(
        "S66",
        "mtu",
        "a datagram as long as there can be, and one of two hundred Vias, is answered whole or refused",
        "
        === 40 kB of extension
        .. registered
           <- INVITE sdp
              X-Long: {40000 bytes}
           -> 513 INVITE
           <- ACK

        === an attribute of 8 kB
        .. registered
           <- INVITE
              sdp: 192.0.2.20:4000 8; a=x:{8000 bytes}
           -> 180 INVITE
        <= OnNewCall incoming
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
              | m=audio * RTP/AVP 8
        ~> use 8/PCMA 192.0.2.20:4000

        === two hundred Vias
        .. registered
           <- OPTIONS
              Via+: {200 vias}
           -> 513 OPTIONS
        ",
    ),
];
