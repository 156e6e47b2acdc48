//! SIP for a phone: messages, SDP, transactions, dialogs, registration and invitations, as machines that know no
//! socket, thread, clock or dice of their own.
#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]

extern crate alloc;

pub mod digest;
pub mod endpoint;
pub mod dialog;
pub mod flow;
pub mod message;
mod resolve;
pub mod sdp;
mod transaction;
