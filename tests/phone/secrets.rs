//! What the log never has, however talkative it is asked to be.

use nix::sys::signal::Signal;

use crate::stage::{Peer, Phone};

#[test]
fn the_most_talkative_log_has_no_password_and_no_token() {
    let mut phone = Phone::start_logging("", "trace");
    let mut peer = Peer::new();
    let mut program = phone.program();
    program.registers(&mut peer);

    phone.signal(Signal::SIGTERM);
    let log = phone.last_words();
    assert!(log.contains("SIGTERM"), "{log}");
    for secret in ["open sesame", "pw1000", &program.token] {
        assert!(!log.contains(secret), "{log}");
    }
    assert_eq!(phone.end().code(), Some(0));
}
