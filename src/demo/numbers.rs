//! The numbers that can be called, and what each does: a script of steps.

use base::Duration;
use sip::message::Status;

/// A number of the exchange.
#[derive(Debug)]
pub(super) struct Number {
    /// What is dialled.
    pub(super) digits: &'static str,
    /// What the caller meets there, for people.
    pub(super) does: &'static str,
    pub(super) script: &'static [Step],
}

/// What a call does for a while.
#[derive(Clone, Copy, Debug)]
pub(super) enum Step {
    /// Rings.
    Ring(Duration),
    /// Ends the call, which was not answered, with this status.
    Refuse(Status),
    /// Answers.
    Answer,
    /// Lets the caller hear something.
    Say(Sound, Duration),
    /// Puts the caller on hold, or resumes.
    Hold(bool),
    /// Asks the caller to call this number instead, and gives him so long for it.
    Transfer(&'static str, Duration),
    /// Calls the caller so long after the end of this call.
    CallBack(Duration),
}

/// What a caller hears.
#[derive(Clone, Copy, Debug)]
pub(super) enum Sound {
    /// Himself.
    Echo,
    /// The keys that he presses.
    Keys,
    /// A steady tone.
    Tone,
    /// Two beeps.
    Beeps,
    /// A tune that ends.
    Melody,
    /// A tune that doesn't.
    MusicOnHold,
}

/// How long a number rings before it answers: long enough to be seen.
const RINGING: Step = Step::Ring(Duration::from_millis(700));

/// A call that nobody ends does so by itself.
const LONG: Duration = Duration::from_secs(600);

/// Two beeps, and time to hear them.
const BEEPS: Step = Step::Say(Sound::Beeps, Duration::from_millis(1_200));

/// The melody, and a breath of silence after it.
const MELODY: Step = Step::Say(Sound::Melody, Duration::from_secs(15));

/// The numbers, in the order in which they are worth trying. All others are answered with 404.
pub(super) const NUMBERS: [Number; 9] = [
    Number {
        digits: "600",
        does: "echo: you hear yourself",
        script: &[RINGING, Step::Answer, Step::Say(Sound::Echo, LONG)],
    },
    Number {
        digits: "601",
        does: "a steady tone",
        script: &[RINGING, Step::Answer, Step::Say(Sound::Tone, LONG)],
    },
    Number {
        digits: "602",
        does: "a melody, then the exchange hangs up",
        script: &[RINGING, Step::Answer, MELODY],
    },
    Number {
        digits: "603",
        does: "two beeps, and 5 s later you are called",
        script: &[RINGING, Step::Answer, BEEPS, Step::CallBack(Duration::from_secs(5))],
    },
    Number {
        digits: "604",
        does: "two beeps, and you are transferred to the echo",
        script: &[RINGING, Step::Answer, BEEPS, Step::Transfer("600", Duration::from_secs(30))],
    },
    Number {
        digits: "605",
        does: "each key that you press comes back",
        script: &[RINGING, Step::Answer, BEEPS, Step::Say(Sound::Keys, LONG)],
    },
    Number {
        digits: "606",
        does: "echo, then you are on hold with music for 8 s, then echo again",
        script: &[
            RINGING,
            Step::Answer,
            Step::Say(Sound::Echo, Duration::from_secs(4)),
            Step::Hold(true),
            Step::Say(Sound::MusicOnHold, Duration::from_secs(8)),
            Step::Hold(false),
            Step::Say(Sound::Echo, LONG),
        ],
    },
    Number { digits: "486", does: "busy", script: &[Step::Refuse(Status::BUSY_HERE)] },
    Number {
        digits: "480",
        does: "rings, and nobody answers",
        script: &[Step::Ring(Duration::from_secs(60)), Step::Refuse(Status::TEMPORARILY_UNAVAILABLE)],
    },
];

/// What a caller who was called back hears.
pub(super) const CALLED_BACK: &[Step] = &[MELODY];

/// What a number does.
pub(super) fn script_of(digits: &str) -> Option<&'static [Step]> {
    NUMBERS.iter().find(|number| number.digits == digits).map(|number| number.script)
}

/// What a caller of a number is answered in the end.
pub(super) fn outcome_of(digits: &str) -> Status {
    let outcome = |step: &Step| match step {
        Step::Answer => Some(Status::OK),
        Step::Refuse(status) => Some(*status),
        _ => None,
    };
    script_of(digits).and_then(|script| script.iter().find_map(outcome)).unwrap_or(Status::NOT_FOUND)
}
