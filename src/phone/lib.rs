#![no_std]
#![forbid(unsafe_code)]
#![warn(missing_docs)]
//! x

extern crate alloc;
