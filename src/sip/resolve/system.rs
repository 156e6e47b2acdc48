//! What the machine's own files say of names: `/etc/hosts` (hosts(5)) and `/etc/resolv.conf` (resolv.conf(5)).

use alloc::borrow::ToOwned;
use alloc::collections::BTreeMap;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr, Ipv6Addr};
use core::time::Duration;

/// Name servers that are asked; resolv.conf(5) ignores more too.
const MAX_SERVERS: usize = 3;

/// Domains of the search list: each costs two queries, and old resolvers stopped at as many.
const MAX_SEARCH: usize = 6;

/// The greatest `timeout` that resolv.conf(5) allows, in seconds.
const MAX_TIMEOUT_S: u64 = 30;

/// The greatest `attempts` that resolv.conf(5) allows.
const MAX_ATTEMPTS: usize = 5;

/// The greatest `ndots` that resolv.conf(5) allows.
const MAX_NDOTS: usize = 15;

/// `/etc/hosts`.
#[derive(Debug, Default)]
pub(super) struct Hosts(BTreeMap<String, Vec<IpAddr>>);

impl Hosts {
    /// Reads the file's text; lines that make no sense are skipped, as every resolver does.
    pub(super) fn parse(text: &str) -> Self {
        let mut hosts = BTreeMap::<String, Vec<IpAddr>>::new();
        for line in text.lines().map(without_comment) {
            let mut words = line.split_ascii_whitespace();
            let Some(Ok(address)) = words.next().map(str::parse::<IpAddr>) else { continue };
            for name in words {
                let addresses = hosts.entry(name.to_ascii_lowercase()).or_default();
                if !addresses.contains(&address) {
                    addresses.push(address);
                }
            }
        }
        Self(hosts)
    }

    /// The addresses of `name`, which is in lower case and has no dot at its end; empty if it is not listed.
    pub(super) fn addresses(&self, name: &str) -> Vec<IpAddr> {
        // RFC 6761 §6.3: always this machine, whatever the file or a name server says. IPv4 first: few SIP servers
        // listen on ::1.
        if name == "localhost" || name.ends_with(".localhost") {
            return alloc::vec![Ipv4Addr::LOCALHOST.into(), Ipv6Addr::LOCALHOST.into()];
        }
        self.0.get(name).cloned().unwrap_or_default()
    }
}

/// `/etc/resolv.conf`.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct ResolvConf {
    pub(super) servers: Vec<IpAddr>,
    search: Vec<String>,
    ndots: usize,
    pub(super) timeout: Duration,
    /// How often each server is asked.
    pub(super) attempts: usize,
}

impl ResolvConf {
    /// Reads the file's text; what it does not know (`rotate`, `sortlist`, `edns0` …) is ignored.
    pub(super) fn parse(text: &str) -> Self {
        let mut conf = Self {
            servers: Vec::new(),
            search: Vec::new(),
            ndots: 1,
            timeout: Duration::from_secs(5),
            attempts: 2,
        };
        for line in text.lines().map(without_comment) {
            let mut words = line.split_ascii_whitespace();
            match words.next() {
                Some("nameserver") if conf.servers.len() < MAX_SERVERS => {
                    conf.servers.extend(words.next().and_then(|word| word.parse::<IpAddr>().ok()));
                }
                // The last of `domain` and `search` holds.
                Some("domain") => conf.search = words.take(1).map(str::to_owned).collect(),
                Some("search") => conf.search = words.take(MAX_SEARCH).map(str::to_owned).collect(),
                Some("options") => words.for_each(|word| conf.set_option(word)),
                _ => {}
            }
        }
        conf
    }

    fn set_option(&mut self, word: &str) {
        let Some((name, value)) = word.split_once(':') else { return };
        let Ok(value) = value.parse::<u32>() else { return };
        match name {
            "ndots" => self.ndots = MAX_NDOTS.min(value as usize),
            "attempts" => self.attempts = (value as usize).clamp(1, MAX_ATTEMPTS),
            "timeout" => self.timeout = Duration::from_secs(u64::from(value).clamp(1, MAX_TIMEOUT_S)),
            _ => {}
        }
    }

    /// The whole names to be asked for `name`, in order. A dot at its end makes it whole; `ndots` dots let it be asked
    /// as it is before the search list, fewer after it.
    pub(super) fn candidates(&self, name: &str) -> Vec<String> {
        if let Some(whole) = name.strip_suffix('.') {
            return alloc::vec![whole.to_owned()];
        }
        let searched =
            self.search.iter().map(|domain| alloc::format!("{name}.{}", domain.trim_end_matches('.')));
        let mut candidates: Vec<String> = searched.collect();
        let dots = name.bytes().filter(|byte| *byte == b'.').count();
        let place = if dots >= self.ndots { 0 } else { candidates.len() };
        candidates.insert(place, name.to_owned());
        candidates
    }
}

fn without_comment(line: &str) -> &str {
    line.split(['#', ';']).next().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_lists_names_in_any_case_with_all_their_addresses() {
        let hosts = Hosts::parse(
            "# a comment\n192.0.2.5\tPBX.example pbx # the exchange\n2001:db8::5 pbx\nnonsense pbx\n\n",
        );
        assert_eq!(
            hosts.addresses("pbx"),
            ["192.0.2.5".parse::<IpAddr>().unwrap(), "2001:db8::5".parse().unwrap()]
        );
        assert_eq!(hosts.addresses("pbx.example").len(), 1);
        assert!(hosts.addresses("other").is_empty());
    }

    #[test]
    fn localhost_is_this_machine_whatever_the_file_says() {
        let hosts = Hosts::parse("192.0.2.66 localhost sip.localhost");
        for name in ["localhost", "sip.localhost"] {
            assert!(hosts.addresses(name).iter().all(IpAddr::is_loopback));
            assert!(!hosts.addresses(name).is_empty());
        }
    }

    #[test]
    fn resolv_conf_gives_servers_search_and_bounded_options() {
        let conf = ResolvConf::parse(
            "domain old.example\nsearch lan.example. office.example\nnameserver 192.0.2.53\nnameserver fe80::1%eth0\n\
             nameserver 2001:db8::53 ; the second\noptions ndots:2 timeout:90 attempts:0 rotate\n",
        );
        assert_eq!(conf.servers, ["192.0.2.53".parse::<IpAddr>().unwrap(), "2001:db8::53".parse().unwrap()]);
        assert_eq!((conf.timeout, conf.attempts), (Duration::from_secs(30), 1));
        assert_eq!(conf.candidates("pbx"), ["pbx.lan.example", "pbx.office.example", "pbx"]);
        assert_eq!((&*conf.candidates("a.b.c")[0], &*conf.candidates("a.b")[2]), ("a.b.c", "a.b"));
        assert_eq!(conf.candidates("pbx."), ["pbx"]);
        let last = ResolvConf::parse("search lan.example\ndomain new.example old.example\n");
        assert_eq!(last.candidates("pbx"), ["pbx.new.example", "pbx"]);
    }

    #[test]
    fn three_servers_and_six_domains_are_enough() {
        let servers: String = (1..9).map(|last| alloc::format!("nameserver 192.0.2.{last}\n")).collect();
        let conf = ResolvConf::parse(&(servers + "search a b c d e f g h\n"));
        assert_eq!(conf.servers.len(), 3);
        assert_eq!(conf.candidates("pbx").len(), 7);
    }

    #[test]
    fn an_empty_file_asks_nobody() {
        let conf = ResolvConf::parse("");
        assert!(conf.servers.is_empty());
        assert_eq!(conf.candidates("pbx"), ["pbx"]);
        assert_eq!((conf.timeout, conf.attempts), (Duration::from_secs(5), 2));
    }
}
