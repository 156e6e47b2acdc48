//! Who may ring, and what becomes of others: one pure function from an invitation and what is known of its sender to a
//! verdict.

use core::fmt;
use core::net::IpAddr;
use core::str::FromStr;

use base::{Allowance, Duration};
use sip::message::Status;

/// What strangers are answered: 8 times at once, and then once a second. That is enough for an honest mistake, and too
/// little to flood anybody with whose address they borrow.
pub(crate) const STRANGERS: Allowance = Allowance::new(8, Duration::from_secs(1));

/// Of those who are answered so many are told in the log, and then one a minute: enough to notice them.
pub(crate) const STRANGERS_TOLD: Allowance = Allowance::new(8, Duration::from_secs(60));

/// A block of addresses, or one: `10.0.0.0/8`, `192.0.2.7`, `2001:db8::/32`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Prefix {
    address: IpAddr,
    /// Leading bits that an address in it has in common with `address`: 0 to 32, or to 128.
    bits: u8,
}

/// A text is no [`Prefix`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct NoPrefix;

impl fmt::Display for NoPrefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("expected an address, or one with the length of a prefix: 192.0.2.7 or 10.0.0.0/8")
    }
}

impl core::error::Error for NoPrefix {}

impl Prefix {
    /// Whether an address is in it.
    pub fn contains(&self, address: IpAddr) -> bool {
        let (ours, theirs, width) = match (self.address, address) {
            (IpAddr::V4(ours), IpAddr::V4(theirs)) => (ours.to_bits().into(), theirs.to_bits().into(), 32),
            (IpAddr::V6(ours), IpAddr::V6(theirs)) => (ours.to_bits(), theirs.to_bits(), 128),
            _ => return false,
        };
        let rest: u32 = u32::saturating_sub(width, self.bits.into());
        let head = |bits: u128| bits.checked_shr(rest).unwrap_or(0);
        head(ours) == head(theirs)
    }
}

impl fmt::Display for Prefix {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.address, self.bits)
    }
}

impl FromStr for Prefix {
    type Err = NoPrefix;

    fn from_str(text: &str) -> Result<Self, NoPrefix> {
        let (address, bits) = match text.split_once('/') {
            Some((address, bits)) => (address, Some(bits)),
            None => (text, None),
        };
        let address: IpAddr = address.trim().parse().map_err(|_| NoPrefix)?;
        let width = if address.is_ipv4() { 32 } else { 128 };
        let bits = match bits {
            Some(bits) if bits.bytes().all(|byte| byte.is_ascii_digit()) => {
                bits.parse().map_err(|_| NoPrefix)?
            }
            Some(_) => return Err(NoPrefix),
            None => width,
        };
        if bits <= width { Ok(Self { address, bits }) } else { Err(NoPrefix) }
    }
}

/// An INVITE that would begin a call.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Invitation {
    /// It came from an account's server or a configured peer.
    pub(crate) is_known: bool,
    /// It is for an account of ours, which is not being disconnected.
    pub(crate) is_for_us: bool,
    /// There are as many calls as there may be.
    pub(crate) is_full: bool,
}

/// What becomes of it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Verdict {
    /// It rings.
    Ring,
    /// It gets this answer.
    Refuse(Status),
}

/// What becomes of an invitation. A stranger learns nothing about who lives here.
pub(crate) const fn judge(invitation: Invitation) -> Verdict {
    match invitation {
        Invitation { is_known: false, .. } => Verdict::Refuse(Status::FORBIDDEN),
        Invitation { is_for_us: false, .. } => Verdict::Refuse(Status::NOT_FOUND),
        Invitation { is_full: true, .. } => Verdict::Refuse(Status::BUSY_HERE),
        _ => Verdict::Ring,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prefix_has_the_addresses_that_begin_like_it() {
        for (prefix, address, is_in) in [
            ("192.0.2.7", "192.0.2.7", true),
            ("192.0.2.7", "192.0.2.8", false),
            ("10.0.0.0/8", "10.255.1.2", true),
            ("10.0.0.0/8", "11.0.0.1", false),
            ("0.0.0.0/0", "203.0.113.9", true),
            ("0.0.0.0/0", "::1", false),
            ("::/0", "2001:db8::1", true),
            ("2001:db8::/32", "2001:db8:7::1", true),
            ("2001:db8::/32", "2001:db9::1", false),
            ("192.0.2.129/25", "192.0.2.200", true),
        ] {
            let prefix: Prefix = prefix.parse().expect("a prefix");
            assert_eq!(prefix.contains(address.parse().expect("an address")), is_in, "{prefix:?} {address}");
        }
        for text in ["", "pbx", "10.0.0.0/33", "::/129", "10.0.0.0/", "10.0.0.0/+8", "10.0.0/8"] {
            assert_eq!(text.parse::<Prefix>(), Err(NoPrefix), "{text}");
        }
    }

    #[test]
    fn a_stranger_learns_nothing_of_who_lives_here() {
        for (is_for_us, is_full) in [(true, false), (false, false), (true, true)] {
            let invitation = Invitation { is_known: false, is_for_us, is_full };
            assert_eq!(judge(invitation), Verdict::Refuse(Status::FORBIDDEN));
        }
        let known = Invitation { is_known: true, is_for_us: true, is_full: false };
        assert_eq!(judge(known), Verdict::Ring);
        assert_eq!(judge(Invitation { is_for_us: false, ..known }), Verdict::Refuse(Status::NOT_FOUND));
        assert_eq!(judge(Invitation { is_full: true, ..known }), Verdict::Refuse(Status::BUSY_HERE));
    }
}
