//! Requests beside the calls, and what an INVITE may look like.

use super::{Row, driven, waits};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S72",
        "misc",
        "OPTIONS is answered with what the phone can do, in and out of calls, and never rings",
        "
        === from anybody the server lets through, while nothing, a ringing call and a call goes on
        .. registered
           <- OPTIONS
              From: <sip:nobody@elsewhere.example>;tag=1
           -> 200 OPTIONS
              any Allow: INVITE
              any Allow: OPTIONS
              Accept: application/sdp
              any Supported: norefersub
           <- INVITE sdp
           -> 180 INVITE
        <= OnNewCall incoming
           <- OPTIONS
           -> 200 OPTIONS
        => acceptcall
        <= OnAcceptCall
           -> 200 INVITE
           <- ACK
           <- OPTIONS inside
           -> 200 OPTIONS
              any Allow: INVITE
              any Supported: norefersub
              Accept: application/sdp
           <- OPTIONS inside
           -> 200 OPTIONS
        == 1 call

        === every five seconds
        .. registered
           <- OPTIONS
           -> 200 OPTIONS
        wait 5s
           <- OPTIONS
           -> 200 OPTIONS
        wait 5s
           <- OPTIONS
           -> 200 OPTIONS
        == no call
        ",
    ),
    waits(
        "S73",
        "misc",
        "message waiting is told; NOTIFYs that nobody asked for are answered",
        "OnMessageWaiting",
    ),
    waits("S74", "misc", "subscriptions are kept through whatever becomes of them", "SUBSCRIBE"),
    driven(
        "S75",
        "misc",
        "a second call waits or is busy; who or what is not understood is told so",
        "
        === one call up, the next waits
        .. a call in
           <- INVITE sdp
           -> 180 INVITE
        <= OnNewCall incoming #2
        == 2 calls

        === as many calls as there may be
        config max_calls=1
        .. a call in
           <- INVITE sdp
           -> 486 INVITE
           <- ACK
        == 1 call

        === a stranger is told nothing of who lives here, and little of that
        .. registered
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- ACK @203.0.113.9
           <- INVITE sip:2000@192.0.2.10 sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- ACK @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           -> 403 INVITE @203.0.113.9
           <- INVITE sdp @203.0.113.9
           <- INVITE sdp @203.0.113.9
        == no call

        === nobody here is called so
        .. registered
           <- INVITE sip:2000@192.0.2.10:5060 sdp
           -> 404 INVITE
           <- ACK

        === an extension that the phone lacks
        .. registered
           <- INVITE sdp
              Require: foo, 100rel
           -> 420 INVITE
              Unsupported: foo
              Unsupported: 100rel
           <- ACK

        === a URI that asks for TLS all the way, by UDP
        .. registered
           <- INVITE sips:1000@192.0.2.10:5060 sdp
           -> 416 INVITE
           <- ACK

        === a telephone number
        .. registered
           <- INVITE tel:1000 sdp
           -> 416 INVITE
           <- ACK

        === a body that is no SDP
        .. registered
           <- INVITE
              Content-Type: text/plain
              | hello
           -> 415 INVITE
              Accept: application/sdp
           <- ACK

        === what was not asked for but proxies require of each other
        .. registered
           <- INVITE sdp
              Proxy-Require: foo
              Supported: timer, 100rel, replaces
           -> 180 INVITE
              no Require
        <= OnNewCall incoming
        ",
    ),
    driven(
        "S76",
        "misc",
        "methods that the phone lacks get 405, those that nobody knows 501, both with Allow",
        "
        === without a call
        each method: MESSAGE PUBLISH UPDATE
        .. registered
           <- {method} outside
           -> 405 {method}
              Allow: INVITE, *

        === one of their own
        .. registered
           <- FROBNICATE outside
           -> 501 FROBNICATE
              Allow: INVITE, *

        === INFO without a body
        .. a call in
           <- INFO
           -> 200 INFO
        == 1 call

        === a NOTIFY that nobody subscribed to
        .. registered
           <- NOTIFY
              Event: check-sync
              Subscription-State: active
           -> 481 NOTIFY

        === in a call
        each method: MESSAGE UPDATE
        .. a call in
           <- {method} inside
           -> 405 {method}
              Allow: INVITE, *
        == 1 call
        ",
    ),
    driven(
        "S77",
        "misc",
        "a caller is shown as he is named, however that is written",
        r#"
        === accents, quotes and escapes
        .. registered
           <- INVITE sdp
              From: "Zoë \"Z\" O\\Neill" <sip:600@pbx.example>;tag=1
              P-Asserted-Identity: "Zoë" <sip:600@pbx.example>
              Privacy: id
           -> 180 INVITE
        <= OnNewCall incoming from=sip:600@pbx.example name=Zoë_"Z"_O\Neill P-Asserted-Identity="Zoë"_<sip:600@pbx.example>

        === nobody
        .. registered
           <- INVITE sdp
              From: "Anonymous" <sip:anonymous@anonymous.invalid>;tag=1
           -> 180 INVITE
        <= OnNewCall incoming from=sip:anonymous@anonymous.invalid name=Anonymous

        === without brackets, with parameters and a password
        .. registered
           <- INVITE sdp
              From: sip:600@pbx.example;tag=1;x=y
           -> 180 INVITE
        <= OnNewCall incoming from=sip:600@pbx.example name=

        === four kilobytes of name
        .. registered
           <- INVITE sdp
              From: "{4000 bytes}" <sip:600@pbx.example;user=phone>;tag=1
           -> 180 INVITE
        <= OnNewCall incoming from=sip:600@pbx.example name=xxxx*
        "#,
    ),
];
