//! Tests of several parts of the shell together.

pub(crate) mod allocations;
mod rtp_threads;
