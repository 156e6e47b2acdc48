//! Who a token lets in, for how long, and what a page that reloads goes on with: rule 5. That a token of a closed
//! connection is good for 60 s only is told in src/phone/api/tests/sessions.rs.

use serde_json::json;

use crate::stage::{Phone, Program, Stage, user};

#[test]
fn rule_05_a_token_has_128_bits_in_hex_and_several_live_on_one_connection() {
    let mut stage = Stage::new();
    let Stage { program, .. } = &mut stage;
    let first = program.token.clone();
    program.authenticates();
    let second = program.token.clone();
    assert_ne!(first, second);
    for token in [&first, &second] {
        assert!(token.len() >= 32 && token.bytes().all(|byte| byte.is_ascii_hexdigit()), "{token}");
        program.asks("getstate", json!({ "token": token }));
    }
    program.asks("logout", json!({ "token": first }));
    assert_eq!(program.is_refused("getstate", json!({ "token": first })), 602, "it is void");
    program.asks("getstate", json!({ "token": second }));
}

#[test]
fn rule_05_a_token_belongs_to_the_connection_that_got_it() {
    let phone = Phone::start("");
    let program = phone.program();
    let mut stranger = phone.stranger();
    assert_eq!(stranger.is_refused("getstate", json!({ "token": program.token })), 602);
}

#[test]
fn rule_05_a_connection_left_without_token_hears_nothing_more_and_its_account_stays() {
    let mut stage = Stage::registered();
    let mut witness = stage.phone.program();
    stage.program.asks("logout", json!({}));
    assert_eq!(stage.program.is_refused("getstate", json!({})), 602);

    witness.asks("startcall", json!({ "number": "600" }));
    witness.hears("OnNewCall");
    stage.peer.hears("INVITE");
    stage.program.authenticates();
    assert!(stage.program.has_heard_all(), "it heard of a call that came between its tokens");
}

#[test]
fn rule_05_a_page_that_reloads_goes_on_with_its_tokens_and_its_account() {
    let mut stage = Stage::registered();
    let mut witness = stage.phone.program();
    let token = stage.program.token.clone();
    stage.program = stage.phone.stranger();

    let mut page = stage.phone.program_again(&token);
    // It hears events again, and the account is its own: it takes that and no other.
    page.asks("sipunregister", json!({}));
    stage.peer.unbinds();
    page.hears("OnSIPUnRegister");
    witness.hears("OnSIPUnRegister");
    let mut second = stage.phone.stranger();
    assert_eq!(second.is_refused("getstate", json!({ "token": token })), 602, "it is the page's again");
}

#[test]
fn rule_05_a_closed_connections_token_is_good_from_its_own_origin_only() {
    let phone = Phone::start(&user("page", "origins = [\"https://crm.example\"]"));
    let from = |origin| Program::connect(phone.api, &[("Origin", origin)]).expect("an upgrade");
    let mut page = from("https://crm.example");
    page.authenticates_as("page");
    let token = page.token.clone();
    drop(page);
    for mut other in [from("http://localhost"), phone.stranger()] {
        assert_eq!(other.is_refused("getstate", json!({ "token": token })), 602);
    }
}
