//! The clients of one phone: programs that ask for whatever comes to their mind, at any time.

use std::time::Duration;

use base::Dice;
use phone::{CallId, ClientId, Command};

use crate::witness::{Life, Witness};

pub(crate) const EXCHANGE_NAME: &str = "exchange.example";
pub(crate) const PASSWORD: &str = "open sesame";

/// Users that the exchange knows: one for each phone, and one that all may be.
pub(crate) const USERS: [&str; 4] = ["1001", "1002", "1003", GROUP];
const GROUP: &str = "1004";

/// Users that have moved, and to whom: one of them to one that has moved back.
pub(crate) const MOVED: [(&str, &[&str]); 3] =
    [("2001", &["1001", "1002"]), ("2002", &[GROUP]), ("2003", &["2003", "1003"])];

/// Nobody answers there, and somebody says that nobody does.
pub(crate) const SILENT_HOST: &str = "192.0.2.98:5060";
pub(crate) const REFUSING_HOST: &str = "192.0.2.99:5060";

/// Connections of the control API at once.
const CLIENTS: usize = 2;

pub(crate) struct Clients {
    /// The phone's own user.
    user: &'static str,
    here: [ClientId; CLIENTS],
    /// A client that has gone, and whose place the next takes; and if the next has its token.
    to_take_over: Option<(ClientId, ClientId)>,
    /// What somebody wants soon after having wanted something else.
    second_thought: Option<(ClientId, Command)>,
    last: u64,
    is_resting: bool,
    dice: Dice,
}

impl Clients {
    pub(crate) fn new(phone: usize, dice: Dice) -> Self {
        Self {
            user: USERS[phone],
            here: [ClientId(1), ClientId(2)],
            to_take_over: None,
            second_thought: None,
            last: 2,
            is_resting: false,
            dice,
        }
    }

    /// They ask for nothing more.
    pub(crate) fn rest(&mut self) {
        self.is_resting = true;
    }

    pub(crate) fn any(&mut self) -> ClientId {
        self.here[self.below(CLIENTS)]
    }

    /// What one of them does now, and how long it is until the next does something.
    pub(crate) fn act(&mut self, witness: &Witness) -> Option<(ClientId, Command, Duration)> {
        if self.is_resting {
            return None;
        }
        if let Some((client, from)) = self.to_take_over.take() {
            return Some((client, Command::TakeOver(from), Duration::from_millis(1)));
        }
        if let Some((client, command)) = self.second_thought.take() {
            return Some((client, command, Duration::from_millis(200)));
        }
        // Now and then two things cross on the wire.
        let longest = if self.dice.percent(25) { 100 } else { 6_000 };
        let wait = self.dice.duration(Duration::from_millis(1), Duration::from_millis(longest));
        let client = self.any();
        let is_answered = |life: &Life| life.answered_at.is_some();
        let command = match self.dice.below(130) {
            0..18 => self.register(),
            18..24 => Command::Unregister,
            24..46 => self.start_call(),
            46..72 => Command::AcceptCall(self.call(witness, |life| life.rings() && life.is_incoming())),
            72..86 => Command::FinalizeCall(self.call(witness, Life::is_open)),
            86..90 => Command::GetState,
            90..106 => {
                Command::SetHold { call: self.call(witness, is_answered), hold: self.dice.percent(50) }
            }
            106..109 => {
                Command::MuteCall { call: self.call(witness, Life::is_open), mute: self.dice.percent(50) }
            }
            109..118 => {
                let fits = |life: &Life| is_answered(life) || life.is_incoming();
                Command::TransferCall { call: self.call(witness, fits), to: self.number().into() }
            }
            118..123 => {
                let keys = ["5", "1122*#A", "9,0"][self.below(3)].into();
                Command::SendDtmf { call: self.call(witness, Life::is_open), keys }
            }
            _ => return Some((client, self.leave(client), wait)),
        };
        if self.dice.percent(15)
            && let Some(second_thought) = self.second_thought(&command)
        {
            self.second_thought = Some((client, second_thought));
            return Some((client, command, self.dice.duration(Duration::ZERO, Duration::from_millis(300))));
        }
        Some((client, command, wait))
    }

    fn second_thought(&mut self, command: &Command) -> Option<Command> {
        match command {
            Command::AcceptCall(call) | Command::TransferCall { call, .. } => {
                Some(Command::FinalizeCall(*call))
            }
            Command::SetHold { call, .. } if self.dice.percent(30) => Some(Command::FinalizeCall(*call)),
            Command::SetHold { call, hold } => Some(Command::SetHold { call: *call, hold: !hold }),
            _ => None,
        }
    }

    /// What ends all that is open: every call, every account that a client can disconnect.
    pub(crate) fn tidy_up(&mut self, witness: &Witness) -> Vec<(ClientId, Command)> {
        let open = witness.calls.open();
        let mut commands: Vec<_> =
            open.map(|(call, _)| (self.here[0], Command::FinalizeCall(call))).collect();
        // Own accounts first, then those whose clients are gone, until there are none.
        commands.extend((0..16).map(|at| (self.here[at % CLIENTS], Command::Unregister)));
        commands
    }

    fn register(&mut self) -> Command {
        let domain = match self.dice.below(12) {
            0 => SILENT_HOST,
            1 => REFUSING_HOST,
            _ => EXCHANGE_NAME,
        };
        let number = if self.dice.percent(75) { self.user } else { GROUP };
        let password = if self.dice.percent(90) { PASSWORD } else { "guessed" };
        Command::Register {
            domain: domain.into(),
            number: number.into(),
            password: password.into(),
            autodisconnect: self.dice.percent(40),
        }
    }

    fn start_call(&mut self) -> Command {
        let number = self.number();
        let headers = if self.dice.percent(20) { vec![("X-Ticket".into(), "12".into())] } else { Vec::new() };
        Command::StartCall { number: number.into(), headers, connection: None }
    }

    fn number(&mut self) -> &'static str {
        match self.dice.below(20) {
            0 => "nobody",
            1 => self.user,
            2..7 => GROUP,
            7 | 8 => MOVED[self.below(MOVED.len())].0,
            _ => USERS[self.below(USERS.len())],
        }
    }

    /// A call that fits, mostly.
    fn call(&mut self, witness: &Witness, fits: impl Fn(&Life) -> bool) -> CallId {
        let fitting: Vec<_> = witness.calls.open().filter(|(_, life)| fits(life)).map(|(id, _)| id).collect();
        if fitting.is_empty() || self.dice.percent(5) {
            return CallId(1 + self.dice.below(12));
        }
        fitting[self.below(fitting.len())]
    }

    /// A connection is lost; the next comes at once, half of the time with the token of the one before.
    fn leave(&mut self, client: ClientId) -> Command {
        self.last += 1;
        let next = ClientId(self.last);
        if let Some(place) = self.here.iter_mut().find(|here| **here == client) {
            *place = next;
        }
        if self.dice.percent(50) {
            self.to_take_over = Some((next, client));
        }
        Command::ClientGone
    }

    fn below(&mut self, end: usize) -> usize {
        self.dice.below(u32::try_from(end).unwrap_or(u32::MAX)) as usize
    }
}
