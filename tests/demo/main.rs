//! `neonphone demo` as a newcomer meets it: the real binary, its exchange, and a program that calls each number and
//! hears what becomes of it.

#[expect(dead_code, reason = "the rest is for stories of the contract, in tests/phone")]
#[path = "../phone/stage/program.rs"]
mod program;
#[path = "../phone/stage/room.rs"]
mod room;

mod numbers;
mod process;
mod start;

use std::time::Duration;

/// Whatever is expected of the phone happens within this time on a busy machine, or never.
const PATIENCE: Duration = Duration::from_secs(20);
