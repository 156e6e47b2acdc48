//! All that was sent, asked and told in a world: what two runs of a seed are compared by, and what a failure prints.

use std::fmt;
use std::net::SocketAddr;

use base::Instant;
use phone::{ClientId, Command, Event, Reply};

use crate::network::Fate;

#[derive(PartialEq, Eq)]
pub(crate) struct Trace {
    seed: u64,
    is_hushed: bool,
    lines: Vec<Line>,
}

#[derive(PartialEq, Eq)]
struct Line {
    at: Instant,
    who: &'static str,
    what: What,
}

#[derive(PartialEq, Eq)]
pub(crate) enum What {
    Sent { to: SocketAddr, bytes: Vec<u8>, fate: Fate },
    Command(ClientId, Command),
    Reply(ClientId, Reply),
    Event(Event),
}

impl Trace {
    pub(crate) const fn new(seed: u64) -> Self {
        Self { seed, is_hushed: false, lines: Vec::new() }
    }

    /// A failure is expected, and not to be printed.
    pub(crate) const fn hush(&mut self) {
        self.is_hushed = true;
    }

    pub(crate) fn tell(&mut self, at: Instant, who: &'static str, what: What) {
        self.lines.push(Line { at, who, what });
    }

    pub(crate) fn datagrams(&self) -> usize {
        self.lines.iter().filter(|line| matches!(line.what, What::Sent { .. })).count()
    }
}

/// The ladder of a world that failed: whoever reads it can replay the seed.
impl Drop for Trace {
    fn drop(&mut self) {
        if std::thread::panicking() && !self.is_hushed {
            eprintln!("SEED={} fails:\n{self}", self.seed);
        }
    }
}

impl fmt::Display for Trace {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.lines.iter().try_for_each(|line| writeln!(f, "{line}"))
    }
}

impl fmt::Display for Line {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?} {:>8} ", self.at, self.who)?;
        match &self.what {
            What::Sent { to, bytes, fate } => write!(f, "→ {to} {} {fate}", Ladder(bytes)),
            What::Command(client, command) => write!(f, "{client:?} asks {command:?}"),
            What::Reply(client, reply) => write!(f, "{client:?} hears {reply:?}"),
            What::Event(event) => write!(f, "tells {event:?}"),
        }
    }
}

/// A message's first line, and what it belongs to.
struct Ladder<'a>(&'a [u8]);

impl fmt::Display for Ladder<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text = String::from_utf8_lossy(self.0);
        let field = |name: &str| text.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default();
        let call: String = field("Call-ID: ").chars().take(6).collect();
        write!(f, "{} ({}, call {call})", text.lines().next().unwrap_or_default(), field("CSeq: "))
    }
}
