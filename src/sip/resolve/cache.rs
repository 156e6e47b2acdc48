//! What name servers said, for as long as they allow.

use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::IpAddr;
use core::time::Duration;

use base::Instant;

use super::wire::RecordType;

/// Answers kept: a phone talks to a handful of hosts; a peer that makes it ask for others shall not fill its memory.
const MAX_ENTRIES: usize = 128;

/// The least time an answer is kept, even where its TTL is 0: a burst of calls asks once.
const MIN_TTL: Duration = Duration::from_secs(5);

/// The most time an answer is kept, so that a server which moved is found within the hour.
const MAX_TTL: Duration = Duration::from_secs(3600);

/// How long "no such name" is kept where the answer has no SOA record; RFC 2308 §5 forbids more than is told.
const NEGATIVE_TTL: Duration = Duration::from_secs(5);

/// The most time "no such name" is kept: the host may be added meanwhile.
const MAX_NEGATIVE_TTL: Duration = Duration::from_secs(300);

#[derive(Debug)]
struct Entry {
    addresses: Vec<IpAddr>,
    until: Instant,
}

/// Answers by name (lower case) and type.
#[derive(Debug, Default)]
pub(super) struct Cache(BTreeMap<(String, RecordType), Entry>);

impl Cache {
    /// What was answered, empty if there is no such name; `None` if it has to be asked.
    pub(super) fn get(&self, now: Instant, name: &str, record_type: RecordType) -> Option<&[IpAddr]> {
        let entry = self.0.get(&(String::from(name), record_type))?;
        (now < entry.until).then_some(&entry.addresses)
    }

    /// Keeps an answer for its TTL, within bounds.
    pub(super) fn put(
        &mut self,
        now: Instant,
        name: &str,
        record_type: RecordType,
        addresses: Vec<IpAddr>,
        ttl: Option<Duration>,
    ) {
        let most = if addresses.is_empty() { MAX_NEGATIVE_TTL } else { MAX_TTL };
        let until = now + ttl.unwrap_or(NEGATIVE_TTL).clamp(MIN_TTL, most);
        if self.0.len() >= MAX_ENTRIES {
            self.forget_first_to_lapse();
        }
        self.0.insert((String::from(name), record_type), Entry { addresses, until });
    }

    /// One that has lapsed, if there is any.
    fn forget_first_to_lapse(&mut self) {
        let first = self.0.iter().min_by_key(|(_, entry)| entry.until).map(|(key, _)| key.clone());
        if let Some(key) = first {
            self.0.remove(&key);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(seconds)
    }

    #[test]
    fn an_answer_lives_as_long_as_its_ttl_within_bounds() {
        let mut cache = Cache::default();
        let address = Vec::from([IpAddr::from([192, 0, 2, 5])]);
        cache.put(at(0), "short", RecordType::A, address.clone(), Some(Duration::ZERO));
        cache.put(at(0), "long", RecordType::A, address.clone(), Some(Duration::from_secs(1_000_000)));
        assert!(cache.get(at(4), "short", RecordType::A).is_some());
        assert!(cache.get(at(4), "short", RecordType::Aaaa).is_none());
        assert!(cache.get(at(5), "short", RecordType::A).is_none());
        assert!(cache.get(at(3599), "long", RecordType::A).is_some());
        assert!(cache.get(at(3600), "long", RecordType::A).is_none());
    }

    #[test]
    fn no_such_name_is_kept_for_five_minutes_at_most() {
        let mut cache = Cache::default();
        cache.put(at(0), "none", RecordType::A, Vec::new(), Some(Duration::from_secs(86_400)));
        assert_eq!(cache.get(at(299), "none", RecordType::A), Some(&[][..]));
        assert_eq!(cache.get(at(300), "none", RecordType::A), None);
    }

    #[test]
    fn a_full_cache_forgets_what_would_lapse_first() {
        let mut cache = Cache::default();
        for number in 0..1000u64 {
            let ttl = Duration::from_secs(10 + number);
            cache.put(at(0), &alloc::format!("host{number}"), RecordType::A, Vec::new(), Some(ttl));
        }
        assert_eq!(cache.0.len(), MAX_ENTRIES);
        assert!(cache.get(at(0), "host0", RecordType::A).is_none());
        assert!(cache.get(at(0), "host999", RecordType::A).is_some());
    }
}
