//! The world: three phones, each with its clients, and the exchange, on one network and by one clock. All that happens
//! follows from a seed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant};
use media::leg::{LegEvent, LegId};
use phone::{ClientId, Command, Family, Input, Output, PortId};
use sip::endpoint;
use sip::flow::{Flow, FlowError, Link, Transport};

use crate::agreement;
use crate::clients::{EXCHANGE_NAME, PASSWORD, REFUSING_HOST, USERS};
use crate::exchange::{Exchange, Habits};
use crate::faults::Fault;
use crate::network::{Fate, Network, Weather};
use crate::station::{STATIONS, Station, seed};
use crate::tally::Tally;
use crate::trace::{Trace, What};
use crate::witness::Cause;

pub(crate) const EXCHANGE: &str = "192.0.2.1:5060";

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
    pub(crate) dice: Dice,
    network: Network,
    exchange: Exchange,
    pub(crate) stations: [Station; STATIONS],
    /// What is under way, in the order in which it was begun where it happens at once.
    ahead: BTreeMap<(Instant, u64), Happening>,
    begun: u64,
    weather: Weather,
    /// Nothing goes wrong any more, so that what was begun can come to its end.
    pub(crate) is_calm: bool,
    /// Legs that have told that they hear nothing.
    pub(crate) silent: BTreeSet<(usize, LegId)>,
    trace: Trace,
    tally: Tally,
}

pub(crate) enum Happening {
    Arrives { from: SocketAddr, to: SocketAddr, bytes: Vec<u8> },
    Refused { by: SocketAddr, at: SocketAddr },
    ClientsAct { station: usize },
    DriverTellsOfMove { station: usize },
    ExchangeForgets,
    PortIsLent { station: usize },
    LegTells { station: usize, leg: LegId, event: LegEvent },
    LegListens { station: usize, leg: LegId, is_blocked: bool },
}

impl World {
    pub(crate) fn new(number: u64, weather: Weather) -> Self {
        let mut dice = Dice::new(seed(number));
        let passwords = USERS.map(|user| (user, PASSWORD));
        let habits = Habits::thrown(&mut dice);
        let forgets = dice.percent(habits.forgets);
        let exchange = Exchange::new(address(EXCHANGE), habits, &passwords, dice.fork());
        let stations = std::array::from_fn(|at| Station::new(at, &mut dice));
        let mut world = Self {
            now: Instant::ZERO,
            network: Network::new(weather, dice.fork()),
            exchange,
            stations,
            ahead: BTreeMap::new(),
            begun: 0,
            weather,
            is_calm: false,
            silent: BTreeSet::new(),
            trace: Trace::new(number),
            tally: Tally::default(),
            dice,
        };
        for station in 0..STATIONS {
            for _ in 0..2 {
                world.lend_port(station);
            }
            let outputs = world.stations[station].poll_outputs();
            world.carry_out(station, &Cause::Begin, outputs);
            world.begin(Duration::from_secs(1), Happening::ClientsAct { station });
            // Whatever has changed, the phone's way to the exchange has not.
            if world.dice.percent(50) {
                let after = world.dice.duration(Duration::ZERO, BUSY_FOR);
                world.begin(after, Happening::DriverTellsOfMove { station });
            }
        }
        if forgets {
            let after = world.dice.duration(Duration::ZERO, BUSY_FOR);
            world.begin(after, Happening::ExchangeForgets);
        }
        world
    }

    /// Its phones have a fault. That it is caught is no news: nothing is printed.
    pub(crate) fn plant(&mut self, fault: Fault) {
        self.stations.iter_mut().for_each(|station| station.plant(fault));
        self.trace.hush();
    }

    /// A day in this world, from its first request to the last `Stopped`.
    pub(crate) fn live(&mut self) {
        self.run_for(BUSY_FOR);
        for station in &mut self.stations {
            station.clients.rest();
        }
        self.is_calm = true;
        self.network.calm();
        self.exchange.calm();
        self.run_for(ALONE_FOR);
        self.ask_for_state();
        for station in &self.stations {
            station.witness.check_rest(self.now);
        }
        self.check_agreement();
        self.check_sound();
        for (station, user) in self.stations.iter().flat_map(|it| USERS.map(|user| (it, user))) {
            let is_connected = station.witness.accounts.is_connected(user, EXCHANGE_NAME);
            let is_bound = self.exchange.binds(self.now, user, station.address);
            assert!(!is_connected || is_bound, "{user} is told to be connected, and isn't bound");
        }
        if self.dice.percent(50) {
            self.tidy_up();
        }
        self.stop();
    }

    /// What was sent, said and done, for comparison.
    pub(crate) fn into_trace(self) -> (Trace, Tally) {
        (self.trace, self.tally)
    }

    /// Clients end what they have begun; then nothing is left behind.
    fn tidy_up(&mut self) {
        for station in 0..STATIONS {
            let commands = self.stations[station].clients.tidy_up(&self.stations[station].witness);
            for (client, command) in commands {
                self.command(station, client, command);
            }
        }
        self.run_for(SETTLES_WITHIN);
        self.ask_for_state();
        for station in &self.stations {
            station.witness.check_nothing_is_left();
            let due = station.poll_timeout();
            let is_at_rest = due.is_none() || station.witness.accounts.has_accounts();
            assert!(is_at_rest, "{} has nothing to do, and a timer at {due:?}", station.name);
        }
        // Who has a wrong password can't take back what the right one had bound.
        let may_have_bindings =
            |it: &Station| it.witness.accounts.has_accounts() || it.witness.accounts.was_misled;
        if self.weather != Weather::Outages && !self.stations.iter().any(may_have_bindings) {
            assert!(!self.exchange.binds_any(self.now), "bindings of accounts that were disconnected");
        }
    }

    /// One phone stops, and with it its calls on the other one, which stops later.
    fn stop(&mut self) {
        let first = self.dice.below(3) as usize;
        for station in (0..STATIONS).map(|at| (first + at) % STATIONS) {
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
    fn check_agreement(&mut self) {
        if self.weather != Weather::Outages {
            let Self { stations, exchange, tally, .. } = self;
            let calls = stations.iter().map(|station| &station.witness.calls);
            agreement::check(calls, |call_id| exchange.is_forked(call_id), tally);
        }
    }

    fn ask_for_state(&mut self) {
        for station in 0..STATIONS {
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
                self.give(station, Cause::Timer, Input::Timeout);
            } else if exchange_due == Some(next) {
                let outputs = self.exchange.handle_timeout(self.now);
                self.send_all(outputs);
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
                    self.give(station, Cause::Driver, Input::Sip(closed));
                }
            }
            Happening::ClientsAct { station } => self.clients_act(station),
            Happening::DriverTellsOfMove { station } => {
                self.give(station, Cause::Driver, Input::Moved);
            }
            Happening::ExchangeForgets => self.exchange.forget(),
            Happening::PortIsLent { station } => self.lend_port(station),
            Happening::LegTells { station, leg, event } => self.leg_tells(station, leg, event),
            Happening::LegListens { station, leg, is_blocked } => {
                self.leg_listens(station, leg, is_blocked);
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
            self.send_all(outputs);
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

    pub(crate) fn give(&mut self, at: usize, cause: Cause, input: Input<'_>) -> Vec<Output> {
        let outputs = self.stations[at].handle_input(self.now, &cause, input, &mut self.tally);
        self.carry_out(at, &cause, outputs.clone());
        outputs
    }

    /// Does what a phone wants, after its witness has looked at it.
    fn carry_out(&mut self, at: usize, cause: &Cause, outputs: Vec<Output>) {
        let station = &mut self.stations[at];
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
            Output::StartLeg { leg, .. } => {
                // A driver that can't get a leg what it needs tells so.
                if !self.is_calm && self.dice.percent(1) {
                    self.begin(
                        Duration::ZERO,
                        Happening::LegTells { station: at, leg, event: LegEvent::Failed },
                    );
                }
                // A driver that can bind no more sockets for a while leaves a phone without any.
                let longest = if self.dice.percent(90) { 20 } else { 20_000 };
                let after = self.dice.duration(Duration::ZERO, Duration::from_millis(longest));
                self.begin(after, Happening::PortIsLent { station: at });
            }
            Output::Leg { leg, command } => self.tell_leg(at, leg, &command),
            Output::Close { .. }
            | Output::Event(_)
            | Output::Reply { .. }
            | Output::Log(_)
            | Output::Stopped => {}
        }
    }

    fn send_all(&mut self, outputs: Vec<endpoint::Output>) {
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

    pub(crate) fn begin(&mut self, after: Duration, happening: Happening) {
        self.begun += 1;
        self.ahead.insert((self.now + after, self.begun), happening);
    }

    fn lend_port(&mut self, at: usize) {
        let station = &mut self.stations[at];
        station.ports += 1;
        let port = PortId(station.ports);
        let rtp_port = 10_000 + u16::try_from(station.ports * 2 % 20_000).unwrap_or(0);
        station.witness.legs.lend(port, rtp_port);
        self.give(at, Cause::Driver, Input::MediaPort { port, family: Family::V4, rtp_port });
    }

    fn station_at(&self, address: SocketAddr) -> Option<usize> {
        self.stations.iter().position(|station| station.address == address)
    }

    fn name_of(&self, address: SocketAddr) -> &'static str {
        self.station_at(address).map_or("exchange", |at| self.stations[at].name)
    }
}

pub(crate) fn address(text: &str) -> SocketAddr {
    text.parse().expect("worlds are made with good addresses")
}
