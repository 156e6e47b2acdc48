//! What kind of exchange a world has.

use std::time::Duration;

use base::Dice;
use sip::digest::{Algorithm, Qop};

/// Whom it asks for passwords, how, and how difficult it is.
#[derive(Clone)]
pub(crate) struct Habits {
    pub(crate) realm: &'static str,
    /// One challenge each, the preferred first.
    pub(crate) algorithms: &'static [Algorithm],
    pub(crate) qop: Option<Qop>,
    /// For how long it takes a nonce for an answer.
    pub(crate) nonce_lives: Duration,
    /// It says so when only the nonce is too old.
    pub(crate) says_stale: bool,
    /// Calls are challenged too.
    pub(crate) guards_calls: bool,
    /// Requests within a call pass through it (RFC 3261 §16.6, Record-Route).
    pub(crate) stays_in_path: bool,
    /// The shortest and the longest binding that it grants.
    pub(crate) grants: (Duration, Duration),
    /// How often it refuses for no reason of the phone's, sends one call by two ways, and loses its memory while
    /// clients are busy: in percent.
    pub(crate) moody: u32,
    pub(crate) merges: u32,
    pub(crate) forgets: u32,
    /// How often it takes its time to answer a REGISTER, and says so by a 100: in percent.
    pub(crate) is_slow: u32,
}

impl Habits {
    pub(crate) fn thrown(dice: &mut Dice) -> Self {
        let algorithms: [&[Algorithm]; 5] = [
            &[Algorithm::Md5],
            &[Algorithm::Sha256],
            &[Algorithm::Sha256, Algorithm::Md5],
            &[Algorithm::Md5Session],
            &[Algorithm::Sha256Session],
        ];
        let least = if dice.percent(10) { Duration::from_secs(7200) } else { Duration::ZERO };
        let longest = if dice.percent(25) { 30 } else { 220 };
        let most = dice.duration(Duration::from_secs(10), Duration::from_secs(longest));
        Self {
            realm: "exchange",
            algorithms: algorithms[dice.below(5) as usize],
            qop: [None, Some(Qop::Auth), Some(Qop::Auth), Some(Qop::AuthInt)][dice.below(4) as usize],
            nonce_lives: dice.duration(Duration::from_secs(5), Duration::from_secs(300)),
            says_stale: dice.percent(70),
            guards_calls: dice.percent(50),
            stays_in_path: dice.percent(50),
            grants: (least, most),
            moody: if dice.percent(40) { 20 } else { 0 },
            merges: if dice.percent(20) { 30 } else { 0 },
            forgets: if dice.percent(30) { 100 } else { 0 },
            is_slow: if dice.percent(20) { 40 } else { 0 },
        }
    }
}
