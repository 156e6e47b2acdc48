//! What one turn of each inner machine costs, for callgrind to count: `counts WHAT TIMES` does a thing so often.
//! tests/bench/counts takes the difference of two runs, so that preparations don't count.

use std::net::SocketAddr;
use std::time::Duration;

use base::Instant;
use media::codec::{Decoder, Encoder};
use media::jitter::{Content, JitterBuffer, Packet};
use media::leg::{Channel, Codec, Half, LegCommand, LegEvent, LegId, Payload, Terms};
use media::{FRAME_SAMPLES, Receiver, Role, Sender};
use phone::accounts::Settings;
use phone::{ClientId, Command, Config, Event, Family, Input, Output, Phone, PortId};
use sip::endpoint;
use sip::flow::{Flow, Link, Transport};
use sip::message::Message;

const HERE: &str = "192.0.2.10:5060";
const PEER: &str = "192.0.2.1:5060";
const LEG: LegId = LegId(1);

/// After which nothing is left of a call: 64*T1, and some more.
const LAPSED: Duration = Duration::from_secs(40);

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [what, times] = arguments.as_slice() else { panic!("usage: counts WHAT TIMES") };
    let times = times.parse().expect("TIMES is a number");
    match what.as_str() {
        "parse" => parse(times),
        "print" => print(times),
        "call" => call(times),
        "pcmu-decode" => decode(Codec::Pcmu, times),
        "pcmu-encode" => encode(Codec::Pcmu, times),
        "pcma-decode" => decode(Codec::Pcma, times),
        "pcma-encode" => encode(Codec::Pcma, times),
        "jitter" => jitter(times),
        "receive" => receive(times),
        "send" => send(times),
        other => panic!("nothing is called {other}"),
    }
}

/// An INVITE with SDP, as phones send it.
fn invite(number: u32) -> Vec<u8> {
    let sdp = "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n\
               m=audio 4000 RTP/AVP 0 8 101\r\na=rtpmap:0 PCMU/8000\r\na=rtpmap:8 PCMA/8000\r\n\
               a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-15\r\na=ptime:20\r\na=sendrecv\r\n";
    request("INVITE", number, "", sdp)
}

fn request(method: &str, number: u32, to_tag: &str, body: &str) -> Vec<u8> {
    let sequence = if method == "BYE" { 2 } else { 1 };
    format!(
        "{method} sip:bob@{HERE} SIP/2.0\r\nVia: SIP/2.0/UDP {PEER};branch=z9hG4bK-{method}-{number};rport\r\n\
         Max-Forwards: 70\r\nFrom: \"Ada\" <sip:ada@192.0.2.1>;tag=ada{number}\r\nTo: <sip:bob@192.0.2.10>{to_tag}\r\n\
         Call-ID: {number}@192.0.2.1\r\nCSeq: {sequence} {method}\r\nContact: <sip:ada@{PEER}>\r\n\
         Allow: INVITE, ACK, CANCEL, BYE, OPTIONS, REFER, NOTIFY, INFO\r\nSupported: replaces, timer\r\n\
         User-Agent: exchange/1.0\r\nContent-Type: application/sdp\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    )
    .into_bytes()
}

fn parse(times: u32) {
    let bytes = invite(1);
    for _ in 0..times {
        std::hint::black_box(Message::parse(std::hint::black_box(&bytes)).expect("is right"));
    }
}

fn print(times: u32) {
    let message = Message::parse(&invite(1)).expect("is right");
    for _ in 0..times {
        std::hint::black_box(std::hint::black_box(&message).to_bytes());
    }
}

/// INVITE, 180, accepted by a client, 200, ACK, BYE, 200, and all that lapses after it.
fn call(times: u32) {
    let domain = "192.0.2.1".parse().expect("is a domain");
    let peers = vec!["192.0.2.1".parse().expect("is an address")];
    // Nobody opens the flow that it wants to register by, so it keeps still.
    let accounts = vec![Settings::new("bob".into(), "secret".into(), domain)];
    let mut phone = Phone::new(Config { accounts, peers, ..Config::default() }, [1; 32], Instant::ZERO);
    outputs(&mut phone).for_each(drop);
    let mut now = Instant::ZERO;
    let mut ports = 0;
    for number in 0..times {
        lend(&mut phone, now, &mut ports);
        receive_datagram(&mut phone, now, &invite(number));
        let call = outputs(&mut phone).find_map(|output| match output {
            Output::Event(Event::NewCall(told)) => Some(told.call),
            _ => None,
        });
        let accept = Command::AcceptCall(call.expect("it rings"));
        phone.handle_input(now, Input::Command { client: ClientId(1), command: accept });
        let ok = outputs(&mut phone).find_map(|output| match output {
            Output::Send { bytes, .. } => {
                String::from_utf8(bytes).ok().filter(|text| text.starts_with("SIP/2.0 200"))
            }
            _ => None,
        });
        let ok = ok.expect("it is answered");
        let tag = ok.lines().find(|line| line.starts_with("To:")).and_then(|to| to.split_once(";tag="));
        let tag = format!(";tag={}", tag.expect("has a tag").1);
        receive_datagram(&mut phone, now, &request("ACK", number, &tag, ""));
        receive_datagram(&mut phone, now, &request("BYE", number, &tag, ""));
        let legs: Vec<LegId> = outputs(&mut phone)
            .filter_map(|output| match output {
                Output::Leg { leg, command: LegCommand::End { .. } } => Some(leg),
                _ => None,
            })
            .collect();
        assert_eq!(legs.len(), 1, "it is over");
        for half in [Half::Receive, Half::Send] {
            phone.handle_input(now, Input::LegEvent { leg: legs[0], event: LegEvent::Ended(half) });
        }
        let over = now + LAPSED;
        while let Some(due) = phone.poll_timeout().filter(|due| *due < over) {
            now = due;
            phone.handle_input(now, Input::Timeout);
            outputs(&mut phone).for_each(drop);
        }
        now = over;
    }
}

/// A pair of ports for each call: what was lent and not used stays.
fn lend(phone: &mut Phone, now: Instant, ports: &mut u32) {
    *ports += 1;
    let rtp_port = 16_384 + (*ports % 8_000) as u16 * 2;
    phone.handle_input(now, Input::MediaPort { port: PortId(*ports), family: Family::V4, rtp_port });
}

fn receive_datagram(phone: &mut Phone, now: Instant, bytes: &[u8]) {
    let flow = Flow { link: Link::Sip(Transport::Udp), local: address(HERE), remote: address(PEER) };
    phone.handle_input(now, Input::Sip(endpoint::Input::Datagram { flow, bytes }));
}

fn outputs(phone: &mut Phone) -> impl Iterator<Item = Output> {
    std::iter::from_fn(|| phone.poll_output())
}

fn address(text: &str) -> SocketAddr {
    text.parse().expect("is an address")
}

/// A frame of 10 ms out of its bytes.
fn decode(codec: Codec, times: u32) {
    let mut decoder = Decoder::new(codec);
    let mut frame = [0.0; FRAME_SAMPLES];
    let payload = &voice(1)[..FRAME_SAMPLES];
    for _ in 0..times {
        decoder.decode(std::hint::black_box(payload), &mut frame);
        std::hint::black_box(&frame);
    }
}

/// A frame of 10 ms into its bytes.
fn encode(codec: Codec, times: u32) {
    let mut encoder = Encoder::new(codec);
    let mut payload = [0; FRAME_SAMPLES];
    let frame = tone();
    for _ in 0..times {
        encoder.encode(std::hint::black_box(&frame), &mut payload);
        std::hint::black_box(&payload);
    }
}

/// A packet of speech-like sound into the jitter buffer, and its two frames out.
fn jitter(times: u32) {
    let mut buffer = JitterBuffer::new();
    let mut frame = [0.0; FRAME_SAMPLES];
    for number in 0..times {
        let now = Instant::ZERO + Duration::from_millis(20 * u64::from(number));
        let payload = voice(number);
        let packet = Packet {
            ssrc: 1,
            sequence: number as u16,
            timestamp: number.wrapping_mul(160),
            content: Content::Voice(Codec::Pcmu, &payload),
        };
        buffer.push(now, packet);
        for half in 0..2 {
            buffer.pull(now + Duration::from_millis(10 * half), &mut frame);
        }
    }
}

/// A packet into the receiving half of a leg, and its two frames out.
fn receive(times: u32) {
    let mut receiver = Receiver::new();
    receiver.handle_command(Instant::ZERO, LEG, &LegCommand::Use(terms()));
    let mut frame = [0.0; FRAME_SAMPLES];
    for number in 0..times {
        let now = Instant::ZERO + Duration::from_millis(20 * u64::from(number));
        let mut packet = vec![0x80, 0];
        packet.extend_from_slice(&(number as u16).to_be_bytes());
        packet.extend_from_slice(&number.wrapping_mul(160).to_be_bytes());
        packet.extend_from_slice(&[0, 0, 0, 1]);
        packet.extend_from_slice(&voice(number));
        receiver.handle_packet(now, LEG, Channel::Rtp, address(PEER), &packet);
        for half in 0..2 {
            receiver.pull(now + Duration::from_millis(10 * half), Role::Both, &mut frame);
        }
    }
}

/// Two frames into the sending half of a leg, and their packet out.
fn send(times: u32) {
    let mut sender = Sender::new(base::Dice::new([1; 32]));
    sender.handle_command(Instant::ZERO, LEG, &LegCommand::Use(terms()));
    let frame = tone();
    for number in 0..times * 2 {
        let now = Instant::ZERO + Duration::from_millis(10 * u64::from(number));
        sender.push(now, std::hint::black_box(&frame));
        while let Some(packet) = sender.poll_packet() {
            std::hint::black_box(packet.bytes);
        }
    }
}

/// 20 ms of PCMU: a tone of a voice's pitch, with its overtones.
fn voice(number: u32) -> [u8; 160] {
    std::array::from_fn(|at| {
        let phase = (number.wrapping_mul(160).wrapping_add(at as u32) % 64) as u8;
        0x80 | (phase & 0x3F) ^ if phase < 32 { 0x7F } else { 0x00 }
    })
}

/// 10 ms of sound before it is encoded.
fn tone() -> [f32; FRAME_SAMPLES] {
    std::array::from_fn(|at| (at as f32 * 0.3).sin() * 0.3)
}

fn terms() -> Terms {
    let pcmu = Payload { number: 0, codec: Codec::Pcmu };
    Terms {
        local_rtp: (core::net::Ipv4Addr::new(192, 0, 2, 10), 6_000).into(),
        remote_rtp: address(PEER),
        remote_rtcp: address(PEER),
        send: pcmu,
        receive: vec![pcmu],
        send_event: None,
        receive_event: None,
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    }
}
