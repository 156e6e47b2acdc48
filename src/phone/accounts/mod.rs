//! SIP accounts: those of the configuration file and those that programs register (rules 7 and 8).

mod account;
mod settings;
mod table;

pub use settings::{DtmfWay, Settings};
pub(crate) use table::Accounts;
