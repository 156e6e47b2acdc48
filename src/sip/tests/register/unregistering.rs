//! RFC 3261 §10.2.2: removing a binding, whatever the registrar is doing.

use sip::message::Status;
use sip::register::Event;

use super::{Account, OTHER, REGISTRAR, begin, granted, next_register, registered, registering};
use crate::stage::{Sent, answer, challenge, flow_to, ms, with};

/// What takes the binding back has just gone out.
fn removing(account: &mut Account) -> Sent {
    let remove = account.sent_one();
    assert_eq!((remove.value("Expires"), remove.value("Contact")), ("0", "<sip:1000@192.0.2.10:5060>"));
    assert!(account.told().is_empty());
    remove
}

/// It is done, and nothing more will come.
fn assert_removed(account: &mut Account) {
    assert_eq!(account.told(), [Event::Unregistered]);
    account.unregister();
    assert_eq!(account.told(), [Event::Unregistered], "at once: there is nothing to remove");
    account.run_for(ms(7_200_000));
    account.assert_at_rest();
}

#[test]
fn a_binding_is_removed_in_the_same_call_with_the_next_number() {
    let (mut account, register) = registered();
    account.unregister();
    let remove = removing(&mut account);
    assert_eq!((remove.value("CSeq"), remove.value("Call-ID")), ("2 REGISTER", register.value("Call-ID")));
    account.unregister();
    assert!(account.sent().is_empty() && account.told().is_empty(), "it is under way");
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);
}

#[test]
fn the_way_of_a_removal_is_sought_once_however_often_that_is_asked_for() {
    let (mut account, _) = registered();
    account.hold_back(REGISTRAR);
    account.unregister();
    account.unregister();
    assert_eq!(account.open_held(), 1);
    let remove = removing(&mut account);
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);
}

#[test]
fn a_challenge_of_the_removal_is_answered_however_often_that_is_asked_for() {
    let (mut account, _) = registered();
    account.unregister();
    let remove = removing(&mut account);
    account.unregister();
    account.receive(&with(&answer(&remove, "401 Unauthorized"), &challenge("n1")));
    let signed = removing(&mut account);
    assert!(signed.value("Authorization").contains("nonce=\"n1\""));
    account.receive(&answer(&signed, "200 OK"));
    assert_removed(&mut account);
}

#[test]
fn a_registrar_that_refuses_or_does_not_answer_keeps_nobody_registered() {
    for line in ["403 Forbidden", "500 Server Internal Error", "423 Interval Too Brief"] {
        let (mut account, _) = registered();
        account.unregister();
        let remove = removing(&mut account);
        account.receive(&with(&answer(&remove, line), "Min-Expires: 900"));
        assert_removed(&mut account);
    }
    let (mut account, _) = registered();
    account.unregister();
    account.run_for(ms(64_000));
    let sent = account.sent();
    assert!(sent.iter().all(|sent| sent.value("Expires") == "0"));
    assert_eq!(sent.last().map(|sent| sent.flow), Some(flow_to(OTHER)), "both addresses were tried");
    assert_removed(&mut account);

    let (mut account, _) = registered();
    account.kill(REGISTRAR);
    account.kill(OTHER);
    account.unregister();
    assert_removed(&mut account);
}

#[test]
fn before_anything_was_sent_there_is_nothing_to_remove() {
    let mut account = begin(&[REGISTRAR, OTHER]);
    assert_eq!(account.told(), [Event::Failed(Status::SERVICE_UNAVAILABLE)]);
    account.unregister();
    assert_removed(&mut account);
}

#[test]
fn a_register_that_is_out_is_taken_back_once_it_is_answered_and_not_overtaken() {
    let (mut account, register) = registering();
    account.unregister();
    assert!(account.sent().is_empty(), "one that comes late would bind again");
    account.receive(&granted(&register, 600));
    let remove = removing(&mut account);
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);

    let (mut account, register) = registering();
    account.unregister();
    account.receive(&with(&answer(&register, "401 Unauthorized"), &challenge("n1")));
    assert_removed(&mut account);
}

#[test]
fn a_register_without_an_answer_may_have_been_heard_and_is_taken_back() {
    let (mut account, _) = registering();
    account.run_for(ms(64_000));
    assert_eq!(account.told(), [Event::Failed(Status::REQUEST_TIMEOUT)]);
    account.sent();
    account.unregister();
    let remove = removing(&mut account);
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);
}

#[test]
fn a_register_that_was_refused_has_bound_nothing() {
    for line in ["403 Forbidden", "500 Server Internal Error"] {
        let (mut account, register) = registering();
        account.receive(&answer(&register, line));
        account.told();
        account.unregister();
        assert_removed(&mut account);
    }
}

#[test]
fn a_binding_outlives_its_refresh_so_it_is_removed_in_the_middle_of_one() {
    let (mut account, _) = registered();
    account.hold_back(REGISTRAR);
    account.run_for(ms(525_000));
    assert!(account.sent().is_empty(), "the way to the registrar is being sought");
    account.unregister();
    account.open_held();
    let remove = removing(&mut account);
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);

    let (mut account, _) = registered();
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&answer(&refresh, "500 Server Internal Error"));
    assert_eq!(account.told(), [Event::Failed(Status::SERVER_INTERNAL_ERROR)]);
    account.unregister();
    let remove = removing(&mut account);
    account.receive(&answer(&remove, "200 OK"));
    assert_removed(&mut account);
}

#[test]
fn a_binding_that_has_lapsed_needs_no_removal() {
    let (mut account, _) = registered();
    let (_, refresh) = next_register(&mut account, 600);
    account.receive(&with(&answer(&refresh, "503 Service Unavailable"), "Retry-After: 900"));
    let second = account.sent_one();
    account.receive(&with(&answer(&second, "503 Service Unavailable"), "Retry-After: 900"));
    account.told();
    account.run_for(ms(80_000));
    account.unregister();
    assert_removed(&mut account);
}

#[test]
fn registering_again_takes_the_removal_back_once_it_is_answered() {
    let (mut account, _) = registered();
    account.unregister();
    let remove = removing(&mut account);
    account.register();
    assert!(account.sent().is_empty(), "a removal that comes late would undo it");
    account.receive(&answer(&remove, "200 OK"));
    let again = account.sent_one();
    assert_eq!((again.value("Expires"), again.value("CSeq")), ("600", "3 REGISTER"));
    account.receive(&granted(&again, 600));
    assert_eq!(account.told(), [Event::Registered]);
}
