//! How requests are read and answered: rules 1 to 4.

use serde_json::{Value, json};
use tungstenite::Message;

use crate::stage::{Ear, Phone, Program, Stage, user};

/// Sends a message, and hears its reply.
fn reply(program: &mut Program, text: &str) -> Value {
    program.sends(text);
    program.reply()
}

#[test]
fn rule_01_a_refusal_has_the_callers_id_a_code_and_a_message_that_names_the_parameter() {
    let phone = Phone::start("");
    let mut program = phone.program();
    let token = program.token.clone();
    for (parameters, named) in [
        (r#""action":"startcall""#, "number"),
        (r#""action":"acceptcall","callid":"six""#, "callid"),
        (r#""action":"finalizecall","callid":77"#, "77"),
        (r#""action":"sipregister","domain":"a b","number":"1000","password":"pw1000""#, "domain"),
        (r#""action":"sipregister","domain":"pbx","number":"1000","password":["pw1000"]"#, "password"),
        (r#""action":"dance""#, "action"),
    ] {
        let told = reply(&mut program, &format!(r#"{{"id":"a","token":"{token}",{parameters}}}"#));
        let message = told["error"]["message"].as_str().expect("a message").to_owned();
        assert_eq!(
            told,
            json!({ "id": "a", "success": false, "error": { "code": 102, "message": message } })
        );
        assert!(message.contains(named), "{message}");
        assert!(!message.contains("pw1000") && !message.contains(&token), "{message}");
    }
    let told = reply(&mut program, r#"{"action":"authenticate","user":"operator","password":"pw1000"}"#);
    assert_eq!(told["error"]["code"], 600);
    assert!(told.get("id").is_none(), "{told}");
    assert!(!told.to_string().contains("pw1000"), "{told}");
}

#[test]
fn rule_02_requests_are_read_leniently() {
    let mut stage = Stage::registered();
    let Stage { program, peer, .. } = &mut stage;
    let token = program.token.clone();
    let asks = |program: &mut Program, parameters: &str| {
        let told = reply(program, &format!(r#"{{"Id":7,"TOKEN":"{token}",{parameters}}}"#));
        assert_eq!((&told["id"], &told["success"]), (&json!(7), &json!(true)), "{told}");
        told["data"]["callId"].clone()
    };
    // A number as a JSON number, and names in any case, with members that nobody knows.
    let first = asks(program, r#""ACTION":"StartCall","Number":600,"colour":"red""#);
    assert_eq!(program.hears("OnNewCall")["callId"], first);
    assert!(peer.hears("INVITE").start().contains("sip:600@"));
    let second = asks(program, r#""action":"STARTCALL","nUMBER":"601""#);
    program.hears("OnNewCall");
    // An id as a string of digits, and as a number.
    asks(program, &format!(r#""action":"finalizecall","callId":"{first}""#));
    assert_eq!(program.hears("OnFinalizedCall")["callId"], first);
    asks(program, &format!(r#""action":"finalizecall","CALLID":{second}"#));
    assert_eq!(program.hears("OnFinalizedCall")["callId"], second);
    // A boolean as a string.
    let account = format!(r#""domain":"{}","number":1000,"password":"pw1000""#, peer.address());
    for autodisconnect in ["true", "\"true\"", "\"false\""] {
        asks(program, &format!(r#""action":"sipregister",{account},"autoDisconnect":{autodisconnect}"#));
    }
}

#[test]
fn rule_02_what_is_given_twice_or_has_the_wrong_type_is_102() {
    let phone = Phone::start("");
    let mut program = phone.program();
    let token = program.token.clone();
    let account = r#""action":"sipregister","domain":"pbx","number":"1000""#;
    for parameters in [
        r#""action":"startcall","number":"600","Number":"601""#,
        r#""action":"startcall","number":null"#,
        r#""action":"startcall","number":true"#,
        r#""action":"finalizecall","callid":1.5"#,
        r#""action":"finalizecall","callid":-1"#,
        r#""action":"finalizecall","callid":null"#,
        &format!(r#"{account},"password":null"#),
        &format!(r#"{account},"password":"pw1000","autodisconnect":"TRUE""#),
        &format!(r#"{account},"password":"pw1000","autodisconnect":1"#),
        &format!(r#"{account},"password":"pw1000","autodisconnect":0"#),
    ] {
        let told = reply(&mut program, &format!(r#"{{"token":"{token}",{parameters}}}"#));
        assert_eq!(told["error"]["code"], 102, "{parameters}: {told}");
    }
}

#[test]
fn rule_02_what_the_phone_writes_has_every_member_in_the_contracts_spelling() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    stage.program.asks("finalizecall", json!({ "callid": call }));
    let told = stage.program.hears("OnFinalizedCall");
    let connection = stage.program.asks("getstate", json!({}))["accounts"][0]["connectionId"].clone();
    assert!(connection.is_u64());
    let domain = stage.peer.address();
    assert_eq!(
        told,
        json!({
            "callId": call, "type": "outgoing", "from": format!("sip:1000@{}", domain.ip()),
            "to": format!("sip:600@{domain}"), "duration": 0, "SIPError": 487,
            "connectionId": connection, "displayName": "", "sipCallId": invite.field("Call-ID"), "headers": {},
        })
    );

    // Bare URIs, whatever the caller writes around them.
    let mut caller = stage.peer.dialog_with(stage.phone.sip, "decorated");
    caller.from = "\"Ada, \\\"L\\\"\" <sip:ada@peer.example;user=phone?Subject=x>;tag=decorated".into();
    caller.to = "Phone <sip:1000@phone.example;user=phone>".into();
    let fields = stage.peer.contact();
    stage.peer.sends_in(&mut caller, "INVITE", &fields, "");
    let told = stage.program.hears("OnNewCall");
    assert_eq!(told["type"], "incoming");
    assert_eq!(told["from"], "sip:ada@peer.example");
    assert_eq!(told["to"], "sip:1000@phone.example");
    assert_eq!(told["displayName"], "Ada, \"L\"");
    assert_eq!((&told["duration"], &told["SIPError"]), (&json!(0), &json!(0)));
}

#[test]
fn rule_03_what_has_not_the_right_format_is_100_with_the_id_of_an_object() {
    let phone = Phone::start("");
    let mut program = phone.stranger();
    for text in ["", "{", "[]", "7", "\"startcall\"", "{} {}", "null"] {
        let told = reply(&mut program, text);
        assert_eq!((&told["error"]["code"], told.get("id")), (&json!(100), None), "{text}");
    }
    for text in [r#"{"id":[1]}"#, r#"{"id":[1],"action":7}"#, r#"{"ID":[1],"action":null}"#] {
        let told = reply(&mut program, text);
        assert_eq!((&told["error"]["code"], &told["id"]), (&json!(100), &json!([1])), "{text}");
    }
    // A member whose name no text can hold is as good as any that nobody knows.
    let told = reply(&mut program, r#"{"id":1,"\ud800":2}"#);
    assert_eq!((&told["error"]["code"], &told["id"]), (&json!(100), &json!(1)));
    for (bytes, id) in [(&br#"{"id":1,"action":"getstate"}"#[..], Some(&json!(1))), (b"{\xff", None)] {
        program.socket.send(Message::binary(bytes)).expect("sent");
        let told = program.reply();
        assert_eq!((&told["error"]["code"], told.get("id")), (&json!(100), id));
        assert!(told["error"]["message"].as_str().is_some_and(|text| text.contains("binary")), "{told}");
    }
}

#[test]
fn rule_03_a_request_is_checked_for_format_then_action_then_token_then_parameters_then_state() {
    let mut stage = Stage::with(&user("listener", "rights = [\"getstate\"]"));
    let Stage { phone, program, .. } = &mut stage;
    let mut stranger = phone.stranger();
    assert_eq!(stranger.is_refused("dance", json!({})), 102, "action before token");
    for token in [json!(""), json!(null), json!(7), json!(program.token)] {
        let code = stranger.is_refused("startcall", json!({ "token": token }));
        assert_eq!(code, 602, "token before parameters");
    }
    stranger.authenticates_as("listener");
    assert_eq!(stranger.is_refused("startcall", json!({})), 602, "rights before parameters");
    stranger.asks("getstate", json!({}));

    assert_eq!(program.is_refused("startcall", json!({})), 102, "parameters before state");
    assert_eq!(program.is_refused("startcall", json!({ "number": "sips:600@pbx" })), 102);
    assert_eq!(program.is_refused("startcall", json!({ "number": "600" })), 601);
    assert_eq!(program.is_refused("sipunregister", json!({})), 601);
    for action in ["acceptcall", "finalizecall"] {
        assert_eq!(program.is_refused(action, json!({ "callid": 1 })), 102, "unknown call");
    }
    let wrong = [("operator", "sesame"), ("nobody", "open sesame"), ("Operator", "open sesame")];
    for (user, password) in wrong {
        let credentials = json!({ "user": user, "password": password });
        assert_eq!(stranger.is_refused("authenticate", credentials), 600);
    }
}

#[test]
fn rule_03_an_action_that_does_not_fit_the_state_of_its_call_is_102() {
    let mut stage = Stage::registered();
    let (call, invite) = stage.dials();
    assert_eq!(stage.program.is_refused("acceptcall", json!({ "callid": call })), 102, "it is going out");
    stage.answers(&invite, &Ear::new());
    assert_eq!(stage.program.is_refused("acceptcall", json!({ "callid": call })), 102, "it is answered");
    stage.program.asks("finalizecall", json!({ "callid": call }));
    assert_eq!(stage.program.is_refused("finalizecall", json!({ "callid": call })), 102, "it is over");
}

#[test]
fn rule_03_a_phone_too_busy_says_500_and_logs_why() {
    let mut stage = Stage::registered_with("[calls]\nmax = 1\n");
    stage.dials();
    assert_eq!(stage.program.is_refused("startcall", json!({ "number": "601" })), 500);
    stage.phone.says("there are already 1 calls");
}

#[test]
fn rule_04_requests_are_answered_one_by_one_in_their_order_each_before_its_events() {
    let mut stage = Stage::registered();
    let Stage { program, .. } = &mut stage;
    let token = program.token.clone();
    program.sends(&format!(r#"{{"id":0,"token":"{token}","action":"startcall","number":"600"}}"#));
    program.sends(r#"{"id":1,"action":"authenticate","user":"operator","password":"open sesame"}"#);
    program.sends(&format!(r#"{{"id":2,"token":"{token}","action":"getstate"}}"#));
    program.sends(r#"{"id":3}"#);
    program.sends(&format!(r#"{{"id":4,"token":"{token}","action":"finalizecall","callid":1}}"#));
    let told: Vec<Value> = (0..7).map(|_| program.frame()).collect();
    let ids: Vec<&Value> =
        told.iter().filter(|frame| frame["action"] != "event").map(|frame| &frame["id"]).collect();
    assert_eq!(ids, [0, 1, 2, 3, 4]);
    let place = |is: &dyn Fn(&Value) -> bool| told.iter().position(is).expect("it has come");
    assert!(place(&|frame| frame["name"] == "OnNewCall") > place(&|frame| frame["id"] == 0), "{told:?}");
    assert!(
        place(&|frame| frame["name"] == "OnFinalizedCall") > place(&|frame| frame["id"] == 4),
        "{told:?}"
    );
    program.hears_no_more();
}
