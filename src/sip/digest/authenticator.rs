//! The client's side: takes challenges, signs requests, and remembers nonces so that the next request is signed
//! before it is asked to (RFC 3261 §22.2, §22.3).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base::Dice;

use super::{Authorization, Challenge, Credentials, Protection};
use crate::message::{Name, Request, Response};

/// Realms that one user answers to at a time. A request has rarely more than a proxy's and its target's.
const MAX_REALMS: usize = 4;

/// Answers of one realm's that may be refused, one after the other, before the password is taken for wrong. The second
/// try is for a server that restarted in between, and for one that counts a nonce as used by another request.
const MAX_REFUSALS: u8 = 2;

/// Challenges in a row that are answered: those of a proxy and of what is behind it, each with a nonce that lapses.
/// Servers that think of more are never content.
const MAX_CHALLENGES: u8 = 4;

/// Answers challenges with one user's credentials.
#[derive(Clone, Debug)]
pub struct Authenticator {
    credentials: Credentials,
    /// One for each realm and kind of server, the oldest first.
    sessions: Vec<Session>,
    row: Option<Row>,
}

/// Challenges that followed each other.
#[derive(Clone, Copy, Debug)]
struct Row {
    /// CSeq number of the request that was challenged last: sent again, it has the next.
    number: u32,
    length: u8,
}

/// What one realm's server has asked, and how often it has been answered.
#[derive(Clone, Debug)]
struct Session {
    /// Authorization or Proxy-Authorization.
    answered_in: Name<'static>,
    challenge: Challenge,
    /// Of the first answer on. -sess algorithms need the same one for the life of the nonce.
    cnonce: String,
    /// Answers so far.
    count: u32,
    /// How many answers of this realm's were refused, one after the other.
    refusals: u8,
}

impl Authenticator {
    /// One that has heard no challenge yet.
    pub const fn new(credentials: Credentials) -> Self {
        Self { credentials, sessions: Vec::new(), row: None }
    }

    /// Takes the challenges of a 401 or 407. True if the request is worth sending again, with the next number and signed
    /// anew: false where no challenge can be answered, where answers were refused twice in a row, whether they are called
    /// stale or not, and where challenges don't end. Then all nonces are forgotten: whoever tries later begins anew.
    pub fn take_challenge(&mut self, response: &Response) -> bool {
        let row = self.row_with(response);
        let mut taken: Vec<Session> = Vec::new();
        for (asked_in, answered_in) in [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ] {
            let challenges = response.headers.all(asked_in).filter_map(|value| Challenge::parse(value).ok());
            for challenge in challenges.filter(|it| self.credentials.are_for(&it.realm)) {
                let refusals = self.refusals(answered_in, &challenge, row.length > 1);
                let session = Session { answered_in, challenge, cnonce: String::new(), count: 0, refusals };
                // RFC 8760 §2.4: of one realm's challenges the first that we can answer counts.
                if taken.len() < MAX_REALMS && !taken.iter().any(|other| session.replaces(other)) {
                    taken.push(session);
                }
            }
        }
        let is_refused = row.length > MAX_CHALLENGES || taken.iter().any(|new| new.refusals >= MAX_REFUSALS);
        if taken.is_empty() || is_refused {
            self.forget();
            return false;
        }
        self.row = Some(row);
        self.sessions.retain(|old| !taken.iter().any(|new| new.replaces(old)));
        self.sessions.append(&mut taken);
        let excess = self.sessions.len().saturating_sub(MAX_REALMS);
        self.sessions.drain(..excess);
        true
    }

    /// The row that this challenge goes on with, or begins.
    fn row_with(&self, response: &Response) -> Row {
        let number = response.headers.cseq().map_or(0, |cseq| cseq.number);
        match self.row {
            Some(row) if row.number.saturating_add(1) == number => {
                Row { number, length: row.length.saturating_add(1) }
            }
            _ => Row { number, length: 1 },
        }
    }

    /// How many answers in a row that realm has refused, if it challenges now. What was good before, and is now called
    /// stale, has not been refused.
    fn refusals(&self, answered_in: Name<'static>, challenge: &Challenge, is_again: bool) -> u8 {
        let is_it = |old: &&Session| old.answered_in == answered_in && old.challenge.realm == challenge.realm;
        match self.sessions.iter().find(is_it) {
            Some(old) if is_again => old.refusals.saturating_add(1),
            Some(_) => u8::from(!challenge.stale),
            None => 0,
        }
    }

    /// Forgets all challenges: what comes next goes to somebody else, who has none of these answers to hear.
    pub fn forget(&mut self) {
        self.sessions.clear();
        self.row = None;
    }

    /// Puts the answer to each challenge that was taken into `request`, whose method, Request-URI and body are final,
    /// in place of those it has.
    pub fn sign(&mut self, request: &mut Request, dice: &mut Dice) {
        request.headers.remove(Name::Authorization);
        request.headers.remove(Name::ProxyAuthorization);
        for session in &mut self.sessions {
            let authorization = session.answer(&self.credentials, request, dice);
            request.headers.push(session.answered_in, authorization);
        }
    }
}

impl Credentials {
    fn are_for(&self, realm: &str) -> bool {
        self.realm.as_deref().is_none_or(|its_realm| its_realm == realm)
    }
}

impl Session {
    fn replaces(&self, other: &Self) -> bool {
        self.answered_in == other.answered_in && self.challenge.realm == other.challenge.realm
    }

    fn answer(&mut self, credentials: &Credentials, request: &Request, dice: &mut Dice) -> Authorization {
        if self.cnonce.is_empty() {
            self.cnonce = dice.hex(2);
        }
        self.count = self.count.saturating_add(1);
        let Challenge { realm, nonce, opaque, algorithm, qop, .. } = self.challenge.clone();
        let protection = qop.map(|qop| Protection { qop, cnonce: self.cnonce.clone(), count: self.count });
        let mut authorization = Authorization {
            user: credentials.user.clone(),
            realm,
            nonce,
            uri: request.uri.to_string(),
            opaque,
            algorithm,
            protection,
            response: String::new(),
        };
        authorization.response = authorization.digest(&credentials.password, &request.method, &request.body);
        authorization
    }
}
