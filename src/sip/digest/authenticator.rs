//! The client's side: takes challenges, signs requests, and remembers nonces so that the next request is signed
//! before it is asked to (RFC 3261 §22.2, §22.3).

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base::Dice;

use super::{Authorization, Challenge, Credentials, Protection};
use crate::message::{Name, Request, Response};

/// Realms that one user answers to at a time. A request has rarely more than a proxy's and its target's.
const MAX_REALMS: usize = 4;

/// Fresh nonces that may be refused at their first use before the password is taken for wrong. The second try is for
/// a server that restarted in between, and for one that counts a nonce as used by another request.
const MAX_REFUSALS: u8 = 2;

/// Answers challenges with one user's credentials.
#[derive(Clone, Debug)]
pub struct Authenticator {
    credentials: Credentials,
    /// One for each realm and kind of server, the oldest first.
    sessions: Vec<Session>,
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
    /// How many nonces before this one were refused at their first use, one after the other.
    refusals: u8,
}

impl Authenticator {
    /// One that has heard no challenge yet.
    pub const fn new(credentials: Credentials) -> Self {
        Self { credentials, sessions: Vec::new() }
    }

    /// Takes the challenges of a 401 or 407. True if the request is worth sending again, signed anew: false where no
    /// challenge can be answered, or two fresh nonces in a row were refused at their first use, whether they are
    /// called stale or not: such a server is never content, or the password is wrong.
    pub fn take_challenge(&mut self, response: &Response) -> bool {
        let mut taken: Vec<Session> = Vec::new();
        for (asked_in, answered_in) in [
            (Name::WwwAuthenticate, Name::Authorization),
            (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        ] {
            let challenges = response.headers.all(asked_in).filter_map(|value| Challenge::parse(value).ok());
            for challenge in challenges.filter(|it| self.credentials.are_for(&it.realm)) {
                let refusals = self.refusals(answered_in, &challenge.realm);
                let session = Session { answered_in, challenge, cnonce: String::new(), count: 0, refusals };
                // RFC 8760 §2.4: of one realm's challenges the first that we can answer counts.
                if taken.len() < MAX_REALMS && !taken.iter().any(|other| session.replaces(other)) {
                    taken.push(session);
                }
            }
        }
        if taken.is_empty() || taken.iter().any(|new| new.refusals >= MAX_REFUSALS) {
            return false;
        }
        self.sessions.retain(|old| !taken.iter().any(|new| new.replaces(old)));
        self.sessions.append(&mut taken);
        let excess = self.sessions.len().saturating_sub(MAX_REALMS);
        self.sessions.drain(..excess);
        true
    }

    /// How many nonces in a row that realm has refused at their first use, if it challenges again now. A nonce that
    /// was used more often has been good, and has lapsed.
    fn refusals(&self, answered_in: Name<'static>, realm: &str) -> u8 {
        let is_it = |old: &&Session| old.answered_in == answered_in && old.challenge.realm == realm;
        let refused = self.sessions.iter().find(is_it).filter(|old| old.count == 1);
        refused.map_or(0, |old| old.refusals.saturating_add(1))
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
