//! Answers of a name server: whatever it says, a name is resolved to something or to nothing, in bounded time.

use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use sip::endpoint::{Config, Endpoint, Input, Output};
use sip::flow::Flow;
use sip::message::Uri;

/// A question is asked of two servers, some times each, and then given up.
const MAX_STEPS: usize = 64;

/// Where the last byte of the question's type is.
const TYPE_AT: usize = 26;

/// Header and question for `pbx.example` A, with `answers` records that follow.
fn answer(flags: [u8; 2], answers: u16, records: &[u8]) -> Vec<u8> {
    let mut bytes = vec![0, 0, flags[0], flags[1], 0, 1];
    bytes.extend(answers.to_be_bytes());
    bytes.extend([0, 0, 0, 0]);
    bytes.extend(b"\x03pbx\x07example\0\0\x01\0\x01");
    bytes.extend(records);
    bytes
}

pub(crate) fn examples() -> Vec<Vec<u8>> {
    vec![
        answer([0x81, 0x80], 1, b"\xc0\x0c\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x05"),
        answer(
            [0x81, 0x80],
            2,
            b"\xc0\x0c\0\x05\0\x01\0\0\0\x3c\0\x06\x03sip\xc0\x10\xc0\x29\0\x01\0\x01\0\0\0\x3c\0\x04\xc0\0\x02\x05",
        ),
        answer([0x81, 0x83], 0, b""),
        answer([0x83, 0x80], 0, b""),
        answer([0x81, 0x82], 0, b"\xc0\x0c\0\x1c\0\x01\0\0\0\0\0\x10\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"),
    ]
}

pub(crate) fn examine(bytes: &[u8]) -> bool {
    let config = Config {
        resolv_conf: "nameserver 192.0.2.53\nnameserver 2001:db8::53\nsearch example\n".into(),
        ..Config::default()
    };
    let mut endpoint = Endpoint::new(&config, Dice::new([1; 32]));
    let (mut now, mut port) = (Instant::ZERO, 40_000);
    endpoint.reach(now, &Uri::parse("sip:pbx.example").expect("it is a URI"));
    for _ in 0..MAX_STEPS {
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Connect { connect, link, remote } => {
                    // Each question has a port of its own.
                    port += 1;
                    let local = SocketAddr::from(([192, 0, 2, 9], port));
                    endpoint
                        .handle_input(now, Input::FlowOpen { connect, flow: Flow { link, local, remote } });
                }
                Output::Send { flow, bytes: question } => {
                    let mut bytes = bytes.to_vec();
                    // The question's number and type, else nothing is read.
                    for at in [0, 1, TYPE_AT] {
                        bytes.get_mut(at).into_iter().for_each(|byte| *byte = question[at]);
                    }
                    endpoint.handle_input(now, Input::Datagram { flow, bytes: &bytes });
                }
                // Unless both questions had answers, time has passed.
                Output::Event(_) => return now == Instant::ZERO,
                Output::Close { .. } => {}
            }
        }
        now = endpoint.poll_timeout().expect("a question has an answer or a deadline").max(now);
        endpoint.handle_input(now, Input::Timeout);
        assert!(now < Instant::ZERO + Duration::from_secs(120), "a name is looked up for minutes");
    }
    panic!("a name is asked for again and again")
}
