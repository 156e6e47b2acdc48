//! Tokens, and the connections that they let in (rule 5): whose they are while their connection lives, and who may
//! go on with them for a minute after it has closed.

use alloc::collections::VecDeque;
use alloc::string::String;
use alloc::vec::Vec;
use core::net::{IpAddr, Ipv4Addr};

use base::{Dice, Duration, Instant, Secret};
use subtle::ConstantTimeEq;

use crate::command::ClientId;

/// A token of a closed connection may be used on a new one for this long.
const KEPT: Duration = Duration::from_secs(60);

/// Closed connections whose tokens are kept at the least; the one that closed first gives way.
const LEAST_CLOSED: usize = 64;

/// Tokens of one connection: as many as modules that a page might have. The oldest gives way, so that a program that
/// authenticates again and again goes on.
const MAX_TOKENS: usize = 16;

/// Of 32 random bits each: 128 (rule 5).
const TOKEN_WORDS: usize = 4;

/// Where a connection comes from. Only one of the same origin may go on with its tokens.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Source {
    pub(crate) address: IpAddr,
    /// `None` for a program that is no browser.
    pub(crate) origin: Option<String>,
}

impl Source {
    /// All loopback addresses are one: `localhost` is ::1 at one time and 127.0.0.1 at another, and 127.0.0.0/8 would be
    /// as many addresses as somebody likes who guesses passwords.
    pub(crate) fn new(address: IpAddr, origin: Option<String>) -> Self {
        let address = address.to_canonical();
        let is_here = address.is_loopback();
        Self { address: if is_here { Ipv4Addr::LOCALHOST.into() } else { address }, origin }
    }
}

/// The index of a user in the configuration.
pub(crate) type UserIndex = usize;

#[derive(Debug)]
struct Token {
    text: Secret,
    user: UserIndex,
}

/// The tokens of one connection, oldest first.
#[derive(Default, Debug)]
pub(crate) struct Tokens(VecDeque<Token>);

impl Tokens {
    /// True if the connection is not authenticated, or no longer.
    pub(crate) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// A new token for `user`.
    pub(crate) fn issue(&mut self, dice: &mut Dice, user: UserIndex) -> Secret {
        let text = Secret::new(dice.hex(TOKEN_WORDS));
        self.push(Token { text: text.clone(), user });
        text
    }

    /// Whose token this is; `None` if it is not one of these.
    pub(crate) fn user_of(&self, token: &Secret) -> Option<UserIndex> {
        self.0.iter().find(|known| known.is(token)).map(|known| known.user)
    }

    /// Voids a token.
    pub(crate) fn revoke(&mut self, token: &Secret) {
        self.0.retain(|known| !known.is(token));
    }

    /// Takes over another connection's.
    pub(crate) fn adopt(&mut self, others: Self) {
        others.0.into_iter().for_each(|token| self.push(token));
    }

    fn push(&mut self, token: Token) {
        if self.0.len() == MAX_TOKENS {
            self.0.pop_front();
        }
        self.0.push_back(token);
    }
}

impl Token {
    /// Takes as long for a wrong text as for a right one, so that its time tells nothing.
    fn is(&self, text: &Secret) -> bool {
        self.text.expose().as_bytes().ct_eq(text.expose().as_bytes()).into()
    }
}

#[derive(Debug)]
struct Closed {
    client: ClientId,
    source: Source,
    tokens: Tokens,
    until: Instant,
}

/// Connections that closed within the last minute, oldest first.
#[derive(Debug)]
pub(crate) struct Estate {
    closed: Vec<Closed>,
    most: usize,
}

impl Estate {
    /// Nothing is left yet, and will be of all `connections` that there may be at a time: they may be lost at once.
    pub(crate) fn new(connections: usize) -> Self {
        Self { closed: Vec::new(), most: connections.max(LEAST_CLOSED) }
    }

    /// Keeps the tokens of a connection that has closed.
    pub(crate) fn keep(&mut self, now: Instant, client: ClientId, source: Source, tokens: Tokens) {
        self.forget_expired(now);
        if tokens.is_empty() {
            return;
        }
        if self.closed.len() == self.most {
            self.closed.remove(0);
        }
        self.closed.push(Closed { client, source, tokens, until: now + KEPT });
    }

    /// Hands the closed connection that `token` belonged to over to a new one from the same source: its name, and
    /// all of its tokens.
    pub(crate) fn claim(
        &mut self,
        now: Instant,
        token: &Secret,
        source: &Source,
    ) -> Option<(ClientId, Tokens)> {
        self.forget_expired(now);
        let found = self
            .closed
            .iter()
            .position(|closed| closed.source == *source && closed.tokens.user_of(token).is_some())?;
        let Closed { client, tokens, .. } = self.closed.remove(found);
        Some((client, tokens))
    }

    fn forget_expired(&mut self, now: Instant) {
        self.closed.retain(|closed| now < closed.until);
    }
}
