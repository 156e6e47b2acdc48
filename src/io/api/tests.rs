//! What only a flood from within the phone shows. The rest of the thread is told by the stories of the whole phone, in
//! tests/phone.

use std::net::{Ipv4Addr, Ipv6Addr, TcpStream};
use std::thread;

use base::Dice;
use crossbeam_channel::bounded;
use phone::ConnectionId;
use tungstenite::Message;
use tungstenite::protocol::frame::coding;

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

#[test]
fn events_that_find_no_room_make_clients_start_anew() {
    let (_asked, sip) = sip::inbox().expect("an inbox");
    let (inbox, door) = inbox().expect("an inbox");
    let listeners = Listeners::bind(&[(Ipv4Addr::LOCALHOST, 0).into()], &inbox).expect("a free port");
    let address = listeners.addresses().next().expect("an address");
    let (interface, _wishes) = crate::io::interface::switch();
    let outlets = Outlets { sip, work: bounded(1).0, interface, door: door.clone() };
    let server = Server::new(phone::api::Config::default(), Vec::new(), Dice::new([7; 32]));
    let thread = ApiThread::new(inbox, listeners, outlets, server).expect("a thread");
    let thread = thread::spawn(move || thread.run());

    let stream = TcpStream::connect(address).expect("it accepts");
    stream.set_read_timeout(Some(Duration::from_secs(20))).expect("set");
    let (mut client, _) = tungstenite::client(format!("ws://{address}/"), stream).expect("an upgrade");
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
