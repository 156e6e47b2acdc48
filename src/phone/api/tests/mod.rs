//! The rules of the contract as stories on the server alone: what a program sends, what it hears, what call control
//! and the password check are asked. Virtual time; the rule's number is in each name.

mod browsers;
mod formats;
mod sessions;

use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;
use core::net::IpAddr;

use base::{Dice, Duration, Instant, Secret};
use serde_json::Value;

use super::{CloseCode, Config, Input, Output, Rights, Server, User};
use crate::command::{ClientId, Command, Reply};
use crate::event::Event;

const CRM: ClientId = ClientId(1);
const PAGE: ClientId = ClientId(2);
const OTHER: ClientId = ClientId(3);

/// The server, and what it has said.
struct World {
    server: Server,
    now: Instant,
    heard: BTreeMap<ClientId, Vec<Value>>,
    commands: Vec<(ClientId, Command)>,
    checks: Vec<(ClientId, Secret, Option<Secret>)>,
    pings: Vec<ClientId>,
    /// What the show and hide commands were run for.
    shown: Vec<bool>,
    logged: Vec<&'static str>,
    disconnected: Vec<(ClientId, Option<CloseCode>)>,
}

fn user(name: &str, rights: Rights, origins: &[&str]) -> User {
    User {
        name: name.into(),
        password_hash: Secret::new(alloc::format!("$argon2id${name}")),
        rights,
        origins: origins.iter().map(ToString::to_string).collect(),
    }
}

fn config() -> Config {
    let listener = Rights::Only(vec![super::Action::GetState]);
    let users = vec![user("crm", Rights::All, &["https://crm.example"]), user("listener", listener, &[])];
    Config { users, ..Config::default() }
}

impl World {
    fn new() -> Self {
        Self::with(config())
    }

    fn with(config: Config) -> Self {
        config.check().expect("a good configuration");
        Self {
            server: Server::new(config, Vec::new(), Dice::new([7; 32])),
            now: Instant::ZERO,
            heard: BTreeMap::new(),
            commands: Vec::new(),
            checks: Vec::new(),
            pings: Vec::new(),
            shown: Vec::new(),
            logged: Vec::new(),
            disconnected: Vec::new(),
        }
    }

    fn hand(&mut self, input: Input<'_>) {
        self.server.handle_input(self.now, input);
        while let Some(output) = self.server.poll_output() {
            match output {
                Output::Send { client, text } => {
                    let frame = serde_json::from_str(&text).expect("what is sent is JSON");
                    self.heard.entry(client).or_default().push(frame);
                }
                Output::Ping(client) => self.pings.push(client),
                Output::Disconnect { client, code } => self.disconnected.push((client, code)),
                Output::Command { client, command } => self.commands.push((client, command)),
                Output::CheckPassword { client, password, hash } => {
                    self.checks.push((client, password, hash))
                }
                Output::ShowUi(show) => self.shown.push(show),
                Output::LogRefusal(why) => self.logged.push(why),
            }
        }
    }

    /// Time passes, and every deadline in it is met.
    fn pass(&mut self, span: Duration) {
        let end = self.now + span;
        while let Some(at) = self.server.poll_timeout().filter(|at| *at <= end) {
            self.now = self.now.max(at);
            self.hand(Input::Timeout);
        }
        self.now = end;
    }

    fn connect_from(&mut self, client: ClientId, address: &str, origin: Option<&str>) {
        let address: IpAddr = address.parse().expect("an address");
        self.hand(Input::Connected { client, address, origin: origin.map(ToString::to_string) });
    }

    fn connect(&mut self, client: ClientId) {
        self.connect_from(client, "127.0.0.1", None);
    }

    fn send(&mut self, client: ClientId, text: &str) {
        assert!(self.server.may_read(client), "a driver reads no further while a request is in flight");
        self.hand(Input::Text { client, text });
    }

    /// Sends, and takes the reply that comes at once.
    fn ask(&mut self, client: ClientId, text: &str) -> Value {
        self.send(client, text);
        self.take(client)
    }

    /// Sends an action with a token and more members, each after a comma.
    fn order(&mut self, client: ClientId, action: &str, token: &str, more: &str) {
        self.send(client, &alloc::format!(r#"{{"id":1,"action":"{action}","token":"{token}"{more}}}"#));
    }

    /// The one frame that a client has got.
    fn take(&mut self, client: ClientId) -> Value {
        let mut heard = self.take_all(client);
        assert_eq!(heard.len(), 1, "{heard:?}");
        heard.remove(0)
    }

    fn take_all(&mut self, client: ClientId) -> Vec<Value> {
        self.heard.remove(&client).unwrap_or_default()
    }

    fn take_commands(&mut self) -> Vec<(ClientId, Command)> {
        core::mem::take(&mut self.commands)
    }

    fn authenticate(&mut self, client: ClientId, name: &str) -> String {
        self.send(
            client,
            &alloc::format!(r#"{{"action":"authenticate","user":"{name}","password":"right"}}"#),
        );
        self.answer_check(client, true);
        let reply = self.take(client);
        assert_eq!(reply["success"], true, "{reply}");
        reply["data"]["token"].as_str().expect("a token").into()
    }

    /// A connection that has been authenticated, and its token.
    fn join(&mut self, client: ClientId, name: &str) -> String {
        self.connect(client);
        self.authenticate(client, name)
    }

    fn answer_check(&mut self, client: ClientId, fits: bool) {
        let asked = self.checks.iter().position(|(asker, ..)| *asker == client).expect("a password to check");
        self.checks.remove(asked);
        self.hand(Input::PasswordChecked { client, fits });
    }

    fn fail(&mut self, client: ClientId) {
        self.send(client, r#"{"action":"authenticate","user":"crm","password":"wrong"}"#);
        self.answer_check(client, false);
    }

    fn reply(&mut self, client: ClientId, reply: Reply) {
        self.hand(Input::Reply { client, reply });
    }

    fn tell(&mut self, event: Event) {
        self.hand(Input::Event(event));
    }
}

fn code(reply: &Value) -> u64 {
    assert_eq!(reply["success"], false, "{reply}");
    assert!(reply["error"]["message"].as_str().is_some_and(|message| !message.is_empty()));
    reply["error"]["code"].as_u64().expect("a code")
}
