//! neonphone's shell as a library, so that tests reach its parts: everything that touches the operating system.
//! The machines that it drives are the packages `sip`, `media` and `phone`.
#![warn(missing_docs)]

#[cfg(feature = "demo")]
pub mod demo;
pub mod io;
