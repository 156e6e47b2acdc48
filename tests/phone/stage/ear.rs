//! Where a scripted peer hears and speaks: a socket for RTP (RFC 3550 §5.1) with PCMU, packets written and read byte by
//! byte.

use std::cell::Cell;
use std::net::{SocketAddr, UdpSocket};

use super::PATIENCE;

/// Bytes of RTP's header without extras, and of 20 ms of PCMU.
const HEADER: usize = 12;
const PAYLOAD: usize = 160;

/// A level of PCMU, up and down, some 3 dB below the loudest: a tone that survives whatever a jitter buffer does.
const UP: u8 = 0x8f;
const DOWN: u8 = 0x0f;

/// The payload type of keys.
pub(crate) const KEYS: u8 = 101;

/// A socket that takes RTP.
pub(crate) struct Ear {
    socket: UdpSocket,
    spoken: u16,
    /// How often it has described itself: each description is a new one (RFC 3264 §8).
    described: Cell<u32>,
}

/// One packet of the phone.
pub(crate) struct Packet {
    pub(crate) from: SocketAddr,
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) source: u32,
    pub(crate) payload: Vec<u8>,
}

impl Packet {
    /// Samples of PCMU that are loud.
    pub(crate) fn loud(&self) -> usize {
        self.payload.iter().filter(|byte| **byte & 0x7f < 0x30).count()
    }
}

impl Ear {
    pub(crate) fn new() -> Self {
        Self::at("127.0.0.1")
    }

    /// An ear with this address.
    pub(crate) fn at(address: &str) -> Self {
        let socket = UdpSocket::bind((address, 0)).expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { socket, spoken: 0, described: Cell::new(0) }
    }

    /// An offer or answer that wants sound here.
    pub(crate) fn sdp(&self) -> String {
        self.sdp_with("")
    }

    /// The same, with these whole attributes.
    pub(crate) fn sdp_with(&self, attributes: &str) -> String {
        self.describes("0", attributes)
    }

    /// The same, with keys as events (RFC 4733) of payload type [`KEYS`].
    pub(crate) fn sdp_with_keys(&self) -> String {
        let attributes = format!("a=rtpmap:{KEYS} telephone-event/8000\r\na=fmtp:{KEYS} 0-15\r\n");
        self.describes(&format!("0 {KEYS}"), &attributes)
    }

    fn describes(&self, formats: &str, attributes: &str) -> String {
        let number = self.described.get() + 1;
        self.described.set(number);
        let own = self.socket.local_addr().expect("bound");
        let (version, address, port) = (if own.is_ipv4() { 4 } else { 6 }, own.ip(), own.port());
        format!(
            "v=0\r\no=- 1 {number} IN IP{version} {address}\r\ns=-\r\nc=IN IP{version} {address}\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP {formats}\r\na=rtpmap:0 PCMU/8000\r\n{attributes}"
        )
    }

    /// Hears the next packet.
    pub(crate) fn hears(&mut self) -> Packet {
        self.hear().expect("the phone speaks")
    }

    fn hear(&self) -> Option<Packet> {
        let mut bytes = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut bytes).ok()?;
        assert_eq!(bytes[0], 0x80, "version 2, without padding, extension and sources");
        Some(Packet {
            from,
            payload_type: bytes[1] & 0x7f,
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            timestamp: u32::from_be_bytes([bytes[4], bytes[5], bytes[6], bytes[7]]),
            source: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            payload: bytes[HEADER..length].to_vec(),
        })
    }

    /// Hears what has come already.
    pub(crate) fn hears_all(&mut self) -> Vec<Packet> {
        self.socket.set_nonblocking(true).expect("set");
        let mut packets = Vec::new();
        while let Some(packet) = self.hear() {
            packets.push(packet);
        }
        self.socket.set_nonblocking(false).expect("set");
        packets
    }

    /// Hears the next packet, and says one to where it came from, which keeps both in step without a clock.
    pub(crate) fn converse(&mut self, phone: SocketAddr) -> Packet {
        let packet = self.hears();
        assert_eq!(packet.from, phone, "RTP comes from where it is wanted (RFC 4961)");
        assert_eq!((packet.payload_type, packet.payload.len()), (0, PAYLOAD));
        self.speak(phone);
        packet
    }

    /// Talks until it has heard, and said, so many packets from the first of the microphone's on: none is lost on loopback,
    /// and all are of one stream.
    pub(crate) fn converses(&mut self, phone: SocketAddr, packets: u16) {
        let first = self.converses_soon(phone);
        let rest: Vec<Packet> = (1..packets).map(|_| self.converse(phone)).collect();
        for (number, packet) in (1..).zip(&rest) {
            assert_eq!(packet.sequence, first.sequence.wrapping_add(number));
            assert_eq!(packet.source, first.source);
        }
        let silent = rest.iter().filter(|packet| packet.loud() == 0).count();
        assert!(silent < rest.len() / 4, "{silent} of {packets} packets hold no sound of the microphone");
    }

    /// Hears the microphone, before a second has passed.
    pub(crate) fn converses_soon(&mut self, phone: SocketAddr) -> Packet {
        let heard = (0..50).map(|_| self.converse(phone)).find(|packet| packet.loud() > 0);
        heard.expect("not a second without sound of the microphone")
    }

    /// Says 20 ms of a loud tone.
    pub(crate) fn speak(&mut self, phone: SocketAddr) {
        let mut tone = [DOWN; PAYLOAD];
        tone.chunks_mut(8).for_each(|period| period[..4].fill(UP));
        self.send(phone, 0, u32::from(self.spoken) * 160, &tone);
    }

    /// Sends one packet of a key's event, which began at this timestamp: so many samples of it, or all.
    pub(crate) fn presses(&mut self, phone: SocketAddr, event: u8, began: u32, samples: u16, ends: bool) {
        let [high, low] = samples.to_be_bytes();
        self.send(phone, KEYS, began, &[event, if ends { 0x8a } else { 0x0a }, high, low]);
    }

    fn send(&mut self, phone: SocketAddr, payload_type: u8, timestamp: u32, payload: &[u8]) {
        let mut bytes = vec![0x80, payload_type];
        bytes.extend(self.spoken.to_be_bytes());
        bytes.extend(timestamp.to_be_bytes());
        bytes.extend(b"peer");
        bytes.extend(payload);
        self.socket.send_to(&bytes, phone).expect("sent");
        self.spoken += 1;
    }
}
