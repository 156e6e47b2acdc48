//! What the log never has, however talkative it is asked to be.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::peer::Peer;
use crate::process::{Phone, QUIET};
use crate::program::{Program, USER};

#[test]
fn the_most_talkative_log_has_no_password_and_no_token() {
    let mut phone = Phone::start_logging(&[QUIET, USER].concat(), "trace");
    let (api, _) = phone.ready();
    let mut peer = Peer::new();
    let mut program = Program::connect(api);
    program.authenticate();
    let domain = peer.address().to_string();
    program.ask("sipregister", json!({ "domain": domain, "number": "1000", "password": "pw1000" }));
    peer.register(600);
    program.hear("OnSIPRegister");

    phone.signal(Signal::SIGTERM);
    let log = phone.last_words();
    assert!(log.contains("SIGTERM"), "{log}");
    for secret in ["open sesame", "pw1000", program.token()] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_eq!(phone.end().code(), Some(0));
}
