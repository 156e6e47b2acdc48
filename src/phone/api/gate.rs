//! Who may come in (rule 14): which hosts a browser may call the phone by, and which pages may speak to it. Pure
//! functions on header values. RFC 6454 (origins), RFC 9110 §7.2 (Host).

use core::net::{Ipv4Addr, Ipv6Addr};

use super::config::{Config, User};

/// True if a request with this `Host` header may be answered: it names the loopback or a configured host, with or
/// without port. Any other name may be an attacker's, pointed at 127.0.0.1 after the page was loaded (DNS
/// rebinding).
pub(crate) fn host_may_call(host: &str, config: &Config) -> bool {
    let Some(host) = without_port(host) else { return false };
    is_loopback(host) || config.hosts.iter().any(|known| is_same_host(known, host))
}

/// True if a page of this origin may open a connection: it is loopback's, or any user's. No origin at all is no
/// browser.
pub(crate) fn origin_may_connect(origin: Option<&str>, config: &Config) -> bool {
    origin.is_none_or(|origin| {
        is_loopback_origin(origin) || config.users.iter().any(|user| lists(user, origin))
    })
}

/// True if `user` may authenticate from a page of this origin.
pub(crate) fn origin_may_authenticate(origin: Option<&str>, user: &User) -> bool {
    origin.is_none_or(|origin| is_loopback_origin(origin) || lists(user, origin))
}

/// True for what a user's `origins` may name: `null`, or `scheme://host[:port]`.
pub(crate) fn is_origin(text: &str) -> bool {
    let Some((scheme, authority)) = text.split_once("://") else { return text == "null" };
    let is_scheme = scheme.starts_with(|first: char| first.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || "+-.".contains(c));
    is_scheme && without_port(authority).is_some_and(is_host)
}

/// True for a host name or an IP address; an IPv6 address may stand in brackets.
pub(crate) fn is_host(text: &str) -> bool {
    let name = text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-._".contains(&byte));
    (name && !text.is_empty()) || ipv6(text).is_some()
}

fn lists(user: &User, origin: &str) -> bool {
    let is_meant = |listed: &str| without_usual_port(listed).eq_ignore_ascii_case(without_usual_port(origin));
    user.origins.iter().any(|listed| is_meant(listed))
}

/// An origin as browsers write it (RFC 6454 §6.2): without the port that its scheme has anyway.
fn without_usual_port(origin: &str) -> &str {
    let usual = match origin.split_once(':') {
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("https") => ":443",
        Some((scheme, _)) if scheme.eq_ignore_ascii_case("http") => ":80",
        _ => return origin,
    };
    origin.strip_suffix(usual).unwrap_or(origin)
}

fn is_loopback_origin(origin: &str) -> bool {
    let Some((scheme, authority)) = origin.split_once("://") else { return false };
    let is_web = scheme.eq_ignore_ascii_case("http") || scheme.eq_ignore_ascii_case("https");
    is_web && without_port(authority).is_some_and(is_loopback)
}

fn is_loopback(host: &str) -> bool {
    host.eq_ignore_ascii_case("localhost")
        || host.parse().is_ok_and(|address: Ipv4Addr| address.is_loopback())
        || ipv6(host).is_some_and(|address| address.is_loopback())
}

fn is_same_host(one: &str, other: &str) -> bool {
    one.eq_ignore_ascii_case(other) || ipv6(one).is_some_and(|address| ipv6(other) == Some(address))
}

fn ipv6(host: &str) -> Option<Ipv6Addr> {
    let bare = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(host);
    bare.parse().ok()
}

/// `host` of `host` or `host:port`, `None` if what follows the host is no port. An IPv6 address must stand in
/// brackets.
fn without_port(authority: &str) -> Option<&str> {
    let end = match authority.find(']') {
        Some(bracket) => bracket.saturating_add(1),
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, port) = authority.split_at_checked(end)?;
    let port_is_good = match port.strip_prefix(':') {
        Some(digits) => digits.parse::<u16>().is_ok() && !digits.starts_with('+'),
        None => port.is_empty(),
    };
    port_is_good.then_some(host)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use base::Secret;

    use crate::api::Rights;

    fn config() -> Config {
        let user = User {
            name: "crm".into(),
            password_hash: Secret::from("$argon2id$"),
            rights: Rights::All,
            origins: vec!["https://crm.example".into()],
        };
        Config {
            hosts: vec!["Phone.example".into(), "fd00::7".into()],
            users: vec![user],
            ..Config::default()
        }
    }

    #[test]
    fn rule_14_only_loopback_and_configured_hosts_may_be_called() {
        let good = [
            "localhost",
            "LOCALHOST:15070",
            "127.0.0.1:15070",
            "127.8.8.8",
            "[::1]:15070",
            "[::1]",
            "phone.EXAMPLE:80",
            "[FD00::7]:15070",
        ];
        for host in good {
            assert!(host_may_call(host, &config()), "{host}");
        }
        let bad = [
            "",
            ":",
            "evil.example",
            "localhost.evil.example",
            "127.0.0.1.evil.example",
            "localhost:",
            "localhost:x",
            "localhost:+1",
            "localhost:65536",
            "::1",
            "[::1",
            "[::1]x",
            "0.0.0.0",
            "[::ffff:10.0.0.1]",
            "user@localhost",
            "2130706433",
            "phone.example.evil",
        ];
        for host in bad {
            assert!(!host_may_call(host, &config()), "{host}");
        }
    }

    #[test]
    fn rule_14_only_loopback_and_listed_origins_may_connect() {
        let good = [
            "http://localhost",
            "https://localhost:3000",
            "http://127.0.0.1:8080",
            "http://[::1]:1",
            "HTTPS://CRM.example",
        ];
        for origin in good {
            assert!(origin_may_connect(Some(origin), &config()), "{origin}");
        }
        let bad = [
            "",
            "null",
            "localhost",
            "http://",
            "http://evil.example",
            "http://localhost.evil.example",
            "http://localhost@evil.example",
            "http://localhost/",
            "ftp://localhost",
            "https://crm.example:444",
            "http://crm.example",
            "https://crm.example.evil",
        ];
        for origin in bad {
            assert!(!origin_may_connect(Some(origin), &config()), "{origin}");
        }
        assert!(origin_may_connect(None, &config()));
    }

    #[test]
    fn rule_14_null_may_be_listed() {
        let mut config = config();
        config.users[0].origins.push("null".into());
        assert!(origin_may_connect(Some("null"), &config));
        assert!(!origin_may_connect(Some(""), &config));
    }

    #[test]
    fn rule_14_an_origin_is_the_same_with_the_port_that_its_scheme_has_anyway() {
        for (listed, origin, may) in [
            ("https://crm.example:443", "https://crm.example", true),
            ("http://crm.example", "HTTP://crm.example:80", true),
            ("https://crm.example:80", "https://crm.example", false),
            ("https://crm.example:8443", "https://crm.example", false),
            ("app://crm.example:443", "app://crm.example", false),
        ] {
            let mut config = config();
            config.users[0].origins = vec![listed.into()];
            assert_eq!(origin_may_connect(Some(origin), &config), may, "{listed} {origin}");
            assert_eq!(origin_may_authenticate(Some(origin), &config.users[0]), may, "{listed} {origin}");
        }
    }

    #[test]
    fn rule_14_another_user_s_origin_opens_the_door_but_not_the_account() {
        let mut config = config();
        let other = User { origins: vec!["https://other.example".into()], ..config.users[0].clone() };
        config.users.push(other);
        assert!(origin_may_connect(Some("https://other.example"), &config));
        assert!(!origin_may_authenticate(Some("https://other.example"), &config.users[0]));
        assert!(origin_may_authenticate(Some("https://other.example"), &config.users[1]));
    }
}
