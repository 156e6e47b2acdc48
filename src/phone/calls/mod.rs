//! Calls: what becomes of an invitation for people and programs (rule 9).

mod call;
mod sound;
mod told;

pub(crate) use call::{Call, Lent, Outcome};
