//! One phone in virtual time, and all that came out of it and nobody has looked at yet.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::time::Duration;

use base::Instant;
use media::leg::{Half, LegCommand, LegEvent, LegId};
use phone::{ClientId, Command, Config, Event, Family, Input, Output, Phone, PortId, Reply};
use sip::endpoint;
use sip::flow::{Flow, FlowError, Link, Transport};

use super::Fault;

/// The phone's address at the beginning.
const LOCAL: &str = "192.0.2.10:5060";
const LOCAL_V6: &str = "[2001:db8::10]:5060";

/// More timers than this at one instant are a phone that spins.
const MAX_TIMEOUTS: u32 = 100;

/// Names that the phone can resolve.
const HOSTS: &str =
    "192.0.2.1 pbx.example\n192.0.2.3 other.example\n192.0.2.6 pair.example\n192.0.2.7 pair.example\n";

pub(crate) struct Stage {
    phone: Phone,
    now: Instant,
    local: SocketAddr,
    dead: BTreeSet<SocketAddr>,
    ports: u32,
    pub(crate) sent: VecDeque<(SocketAddr, Vec<u8>)>,
    pub(crate) told: VecDeque<Event>,
    pub(crate) legs: VecDeque<LegCommand>,
    /// The leg that was told something last.
    leg: Option<LegId>,
    replies: VecDeque<Reply>,
}

impl Stage {
    pub(crate) fn new(config: Config) -> Self {
        let hosts = String::from(HOSTS);
        let config = Config { endpoint: endpoint::Config { hosts, resolv_conf: String::new() }, ..config };
        let mut stage = Self {
            phone: Phone::new(config, [3; 32], Instant::ZERO),
            now: Instant::ZERO,
            local: address(LOCAL),
            dead: BTreeSet::new(),
            ports: 0,
            sent: VecDeque::new(),
            told: VecDeque::new(),
            legs: VecDeque::new(),
            leg: None,
            replies: VecDeque::new(),
        };
        (0..4).for_each(|_| stage.lend_port());
        stage
    }

    pub(crate) const fn now(&self) -> Instant {
        self.now
    }

    pub(crate) fn poll_timeout(&self) -> Option<Instant> {
        self.phone.poll_timeout()
    }

    /// Asks for something, and gives back the reply.
    pub(crate) fn command(&mut self, client: ClientId, command: Command) -> Result<Reply, Fault> {
        self.input(Input::Command { client, command });
        let reply = self.replies.pop_front().ok_or_else(|| Fault::new("a request has a reply"))?;
        if self.replies.is_empty() { Ok(reply) } else { Err(Fault::new("a request has one reply")) }
    }

    pub(crate) fn datagram(&mut self, from: SocketAddr, bytes: &[u8]) {
        let flow = self.flow_to(from);
        self.input(Input::Sip(endpoint::Input::Datagram { flow, bytes }));
    }

    /// ICMP says that nobody hears what is sent to this address.
    pub(crate) fn refuse(&mut self, remote: SocketAddr) {
        let flow = self.flow_to(remote);
        let closed = endpoint::Input::FlowClosed { flow, reason: FlowError::Refused };
        self.input(Input::Sip(closed));
    }

    pub(crate) fn kill(&mut self, remote: SocketAddr) {
        self.dead.insert(remote);
    }

    pub(crate) fn move_to(&mut self, local: SocketAddr) {
        self.local = local;
    }

    pub(crate) fn leg_event(&mut self, event: LegEvent) -> Result<(), Fault> {
        let leg = self.leg.ok_or_else(|| Fault::new("no leg has been told anything"))?;
        self.input(Input::LegEvent { leg, event });
        Ok(())
    }

    /// Lets the time pass, waking the phone exactly when it asks; until it sends something, if that is what is waited
    /// for.
    pub(crate) fn run_for(&mut self, span: Duration, until_sent: bool) -> Result<(), Fault> {
        let end = self.now + span;
        let mut timeouts = 0;
        while let Some(due) = self.phone.poll_timeout().filter(|due| *due <= end) {
            if until_sent && !self.sent.is_empty() {
                return Ok(());
            }
            timeouts = if due > self.now { 0 } else { timeouts + 1 };
            if timeouts > MAX_TIMEOUTS {
                return Err(Fault::new("a timer goes off again and again"));
            }
            self.now = self.now.max(due);
            self.input(Input::Timeout);
        }
        if until_sent && !self.sent.is_empty() {
            return Ok(());
        }
        self.now = end;
        Ok(())
    }

    fn input(&mut self, input: Input<'_>) {
        self.phone.handle_input(self.now, input);
        while let Some(output) = self.phone.poll_output() {
            self.carry_out(output);
        }
    }

    fn carry_out(&mut self, output: Output) {
        match output {
            // No message, but for a NAT on the way.
            Output::Send { bytes, .. } if bytes == b"\r\n\r\n" => {}
            Output::Send { flow, bytes } => self.sent.push_back((flow.remote, bytes)),
            Output::Connect { connect, remote, .. } => {
                let flow = self.flow_to(remote);
                self.input(Input::Sip(match self.dead.contains(&remote) {
                    true => endpoint::Input::FlowFailed { connect, reason: FlowError::Unreachable },
                    false => endpoint::Input::FlowOpen { connect, flow },
                }));
            }
            Output::StartLeg { .. } => (0..2).for_each(|_| self.lend_port()),
            Output::Leg { leg, command } => {
                let is_end = matches!(command, LegCommand::End { .. });
                self.legs.push_back(command);
                self.leg = Some(leg);
                if is_end {
                    self.input(Input::LegEvent { leg, event: LegEvent::Ended(Half::Receive) });
                    self.input(Input::LegEvent { leg, event: LegEvent::Ended(Half::Send) });
                }
            }
            Output::Event(event) => self.told.push_back(event),
            Output::Reply { reply, .. } => self.replies.push_back(reply),
            Output::Close { .. } | Output::Log(_) | Output::Stopped => {}
        }
    }

    fn lend_port(&mut self) {
        self.ports += 1;
        let rtp_port = 10_000 + u16::try_from(self.ports * 2).expect("a story has few calls");
        let family = if self.ports.is_multiple_of(2) { Family::V4 } else { Family::V6 };
        self.input(Input::MediaPort { port: PortId(self.ports), family, rtp_port });
    }

    fn flow_to(&self, remote: SocketAddr) -> Flow {
        let local = if remote.is_ipv4() { self.local } else { address(LOCAL_V6) };
        Flow { link: Link::Sip(Transport::Udp), local, remote }
    }
}

/// `192.0.2.1` or `192.0.2.1:5062`.
pub(crate) fn address(text: &str) -> SocketAddr {
    let has_port = text.rsplit_once(']').map_or(text, |(_, rest)| rest).contains(':');
    let with_port = if has_port { text.to_owned() } else { format!("{text}:5060") };
    with_port.parse().unwrap_or_else(|_| panic!("no address: {text}"))
}
