//! The endpoint as its peers see it.

mod client_invite;
mod client_non_invite;
mod flood;
mod names;
mod reaching;
mod requests;
mod server_invite;
mod server_non_invite;
