//! What the phones of one call say of it once all that crossed has arrived: the caller, and all that it rang at. Who is
//! who is told by the Call-ID. Each pair of ends has to be one of the outcomes of a table: most are plain, some are what
//! a race leaves, where each end has its own truth.

use std::collections::BTreeMap;
use std::time::Duration;

use crate::tally::Tally;
use crate::transitions::By;
use crate::witness::{Calls, Life};

/// 64*T1: what one side of a call does has come to the other by then.
const CROSSES_WITHIN: Duration = Duration::from_secs(32);

/// How a call ended for one side.
enum Side {
    /// It rang, until somebody or something ended it with one of these.
    Rang(&'static [By], &'static [u16]),
    /// It was answered, until then.
    Answered(&'static [By], &'static [u16]),
}

use Side::{Answered, Rang};

/// A client, the time that an account waits for its client, or a leg that fails; and the other side, or the exchange.
const US: &[By] = &[By::User, By::Timer, By::Driver];
const PEER: &[By] = &[By::Peer];
const SILENCE: &[By] = &[By::Timer];

/// Statuses by which this phone gives up a call that it placed, and declines one that comes in.
const GAVE_UP: &[u16] = &[487, 480, 500];
const DECLINED: &[u16] = &[486, 480, 500];

/// Outcomes: for the caller, and for whom it called.
const OUTCOMES: &[(&str, Side, Side)] = &[
    ("hung up by the caller", Answered(US, &[0]), Answered(PEER, &[0])),
    ("hung up by the called", Answered(PEER, &[0]), Answered(US, &[0])),
    ("declined", Rang(PEER, DECLINED), Rang(US, DECLINED)),
    ("given up", Rang(US, GAVE_UP), Rang(PEER, &[487])),
    ("rang for too long", Rang(PEER, &[487]), Rang(PEER, &[487])),
    // The caller, or the called, has referred the other one to somebody else, and heard that all went well.
    ("transferred", Answered(PEER, &[0]), Answered(PEER, &[0])),
    // Nothing was heard for too long.
    ("gone silent for the caller", Answered(SILENCE, &[408]), Answered(PEER, &[0])),
    ("gone silent for the called", Answered(PEER, &[0]), Answered(SILENCE, &[408])),
    // RFC 5407 §3.2.1: BYE crosses BYE.
    ("race: both hang up", Answered(US, &[0]), Answered(US, &[0])),
    // RFC 5407 §3.1.2: CANCEL crosses the 200, which is ACKed and its dialog ended.
    ("race: given up while answered", Rang(US, GAVE_UP), Answered(PEER, &[0])),
    ("race: given up while answered, the BYE lost", Rang(US, GAVE_UP), Answered(SILENCE, &[481])),
    ("race: given up while answered and hung up", Rang(US, GAVE_UP), Answered(US, &[0])),
    // RFC 5407 §3.2.2: a new offer, or INFO or REFER, meets a dialog that has ended. So does the call, even if the BYE
    // is lost again and again.
    ("race: hung up by the caller while asked, the BYE lost", Answered(US, &[0]), Answered(SILENCE, &[481])),
    ("race: hung up by the called while asked, the BYE lost", Answered(SILENCE, &[481]), Answered(US, &[0])),
    // CANCEL crosses the refusal.
    ("race: given up while declined", Rang(US, GAVE_UP), Rang(US, DECLINED)),
];

/// Outcomes for whom a call rings besides, while it is another's answer or refusal that counts for the caller.
const OUTCOMES_OF_FORKS: &[(&str, Side)] = &[
    ("fork: another answers or declines", Rang(PEER, &[487])),
    ("fork: declines", Rang(US, DECLINED)),
    ("fork: sends the caller elsewhere", Rang(US, &[302])),
    // RFC 3261 §13.2.2.4: the caller keeps one, and ends the dialogs of the others.
    ("fork: answers second", Answered(PEER, &[0])),
    ("fork: answers second, the BYE lost", Answered(SILENCE, &[481])),
    ("fork: answers second and ends it", Answered(US, &[0, 408])),
];

/// All outcomes.
pub(crate) fn outcomes() -> impl Iterator<Item = &'static str> {
    let pairs = OUTCOMES.iter().map(|(name, ..)| *name);
    pairs.chain(OUTCOMES_OF_FORKS.iter().map(|(name, _)| *name))
}

impl Side {
    fn is_of(&self, life: &Life) -> bool {
        let (Self::Rang(by, statuses) | Self::Answered(by, statuses)) = self;
        let was_answered = matches!(self, Self::Answered(..));
        life.end.is_some_and(|end| by.contains(&end.by) && statuses.contains(&end.sip_error))
            && life.answered_at.is_some() == was_answered
    }
}

/// A call with all its ends.
#[derive(Default, Debug)]
struct Ends<'a> {
    caller: Option<&'a Life>,
    called: Vec<&'a Life>,
}

/// Checks all calls. `is_forked` says of a Call-ID if the call was for several phones.
pub(crate) fn check<'a>(
    phones: impl Iterator<Item = &'a Calls>,
    is_forked: impl Fn(&str) -> bool,
    tally: &mut Tally,
) {
    let mut calls: BTreeMap<&str, Ends<'_>> = BTreeMap::new();
    for life in phones.flat_map(Calls::all) {
        let ends = calls.entry(&life.told.sip_call_id).or_default();
        if life.is_incoming() {
            ends.called.push(life);
        } else {
            assert!(ends.caller.replace(life).is_none(), "two callers of one call: {life:?}");
        }
    }
    for (call_id, ends) in calls {
        ends.check(is_forked(call_id), tally);
    }
}

impl Ends<'_> {
    fn check(&self, is_forked: bool, tally: &mut Tally) {
        let caller = self.caller.expect("who is called is called by somebody");
        let answered = self.called.iter().filter(|life| life.answered_at.is_some()).count();
        assert!(caller.answered_at.is_none() || answered > 0, "answered by nobody: {self:?}");
        let open = self.called.iter().filter(|life| life.is_open()).count();
        match caller.end {
            None => {
                assert!(!caller.rings(), "rings for ever: {self:?}");
                assert_eq!(open, 1, "one side speaks, with nobody or with several: {self:?}");
            }
            Some(_) => assert_eq!(open, 0, "over for one side alone: {self:?}"),
        }
        for called in self.called.iter().filter(|called| called.is_open()) {
            let [local, remote] = called.holds;
            assert_eq!(caller.holds, [remote, local], "who holds the call: {self:?}");
        }
        for called in self.called.iter().filter(|called| !called.is_open()) {
            let Some(outcome) = outcome(caller, called, is_forked) else {
                panic!("an outcome that is none of a call: {self:?}")
            };
            tally.add_outcome(outcome);
        }
    }
}

fn outcome(caller: &Life, called: &Life, is_forked: bool) -> Option<&'static str> {
    let (_, other) = (caller.end, called.end?);
    let is_late = caller.end.is_some_and(|one| other.at.since(one.at) > CROSSES_WITHIN);
    let pair = OUTCOMES.iter().find(|(_, one, other)| one.is_of(caller) && other.is_of(called));
    let pair = pair.map(|(name, ..)| *name);
    let fork = || OUTCOMES_OF_FORKS.iter().find(|(_, other)| other.is_of(called)).map(|(name, _)| *name);
    if is_forked { fork() } else { pair }.filter(|_| !is_late)
}
