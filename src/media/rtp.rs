//! RTP packets (RFC 3550 §5) by rtp-rs: what the jitter buffer needs of one that came in, and the writing of ours.
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use rtp_rs::{RtpPacketBuilder, RtpReader};

/// Bytes of a header without contributing sources and extension: all that we send.
pub(crate) const HEADER_BYTES: usize = 12;

/// A packet that came in, borrowed from its datagram. CSRCs, extension and padding are checked and left out.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Incoming<'a> {
    pub(crate) payload_type: u8,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
    pub(crate) payload: &'a [u8],
}

impl<'a> Incoming<'a> {
    /// Reads a datagram; `None` if it is no RTP: another version, cut short, or RTCP on the port of RTP.
    pub(crate) fn parse(datagram: &'a [u8]) -> Option<Self> {
        let reader = RtpReader::new(datagram).ok()?;
        // RFC 5761 §4: payload types 64 to 95 with the marker read as RTCP packet types 192 to 223.
        if (64..96).contains(&reader.payload_type()) {
            return None;
        }
        Some(Self {
            payload_type: reader.payload_type(),
            sequence: reader.sequence_number().into(),
            timestamp: reader.timestamp(),
            ssrc: reader.ssrc(),
            payload: reader.payload(),
        })
    }
}

/// The header of a packet to send.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Outgoing {
    pub(crate) payload_type: u8,
    pub(crate) marker: bool,
    pub(crate) sequence: u16,
    pub(crate) timestamp: u32,
    pub(crate) ssrc: u32,
}

impl Outgoing {
    /// Writes header and `payload` to the start of `datagram`, and returns what was written; `None` if there is no
    /// room.
    pub(crate) fn write<'a>(&self, payload: &[u8], datagram: &'a mut [u8]) -> Option<&'a [u8]> {
        let size = RtpPacketBuilder::new()
            .payload_type(self.payload_type)
            .marked(self.marker)
            .sequence(self.sequence.into())
            .timestamp(self.timestamp)
            .ssrc(self.ssrc)
            .payload(payload)
            .build_into(datagram)
            .ok()?;
        datagram.get(..size)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    /// Padding, two contributing sources and an extension of one word around the payload `[1, 2, 3]`.
    const RICH: [u8; 35] = [
        0xb2, 0x80, 0xff, 0xfe, 0, 0, 0x01, 0x40, 0xde, 0xad, 0xbe, 0xef, // header
        0, 0, 0, 1, 0, 0, 0, 2, // CSRCs
        0xbe, 0xde, 0, 1, 9, 9, 9, 9, // extension
        1, 2, 3, 0, 0, 0, 4, // payload, and padding of 4
    ];

    #[test]
    fn padding_sources_and_extension_are_no_sound() {
        let packet = Incoming::parse(&RICH).expect("is RTP");
        assert_eq!(packet.payload, [1, 2, 3]);
        assert_eq!((packet.payload_type, packet.sequence, packet.timestamp), (0, 0xfffe, 320));
        assert_eq!(packet.ssrc, 0xdead_beef);
    }

    #[test]
    fn what_is_no_rtp_is_refused_wherever_it_is_cut() {
        for end in 0..28 {
            assert_eq!(Incoming::parse(&RICH[..end]), None, "{end} bytes");
        }
        let mut other_version = RICH;
        other_version[0] = 0x72;
        assert_eq!(Incoming::parse(&other_version), None);
        let sender_report = [0x80, 200, 0, 6, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0];
        assert_eq!(Incoming::parse(&sender_report), None);
        let mut padding_beyond_payload = RICH;
        padding_beyond_payload[34] = 8;
        assert_eq!(Incoming::parse(&padding_beyond_payload), None);
    }

    #[test]
    fn a_packet_is_written_as_the_rfc_draws_it() {
        let header = Outgoing {
            payload_type: 8,
            marker: true,
            sequence: 0x0102,
            timestamp: 0x0304_0506,
            ssrc: 0x0708_090a,
        };
        let mut room = [0xaa; 15];
        let written: Vec<u8> = header.write(&[0xd5, 0xd5], &mut room).expect("fits").into();
        assert_eq!(written, [0x80, 0x88, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 0xd5, 0xd5]);
        assert_eq!(header.write(&[0; 4], &mut room), None);
    }
}
