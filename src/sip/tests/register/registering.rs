//! RFC 3261 §10.2, §22.2: binding an address and keeping it bound.

use sip::invite::Profile;
use sip::message::Status;
use sip::register::Event;

use super::{REGISTRAR, begin_by, granted, next_register, registered, registering};
use crate::stage::{answer, challenge, flow_to, ms, profile, with};

#[test]
fn a_register_says_who_is_where_and_for_how_long() {
    let (account, register) = registering();
    assert_eq!(register.first_line(), "REGISTER sip:pbx.example SIP/2.0");
    assert_eq!((register.value("To"), register.value("CSeq")), ("<sip:1000@pbx.example>", "1 REGISTER"));
    assert!(register.value("From").starts_with("<sip:1000@pbx.example>;tag="));
    assert_eq!((register.value("Contact"), register.value("Expires")), ("<sip:1000@192.0.2.10:5060>", "600"));
    assert_eq!((register.value("Max-Forwards"), register.value("User-Agent")), ("70", "neonphone"));
    assert!(register.values("Route").is_empty());
    assert_eq!(account.user.flow(), Some(flow_to(REGISTRAR)));
}

#[test]
fn an_outbound_proxy_is_named_as_a_loose_route() {
    let mut account = begin_by("sip:192.0.2.8:5070", &[]);
    let register = account.sent_one();
    assert_eq!(register.first_line(), "REGISTER sip:pbx.example SIP/2.0");
    assert_eq!(register.value("Route"), "<sip:192.0.2.8:5070;lr>");
    assert_eq!(register.flow, flow_to("192.0.2.8:5070"));
}

#[test]
fn a_binding_is_refreshed_75_seconds_before_it_ends_in_the_same_call_with_the_next_number() {
    let (mut account, first) = registered();
    account.run_for(ms(524_999));
    assert!(account.sent().is_empty());
    account.run_for(ms(1));
    let second = account.sent_one();
    assert_eq!((second.value("CSeq"), second.value("Contact")), ("2 REGISTER", first.value("Contact")));
    assert_eq!(
        (second.value("Call-ID"), second.value("From")),
        (first.value("Call-ID"), first.value("From"))
    );
    assert_eq!(account.user.flow(), Some(flow_to(REGISTRAR)), "the binding lasts");
    account.receive(&granted(&second, 600));
    assert_eq!(account.told(), [Event::Registered]);
}

#[test]
fn a_registrar_that_says_that_it_takes_a_while_is_waited_for() {
    let (mut account, register) = registering();
    for provisional in ["100 Trying", "182 Queued"] {
        account.receive(&answer(&register, provisional));
        assert!(account.told().is_empty() && account.sent().is_empty());
    }
    account.receive(&granted(&register, 600));
    assert_eq!(account.told(), [Event::Registered]);
}

#[test]
fn what_the_registrar_grants_counts_and_not_what_was_asked_for() {
    let own = "<sip:1000@192.0.2.10:5060>";
    for (lines, refreshed_after_s) in [
        (format!("Contact: {own};expires=3600"), 3525),
        (format!("Contact: {own};expires=60"), 30),
        (format!("Contact: {own};expires=2"), 5),
        (format!("Contact: <sip:1000@192.0.2.77>;expires=7, {own};expires=100, <sip:x@y>;expires=9"), 50),
        (format!("Contact: <sip:1000@192.0.2.77>;expires=7\nContact: {own}\nExpires: 200"), 125),
        (format!("Contact: <sip:1000@[fe80::7%eth0]>;expires=7\nContact: {own};expires=100"), 50),
        ("Contact: <sip:1000@198.51.100.4:40000>;expires=120".to_owned(), 60),
        ("Expires: 300".to_owned(), 225),
        ("Contact: *".to_owned(), 525),
        ("User-Agent: terse".to_owned(), 525),
    ] {
        let (mut account, register) = registering();
        account.receive(&with(&answer(&register, "200 OK"), &lines));
        assert_eq!(account.told(), [Event::Registered]);
        let (after_ms, _) = next_register(&mut account, 3600);
        assert_eq!(after_ms, refreshed_after_s * 1000, "{lines}");
    }
}

#[test]
fn a_challenge_is_answered_and_the_refresh_is_signed_unasked() {
    let (mut account, first) = registering();
    account.receive(&with(&answer(&first, "401 Unauthorized"), &challenge("n1")));
    let second = account.sent_one();
    assert_eq!(second.value("CSeq"), "2 REGISTER");
    assert_eq!(
        (second.value("Call-ID"), second.value("Contact")),
        (first.value("Call-ID"), first.value("Contact"))
    );
    let credentials = second.value("Authorization");
    assert!(credentials.contains("uri=\"sip:pbx.example\"") && credentials.contains("nc=00000001"));
    account.receive(&granted(&second, 600));
    assert_eq!(account.told(), [Event::Registered]);

    let (_, refresh) = next_register(&mut account, 600);
    assert!(refresh.value("Authorization").contains("nc=00000002"));
    let stale = format!("{}, stale=TRUE", challenge("n2"));
    account.receive(&with(&answer(&refresh, "401 Unauthorized"), &stale));
    let again = account.sent_one();
    assert!(again.value("Authorization").contains("nonce=\"n2\"") && again.value("CSeq") == "4 REGISTER");
    account.receive(&granted(&again, 600));
    assert_eq!(account.told(), [Event::Registered], "a lapsed nonce is nothing to tell of");
}

#[test]
fn a_proxys_challenge_is_answered_too() {
    let (mut account, first) = registering();
    let asked = challenge("n1").replace("WWW-", "Proxy-");
    account.receive(&with(&answer(&first, "407 Proxy Authentication Required"), &asked));
    assert!(account.sent_one().value("Proxy-Authorization").contains("nonce=\"n1\""));
}

#[test]
fn a_longer_time_that_the_registrar_wants_is_taken_once() {
    let (mut account, first) = registering();
    let brief =
        |register, least| with(&answer(register, "423 Interval Too Brief"), &format!("Min-Expires: {least}"));
    account.receive(&brief(&first, 1800));
    let second = account.sent_one();
    assert_eq!((second.value("Expires"), second.value("CSeq")), ("1800", "2 REGISTER"));
    account.receive(&granted(&second, 1800));
    assert_eq!(account.told(), [Event::Registered]);
    let (_, refresh) = next_register(&mut account, 1800);
    assert_eq!(refresh.value("Expires"), "1800", "it is not asked twice");

    let (mut account, first) = registering();
    account.receive(&brief(&first, 600));
    assert!(account.sent().is_empty(), "it had so much");
    assert_eq!(account.told(), [Event::Refused(Status::INTERVAL_TOO_BRIEF)]);

    let (mut account, first) = registering();
    account.receive(&brief(&first, 1800));
    let second = account.sent_one();
    account.receive(&brief(&second, 3600));
    assert!(account.sent().is_empty());
    assert_eq!(account.told(), [Event::Refused(Status::INTERVAL_TOO_BRIEF)]);

    let (mut account, first) = registering();
    account.receive(&brief(&first, 60));
    assert_eq!(account.told(), [Event::Refused(Status::INTERVAL_TOO_BRIEF)], "less than was asked for");
}

#[test]
fn a_new_password_is_tried_at_once() {
    let (mut account, first) = registering();
    account.receive(&answer(&first, "403 Forbidden"));
    assert_eq!(account.told(), [Event::Refused(Status::FORBIDDEN)]);
    let changed = Profile { agent: "changed".into(), ..profile() };
    account.act(|registration, now, endpoint, _| registration.register_as(now, endpoint, changed));
    let second = account.sent_one();
    assert_eq!((second.value("CSeq"), second.value("User-Agent")), ("2 REGISTER", "changed"));
}

#[test]
fn the_answer_to_a_register_that_was_let_go_is_nobodys() {
    let (mut account, first) = registering();
    account.register();
    let second = account.sent_one();
    account.receive(&granted(&first, 60));
    assert!(account.told().is_empty());
    account.receive(&answer(&second, "100 Trying"));
    account.receive(&granted(&second, 600));
    assert_eq!(account.told(), [Event::Registered]);
    assert_eq!(next_register(&mut account, 600).0, 525_000);
}

#[test]
fn every_address_that_the_registrars_name_has_or_had_is_its_own() {
    let (mut account, first) = registering();
    account.receive(&with(&answer(&first, "503 Service Unavailable"), "Retry-After: 0"));
    let second = account.sent_one();
    account.receive(&granted(&second, 600));
    for (address, is_server) in [("192.0.2.1", true), ("192.0.2.2", true), ("192.0.2.3", false)] {
        assert_eq!(account.user.is_server(address.parse().expect("an address")), is_server, "{address}");
    }
}
