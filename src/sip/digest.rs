//! Digest authentication (RFC 7616, RFC 8760, RFC 3261 §22), both sides of it: challenges, their answers, and the
//! client's memory between them. Which nonces a server takes, and for how long, is the server's own matter.

mod algorithm;
mod authenticator;
mod header;
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::String;

use base::Secret;
use subtle::ConstantTimeEq;

use crate::message::Method;

pub use algorithm::Algorithm;
pub use authenticator::Authenticator;
pub use header::DigestError;

/// Who one is.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Credentials {
    /// User name for authentication.
    pub user: String,
    /// The only realm that is told; none for any.
    pub realm: Option<String>,
    /// The password.
    pub password: Secret,
}

/// Quality of protection (RFC 7616 §3.3).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Qop {
    /// `auth`: method and Request-URI are protected.
    Auth,
    /// `auth-int`: the body too.
    AuthInt,
}

impl Qop {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::AuthInt => "auth-int",
        }
    }
}

/// What a server asks: the value of WWW-Authenticate or Proxy-Authenticate.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Challenge {
    /// Whose users are meant.
    pub realm: String,
    /// The server's word for this challenge.
    pub nonce: String,
    /// Goes back as it came.
    pub opaque: Option<String>,
    /// `None` if it isn't named, which means MD5.
    pub algorithm: Option<Algorithm>,
    /// `None` for servers of RFC 2069, which know no qop.
    pub qop: Option<Qop>,
    /// The answer was right, but for a nonce that has lapsed: no reason to ask the user again.
    pub stale: bool,
}

/// What a client answers: the value of Authorization or Proxy-Authorization.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Authorization {
    /// User name.
    pub user: String,
    /// Realm of the challenge.
    pub realm: String,
    /// Nonce of the challenge.
    pub nonce: String,
    /// Request-URI, as the sender had it.
    pub uri: String,
    /// Opaque of the challenge.
    pub opaque: Option<String>,
    /// Algorithm, as the challenge named it.
    pub algorithm: Option<Algorithm>,
    /// The client's part.
    pub protection: Option<Protection>,
    /// The digest, lower-case hexadecimal.
    pub response: String,
}

/// What comes with a qop.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Protection {
    /// Which.
    pub qop: Qop,
    /// The client's nonce.
    pub cnonce: String,
    /// How many requests have been sent with this nonce, this one included.
    pub count: u32,
}

impl Authorization {
    /// Whether whoever sent this knows the password: compared in constant time. Whether the nonce is good is the
    /// caller's question.
    pub fn is_by(&self, credentials: &Credentials, method: &Method, body: &[u8]) -> bool {
        let expected = self.digest(&credentials.password, method, body);
        let same = expected.as_bytes().ct_eq(self.response.to_ascii_lowercase().as_bytes());
        bool::from(same) && self.user == credentials.user
    }

    /// RFC 7616 §3.4.1: the value that `response` has to have.
    fn digest(&self, password: &Secret, method: &Method, body: &[u8]) -> String {
        let algorithm = self.algorithm.unwrap_or(Algorithm::Md5);
        let hash = |text: &str| algorithm.hash(text.as_bytes());
        let Self { user, realm, nonce, uri, .. } = self;

        let secret = hash(&format!("{user}:{realm}:{}", password.expose()));
        let secret = match &self.protection {
            Some(protection) if algorithm.is_session() => {
                hash(&format!("{secret}:{nonce}:{}", protection.cnonce))
            }
            // RFC 2617 §3.2.2.2 for a server that names a session and no qop: there is no client's nonce.
            None if algorithm.is_session() => hash(&format!("{secret}:{nonce}:")),
            _ => secret,
        };
        let asked = match &self.protection {
            Some(Protection { qop: Qop::AuthInt, .. }) => {
                hash(&format!("{method}:{uri}:{}", algorithm.hash(body)))
            }
            _ => hash(&format!("{method}:{uri}")),
        };
        match &self.protection {
            Some(Protection { qop, cnonce, count }) => {
                hash(&format!("{secret}:{nonce}:{count:08x}:{cnonce}:{}:{asked}", qop.as_str()))
            }
            None => hash(&format!("{secret}:{nonce}:{asked}")),
        }
    }
}
