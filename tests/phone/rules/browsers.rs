//! What browsers may do: rules 14 and 16. That answers to failed passwords wait up to 8 s is told in
//! src/phone/api/tests/sessions.rs.

use std::time::{Duration, Instant};

use serde_json::json;
use tungstenite::Error;

use crate::stage::{OPERATOR, PASSWORD, Phone, Program, user};

const PAGE: &str = "origins = [\"https://crm.example\", \"null\"]";

fn connects_from(phone: &Phone, origin: &str) -> Result<Program, u16> {
    Program::connect(phone.api, &[("Origin", origin)]).map_err(status)
}

/// That of the refused upgrade.
fn status(refused: Error) -> u16 {
    match refused {
        Error::Http(answer) => answer.status().as_u16(),
        other => panic!("{other}"),
    }
}

#[test]
fn rule_14_an_upgrade_is_let_in_without_origin_from_loopback_or_from_a_users_origin_else_403() {
    let phone = Phone::start(&user("page", PAGE));
    phone.program();
    for origin in ["http://localhost:3000", "http://127.0.0.1", "https://[::1]:8443"] {
        connects_from(&phone, origin).expect("loopback").authenticates();
    }
    for origin in ["https://crm.example", "null"] {
        let mut page = connects_from(&phone, origin).expect("listed");
        let credentials = json!({ "user": OPERATOR, "password": PASSWORD });
        assert_eq!(page.is_refused("authenticate", credentials), 600, "it is not that user's");
        page.authenticates_as("page");
    }
    for origin in ["https://evil.example", "http://crm.example", "https://crm.example:444", ""] {
        assert_eq!(connects_from(&phone, origin).err(), Some(403), "{origin}");
        assert!(phone.says(&format!("refused a page of origin {origin:?}")).contains("`origins`"));
    }
}

#[test]
fn rule_14_a_request_by_a_rebound_name_gets_403() {
    let phone = Phone::start("[api]\nhosts = [\"phone.example\"]\n");
    for host in ["localhost", "127.0.0.1:15070", "[::1]:15070", "phone.example", "PHONE.example:80"] {
        Program::connect(phone.api, &[("Host", host)]).expect("its own name").authenticates();
        let answer = phone.http(&format!("GET / HTTP/1.1\r\nHost: {host}\r\n\r\n"));
        assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    for host in ["evil.example", "localhost.evil.example", "127.0.0.2.evil.example"] {
        assert_eq!(Program::connect(phone.api, &[("Host", host)]).map_err(status).err(), Some(403), "{host}");
        assert!(phone.says(&format!("refused a request to host {host:?}")).contains("`hosts`"));
        for path in ["/", "/version"] {
            let answer = phone.http(&format!("GET {path} HTTP/1.1\r\nHost: {host}\r\n\r\n"));
            assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
        }
    }
}

#[test]
fn rule_14_the_version_has_cors_headers_for_listed_origins_only() {
    let phone = Phone::start(&user("page", PAGE));
    let version = |origin: &str| {
        phone.http(&format!("GET /version HTTP/1.1\r\nHost: localhost\r\nOrigin: {origin}\r\n\r\n"))
    };
    let listed = version("https://crm.example");
    assert!(listed.starts_with("HTTP/1.1 200 "), "{listed}");
    assert!(listed.contains("\r\nAccess-Control-Allow-Origin: https://crm.example\r\n"), "{listed}");
    assert!(!version("https://evil.example").contains("Access-Control-Allow-Origin"));
    assert!(version("").starts_with("HTTP/1.1 403 "));
}

#[test]
fn rule_14_from_the_fourth_failure_answers_wait_and_a_right_password_never_does() {
    let phone = Phone::start("");
    let mut guesser = phone.stranger();
    let mut other = phone.stranger();
    let wrong = || json!({ "user": OPERATOR, "password": "guess" });
    for _ in 0..3 {
        assert_eq!(guesser.is_refused("authenticate", wrong()), 600);
    }
    for delay in [250, 500].map(Duration::from_millis) {
        let asked = Instant::now();
        guesser
            .sends(&json!({ "action": "authenticate", "user": OPERATOR, "password": "guess" }).to_string());
        other.authenticates();
        assert_eq!(guesser.reply()["error"]["code"], 600);
        assert!(asked.elapsed() >= delay, "{:?}", asked.elapsed());
    }
}

#[test]
fn rule_14_a_password_that_takes_long_to_check_keeps_nobody_waiting() {
    // Passes that take a debug build a second or more, for a password that nobody has.
    let hash =
        "$argon2id$v=19$m=19456,t=16,p=1$CQkJCQkJCQkJCQkJCQkJCQ$I24h0/2U2UqGacmTIGmciT1u+/UPZMhRmF+psdFmfUY";
    let phone = Phone::start(&format!("[[api.users]]\nname = \"slow\"\npassword_hash = \"{hash}\"\n"));
    let (mut slow, mut program) = (phone.stranger(), phone.program());
    slow.sends(r#"{"action":"authenticate","user":"slow","password":"guess"}"#);
    for _ in 0..3 {
        program.asks("getstate", json!({}));
    }
    assert!(slow.still_waits(), "others are answered meanwhile");
    assert_eq!(slow.reply()["error"]["code"], 600);
}

#[test]
fn rule_16_a_browser_gets_the_page_at_the_same_port() {
    let phone = Phone::start("");
    let page = phone.http("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n");
    assert!(page.starts_with("HTTP/1.1 200 ") && page.contains("neonphone"), "{page}");
}

#[test]
fn rule_16_show_and_hide_reach_every_page_each_time_and_are_kept_for_later_ones() {
    let phone = Phone::start("");
    let mut pages = [phone.program(), phone.program()];
    for show in [json!(false), json!(false), json!(true), json!("true"), json!("false")] {
        pages[0].asks("showui", json!({ "show": show }));
        let shown = show == true || show == "true";
        for page in &mut pages {
            assert_eq!(page.hears("OnShowUI"), json!({ "show": shown }));
        }
        let mut late = phone.program();
        assert_eq!(late.asks("getstate", json!({}))["interface"]["show"], shown);
    }
    for show in [json!(null), json!(1), json!("no")] {
        assert_eq!(pages[0].is_refused("showui", json!({ "show": show })), 102);
    }
    assert_eq!(pages[0].is_refused("showui", json!({})), 102);
    pages.iter_mut().for_each(Program::hears_no_more);
}
