//! Writes the sound inputs of every target as files into a folder each, for fuzzers to begin with.

use std::path::PathBuf;

use mutations::TARGETS;

fn main() -> std::io::Result<()> {
    let folder = PathBuf::from(std::env::args_os().nth(1).unwrap_or_else(|| "tests/fuzz/examples".into()));
    for target in TARGETS {
        let folder = folder.join(target.name);
        std::fs::create_dir_all(&folder)?;
        for (number, example) in (target.examples)().into_iter().enumerate() {
            std::fs::write(folder.join(number.to_string()), example)?;
        }
    }
    Ok(())
}
