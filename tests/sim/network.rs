//! The network between the phones and their exchange: late, out of order, doubled and lost datagrams, all of it thrown
//! from one seed.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::Duration;

use base::{Dice, Instant};

/// What kind of days a world has.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Weather {
    /// Datagrams take a while, and keep their order.
    Fair,
    /// Datagrams are lost, doubled and overtaken. One that is repeated gets through at its third try at the latest, so
    /// that every transaction comes to its end in time.
    Rough,
    /// As `Rough`, and at times nothing gets through for longer than a transaction lives.
    Outages,
}

/// How often the same message may be lost between outages.
const LOST_AT_MOST: u32 = 2;

/// How many of the BYEs are lost at the least, in percent, where anything is.
const BYE_LOSS: u32 = 50;

/// What becomes of a datagram.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Fate {
    Arrives { after: Duration, again_after: Option<Duration> },
    Lost,
}

pub(crate) struct Network {
    dice: Dice,
    weather: Weather,
    /// The longest and the shortest way, and what goes wrong, in percent.
    delay: (Duration, Duration),
    loss: u32,
    doubling: u32,
    /// How often each message was lost so far.
    lost: BTreeMap<(SocketAddr, String), u32>,
    /// Nothing gets through from and until.
    outage: (Instant, Instant),
}

impl Network {
    pub(crate) fn new(weather: Weather, mut dice: Dice) -> Self {
        let least = dice.duration(Duration::from_micros(100), Duration::from_millis(40));
        let is_fair = weather == Weather::Fair;
        let spread = if is_fair { 0 } else { dice.below(800) };
        Self {
            weather,
            delay: (least, least + Duration::from_millis(spread.into())),
            loss: match weather {
                Weather::Fair => 0,
                // What is sent three times in vain is rare elsewhere.
                _ if dice.percent(15) => 70,
                _ => dice.below(35),
            },
            doubling: if is_fair { 0 } else { dice.below(20) },
            lost: BTreeMap::new(),
            outage: (Instant::ZERO, Instant::ZERO),
            dice,
        }
    }

    /// From now on all goes well, so that what was begun can come to its end.
    pub(crate) fn calm(&mut self) {
        self.weather = Weather::Fair;
        (self.loss, self.doubling) = (0, 0);
        self.delay.1 = self.delay.0;
        self.outage.1 = Instant::ZERO;
    }

    pub(crate) fn carry(&mut self, now: Instant, to: SocketAddr, bytes: &[u8]) -> Fate {
        if self.is_out(now) || self.is_lost(to, bytes) {
            return Fate::Lost;
        }
        let (least, most) = self.delay;
        let after = self.dice.duration(least, most);
        let again_after = self.dice.percent(self.doubling).then(|| self.dice.duration(least, most * 2));
        Fate::Arrives { after, again_after }
    }

    fn is_out(&mut self, now: Instant) -> bool {
        if self.weather == Weather::Outages && self.outage.1 <= now {
            let start = now + self.dice.duration(Duration::ZERO, Duration::from_secs(60));
            self.outage =
                (start, start + self.dice.duration(Duration::from_secs(1), Duration::from_secs(50)));
        }
        self.outage.0 <= now && now < self.outage.1
    }

    fn is_lost(&mut self, to: SocketAddr, bytes: &[u8]) -> bool {
        // What meets a dialog that has ended without knowing it would be rare otherwise.
        let loss = if bytes.starts_with(b"BYE ") { self.loss.max(BYE_LOSS) } else { self.loss };
        if self.weather == Weather::Fair || !self.dice.percent(loss) {
            return false;
        }
        // Each ACK for a 2xx has a branch of its own, and is the same message nevertheless.
        let text = String::from_utf8_lossy(bytes);
        let said: String = text.lines().filter(|line| !line.starts_with("Via: ")).collect();
        let times = self.lost.entry((to, said)).or_default();
        *times += 1;
        *times <= LOST_AT_MOST
    }
}

impl std::fmt::Display for Fate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Arrives { after, again_after: None } => write!(f, "(takes {after:.1?})"),
            Self::Arrives { after, again_after: Some(again) } => {
                write!(f, "(takes {after:.1?}, {again:.1?})")
            }
            Self::Lost => f.write_str("(lost)"),
        }
    }
}
