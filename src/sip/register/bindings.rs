//! What a registrar has of us (RFC 3261 §10.2.1, §10.2.4): our addresses there, as we asked for them and as its answers
//! tell.

use alloc::vec::Vec;
use core::net::SocketAddr;

use base::{Duration, Instant};

use crate::flow::Flow;
use crate::message::{Contacts, NameAddr, Response, Uri};

/// Addresses that are remembered until they are removed: the phone has rarely had more than two since its registrar
/// answered last.
const MAX_BINDINGS: usize = 4;

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

/// What the registrar grants `own` (RFC 3261 §10.2.4): its `expires` in the list of bindings, else Expires, else what was
/// `asked` for. `None` if others are bound and it isn't. A lone Contact of our user's is ours, though a registrar may
/// have rewritten it; one that lists nothing is taken at its word.
pub(super) fn granted(own: &NameAddr, asked: Duration, response: &Response) -> Option<Duration> {
    let contacts = match response.headers.contacts() {
        Ok(Contacts::List(contacts)) => contacts,
        _ => Vec::new(),
    };
    let ours = match contacts.as_slice() {
        [] => None,
        [lone] if is_of_same_user(&lone.uri, &own.uri) => Some(lone),
        several => Some(several.iter().find(|contact| is_same(&contact.uri, &own.uri))?),
    };
    let seconds = ours.and_then(NameAddr::expires).or_else(|| response.headers.expires().ok().flatten());
    Some(seconds.map_or(asked, |seconds| Duration::from_secs(u64::from(seconds))))
}

/// Where the server saw the request come from, if its answer tells (RFC 3581 §4).
pub(super) fn seen_from(flow: Flow, response: &Response) -> Option<SocketAddr> {
    let via = response.headers.via().ok()?;
    Some(SocketAddr::new(via.received().unwrap_or(flow.local.ip()), via.rport()?))
}

/// The same place, however it is spelt.
fn is_same(one: &Uri, other: &Uri) -> bool {
    let place = |uri: &Uri| Some((uri.as_sip()?.host.clone(), uri.as_sip()?.port.unwrap_or(5060)));
    let is_same_place = match (place(one), place(other)) {
        (Some((host, port)), Some((other_host, other_port))) => {
            host.is_same(&other_host) && port == other_port
        }
        _ => false,
    };
    is_same_place && is_of_same_user(one, other)
}

fn is_of_same_user(one: &Uri, other: &Uri) -> bool {
    match (one.as_sip(), other.as_sip()) {
        (Some(one), Some(other)) => one.user_text() == other.user_text(),
        _ => false,
    }
}
