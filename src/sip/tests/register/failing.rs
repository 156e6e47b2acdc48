//! RFC 3261 §10.2.7, §20.33; RFC 5626 §4.5; RFC 3263 §4.3: registrars that refuse, stumble or are silent.

use sip::message::Status;
use sip::register::Event;

use super::{OTHER, REGISTRAR, begin, granted, next_register, registered, registering};
use crate::stage::{answer, challenge, flow_to, ms, with};

#[test]
fn a_wrong_password_is_refused_after_two_nonces_and_not_tried_again() {
    let (mut account, mut register) = registering();
    for nonce in ["n1", "n2"] {
        account.receive(&with(&answer(&register, "401 Unauthorized"), &challenge(nonce)));
        register = account.sent_one();
    }
    account.receive(&with(&answer(&register, "401 Unauthorized"), &challenge("n3")));
    assert_eq!(account.told(), [Event::Refused(Status::UNAUTHORIZED)]);
    account.run_for(ms(7_200_000));
    account.assert_at_rest();
}

#[test]
fn a_final_refusal_is_told_and_not_tried_again_unless_the_user_says_when() {
    for (line, status) in [
        ("403 Forbidden", Status::FORBIDDEN),
        ("404 Not Found", Status::NOT_FOUND),
        ("603 Decline", Status::DECLINE),
    ] {
        let (mut account, register) = registering();
        account.receive(&answer(&register, line));
        assert_eq!(account.told(), [Event::Refused(status)]);
        account.run_for(ms(7_200_000));
        account.assert_at_rest();
        let at = account.stage.now + ms(300_000);
        account.act(|registration, _, _, _| registration.retry_at(at));
        assert_eq!(next_register(&mut account, 301).0, 300_000);
    }
}

/// RFC 5626 §4.5: up to 30 s doubled with each failure, never more than half an hour, and at least half of that.
#[test]
fn a_registrar_that_stumbles_is_tried_again_later_and_later() {
    let (mut account, mut register) = registering();
    for most_s in [60, 120, 240, 480, 960, 1800, 1800] {
        account.receive(&answer(&register, "500 Server Internal Error"));
        assert_eq!(account.told(), [Event::Failed(Status::SERVER_INTERNAL_ERROR)]);
        let (after_ms, next) = next_register(&mut account, 1801);
        assert!((most_s * 500..=most_s * 1000).contains(&after_ms), "{after_ms} ms of {most_s} s");
        register = next;
    }
    account.receive(&granted(&register, 600));
    assert_eq!(account.told(), [Event::Registered]);
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&answer(&refresh, "500 Server Internal Error"));
    let (after_ms, _) = next_register(&mut account, 61);
    assert!((30_000..=60_000).contains(&after_ms), "a success forgives: {after_ms} ms");
}

#[test]
fn a_503_leads_to_the_next_address_and_from_the_last_one_to_a_wait_of_its_choosing() {
    let (mut account, first) = registering();
    let busy = |register, seconds| {
        with(&answer(register, "503 Service Unavailable"), &format!("Retry-After: {seconds} (at lunch)"))
    };
    account.receive(&busy(&first, 900));
    let second = account.sent_one();
    assert_eq!((second.value("CSeq"), second.flow), ("2 REGISTER", flow_to(OTHER)));
    assert!(account.told().is_empty());
    account.receive(&busy(&second, 600));
    assert_eq!(account.told(), [Event::Failed(Status::SERVICE_UNAVAILABLE)]);
    let (after_ms, third) = next_register(&mut account, 601);
    assert_eq!((after_ms, third.flow), (600_000, flow_to(REGISTRAR)));

    account.receive(&busy(&third, u32::MAX));
    let last = account.sent_one();
    account.receive(&busy(&last, u32::MAX));
    assert_eq!(next_register(&mut account, 3601).0, 3_600_000, "an hour at the most");
}

#[test]
fn a_silent_registrar_costs_32_seconds_an_address_and_is_tried_again_until_it_is_back() {
    let (mut account, _) = registering();
    account.run_for(ms(32_000));
    assert_eq!(account.sent().last().map(|sent| sent.flow), Some(flow_to(OTHER)));
    assert!(account.told().is_empty());
    account.run_for(ms(32_000));
    assert_eq!(account.told(), [Event::Failed(Status::REQUEST_TIMEOUT)]);
    account.sent();
    let (after_ms, register) = next_register(&mut account, 61);
    assert!((30_000..=60_000).contains(&after_ms));
    account.receive(&granted(&register, 600));
    assert_eq!(account.told(), [Event::Registered]);
}

#[test]
fn an_icmp_error_and_an_address_without_a_route_lead_to_the_next_one_at_once() {
    let (mut account, _) = registering();
    account.refuse(REGISTRAR);
    assert_eq!(account.sent_one().flow, flow_to(OTHER));
    account.refuse(OTHER);
    assert_eq!(account.told(), [Event::Failed(Status::SERVICE_UNAVAILABLE)]);

    let mut account = begin(&[REGISTRAR]);
    assert_eq!(account.sent_one().flow, flow_to(OTHER));

    let mut account = begin(&[REGISTRAR, OTHER]);
    assert!(account.sent().is_empty());
    assert_eq!(account.told(), [Event::Failed(Status::SERVICE_UNAVAILABLE)]);
    account.revive();
    let (after_ms, _) = next_register(&mut account, 61);
    assert!((30_000..=60_000).contains(&after_ms), "before the network is up: {after_ms} ms");
}

#[test]
fn a_refresh_that_fails_is_told_and_tried_again() {
    let (mut account, _) = registered();
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&answer(&refresh, "500 Server Internal Error"));
    assert_eq!(account.told(), [Event::Failed(Status::SERVER_INTERNAL_ERROR)]);
    assert_eq!(account.user.flow(), Some(flow_to(REGISTRAR)), "the binding still lasts a while");
    let (_, again) = next_register(&mut account, 61);
    account.receive(&granted(&again, 600));
    assert_eq!(account.told(), [Event::Registered]);
}

#[test]
fn registering_at_once_does_not_wait_for_the_next_attempt() {
    let (mut account, register) = registering();
    account.receive(&answer(&register, "500 Server Internal Error"));
    account.told();
    account.register();
    assert_eq!(account.sent_one().value("CSeq"), "2 REGISTER");
}
