//! Where a scripted peer hears and speaks: a socket for RTP (RFC 3550 §5.1) with PCMU, packets written and read byte by
//! byte.

use std::net::{SocketAddr, UdpSocket};

use crate::process::PATIENCE;

/// Bytes of RTP's header without extras, and of 20 ms of PCMU.
const HEADER: usize = 12;
const PAYLOAD: usize = 160;

/// A level of PCMU, up and down, some 3 dB below the loudest: a tone that survives whatever a jitter buffer does.
const UP: u8 = 0x8f;
const DOWN: u8 = 0x0f;

/// A socket that takes RTP.
pub(crate) struct Ear {
    socket: UdpSocket,
    spoken: u16,
}

/// One packet of the phone.
pub(crate) struct Packet {
    pub(crate) sequence: u16,
    pub(crate) source: u32,
    /// Samples that are loud.
    pub(crate) loud: usize,
}

impl Ear {
    pub(crate) fn new() -> Self {
        let socket = UdpSocket::bind("127.0.0.1:0").expect("a socket");
        socket.set_read_timeout(Some(PATIENCE)).expect("set");
        Self { socket, spoken: 0 }
    }

    /// An offer or answer that wants sound here.
    pub(crate) fn sdp(&self) -> String {
        let port = self.socket.local_addr().expect("bound").port();
        format!(
            "v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n\
             m=audio {port} RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
        )
    }

    /// Hears the next packet, and says one to where it came from, which keeps both in step without a clock.
    pub(crate) fn converse(&mut self, phone: SocketAddr) -> Packet {
        let mut bytes = [0; 2048];
        let (length, from) = self.socket.recv_from(&mut bytes).expect("the phone speaks");
        assert_eq!(from, phone, "RTP comes from where it is wanted (RFC 4961)");
        assert_eq!((length, bytes[0], bytes[1] & 0x7f), (HEADER + PAYLOAD, 0x80, 0));
        self.speak(phone);
        let loud = |byte: &&u8| **byte & 0x7f < 0x30;
        Packet {
            sequence: u16::from_be_bytes([bytes[2], bytes[3]]),
            source: u32::from_be_bytes([bytes[8], bytes[9], bytes[10], bytes[11]]),
            loud: bytes[HEADER..length].iter().filter(loud).count(),
        }
    }

    fn speak(&mut self, phone: SocketAddr) {
        let mut bytes = [DOWN; HEADER + PAYLOAD];
        bytes[..2].copy_from_slice(&[0x80, 0]);
        bytes[2..4].copy_from_slice(&self.spoken.to_be_bytes());
        bytes[4..8].copy_from_slice(&(u32::from(self.spoken) * 160).to_be_bytes());
        bytes[8..12].copy_from_slice(b"peer");
        bytes[HEADER..].chunks_mut(8).for_each(|period| period[..4].fill(UP));
        self.socket.send_to(&bytes, phone).expect("sent");
        self.spoken += 1;
    }
}
