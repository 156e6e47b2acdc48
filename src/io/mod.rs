//! The shell around the machines: the threads, sockets, devices, files and the one real clock.

pub mod clock;
pub mod mailbox;
