//! Whom a 3xx says to call instead (RFC 3261 §8.1.3.4): the best first, nobody twice, and not for ever.

use alloc::vec::Vec;

use crate::message::{Name, NameAddr, Response, Status, Uri};

/// Addresses that one call tries, the first included: a loop of servers that send us to each other ends.
const MAX_TARGETS: usize = 5;

/// Contacts of one 3xx that are looked at.
const MAX_CONTACTS: usize = 32;

/// Addresses that a call was sent to, and those that it may yet be sent to.
#[derive(Clone, Debug)]
pub(super) struct Targets {
    tried: Vec<Uri>,
    /// The best first: thousandths of `q`, and the address.
    waiting: Vec<(u32, Uri)>,
}

impl Targets {
    pub(super) fn new(first: Uri) -> Self {
        Self { tried: Vec::from([first]), waiting: Vec::new() }
    }

    /// Takes the Contacts of a 3xx. 305 and 380 speak of a proxy and of other services, not of whom to call.
    pub(super) fn take(&mut self, response: &Response) {
        if !response.status.is_redirection()
            || matches!(response.status, Status::USE_PROXY | Status::ALTERNATIVE_SERVICE)
        {
            return;
        }
        let contacts = response.headers.values(Name::Contact).take(MAX_CONTACTS);
        for contact in contacts.filter_map(|it| NameAddr::parse(it).ok()) {
            let q = contact.params.get("q").map_or(1000, thousandths);
            if let Some(uri) = callable(contact.uri).filter(|uri| !self.knows(uri)) {
                self.waiting.push((q, uri));
                self.waiting.sort_by_key(|(q, _)| core::cmp::Reverse(*q));
                self.waiting.truncate(MAX_TARGETS.saturating_sub(self.tried.len()));
            }
        }
    }

    /// The best that has not been tried.
    pub(super) fn next(&mut self) -> Option<Uri> {
        if self.waiting.is_empty() {
            return None;
        }
        let (_, next) = self.waiting.remove(0);
        self.tried.push(next.clone());
        Some(next)
    }

    fn knows(&self, uri: &Uri) -> bool {
        self.tried.iter().chain(self.waiting.iter().map(|(_, uri)| uri)).any(|known| known.is_equivalent(uri))
    }
}

/// The URI to send an INVITE to, without what a stranger wants it to carry (RFC 3261 §19.1.5); none if it isn't `sip:`.
fn callable(uri: Uri) -> Option<Uri> {
    match uri {
        Uri::Sip(mut uri) if !uri.secure => {
            uri.headers.clear();
            uri.params.remove("method");
            Some(Uri::Sip(uri))
        }
        _ => None,
    }
}

/// `q` is 0 to 1 with at most three digits behind the point (RFC 3261 §25.1); anything else is the least.
fn thousandths(q: &str) -> u32 {
    let (whole, part) = q.split_once('.').unwrap_or((q, ""));
    let mut digits = part.chars().chain(core::iter::repeat('0')).take(3);
    let part = digits.try_fold(0_u32, |sum, digit| sum.checked_mul(10)?.checked_add(digit.to_digit(10)?));
    match (whole, part) {
        ("1", Some(_)) => 1000,
        ("0" | "", Some(part)) => part,
        _ => 0,
    }
}
