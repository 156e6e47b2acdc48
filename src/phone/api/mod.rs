//! The control API (docs/api.md) as a machine: frames and facts in, frames, commands and verdicts out. Reading a
//! request and writing what goes out stand in `request` and `write`; who may connect in `gate` and `http`; who may
//! command in `config`, `sessions` and `throttle`; [`Server`] joins them. Sockets, WebSocket framing and the
//! password hash are the driver's.

mod action;
mod config;
mod gate;
pub mod http;
mod json;
mod request;
mod server;
mod sessions;
#[cfg(test)]
mod tests;
mod throttle;
mod write;

pub use action::{Action, UnknownAction};
pub use config::{Config, ConfigError, RegisterFinalized, Rights, User};
pub use server::{CloseCode, Input, Output, Server};

/// What `getstate` and `GET /version` call this phone's version.
pub const VERSION: &str = env!("CARGO_PKG_VERSION");

/// Longest message that a client may send, its fragments together, in bytes; beyond it the connection is closed
/// with 1009 (rule 15).
pub const MAX_MESSAGE_BYTES: usize = 64 << 10;

/// Most output that may wait for a client that doesn't read, in bytes; beyond it the client is disconnected
/// (rule 6).
pub const MAX_WAITING_BYTES: usize = 1 << 20;
