//! A SIP endpoint below dialogs: flows, transactions (RFC 3261 §17, RFC 6026) and resolving, behind one door. It is
//! complete without a phone: a registrar or an exchange is written on it too. Leaves to its user: dialogs,
//! authentication, the repeats of a 2xx until its ACK (RFC 3261 §13.3.1.4), and what a request means.

use alloc::collections::VecDeque;

use base::{Dice, Instant};

use crate::flow::Flow;
use crate::message::{Request, Response, Uri};

mod interface;
mod route;

pub use interface::{ClientId, Config, Event, Failure, Input, Output, RouteId, ServerId, Unreachable};
pub use route::Alternatives;

/// An endpoint. Its driver hands in what happens and the time, does what `poll_output` says until it says nothing,
/// and comes back at `poll_timeout`.
#[derive(Debug)]
pub struct Endpoint {
    outputs: VecDeque<Output>,
    dice: Dice,
}

impl Endpoint {
    /// An endpoint at rest. Branches, tags and DNS ids come from `dice`.
    pub fn new(config: Config, dice: Dice) -> Self;

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>);

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output>;

    /// When `Input::Timeout` is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant>;

    /// Seeks a flow to `hop` (the first Route, an outbound proxy, else the Request-URI): resolves its host (`maddr` if
    /// there is one) and opens a flow to the first address that can be had. Answered, later or at once but always by
    /// an event, by `Reached` or `Unreachable`.
    pub fn reach(&mut self, now: Instant, hop: &Uri) -> RouteId;

    /// Goes on with a hop's next address after one has failed (RFC 3263 §4.3). `None` if none is left.
    pub fn reach_next(&mut self, alternatives: Alternatives) -> Option<RouteId>;

    /// Sends `request` on `flow` in a client transaction of its own. The Via is put on top here; all else is the
    /// caller's. Not for ACK and CANCEL.
    pub fn request(&mut self, now: Instant, flow: Flow, request: Request) -> ClientId;

    /// Gives up an INVITE (RFC 3261 §9.1): a CANCEL goes out as soon as a provisional answer has come. The INVITE still
    /// ends by a `Response` (487, or a 2xx that was faster) or by `Failed`. Does nothing after a final answer.
    pub fn cancel(&mut self, now: Instant, transaction: ClientId);

    /// Sends the ACK for a 2xx, again for each repeat of that 2xx (RFC 3261 §13.2.2.4). It has no transaction; the Via
    /// is put on top here.
    pub fn send_ack(&mut self, flow: Flow, ack: Request);

    /// Answers a request. A response whose To has no tag gets one. After a 2xx to an INVITE the same 2xx may be given
    /// again until its ACK comes, for 64*T1; all else after a final answer, and for a transaction that has ended, is
    /// dropped.
    pub fn respond(&mut self, now: Instant, transaction: ServerId, response: Response);

    /// Takes new texts of `/etc/hosts` and `/etc/resolv.conf`, and forgets what the old name servers said.
    pub fn configure(&mut self, config: Config);
}
