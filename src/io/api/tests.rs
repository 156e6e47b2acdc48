//! What only a flood from within the phone shows, and its end. The rest of the thread is told by the stories of the whole
//! phone, in tests/phone.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::thread;

use base::{Dice, Secret};
use crossbeam_channel::{Receiver, bounded};
use phone::ConnectionId;
use phone::api::{Rights, User};
use tungstenite::protocol::frame::coding;
use tungstenite::{Message, WebSocket};

use super::*;

#[test]
fn all_addresses_of_both_families_may_be_listened_on_at_one_port() {
    let (inbox, _door) = inbox().expect("an inbox");
    let Ok(free) = std::net::TcpListener::bind((Ipv6Addr::UNSPECIFIED, 0)) else {
        return println!("skipped: this machine has no IPv6");
    };
    let port = free.local_addr().expect("bound").port();
    drop(free);
    let both = [(Ipv4Addr::UNSPECIFIED, port).into(), (Ipv6Addr::UNSPECIFIED, port).into()];
    let listeners = Listeners::bind(&both, &inbox).expect("each has its own");
    assert!(listeners.addresses().eq(both));
}

/// The thread, the door that it is told to stop by, where it listens, and the passwords that it has checked.
fn begin() -> (thread::JoinHandle<io::Result<()>>, Door, SocketAddr, Receiver<Job>) {
    let (_asked, sip) = sip::inbox().expect("an inbox");
    let (inbox, door) = inbox().expect("an inbox");
    let listeners = Listeners::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], &inbox).expect("a free port");
    let address = listeners.addresses().next().expect("an address");
    let (interface, _wishes) = crate::io::interface::switch();
    let (work, jobs) = bounded(1);
    let outlets = Outlets { sip, work, interface, door: door.clone() };
    let (name, password_hash) = ("crm".into(), Secret::from("$argon2id$"));
    let users = vec![User { name, password_hash, rights: Rights::All, origins: Vec::new() }];
    let config = phone::api::Config { users, ..phone::api::Config::default() };
    let server = Server::new(config, Vec::new(), Dice::new([7; 32]));
    let thread = ApiThread::new(inbox, listeners, outlets, server).expect("a thread");
    (thread::spawn(move || thread.run()), door, address, jobs)
}

fn connect(address: SocketAddr) -> WebSocket<TcpStream> {
    let stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    tungstenite::client(format!("ws://{address}/"), stream).expect("an upgrade").0
}

#[test]
fn events_that_find_no_room_make_clients_start_anew() {
    let (thread, door, address, _jobs) = begin();
    let mut client = connect(address);
    let is_told = AtomicBool::new(false);
    let said = thread::scope(|scope| {
        scope.spawn(|| {
            while !is_told.load(Ordering::Acquire) {
                door.post(Letter::Event(Box::new(Event::Registered(ConnectionId(1)))));
            }
        });
        let said = client.read();
        is_told.store(true, Ordering::Release);
        said
    });
    assert!(
        matches!(&said, Ok(Message::Close(Some(frame))) if frame.code == coding::CloseCode::Again),
        "{said:?}"
    );
    door.stop();
    thread.join().expect("no panic").expect("a poll that works");
}

#[test]
fn what_was_posted_before_the_end_is_heard_before_the_farewell() {
    const EVENTS: usize = 1_000;
    let (thread, door, address, jobs) = begin();
    let mut client = connect(address);
    let sign_in = r#"{"action":"authenticate","user":"crm","password":"crm"}"#;
    client.send(Message::text(sign_in)).expect("sent");
    let Ok(Job::CheckPassword { answer, .. }) = jobs.recv() else { panic!("no password is checked") };
    answer(true);
    assert!(client.read().is_ok_and(|reply| reply.is_text()));

    for _ in 0..EVENTS {
        door.post(Letter::Event(Box::new(Event::Registered(ConnectionId(1)))));
    }
    door.stop();
    let heard = std::iter::from_fn(|| client.read().ok().filter(Message::is_text)).count();
    assert_eq!(heard, EVENTS);
    thread.join().expect("no panic").expect("a poll that works");
}
