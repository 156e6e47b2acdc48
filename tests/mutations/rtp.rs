//! Packets of a call's peer, or of whoever guesses its port: they are heard as sound between -1 and 1, or not at all.

use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::leg::{Channel, Codec, LegCommand, LegId, Payload, Terms};
use media::{FRAME_SAMPLES, Receiver, Role, Sender};

const LEG: LegId = LegId(1);

/// Frames of 10 ms between two packets.
const FRAMES: u32 = 2;

fn address(text: &str) -> SocketAddr {
    text.parse().expect("it is an address")
}

fn terms() -> Terms {
    let payload = |number, codec| Payload { number, codec };
    Terms {
        local_rtp: address("192.0.2.10:6000"),
        remote_rtp: address("192.0.2.1:4000"),
        remote_rtcp: address("192.0.2.1:4001"),
        send: payload(8, Codec::Pcma),
        receive: vec![payload(8, Codec::Pcma), payload(0, Codec::Pcmu)],
        send_event: Some(101),
        receive_event: Some(101),
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: true,
    }
}

/// Packets of an input, each after its length in one byte.
fn packets(input: &[u8]) -> impl Iterator<Item = &[u8]> {
    let mut rest = input;
    std::iter::from_fn(move || {
        let (length, bytes) = rest.split_first()?;
        let (packet, after) = bytes.split_at(bytes.len().min((*length).into()));
        rest = after;
        Some(packet)
    })
}

fn input(packets: &[Vec<u8>]) -> Vec<u8> {
    let with_length = |packet: &Vec<u8>| {
        let length = u8::try_from(packet.len()).expect("examples are short");
        std::iter::once(length).chain(packet.iter().copied()).collect::<Vec<_>>()
    };
    packets.iter().flat_map(with_length).collect()
}

fn rtp(payload_type: u8, sequence: u16, timestamp: u32, payload: &[u8]) -> Vec<u8> {
    let mut packet = vec![0x80, payload_type];
    packet.extend(sequence.to_be_bytes());
    packet.extend(timestamp.to_be_bytes());
    packet.extend([0, 0, 0, 9]);
    packet.extend(payload);
    packet
}

pub(crate) fn rtp_examples() -> Vec<Vec<u8>> {
    let voice: Vec<_> = (0..8).map(|at| rtp(8, at, u32::from(at) * 160, &[0x55; 160])).collect();
    let tone: Vec<_> = (0..6).map(|at| rtp(0, at * 3, u32::from(at) * 480, &[at as u8 * 40; 80])).collect();
    let key: Vec<_> = (0..5)
        .map(|at| {
            rtp(101 | u8::from(at == 0) << 7, at, 1_000, &[5, u8::from(at > 2) << 7 | 10, 0, at as u8 * 40])
        })
        .collect();
    let mut odd = rtp(13, 1, 0, &[40]);
    odd[0] = 0xb1;
    odd.splice(12..12, [0, 0, 0, 1, 0xbe, 0xde, 0, 1, 1, 2, 3, 4]);
    odd.extend([0, 0, 0, 4]);
    [
        input(&voice),
        input(&tone),
        input(&key),
        input(&[odd, rtp(8, 65_535, u32::MAX, &[0; 40]), rtp(8, 0, 39, &[1; 40])]),
    ]
    .into()
}

pub(crate) fn rtcp_examples() -> Vec<Vec<u8>> {
    let mut sender_report = vec![0x81, 200, 0, 12, 0, 0, 0, 9];
    sender_report.extend([0xe0, 0, 0, 1, 0x80, 0, 0, 0, 0, 0, 0x12, 0x34, 0, 0, 0, 10, 0, 0, 6, 64]);
    sender_report.extend([0, 0, 0, 7, 25, 0, 0, 3, 0, 1, 0, 2, 0, 0, 0, 20, 0, 1, 0x80, 0, 0, 0, 0x10, 0]);
    let description = [0x81, 202, 0, 3, 0, 0, 0, 9, 1, 3, b'a', b'@', b'b', 0, 0, 0];
    let receiver_report = [0x80, 201, 0, 1, 0, 0, 0, 9];
    let bye = [0x81, 203, 0, 3, 0, 0, 0, 9, 4, b'b', b'y', b'e', b'!', 0, 0, 0];
    let whole = [&sender_report[..], &description].concat();
    let last = [&receiver_report[..], &description, &bye].concat();
    vec![input(&[whole]), input(&[receiver_report.to_vec(), last])]
}

pub(crate) fn examine_rtp(input: &[u8]) -> bool {
    examine(input, Channel::Rtp)
}

pub(crate) fn examine_rtcp(input: &[u8]) -> bool {
    examine(input, Channel::Rtcp)
}

fn examine(input: &[u8], channel: Channel) -> bool {
    let mut now = Instant::ZERO;
    let (mut receiver, mut sender) = (Receiver::new(), Sender::new(Dice::new([1; 32])));
    let begin = LegCommand::Use(terms());
    receiver.handle_command(now, LEG, &begin);
    sender.handle_command(now, LEG, &begin);
    let from = match channel {
        Channel::Rtp => terms().remote_rtp,
        Channel::Rtcp => terms().remote_rtcp,
    };
    let mut came = 0;
    for packet in packets(input) {
        came += 1;
        receiver.handle_packet(now, LEG, channel, from, packet);
        for _ in 0..FRAMES {
            let mut frame = [0.0; FRAME_SAMPLES];
            receiver.pull(now, Role::Both, &mut frame);
            assert!(frame.iter().all(|sample| (-1.0..=1.0).contains(sample)), "{frame:?}");
            sender.push(now, &frame);
            while sender.poll_packet().is_some() {}
            now += Duration::from_millis(10);
        }
        while receiver.poll_event().is_some() {}
        while let Some((leg, feedback)) = receiver.poll_feedback() {
            sender.handle_feedback(now, leg, feedback);
        }
    }
    let refused = receiver.stats(LEG).expect("the leg goes on").refused;
    refused.malformed + refused.foreign_type + refused.foreign_source < came
}
