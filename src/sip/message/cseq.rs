//! CSeq (RFC 3261 §20.16).

use core::fmt;

use super::{Method, SyntaxError, lex};

/// A request's number within its dialog, and its method.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct CSeq {
    /// 0 to 2³²−1. Its own requests a sender starts below 2³¹.
    pub number: u32,
    /// The request's method.
    pub method: Method,
}

impl CSeq {
    /// Reads a value.
    ///
    /// # Errors
    /// Anything but a number of 32 bits, white space and a token.
    pub fn parse(text: &str) -> Result<Self, SyntaxError> {
        let (number, method) = lex::trim(text).split_once([' ', '\t']).ok_or(SyntaxError::Token)?;
        Ok(Self {
            number: lex::number(number).ok_or(SyntaxError::Number)?,
            method: Method::parse(lex::trim(method)).ok_or(SyntaxError::Token)?,
        })
    }
}

impl fmt::Display for CSeq {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.number, self.method)
    }
}
