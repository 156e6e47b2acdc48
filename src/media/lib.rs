//! Sound over RTP for a phone: codecs, jitter buffer, concealment, and the two machines that the RTP threads drive.
//! Knows nothing of SIP, sockets, sound cards or clocks.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod codec;
pub mod dtmf;
pub mod jitter;
mod latch;
pub mod leg;
pub mod level;
mod receiver;
mod reception;
mod rtcp;
mod rtp;
mod sender;
mod tone;

pub use receiver::{Receiver, Refused, Role, Stats};
pub use sender::{Packet, Sender};

/// Milliseconds of sound in the frames that [`Receiver::pull`] gives and [`Sender::push`] takes.
pub const FRAME_MS: u32 = 10;

/// Samples a second of those frames: the rate of the codecs at hand.
pub const RATE_HZ: u32 = 8_000;

/// Samples in such a frame.
pub const FRAME_SAMPLES: usize = (RATE_HZ / 1_000 * FRAME_MS) as usize;
