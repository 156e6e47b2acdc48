//! Call control: accounts, calls, policy and the control API, behind one door that a driver or a simulated world
//! opens. Knows no thread, socket, clock or dice of its own.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod accounts;
pub mod api;
mod calls;
pub mod command;
pub mod domain;
pub mod event;
mod interface;
pub mod number;
mod phone;
pub mod policy;
mod reason;
pub mod terms;

pub use command::{CallId, ClientId, Command, ConnectionId, Done, Refusal, RefusalCode, Reply};
pub use event::{CallTold, Event, Snapshot};
pub use interface::{Config, Family, Input, Output, PortId, RingingTransfer};
pub use phone::Phone;
