//! RFC 3581 §4, RFC 3261 §8.1.3.4, §10.2.4: addresses that change, registrars that are elsewhere, and bindings that
//! aren't ours.

use sip::flow::Flow;
use sip::message::Status;
use sip::register::Event;

use super::{REGISTRAR, granted, next_register, registered, registering};
use crate::stage::{Sent, answer, challenge, flow_to, ms, profile, with};

const LOCAL: &str = "<sip:1000@192.0.2.10:5060>";

/// The registrar's answer, which tells where it saw the REGISTER come from.
fn seen_from(host: &str, port: u16, answer: &str) -> String {
    answer.replacen(";rport", &format!(";rport={port};received={host}"), 1)
}

/// A registration that was granted 600 s from behind a NAT, and the REGISTER that binds what was seen.
fn beyond_a_nat() -> (super::Account, Sent) {
    let (mut account, register) = registering();
    account.receive(&seen_from("198.51.100.7", 40_000, &granted(&register, 600)));
    assert_eq!(account.told(), [Event::Registered]);
    let correction = account.sent_one();
    (account, correction)
}

#[test]
fn the_address_that_was_seen_is_bound_and_the_one_before_removed() {
    let (mut account, correction) = beyond_a_nat();
    let contacts = ["<sip:1000@198.51.100.7:40000>", "<sip:1000@192.0.2.10:5060>;expires=0"];
    assert_eq!(correction.values("Contact"), contacts);
    assert_eq!((correction.value("CSeq"), correction.value("Expires")), ("2 REGISTER", "600"));
    let ok = with(&answer(&correction, "200 OK"), &format!("Contact: {};expires=600", contacts[0]));
    account.receive(&seen_from("198.51.100.7", 40_000, &ok));
    assert_eq!(account.told(), [Event::Registered]);
    assert_eq!(account.user.profile().contact(flow_to(REGISTRAR)).to_string(), contacts[0]);
    let elsewhere = account.user.profile().contact(flow_to("192.0.2.99:5060"));
    assert_eq!(elsewhere.to_string(), LOCAL, "only its own server sees it there");
    let (after_ms, refresh) = next_register(&mut account, 600);
    assert_eq!((after_ms, refresh.values("Contact")), (525_000, contacts[..1].to_vec()));
    account.unregister();
    account.receive(&ok);
    account.run_for(ms(64_000));
    let removed = account.sent().into_iter().find(|sent| sent.value("Expires") == "0");
    assert!(removed.is_none_or(|sent| sent.values("Contact") == contacts[..1]));
}

#[test]
fn a_nat_is_shown_every_half_minute_that_its_way_is_needed_for_as_long_as_it_is_there() {
    let (mut account, correction) = beyond_a_nat();
    account.receive(&seen_from("198.51.100.7", 40_000, &granted(&correction, 600)));
    account.run_for(ms(520_000));
    let sent = account.sent();
    assert!(sent.iter().all(|sent| sent.is_keep_alive() && sent.flow == flow_to(REGISTRAR)));
    let at_ms: Vec<u64> = sent.iter().map(|sent| sent.at_ms).collect();
    assert!(at_ms[0] < 29_000 && at_ms.len() >= 17, "{at_ms:?}");
    assert!(at_ms.windows(2).all(|pair| (24_000..29_000).contains(&(pair[1] - pair[0]))), "{at_ms:?}");
    // The phone has moved to where there is none.
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&seen_from("192.0.2.10", 5060, &granted(&refresh, 600)));
    let back = account.sent_one();
    account.receive(&seen_from("192.0.2.10", 5060, &granted(&back, 600)));
    account.run_for(ms(520_000));
    assert!(account.sent().is_empty());
}

#[test]
fn a_binding_that_is_rewritten_to_the_address_that_was_seen_is_ours_among_those_of_other_phones() {
    let (mut account, register) = registering();
    let contacts = "Contact: <sip:1000@198.51.100.9:5060>;expires=7\n\
                    Contact: <sip:1000@198.51.100.7:40000>;expires=100\n\
                    Contact: <sip:1000@198.51.100.7:39999>;expires=9";
    account.receive(&seen_from("198.51.100.7", 40_000, &with(&answer(&register, "200 OK"), contacts)));
    assert_eq!(account.told(), [Event::Registered]);
    let correction = account.sent_one();
    assert_eq!(correction.values("Contact")[0], "<sip:1000@198.51.100.7:40000>");
    account.receive(&with(&answer(&correction, "200 OK"), contacts));
    assert_eq!(account.told(), [Event::Registered]);
    assert_eq!(next_register(&mut account, 600).0, 50_000);
}

#[test]
fn a_new_password_is_tried_from_the_address_that_was_seen() {
    let (mut account, correction) = beyond_a_nat();
    account.receive(&granted(&correction, 600));
    account.act(|registration, now, endpoint, _| registration.register_as(now, endpoint, profile()));
    assert_eq!(account.sent_one().value("Contact"), "<sip:1000@198.51.100.7:40000>");
}

#[test]
fn a_correction_is_signed_if_asked_and_given_up_if_refused() {
    let (mut account, correction) = beyond_a_nat();
    account.receive(&with(&answer(&correction, "401 Unauthorized"), &challenge("n1")));
    let signed = account.sent_one();
    assert_eq!(signed.values("Contact").len(), 2);
    assert!(signed.value("Authorization").contains("nonce=\"n1\""));
    account.receive(&answer(&signed, "403 Forbidden"));
    assert!(account.told().is_empty(), "what was bound before still is");
    let (after_ms, refresh) = next_register(&mut account, 600);
    assert_eq!((after_ms, refresh.value("Contact")), (525_000, LOCAL));

    let (mut account, correction) = beyond_a_nat();
    account.receive(&answer(&correction, "403 Forbidden"));
    account.unregister();
    let remove = account.sent_one();
    assert_eq!((remove.values("Contact"), remove.value("Expires")), (Vec::from([LOCAL]), "0"));
}

#[test]
fn a_correction_without_an_answer_leaves_what_was_bound_and_is_tried_again() {
    let (mut account, _) = beyond_a_nat();
    account.run_for(ms(32_000));
    assert!(account.told().is_empty());
    account.sent();
    let (after_ms, refresh) = next_register(&mut account, 600);
    // It may have been heard.
    let contacts = vec![LOCAL, "<sip:1000@198.51.100.7:40000>;expires=0"];
    assert_eq!((after_ms, refresh.values("Contact")), (300_000, contacts));
}

#[test]
fn a_registrar_that_lists_us_where_we_were_before_the_correction_has_us_among_others() {
    let (mut account, register) = registering();
    let contacts = format!("Contact: <sip:1000@198.51.100.9:5060>;expires=7\nContact: {LOCAL};expires=600");
    let listed =
        |request: &Sent| seen_from("198.51.100.7", 40_000, &with(&answer(request, "200 OK"), &contacts));
    account.receive(&listed(&register));
    let correction = account.sent_one();
    account.receive(&listed(&correction));
    assert_eq!(account.told(), [Event::Registered, Event::Registered]);
    assert_eq!(next_register(&mut account, 600).0, 525_000);
}

#[test]
fn a_nat_that_shows_another_address_each_time_is_followed_once_for_each_refresh() {
    let (mut account, correction) = beyond_a_nat();
    account.receive(&seen_from("198.51.100.7", 40_001, &granted(&correction, 600)));
    assert!(account.sent().is_empty(), "else there would be no end of it");
    assert_eq!(account.told(), [Event::Registered]);
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&seen_from("198.51.100.7", 40_002, &granted(&refresh, 600)));
    let again = account.sent_one();
    let contacts = ["<sip:1000@198.51.100.7:40002>", "<sip:1000@198.51.100.7:40000>;expires=0"];
    assert_eq!(again.values("Contact"), contacts);
}

#[test]
fn where_nothing_was_seen_or_just_what_we_are_nothing_is_corrected() {
    for (host, port) in [("192.0.2.10", 5060), ("192.0.2.10", 0)] {
        let (mut account, register) = registering();
        let ok = granted(&register, 600);
        account.receive(&if port == 0 { ok } else { seen_from(host, port, &ok) });
        assert_eq!(account.told(), [Event::Registered]);
        assert!(account.sent().is_empty());
    }
}

#[test]
fn addresses_that_were_left_behind_are_removed_from_the_new_one() {
    let (mut account, _) = registered();
    account.move_to("192.0.2.11:5060");
    let (_, refresh) = next_register(&mut account, 600);
    let contacts = ["<sip:1000@192.0.2.11:5060>", "<sip:1000@192.0.2.10:5060>;expires=0"];
    assert_eq!(refresh.values("Contact"), contacts);
    account.move_to("192.0.2.12:5060");
    account.register();
    let next = account.sent_one();
    let both = [
        "<sip:1000@192.0.2.12:5060>",
        "<sip:1000@192.0.2.10:5060>;expires=0",
        "<sip:1000@192.0.2.11:5060>;expires=0",
    ];
    assert_eq!(next.values("Contact"), both, "the one without an answer may have been heard");
    let contact = "Contact: <sip:1000@192.0.2.12:5060>;expires=600";
    let flow = Flow { local: "192.0.2.12:5060".parse().expect("an address"), ..flow_to(REGISTRAR) };
    account.receive_on(flow, &with(&answer(&next, "200 OK"), contact));
    assert_eq!(account.told(), [Event::Registered]);
    account.unregister();
    assert_eq!(account.sent_one().values("Contact"), both[..1]);
}

#[test]
fn a_phone_that_has_moved_is_bound_where_it_is_once_that_has_settled() {
    let (mut account, _) = registered();
    account.move_to("192.0.2.11:5060");
    account.hear_of_move();
    account.run_for(ms(1_999));
    assert!(account.sent().is_empty());
    account.move_to("192.0.2.12:5060");
    account.hear_of_move();
    let (after_ms, refresh) = next_register(&mut account, 5);
    assert!(after_ms <= 2_001, "not put off by further moves: {after_ms} ms");
    let contacts = ["<sip:1000@192.0.2.12:5060>", "<sip:1000@192.0.2.10:5060>;expires=0"];
    assert_eq!(refresh.values("Contact"), contacts);
}

#[test]
fn what_waits_for_its_next_attempt_is_tried_once_the_phone_has_moved() {
    let (mut account, register) = registering();
    account.receive(&answer(&register, "500 Server Internal Error"));
    account.hear_of_move();
    let (after_ms, _) = next_register(&mut account, 5);
    assert!((2_000..=4_000).contains(&after_ms), "{after_ms} ms");
}

#[test]
fn a_register_that_left_from_an_address_that_is_lost_is_not_waited_for_nor_sent_again() {
    let (mut account, first) = registering();
    account.move_to("192.0.2.11:5060");
    account.hear_of_move();
    account.run_for(ms(40_000));
    let sent = account.sent();
    let next: Vec<_> = sent.iter().skip_while(|sent| sent.value("CSeq") == first.value("CSeq")).collect();
    let contacts = ["<sip:1000@192.0.2.11:5060>", "<sip:1000@192.0.2.10:5060>;expires=0"];
    assert!(next.len() > 5, "it is repeated");
    assert!(next.iter().all(|sent| sent.values("Contact") == contacts), "the first one is not");
}

#[test]
fn a_move_hurries_nothing_that_the_user_has_put_off() {
    let (mut account, register) = registering();
    account.hear_of_move();
    account.receive(&answer(&register, "403 Forbidden"));
    let at = account.stage.now + ms(300_000);
    account.act(|registration, _, _, _| registration.retry_at(at));
    assert_eq!(next_register(&mut account, 301).0, 300_000);
}

#[test]
fn a_move_binds_nothing_that_is_not_wanted() {
    let (mut account, _) = registered();
    account.unregister();
    let removal = account.sent_one();
    account.hear_of_move();
    account.receive(&answer(&removal, "200 OK"));
    account.hear_of_move();
    assert_eq!(account.told(), [Event::Unregistered]);
    account.run_for(ms(10_000));
    assert!(account.sent().is_empty());

    let (mut account, _) = registered();
    account.hear_of_move();
    account.unregister();
    let removal = account.sent_one();
    account.run_for(ms(4_000));
    account.sent();
    account.receive(&answer(&removal, "200 OK"));
    assert_eq!(account.told(), [Event::Unregistered]);
    account.run_for(ms(10_000));
    assert!(account.sent().is_empty());
}

#[test]
fn a_registrar_that_has_moved_is_followed_once_and_asked_first_again_for_the_refresh() {
    let (mut account, register) = registering();
    let moved = "Contact: <sip:1000:secret@192.0.2.4:5070;x=y?Subject=z>";
    account.receive(&with(&answer(&register, "302 Moved Temporarily"), moved));
    let second = account.sent_one();
    assert_eq!(second.first_line(), "REGISTER sip:192.0.2.4:5070;x=y SIP/2.0");
    assert_eq!((second.flow, second.value("To")), (flow_to("192.0.2.4:5070"), register.value("To")));
    account.receive_on(second.flow, &granted(&second, 600));
    assert_eq!(account.told(), [Event::Registered]);
    let (_, refresh) = next_register(&mut account, 600);
    assert_eq!(refresh.first_line(), register.first_line());
}

#[test]
fn a_registrar_that_names_nobody_or_names_again_is_not_followed() {
    for (line, contact, status) in [
        ("302 Moved Temporarily", "Contact: <tel:1>", Status::MOVED_TEMPORARILY),
        ("300 Multiple Choices", "Contact: <sip:192.0.2.4>", Status::MULTIPLE_CHOICES),
        ("380 Alternative Service", "Contact: <sip:192.0.2.4>", Status::ALTERNATIVE_SERVICE),
    ] {
        let (mut account, register) = registering();
        account.receive(&with(&answer(&register, line), contact));
        assert_eq!(account.told(), [Event::Refused(status)]);
    }
    let (mut account, register) = registering();
    account.receive(&with(&answer(&register, "305 Use Proxy"), "Contact: <sip:192.0.2.4>"));
    let second = account.sent_one();
    assert_eq!((second.first_line(), second.value("Route")), (register.first_line(), "<sip:192.0.2.4;lr>"));
    account.receive_on(second.flow, &with(&answer(&second, "301 Moved"), "Contact: <sip:192.0.2.5>"));
    assert_eq!(account.told(), [Event::Refused(Status::MOVED_PERMANENTLY)]);
}

#[test]
fn bindings_of_others_are_not_taken_for_ours() {
    for contacts in [
        "Contact: <sip:2000@192.0.2.10:5060>;expires=600",
        "Contact: <sip:1000@192.0.2.77>;expires=600, <sip:1000@192.0.2.10:5061>;expires=600",
        "Contact: <tel:1000>;expires=600",
    ] {
        let (mut account, register) = registering();
        account.receive(&with(&answer(&register, "200 OK"), contacts));
        assert_eq!(account.told(), [Event::Failed(Status::SERVER_INTERNAL_ERROR)], "{contacts}");
        let (after_ms, _) = next_register(&mut account, 61);
        assert!((30_000..=60_000).contains(&after_ms));
    }
}
