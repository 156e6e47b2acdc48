//! The table, by areas.

mod auth;
mod cancel;
mod early_media;
mod extensions;
mod finals;
mod forks;
mod glare;
mod hold;
mod media;
mod misc;
mod offers;
mod refer;
mod register;
mod routing;
mod transactions;
mod transports;

/// A situation.
#[derive(Clone, Copy)]
pub(crate) struct Row {
    /// S01 to S78.
    pub(crate) id: &'static str,
    /// What it is about.
    pub(crate) area: &'static str,
    /// What the phone has to make of it.
    pub(crate) verdict: &'static str,
    /// What happens.
    pub(crate) script: Script,
}

/// What happens in a situation.
#[derive(Clone, Copy)]
pub(crate) enum Script {
    /// This ladder.
    Ladder(&'static str),
    /// Nothing yet: the phone lacks this.
    WaitsFor(&'static str),
}

/// A row that is driven.
const fn driven(id: &'static str, area: &'static str, verdict: &'static str, ladder: &'static str) -> Row {
    Row { id, area, verdict, script: Script::Ladder(ladder) }
}

/// A row that waits for something that the phone lacks.
const fn waits(id: &'static str, area: &'static str, verdict: &'static str, what: &'static str) -> Row {
    Row { id, area, verdict, script: Script::WaitsFor(what) }
}

/// All rows.
pub(crate) fn table() -> Vec<Row> {
    let areas: [&[Row]; 16] = [
        forks::ROWS,
        cancel::ROWS,
        glare::ROWS,
        auth::ROWS,
        register::ROWS,
        routing::ROWS,
        early_media::ROWS,
        offers::ROWS,
        hold::ROWS,
        media::ROWS,
        extensions::ROWS,
        transactions::ROWS,
        transports::ROWS,
        refer::ROWS,
        misc::ROWS,
        finals::ROWS,
    ];
    areas.concat()
}
