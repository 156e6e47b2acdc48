//! RFC 3261 §8.1.3.4: a caller that is told by a 3xx to call somebody else.

use sip::invite::Event;
use sip::message::Status;

use super::{Call, calling, ended, ok, reaching_by};
use crate::stage::{Sent, answer, challenge, their_request, with};

const MOVED: &str = "302 Moved Temporarily";

fn moved(invite: &Sent, contacts: &str) -> String {
    with(&answer(invite, MOVED), &format!("Contact: {contacts}"))
}

impl Call {
    /// The answer leads to one more INVITE, to this address; its ACK came before.
    fn followed(&mut self, text: &str, remote: &str) -> Sent {
        self.receive(text);
        assert!(self.sent_one().first_line().starts_with("ACK "));
        self.offer_as_told(remote)
    }
}

#[test]
fn the_best_address_is_called_with_the_next_number_of_the_same_call() {
    let (mut call, first) = calling();
    let contacts = "<sip:e@192.0.2.8>;q=0.3, <sip:d@192.0.2.8>;q=0.3, <sip:c@192.0.2.8>;q=0.3, <sip:b@192.0.2.8>;q=0.3, \
                    <sip:best@192.0.2.9:5070>;q=1.0";
    let invite = call.followed(&moved(&first, contacts), "192.0.2.9:5070");
    assert_eq!(invite.first_line(), "INVITE sip:best@192.0.2.9:5070 SIP/2.0");
    assert_eq!(invite.value("CSeq"), "2 INVITE");
    for name in ["Call-ID", "From", "To"] {
        assert_eq!(invite.value(name), first.value(name));
    }
    assert!(invite.values("Route").is_empty());
    call.receive_on(invite.flow, &ok(&invite, "other"));
    assert_eq!(call.told(), [Event::Answered { sdp: Some(b"their answer".to_vec()) }]);
}

#[test]
fn an_address_that_fails_is_followed_by_the_next_best() {
    let (mut call, first) = calling();
    call.kill("192.0.2.9:5060");
    let contacts = "<sip:c@192.0.2.7>;q=0.1, <sip:b@192.0.2.8>;q=0.25, <sip:a@192.0.2.9>";
    let second = call.followed(&moved(&first, contacts), "192.0.2.8:5060");
    assert_eq!(second.value("CSeq"), "2 INVITE", "the best was never reached");
    call.receive_on(second.flow, &answer(&second, "180 Ringing"));
    call.told();
    let third = call.followed(&answer(&second, "486 Busy Here"), "192.0.2.7:5060");
    assert_eq!(third.first_line(), "INVITE sip:c@192.0.2.7 SIP/2.0");
    call.receive_on(third.flow, &answer(&third, "404 Not Found"));
    assert_eq!(call.told(), ended(Status::NOT_FOUND));
}

#[test]
fn an_address_that_does_not_answer_is_followed_by_the_next() {
    let (mut call, first) = calling();
    let second =
        call.followed(&moved(&first, "<sip:a@192.0.2.9>, <sip:b@192.0.2.8>;q=0.5"), "192.0.2.9:5060");
    assert_eq!(second.first_line(), "INVITE sip:a@192.0.2.9 SIP/2.0");
    call.run_for(crate::stage::ms(32_000));
    call.sent();
    assert_eq!(call.offer_as_told("192.0.2.8:5060").first_line(), "INVITE sip:b@192.0.2.8 SIP/2.0");
}

#[test]
fn who_is_wanted_nowhere_is_called_nowhere_else() {
    for (answered, status) in
        [("600 Busy Everywhere", Status::BUSY_EVERYWHERE), ("603 Decline", Status::DECLINE)]
    {
        let (mut call, first) = calling();
        let second =
            call.followed(&moved(&first, "<sip:a@192.0.2.9>, <sip:b@192.0.2.8>;q=0.5"), "192.0.2.9:5060");
        call.receive_on(second.flow, &answer(&second, answered));
        assert_eq!(call.told(), ended(status));
    }
}

#[test]
fn what_else_comes_while_the_way_to_an_address_is_sought_is_not_this_calls() {
    let (mut call, first) = calling();
    call.hold_back("192.0.2.9:5060");
    call.receive(&moved(&first, "<sip:a@192.0.2.9>"));
    call.receive(&their_request("OPTIONS", "z9hG4bK2", 2));
    call.sent();
    call.open_held();
    call.offer_as_told("192.0.2.9:5060");
}

#[test]
fn a_circle_of_addresses_ends() {
    let (mut call, first) = calling();
    let second = call.followed(&moved(&first, "<sip:a@192.0.2.9>"), "192.0.2.9:5060");
    call.receive(&moved(&second, "<sip:600@pbx.example>, <sip:a@192.0.2.9>"));
    assert_eq!(call.told(), ended(Status::MOVED_TEMPORARILY));

    let (mut call, mut invite) = calling();
    for hop in 1..5 {
        invite = call.followed(&moved(&invite, &format!("<sip:{hop}@192.0.2.9>")), "192.0.2.9:5060");
    }
    call.receive(&moved(&invite, "<sip:5@192.0.2.9>"));
    assert_eq!(call.told(), ended(Status::MOVED_TEMPORARILY), "five addresses are enough");
}

#[test]
fn addresses_that_cannot_be_called_are_passed_over() {
    for contacts in
        ["<tel:+4930123>, <sips:a@192.0.2.9>, <mailto:a@example.net>", "\"A\" <https://example.net>"]
    {
        let (mut call, first) = calling();
        call.receive(&moved(&first, contacts));
        assert_eq!(call.told(), ended(Status::MOVED_TEMPORARILY));
    }
    for line in ["305 Use Proxy", "380 Alternative Service"] {
        let (mut call, first) = calling();
        call.receive(&with(&answer(&first, line), "Contact: <sip:a@192.0.2.9>"));
        let told = call.told();
        let [Event::Ended { status: Some(status) }] = told.as_slice() else { panic!("{told:?}") };
        assert!(line.starts_with(&status.to_string()));
    }
    let (mut call, first) = calling();
    call.receive(&answer(&first, MOVED));
    assert_eq!(call.told(), ended(Status::MOVED_TEMPORARILY));
}

#[test]
fn what_an_address_wants_the_invite_to_carry_is_left_out() {
    let (mut call, first) = calling();
    let contact = "<sip:a@192.0.2.9;user=phone;method=BYE?Replaces=x&Subject=y>";
    let second = call.followed(&moved(&first, contact), "192.0.2.9:5060");
    assert_eq!(second.first_line(), "INVITE sip:a@192.0.2.9;user=phone SIP/2.0");
    assert!(second.values("Replaces").is_empty() && second.values("Subject").is_empty());
}

#[test]
fn a_proxy_between_stays_between() {
    let mut call = reaching_by("sip:600@example.net", "sip:pbx.example:5080");
    let first = call.offer_as_told("192.0.2.1:5080");
    let second = call.followed(&moved(&first, "<sip:a@192.0.2.9>"), "192.0.2.1:5080");
    assert_eq!(second.first_line(), "INVITE sip:a@192.0.2.9 SIP/2.0");
    assert_eq!(second.value("Route"), "<sip:pbx.example:5080;lr>");
}

#[test]
fn another_user_of_the_same_server_is_called_by_the_same_way_unless_another_is_named() {
    for (contact, remote) in [
        ("<sip:601@PBX.example>", "192.0.2.1:5080"),
        ("<sip:601@pbx.example:5090>", "192.0.2.1:5090"),
        ("<sip:601@pbx.example;transport=udp>", "192.0.2.1:5060"),
    ] {
        let mut call = reaching_by("sip:600@pbx.example", "sip:pbx.example:5080");
        let first = call.offer_as_told("192.0.2.1:5080");
        call.followed(&moved(&first, contact), remote);
    }
}

#[test]
fn a_new_server_is_told_no_answers_to_the_old_ones_challenges_but_may_ask_its_own() {
    let (mut call, first) = calling();
    call.receive(&with(&answer(&first, "401 Unauthorized"), &challenge("n0")));
    let signed = call.sent().pop().expect("the INVITE again");
    assert!(signed.value("Authorization").contains("nonce=\"n0\""));
    let second = call.followed(&moved(&signed, "<sip:a@192.0.2.9>"), "192.0.2.9:5060");
    assert!(second.values("Authorization").is_empty());
    call.receive(&with(&answer(&second, "401 Unauthorized"), &challenge("n1")));
    let third = call.sent().pop().expect("the INVITE again");
    assert_eq!((third.first_line(), third.value("CSeq")), ("INVITE sip:a@192.0.2.9 SIP/2.0", "4 INVITE"));
    assert!(third.value("Authorization").contains("nonce=\"n1\""));
}

#[test]
fn who_has_hung_up_is_sent_nowhere() {
    let (mut call, first) = calling();
    call.receive(&answer(&first, "180 Ringing"));
    call.hang_up();
    call.sent();
    call.receive(&moved(&first, "<sip:a@192.0.2.9>"));
    assert_eq!(call.sent_lines(), ["ACK sip:600@pbx.example"]);
    assert!(call.user.is_over());
}
