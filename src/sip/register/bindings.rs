//! What a registrar has of us (RFC 3261 §10.2.1, §10.2.4): our addresses there, as we asked for them and as its answers
//! tell.

use alloc::vec::Vec;
use core::net::SocketAddr;

use base::{Duration, Instant};

use crate::flow::Flow;
use crate::message::{Name, NameAddr, Response, SipUri, Uri};

/// Addresses that are remembered until they are removed: the phone has rarely had more than two since its registrar
/// answered last.
const MAX_BINDINGS: usize = 4;

/// The port of a Contact that names none (RFC 3261 §19.1.2).
const DEFAULT_PORT: u16 = 5060;

/// An address of ours at the registrar.
#[derive(Clone, Debug)]
struct Binding {
    flow: Flow,
    contact: NameAddr,
    until: Instant,
}

/// What the registrar may have of us, until that lapses: a REGISTER without an answer may have been heard. The latest
/// last.
#[derive(Clone, Default, Debug)]
pub(super) struct Bindings(Vec<Binding>);

impl Bindings {
    /// The flow of the latest.
    pub(super) fn flow(&self) -> Option<Flow> {
        self.0.last().map(|binding| binding.flow)
    }

    /// Those that haven't lapsed.
    pub(super) fn live(&self, now: Instant) -> impl Iterator<Item = &NameAddr> {
        self.0.iter().filter(move |binding| binding.until > now).map(|binding| &binding.contact)
    }

    /// `contact` is asked for, and will be there besides the others if it is granted.
    pub(super) fn ask(&mut self, flow: Flow, contact: NameAddr, until: Instant) {
        self.0.retain(|binding| binding.contact != contact);
        self.0.push(Binding { flow, contact, until });
        let excess = self.0.len().saturating_sub(MAX_BINDINGS);
        self.0.drain(..excess);
    }

    /// The latest is granted, and the others are removed.
    pub(super) fn grant(&mut self, until: Instant) {
        self.0.drain(..self.0.len().saturating_sub(1));
        if let Some(binding) = self.0.last_mut() {
            binding.until = until;
        }
    }

    /// All are removed.
    pub(super) fn clear(&mut self) {
        self.0.clear();
    }
}

/// What the registrar grants us (RFC 3261 §10.2.4): the `expires` of our binding in its list, else Expires, else what was
/// `asked` for. `None` if others are bound and we aren't. A lone Contact of our `user`'s is ours, though a registrar may
/// have rewritten it; of several the one at the first of these `places` that is listed: where we think that we are, and
/// where the registrar sees us. One that lists nothing is taken at its word.
pub(super) fn granted(
    user: &str,
    places: impl IntoIterator<Item = SocketAddr>,
    asked: Duration,
    response: &Response,
) -> Option<Duration> {
    // What others have bound may be written anyhow.
    let contacts = response.headers.values(Name::Contact).filter_map(|value| NameAddr::parse(value).ok());
    let contacts: Vec<NameAddr> = contacts.collect();
    let is_users = |contact: &NameAddr| {
        contact.uri.as_sip().and_then(SipUri::user_text).is_some_and(|its_user| its_user == user)
    };
    let ours = match contacts.as_slice() {
        [] => None,
        [lone] if is_users(lone) => Some(lone),
        several => {
            let at = |place| several.iter().find(|contact| is_users(contact) && is_at(&contact.uri, place));
            Some(places.into_iter().find_map(at)?)
        }
    };
    let seconds = ours.and_then(NameAddr::expires).or_else(|| response.headers.expires().ok().flatten());
    Some(seconds.map_or(asked, |seconds| Duration::from_secs(u64::from(seconds))))
}

/// Where the server saw the request come from, if its answer tells (RFC 3581 §4).
pub(super) fn seen_from(flow: Flow, response: &Response) -> Option<SocketAddr> {
    let via = response.headers.via().ok()?;
    Some(SocketAddr::new(via.received().unwrap_or(flow.local.ip()), via.rport()?))
}

/// Whether a URI names this place, however it is spelt.
fn is_at(uri: &Uri, place: SocketAddr) -> bool {
    uri.as_sip().is_some_and(|uri| {
        uri.host.ip() == Some(place.ip()) && uri.port.unwrap_or(DEFAULT_PORT) == place.port()
    })
}
