//! A program that drives the phone over the control API.

use std::net::{SocketAddr, TcpStream};
use std::time::{Duration, Instant};

use base::Secret;
use neonphone::io::password;
use serde_json::{Value, json};
use tungstenite::stream::MaybeTlsStream;
use tungstenite::{Message, WebSocket};

use crate::process::PATIENCE;

const USER: &str = "operator";
/// Its password.
pub(crate) const PASSWORD: &str = "open sesame";

/// The section of the API's user.
pub(crate) fn user() -> String {
    let hash = password::hash(&Secret::from(PASSWORD), [9; 16]);
    format!("[[api.users]]\nname = \"{USER}\"\npassword_hash = \"{}\"\n", hash.expose())
}

/// An authenticated program.
pub(crate) struct Program {
    socket: WebSocket<MaybeTlsStream<TcpStream>>,
    pub(crate) token: String,
    /// Events that came while something else was awaited.
    events: Vec<Value>,
    /// The longest that a reply took.
    pub(crate) slowest_reply: Duration,
}

impl Program {
    pub(crate) fn new(api: SocketAddr) -> Self {
        let (mut socket, _) = tungstenite::connect(format!("ws://{api}/")).expect("a WebSocket");
        if let MaybeTlsStream::Plain(stream) = socket.get_mut() {
            stream.set_read_timeout(Some(PATIENCE)).expect("set");
        }
        let mut program =
            Self { socket, token: String::new(), events: Vec::new(), slowest_reply: Duration::ZERO };
        let data = program.ask("authenticate", json!({ "user": USER, "password": PASSWORD }));
        program.token = data["token"].as_str().expect("a token").to_owned();
        // Checking a password is slow on purpose.
        program.slowest_reply = Duration::ZERO;
        program
    }

    /// Sends a request that succeeds, and returns its data.
    pub(crate) fn ask(&mut self, action: &str, mut request: Value) -> Value {
        request["action"] = json!(action);
        request["token"] = json!(self.token);
        let asked = Instant::now();
        self.socket.send(Message::text(request.to_string())).expect("sent");
        let reply = loop {
            let message = self.read();
            if message["action"] != "event" {
                break message;
            }
            self.events.push(message);
        };
        self.slowest_reply = self.slowest_reply.max(asked.elapsed());
        assert_eq!(reply["success"], true, "{action}: {reply}");
        reply["data"].clone()
    }

    /// The data of the next event of that name.
    pub(crate) fn hear(&mut self, name: &str) -> Value {
        loop {
            let event = if self.events.is_empty() { self.read() } else { self.events.remove(0) };
            if event["name"] == name {
                return event["data"].clone();
            }
        }
    }

    fn read(&mut self) -> Value {
        loop {
            if let Message::Text(text) = self.socket.read().expect("a message") {
                return serde_json::from_str(&text).expect("JSON");
            }
        }
    }
}
