//! SIP accounts.

mod settings;

pub use settings::Settings;
