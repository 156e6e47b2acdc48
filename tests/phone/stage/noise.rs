//! Noise for the SIP socket, from a seed: ten thousand datagrams a second of what scanners, lost peers and broken
//! devices send.

use std::net::{SocketAddr, UdpSocket};
use std::sync::mpsc::{Sender, channel};
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base::Dice;

/// Datagrams a second.
const RATE: u128 = 10_000;

/// How often what is due is sent.
const PACE: Duration = Duration::from_millis(1);

/// Longest datagram of random bytes.
const LONGEST: u32 = 1_400;

/// A thread that sends noise until it is stopped.
pub(crate) struct Noise {
    stop: Sender<()>,
    thread: JoinHandle<u128>,
}

impl Noise {
    /// Begins, towards `phone`.
    pub(crate) fn start(phone: SocketAddr, seed: u8) -> Self {
        let (stop, stopped) = channel();
        let thread = thread::spawn(move || {
            let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
            let own = socket.local_addr().expect("bound");
            let mut dice = Dice::new([seed; 32]);
            let began = Instant::now();
            let mut sent = 0;
            while stopped.recv_timeout(PACE).is_err() {
                let due = began.elapsed().as_micros() * RATE / 1_000_000;
                while sent < due {
                    // The kernel may refuse when its buffers are full, or tell of an answer that nobody took: that
                    // one counts as sent and lost.
                    socket.send_to(&datagram(&mut dice, own, phone), phone).ok();
                    sent += 1;
                }
            }
            sent
        });
        Self { stop, thread }
    }

    /// Ends it; how many datagrams it was.
    pub(crate) fn stop(self) -> u128 {
        self.stop.send(()).expect("it runs");
        self.thread.join().expect("no panic")
    }
}

fn datagram(dice: &mut Dice, own: SocketAddr, phone: SocketAddr) -> Vec<u8> {
    match dice.below(10) {
        0 | 1 => (0..dice.below(LONGEST)).map(|_| dice.u32().to_le_bytes()[0]).collect(),
        2 | 3 => {
            let mut text = request(dice, own, phone, "INVITE", "1000").into_bytes();
            text.truncate(usize::try_from(dice.below(300)).expect("it is small"));
            text
        }
        4 => stray_response(dice, own, phone).into_bytes(),
        5 | 6 => {
            let nobody = (2_000 + dice.below(5_000)).to_string();
            request(dice, own, phone, "INVITE", &nobody).into_bytes()
        }
        7 => request(dice, own, phone, "OPTIONS", "1000").into_bytes(),
        8 => {
            let methods = ["BYE", "CANCEL", "ACK", "REGISTER", "SUBSCRIBE", "NOTIFY", "DANCE"];
            let at = usize::try_from(dice.below(7)).expect("it is small");
            request(dice, own, phone, methods[at], "1000").into_bytes()
        }
        _ => b"\r\n\r\n".to_vec(),
    }
}

/// Each is a request of its own. Every other one wants its answer at a port that nobody listens on, so that ICMP errors
/// come back to the phone.
fn request(dice: &mut Dice, own: SocketAddr, phone: SocketAddr, method: &str, user: &str) -> String {
    let id = dice.hex(2);
    let via = if dice.percent(50) { format!("{own};rport") } else { "127.0.0.1:9".to_owned() };
    format!(
        "{method} sip:{user}@{phone} SIP/2.0\r\n\
         Via: SIP/2.0/UDP {via};branch=z9hG4bK{id}\r\n\
         Max-Forwards: 70\r\n\
         From: <sip:scanner@{own}>;tag={id}\r\n\
         To: <sip:{user}@{phone}>\r\n\
         Call-ID: {id}\r\n\
         CSeq: 1 {method}\r\n\
         Contact: <sip:scanner@{own}>\r\n\
         Content-Length: 0\r\n\r\n"
    )
}

fn stray_response(dice: &mut Dice, own: SocketAddr, phone: SocketAddr) -> String {
    let id = dice.hex(2);
    format!(
        "SIP/2.0 200 OK\r\n\
         Via: SIP/2.0/UDP {phone};branch=z9hG4bK{id}\r\n\
         From: <sip:1000@{phone}>;tag={id}\r\n\
         To: <sip:scanner@{own}>;tag=1\r\n\
         Call-ID: {id}\r\n\
         CSeq: 1 INVITE\r\n\
         Content-Length: 0\r\n\r\n"
    )
}
