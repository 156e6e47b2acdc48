//! HTTP heads and their verdicts: rules 14, 15 and 16.

use super::*;
use crate::api::http::{PageFile, Refused, Verdict, judge};

fn page() -> Vec<PageFile> {
    let file = |path: &str, content_type, etag: &str, body| PageFile {
        path: path.into(),
        content_type,
        etag: etag.into(),
        body,
    };
    vec![
        file("/", "text/html; charset=utf-8", "\"1\"", b"<!doctype html><title>neonphone</title>"),
        file("/icon.png", "image/png", "\"2\"", b"\x89PNG"),
    ]
}

fn judged(head: &str) -> Verdict {
    judge(head.as_bytes(), &config(), &page(), true)
}

fn request(line: &str, fields: &[&str]) -> String {
    alloc::format!("{line} HTTP/1.1\r\n{}\r\n\r\n", fields.join("\r\n"))
}

/// Status line and the rest of an answer.
fn answer(verdict: Verdict) -> (u16, String) {
    let (Verdict::Answer(bytes) | Verdict::Refuse(bytes, _)) = verdict else { panic!("{verdict:?}") };
    let text = String::from_utf8(bytes).expect("text");
    (text[9..12].parse().expect("a status"), text)
}

const UPGRADE: [&str; 5] = [
    "Host: localhost:15070",
    "Upgrade: websocket",
    "Connection: keep-alive, Upgrade",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
];

fn upgrade(more: &[&str]) -> Verdict {
    judged(&request("GET /", &[&UPGRADE[..], more].concat()))
}

#[test]
fn rule_14_an_upgrade_is_let_in_without_origin_from_loopback_and_from_any_user_s_origin() {
    for (field, origin) in [
        (None, None),
        (Some("Origin: http://localhost:3000"), Some("http://localhost:3000")),
        (Some("Origin: https://crm.example"), Some("https://crm.example")),
    ] {
        let Verdict::Upgrade { key, origin: read, .. } = upgrade(&Vec::from_iter(field)) else {
            panic!("{field:?}")
        };
        assert_eq!((key.as_str(), read.as_deref()), ("dGhlIHNhbXBsZSBub25jZQ==", origin));
    }
}

#[test]
fn rule_14_another_origin_is_403_and_the_log_names_origin_and_setting() {
    for origin in ["https://evil.example", "null", ""] {
        let verdict = upgrade(&[&alloc::format!("Origin: {origin}")]);
        let Verdict::Refuse(_, refused) = &verdict else { panic!("{verdict:?}") };
        assert_eq!(refused, &Refused::Origin(origin.into()));
        assert!(refused.to_string().contains(origin) && refused.to_string().contains("`origins`"));
        assert_eq!(answer(verdict).0, 403);
    }
}

#[test]
fn rule_14_another_host_is_403_for_the_upgrade_the_page_and_the_version() {
    let rebound = ["Host: evil.example:15070", UPGRADE[1], UPGRADE[2], UPGRADE[3], UPGRADE[4]];
    for head in
        [request("GET /", &rebound), request("GET /", &rebound[..1]), request("GET /version", &rebound[..1])]
    {
        let verdict = judged(&head);
        assert!(matches!(&verdict, Verdict::Refuse(_, Refused::Host(host)) if host == "evil.example:15070"));
        assert_eq!(answer(verdict).0, 403);
    }
}

#[test]
fn rule_14_the_version_has_cors_headers_for_listed_origins_only() {
    let version = |method: &str, origin: &str| {
        answer(judged(&request(
            &alloc::format!("{method} /version"),
            &[UPGRADE[0], &alloc::format!("Origin: {origin}")],
        )))
    };
    let (status, text) = version("GET", "https://crm.example");
    assert_eq!(status, 200);
    assert!(text.contains("\r\nAccess-Control-Allow-Origin: https://crm.example\r\n"));
    assert!(text.contains(crate::api::VERSION));
    let (status, text) = version("OPTIONS", "https://crm.example");
    assert_eq!(status, 200);
    assert!(text.contains("\r\nAccess-Control-Allow-Private-Network: true\r\n"));
    for method in ["GET", "OPTIONS"] {
        assert!(!version(method, "https://evil.example").1.contains("Access-Control"));
    }
    assert_eq!(version("GET", "").0, 403);
}

#[test]
fn rule_15_beyond_its_connections_the_phone_answers_503_before_the_upgrade_but_serves_pages() {
    let config = Config { max_connections: 2, ..config() };
    let mut world = World::with(config);
    world.connect(CRM);
    let head = request("GET /", &UPGRADE);
    assert!(matches!(world.server.judge(head.as_bytes()), Verdict::Upgrade { .. }));
    world.connect(PAGE);
    assert_eq!(answer(world.server.judge(head.as_bytes())).0, 503);
    assert_eq!(answer(world.server.judge(request("GET /version", &UPGRADE[..1]).as_bytes())).0, 200);
    world.hand(Input::Closed(PAGE));
    assert!(matches!(world.server.judge(head.as_bytes()), Verdict::Upgrade { .. }));
}

#[test]
fn rule_16_a_browser_gets_the_page_at_the_same_port() {
    let (status, text) = answer(judged(&request("GET /?x", &UPGRADE[..1])));
    assert!(status == 200 && text.ends_with("\r\n\r\n<!doctype html><title>neonphone</title>"), "{text}");
    assert!(text.contains("\r\nContent-Type: text/html; charset=utf-8\r\nContent-Length: 39\r\n"), "{text}");
    let (status, text) = answer(judged(&request("HEAD /", &UPGRADE[..1])));
    assert!(status == 200 && text.ends_with("\r\n\r\n"));
    let Verdict::Answer(icon) = judged(&request("GET /icon.png", &UPGRADE[..1])) else { panic!("no answer") };
    assert!(icon.ends_with(b"\r\n\r\n\x89PNG"), "as it is, text or not");
}

#[test]
fn rule_16_a_browser_that_has_a_file_is_told_whether_it_has_changed() {
    let asked = |tags: &str| answer(judged(&request("GET /", &[UPGRADE[0], tags])));
    for known in [r#"If-None-Match: "1""#, r#"If-None-Match: "0", W/"1""#, "If-None-Match: *"] {
        let (status, text) = asked(known);
        assert!(status == 304 && text.ends_with("\r\n\r\n"), "{text}");
        assert!(text.contains("\r\nETag: \"1\"\r\n") && text.contains("\r\nCache-Control: no-cache\r\n"));
        // RFC 9110 §8.6: the length that a 200 would have had, or none.
        assert!(text.contains("\r\nContent-Length: 39\r\n"), "{text}");
    }
    let (status, text) = asked(r#"If-None-Match: "2""#);
    assert!(status == 200 && text.contains("\r\nETag: \"1\"\r\n"));
}

#[test]
fn rule_14_the_page_may_use_nothing_but_its_phone_and_nobody_may_frame_it() {
    let (_, text) = answer(judged(&request("GET /", &UPGRADE[..1])));
    let policy = text.lines().find_map(|line| line.strip_prefix("Content-Security-Policy: "));
    let policy: Vec<&str> = policy.expect("a policy").split("; ").collect();
    assert!(
        policy.contains(&"default-src 'none'") && policy.contains(&"frame-ancestors 'none'"),
        "{policy:?}"
    );
    assert!(!policy.iter().any(|directive| directive.contains("unsafe") || directive.contains('*')));
    let (_, version) = answer(judged(&request("GET /version", &UPGRADE[..1])));
    assert!(version.contains("\r\nCache-Control: no-store\r\n"));
}

#[test]
fn heads_that_ask_for_something_else_are_answered_by_the_rfcs() {
    let host = &UPGRADE[..1];
    for (head, status) in [
        (request("GET /other", host), 404),
        (request("POST /", host), 405),
        (request("POST /version", host), 405),
        (request("GET /other", &UPGRADE), 404),
        (request("GET /", &[&UPGRADE[..2], &UPGRADE[3..]].concat()), 200),
        (request("GET http://localhost/", host), 400),
        (request("GET /", &["Accept: */*"]), 400),
        (request("GET /", &["Host: localhost", "Host: localhost"]), 400),
        (
            request(
                "GET /",
                &[&UPGRADE[..], &["Origin: http://localhost", "Origin: http://localhost"]].concat(),
            ),
            400,
        ),
        (request("GET /", &UPGRADE[..3]), 426),
        (request("GET /", &UPGRADE[..4]), 400),
        (request("GET /", &[host, &["X: y"; 80]].concat()), 431),
        ("nonsense\r\n\r\n".into(), 400),
        ("GET / HTTP/1.1\r\nHost: \u{e9}\u{0}\r\n\r\n".into(), 400),
    ] {
        assert_eq!(answer(judged(&head)).0, status, "{head}");
    }
    assert_eq!(answer(judged("\u{16}\u{3}\u{1}\u{2}\u{0}")).0, 400, "a TLS hello");
}

#[test]
fn a_head_of_16_kib_is_served_and_a_longer_one_is_431_as_soon_as_that_is_seen() {
    let head = |bytes: usize| {
        let rest = request("GET /", &[UPGRADE[0], "Cookie: "]).len();
        request("GET /", &[UPGRADE[0], &alloc::format!("Cookie: {}", "c".repeat(bytes - rest))])
    };
    let longest = head(16_384);
    assert_eq!(answer(judged(&longest)).0, 200);
    assert_eq!(judged(&longest[..16_383]), Verdict::Incomplete);
    let longer = head(16_385);
    assert_eq!(answer(judged(&longer)).0, 431);
    assert_eq!(answer(judged(&longer[..16_384])).0, 431);
}

#[test]
fn a_head_is_judged_when_it_is_complete_and_what_follows_is_left_alone() {
    let head = request("GET /", &UPGRADE);
    for end in 0..head.len() {
        assert_eq!(judged(&head[..end]), Verdict::Incomplete, "{end}");
    }
    let Verdict::Upgrade { head_bytes, .. } = judged(&alloc::format!("{head}\u{1}rest")) else {
        panic!("{head}")
    };
    assert_eq!(head_bytes, head.len());
}
