//! One story: its lines in their order against one phone.

use std::net::SocketAddr;
use std::time::Duration;

use media::dtmf::Key;
use media::leg::LegEvent;
use phone::accounts::{DtmfWay, Settings};
use phone::{CallId, ClientId, Command, Config, Done, Event};

use super::amend::amend;
use super::line::{Step, Story};
use super::pattern::{Names, fill, fits};
use super::peer::{PROXY, Peer};
use super::stage::{Stage, address};
use super::wire::Wire;
use super::{Fault, digest, told};

/// At rest nothing moves by itself for twice 64*T1, the refreshes of registrations apart, which are far off.
const REST: Duration = Duration::from_secs(64);

/// The one program that asks for things.
const CLIENT: ClientId = ClientId(1);

struct Player {
    stage: Stage,
    peer: Peer,
    names: Names,
    /// What was sent both ways, asked and told: printed if the story fails.
    history: String,
    call: CallId,
}

/// Plays a story.
pub(crate) fn play(story: &Story) -> Result<(), Fault> {
    let mut player = Player::new(&story.steps)?;
    let steps = || story.steps.iter().filter(|step| step.verb != "config");
    for step in steps() {
        player.step(step).map_err(|fault| {
            Fault::new(format!("{}\n  at `{}`: {fault}\n{}", story.title, step.line(), player.history))
        })?;
    }
    player
        .nothing_more()
        .map_err(|fault| Fault::new(format!("{}\n  at its end: {fault}\n{}", story.title, player.history)))
}

impl Player {
    fn new(steps: &[Step]) -> Result<Self, Fault> {
        let mut config = Config::default();
        for step in steps.iter().filter(|step| step.verb == "config") {
            configure(&mut config, step)?;
        }
        Ok(Self {
            stage: Stage::new(config),
            peer: Peer::default(),
            names: Names::new(),
            history: String::new(),
            call: CallId(0),
        })
    }

    fn step(&mut self, step: &Step) -> Result<(), Fault> {
        if !matches!(step.verb.as_str(), "->" | "<=" | "~>") {
            self.nothing_more()?;
        }
        match step.verb.as_str() {
            "=>" => self.ask(step),
            "<=" => self.expect_event(step),
            "->" => self.expect_message(step),
            "<-" => self.send(step),
            "~>" => self.expect_leg_command(step),
            "<~" => self.leg_tells(step),
            "wait" => {
                self.note(format_args!("... {}", step.word(0)));
                self.stage.run_for(span(step.word(0))?, step.has("sent"))
            }
            "==" => self.expect_state(step),
            "dead" => {
                self.stage.kill(address(step.word(0)));
                Ok(())
            }
            "refused" => {
                self.stage.refuse(address(step.word(0)));
                Ok(())
            }
            "address" => {
                self.stage.move_to(address(step.word(0)));
                Ok(())
            }
            verb => Err(Fault::new(format!("unknown verb {verb}"))),
        }
    }

    fn ask(&mut self, step: &Step) -> Result<(), Fault> {
        self.note(format_args!("=> {}", step.words.join(" ")));
        let reply = self.stage.command(CLIENT, self.command(step)?)?;
        let refused = step.words.iter().position(|word| word == "refused");
        match (refused.map(|at| step.word(at + 1)), reply) {
            (None, Ok(Done::Call(id))) => {
                self.call = id;
                Ok(())
            }
            (None, Ok(_)) => Ok(()),
            (Some(code), Err(refusal)) if code == (refusal.code as u16).to_string() => Ok(()),
            (_, reply) => Err(Fault::new(format!("the reply is {reply:?}"))),
        }
    }

    fn command(&self, step: &Step) -> Result<Command, Fault> {
        let named = step.words.iter().find_map(|word| word.strip_prefix('#')?.parse().ok());
        let call = named.map_or(self.call, CallId);
        let parameter = || step.word(1).to_owned();
        Ok(match step.word(0) {
            "sipregister" => Command::Register {
                domain: parameter(),
                number: step.word(2).to_owned(),
                password: step.word(3).into(),
                autodisconnect: false,
            },
            "sipunregister" => Command::Unregister,
            "startcall" => Command::StartCall { number: parameter(), headers: Vec::new(), connection: None },
            "acceptcall" => Command::AcceptCall(call),
            "finalizecall" => Command::FinalizeCall(call),
            "sethold" => Command::SetHold { call, hold: step.has("true") },
            "transferecall" => Command::TransferCall { call, to: parameter() },
            "senddtmf" => Command::SendDtmf { call, keys: parameter() },
            action => return Err(Fault::new(format!("unknown action {action}"))),
        })
    }

    fn expect_event(&mut self, step: &Step) -> Result<(), Fault> {
        let event = self.stage.told.pop_front().ok_or_else(|| Fault::new("the programs are told nothing"))?;
        let (words, sip_error) = told::event(&event);
        self.note(format_args!("<= {} {sip_error}", words.join(" ")));
        if let Event::NewCall(told) = &event {
            self.call = told.call;
        }
        let expected_error = step.words.iter().find_map(|word| word.parse().ok()).unwrap_or(0);
        let has_word = |pattern: &String| words.iter().any(|word| fits(pattern, word, &mut self.names));
        let is_told = step.words.iter().filter(|word| word.parse::<u16>().is_err()).all(has_word);
        if is_told && sip_error == expected_error {
            Ok(())
        } else {
            Err(Fault::new(format!("the programs are told {} {sip_error}", words.join(" "))))
        }
    }

    fn expect_message(&mut self, step: &Step) -> Result<(), Fault> {
        if step.has("repeats") {
            return self.expect_repeats();
        }
        let (to, bytes) = self.stage.sent.pop_front().ok_or_else(|| Fault::new("the phone sends nothing"))?;
        let wire = Wire::read(&bytes)?;
        self.note(format_args!("-> @{to}\n{wire}"));
        let expected_to =
            step.words.iter().find_map(|word| word.strip_prefix('@')).map_or(address(PROXY), address);
        if to != expected_to {
            return Err(Fault::new(format!("it goes to {to}")));
        }
        let method = step.word(if wire.is_response() { 1 } else { 0 });
        let kind = if wire.is_response() { format!("{} {method}", step.word(0)) } else { method.to_owned() };
        if kind != wire.kind() {
            return Err(Fault::new(format!("the phone sends {}", wire.first)));
        }
        if step.has("again") {
            let before = self.peer.heard(&kind);
            return if before == Some(&wire) { Ok(()) } else { Err(Fault::new("it is not the same again")) };
        }
        let uri = step.words.get(1).filter(|word| !wire.is_response() && word.contains(':'));
        if let Some(uri) = uri.filter(|word| !word.starts_with('@'))
            && !fits(uri, wire.request_uri(), &mut self.names)
        {
            return Err(Fault::new(format!("the phone sends {}", wire.first)));
        }
        if step.has("sdp") == wire.body.is_empty() && (step.has("sdp") || step.has("bare")) {
            return Err(Fault::new("it should be the other way about with its body"));
        }
        self.expect_content(&wire, &step.block)?;
        let name = step.words.iter().position(|word| word == "as").map(|at| step.word(at + 1).to_owned());
        self.peer.note_phone(&wire, name.as_deref())
    }

    /// Whatever else the phone has sent, it has sent before.
    fn expect_repeats(&mut self) -> Result<(), Fault> {
        for (_, bytes) in std::mem::take(&mut self.stage.sent) {
            let wire = Wire::read(&bytes)?;
            if !self.peer.knows(&wire) {
                return Err(Fault::new(format!("this is no repeat:\n{wire}")));
            }
        }
        Ok(())
    }

    fn expect_content(&mut self, wire: &Wire, lines: &[String]) -> Result<(), Fault> {
        let mut seen: Vec<&str> = Vec::new();
        let mut body = wire.body.lines();
        for line in lines {
            let fault = || Fault::new(format!("not so: `{line}`"));
            let is_so = if let Some(pattern) = line.strip_prefix("no | ") {
                !wire.body.lines().any(|line| fits(pattern, line, &mut self.names))
            } else if let Some(pattern) = line.strip_prefix("| ") {
                body.any(|line| fits(pattern, line, &mut self.names))
            } else if let Some(name) = line.strip_prefix("no ") {
                wire.values(name).is_empty()
            } else if let Some(signed) = line.strip_prefix("signed ") {
                let (field, password) = signed.split_once(' ').ok_or_else(fault)?;
                digest::check(wire, field, password)?;
                true
            } else if let Some((name, pattern)) = line.strip_prefix("any ").and_then(|it| it.split_once(": "))
            {
                wire.values(name).iter().any(|value| fits(pattern, value, &mut self.names))
            } else {
                let (name, pattern) = line.split_once(": ").ok_or_else(fault)?;
                let nth = seen.iter().filter(|seen| **seen == name).count();
                seen.push(name);
                wire.values(name).get(nth).is_some_and(|value| fits(pattern, value, &mut self.names))
            };
            if !is_so {
                return Err(fault());
            }
        }
        let is_more = |name: &&&str| wire.values(name).len() > seen.iter().filter(|it| *it == *name).count();
        match seen.iter().find(is_more) {
            Some(name) => Err(Fault::new(format!("{name} is there more often"))),
            None => Ok(()),
        }
    }

    fn send(&mut self, step: &Step) -> Result<(), Fault> {
        let from = step.words.iter().find_map(|word| word.strip_prefix('@'));
        let from: SocketAddr = from.map_or(address(PROXY), address);
        let wire = if step.has("again") {
            self.peer.again(step)?
        } else {
            let mut wire = self.peer.compose(step, from)?;
            let lines: Vec<String> = step.block.iter().map(|line| fill(line, &self.names)).collect();
            amend(&mut wire, step, &lines)?;
            let name = step.words.iter().position(|word| word == "as").map(|at| step.word(at + 1).to_owned());
            self.peer.note_own(&wire, name.as_deref());
            wire
        };
        self.note(format_args!("<- @{from}\n{wire}"));
        self.stage.datagram(from, &wire.to_bytes());
        Ok(())
    }

    /// The next command of that kind; what is not asked for may be passed over.
    fn expect_leg_command(&mut self, step: &Step) -> Result<(), Fault> {
        let kind = step.word(0);
        let mut commands = self.stage.legs.iter().map(told::leg);
        let found = commands.position(|words| words.first().is_some_and(|word| word == kind));
        let words = found.and_then(|at| self.stage.legs.remove(at)).map(|command| told::leg(&command));
        let Some(words) = words else {
            let is_expected = step.has("nothing");
            return if is_expected { Ok(()) } else { Err(Fault::new(format!("no leg is told to {kind}"))) };
        };
        let has_word = |pattern: &String| words.iter().any(|word| fits(pattern, word, &mut self.names));
        let is_told = step.words.iter().all(has_word);
        if is_told { Ok(()) } else { Err(Fault::new(format!("the leg is told: {}", words.join(" ")))) }
    }

    fn leg_tells(&mut self, step: &Step) -> Result<(), Fault> {
        match step.word(0) {
            "Arrived" => self.stage.leg_event(LegEvent::Arrived),
            "Lost" => self.stage.leg_event(LegEvent::Lost),
            "Back" => self.stage.leg_event(LegEvent::Back),
            "key" => {
                let key = step.word(1).chars().next().and_then(|label| Key::try_from(label).ok());
                self.stage.leg_event(LegEvent::Key(key.ok_or_else(|| Fault::new("which key?"))?))
            }
            other => Err(Fault::new(format!("legs don't tell {other}"))),
        }
    }

    fn expect_state(&mut self, step: &Step) -> Result<(), Fault> {
        if step.has("rest") {
            let due = self.stage.poll_timeout().map(|due| due.since(self.stage.now()));
            return match due {
                Some(within) if within < REST => Err(Fault::new(format!("something is due in {within:?}"))),
                _ => Ok(()),
            };
        }
        let expected = match step.word(0) {
            "no" => 0,
            number => number.parse().map_err(|_| Fault::new("how many calls?"))?,
        };
        let calls = match self.stage.command(CLIENT, Command::GetState)? {
            Ok(Done::State(snapshot)) => snapshot.calls.len(),
            reply => return Err(Fault::new(format!("the reply is {reply:?}"))),
        };
        if calls == expected { Ok(()) } else { Err(Fault::new(format!("there are {calls} calls"))) }
    }

    /// All that the phone did is in the ladder.
    fn nothing_more(&mut self) -> Result<(), Fault> {
        if let Some((to, bytes)) = self.stage.sent.front() {
            let text = String::from_utf8_lossy(bytes).into_owned();
            return Err(Fault::new(format!("the phone has also sent this to {to}:\n{text}")));
        }
        match self.stage.told.front().map(told::event) {
            Some((words, sip_error)) => {
                Err(Fault::new(format!("the programs were also told {} {sip_error}", words.join(" "))))
            }
            None => Ok(()),
        }
    }

    fn note(&mut self, what: std::fmt::Arguments<'_>) {
        let at = format!("{:>10.3} s ", self.stage.now().as_nanos() as f64 / 1e9);
        let text = what.to_string().replace("\r\n", "\n").trim_end().replace('\n', "\n                ");
        self.history.push_str(&format!("    {at}{text}\n"));
    }
}

fn configure(config: &mut Config, step: &Step) -> Result<(), Fault> {
    for word in &step.words {
        match word.split_once('=') {
            Some(("max_calls", value)) => {
                config.max_calls = value.parse().map_err(|_| Fault::new("max_calls is a number"))?;
            }
            Some(("account", user)) => config.accounts.push(account(user)?),
            Some(("dtmf", "info")) => last_account(config)?.dtmf = DtmfWay::Info,
            Some(("proxy", proxy)) => {
                let proxy = proxy.parse().map_err(|_| Fault::new("the proxy is none"))?;
                last_account(config)?.outbound_proxy = Some(proxy);
            }
            _ => return Err(Fault::new(format!("unknown setting {word}"))),
        }
    }
    Ok(())
}

fn last_account(config: &mut Config) -> Result<&mut Settings, Fault> {
    config.accounts.last_mut().ok_or_else(|| Fault::new("a setting of which account?"))
}

/// An account of the configuration file.
fn account(user: &str) -> Result<Settings, Fault> {
    let domain = "pbx.example".parse().map_err(|_| Fault::new("the domain is none"))?;
    Ok(Settings::new(user.into(), "secret".into(), domain))
}

/// `500ms`, `2.5s`.
fn span(text: &str) -> Result<Duration, Fault> {
    let seconds = match text.strip_suffix("ms") {
        Some(ms) => ms.parse::<f64>().map(|ms| ms / 1000.0),
        None => text.trim_end_matches('s').parse::<f64>(),
    };
    seconds.map(Duration::from_secs_f64).map_err(|_| Fault::new(format!("no time: {text}")))
}
