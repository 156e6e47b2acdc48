//! What a REGISTER says (RFC 3261 §10.2): whom it is for, what it binds, and what it removes.

use alloc::format;
use alloc::string::String;

use base::Instant;

use super::Registration;
use crate::dialog::{MAX_FORWARDS, push_first_route};
use crate::flow::Flow;
use crate::invite::push_abilities;
use crate::message::{CSeq, Method, Name, Request, Response, SipUri, Status, Uri};

/// RFC 3327 §5.1: a proxy on the way may have calls for us come back through it. A registrar may refuse us where we don't
/// say that we know.
const PATH: &str = "path";

/// Whom a REGISTER is for.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// Request-URI.
    domain: Uri,
    /// Where it goes first.
    pub(super) hop: Uri,
    /// A registrar has named it in place of itself.
    is_redirected: bool,
}

/// What a REGISTER is for.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// To bind.
    Bind,
    /// To remove the binding.
    Remove,
}

impl Target {
    pub(super) const fn new(domain: Uri, hop: Uri) -> Self {
        Self { domain, hop, is_redirected: false }
    }

    /// Where a registrar sends us instead (RFC 3261 §8.1.3.4, §21.3): once, else two of them could keep us going.
    pub(super) fn redirected(&self, response: &Response) -> Option<Self> {
        let contact = response.headers.contact().ok().filter(|_| !self.is_redirected)?;
        let there = contact.uri.as_sip()?;
        let hop = Uri::Sip(SipUri { user: None, headers: String::new(), ..there.clone() });
        match response.status {
            Status::MOVED_PERMANENTLY | Status::MOVED_TEMPORARILY => {
                Some(Self { domain: hop.clone(), hop, is_redirected: true })
            }
            Status::USE_PROXY => Some(Self { domain: self.domain.clone(), hop, is_redirected: true }),
            _ => None,
        }
    }
}

impl Registration {
    /// Not signed yet.
    pub(super) fn write(&self, now: Instant, flow: Flow, want: Want, target: &Target) -> Request {
        let Target { domain, hop, .. } = target;
        let mut request = Request::new(Method::Register, domain.clone());
        let headers = &mut request.headers;
        push_first_route(headers, domain, hop);
        headers.push(Name::MaxForwards, MAX_FORWARDS);
        headers.push(Name::From, self.profile.address.clone().with_tag(&self.tag));
        headers.push(Name::To, &self.profile.address);
        headers.push(Name::CallId, &self.call_id);
        headers.push(Name::CSeq, CSeq { number: self.number, method: Method::Register });
        match want {
            Want::Bind => {
                let own = self.profile.contact(flow);
                // What was bound before the phone's address changed leads nowhere any more.
                let former = self.bindings.live(now).filter(|contact| **contact != own);
                let removed = former.map(|contact| format!("{contact};expires=0"));
                headers.push(Name::Contact, &own);
                removed.for_each(|contact| headers.push(Name::Contact, contact));
                headers.push(Name::Expires, self.registrar.expires.as_secs());
            }
            Want::Remove => {
                self.bindings.live(now).for_each(|contact| headers.push(Name::Contact, contact));
                headers.push(Name::Expires, 0);
            }
        }
        headers.push(Name::UserAgent, &self.profile.agent);
        // First, for some registrars look no further.
        headers.push(Name::Supported, PATH);
        push_abilities(headers);
        request
    }
}
