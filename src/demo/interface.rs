//! The words that the exchange and its driver exchange.

use std::net::SocketAddr;

use media::leg::Channel;

/// Calls at a time: two users with the four calls that a phone has by default. One more is answered as busy.
pub(super) const LINES: usize = 8;

/// What the driver hands in.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// A datagram came to the SIP socket.
    Sip {
        /// From there.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// A datagram came to one of a line's sockets.
    Media {
        /// Which line.
        line: usize,
        /// Which of its sockets.
        channel: Channel,
        /// From there.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// 10 ms of sound are due: as long as [`Exchange::sounds`].
    Tick,
    /// The time that `poll_timeout` told has come.
    Timeout,
    /// All calls are to end.
    Stop,
}

/// What the driver sends.
#[derive(Debug)]
pub(super) enum Output {
    /// From the SIP socket.
    Sip {
        /// Where to.
        to: SocketAddr,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// From one of a line's sockets.
    Media {
        /// Which line.
        line: usize,
        /// Which of its sockets.
        channel: Channel,
        /// Where to.
        to: SocketAddr,
        /// All of it.
        bytes: Vec<u8>,
    },
}
