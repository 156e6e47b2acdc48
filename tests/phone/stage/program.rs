//! A program that drives the phone over its control API (docs/api.md).

use std::collections::VecDeque;
use std::io::ErrorKind;
use std::net::{SocketAddr, TcpStream};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::handshake::HandshakeError;
use tungstenite::http::HeaderValue;
use tungstenite::{Error, Message, WebSocket};

use super::{PATIENCE, Peer};

/// The user of the API that every phone of these stories has.
pub(crate) const OPERATOR: &str = "operator";

/// The password of all users.
pub(crate) const PASSWORD: &str = "open sesame";

/// The section of a user. The hash is the weakest that there can be, so that a debug build checks it at once.
pub(crate) fn user(name: &str, settings: &str) -> String {
    format!(
        "[[api.users]]\nname = \"{name}\"\n\
         password_hash = \"$argon2id$v=19$m=8,t=1,p=1$CQkJCQkJCQkJCQkJCQkJCQ$I24h0/2U2UqGacmTIGmciT1u+/UPZMhRmF+psdFmfUY\"\n\
         {settings}\n"
    )
}

/// One WebSocket connection.
pub(crate) struct Program {
    pub(crate) socket: WebSocket<TcpStream>,
    /// What the phone gave it for its password; empty before.
    pub(crate) token: String,
    requests: u32,
    unheard: VecDeque<Value>,
}

impl Program {
    /// Connects with these header fields besides the usual, and knows no token yet.
    pub(crate) fn connect(api: SocketAddr, fields: &[(&'static str, &str)]) -> Result<Self, Error> {
        let mut upgrade = format!("ws://{api}/").into_client_request().expect("a request");
        for (name, value) in fields {
            upgrade.headers_mut().insert(*name, HeaderValue::from_str(value).expect("a plain text"));
        }
        let stream = TcpStream::connect(api).expect("the phone accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream.set_nodelay(true).expect("set");
        match tungstenite::client(upgrade, stream) {
            Ok((socket, _)) => {
                Ok(Self { socket, token: String::new(), requests: 0, unheard: VecDeque::new() })
            }
            Err(HandshakeError::Failure(error)) => Err(error),
            Err(HandshakeError::Interrupted(_)) => panic!("no answer to the upgrade"),
        }
    }

    /// Authenticates as [`OPERATOR`]: from now on every request has the token.
    pub(crate) fn authenticates(&mut self) {
        self.authenticates_as(OPERATOR);
    }

    /// The same as another user.
    pub(crate) fn authenticates_as(&mut self, user: &str) {
        let data = self.asks("authenticate", json!({ "user": user, "password": PASSWORD }));
        self.token = data["token"].as_str().expect("a token").into();
    }

    /// Sends a request; its reply's data, or the code of its refusal.
    pub(crate) fn request(&mut self, action: &str, mut parameters: Value) -> Result<Value, i64> {
        self.requests += 1;
        parameters["id"] = self.requests.into();
        parameters["action"] = action.into();
        if parameters.get("token").is_none() {
            parameters["token"] = self.token.as_str().into();
        }
        self.sends(&parameters.to_string());
        let reply = self.reply();
        assert_eq!(reply["id"], self.requests, "{reply}");
        match reply["success"].as_bool() {
            Some(true) => Ok(reply["data"].clone()),
            _ => Err(reply["error"]["code"].as_i64().expect("a code")),
        }
    }

    /// Sends a request that must succeed, and gives its data.
    pub(crate) fn asks(&mut self, action: &str, parameters: Value) -> Value {
        let reply = self.request(action, parameters);
        reply.unwrap_or_else(|code| panic!("{action} was refused with {code}"))
    }

    /// Sends a request that must be refused, and gives the code.
    pub(crate) fn is_refused(&mut self, action: &str, parameters: Value) -> i64 {
        let reply = self.request(action, parameters);
        reply.expect_err("this is refused")
    }

    /// Sends these bytes as a message of text.
    pub(crate) fn sends(&mut self, text: &str) {
        self.socket.send(Message::text(text)).expect("sent");
    }

    /// The next reply, whole; events that come before it can be heard later.
    pub(crate) fn reply(&mut self) -> Value {
        loop {
            let frame = self.frame();
            if frame["action"] != "event" {
                return frame;
            }
            self.unheard.push_back(frame);
        }
    }

    /// The data of the next event, which must be `name`.
    pub(crate) fn hears(&mut self, name: &str) -> Value {
        let event = self.event();
        assert_eq!(event["name"], name, "{event}");
        event["data"].clone()
    }

    /// The two events of a registration that succeeds.
    pub(crate) fn hears_of_registration(&mut self, id: &Value) {
        let told = json!({ "connectionId": id, "SIPError": 0 });
        assert_eq!(self.hears("OnSIPRegister"), told);
        assert_eq!(self.hears("OnSIPRegisterFinalized"), told);
    }

    /// Registers an account with `peer`; its id.
    pub(crate) fn registers(&mut self, peer: &mut Peer) -> Value {
        self.registers_for(peer, 3600)
    }

    /// The same, for so many seconds.
    pub(crate) fn registers_for(&mut self, peer: &mut Peer, seconds: u32) -> Value {
        let id = self.asks("sipregister", peer.account())["connectionId"].clone();
        peer.registers(seconds);
        self.hears_of_registration(&id);
        id
    }

    /// The next event, whole.
    pub(crate) fn event(&mut self) -> Value {
        self.unheard.pop_front().unwrap_or_else(|| self.frame())
    }

    /// Lets go of all events that have come.
    pub(crate) fn forgets(&mut self) {
        self.unheard.clear();
    }

    /// Nothing has happened that it has not heard: a reply comes after all events before it.
    pub(crate) fn hears_no_more(&mut self) {
        self.asks("getstate", json!({}));
        assert!(self.has_heard_all(), "{:?}", self.unheard);
    }

    /// Whether every event that has come was heard.
    pub(crate) fn has_heard_all(&self) -> bool {
        self.unheard.is_empty()
    }

    /// Whether nothing has come for it that it has not read.
    pub(crate) fn still_waits(&self) -> bool {
        let stream = self.socket.get_ref();
        stream.set_nonblocking(true).expect("set");
        let seen = stream.peek(&mut [0]);
        stream.set_nonblocking(false).expect("set");
        seen.is_err_and(|error| error.kind() == ErrorKind::WouldBlock)
    }

    /// The code that the phone closes with, after whatever it still says.
    pub(crate) fn close_code(&mut self) -> u16 {
        loop {
            match self.socket.read() {
                Ok(Message::Close(Some(frame))) => return frame.code.into(),
                Ok(_) => {}
                other => panic!("{other:?}"),
            }
        }
    }

    /// The next frame, reply or event.
    pub(crate) fn frame(&mut self) -> Value {
        let frame = self.socket.read().expect("the phone says something");
        serde_json::from_str(frame.to_text().expect("text")).expect("JSON")
    }
}
