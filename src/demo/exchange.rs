//! The exchange as a machine: it brings what happens to its registrar and its calls. The driver polls outputs until
//! `None` after each input.

use std::collections::VecDeque;
use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::leg::Channel;
use sip::endpoint::{self, Config, Endpoint, Event, ServerId};
use sip::flow::{Flow, FlowError, Link, Transport};
use sip::invite::{ABILITIES, METHODS, Profile, SDP};
use sip::message::{Method, Name, NameAddr, Request, Response, SipUri, Status};

use super::call::{Call, Line, Wish};
use super::numbers::{self, CALLED_BACK};
use super::registrar::{Registrar, user_of};

/// Calls at a time: two users with the four calls that a phone has by default. One more is answered as busy.
pub(super) const LINES: usize = 8;

/// How long calls may take to end when the exchange stops.
const STOP_WITHIN: Duration = Duration::from_millis(200);

/// User-Agent and Server.
const AGENT: &str = concat!("neonphone-demo/", env!("CARGO_PKG_VERSION"));

/// The name that callers see.
const NAME: &str = "Demonstration exchange";

/// Who calls somebody back.
const CALLS_BACK: &str = "603";

/// What the driver hands in.
#[derive(Debug)]
pub(super) enum Input<'a> {
    /// A datagram came to the SIP socket.
    Sip {
        /// From there.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// A datagram came to one of a line's sockets.
    Media {
        /// Which line.
        line: usize,
        /// Which of its sockets.
        channel: Channel,
        /// From there.
        from: SocketAddr,
        /// All of it.
        bytes: &'a [u8],
    },
    /// 10 ms of sound are due: as long as [`Exchange::sounds`].
    Tick,
    /// The time that `poll_timeout` told has come.
    Timeout,
    /// All calls are to end.
    Stop,
}

/// What the driver sends.
#[derive(Debug)]
pub(super) enum Output {
    /// From the SIP socket.
    Sip {
        /// Where to.
        to: SocketAddr,
        /// All of it.
        bytes: Vec<u8>,
    },
    /// From one of a line's sockets.
    Media {
        /// Which line.
        line: usize,
        /// Which of its sockets.
        channel: Channel,
        /// Where to.
        to: SocketAddr,
        /// All of it.
        bytes: Vec<u8>,
    },
}

/// The exchange.
#[derive(Debug)]
pub(super) struct Exchange {
    address: SocketAddr,
    endpoint: Endpoint,
    registrar: Registrar,
    calls: Vec<Call>,
    /// Lines without a call, the one that has rested longest first: its old caller may still be speaking.
    free: VecDeque<Line>,
    /// Users who will be called, no more of them than lines.
    to_call_back: Vec<(Instant, String)>,
    stop_at: Option<Instant>,
    dice: Dice,
    outputs: VecDeque<Output>,
}

impl Exchange {
    /// An exchange whose SIP socket is bound to `address`, and the RTP sockets of its lines to `lines`.
    pub(super) fn new(address: SocketAddr, lines: [SocketAddr; LINES], mut dice: Dice) -> Self {
        Self {
            address,
            // Neither hosts nor name servers: it talks to addresses of this machine.
            endpoint: Endpoint::new(&Config::default(), dice.fork()),
            registrar: Registrar::new(dice.fork()),
            calls: Vec::new(),
            free: lines.into_iter().enumerate().map(|(number, rtp)| Line { number, rtp }).collect(),
            to_call_back: Vec::new(),
            stop_at: None,
            dice,
            outputs: VecDeque::new(),
        }
    }

    /// Takes what happened. `now` never goes back.
    pub(super) fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        match input {
            Input::Sip { from, bytes } => {
                let flow = self.flow_to(from);
                self.endpoint.handle_input(now, endpoint::Input::Datagram { flow, bytes });
            }
            Input::Media { line, channel, from, bytes } => {
                if let Some(call) = self.calls.iter_mut().find(|call| call.line().number == line) {
                    call.handle_packet(now, channel, from, bytes);
                }
                return;
            }
            Input::Tick => return self.tick(now),
            Input::Timeout => self.endpoint.handle_input(now, endpoint::Input::Timeout),
            Input::Stop => {
                self.stop_at = Some(now + STOP_WITHIN);
                self.to_call_back.clear();
                self.calls.iter_mut().for_each(|call| call.hang_up(now, &mut self.endpoint));
            }
        }
        self.settle(now);
    }

    /// What the driver is to send next.
    pub(super) fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due.
    pub(super) fn poll_timeout(&self) -> Option<Instant> {
        let calls = self.calls.iter().filter_map(Call::poll_timeout);
        let to_call_back = self.to_call_back.iter().map(|(at, _)| *at);
        calls.chain(to_call_back).chain(self.endpoint.poll_timeout()).chain(self.stop_at).min()
    }

    /// Whether ticks are wanted.
    pub(super) fn sounds(&self) -> bool {
        self.calls.iter().any(Call::sounds)
    }

    /// Whether it was told to stop, and its calls have ended or had their time for it.
    pub(super) fn has_stopped(&self, now: Instant) -> bool {
        self.stop_at.is_some_and(|at| at <= now || self.calls.is_empty())
    }

    fn tick(&mut self, now: Instant) {
        for call in self.calls.iter_mut().filter(|call| call.sounds()) {
            let line = call.line().number;
            call.tick(now, |packet| {
                let (channel, to, bytes) = (packet.channel, packet.to, packet.bytes.to_vec());
                self.outputs.push_back(Output::Media { line, channel, to, bytes });
            });
        }
    }

    /// Works off all that follows from an input.
    fn settle(&mut self, now: Instant) {
        self.route(now);
        let mut wishes = Vec::new();
        self.calls.iter_mut().for_each(|call| call.handle_timeout(now, &mut self.endpoint, &mut wishes));
        for Wish::CallBack { user, after } in wishes {
            if self.to_call_back.len() < LINES {
                self.to_call_back.push((now + after, user));
            }
        }
        let due: Vec<_> = self.to_call_back.extract_if(.., |(at, _)| *at <= now).collect();
        for (_, user) in due {
            self.call_back(now, user);
        }
        self.route(now);
        for call in self.calls.extract_if(.., |call| call.is_over()) {
            self.free.push_back(call.line());
        }
    }

    /// Brings what the endpoint has to say to whom it concerns, until it has nothing more.
    fn route(&mut self, now: Instant) {
        while let Some(output) = self.endpoint.poll_output() {
            match output {
                endpoint::Output::Send { flow, bytes } => {
                    self.outputs.push_back(Output::Sip { to: flow.remote, bytes });
                }
                endpoint::Output::Connect { connect, link, remote } => {
                    let flow = self.flow_to(remote);
                    let input = match flow.link == link && remote.is_ipv4() == self.address.is_ipv4() {
                        true => endpoint::Input::FlowOpen { connect, flow },
                        false => endpoint::Input::FlowFailed { connect, reason: FlowError::Unsupported },
                    };
                    self.endpoint.handle_input(now, input);
                }
                endpoint::Output::Close { .. } => {}
                endpoint::Output::Event(event) => self.on_event(now, event),
            }
        }
    }

    fn on_event(&mut self, now: Instant, event: Event) {
        if let Some(call) = self.calls.iter_mut().find(|call| call.owns(&event)) {
            call.handle_event(now, &mut self.endpoint, event);
        } else if let Event::Request { transaction, flow, request } = event {
            self.on_request(now, transaction, flow, request);
        }
    }

    /// A request that belongs to no call.
    fn on_request(&mut self, now: Instant, transaction: ServerId, flow: Flow, request: Request) {
        let headers = &request.headers;
        let mut response = match request.method {
            Method::Register => self.registrar.register(now, &request),
            _ => match ABILITIES.inspect(&request) {
                Err(refusal) => refusal,
                // RFC 3261 §12.2.2: a To tag names a dialog, and there is none like that.
                Ok(()) if headers.to().is_ok_and(|to| to.tag().is_some()) => {
                    Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST)
                }
                Ok(()) => match request.method {
                    Method::Invite => match self.on_invite(now, transaction, flow, &request) {
                        Ok(call) => return self.calls.push(call),
                        Err(refusal) => refusal,
                    },
                    Method::Options => abilities(&request),
                    _ => Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST),
                },
            },
        };
        response.headers.push(Name::Server, AGENT);
        self.endpoint.respond(now, transaction, response);
    }

    fn on_invite(
        &mut self,
        now: Instant,
        transaction: ServerId,
        flow: Flow,
        invite: &Request,
    ) -> Result<Call, Response> {
        let refuse = |status| Response::to_request(invite, status);
        let caller = self.registrar.authenticate(now, invite, Status::PROXY_AUTHENTICATION_REQUIRED)?;
        let called = user_of(&invite.uri);
        let script = numbers::script_of(&called).ok_or_else(|| refuse(Status::NOT_FOUND))?;
        let line = self.free.pop_front().ok_or_else(|| refuse(Status::BUSY_HERE))?;
        let profile = self.profile(&called);
        let came = (transaction, flow, invite.clone());
        let call = Call::take(now, came, profile, (caller.into(), line), script, self.dice.fork());
        call.map_err(|status| {
            self.free.push_back(line);
            refuse(status)
        })
    }

    /// Calls a user, unless he has gone, or all lines are taken.
    fn call_back(&mut self, now: Instant, user: String) {
        let Some(contact) = self.registrar.contact(now, &user).cloned() else { return };
        let Some(line) = self.free.pop_front() else { return };
        let profile = self.profile(CALLS_BACK);
        let dice = self.dice.fork();
        let with = (user, line);
        let call = Call::place(now, &mut self.endpoint, &contact, profile, with, CALLED_BACK, dice);
        self.calls.push(call);
    }

    /// Who the exchange is in a call with one of its numbers.
    fn profile(&self, number: &str) -> Profile {
        let uri = SipUri::new(Some(number), self.address.ip().into(), Some(self.address.port()));
        Profile {
            address: NameAddr::new(uri).with_display_name(NAME),
            contact_user: number.into(),
            agent: AGENT.into(),
            authenticator: None,
        }
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        Flow { link: Link::Sip(Transport::Udp), local: self.address, remote }
    }
}

/// RFC 3261 §11.2.
fn abilities(options: &Request) -> Response {
    let mut response = Response::to_request(options, Status::OK);
    for method in METHODS {
        response.headers.push(Name::Allow, method);
    }
    response.headers.push(Name::Accept, SDP);
    response
}
