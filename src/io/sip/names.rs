//! The machine's own files on names, /etc/hosts and /etc/resolv.conf: read again when they have changed, for a phone
//! that starts before its network, or moves to another, must find its server without being started again.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::PathBuf;

use base::{Duration, Instant};
use sip::endpoint::Config;

/// The files are looked at no more often than this: two system calls each time.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Bytes that are read of a file: thousands of hosts.
const FILE_MAX: u64 = 256 << 10;

/// What is known of the two files.
#[derive(Debug)]
pub struct Names {
    hosts: PathBuf,
    resolv_conf: PathBuf,
    seen: [Stamp; 2],
    looked_at: Instant,
}

/// What changes with a file's content: its inode, size, and the seconds and nanoseconds of its last change. None while
/// there is no file.
type Stamp = Option<(u64, u64, i64, i64)>;

impl Names {
    /// The machine's files, not read yet.
    pub fn of_machine() -> Self {
        Self::new("/etc/hosts".into(), "/etc/resolv.conf".into())
    }

    fn new(hosts: PathBuf, resolv_conf: PathBuf) -> Self {
        Self { hosts, resolv_conf, seen: [None; 2], looked_at: Instant::ZERO }
    }

    /// What the files say, if they have changed since the last look and that was not just now.
    pub fn look(&mut self, now: Instant) -> Option<Config> {
        if now.since(self.looked_at) < LOOK_EVERY {
            return None;
        }
        self.looked_at = now;
        let stamps = [&self.hosts, &self.resolv_conf].map(stamp);
        if stamps == self.seen {
            return None;
        }
        self.seen = stamps;
        Some(Config { hosts: text(&self.hosts), resolv_conf: text(&self.resolv_conf) })
    }
}

fn stamp(path: &PathBuf) -> Stamp {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.ino(), metadata.size(), metadata.mtime(), metadata.mtime_nsec()))
}

/// Empty where there is no such file: names are looked up without it.
fn text(path: &PathBuf) -> String {
    let mut bytes = Vec::new();
    // What could be read before an error counts.
    File::open(path).and_then(|file| file.take(FILE_MAX).read_to_end(&mut bytes)).ok();
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_server_that_comes_after_the_start_is_noticed() {
        let path = |name: &str| std::env::temp_dir().join(format!("neonphone-{}-{name}", std::process::id()));
        let mut names = Names::new(path("hosts"), path("resolv.conf"));
        let start = Instant::ZERO + Duration::from_secs(100);
        assert_eq!(names.look(start), None, "there is nothing, as before");

        fs::write(path("resolv.conf"), "nameserver 192.0.2.53\n").expect("written");
        let soon = start + Duration::from_millis(999);
        assert_eq!(names.look(soon), None, "not again so soon");
        let later = start + LOOK_EVERY;
        let told = names.look(later).expect("a change");
        assert_eq!((told.hosts.as_str(), told.resolv_conf.as_str()), ("", "nameserver 192.0.2.53\n"));
        assert_eq!(names.look(later + LOOK_EVERY), None);

        fs::remove_file(path("resolv.conf")).expect("removed");
        assert_eq!(names.look(later + LOOK_EVERY * 2), Some(Config::default()));
    }
}
