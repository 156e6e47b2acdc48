//! Two sessions that call each other over a wire that delays, loses, repeats, overtakes and challenges, with users who
//! change their minds: whatever crosses, both ends agree in the end, and nothing is left over. A seed replays each world.

use std::collections::BTreeMap;
use std::net::SocketAddr;

use base::{Dice, Instant};
use sip::endpoint::{Config, Endpoint, Event as Heard, Input, Output};
use sip::flow::Flow;
use sip::invite::{Event, Invitation, Session};
use sip::message::{Method, Name, Response, Status};

use crate::stage::{address, ms, profile, uri};

const WORLDS: u64 = 300;

/// How long the users of one world act.
const ACTS_MS: u64 = 40_000;

const ADDRESSES: [&str; 2] = ["192.0.2.1:5060", "192.0.2.2:5060"];

/// One end and its user.
struct End {
    address: SocketAddr,
    endpoint: Endpoint,
    session: Option<Session>,
    is_answered: bool,
    /// The user has hung up, or been told that the call is over.
    has_hung_up: bool,
    was_told_of_end: bool,
    /// The latest offer that was answered by this end, or whose answer it got.
    agreed: String,
    /// New offers that were wanted and not yet due, and that were made and have no outcome yet.
    wanted: bool,
    open_offers: u32,
    open_refers: u32,
}

struct World {
    now: Instant,
    dice: Dice,
    ends: [End; 2],
    /// What is on its way: when it comes, a number that keeps it apart from others, and to whom.
    wire: BTreeMap<(Instant, u64), (usize, Flow, Vec<u8>)>,
    sent: u64,
    /// Messages lost, in percent.
    loss: u32,
    offers: u32,
}

#[test]
fn whatever_crosses_both_ends_agree_and_nothing_is_left_over() {
    for seed in 0..WORLDS {
        let mut world = World::new(seed);
        world.live();
        world.calm_down(seed);
        world.end(seed);
    }
}

impl End {
    fn new(at: &str, dice: &mut Dice) -> Self {
        Self {
            address: address(at),
            endpoint: Endpoint::new(&Config::default(), dice.fork()),
            session: None,
            is_answered: false,
            has_hung_up: false,
            was_told_of_end: false,
            agreed: String::new(),
            wanted: false,
            open_offers: 0,
            open_refers: 0,
        }
    }

    fn is_gone(&self) -> bool {
        self.has_hung_up || self.was_told_of_end
    }
}

impl World {
    /// The first end calls the second.
    fn new(seed: u64) -> Self {
        let mut bytes = [0; 32];
        bytes[..8].copy_from_slice(&seed.to_le_bytes());
        let mut dice = Dice::new(bytes);
        let ends = ADDRESSES.map(|at| End::new(at, &mut dice));
        let loss = dice.below(11);
        let now = Instant::ZERO;
        let mut world = Self { now, dice, ends, wire: BTreeMap::new(), sent: 0, loss, offers: 0 };
        let target = uri(&format!("sip:600@{}", ADDRESSES[1]));
        let invitation = Invitation { hop: target.clone(), target, headers: Vec::new() };
        let dice = world.dice.fork();
        let first = &mut world.ends[0];
        first.session = Some(Session::call(now, &mut first.endpoint, profile(), invitation, dice));
        world.settle();
        world
    }

    /// Both users do whatever comes into their minds.
    fn live(&mut self) {
        let end = Instant::ZERO + ms(ACTS_MS);
        while self.now < end {
            let span = ms(u64::from(self.dice.below(1500)));
            self.run_until(self.now + span);
            let who = usize::from(self.dice.percent(50));
            let what = self.dice.below(100);
            self.act(who, what);
        }
    }

    fn act(&mut self, who: usize, what: u32) {
        let now = self.now;
        let end = &mut self.ends[who];
        let Some(session) = end.session.as_mut().filter(|_| !end.has_hung_up) else { return };
        let endpoint = &mut end.endpoint;
        let mut tray = Vec::new();
        match what {
            _ if !end.is_answered && who == 1 => {
                session.accept(now, endpoint, b"answer to 0".to_vec());
                end.is_answered = true;
                end.agreed = "0".into();
            }
            _ if !end.is_answered => {}
            0..50 if !end.was_told_of_end => {
                end.wanted = true;
                session.reoffer(now, endpoint, &mut tray);
            }
            50..70 => session.send_info(now, endpoint, "application/dtmf", b"5".to_vec()),
            70..85 if !session.is_referring() && !end.was_told_of_end => {
                session.refer(now, endpoint, uri("sip:700@192.0.2.3"));
                end.open_refers += 1;
            }
            85..98 => session.notify_refer(now, endpoint, Status::RINGING, what > 92),
            98 => {
                session.hang_up(now, endpoint, Status::BUSY_HERE);
                end.has_hung_up = true;
            }
            _ => {}
        }
        tray.into_iter().for_each(|event| self.hear(who, event));
        self.settle();
    }

    /// Nobody wants anything new, and the wire is good: all that was begun comes to its end, and both ends hold the same
    /// for agreed.
    fn calm_down(&mut self, seed: u64) {
        self.loss = 0;
        if !self.ends[1].is_answered {
            self.act(1, 0);
        }
        self.run_until(self.now + ms(150_000));
        let [one, other] = &self.ends;
        if one.is_gone() || other.is_gone() {
            return;
        }
        for (who, end) in self.ends.iter().enumerate() {
            assert!(!end.wanted, "world {seed}: a new offer of end {who} never became due");
            assert_eq!(end.open_offers, 0, "world {seed}: offers of end {who} without an outcome");
            assert_eq!(end.open_refers, 0, "world {seed}: REFERs of end {who} without an answer");
        }
        assert_eq!(one.agreed, other.agreed, "world {seed}: both ends hold the same for agreed");
    }

    /// One hangs up: soon both are over, and at last at rest.
    fn end(&mut self, seed: u64) {
        if !self.ends[0].is_gone()
            && let End { session: Some(session), endpoint, .. } = &mut self.ends[0]
        {
            session.hang_up(self.now, endpoint, Status::BUSY_HERE);
            self.ends[0].has_hung_up = true;
            self.settle();
        }
        self.run_until(self.now + ms(70_000));
        for (who, end) in self.ends.iter().enumerate() {
            let is_silent = end.session.as_ref().is_none_or(|session| session.is_silent() && end.is_gone());
            assert!(is_silent, "world {seed}: end {who} still has something under way");
        }
        self.run_until(self.now + ms(400_000));
        for (who, end) in self.ends.iter().enumerate() {
            let is_over = end.session.as_ref().is_none_or(Session::is_over);
            assert!(is_over, "world {seed}: end {who} never forgets its call");
            assert_eq!(end.endpoint.poll_timeout(), None, "world {seed}: end {who} has no rest");
        }
        assert!(self.wire.is_empty());
    }

    fn run_until(&mut self, end: Instant) {
        let mut steps = 0;
        loop {
            let timers = self.ends.iter().flat_map(|end| {
                let session = end.session.as_ref().and_then(Session::poll_timeout);
                [end.endpoint.poll_timeout(), session].into_iter().flatten()
            });
            let arrival = self.wire.keys().next().map(|(at, _)| *at);
            let Some(due) = timers.chain(arrival).min().filter(|due| *due <= end) else { break };
            steps += 1;
            assert!(steps < 100_000, "the world stands still");
            self.now = self.now.max(due);
            self.deliver();
            for who in 0..2 {
                let end = &mut self.ends[who];
                end.endpoint.handle_input(self.now, Input::Timeout);
                let mut tray = Vec::new();
                if let Some(session) = &mut end.session {
                    session.handle_timeout(self.now, &mut end.endpoint, &mut tray);
                }
                tray.into_iter().for_each(|event| self.hear(who, event));
            }
            self.settle();
        }
        self.now = end;
    }

    fn deliver(&mut self) {
        while let Some(entry) = self.wire.first_entry().filter(|entry| entry.key().0 <= self.now) {
            let (who, flow, bytes) = entry.remove();
            self.ends[who].endpoint.handle_input(self.now, Input::Datagram { flow, bytes: &bytes });
            self.settle();
        }
    }

    /// Does what the endpoints want, until they want nothing more.
    fn settle(&mut self) {
        for who in 0..2 {
            while let Some(output) = self.ends[who].endpoint.poll_output() {
                match output {
                    Output::Send { flow, bytes } => self.send(who, flow, bytes),
                    Output::Connect { connect, link, remote } => {
                        let flow = Flow { link, local: self.ends[who].address, remote };
                        self.ends[who].endpoint.handle_input(self.now, Input::FlowOpen { connect, flow });
                    }
                    Output::Close { .. } => {}
                    Output::Event(event) => self.on_heard(who, event),
                }
            }
        }
    }

    fn send(&mut self, who: usize, flow: Flow, bytes: Vec<u8>) {
        let peer = 1 - who;
        assert_eq!(flow.remote, self.ends[peer].address);
        let back = Flow { local: flow.remote, remote: flow.local, ..flow };
        let copies = if self.dice.percent(self.loss) { 0 } else { 1 + u32::from(self.dice.percent(5)) };
        for _ in 0..copies {
            let delay = if self.dice.percent(10) { 1500 } else { 150 };
            let at = self.now + ms(u64::from(1 + self.dice.below(delay)));
            self.wire.insert((at, self.sent), (peer, back, bytes.clone()));
            self.sent += 1;
        }
    }

    fn on_heard(&mut self, who: usize, heard: Heard) {
        let now = self.now;
        let end = &mut self.ends[who];
        if let Heard::Request { transaction, request, .. } = &heard
            && !matches!(request.method, Method::Bye)
            && self.dice.percent(5)
        {
            // A proxy wants to know who asks.
            let mut challenge = Response::to_request(request, Status::UNAUTHORIZED);
            let nonce = format!("Digest realm=\"pbx\", nonce=\"{}\", qop=\"auth\"", self.sent);
            challenge.headers.push(Name::WwwAuthenticate, nonce);
            end.endpoint.respond(now, *transaction, challenge);
        } else if let Some(session) = end.session.as_mut().filter(|session| session.owns(&heard)) {
            let mut tray = Vec::new();
            session.handle_event(now, &mut end.endpoint, heard, &mut tray);
            tray.into_iter().for_each(|event| self.hear(who, event));
        } else if let Heard::Request { transaction, flow, request } = heard {
            let is_new = request.method == Method::Invite && end.session.is_none();
            if is_new {
                let session = Session::ring(transaction, flow, request, profile(), self.dice.fork());
                let mut session = session.expect("it makes a dialog");
                session.send_ringing(now, &mut end.endpoint);
                end.session = Some(session);
            } else {
                let unknown = Response::to_request(&request, Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST);
                end.endpoint.respond(now, transaction, unknown);
            }
        }
    }

    /// What the user of that end does with what it is told.
    fn hear(&mut self, who: usize, event: Event) {
        let now = self.now;
        let roll = self.dice.below(100);
        let end = &mut self.ends[who];
        let Some(session) = &mut end.session else { return };
        assert!(!end.has_hung_up, "who has hung up is told nothing more: {event:?}");
        let is_late = matches!(event, Event::ReferAnswered { .. } | Event::ReferProgress { .. });
        assert!(!end.was_told_of_end || is_late, "told after the end: {event:?}");
        match event {
            Event::Reached(_) => session.offer(now, &mut end.endpoint, b"0".to_vec()),
            Event::Answered { sdp } => {
                end.is_answered = true;
                end.agreed = answered(sdp);
            }
            Event::OfferDue => {
                assert!(std::mem::take(&mut end.wanted) || end.open_offers > 0, "nobody wanted it");
                end.open_offers = 0;
                if roll < 10 {
                    session.withdraw_offer(now, &mut end.endpoint);
                } else {
                    self.offers += 1;
                    end.open_offers = 1;
                    session.offer(now, &mut end.endpoint, self.offers.to_string().into());
                }
            }
            Event::ReofferAnswered { sdp } => {
                end.open_offers -= 1;
                end.agreed = answered(sdp);
            }
            Event::ReofferRefused { .. } => end.open_offers -= 1,
            Event::Reoffered { sdp } => {
                let offer = String::from_utf8(sdp.expect("an offer")).expect("text");
                let answer = match roll {
                    0..20 => Err(Status::NOT_ACCEPTABLE_HERE),
                    _ => Ok(format!("answer to {offer}").into()),
                };
                if answer.is_ok() {
                    end.agreed = offer;
                }
                session.answer_reoffer(now, &mut end.endpoint, answer);
            }
            Event::Referred { .. } => {
                let answer = if roll < 30 { Err(Status::DECLINE) } else { Ok(()) };
                session.answer_refer(now, &mut end.endpoint, answer);
            }
            Event::ReferAnswered { .. } => end.open_refers -= 1,
            Event::Ended { .. } => end.was_told_of_end = true,
            Event::Progress { .. }
            | Event::Acknowledged { .. }
            | Event::ReferProgress { .. }
            | Event::Info { .. } => {}
        }
    }
}

/// Which offer an answer is for.
fn answered(sdp: Option<Vec<u8>>) -> String {
    let text = String::from_utf8(sdp.expect("an answer")).expect("text");
    text.strip_prefix("answer to ").expect("it names its offer").to_owned()
}
