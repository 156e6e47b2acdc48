//! The world: two phones, each with its clients, and the exchange, on one network and by one clock. All that happens
//! follows from a seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant};
use media::leg::{Half, LegCommand, LegEvent, LegId};
use phone::accounts::Settings;
use phone::{ClientId, Command, Config, ConnectionId, Family, Input, Output, Phone, PortId};
use sip::endpoint;
use sip::flow::{Flow, FlowError, Link, Transport};

use crate::clients::{Clients, EXCHANGE_NAME, PASSWORD, REFUSING_HOST, USERS};
use crate::exchange::{Exchange, Habits};
use crate::invariants::{Cause, GRACE, MAX_CALLS, Witness, check_agreement};
use crate::network::{Fate, Network, Weather};
use crate::trace::{Trace, What};

const EXCHANGE: &str = "192.0.2.1:5060";
const PHONES: [(&str, &str); 2] = [("Ada", "192.0.2.11:5060"), ("Bob", "192.0.2.12:5060")];

/// Clients do something for so long.
const BUSY_FOR: Duration = Duration::from_secs(100);

/// Then they leave the world alone, for long enough that whatever is under way comes to its end: a REGISTER that
/// nobody answers, challenges, a call that rings until the exchange cancels it.
const ALONE_FOR: Duration = Duration::from_secs(240);

/// The longest that a call rings, and 64*T1: after it nothing of a call that was hung up is left.
const SETTLES_WITHIN: Duration = Duration::from_secs(130);

/// More timers than this at one instant are a phone that spins.
const MAX_TIMEOUTS: u32 = 100;

pub(crate) struct World {
    now: Instant,
    dice: Dice,
    network: Network,
    exchange: Exchange,
    stations: [Station; 2],
    /// What is under way, in the order in which it was begun where it happens at once.
    ahead: BTreeMap<(Instant, u64), Happening>,
    begun: u64,
    weather: Weather,
    trace: Trace,
}

/// A phone, whoever uses it, and who watches it.
struct Station {
    name: &'static str,
    address: SocketAddr,
    phone: Phone,
    clients: Clients,
    witness: Witness,
    ports: u32,
}

enum Happening {
    Arrives { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Refused { by: SocketAddr, at: SocketAddr },
    ClientsAct { station: usize },
    PortIsLent { station: usize },
    LegEnds { station: usize, leg: LegId, half: Half },
}

impl World {
    pub(crate) fn new(number: u64, weather: Weather) -> Self {
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&number.to_le_bytes());
        let mut dice = Dice::new(seed);
        let passwords = USERS.map(|user| (user, PASSWORD));
        let habits = Habits::thrown(&mut dice);
        let exchange = Exchange::new(address(EXCHANGE), habits, &passwords, dice.fork());
        let stations = [0, 1].map(|at| Station::new(at, &mut dice));
        let mut world = Self {
            now: Instant::ZERO,
            network: Network::new(weather, dice.fork()),
            exchange,
            stations,
            ahead: BTreeMap::new(),
            begun: 0,
            weather,
            trace: Trace::new(number),
            dice,
        };
        for station in [0, 1] {
            for _ in 0..2 {
                world.lend_port(station);
            }
            world.drain(station, &Cause::Begin);
            world.begin(Duration::from_secs(1), Happening::ClientsAct { station });
        }
        world
    }

    /// A day in this world, from its first request to the last `Stopped`.
    pub(crate) fn live(&mut self) {
        self.run_for(BUSY_FOR);
        for station in &mut self.stations {
            station.clients.rest();
        }
        self.network.calm();
        self.run_for(ALONE_FOR);
        self.ask_for_state();
        for station in &self.stations {
            station.witness.check_rest(self.now);
        }
        self.check_agreement();
        let bound = self.exchange.bound(self.now);
        for (station, user) in self.stations.iter().zip(USERS) {
            let is_connected = station.witness.is_connected(user, EXCHANGE_NAME);
            assert!(
                !is_connected || bound.contains(&user),
                "{user} is told to be connected, and isn't bound"
            );
        }
        if self.dice.percent(50) {
            self.tidy_up();
        }
        self.stop();
    }

    /// What was sent, said and done, for comparison.
    pub(crate) fn into_trace(mut self) -> Trace {
        std::mem::replace(&mut self.trace, Trace::new(0))
    }

    /// Clients end what they have begun; then nothing is left behind.
    fn tidy_up(&mut self) {
        for station in [0, 1] {
            let commands = self.stations[station].clients.tidy_up(&self.stations[station].witness);
            for (client, command) in commands {
                self.command(station, client, command);
            }
        }
        self.run_for(SETTLES_WITHIN);
        self.ask_for_state();
        for station in &self.stations {
            station.witness.check_nothing_is_left();
            let due = station.phone.poll_timeout();
            let is_at_rest = due.is_none() || station.witness.has_accounts();
            assert!(is_at_rest, "{} has nothing to do, and a timer at {due:?}", station.name);
        }
        // Who has a wrong password can't take back what the right one had bound.
        let may_have_bindings = |it: &Station| it.witness.has_accounts() || it.witness.was_misled;
        if self.weather != Weather::Outages && !self.stations.iter().any(may_have_bindings) {
            assert_eq!(self.exchange.bound(self.now), [""; 0], "bindings of accounts that were disconnected");
        }
    }

    /// One phone stops, and with it its calls on the other one, which stops later.
    fn stop(&mut self) {
        let first = usize::from(self.dice.percent(50));
        for station in [first, 1 - first] {
            self.give(station, Cause::Stop, Input::Stop);
            self.run_for(SETTLES_WITHIN);
            assert!(
                self.stations[station].witness.has_stopped,
                "{} doesn't stop",
                self.stations[station].name
            );
            self.check_agreement();
        }
    }

    /// A call whose end was lost in an outage may go on at the other side: nothing but its sound tells it.
    fn check_agreement(&self) {
        if self.weather != Weather::Outages {
            check_agreement(self.stations.each_ref().map(|station| &station.witness));
        }
    }

    fn ask_for_state(&mut self) {
        for station in [0, 1] {
            let client = self.stations[station].clients.any();
            self.command(station, client, Command::GetState);
        }
    }

    /// Lets time pass, from one thing that happens to the next.
    fn run_for(&mut self, time: Duration) {
        let end = self.now + time;
        let mut timeouts = 0;
        loop {
            let happens_at = self.ahead.first_key_value().map(|((at, _), _)| *at);
            let dues = self.stations.each_ref().map(Station::poll_timeout);
            let exchange_due = self.exchange.poll_timeout();
            let next = dues.into_iter().chain([exchange_due, happens_at]).flatten().min();
            let Some(next) = next.filter(|next| *next <= end) else { break };
            timeouts = if next > self.now { 0 } else { timeouts + 1 };
            assert!(timeouts < MAX_TIMEOUTS, "a timer goes off again and again");
            self.now = self.now.max(next);
            if let Some(station) = dues.iter().position(|due| *due == Some(next)) {
                self.give(station, Cause::Driver, Input::Timeout);
            } else if exchange_due == Some(next) {
                let outputs = self.exchange.handle_timeout(self.now);
                self.carry_out(outputs);
            } else if let Some((_, happening)) = self.ahead.pop_first() {
                timeouts = 0;
                self.happen(happening);
            }
        }
        self.now = end;
    }

    fn happen(&mut self, happening: Happening) {
        match happening {
            Happening::Arrives { from, to, bytes } => self.arrive(from, to, &bytes),
            Happening::Refused { by, at } => {
                if let Some(station) = self.station_at(at) {
                    let flow = Flow { link: Link::Sip(Transport::Udp), local: at, remote: by };
                    let closed = endpoint::Input::FlowClosed { flow, reason: FlowError::Refused };
                    self.give(station, Cause::Datagram, Input::Sip(closed));
                }
            }
            Happening::ClientsAct { station } => self.clients_act(station),
            Happening::PortIsLent { station } => self.lend_port(station),
            Happening::LegEnds { station, leg, half } => {
                self.give(station, Cause::Driver, Input::LegEvent { leg, event: LegEvent::Ended(half) });
            }
        }
    }

    fn arrive(&mut self, from: SocketAddr, to: SocketAddr, bytes: &[u8]) {
        let station = self.station_at(to);
        let is_gone = station.is_some_and(|at| self.stations[at].witness.has_stopped);
        if is_gone || to == address(REFUSING_HOST) {
            self.begin(Duration::from_millis(1), Happening::Refused { by: to, at: from });
        } else if let Some(station) = station {
            let flow = Flow { link: Link::Sip(Transport::Udp), local: to, remote: from };
            self.give(station, Cause::Datagram, Input::Sip(endpoint::Input::Datagram { flow, bytes }));
        } else if to == address(EXCHANGE) {
            let outputs = self.exchange.handle_datagram(self.now, from, bytes);
            self.carry_out(outputs);
        }
    }

    fn clients_act(&mut self, at: usize) {
        let station = &mut self.stations[at];
        let Some((client, command, wait)) = station.clients.act(&station.witness) else { return };
        self.command(at, client, command);
        self.begin(wait, Happening::ClientsAct { station: at });
    }

    fn command(&mut self, station: usize, client: ClientId, command: Command) {
        let cause = Cause::Command(client, command.clone());
        self.trace.tell(self.now, self.stations[station].name, What::Command(client, command.clone()));
        self.give(station, cause, Input::Command { client, command });
    }

    fn give(&mut self, at: usize, cause: Cause, input: Input<'_>) {
        let station = &mut self.stations[at];
        if !station.witness.has_stopped {
            station.phone.handle_input(self.now, input);
            self.drain(at, &cause);
        }
    }

    /// Does what a phone wants, after its witness has looked at it.
    fn drain(&mut self, at: usize, cause: &Cause) {
        let station = &mut self.stations[at];
        let outputs: Vec<Output> = std::iter::from_fn(|| station.phone.poll_output()).collect();
        for output in &outputs {
            match output {
                Output::Event(event) => self.trace.tell(self.now, station.name, What::Event(event.clone())),
                Output::Reply { client, reply } => {
                    self.trace.tell(self.now, station.name, What::Reply(*client, reply.clone()));
                }
                _ => {}
            }
        }
        station.witness.watch(self.now, cause, &outputs);
        station.witness.check_time(self.now);
        for output in outputs {
            self.do_for(at, output);
        }
    }

    fn do_for(&mut self, at: usize, output: Output) {
        match output {
            Output::Send { flow, bytes } => self.send(flow.local, flow.remote, bytes),
            Output::Connect { connect, link, remote } => {
                let flow = Flow { link, local: self.stations[at].address, remote };
                let open = endpoint::Input::FlowOpen { connect, flow };
                self.give(at, Cause::Driver, Input::Sip(open));
            }
            Output::StartLeg { .. } => {
                // A driver that can bind no more sockets for a while leaves a phone without any.
                let longest = if self.dice.percent(90) { 20 } else { 20_000 };
                let after = self.dice.duration(Duration::ZERO, Duration::from_millis(longest));
                self.begin(after, Happening::PortIsLent { station: at });
            }
            Output::Leg { leg, command: LegCommand::End { .. } } => {
                for half in [Half::Receive, Half::Send] {
                    let after = self.dice.duration(Duration::ZERO, Duration::from_millis(100));
                    self.begin(after, Happening::LegEnds { station: at, leg, half });
                }
            }
            Output::Leg { .. }
            | Output::Close { .. }
            | Output::Event(_)
            | Output::Reply { .. }
            | Output::Log(_)
            | Output::Stopped => {}
        }
    }

    fn carry_out(&mut self, outputs: Vec<endpoint::Output>) {
        for output in outputs {
            match output {
                endpoint::Output::Send { flow, bytes } => self.send(flow.local, flow.remote, bytes),
                other => panic!("the exchange reaches nobody by name: {other:?}"),
            }
        }
    }

    fn send(&mut self, from: SocketAddr, to: SocketAddr, bytes: Vec<u8>) {
        let fate = self.network.carry(self.now, to, &bytes);
        self.trace.tell(self.now, self.name_of(from), What::Sent { to, bytes: bytes.clone(), fate });
        let Fate::Arrives { after, again_after } = fate else { return };
        for after in [Some(after), again_after].into_iter().flatten() {
            self.begin(after, Happening::Arrives { from, to, bytes: bytes.clone() });
        }
    }

    fn begin(&mut self, after: Duration, happening: Happening) {
        self.begun += 1;
        self.ahead.insert((self.now + after, self.begun), happening);
    }

    fn lend_port(&mut self, at: usize) {
        let station = &mut self.stations[at];
        station.ports += 1;
        let port = PortId(station.ports);
        let rtp_port = 10_000 + u16::try_from(station.ports * 2 % 20_000).unwrap_or(0);
        station.witness.lend(port);
        self.give(at, Cause::Driver, Input::MediaPort { port, family: Family::V4, rtp_port });
    }

    fn station_at(&self, address: SocketAddr) -> Option<usize> {
        self.stations.iter().position(|station| station.address == address)
    }

    fn name_of(&self, address: SocketAddr) -> &'static str {
        self.station_at(address).map_or("exchange", |at| self.stations[at].name)
    }
}

impl Station {
    /// Bob's phone may have an account of its configuration file.
    fn new(at: usize, dice: &mut Dice) -> Self {
        let (name, its_address) = PHONES[at];
        let mut witness = Witness::default();
        let mut accounts = Vec::new();
        if at == 1 && dice.percent(50) {
            accounts.push(settings(USERS[at]));
            witness.configure(ConnectionId(1), USERS[at], EXCHANGE_NAME);
        }
        let config = Config {
            accounts,
            max_calls: MAX_CALLS,
            autodisconnect_grace: GRACE,
            endpoint: endpoint::Config {
                hosts: format!("{} {EXCHANGE_NAME}\n", address(EXCHANGE).ip()),
                resolv_conf: String::new(),
            },
            ..Config::default()
        };
        let mut seed = [0; 32];
        seed[..8].copy_from_slice(&dice.u64().to_le_bytes());
        Self {
            name,
            address: address(its_address),
            phone: Phone::new(config, seed, Instant::ZERO),
            clients: Clients::new(at, dice.fork()),
            witness,
            ports: 0,
        }
    }

    fn poll_timeout(&self) -> Option<Instant> {
        self.phone.poll_timeout().filter(|_| !self.witness.has_stopped)
    }
}

fn settings(user: &str) -> Settings {
    Settings {
        user: user.into(),
        auth_user: None,
        password: PASSWORD.into(),
        domain: EXCHANGE_NAME.parse().expect("the exchange's name is a domain"),
        outbound_proxy: None,
        display_name: String::new(),
        expires: Duration::from_secs(3600),
        default: true,
    }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("worlds are made with good addresses")
}
