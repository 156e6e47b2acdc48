//! A program that drives the phone over its control API (docs/api.md).

use std::collections::VecDeque;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tungstenite::{Message, WebSocket};

use crate::process::PATIENCE;

/// The section of the one user of the API in these tests: `operator`, with the password `open sesame`. Its hash is
/// the weakest there can be, so that a debug build checks it at once.
pub(crate) const USER: &str = "
    [[api.users]]
    name = \"operator\"
    password_hash = \"$argon2id$v=19$m=8,t=1,p=1$CQkJCQkJCQkJCQkJCQkJCQ$I24h0/2U2UqGacmTIGmciT1u+/UPZMhRmF+psdFmfUY\"
";

/// One WebSocket connection.
pub(crate) struct Program {
    socket: WebSocket<TcpStream>,
    token: String,
    requests: u32,
    unheard: VecDeque<Value>,
}

impl Program {
    /// Connects, and knows no token yet.
    pub(crate) fn connect(api: SocketAddr) -> Self {
        let stream = TcpStream::connect(api).expect("the phone accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        let (socket, _) = tungstenite::client(format!("ws://{api}/"), stream).expect("an upgrade");
        Self { socket, token: String::new(), requests: 0, unheard: VecDeque::new() }
    }

    /// Authenticates: from now on every request has the token.
    pub(crate) fn authenticate(&mut self) {
        let credentials = json!({ "user": "operator", "password": "open sesame" });
        let data = self.ask("authenticate", credentials);
        self.token = data["token"].as_str().expect("a token").into();
    }

    /// What the phone gave it for its password.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// Sends a request; its reply's data, or the code of its refusal.
    pub(crate) fn request(&mut self, action: &str, mut parameters: Value) -> Result<Value, i64> {
        self.requests += 1;
        parameters["id"] = self.requests.into();
        parameters["action"] = action.into();
        parameters["token"] = self.token.as_str().into();
        self.socket.send(Message::text(parameters.to_string())).expect("sent");
        let reply = loop {
            let frame = self.read();
            if frame["action"] != "event" {
                break frame;
            }
            self.unheard.push_back(frame);
        };
        assert_eq!(reply["id"], self.requests, "{reply}");
        match reply["success"].as_bool() {
            Some(true) => Ok(reply["data"].clone()),
            _ => Err(reply["error"]["code"].as_i64().expect("a code")),
        }
    }

    /// Sends a request that must succeed, and gives its data.
    pub(crate) fn ask(&mut self, action: &str, parameters: Value) -> Value {
        let reply = self.request(action, parameters);
        reply.unwrap_or_else(|code| panic!("{action} was refused with {code}"))
    }

    /// The data of the next event, which must be `name`.
    pub(crate) fn hear(&mut self, name: &str) -> Value {
        let event = self.unheard.pop_front().unwrap_or_else(|| self.read());
        assert_eq!(event["name"], name, "{event}");
        event["data"].clone()
    }

    /// Whether every event that has come was heard.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.unheard.is_empty()
    }

    fn read(&mut self) -> Value {
        let frame = self.socket.read().expect("the phone says something");
        serde_json::from_str(frame.to_text().expect("text")).expect("JSON")
    }
}
