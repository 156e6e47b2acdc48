//! A SIP endpoint below dialogs: flows, transactions (RFC 3261 §17, RFC 6026) and resolving, behind one door. It is
//! complete without a phone: a registrar or an exchange is written on it too. Leaves to its user: dialogs,
//! authentication, the repeats of a 2xx until its ACK (RFC 3261 §13.3.1.4), and what a request means.

use alloc::collections::VecDeque;
use alloc::format;
use alloc::string::String;
use core::net::SocketAddr;

use base::{Dice, Instant};

use crate::Show;
use crate::flow::{ConnectId, Flow, Link};
use crate::message::{MAGIC_COOKIE, Method, Name, Request, Response, Uri, Via};
use crate::transaction::{Client, ClientKey, ClientTray, Server, ServerKey, Table};

mod inspect;
mod interface;
mod receive;
mod refusal;
mod route;

use refusal::Refusals;
use route::Routes;

pub use inspect::Abilities;
pub use interface::{ClientId, Config, Event, Failure, Input, Output, RouteId, ServerId, Unreachable};
pub use route::Alternatives;
pub(crate) use route::{is_same_hop, leads_to};

/// Client transactions at a time. A phone's accounts and calls have some tens under way; a user that loses count is
/// told `Failure::Full`. CANCELs come on top, one an INVITE.
const MAX_CLIENTS: usize = 256;

/// Server transactions at a time. Each keeps its answer, at most a datagram, for 32 s. When there are as many, the
/// answered one that would lapse first makes room: a phone that is flooded with requests still answers its own peers.
const MAX_SERVERS: usize = 256;

/// Two line ends, which begin no message.
const KEEP_ALIVE: &[u8] = b"\r\n\r\n";

/// An endpoint. Its driver hands in what happens and the time, does what `poll_output` says until it says nothing,
/// and comes back at `poll_timeout`.
#[derive(Debug)]
pub struct Endpoint {
    outputs: VecDeque<Output>,
    dice: Dice,
    next_id: u64,
    clients: Table<ClientKey, Client>,
    servers: Table<ServerKey, Server>,
    routes: Routes,
    refusals: Refusals,
}

impl Endpoint {
    /// An endpoint at rest. Branches, tags and DNS ids come from `dice`.
    pub fn new(config: &Config, mut dice: Dice) -> Self {
        Self {
            outputs: VecDeque::new(),
            next_id: 0,
            clients: Table::new(MAX_CLIENTS),
            servers: Table::new(MAX_SERVERS),
            routes: Routes::new(config, dice.fork()),
            refusals: Refusals::new(&mut dice),
            dice,
        }
    }

    /// Takes new texts of `/etc/hosts` and `/etc/resolv.conf`, and forgets what the old name servers said.
    pub fn configure(&mut self, config: &Config) {
        self.routes.configure(config);
    }

    /// Forgets what name servers have said: in another network a name may mean something else.
    pub fn forget_names(&mut self) {
        self.routes.forget_names();
    }

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Datagram { flow, bytes } if flow.link == Link::Dns => {
                let (routes, mut tray) = self.routes();
                routes.handle_datagram(now, flow, bytes, &mut tray);
            }
            Input::Datagram { flow, bytes } => self.on_datagram(now, flow, bytes),
            Input::FlowOpen { connect, flow } => {
                let (routes, mut tray) = self.routes();
                routes.handle_open(now, connect, flow, &mut tray);
            }
            Input::FlowFailed { connect, reason } => {
                let (routes, mut tray) = self.routes();
                routes.handle_failed(now, connect, reason, &mut tray);
            }
            Input::FlowClosed { flow, .. } if flow.link == Link::Dns => {
                let (routes, mut tray) = self.routes();
                routes.handle_closed(now, flow, &mut tray);
            }
            Input::FlowClosed { flow, reason } => {
                self.routes.miss(flow.remote);
                self.fail_clients(flow, Failure::Transport(reason));
            }
            Input::Timeout => self.on_timeout(now),
        }
    }

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let first = |due: Option<(Instant, u64)>| due.map(|(at, _)| at);
        let deadlines =
            [first(self.clients.first_due()), first(self.servers.first_due()), self.routes.poll_timeout()];
        deadlines.into_iter().flatten().min()
    }

    /// Shows the states of all transactions.
    pub fn show_states(&self, show: &mut Show<'_>) {
        self.clients.iter().for_each(|(number, client)| client.show_state(number, show));
        self.servers.iter().for_each(|(number, server)| server.show_state(number, show));
    }

    /// Seeks a flow to `hop` (the first Route, an outbound proxy, else the Request-URI): resolves its host (`maddr` if
    /// there is one) and opens a flow to the first address that can be had. Answered by the event `Reached` or
    /// `Unreachable`, always.
    pub fn reach(&mut self, now: Instant, hop: &Uri) -> RouteId {
        let route = RouteId(self.new_id());
        let (routes, mut tray) = self.routes();
        routes.reach(now, route, hop, &mut tray);
        route
    }

    /// Goes on with a hop's next address after one has failed (RFC 3263 §4.3); answered as `reach` is. `None` if none is
    /// left.
    pub fn reach_next(&mut self, alternatives: Alternatives) -> Option<RouteId> {
        if alternatives.is_empty() {
            return None;
        }
        let route = RouteId(self.new_id());
        let (routes, mut tray) = self.routes();
        routes.reach_next(route, alternatives, &mut tray);
        Some(route)
    }

    /// Sends `request` on `flow` in a client transaction of its own. The Via is put on top here; all else is the
    /// caller's. Not for ACK and CANCEL.
    pub fn request(&mut self, now: Instant, flow: Flow, mut request: Request) -> ClientId {
        let id = ClientId(self.new_id());
        if self.clients.is_full() {
            self.tell(Event::Failed { transaction: id, reason: Failure::Full });
            return id;
        }
        let branch = self.push_via(flow, &mut request);
        let key = ClientKey::new(&branch, request.method.clone());
        let tray = ClientTray { outputs: &mut self.outputs, flow, told: Some(id) };
        let client = Client::start(now, request, tray);
        self.clients.insert(id.0, key, client);
        id
    }

    /// Gives up an INVITE (RFC 3261 §9.1): a CANCEL goes out as soon as a provisional answer has come. The INVITE still
    /// ends by a `Response` (487, or a 2xx that was faster) or by `Failed`. Does nothing after a final answer.
    pub fn cancel(&mut self, now: Instant, transaction: ClientId) {
        let cancel = self.clients.change(transaction.0, |client| Some((client.flow(), client.cancel(now)?)));
        if let Some((flow, cancel)) = cancel.flatten() {
            self.send_cancel(now, flow, cancel);
        }
    }

    /// Sends the ACK for a 2xx, again for each repeat of that 2xx (RFC 3261 §13.2.2.4). It has no transaction; the Via
    /// is put on top here.
    pub fn send_ack(&mut self, flow: Flow, mut ack: Request) {
        self.push_via(flow, &mut ack);
        self.outputs.push_back(Output::Send { flow, bytes: ack.to_bytes() });
    }

    /// Shows a NAT on the way that `flow` is still needed, by what RFC 5626 §3.5.1 has for streams and peers ignore over UDP,
    /// too.
    pub fn keep_alive(&mut self, flow: Flow) {
        self.outputs.push_back(Output::Send { flow, bytes: KEEP_ALIVE.to_vec() });
    }

    /// Answers a request. A response whose To has no tag gets one, the same in each answer to a request; a user that
    /// needs to know it for a dialog gives its own. After a 2xx to an INVITE the same 2xx may be given again until its
    /// ACK comes, for 64*T1; all else after a final answer, and for a transaction that has ended, is dropped.
    pub fn respond(&mut self, now: Instant, transaction: ServerId, response: Response) {
        let outputs = &mut self.outputs;
        self.servers.change(transaction.0, |server| server.respond(now, response, outputs));
    }

    /// Leaves a request without an answer, and forgets it: whoever sends it again is a new request.
    pub fn ignore(&mut self, transaction: ServerId) {
        self.servers.remove(transaction.0);
    }

    /// Forgets a request of ours that nobody wants any more: it is not sent again, and its answer is nobody's.
    pub fn forget(&mut self, transaction: ClientId) {
        self.clients.remove(transaction.0);
    }

    /// Starts the CANCEL's own transaction, which nobody is told of: it has the INVITE's Via, so its branch.
    fn send_cancel(&mut self, now: Instant, flow: Flow, cancel: Request) {
        let Some(branch) = cancel.headers.via().ok().and_then(|via| via.branch().map(String::from)) else {
            return;
        };
        let number = self.new_id();
        let tray = ClientTray { outputs: &mut self.outputs, flow, told: None };
        let client = Client::start(now, cancel, tray);
        self.clients.insert(number, ClientKey::new(&branch, Method::Cancel), client);
    }

    fn fail_clients(&mut self, flow: Flow, reason: Failure) {
        let lost: alloc::vec::Vec<u64> = self
            .clients
            .iter()
            .filter(|(_, client)| client.flow() == flow)
            .map(|(number, _)| number)
            .collect();
        for number in lost {
            let outputs = &mut self.outputs;
            self.clients.change(number, |client| client.on_failed(reason, outputs));
        }
    }

    fn on_timeout(&mut self, now: Instant) {
        let outputs = &mut self.outputs;
        while let Some((_, number)) = self.clients.first_due().filter(|(due, _)| *due <= now) {
            self.clients.change(number, |client| client.on_timeout(now, outputs));
        }
        while let Some((_, number)) = self.servers.first_due().filter(|(due, _)| *due <= now) {
            self.servers.change(number, |server| server.on_timeout(now, outputs));
        }
        let (routes, mut tray) = self.routes();
        routes.handle_timeout(now, &mut tray);
    }

    /// RFC 3261 §8.1.1.7 and §18.1.1, RFC 3581 §3: names the flow's own address, and a branch that is unique and can't
    /// be guessed, so that nobody off the path can forge an answer.
    fn push_via(&mut self, flow: Flow, request: &mut Request) -> String {
        let branch = format!("{MAGIC_COOKIE}{}", self.dice.hex(4));
        request.headers.push_front(Name::Via, Via::new(flow.link.transport(), flow.local, &branch));
        branch
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }

    fn new_id(&mut self) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        id
    }

    fn routes(&mut self) -> (&mut Routes, Tray<'_>) {
        (&mut self.routes, Tray { outputs: &mut self.outputs, next_id: &mut self.next_id })
    }
}

/// What an endpoint lends its routes and their resolver.
#[derive(Debug)]
pub(crate) struct Tray<'a> {
    pub(crate) outputs: &'a mut VecDeque<Output>,
    pub(crate) next_id: &'a mut u64,
}

impl Tray<'_> {
    pub(crate) fn connect(&mut self, link: Link, remote: SocketAddr) -> ConnectId {
        let connect = ConnectId(*self.next_id);
        *self.next_id += 1;
        self.outputs.push_back(Output::Connect { connect, link, remote });
        connect
    }

    fn tell(&mut self, event: Event) {
        self.outputs.push_back(Output::Event(event));
    }
}
