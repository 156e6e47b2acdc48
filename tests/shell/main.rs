//! The binary as whoever installs it meets it: its commands, its start, its end, its rest, and whole calls.

mod calls;
mod commands;
mod life;
mod process;
mod program;
mod server;
