//! Requests of peers that belong to no call yet: an INVITE that would begin one, and what any SIP element answers. And
//! calls that a peer asks for within another (RFC 3515).

use alloc::format;
use alloc::string::{String, ToString};

use base::Instant;
use sip::endpoint::ServerId;
use sip::flow::Flow;
use sip::invite::{ABILITIES, Invitation, SDP, push_abilities};
use sip::message::{Method, Name, Request, Response, Status};

use super::Phone;
use crate::calls::{Placed, Referral, Rung};
use crate::interface::Output;
use crate::number::Number;
use crate::policy::{self, Verdict};
use crate::reason;

impl Phone {
    /// A request that belongs to no call. A stranger is answered now and then only: nobody can borrow the phone to flood
    /// another, and a scanner soon hears nothing.
    pub(super) fn on_request(&mut self, now: Instant, transaction: ServerId, flow: Flow, request: Request) {
        let is_known = self.is_known(flow);
        if !is_known && !self.strangers.take(now) {
            return self.endpoint.ignore(transaction);
        }
        let is_within_dialog = request.headers.to_tag().is_some();
        let response = match ABILITIES.inspect(&request) {
            Err(refusal) => refusal,
            // RFC 3261 §12.2.2: a To tag names a dialog, and there is none like that.
            Ok(()) if is_within_dialog => {
                Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
            }
            Ok(()) => match request.method {
                Method::Invite => match self.on_invite(now, transaction, flow, request.clone(), is_known) {
                    Ok(()) => return,
                    Err(status) => Response::to_request(&request, status),
                },
                Method::Options => abilities(&request),
                _ => Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
            },
        };
        let is_call = request.method == Method::Invite && !is_within_dialog;
        if is_call && (is_known || self.strangers_told.take(now)) {
            self.outputs.push_back(log(&request, flow, response.status));
        }
        self.respond(now, transaction, response);
        if !is_known {
            // RFC 3261 §8.2.7: it isn't sent again and again to an address that may be borrowed.
            self.endpoint.ignore(transaction);
        }
    }

    fn on_invite(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        invite: Request,
        is_known: bool,
    ) -> Result<(), Status> {
        let user = user(&invite);
        let to = invite.headers.to().ok();
        let domain = to.as_ref().and_then(|to| to.uri.as_sip()).map(|uri| &uri.host);
        let account = self.accounts.called(&user, domain, flow);
        let invitation =
            policy::Invitation { is_known, is_for_us: account.is_some(), is_full: self.is_full() };
        let account = match (policy::judge(invitation), account) {
            (Verdict::Ring, Some(account)) => account,
            (Verdict::Ring, None) => return Err(Status::NOT_FOUND),
            (Verdict::Refuse(status), _) => return Err(status),
        };
        let rung = Rung {
            id: self.calls.take_id(),
            connection: account.id,
            profile: account.profile().clone(),
            dtmf: account.settings().dtmf,
            transaction,
            flow,
            invite,
            dice: self.dice.fork(),
        };
        self.turn(now, |calls, turn| calls.ring(turn, rung))
    }

    /// Whether a message came from an account's server, or from a peer that the configuration names.
    fn is_known(&self, flow: Flow) -> bool {
        let address = flow.remote.ip();
        self.accounts.is_server(address) || self.config.peers.iter().any(|peers| peers.contains(address))
    }

    /// Whether there are as many calls as there may be.
    pub(super) fn is_full(&self) -> bool {
        self.calls.len() >= self.config.max_calls
    }

    fn respond(&mut self, now: Instant, transaction: ServerId, mut response: Response) {
        response.headers.push(Name::Server, &self.config.agent);
        self.endpoint.respond(now, transaction, response);
    }

    /// Answers what peers have asked for meanwhile.
    pub(super) fn answer_referrals(&mut self, now: Instant) {
        while let Some(referral) = self.calls.poll_referral() {
            let referrer = referral.call;
            let placed = self.follow(referral);
            self.turn(now, |calls, turn| match placed {
                Ok(placed) => calls.follow(turn, referrer, placed),
                Err(status) => calls.refuse(turn, referrer, status),
            });
        }
    }

    /// The call that a peer asks for, by the account of the call that it asks in.
    ///
    /// # Errors
    /// The status that refuses it.
    fn follow(&mut self, referral: Referral) -> Result<Placed, Status> {
        if self.is_full() {
            return Err(Status::BUSY_HERE);
        }
        let account = self.accounts.get(referral.connection).ok_or(Status::TEMPORARILY_UNAVAILABLE)?;
        let number: Number = referral.to.uri.to_string().parse().map_err(|_| Status::BAD_REQUEST)?;
        let target = account.dial(&number).map_err(|_| Status::BAD_REQUEST)?;
        let headers = referral.referred_by.into_iter().map(|by| ("Referred-By".into(), by)).collect();
        Ok(Placed {
            id: self.calls.take_id(),
            connection: account.id,
            profile: account.profile().clone(),
            dtmf: account.settings().dtmf,
            invitation: Invitation { target, hop: account.hop().clone(), headers },
            referrer: Some(referral.call),
            mute: referral.mute,
            dice: self.dice.fork(),
        })
    }
}

/// Why an INVITE began no call.
fn log(invite: &Request, flow: Flow, status: Status) -> Output {
    let (user, from, why) = (user(invite), flow.remote.ip(), reason::of_refusal(status));
    Output::Log(format!("a call to {user:?} from {from} was refused: {why} ({status} {})", status.reason()))
}

/// Who is called: the user of the Request-URI.
fn user(invite: &Request) -> String {
    invite.uri.as_sip().and_then(|uri| uri.user_text()).unwrap_or_default().into_owned()
}

/// RFC 3261 §11.2.
fn abilities(options: &Request) -> Response {
    let mut response = Response::to_request(options, Status::OK);
    push_abilities(&mut response.headers);
    response.headers.push(Name::Accept, SDP);
    response
}
