//! The algorithms of RFC 8760 that need no more than two hash functions.

use alloc::string::String;
use core::fmt::{self, Write};

use md5::Md5;
use sha2::{Digest, Sha256};

/// A hash function, and whether its key is kept for a session (RFC 7616 §3.4.2).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Algorithm {
    /// `MD5`
    Md5,
    /// `MD5-sess`
    Md5Session,
    /// `SHA-256`
    Sha256,
    /// `SHA-256-sess`
    Sha256Session,
}

impl Algorithm {
    const ALL: [Self; 4] = [Self::Md5, Self::Md5Session, Self::Sha256, Self::Sha256Session];

    /// Finds the algorithm of that name, without regard to case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(text))
    }

    /// Its name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Md5 => "MD5",
            Self::Md5Session => "MD5-sess",
            Self::Sha256 => "SHA-256",
            Self::Sha256Session => "SHA-256-sess",
        }
    }

    pub(super) const fn is_session(self) -> bool {
        matches!(self, Self::Md5Session | Self::Sha256Session)
    }

    /// The hash of `bytes` in lower-case hexadecimal.
    pub(super) fn hash(self, bytes: &[u8]) -> String {
        match self {
            Self::Md5 | Self::Md5Session => hex(&Md5::digest(bytes)),
            Self::Sha256 | Self::Sha256Session => hex(&Sha256::digest(bytes)),
        }
    }
}

fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len().saturating_mul(2));
    for byte in bytes {
        write!(text, "{byte:02x}").expect("writing to a String can't fail");
    }
    text
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
