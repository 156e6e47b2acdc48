//! Challenges and answers as header field values (RFC 3261 §25.1, `challenge` and `credentials`).
#![warn(clippy::indexing_slicing, clippy::arithmetic_side_effects)]

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

use super::{Algorithm, Authorization, Challenge, Protection, Qop};
use crate::message::lex::{self, Quoted};

/// Why a value of authentication can't be used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum DigestError {
    /// Another scheme than Digest.
    Scheme,
    /// A parameter is malformed.
    Parameter,
    /// A parameter is missing that must be there.
    Missing(&'static str),
    /// An algorithm that we don't have.
    Algorithm,
    /// No qop that we have.
    Qop,
}

impl fmt::Display for DigestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Scheme => f.write_str("not Digest"),
            Self::Parameter => f.write_str("malformed parameter"),
            Self::Missing(name) => write!(f, "no {name}"),
            Self::Algorithm => f.write_str("unknown algorithm"),
            Self::Qop => f.write_str("unknown qop"),
        }
    }
}

impl core::error::Error for DigestError {}

/// The parameters behind `Digest`.
struct Parameters<'a>(&'a str);

impl<'a> Parameters<'a> {
    fn of(value: &'a str) -> Result<Self, DigestError> {
        let (scheme, list) = lex::trim(value).split_once([' ', '\t']).ok_or(DigestError::Scheme)?;
        if !scheme.eq_ignore_ascii_case("Digest") {
            return Err(DigestError::Scheme);
        }
        Ok(Self(list))
    }

    /// A parameter's value without its quotes. Values that should have quotes and haven't are understood.
    fn find(&self, name: &str) -> Result<Option<Cow<'a, str>>, DigestError> {
        // An empty part is what a comma too much leaves behind.
        for part in lex::split_outside(self.0, b',').filter(|part| !part.is_empty()) {
            let (its_name, value) = part.split_once('=').ok_or(DigestError::Parameter)?;
            if lex::trim(its_name).eq_ignore_ascii_case(name) {
                let value = lex::trim(value);
                return match value.starts_with('"') {
                    true => lex::unquote(value).map(|text| Some(text.into())).ok_or(DigestError::Parameter),
                    false => Ok(Some(value.into())),
                };
            }
        }
        Ok(None)
    }

    fn text(&self, name: &'static str) -> Result<String, DigestError> {
        Ok(self.find(name)?.ok_or(DigestError::Missing(name))?.into_owned())
    }

    fn algorithm(&self) -> Result<Option<Algorithm>, DigestError> {
        let name = self.find("algorithm")?;
        name.map(|name| Algorithm::parse(&name).ok_or(DigestError::Algorithm)).transpose()
    }
}

impl Challenge {
    /// Reads a value of WWW-Authenticate or Proxy-Authenticate. Of several qops `auth` is taken, else `auth-int`.
    ///
    /// # Errors
    /// It can't be answered, see [`DigestError`].
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        let parameters = Parameters::of(value)?;
        let qop = match parameters.find("qop")? {
            None => None,
            Some(list) => {
                let offered = |qop: &Qop| {
                    lex::split_outside(&list, b',').any(|it| it.eq_ignore_ascii_case(qop.as_str()))
                };
                Some([Qop::Auth, Qop::AuthInt].into_iter().find(offered).ok_or(DigestError::Qop)?)
            }
        };
        Ok(Self {
            realm: parameters.text("realm")?,
            nonce: parameters.text("nonce")?,
            opaque: parameters.find("opaque")?.map(Cow::into_owned),
            algorithm: parameters.algorithm()?,
            qop,
            stale: parameters.find("stale")?.is_some_and(|value| value.eq_ignore_ascii_case("true")),
        })
    }
}

impl Authorization {
    /// Reads a value of Authorization or Proxy-Authorization.
    ///
    /// # Errors
    /// It can't be checked, see [`DigestError`].
    pub fn parse(value: &str) -> Result<Self, DigestError> {
        let parameters = Parameters::of(value)?;
        let protection = match parameters.find("qop")? {
            None => None,
            Some(qop) => {
                let named = |it: &Qop| qop.eq_ignore_ascii_case(it.as_str());
                let count = parameters.text("nc")?;
                Some(Protection {
                    qop: [Qop::Auth, Qop::AuthInt].into_iter().find(named).ok_or(DigestError::Qop)?,
                    cnonce: parameters.text("cnonce")?,
                    count: read_count(&count).ok_or(DigestError::Parameter)?,
                })
            }
        };
        Ok(Self {
            user: parameters.text("username")?,
            realm: parameters.text("realm")?,
            nonce: parameters.text("nonce")?,
            uri: parameters.text("uri")?,
            opaque: parameters.find("opaque")?.map(Cow::into_owned),
            algorithm: parameters.algorithm()?,
            protection,
            response: parameters.text("response")?,
        })
    }
}

/// `nc-value`: eight hexadecimal digits.
fn read_count(text: &str) -> Option<u32> {
    let good = text.len() == 8 && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    if good { u32::from_str_radix(text, 16).ok() } else { None }
}

impl fmt::Display for Challenge {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest realm={}, nonce={}", Quoted(&self.realm), Quoted(&self.nonce))?;
        if let Some(qop) = self.qop {
            write!(f, ", qop=\"{}\"", qop.as_str())?;
        }
        if self.stale {
            f.write_str(", stale=true")?;
        }
        write_echoed(f, self.algorithm, self.opaque.as_ref())
    }
}

impl fmt::Display for Authorization {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest username={}, realm={}", Quoted(&self.user), Quoted(&self.realm))?;
        write!(f, ", nonce={}, uri={}", Quoted(&self.nonce), Quoted(&self.uri))?;
        write!(f, ", response={}", Quoted(&self.response))?;
        if let Some(Protection { qop, cnonce, count }) = &self.protection {
            write!(f, ", qop={}, cnonce={}, nc={count:08x}", qop.as_str(), Quoted(cnonce))?;
        }
        write_echoed(f, self.algorithm, self.opaque.as_ref())
    }
}

fn write_echoed(
    f: &mut fmt::Formatter<'_>,
    algorithm: Option<Algorithm>,
    opaque: Option<&String>,
) -> fmt::Result {
    if let Some(algorithm) = algorithm {
        write!(f, ", algorithm={algorithm}")?;
    }
    match opaque {
        Some(opaque) => write!(f, ", opaque={}", Quoted(opaque)),
        None => Ok(()),
    }
}
