//! The shell around the machines: the threads, sockets, devices, files and the one real clock.

pub mod clock;
pub mod mailbox;
pub mod ports;
pub mod sip;
pub mod udp;
pub mod work;
