//! `neonphone demo` as a newcomer meets it: its exchange, and a program that calls each number and hears what becomes of
//! it.

mod numbers;
mod process;
mod start;

use process::{Demo, configure, neonphone_demo};
