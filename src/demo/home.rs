//! The folder of a phone that tries the exchange: a ready configuration, written at the first start and the user's own
//! from then on, and the password of its API.

use std::fs::{self, DirBuilder, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use base::{Dice, Secret};

use super::DemoError;
use crate::io::config::{self, Config};
use crate::io::password;

/// The user of the API.
pub(super) const API_USER: &str = "demo";

/// What stands before the API's user in the file.
const HEAD: &str = "\
# The phone that `make run` and `neonphone demo` start. It is yours to change: docs/neonphone.toml explains every key.
# The account at the demonstration exchange comes on top of what stands here.

[sip]
# Any port that is free, on this machine only. The usual one for a real server is \"0.0.0.0:5060\".
listen = [\"127.0.0.1:0\"]

";

/// The folder.
#[derive(Debug)]
pub(super) struct Home {
    /// The configuration file.
    pub(super) config: PathBuf,
    /// The file with the password of the API's user.
    pub(super) password: PathBuf,
}

impl Home {
    /// Opens the folder at `path`; makes it where there is none, with a password that `dice` throw.
    ///
    /// # Errors
    /// It can't be written or read.
    pub(super) fn open(path: &Path, dice: &mut Dice) -> Result<Self, DemoError> {
        let (config, password) = (path.join("neonphone.toml"), path.join("password"));
        let unusable = |path: &Path| {
            let path = path.to_owned();
            move |error| DemoError::Folder(path, error)
        };
        if !config.exists() {
            DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(unusable(path))?;
            let secret = Secret::new(dice.hex(2));
            // The password first: a start that is cut off between the two begins anew.
            write(&password, &format!("{}\n", secret.expose())).map_err(unusable(&password))?;
            write(&config, &configuration(&secret, dice)).map_err(unusable(&config))?;
        }
        Ok(Self { config, password })
    }

    /// The password that the API takes of [`API_USER`]: the one in the file, unless the user chose another.
    pub(super) fn password_for(&self, config: &Config) -> Option<Secret> {
        let kept = Secret::new(fs::read_to_string(&self.password).ok()?.trim());
        let user = config.api.users.iter().find(|user| user.name == API_USER)?;
        password::fits(&kept, Some(&user.password_hash)).then_some(kept)
    }
}

fn configuration(secret: &Secret, dice: &mut Dice) -> String {
    let mut salt = password::Salt::default();
    salt.fill_with(|| dice.u32() as u8);
    let user = config::user_section(API_USER, &password::hash(secret, salt));
    format!("{HEAD}{user}\n")
}

/// A new file that nobody else may read.
fn write(path: &Path, text: &str) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}
