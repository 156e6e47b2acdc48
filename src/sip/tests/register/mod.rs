//! Registrations, as a registrar sees them.

mod failing;
mod moving;
mod registering;
mod unregistering;

use base::{Dice, Duration};
use sip::register::{Event, Registrar, Registration};

use crate::stage::{Sent, Story, answer, profile, uri, with};

type Account = Story<Registration>;

const REGISTRAR: &str = "192.0.2.1:5060";
const OTHER: &str = "192.0.2.2:5060";

/// A registration with `pbx.example` for 600 s that has just begun.
fn registering() -> (Account, Sent) {
    let mut account = begin(&[]);
    let register = account.sent_one();
    (account, register)
}

/// The same, where no flow opens to the addresses that are `dead`.
fn begin(dead: &[&str]) -> Account {
    begin_by("sip:pbx.example", dead)
}

fn begin_by(hop: &str, dead: &[&str]) -> Account {
    Story::with_dead(dead, |stage| {
        let expires = Duration::from_secs(600);
        let registrar = Registrar { domain: uri("sip:pbx.example"), hop: uri(hop), expires };
        let mut registration = Registration::new(registrar, profile(), Dice::new([5; 32]));
        registration.register(stage.now, &mut stage.endpoint);
        registration
    })
}

/// A registration that was granted 600 s.
fn registered() -> (Account, Sent) {
    let (mut account, register) = registering();
    account.receive(&granted(&register, 600));
    assert_eq!(account.told(), [Event::Registered]);
    (account, register)
}

/// A 200 that lists our Contact, the first if there are several, with so many seconds.
fn granted(register: &Sent, seconds: u32) -> String {
    let contact = format!("Contact: {};expires={seconds}", register.values("Contact")[0]);
    with(&answer(register, "200 OK"), &contact)
}

/// When the next REGISTER goes out, in ms from now; it is looked for during the next `within_s`.
fn next_register(account: &mut Account, within_s: u64) -> (u64, Sent) {
    let now_ms = account.stage.now.as_nanos() / 1_000_000;
    for _ in 0..within_s * 10 {
        account.run_for(Duration::from_millis(100));
        if let Some(register) = account.sent().into_iter().find(|sent| !sent.is_keep_alive()) {
            return (register.at_ms - now_ms, register);
        }
    }
    panic!("no REGISTER within {within_s} s")
}

impl Account {
    fn unregister(&mut self) {
        self.act(|registration, now, endpoint, told| registration.unregister(now, endpoint, told));
    }

    /// The machine tells that its addresses have changed.
    fn hear_of_move(&mut self) {
        self.act(|registration, now, _, _| registration.handle_move(now));
    }

    fn register(&mut self) {
        self.act(|registration, now, endpoint, _| registration.register(now, endpoint));
    }
}
