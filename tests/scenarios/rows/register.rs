//! Registrations (RFC 3261 §10, RFC 5626 §4.5).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S19",
        "reg",
        "the registrar's least time is taken once; without one there is nothing to try",
        "
        === with Min-Expires
        => sipregister pbx.example 1000 secret
           -> REGISTER
              Expires: 3600
           <- 423 REGISTER
              Min-Expires: 3612
           -> REGISTER
              Expires: 3612
              CSeq: 2 REGISTER
           <- 200 REGISTER granted=3612
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === without
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 423 REGISTER
        <= OnSIPRegisterRefused 423
        <= OnSIPRegisterFinalized 423
        wait 7200s
        == at rest

        === with more and more
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 423 REGISTER
              Min-Expires: 4000
           -> REGISTER
           <- 423 REGISTER
              Min-Expires: 5000
        <= OnSIPRegisterRefused 423
        <= OnSIPRegisterFinalized 423
        wait 7200s
        == at rest
        ",
    ),
    driven(
        "S20",
        "reg",
        "what the Contact's parameter grants counts before Expires, and the refresh comes in time",
        "
        === the parameter
        => sipregister pbx.example 1000 secret
           -> REGISTER
              Contact: {own}
           <- 200 REGISTER
              Contact: {own};expires=60
              Expires: 3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 29.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=60

        === the header field
        => sipregister pbx.example 1000 secret
           -> REGISTER
              Contact: {own}
           <- 200 REGISTER
              Contact: {own}
              Expires: 100
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 49.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=60

        === next to nothing: no storm
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER granted=1
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 4.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=1
        ",
    ),
    driven(
        "S21",
        "reg",
        "the own binding is found among others however it is written; without it the phone tries again",
        "
        === its host and port are spelt otherwise
        each contact: sip:1000@192.0.2.10 <SIP:1000@192.0.2.10:5060> <sip:%31000@192.0.2.10;transport=udp>
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER
              Contact: <sip:1000@192.0.2.77:5060>;expires=20
              Contact: {contact};expires=100
              Contact: \"other\" <sip:1000@192.0.2.78:5060>;expires=30
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 49.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=3600

        === it is not there
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER
              Contact: <sip:1000@192.0.2.77:5060>;expires=3600
              Contact: <sip:1000@192.0.2.78:5060>;expires=3600
        <= OnSIPRegisterExpired 500
        <= OnSIPRegisterFinalized 500
        wait 29.999s
        wait 30.001s until sent
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        ",
    ),
    driven(
        "S22",
        "reg",
        "a binding that is gone is told, and a configured account comes back by itself",
        "
        === the refresh is refused to a program's account
        each status: 403 404
        .. registered
        wait 3525s
           -> REGISTER
           <- {status} REGISTER
        <= OnSIPRegisterRefused {status}
        <= OnSIPRegisterFinalized {status}
        wait 7200s
        => startcall 600 refused 601

        === to a configured one
        config account=1000
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 3525s
           -> REGISTER
           <- 404 REGISTER
        <= OnSIPRegisterRefused 404
        <= OnSIPRegisterFinalized 404
        wait 299.999s
        wait 1ms
           -> REGISTER
           <- 404 REGISTER
        <= OnSIPRegisterRefused 404
        <= OnSIPRegisterFinalized 404
        wait 599.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === the refresh is answered, but another's binding is all there is
        .. registered
        wait 3525s
           -> REGISTER
           <- 200 REGISTER
              Contact: <sip:2000@192.0.2.77:5060>;expires=3600
        <= OnSIPRegisterExpired 500
        <= OnSIPRegisterFinalized 500
        wait 29.999s
        wait 30.001s until sent
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        ",
    ),
    driven(
        "S23",
        "reg",
        "the address that the registrar sees becomes the Contact, once for each refresh, and the old one goes",
        "
        === behind a NAT
        => sipregister pbx.example 1000 secret
           -> REGISTER
              Contact: <sip:1000@192.0.2.10:5060>
           <- 200 REGISTER granted=3600 seen=198.51.100.7:40000
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
              Contact: <sip:1000@192.0.2.10:5060>;expires=0
              Expires: 3600
              CSeq: 2 REGISTER
           <- 200 REGISTER seen=198.51.100.7:40000
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
        wait 3525s
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
           <- 200 REGISTER seen=198.51.100.7:40000
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
        => startcall 600
        <= OnNewCall outgoing
           -> INVITE
              Contact: <sip:1000@198.51.100.7:40000>
           <- 486 INVITE
           -> ACK
        <= OnFinalizedCall 486
        => sipunregister
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
              Expires: 0
           <- 200 REGISTER
        <= OnSIPUnRegister

        === a registrar that rewrites Contacts, and knows another phone and what a restart left behind
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER seen=198.51.100.7:40000
              Contact: <sip:1000@198.51.100.9:5060>;expires=3000
              Contact: <sip:1000@198.51.100.7:39999>;expires=2000
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
              Contact: <sip:1000@192.0.2.10:5060>;expires=0
           <- 200 REGISTER seen=198.51.100.7:40000
              Contact: <sip:1000@198.51.100.9:5060>;expires=3000
              Contact: <sip:1000@198.51.100.7:39999>;expires=2000
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
        wait 3524.999s
        wait 1ms
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
           <- 200 REGISTER granted=3600 seen=198.51.100.7:40000

        === a NAT that shows another address each time
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER granted=3600 seen=198.51.100.7:40000
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
           -> REGISTER
           <- 200 REGISTER seen=198.51.100.7:40001
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
        wait 3525s
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40000>
           <- 200 REGISTER seen=198.51.100.7:40002
              Contact: <sip:1000@198.51.100.7:40000>;expires=3600
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40002>
              Contact: <sip:1000@198.51.100.7:40000>;expires=0
           <- 200 REGISTER seen=198.51.100.7:40003
              Contact: <sip:1000@198.51.100.7:40002>;expires=3600
        wait 3525s
           -> REGISTER
              Contact: <sip:1000@198.51.100.7:40002>

        === a registrar that allows no other Contact
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 200 REGISTER granted=3600 seen=198.51.100.7:40000
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
           -> REGISTER
           <- 403 REGISTER
        wait 3525s                       // what was bound before is still good
           -> REGISTER
              Contact: <sip:1000@192.0.2.10:5060>
           <- 200 REGISTER granted=3600
        => startcall 600
        <= OnNewCall outgoing
           -> INVITE
              Contact: <sip:1000@192.0.2.10:5060>

        === the phone's own address changes
        .. registered
        address 192.0.2.11
        wait 3525s
           -> REGISTER
              Via: *192.0.2.11:5060*
              Contact: <sip:1000@192.0.2.11:5060>
              Contact: <sip:1000@192.0.2.10:5060>;expires=0
           <- 500 REGISTER               // the old one is not forgotten
        <= OnSIPRegisterExpired 500
        <= OnSIPRegisterFinalized 500
        wait 60s until sent
           -> REGISTER
              Contact: <sip:1000@192.0.2.11:5060>
              Contact: <sip:1000@192.0.2.10:5060>;expires=0
           <- 200 REGISTER
              Contact: <sip:1000@192.0.2.11:5060>;expires=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 3525s
           -> REGISTER
              Contact: <sip:1000@192.0.2.11:5060>
           <- 200 REGISTER granted=3600
        ",
    ),
    driven(
        "S24",
        "reg",
        "after a failure it waits as long as it is asked to and half a minute at least, and recovers by itself",
        "
        === the registrar stumbles
        each status: 500 503 504
        .. registered
        wait 3525s
           -> REGISTER
           <- {status} REGISTER
              Retry-After: 5
        <= OnSIPRegisterExpired {status}
        <= OnSIPRegisterFinalized {status}
        wait 29.999s
        wait 30.001s until sent
           -> REGISTER
           <- {status} REGISTER
              Retry-After: 500 (maintenance)
        wait 499.999s
        wait 1ms
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === it is silent
        .. registered
        wait 3525s
           -> REGISTER
        wait 31.999s
           -> repeats
        wait 1ms
        <= OnSIPRegisterExpired 408
        <= OnSIPRegisterFinalized 408
        wait 60s until sent
           -> REGISTER
        wait 32s
           -> repeats
        wait 59.999s
        wait 60.001s until sent
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === of two servers one is silent: it is waited for once, and calls go where the phone is registered
        => sipregister pair.example 1000 secret
           -> REGISTER @192.0.2.6:5060
        wait 31.999s
           -> repeats
        wait 1ms
           -> REGISTER @192.0.2.7:5060
           <- 200 REGISTER granted=3600 @192.0.2.7:5060
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        => startcall 600
        <= OnNewCall outgoing
           -> INVITE sip:600@pair.example @192.0.2.7:5060
           <- 486 INVITE @192.0.2.7:5060
           -> ACK @192.0.2.7:5060
        <= OnFinalizedCall 486
        wait 3525s
           -> REGISTER @192.0.2.7:5060
           <- 200 REGISTER granted=3600 @192.0.2.7:5060

        === nobody is there
        .. registered
        wait 3525s
           -> REGISTER
        refused 192.0.2.1
        <= OnSIPRegisterExpired 503
        <= OnSIPRegisterFinalized 503
        wait 60s until sent
           -> REGISTER
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        ",
    ),
    driven(
        "S25",
        "reg",
        "the binding is removed, with credentials if asked, and nobody waits for a registrar that is silent",
        r#"
        === challenged
        .. registered
        => sipunregister
           -> REGISTER
              Contact: <sip:1000@192.0.2.10:5060>
              Expires: 0
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> REGISTER
              Expires: 0
              signed Authorization pw1000
           <- 200 REGISTER
        <= OnSIPUnRegister
        wait 5s
        == at rest

        === unheard
        .. registered
        => sipunregister
           -> REGISTER
              Expires: 0
        wait 2s
           -> repeats
        <= OnSIPUnRegister
        wait 30s
           -> repeats
        == at rest
        "#,
    ),
    driven(
        "S26",
        "reg",
        "a redirected REGISTER follows the Contact once; who registers stays the same",
        "
        === moved
        each status: 301 302
        => sipregister pbx.example 1000 secret
           -> REGISTER
              Call-ID: {call}
           <- {status} REGISTER
              Contact: <sip:ignored@192.0.2.4:5070>
           -> REGISTER sip:192.0.2.4:5070 @192.0.2.4:5070
              To: <sip:1000@pbx.example>
              Call-ID: {call}
              CSeq: 2 REGISTER
              no Route
           <- 200 REGISTER granted=3600 @192.0.2.4:5070
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === moved, once it knew who asked: the other server hears no answer that was the first one's
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n1\", qop=\"auth\"
           -> REGISTER
              signed Authorization secret
           <- 302 REGISTER
              Contact: <sip:192.0.2.4:5070>
           -> REGISTER sip:192.0.2.4:5070 @192.0.2.4:5070
              no Authorization
           <- 401 REGISTER @192.0.2.4:5070
              WWW-Authenticate: Digest realm=\"pbx\", nonce=\"m1\", qop=\"auth\"
           -> REGISTER sip:192.0.2.4:5070 @192.0.2.4:5070
              Authorization: *nonce=\"m1\"*nc=00000001*
              signed Authorization secret
           <- 200 REGISTER granted=3600 @192.0.2.4:5070
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === by way of a proxy
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 305 REGISTER
              Contact: <sip:192.0.2.4:5070>
           -> REGISTER sip:pbx.example @192.0.2.4:5070
              Route: <sip:192.0.2.4:5070;lr>
              To: <sip:1000@pbx.example>
           <- 200 REGISTER granted=3600 @192.0.2.4:5070
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === round and round
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 302 REGISTER
              Contact: <sip:192.0.2.4:5070>
           -> REGISTER sip:192.0.2.4:5070 @192.0.2.4:5070
           <- 302 REGISTER @192.0.2.4:5070
              Contact: <sip:pbx.example>
        <= OnSIPRegisterRefused 302
        <= OnSIPRegisterFinalized 302
        wait 7200s
        == at rest

        === to nowhere
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 302 REGISTER
        <= OnSIPRegisterRefused 302
        <= OnSIPRegisterFinalized 302
        ",
    ),
];
