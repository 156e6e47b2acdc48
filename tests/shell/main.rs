//! The binary as whoever installs it meets it: its commands, its start and its end.

mod commands;
mod life;
mod process;
mod server;
