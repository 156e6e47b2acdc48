//! What somebody who knows no SIP reads in the log of a registration or call that fails.

use super::offers::invite;
use super::*;

/// The line about a registration at this domain, less its beginning; a server that is asked answers with this.
fn told_of_registration(domain: &str, answer: &str) -> String {
    let mut world = World::new(Config::default());
    let (number, password) = ("1000".into(), "pw1000".into());
    world.ask(Command::Register { domain: domain.into(), number, password, autodisconnect: false });
    while let Some(request) = world.sent.pop_front() {
        world.answers(&request, answer, "WWW-Authenticate: Digest realm=\"pbx\", nonce=\"n\"\r\n", "");
    }
    world.pass(MINUTE);
    let start = format!("account 1000@{domain} is not registered: ");
    let line = world.log.first().and_then(|line| line.strip_prefix(&start));
    line.unwrap_or_else(|| panic!("{:?}", world.log)).into()
}

#[test]
fn what_a_server_answers_is_told_in_plain_words_with_its_number() {
    for (answer, told) in [
        (
            "302 Moved Temporarily",
            "the server names another one, which can't be asked (302 Moved Temporarily)",
        ),
        ("401 Unauthorized", "user or password is wrong (401 Unauthorized)"),
        ("404 Not Found", "the server knows no such user (404 Not Found)"),
        ("405 No", "the server takes no registrations (405 Method Not Allowed)"),
        ("501 Not Implemented", "the server takes no registrations (501 Not Implemented)"),
        ("504 Server Time-out", "no answer came (504 Server Time-out)"),
        ("503 Service Unavailable", "the server is overloaded, or down (503 Service Unavailable)"),
        ("500 Oops", "the server has a fault of its own (500 Server Internal Error)"),
    ] {
        assert_eq!(told_of_registration(PEER, answer), told);
    }
}

#[test]
fn a_server_that_is_not_reached_is_told_by_what_stands_in_the_way() {
    let told = told_of_registration("pbx.example", "200 OK");
    assert_eq!(told, "its name can't be looked up, for no name server answers (503 Service Unavailable)");
    let mut world = World::new(Config::default());
    world.ask(register());
    world.pass(MINUTE);
    assert_eq!(
        world.log,
        [format!("account 1000@{PEER} is not registered: no answer came (408 Request Timeout)")]
    );
}

#[test]
fn a_call_that_cannot_come_in_is_told_with_what_it_lacks() {
    let g729 = SDP.replace("RTP/AVP 0", "RTP/AVP 18").replace("a=rtpmap:0 PCMU", "a=rtpmap:18 G729");
    let lame = invite("lame", SDP).replace("Max-Forwards", "Require: 100rel\r\nMax-Forwards");
    for (invite, told) in [
        (invite("dumb", &g729), "the two sides have no kind of sound in common (488 Not Acceptable Here)"),
        (lame, "the caller asks for more than this phone knows (420 Bad Extension)"),
    ] {
        let mut world = World::registered(Config::default());
        world.receives(&invite);
        assert_eq!(world.log, [format!("a call to \"1000\" from 192.0.2.1 was refused: {told}")]);
    }
}

#[test]
fn a_call_that_breaks_off_is_told_by_who_does_not_answer_or_knows_it_no_more() {
    for (answer, told) in [
        ("481 No", "the other side knows nothing of it any more (481 Call/Transaction Does Not Exist)"),
        ("408 No", "the other side does not answer any more (408 Request Timeout)"),
    ] {
        let mut world = World::registered(Config::default());
        let (call, _) = world.calls();
        world.ask(Command::SetHold { call, hold: true });
        let offer = world.hears("INVITE ");
        world.answers(&offer, answer, "", "");
        // Its BYE might but have crossed the offer.
        world.pass(Duration::from_secs(1));
        assert_eq!(
            world.log,
            [format!("the call from sip:1000@192.0.2.1 to sip:600@{PEER} has ended: {told}")]
        );
    }
}
