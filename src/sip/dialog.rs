//! Dialogs (RFC 3261 §12): what two ends know of each other between the first answer and the last request. A dialog
//! writes its own requests and checks those of the peer; sending them is others' matter.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;

use crate::message::{CSeq, HeaderError, Headers, Method, Name, NameAddr, Request, Response, Status, Uri};

/// Hops that a request may still take (RFC 3261 §8.1.1.6).
pub const MAX_FORWARDS: u32 = 70;

/// What names a dialog at this end (RFC 3261 §12).
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct DialogId {
    /// Call-ID.
    pub call_id: String,
    /// The tag that this end chose.
    pub local_tag: String,
    /// The tag that the peer chose; empty for a peer of RFC 2543, which chose none.
    pub remote_tag: String,
}

impl DialogId {
    /// The dialog that an incoming request belongs to; `None` if its To has no tag.
    pub fn of_request(request: &Request) -> Option<Self> {
        let local_tag = request.headers.to_tag()?.to_owned();
        Some(Self {
            call_id: request.headers.call_id().ok()?.to_owned(),
            local_tag,
            remote_tag: request.headers.from_tag().unwrap_or_default().to_owned(),
        })
    }
}

/// A dialog, early or confirmed.
#[derive(Clone, Debug)]
pub struct Dialog {
    id: DialogId,
    /// From of our requests, tag included.
    local: NameAddr,
    /// To of our requests, tag included.
    remote: NameAddr,
    /// Our Contact, as it was first sent.
    contact: NameAddr,
    /// The number of our last request.
    local_number: u32,
    /// The number of the peer's last request, once there was one.
    remote_number: Option<u32>,
    /// Request-URI of our requests: the peer's Contact.
    target: Uri,
    /// Route of our requests, first hop first.
    routes: Vec<NameAddr>,
}

impl Dialog {
    /// The dialog that a response to our INVITE made (RFC 3261 §12.1.2).
    ///
    /// # Errors
    /// The response lacks what a dialog needs, or has it malformed.
    pub fn of_caller(invite: &Request, response: &Response) -> Result<Self, HeaderError> {
        let (asked, told) = (&invite.headers, &response.headers);
        let (local, remote) = (asked.from()?, told.to()?);
        let mut routes = told.routes(Name::RecordRoute)?;
        routes.reverse();
        Ok(Self {
            id: DialogId {
                call_id: asked.call_id()?.to_owned(),
                local_tag: tag_of(&local),
                remote_tag: tag_of(&remote),
            },
            local,
            remote,
            contact: asked.contact()?,
            local_number: asked.cseq()?.number,
            remote_number: None,
            // A provisional response needs no Contact (RFC 3261 table 3): until one comes, the old target holds.
            target: told.contact().map_or_else(|_| invite.uri.clone(), |contact| contact.uri),
            routes,
        })
    }

    /// The dialog that we make by answering an INVITE with `local_tag` in To and `contact` (RFC 3261 §12.1.1).
    ///
    /// # Errors
    /// The INVITE lacks what a dialog needs, or has it malformed.
    pub fn of_called(invite: &Request, local_tag: &str, contact: NameAddr) -> Result<Self, HeaderError> {
        let asked = &invite.headers;
        let (local, remote) = (asked.to()?.with_tag(local_tag), asked.from()?);
        Ok(Self {
            id: DialogId {
                call_id: asked.call_id()?.to_owned(),
                local_tag: local_tag.to_owned(),
                remote_tag: tag_of(&remote),
            },
            local,
            remote,
            contact,
            local_number: 0,
            remote_number: Some(asked.cseq()?.number),
            target: asked.contact()?.uri,
            routes: asked.routes(Name::RecordRoute)?,
        })
    }

    /// Its name.
    pub const fn id(&self) -> &DialogId {
        &self.id
    }

    /// Our Contact in it.
    pub const fn contact(&self) -> &NameAddr {
        &self.contact
    }

    /// Where its requests go first: the first route, or the peer itself (RFC 3261 §8.1.2).
    pub fn next_hop(&self) -> &Uri {
        self.routes.first().map_or(&self.target, |route| &route.uri)
    }

    /// The next request in it (RFC 3261 §12.2.1.1).
    pub fn request(&mut self, method: Method) -> Request {
        self.local_number = self.local_number.saturating_add(1);
        self.numbered(method, self.local_number)
    }

    /// The ACK for the 2xx to the INVITE of this number (RFC 3261 §13.2.2.4).
    pub fn ack(&self, number: u32) -> Request {
        self.numbered(Method::Ack, number)
    }

    fn numbered(&self, method: Method, number: u32) -> Request {
        let (uri, routes) = self.routing();
        let mut request = Request::new(method.clone(), uri);
        let headers = &mut request.headers;
        for route in &routes {
            headers.push(Name::Route, route);
        }
        headers.push(Name::MaxForwards, MAX_FORWARDS);
        headers.push(Name::From, &self.local);
        headers.push(Name::To, &self.remote);
        headers.push(Name::CallId, &self.id.call_id);
        headers.push(Name::CSeq, CSeq { number, method });
        request
    }

    /// Request-URI and Route (RFC 3261 §12.2.1.1): a first hop without `lr` is a strict router, which wants its own
    /// URI as Request-URI and the peer's as the last Route.
    fn routing(&self) -> (Uri, Vec<NameAddr>) {
        match self.routes.split_first() {
            Some((first, rest)) if !is_loose(&first.uri) => {
                let mut routes = rest.to_vec();
                routes.push(NameAddr::new(self.target.clone()));
                (first.uri.clone(), routes)
            }
            _ => (self.target.clone(), self.routes.clone()),
        }
    }

    /// Takes a request of the peer in this dialog: its number, and the target that it refreshes (RFC 3261 §12.2.2).
    ///
    /// # Errors
    /// The status to answer with: 500 for a number that is not above the last one's.
    pub fn take_request(&mut self, request: &Request) -> Result<(), Status> {
        let number = request.headers.cseq().map_err(|_| Status::BAD_REQUEST)?.number;
        if self.remote_number.is_some_and(|last| number <= last) {
            return Err(Status::SERVER_INTERNAL_ERROR);
        }
        self.remote_number = Some(number);
        if request.method == Method::Invite {
            self.refresh_target(&request.headers);
        }
        Ok(())
    }

    /// Takes the Contact of a target refresh request, or of the 2xx to one, as the new target.
    pub fn refresh_target(&mut self, headers: &Headers) {
        if let Ok(contact) = headers.contact() {
            self.target = contact.uri;
        }
    }
}

/// Route of a request outside a dialog (RFC 3261 §8.1.2): the hop, as a loose router so that it leaves the Request-URI
/// alone; none where it is the target's own host.
pub(crate) fn push_first_route(headers: &mut Headers, target: &Uri, hop: &Uri) {
    if let Uri::Sip(uri) = hop
        && !is_same_host(hop, target)
    {
        headers.push(Name::Route, NameAddr::new(Uri::Sip(uri.clone().with_param("lr", None))));
    }
}

/// Whether two URIs name the same host.
pub(crate) fn is_same_host(one: &Uri, other: &Uri) -> bool {
    one.as_sip().zip(other.as_sip()).is_some_and(|(one, other)| one.host.is_same(&other.host))
}

fn tag_of(address: &NameAddr) -> String {
    address.tag().unwrap_or_default().to_owned()
}

/// Whether a route is a loose router's. `lr=on` and the like are spellings of `lr` (seen in the wild).
fn is_loose(uri: &Uri) -> bool {
    uri.as_sip().is_some_and(|uri| uri.params.has("lr"))
}

#[cfg(test)]
mod tests;
