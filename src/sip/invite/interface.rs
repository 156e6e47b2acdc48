//! The words that an invitation and its user exchange.

use alloc::string::String;
use alloc::vec::Vec;
use core::net::SocketAddr;

use base::Dice;

#[cfg(doc)]
use super::Session;
use crate::digest::Authenticator;
use crate::endpoint::Abilities;
use crate::flow::{Flow, Link, Transport};
use crate::message::{Host, Method, NameAddr, Request, Response, SipUri, Status, Uri};

/// Methods that a user of invitations answers to.
pub const METHODS: &[Method] = &[
    Method::Invite,
    Method::Ack,
    Method::Cancel,
    Method::Bye,
    Method::Options,
    Method::Refer,
    Method::Notify,
    Method::Info,
];

/// What a body with SDP is called.
pub const SDP: &str = "application/sdp";

/// What bodies of INFO may be called: keys (`Signal=5`, and a bare `5`).
pub const INFO_TYPES: &[&str] = &["application/dtmf-relay", "application/dtmf"];

/// What a body that tells how a REFER goes is called (RFC 3420).
pub(super) const SIPFRAG: &str = "message/sipfrag";

/// The option tag of REFER without a subscription (RFC 4488).
pub(super) const NOREFERSUB: &str = "norefersub";

/// What a user of invitations can do, within a call and without one.
pub const ABILITIES: Abilities<'static> =
    Abilities { methods: METHODS, extensions: &[NOREFERSUB], content_types: &[SDP] };

/// Who we are in a call.
#[derive(Clone, Debug)]
pub struct Profile {
    /// Our address of record and display name, without tag.
    pub address: NameAddr,
    /// The user part of our Contact.
    pub contact_user: String,
    /// User-Agent or Server.
    pub agent: String,
    /// What answers the peers' challenges.
    pub authenticator: Option<Authenticator>,
    /// Where our server sees us, if that isn't where we are.
    pub seen: Option<Seen>,
}

/// Our address beyond a NAT (RFC 3581 §4).
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Seen {
    /// On this flow.
    pub flow: Flow,
    /// It is here.
    pub address: SocketAddr,
}

impl Profile {
    /// Our address for those at the other end of a flow.
    pub(crate) fn address_on(&self, flow: Flow) -> SocketAddr {
        self.seen.filter(|seen| seen.flow == flow).map_or(flow.local, |seen| seen.address)
    }

    /// Our Contact on a flow.
    pub fn contact(&self, flow: Flow) -> NameAddr {
        let address = self.address_on(flow);
        let uri = SipUri::new(Some(&self.contact_user), Host::from(address.ip()), Some(address.port()));
        NameAddr::new(Uri::Sip(match flow.link {
            Link::Sip(Transport::Tcp) => uri.with_param("transport", Some("tcp")),
            Link::Sip(Transport::Tls) => uri.with_param("transport", Some("tls")),
            Link::Sip(Transport::Udp) | Link::Dns => uri,
        }))
    }

    /// Whether a response is a challenge that is worth answering: the request is to be sent again, signed anew.
    pub(crate) fn take_challenge(&mut self, response: &Response) -> bool {
        matches!(response.status, Status::UNAUTHORIZED | Status::PROXY_AUTHENTICATION_REQUIRED)
            && self.authenticator.as_mut().is_some_and(|it| it.take_challenge(response))
    }

    /// The next request goes to another server.
    pub(crate) fn forget_challenges(&mut self) {
        if let Some(authenticator) = &mut self.authenticator {
            authenticator.forget();
        }
    }

    /// Answers in `request` the challenges that are known (RFC 3261 §22.2): a nonce that is still good saves a round
    /// trip.
    pub(crate) fn sign(&mut self, request: &mut Request, dice: &mut Dice) {
        if let Some(authenticator) = &mut self.authenticator {
            authenticator.sign(request, dice);
        }
    }
}

/// Whom to call.
#[derive(Clone, Debug)]
pub struct Invitation {
    /// Request-URI and To.
    pub target: Uri,
    /// Where the INVITE goes first: an outbound proxy, or the account's domain. Named as Route where it isn't the
    /// target's own host.
    pub hop: Uri,
    /// Header fields to send along.
    pub headers: Vec<(String, String)>,
}

/// What a session tells its user.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Event {
    /// Caller: the flow is known that the INVITE will go out on; [`Session::offer`] sends it. Again, if that flow
    /// fails and another address is tried, and if a 3xx says to call somebody else.
    Reached(Flow),
    /// Caller: a provisional answer other than 100.
    Progress {
        /// 101 to 199.
        status: Status,
        /// The SDP in it: early media.
        sdp: Option<Vec<u8>>,
    },
    /// Caller: the call is answered, and the answer is ACKed. Without SDP, that of the `Progress` before holds.
    Answered {
        /// The SDP in the 2xx.
        sdp: Option<Vec<u8>>,
    },
    /// Called: the ACK for our answer has come.
    Acknowledged {
        /// Its SDP: the peer's answer, where ours was the offer.
        sdp: Option<Vec<u8>>,
    },
    /// The peer offers anew, or asks for an offer: [`Session::answer_reoffer`] answers.
    Reoffered {
        /// Its offer; none if it wants ours.
        sdp: Option<Vec<u8>>,
    },
    /// A new offer that [`Session::reoffer`] asked for may be made now: [`Session::offer`] makes it, or
    /// [`Session::withdraw_offer`]. Again, if it crossed one of the peer's (RFC 3261 §14.1).
    OfferDue,
    /// Our new offer is accepted, and the answer is ACKed.
    ReofferAnswered {
        /// The SDP in the 2xx.
        sdp: Option<Vec<u8>>,
    },
    /// Our new offer is refused: the call goes on as it was.
    ReofferRefused {
        /// By this status.
        status: Status,
    },
    /// Our REFER has its final answer.
    ReferAnswered {
        /// 2xx: the peer goes about it.
        status: Status,
    },
    /// What has become of our REFER, as the peer tells; perhaps before `ReferAnswered`.
    ReferProgress {
        /// How the peer's own request to the target was answered; 100 if it doesn't say.
        status: Status,
        /// Nothing more will be told of it, not even if `status` is provisional.
        is_last: bool,
    },
    /// The peer wants us to call somebody else: [`Session::answer_refer`] answers, at once.
    Referred {
        /// Whom: a `sip:` or `tel:` URI, without headers.
        to: NameAddr,
        /// Referred-By as it came, for the new INVITE (RFC 3892).
        referred_by: Option<String>,
    },
    /// The peer tells of keys by INFO, which is answered.
    Info {
        /// One of [`INFO_TYPES`], in lower case.
        content_type: String,
        /// The INFO's body.
        body: Vec<u8>,
    },
    /// The call is over: never told for a call that the user itself has hung up.
    Ended {
        /// The status that ended or refused it; none for a BYE.
        status: Option<Status>,
    },
}
