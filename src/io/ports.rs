//! RTP ports lent in advance: bound socket pairs that call control may name in an offer or answer at once.

use std::io;
use std::net::UdpSocket;

/// A leg's two sockets, bound to the unspecified address of one family and non-blocking. RTP has an even port, RTCP
/// the next one (RFC 3550 §11).
#[derive(Debug)]
pub struct LegSockets {
    /// For RTP.
    pub rtp: UdpSocket,
    /// For RTCP.
    pub rtcp: UdpSocket,
}

impl LegSockets {
    /// The same two sockets for the other half of the leg. The ports are free when both halves have dropped theirs.
    ///
    /// # Errors
    /// No descriptors left.
    pub fn try_clone(&self) -> io::Result<Self> {
        Ok(Self { rtp: self.rtp.try_clone()?, rtcp: self.rtcp.try_clone()? })
    }
}
