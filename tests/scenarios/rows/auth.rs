//! Challenges (RFC 3261 §22, RFC 7616, RFC 8760).

use super::{Row, driven};

pub(crate) const ROWS: &[Row] = &[
    driven(
        "S12",
        "auth",
        "a nonce that is called stale is replaced at once, and counted from 1 again",
        r#"
        => sipregister pbx.example 1000 secret
           -> REGISTER sip:pbx.example
              no Authorization
              CSeq: 1 REGISTER
              Call-ID: {call}
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> REGISTER sip:pbx.example
              Authorization: *nonce="n1"*nc=00000001*
              CSeq: 2 REGISTER
              Call-ID: {call}
              signed Authorization secret
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n2", qop="auth", stale=true
           -> REGISTER sip:pbx.example
              Authorization: *nonce="n2"*nc=00000001*
              CSeq: 3 REGISTER
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        "#,
    ),
    driven(
        "S13",
        "auth",
        "a refresh that is challenged anew is tried once more, and then refused",
        r#"
        === the new nonce is good
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> REGISTER
           <- 200 REGISTER granted=600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 525s
           -> REGISTER
              Authorization: *nonce="n1"*nc=00000002*
              signed Authorization secret
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n2", qop="auth"
           -> REGISTER
              Authorization: *nonce="n2"*nc=00000001*
              signed Authorization secret
           <- 200 REGISTER granted=600
        wait 5s
        == at rest

        === it is not
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> REGISTER
           <- 200 REGISTER granted=600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 525s
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n2", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n3", qop="auth"
        <= OnSIPRegisterRefused 401
        <= OnSIPRegisterFinalized 401
        wait 7200s
        == at rest
        "#,
    ),
    driven(
        "S14",
        "auth",
        "of one realm's challenges the first that is understood is answered, and only that",
        r#"
        === SHA-256 first
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=SHA-256, qop="auth"
              WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"
           -> REGISTER
              Authorization: *algorithm=SHA-256
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === MD5 first
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=MD5, qop="auth"
              WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=SHA-256, qop="auth"
           -> REGISTER
              Authorization: *algorithm=MD5
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === one that nobody knows, then a session's
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n0", algorithm=SHA-512-256, qop="auth"
              WWW-Authenticate: Digest realm="pbx", nonce="n1", algorithm=SHA-256-sess, qop="auth"
              WWW-Authenticate: Basic realm="pbx"
           -> REGISTER
              Authorization: *nonce="n1"*algorithm=SHA-256-sess
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        wait 3525s
           -> REGISTER
              Authorization: *nonce="n1"*nc=00000002*
              signed Authorization secret
           <- 200 REGISTER granted=3600

        === nothing but what nobody knows
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n0", algorithm=SHA-512-256, qop="auth"
        <= OnSIPRegisterRefused 401
        <= OnSIPRegisterFinalized 401
        "#,
    ),
    driven(
        "S15",
        "auth",
        "the third INVITE has the credentials for the proxy and those for the called side",
        r#"
        .. calling
           <- 407 INVITE
              Proxy-Authenticate: Digest realm="proxy", nonce="p1", qop="auth"
           -> ACK sip:600@pbx.example
              Via: {via}
           -> INVITE sip:600@pbx.example
              Via: {second≠via}
              From: {us}
              To: <sip:600@pbx.example>
              Call-ID: {call}
              CSeq: 2 INVITE
              no Authorization
              signed Proxy-Authorization pw1000
           <- 401 INVITE tag=far
              WWW-Authenticate: Digest realm="far", nonce="f1", qop="auth"
           -> ACK
              To: *;tag=far
           -> INVITE sip:600@pbx.example
              Via: {third≠second}
              From: {us}
              To: <sip:600@pbx.example>
              Call-ID: {call}
              CSeq: 3 INVITE
              signed Authorization pw1000
              signed Proxy-Authorization pw1000
              Authorization: *realm="far"*nc=00000001*
              Proxy-Authorization: *realm="proxy"*nc=00000002*
           <- 200 INVITE sdp tag=far
        <= OnAcceptCall
           -> ACK
              CSeq: 3 ACK
              Authorization: *realm="far"*
              Proxy-Authorization: *realm="proxy"*
        "#,
    ),
    driven(
        "S16",
        "auth",
        "a wrong password is tried with one more nonce, then told, and nothing more is sent",
        r#"
        === a wrong password
        => sipregister pbx.example 1000 wrong
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n2", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="pbx", nonce="n3", qop="auth"
        <= OnSIPRegisterRefused 401
        <= OnSIPRegisterFinalized 401
        wait 7200s
        == at rest

        === a registrar that invents a realm each time
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r1", nonce="n", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r2", nonce="n", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r3", nonce="n", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r4", nonce="n", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r5", nonce="n", qop="auth"
        <= OnSIPRegisterRefused 401
        <= OnSIPRegisterFinalized 401
        wait 7200s
        == at rest

        === two realms that ask in turns
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r1", nonce="1", qop="auth"
           -> REGISTER
           <- 407 REGISTER
              Proxy-Authenticate: Digest realm="r2", nonce="2", qop="auth"
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r1", nonce="3", qop="auth", stale=true
           -> REGISTER
           <- 407 REGISTER
              Proxy-Authenticate: Digest realm="r2", nonce="4", qop="auth", stale=true
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="r1", nonce="5", qop="auth", stale=true
        <= OnSIPRegisterRefused 401
        <= OnSIPRegisterFinalized 401
        wait 7200s
        == at rest

        === a call that is never trusted
        .. calling
           <- 401 INVITE
              WWW-Authenticate: Digest realm="r1", nonce="1", qop="auth"
           -> ACK
           -> INVITE
           <- 401 INVITE
              WWW-Authenticate: Digest realm="r1", nonce="2", qop="auth"
           -> ACK
           -> INVITE
           <- 401 INVITE
              WWW-Authenticate: Digest realm="r1", nonce="3", qop="auth"
           -> ACK
        <= OnFinalizedCall 401
        "#,
    ),
    driven(
        "S17",
        "auth",
        "opaque, realm and nonce go back as they came, and the digest is over what they say",
        r#"
        === characters that need care
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: Digest realm="Zoë \"the\" PBX, first floor", nonce="a+b/c==", opaque="o,\"=", qop="auth,auth-int"
           -> REGISTER
              Authorization: *realm="Zoë \"the\" PBX, first floor"*nonce="a+b/c=="*qop=auth,*opaque="o,\"="*
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized

        === the body too
        .. calling
           <- 407 INVITE
              Proxy-Authenticate: Digest realm="pbx",nonce="n1",qop="auth-int",algorithm=MD5-sess
           -> ACK
           -> INVITE sdp
              Proxy-Authorization: *qop=auth-int*
              signed Proxy-Authorization pw1000
           <- 200 INVITE sdp
        <= OnAcceptCall
           -> ACK

        === as before RFC 2617, with parameters that should have no quotes
        => sipregister pbx.example 1000 secret
           -> REGISTER
           <- 401 REGISTER
              WWW-Authenticate: digest Realm="pbx" , nonce="n1",algorithm="MD5",stale="FALSE"
           -> REGISTER
              signed Authorization secret
           <- 200 REGISTER granted=3600
        <= OnSIPRegister
        <= OnSIPRegisterFinalized
        "#,
    ),
    driven(
        "S18",
        "auth",
        "whatever is challenged goes out again with credentials and the next number",
        r#"
        === re-INVITE and REFER
        .. a call out
        => transferecall 700
           -> INVITE
              CSeq: 2 INVITE
           <- 401 INVITE
              WWW-Authenticate: Digest realm="pbx", nonce="n1", qop="auth-int"
           -> ACK
           -> INVITE sdp
              CSeq: 3 INVITE
              signed Authorization pw1000
           <- 200 INVITE
              sdp: 192.0.2.20:4000 8; a=recvonly; o=2
        <= OnHoldCall true local
           -> ACK
              CSeq: 3 ACK
           -> REFER
              CSeq: 4 REFER
              signed Authorization pw1000
           <- 407 REFER
              Proxy-Authenticate: Digest realm="proxy", nonce="p1", qop="auth"
           -> REFER
              CSeq: 5 REFER
              Refer-To: *700*
              signed Proxy-Authorization pw1000
              signed Authorization pw1000
           <- 202 REFER

        === NOTIFY
        .. a call in
           <- REFER
              Refer-To: <sip:700@pbx.example>
           -> 202 REFER
           -> NOTIFY
              CSeq: 1 NOTIFY
        <= OnNewCall outgoing #2
           -> INVITE sip:700@pbx.example
           <- 407 NOTIFY
              Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> NOTIFY
              CSeq: 2 NOTIFY
              signed Proxy-Authorization pw1000
              | SIP/2.0 100 *
           <- 200 NOTIFY

        === BYE, with a nonce that has lapsed during the call
        .. calling
           <- 407 INVITE
              Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> ACK
           -> INVITE
           <- 200 INVITE sdp
        <= OnAcceptCall
           -> ACK
        wait 1800s
        => finalizecall
        <= OnFinalizedCall
           -> BYE
              CSeq: 3 BYE
              Proxy-Authorization: *nonce="n1"*nc=00000002*
           <- 407 BYE
              Proxy-Authenticate: Digest realm="pbx", nonce="n2", qop="auth", stale=true
           -> BYE
              CSeq: 4 BYE
              Proxy-Authorization: *nonce="n2"*nc=00000001*
              signed Proxy-Authorization pw1000
           <- 200 BYE

        === BYE
        .. a call out
        => finalizecall
        <= OnFinalizedCall
           -> BYE
              CSeq: 2 BYE
              Via: {first}
           <- 407 BYE
              Proxy-Authenticate: Digest realm="pbx", nonce="n1", qop="auth"
           -> BYE
              CSeq: 3 BYE
              Via: {again≠first}
              signed Proxy-Authorization pw1000
           <- 200 BYE
        wait 32s
        == at rest
        "#,
    ),
];
