//! The whole phone: the real binary, driven by a program over its WebSocket, towards a server and callers of scripted
//! bytes on loopback. What becomes of registrations and calls is told in `stories` and `addresses`; what noise and rest do to
//! them in `flood` and `rest`; what the log keeps to itself in `secrets`.

mod addresses;
mod ear;
mod flood;
mod noise;
mod peer;
#[expect(dead_code, reason = "the rest is for the stories of the commands, in tests/shell")]
#[path = "../shell/process.rs"]
mod process;
mod program;
mod rest;
mod secrets;
mod stage;
mod stories;
