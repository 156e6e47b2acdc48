//! How numbers are written: rule 10.

use serde_json::json;

use crate::stage::Stage;

/// The URI that `number` is called by; the account's server is `{server}` in `expected`.
fn is_called_as(stage: &mut Stage, number: serde_json::Value, expected: &str) {
    stage.program.asks("startcall", json!({ "number": number }));
    stage.program.hears("OnNewCall");
    let invite = stage.peer.hears("INVITE");
    let expected = expected.replace("{server}", &stage.peer.address().to_string());
    assert_eq!(invite.start(), format!("INVITE {expected} SIP/2.0"), "{number}");
    stage.peer.answers(&invite, "404 Not Found");
    stage.peer.hears("ACK");
    stage.program.hears("OnFinalizedCall");
}

#[test]
fn rule_10_a_number_is_called_at_the_accounts_domain_without_what_people_put_between_digits() {
    let mut stage = Stage::registered();
    for (number, expected) in [
        (json!("600"), "sip:600@{server}"),
        (json!(600), "sip:600@{server}"),
        (json!("alice"), "sip:alice@{server}"),
        (json!("+55 71 3341-1525"), "sip:+557133411525@{server}"),
        (json!("(071) 3341.1525"), "sip:07133411525@{server}"),
        (json!("anna-marie.x"), "sip:anna-marie.x@{server}"),
        (json!("*43"), "sip:*43@{server}"),
        (json!("#31#600"), "sip:%2331%23600@{server}"),
        (json!("tel:+55-71-3341-1525"), "sip:+557133411525@{server}"),
        (json!("sip:bob@{server}"), "sip:bob@{server}"),
    ] {
        let number = match number.as_str() {
            Some(text) => json!(text.replace("{server}", &stage.peer.address().to_string())),
            None => number,
        };
        is_called_as(&mut stage, number, expected);
    }
    // Through the account's proxy, whoever the host is.
    is_called_as(&mut stage, json!("bob@other.example"), "sip:bob@other.example");
    is_called_as(&mut stage, json!("sip:bob@other.example;user=phone"), "sip:bob@other.example;user=phone");
}

#[test]
fn rule_10_what_is_no_number_is_102() {
    let mut stage = Stage::registered();
    for number in [
        "",
        " ",
        "-",
        "()",
        "sips:600@pbx.example",
        "600\n",
        "600\u{0}",
        "\u{7f}",
        "sip:",
        "sip:bob@",
        "tel:",
        "bob@",
        "@pbx.example",
        "sip:bob@pbx.example?Subject=x",
        "bob@pbx.example;transport=tcp",
        "tel:bob",
    ] {
        assert_eq!(stage.program.is_refused("startcall", json!({ "number": number })), 102, "{number:?}");
    }
    stage.program.hears_no_more();
    stage.peer.hears_no_more(stage.phone.sip);
}

#[test]
fn rule_10_dial_rules_rewrite_numbers() {
    let rules = "[[accounts.dial_rules]]\nprefix = \"0\"\nreplacement = \"+55\"\n\
                 [[accounts.dial_rules]]\nprefix = \"00\"\nreplacement = \"+\"\n";
    let mut stage = Stage::configured(rules);
    for (number, expected) in [
        ("071 3341", "sip:+55713341@{server}"),
        ("0049 30", "sip:+4930@{server}"),
        ("600", "sip:600@{server}"),
        ("0@other.example", "sip:0@other.example"),
    ] {
        is_called_as(&mut stage, json!(number), expected);
    }
}
