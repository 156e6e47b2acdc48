//! Session timers (RFC 4028) and reliable provisional answers (RFC 3262), which the phone doesn't have yet.

use super::{Row, waits};

pub(crate) const ROWS: &[Row] = &[
    waits("S53", "timer", "422 is answered once by a longer interval, in re-INVITEs too", "session timers"),
    waits(
        "S54",
        "timer",
        "the refresher refreshes at half, and a session that lapses is hung up",
        "session timers",
    ),
    waits("S55", "timer", "an interval that is too short gets 422 with ours", "session timers"),
    waits("S56", "prack", "one PRACK for each RSeq; repeats and gaps get none", "PRACK"),
    waits(
        "S57",
        "prack",
        "an offer in a 183 is answered in the PRACK, and an UPDATE before the 200",
        "PRACK and UPDATE",
    ),
];
