//! The shell around the machines: the threads, sockets, devices, files and the one real clock.

pub mod audio;
pub mod clock;
pub mod log;
pub mod mailbox;
pub mod password;
pub mod ports;
pub mod rtp_receive;
pub mod rtp_send;
pub mod sip;
pub mod sound;
pub mod udp;
pub mod work;

#[cfg(test)]
mod tests;
