//! The configuration: one TOML file, read into the settings of each machine. All faults are told at once, with line
//! and column.

mod document;
mod sections;
mod show;
#[cfg(test)]
mod tests;

#[cfg(test)]
use std::collections::BTreeSet;
use std::fmt;
use std::fs::File;
use std::io::{self, Read};
use std::ops::RangeInclusive;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use phone::api;

use self::document::Document;
pub use self::document::Fault;
pub use self::show::user_section;
use super::udp::Dscp;
use super::{audio, interface, sip};

/// Where the file is when nobody says.
pub const USUAL_PATHS: [&str; 2] = ["/etc/neonphone.toml", "neonphone.toml"];

/// Largest file that is read, in bytes: an account takes some 200.
const FILE_MAX: u64 = 1 << 20;

/// All settings.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Config {
    /// The control API.
    pub api: api::Config,
    /// The SIP sockets.
    pub sip: sip::Config,
    /// RTP.
    pub rtp: Rtp,
    /// Devices.
    pub audio: audio::Config,
    /// Commands that show and hide the user interface.
    pub interface: interface::Config,
    /// Call control and its accounts.
    pub phone: phone::Config,
}

/// What RTP is sent on.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rtp {
    /// UDP ports of calls: an even one for RTP and the next for RTCP, each.
    pub ports: RangeInclusive<u16>,
    /// Of RTP packets; EF (46) by default, which RFC 4594 §4.1 names for telephony.
    pub dscp: Dscp,
}

impl Default for Rtp {
    fn default() -> Self {
        // Below the ports that Linux gives away by itself, from 32768 on.
        Self { ports: 16_384..=32_767, dscp: 46 }
    }
}

/// Why there is no configuration.
#[derive(Debug)]
pub enum ConfigError {
    /// The file can't be read.
    Unreadable(PathBuf, io::Error),
    /// None of [`USUAL_PATHS`] exists.
    NoFile,
    /// Its content is wrong, in at least one place.
    Wrong(PathBuf, Vec<Fault>),
}

impl fmt::Display for ConfigError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Unreadable(path, error) => match error.kind() {
                io::ErrorKind::NotFound => write!(f, "there is no configuration file {}", path.display()),
                io::ErrorKind::PermissionDenied => {
                    write!(f, "{} may not be read by this user: change its owner or mode", path.display())
                }
                _ => write!(f, "{} can't be read: {error}", path.display()),
            },
            Self::NoFile => {
                let [first, second] = USUAL_PATHS;
                write!(f, "there is neither {first} nor {second}; name a configuration file by --config FILE")
            }
            Self::Wrong(path, faults) => {
                let lines: Vec<String> =
                    faults.iter().map(|fault| format!("{}:{fault}", path.display())).collect();
                f.write_str(&lines.join("\n"))
            }
        }
    }
}

impl std::error::Error for ConfigError {}

/// A configuration that was read from a file.
#[derive(Debug)]
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// Its settings.
    pub config: Config,
    /// Anybody on the machine may read passwords in it.
    pub exposed: bool,
}

/// Reads the file at `path`, or the first of [`USUAL_PATHS`] that exists.
///
/// # Errors
/// There is no file, it can't be read, or it has faults; then all of them.
pub fn load(path: Option<&Path>) -> Result<Loaded, ConfigError> {
    let usual = || USUAL_PATHS.iter().map(Path::new).find(|path| path.exists());
    let path = path.or_else(usual).ok_or(ConfigError::NoFile)?;
    let unreadable = |error| ConfigError::Unreadable(path.into(), error);
    let file = File::open(path).map_err(unreadable)?;
    let world_readable = file.metadata().map_err(unreadable)?.permissions().mode() & 0o004 != 0;
    let mut bytes = Vec::new();
    file.take(FILE_MAX).read_to_end(&mut bytes).map_err(unreadable)?;
    let config = text(&bytes).and_then(parse).map_err(|faults| ConfigError::Wrong(path.into(), faults))?;
    let has_password = config.phone.accounts.iter().any(|account| !account.password.expose().is_empty());
    Ok(Loaded { path: path.into(), config, exposed: world_readable && has_password })
}

/// A file's text, which TOML has in UTF-8.
fn text(bytes: &[u8]) -> Result<&str, Vec<Fault>> {
    str::from_utf8(bytes).map_err(|error| {
        let before = bytes.get(..error.valid_up_to()).map(String::from_utf8_lossy).unwrap_or_default();
        vec![Fault::after(&before, "this is no UTF-8")]
    })
}

/// Reads a file's text.
///
/// # Errors
/// All its faults, in the order of the file.
pub fn parse(text: &str) -> Result<Config, Vec<Fault>> {
    let document = Document::new(text);
    let config = document.root().map(sections::read);
    match (config, document.into_faults()) {
        (Some(config), faults) if faults.is_empty() => Ok(config),
        (_, faults) => Err(faults),
    }
}

/// Every key that reading `text` asked for, as `section.key`: those of lists only where the text has an element.
#[cfg(test)]
fn known_keys(text: &str) -> BTreeSet<String> {
    let document = Document::new(text);
    document.root().map(sections::read);
    document.asked()
}
