//! Header fields as what they mean: typed views over [`Headers`].

use alloc::vec::Vec;

use super::name_addr::tag_in;
use super::{CSeq, Contacts, HeaderError, Headers, Name, NameAddr, SyntaxError, Via, lex};

type Result<T> = core::result::Result<T, HeaderError>;

impl Headers {
    /// The one value of a field that must be there once.
    ///
    /// # Errors
    /// It is missing or repeated.
    pub fn one(&self, name: Name<'static>) -> Result<&str> {
        self.at_most_one(name)?.ok_or(HeaderError::Missing(name))
    }

    /// The one value of a field that may be there once.
    ///
    /// # Errors
    /// It is repeated.
    pub fn at_most_one(&self, name: Name<'static>) -> Result<Option<&str>> {
        let mut all = self.all(name);
        let first = all.next();
        if all.next().is_some() { Err(HeaderError::Repeated(name)) } else { Ok(first) }
    }

    /// The topmost Via: that of the hop the message came from.
    ///
    /// # Errors
    /// It is missing or malformed.
    pub fn via(&self) -> Result<Via> {
        let top = self.values(Name::Via).next().ok_or(HeaderError::Missing(Name::Via))?;
        Via::parse(top).map_err(malformed(Name::Via))
    }

    /// All Vias, topmost first.
    ///
    /// # Errors
    /// One is malformed.
    pub fn vias(&self) -> Result<Vec<Via>> {
        self.values(Name::Via).map(|value| Via::parse(value).map_err(malformed(Name::Via))).collect()
    }

    /// Replaces the topmost Via.
    pub fn set_via(&mut self, via: &Via) {
        self.set_first_value(Name::Via, via);
    }

    /// Who sends.
    ///
    /// # Errors
    /// It is missing, repeated or malformed.
    pub fn from(&self) -> Result<NameAddr> {
        self.name_addr(Name::From)
    }

    /// Whom it is for.
    ///
    /// # Errors
    /// It is missing, repeated or malformed.
    pub fn to(&self) -> Result<NameAddr> {
        self.name_addr(Name::To)
    }

    /// The tag of who sends; `None` too where From is missing.
    pub fn from_tag(&self) -> Option<&str> {
        tag_in(self.get(Name::From)?)
    }

    /// The tag of whom it is for; `None` too where To is missing.
    pub fn to_tag(&self) -> Option<&str> {
        tag_in(self.get(Name::To)?)
    }

    /// A field that holds one address: From, To, Refer-To, Referred-By.
    ///
    /// # Errors
    /// It is missing, repeated or malformed.
    pub fn name_addr(&self, name: Name<'static>) -> Result<NameAddr> {
        NameAddr::parse(self.one(name)?).map_err(malformed(name))
    }

    /// Fields that hold lists of addresses: Route, Record-Route, Path, Service-Route, P-Asserted-Identity, Diversion.
    ///
    /// # Errors
    /// One is malformed.
    pub fn routes(&self, name: Name<'static>) -> Result<Vec<NameAddr>> {
        self.values(name).map(|value| NameAddr::parse(value).map_err(malformed(name))).collect()
    }

    /// Contact.
    ///
    /// # Errors
    /// One is malformed, or `*` isn't alone.
    pub fn contacts(&self) -> Result<Contacts> {
        let mut values = self.values(Name::Contact);
        if values.next() == Some("*") {
            return match values.next() {
                None => Ok(Contacts::All),
                Some(_) => Err(HeaderError::Malformed(Name::Contact, SyntaxError::Uri)),
            };
        }
        self.routes(Name::Contact).map(Contacts::List)
    }

    /// The first address in Contact: where a dialog's peer is.
    ///
    /// # Errors
    /// There is none, or it is malformed.
    pub fn contact(&self) -> Result<NameAddr> {
        let first = self.values(Name::Contact).next().ok_or(HeaderError::Missing(Name::Contact))?;
        NameAddr::parse(first).map_err(malformed(Name::Contact))
    }

    /// CSeq.
    ///
    /// # Errors
    /// It is missing, repeated or malformed.
    pub fn cseq(&self) -> Result<CSeq> {
        CSeq::parse(self.one(Name::CSeq)?).map_err(malformed(Name::CSeq))
    }

    /// Call-ID.
    ///
    /// # Errors
    /// It is missing, repeated, empty or holds white space or control characters.
    pub fn call_id(&self) -> Result<&str> {
        let call_id = self.one(Name::CallId)?;
        if call_id.is_empty() || call_id.bytes().any(|byte| byte <= b' ' || byte == 0x7f) {
            return Err(HeaderError::Malformed(Name::CallId, SyntaxError::Token));
        }
        Ok(call_id)
    }

    /// Max-Forwards, if it is there.
    ///
    /// # Errors
    /// It is repeated or no number of 32 bits.
    pub fn max_forwards(&self) -> Result<Option<u32>> {
        self.seconds(Name::MaxForwards)
    }

    /// Expires in seconds, if it is there.
    ///
    /// # Errors
    /// It is repeated or no number of 32 bits.
    pub fn expires(&self) -> Result<Option<u32>> {
        self.seconds(Name::Expires)
    }

    /// Min-Expires in seconds, if it is there.
    ///
    /// # Errors
    /// It is repeated or no number of 32 bits.
    pub fn min_expires(&self) -> Result<Option<u32>> {
        self.seconds(Name::MinExpires)
    }

    /// Retry-After in seconds, if it is there; its comment and parameters are passed over.
    ///
    /// # Errors
    /// It is repeated or no number of 32 bits.
    pub fn retry_after(&self) -> Result<Option<u32>> {
        self.seconds(Name::RetryAfter)
    }

    fn seconds(&self, name: Name<'static>) -> Result<Option<u32>> {
        let Some(value) = self.at_most_one(name)? else { return Ok(None) };
        let digits = value.split(['(', ';']).next().unwrap_or_default();
        let number =
            lex::number(lex::trim(digits)).ok_or(HeaderError::Malformed(name, SyntaxError::Number))?;
        Ok(Some(number))
    }
}

fn malformed(name: Name<'static>) -> impl Fn(SyntaxError) -> HeaderError {
    move |error| HeaderError::Malformed(name, error)
}
