//! Sound over RTP for a phone: codecs, jitter buffer, concealment, and the two machines that the RTP threads drive.
//! Knows nothing of SIP, sockets, sound cards or clocks.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod leg;
