//! Transfers (RFC 3515, RFC 5589, RFC 3891).

use super::{Row, waits};

pub(crate) const ROWS: &[Row] = &[
    waits(
        "S67",
        "refer",
        "each NOTIFY is answered; after the final one the call is hung up as transferred",
        "REFER",
    ),
    waits("S68", "refer", "a transfer that fails gives the call back, and says why", "REFER"),
    waits("S69", "refer", "an attended transfer names the consultation's dialog", "Replaces"),
    waits(
        "S70",
        "refer",
        "who is transferred calls the target, tells of it, and keeps the call if that fails",
        "REFER",
    ),
    waits("S71", "replaces", "an INVITE takes the place of the call that it names", "Replaces"),
];
