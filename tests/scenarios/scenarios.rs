//! Seventy-eight situations that have brought other phones into trouble, S01 to S78, each as a row of one table: what
//! happens, as a ladder that is played against the whole of call control in virtual time, and what the phone has to
//! make of it. A row whose time has not come says what it waits for.
//!
//! Run without arguments it plays all and prints the table; with row numbers it plays those. The ladders' notation is
//! described in `play/line.rs`; ladders of one area stand together in `rows/`.

mod play;
mod rows;

use std::path::Path;
use std::process::ExitCode;

use rows::{Row, Script};

/// Where the list of situations lies that the table is to be complete by, beside the workspace.
const LIST: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/sip/scenarios.tsv");

fn main() -> ExitCode {
    // What else is there is meant for other tests, which cargo gives the same arguments.
    let wanted: Vec<String> = std::env::args().skip(1).filter(|argument| argument.starts_with('S')).collect();
    let mut table = rows::table();
    table.sort_by_key(|row| row.id);
    let mut faults = missing_rows(&table);
    let is_unknown = |id: &&String| !table.iter().any(|row| row.id == **id);
    faults.extend(wanted.iter().filter(is_unknown).map(|id| format!("there is no row {id}")));
    let is_wanted = |row: &&Row| wanted.is_empty() || wanted.iter().any(|id| id == row.id);
    for row in table.iter().filter(is_wanted) {
        let outcome = match row.script {
            Script::WaitsFor(what) => format!("waits for {what}"),
            Script::Ladder(ladder) => match run(row, ladder) {
                Ok(stories) => format!("passes ({stories})"),
                Err(fault) => {
                    faults.push(format!("{} {fault}", row.id));
                    String::from("FAILS")
                }
            },
        };
        println!("{} {:<14} {outcome:<25} {}", row.id, row.area, row.verdict);
    }
    for fault in &faults {
        eprintln!("\n{fault}");
    }
    if faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Plays a row's stories, and says how many they were.
fn run(row: &Row, ladder: &str) -> Result<usize, play::Fault> {
    let stories = play::stories(ladder);
    stories.iter().try_for_each(play::play)?;
    if stories.is_empty() {
        Err(play::Fault::new(format!("{} has no story", row.id)))
    } else {
        Ok(stories.len())
    }
}

/// Each number of the list has one row. Without the list that can't be seen.
fn missing_rows(table: &[Row]) -> Vec<String> {
    let Ok(list) = std::fs::read_to_string(Path::new(LIST)) else {
        println!("skipped: {LIST} is not there to compare the table's numbers with");
        return Vec::new();
    };
    let listed = list.lines().skip(1).filter_map(|line| line.split('\t').next());
    let is_once = |id: &&str| table.iter().filter(|row| row.id == *id).count() == 1;
    listed.filter(|id| !is_once(id)).map(|id| format!("{id} has not exactly one row")).collect()
}
