//! SIP for a phone: messages, SDP, transactions, dialogs, registration and invitations, as machines that know no
//! socket, thread, clock or dice of their own.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod dialog;
pub mod digest;
pub mod endpoint;
pub mod flow;
pub mod invite;
pub mod message;
pub mod register;
mod resolve;
pub mod sdp;
mod show;
mod transaction;

pub use show::Show;
