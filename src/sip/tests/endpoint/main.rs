//! The endpoint as its peers see it: each story hands in scripted bytes at exact times, and looks at the bytes that
//! come out.

mod client_invite;
mod client_non_invite;
mod flood;
mod names;
mod reaching;
mod requests;
mod server_invite;
mod server_non_invite;
mod stage;
