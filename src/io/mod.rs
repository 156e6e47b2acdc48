//! The shell around the machines: the threads, sockets, devices, files and the one real clock.

pub mod api;
pub mod audio;
pub mod clock;
pub mod config;
pub mod descriptors;
pub mod hw;
pub mod interface;
pub mod log;
pub mod mailbox;
pub mod memory;
pub mod occupant;
pub mod password;
pub mod ports;
pub mod rtp_receive;
pub mod rtp_send;
pub mod signals;
pub mod sip;
pub mod sound;
pub mod terminal;
pub mod threads;
pub mod udp;
pub mod work;

#[cfg(test)]
mod tests;
