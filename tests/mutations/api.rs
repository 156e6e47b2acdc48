//! The control API: every head gets a verdict, and every request one reply that is JSON.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use base::{Dice, Duration, Instant, Secret};
use phone::api::http::Verdict;
use phone::api::{Config, Input, Output, Rights, Server, User};
use phone::{ClientId, Done};
use serde_json::Value;
use serde_json::value::RawValue;

const CLIENT: ClientId = ClientId(1);

fn server() -> Server {
    let user = User {
        name: "crm".into(),
        password_hash: Secret::new("$argon2id$".to_owned()),
        rights: Rights::All,
        origins: vec!["https://crm.example".into()],
    };
    Server::new(Config { users: vec![user], ..Config::default() }, Vec::new(), Dice::new([1; 32]))
}

pub(crate) fn head_examples() -> Vec<Vec<u8>> {
    let head = "GET /version?x HTTP/1.1\r\nHost: localhost:15070\r\nOrigin: https://crm.example\r\n\
                Upgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Version: 13\r\n\
                Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let preflight = "OPTIONS /version HTTP/1.1\r\nHost: [::1]:15070\r\nOrigin: https://crm.example\r\n\
                     Access-Control-Request-Method: GET\r\nAccess-Control-Request-Private-Network: true\r\n\r\n";
    [head.replace("/version?x", "/"), head.into(), preflight.into()].map(String::into_bytes).into()
}

pub(crate) fn examine_head(bytes: &[u8]) -> bool {
    match server().judge(bytes) {
        Verdict::Upgrade { head_bytes, .. } => {
            assert!(head_bytes <= bytes.len());
            true
        }
        Verdict::Answer(answer) | Verdict::Refuse(answer, _) => {
            assert!(answer.starts_with(b"HTTP/1.1 "));
            let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
            assert!(head_end.is_some(), "an answer has a head");
            true
        }
        Verdict::Incomplete => false,
    }
}

/// Stands for the token that the client got.
const TOKEN: &str = "TOKEN";

pub(crate) fn json_examples() -> Vec<Vec<u8>> {
    [
        r#"{"id":[1,{"a":null}],"token":"TOKEN","action":"startcall","number":"+55 71","headers":{"X-A":"é\u00e9"},"connectionId":3}"#,
        r#"{"id":-8e999,"token":"TOKEN","action":"finalizecall","callid":"7"}"#,
        r#"{"token":"TOKEN","action":"sipregister","domain":"d","number":1,"password":"p","autodisconnect":"true"}"#,
        r#"{"action":"authenticate","user":"crm","password":"wrong"}"#,
        r##"{"token":"TOKEN","action":"senddtmf","callid":7,"DTMF":"12*#A,"}"##,
        r#"{"token":"TOKEN","action":"transferecall","callid":7,"to":"600@pbx"}"#,
        r#"{"token":"TOKEN","action":"sethold","callid":1e0,"hold":true}"#,
        r#"{"token":"TOKEN","action":"showui","show":false}"#,
    ]
    .map(|text| text.as_bytes().to_vec())
    .into()
}

pub(crate) fn examine_json(bytes: &[u8]) -> bool {
    let mut now = Instant::ZERO;
    let mut server = server();
    server.handle_input(
        now,
        Input::Connected { client: CLIENT, address: IpAddr::V4(Ipv4Addr::LOCALHOST), origin: None },
    );
    let login = r#"{"action":"authenticate","user":"crm","password":"right"}"#;
    let reply = ask(&mut server, &mut now, login, true);
    let token = reply["data"]["token"].as_str().expect("a right password gets a token").to_owned();
    let text = String::from_utf8_lossy(bytes).replace(TOKEN, &token);
    let reply = ask(&mut server, &mut now, &text, false);
    assert!(reply["success"].is_boolean(), "{reply}");
    reply["error"]["code"] != 100
}

/// A frame without its `id`, which is given back as it was written: it may be a number that no `Value` holds.
fn read(text: &str) -> Value {
    let members: BTreeMap<String, Box<RawValue>> = serde_json::from_str(text).expect("what is sent is JSON");
    let ours = members.iter().filter(|(name, _)| *name != "id");
    let value = |text: &RawValue| serde_json::from_str(text.get()).expect("a value of our own");
    Value::Object(ours.map(|(name, text)| (name.clone(), value(text))).collect())
}

/// Sends a request, and does for the server what others do; its one reply.
fn ask(server: &mut Server, now: &mut Instant, text: &str, is_right: bool) -> Value {
    server.handle_input(*now, Input::Text { client: CLIENT, text });
    let mut replies = Vec::new();
    loop {
        match server.poll_output() {
            Some(Output::Send { text, .. }) => {
                replies.extend(Some(read(&text)).filter(|frame| frame["action"] != "event"));
            }
            Some(Output::Command { client, .. }) => {
                server.handle_input(*now, Input::Reply { client, reply: Ok(Done::Accepted) });
            }
            Some(Output::CheckPassword { client, .. }) => {
                server.handle_input(*now, Input::PasswordChecked { client, fits: is_right });
            }
            Some(_) => {}
            None if server.may_read(CLIENT) => break,
            // A password that is wrong is told after a while.
            None => {
                *now += Duration::from_secs(8);
                server.handle_input(*now, Input::Timeout);
            }
        }
    }
    assert_eq!(replies.len(), 1, "{text:?}: {replies:?}");
    replies.remove(0)
}
