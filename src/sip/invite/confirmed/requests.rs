//! What the peer asks within a dialog (RFC 3261 §12.2.2, §14.2, §15.1.2): each request goes to the machine that it concerns,
//! and is answered at once unless that is our user's to say.

use super::{Answer, Bye, Confirmed};
use crate::endpoint::ServerId;
use crate::invite::admit::{admit, come_later, ok_to, read_info, sdp_of};
use crate::invite::{Event, Step};
use crate::message::{Method, Request, Response, Status};

impl Confirmed {
    pub(super) fn on_request(&mut self, step: &mut Step<'_>, transaction: ServerId, request: Request) {
        let answer = match admit(&mut self.line.dialog, &request) {
            Ok(()) => self.on_admitted(step, transaction, request),
            Err(refusal) => Some(refusal),
        };
        if let Some(response) = answer {
            step.endpoint.respond(step.now, transaction, response);
        }
    }

    /// What a request is answered with, unless that is our user's to say.
    fn on_admitted(
        &mut self,
        step: &mut Step<'_>,
        transaction: ServerId,
        request: Request,
    ) -> Option<Response> {
        let ok = ok_to(&request, step.profile);
        let heard = match (&request.method, &self.bye) {
            (Method::Notify, _) => self.refer.take_notify(&request, self.queue.refer_number()),
            (_, Bye::Over) => Err(Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
            (Method::Bye, _) => {
                step.endpoint.respond(step.now, transaction, ok);
                self.on_bye(step);
                return None;
            }
            (Method::Invite, Bye::Unsaid) => match self.check_invite(step, &request) {
                Err(refusal) => Err(refusal),
                Ok(()) => {
                    let sdp = sdp_of(&request.headers, &request.body);
                    self.answer = Answer::Pending { transaction, invite: request };
                    step.tray.push(Event::Reoffered { sdp });
                    return None;
                }
            },
            (Method::Refer, Bye::Unsaid) => match self.referred.take(transaction, request) {
                Err(refusal) => Err(refusal),
                Ok(referred) => {
                    step.tray.push(referred);
                    return None;
                }
            },
            (Method::Info, Bye::Unsaid) => read_info(&request),
            (Method::Options, _) => Ok(None),
            // Until our BYE is out there is a dialog: to deny it would end the call, as one that has failed.
            (_, Bye::Owed) => Err(come_later(&request, step.dice)),
            _ => Err(Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)),
        };
        match heard {
            Ok(event) => {
                step.tray.extend(event);
                Some(ok)
            }
            Err(refusal) => Some(refusal),
        }
    }

    /// Whether a new offer can be heard now.
    fn check_invite(&self, step: &mut Step<'_>, invite: &Request) -> Result<(), Response> {
        match &self.answer {
            // RFC 3261 §14.2: offers that cross are both made again.
            Answer::Settled if self.reoffer.is_out() => {
                Err(Response::to_request(invite, Status::REQUEST_PENDING))
            }
            Answer::Settled => Ok(()),
            Answer::Pending { .. } => Err(come_later(invite, step.dice)),
            // RFC 5407 §3.1.4: the ACK is late, and has nothing to say.
            Answer::Unacknowledged { is_agreed: true, .. } => Ok(()),
            // RFC 5407 §3.1.5: the ACK brings the answer to our offer.
            Answer::Unacknowledged { .. } => Err(Response::to_request(invite, Status::REQUEST_PENDING)),
        }
    }

    /// The peer hangs up.
    fn on_bye(&mut self, step: &mut Step<'_>) {
        if self.bye.is_new() {
            step.tray.push(Event::Ended { status: None });
        }
        // Our own BYE, if it crosses this one, has an answer to come.
        if !matches!(&self.bye, Bye::Out(bye) if bye.sent().is_some()) {
            self.end(step);
        }
    }

    pub(super) fn on_ack(&mut self, step: &mut Step<'_>, ack: &Request) {
        if !self.answer.take_ack(ack) {
            return;
        }
        match self.bye {
            Bye::Unsaid => step.tray.push(Event::Acknowledged { sdp: sdp_of(&ack.headers, &ack.body) }),
            Bye::Owed => self.send_bye(step),
            Bye::Awaited { .. } | Bye::Out(_) | Bye::Over => {}
        }
    }
}
