//! SIP as its peers see it: each story hands in scripted bytes at exact times, and looks at the bytes that come out.

mod endpoint;
mod invite;
mod register;
mod stage;
