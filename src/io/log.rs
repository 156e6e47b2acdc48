//! The log: any thread's lines, formatted and filtered by env_logger, go through a bounded channel to the log
//! thread, which writes them to standard error and does nothing else. A reader of the log that stands still keeps no
//! other thread from its work; it loses lines, and is told how many.

use std::fmt::Display;
use std::fs::File;
use std::io::{self, Write};
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use ::log::{LevelFilter, warn};
use base::{Allowance, Duration, Instant};
use crossbeam_channel::{Receiver, Sender, bounded, select};
use env_logger::{Builder, Env, Target};

/// Lines that may wait: more than a start and a stop write, and 256 KiB at the usual length.
const LINES_MAX: usize = 1_024;

/// Bytes from which on no more may wait, whatever the lines are: that of a traced message may have some 100 KiB.
const BYTES_MAX: usize = 1 << 20;

/// The environment variable that chooses what is logged, in env_logger's syntax: `debug`, or `neonphone=debug`.
const FILTER_VARIABLE: &str = "NEONPHONE_LOG";

/// Lines of one kind that strangers can provoke: so many at once, and then one a minute.
const PROVOKED: Allowance = Allowance::new(8, Duration::from_secs(60));

/// Warnings that strangers can provoke: few enough that they can't drown the others.
#[derive(Debug)]
pub struct Provoked {
    allowance: Allowance,
    /// Since the last that was logged.
    left_out: u64,
}

impl Default for Provoked {
    fn default() -> Self {
        Self { allowance: PROVOKED, left_out: 0 }
    }
}

impl Provoked {
    /// Logs a warning, or counts it; the next that is logged says how many were not.
    pub fn warn(&mut self, now: Instant, warning: impl Display) {
        if let Some(line) = self.line(now, warning) {
            warn!("{line}");
        }
    }

    fn line(&mut self, now: Instant, warning: impl Display) -> Option<String> {
        if !self.allowance.take(now) {
            self.left_out = self.left_out.saturating_add(1);
            return None;
        }
        Some(match std::mem::take(&mut self.left_out) {
            0 => warning.to_string(),
            left_out => format!("{warning}; {left_out} such lines before this one were left out"),
        })
    }
}

/// The reading end of the log.
#[derive(Debug)]
pub struct Lines {
    /// Whole lines, as they are to be written.
    waiting: Receiver<Vec<u8>>,
    counts: Arc<Counts>,
}

/// The writing end, a pipe for env_logger.
struct Pipe {
    lines: Sender<Vec<u8>>,
    counts: Arc<Counts>,
}

/// What both ends know.
#[derive(Debug, Default)]
struct Counts {
    /// Bytes that wait.
    bytes: AtomicUsize,
    /// Lines that found no room since the last that was written.
    lost: AtomicU64,
}

/// Makes this process's log, and returns its reading end. Call it once.
pub fn start() -> Lines {
    let (pipe, lines) = pipe();
    let mut builder = Builder::from_env(Env::new().filter_or(FILTER_VARIABLE, "info"));
    // It would log each message of the API, passwords and tokens among them.
    builder.filter_module("tungstenite", LevelFilter::Warn);
    builder.target(Target::Pipe(Box::new(pipe))).format_target(false);
    // systemd's journal notes the time itself.
    if is_journal() {
        builder.format_timestamp(None);
    } else {
        builder.format_timestamp_millis();
    }
    builder.init();
    lines
}

/// Whether standard error leads to the journal (systemd.exec(5), `$JOURNAL_STREAM`): it may lead to a file though standard
/// output doesn't.
fn is_journal() -> bool {
    let Ok(journal) = std::env::var("JOURNAL_STREAM") else { return false };
    let stderr = io::stderr().as_fd().try_clone_to_owned().map(File::from);
    stderr.and_then(|file| file.metadata()).is_ok_and(|it| journal == format!("{}:{}", it.dev(), it.ino()))
}

fn pipe() -> (Pipe, Lines) {
    let (sender, receiver) = bounded(LINES_MAX);
    let counts = Arc::new(Counts::default());
    (Pipe { lines: sender, counts: counts.clone() }, Lines { waiting: receiver, counts })
}

impl Write for Pipe {
    /// Takes one formatted record, always whole. Never waits and never fails.
    fn write(&mut self, record: &[u8]) -> io::Result<usize> {
        let Counts { bytes, lost } = &*self.counts;
        let has_room = bytes.fetch_add(record.len(), Ordering::Relaxed) < BYTES_MAX;
        if !has_room || self.lines.try_send(record.to_vec()).is_err() {
            bytes.fetch_sub(record.len(), Ordering::Relaxed);
            lost.fetch_add(1, Ordering::Relaxed);
        }
        Ok(record.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Lines {
    /// Writes lines to `out` as they come, until somebody says so by `stop`; then those that still wait.
    pub fn write_until(&self, stop: &Receiver<()>, out: &mut dyn Write) {
        loop {
            select! {
                recv(self.waiting) -> line => match line {
                    Ok(line) => self.write(&line, out),
                    Err(_) => return,
                },
                recv(stop) -> _ => return self.write_rest(out),
            }
        }
    }

    /// Writes one line to `out`, and before it how many were lost. A reader that has gone away is no reason to end
    /// (a `println!` would panic), so errors are not told: there is nobody to tell.
    fn write(&self, line: &[u8], out: &mut dyn Write) {
        self.counts.bytes.fetch_sub(line.len(), Ordering::Relaxed);
        let lost = self.counts.lost.swap(0, Ordering::Relaxed);
        if lost > 0 {
            writeln!(out, "{lost} lines of the log were lost: whoever reads it is too slow").ok();
        }
        out.write_all(line).ok();
    }

    fn write_rest(&self, out: &mut dyn Write) {
        for line in self.waiting.try_iter() {
            self.write(&line, out);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_reader_that_stands_still_loses_lines_but_stops_nobody() {
        let (mut pipe, lines) = pipe();
        for _ in 0..LINES_MAX + 3 {
            pipe.write_all(b"a record\n").expect("a record is always taken");
        }
        let mut out = Vec::new();
        lines.write_rest(&mut out);
        let text = String::from_utf8(out).expect("text");
        assert!(text.starts_with("3 lines of the log were lost: whoever reads it is too slow\na record\n"));
        assert_eq!(text.lines().count(), 1 + LINES_MAX);
    }

    #[test]
    fn long_lines_that_wait_are_bounded_too_and_their_room_is_used_again() {
        let (mut pipe, lines) = pipe();
        let record = [b'x'; 64 << 10];
        for round in 0..2 {
            for _ in 0..LINES_MAX {
                pipe.write_all(&record).expect("a record is always taken");
            }
            let mut out = Vec::new();
            lines.write_rest(&mut out);
            let kept = out.iter().filter(|byte| **byte == b'x').count();
            assert_eq!(kept, BYTES_MAX, "round {round}");
        }
    }

    #[test]
    fn strangers_do_not_drown_the_log_and_are_counted() {
        let mut provoked = Provoked::default();
        let at = |seconds| Instant::ZERO + Duration::from_secs(seconds);
        let lines: Vec<String> =
            (0..120).filter_map(|second| provoked.line(at(1_000 + second), "no")).collect();
        assert_eq!(lines.len(), 8 + 1);
        assert_eq!(lines.last().map(String::as_str), Some("no; 52 such lines before this one were left out"));
    }

    #[test]
    fn a_closed_standard_error_does_no_harm() {
        let (mut pipe, lines) = pipe();
        pipe.write_all(b"hello\n").expect("a line is always taken");
        let (reader, mut writer) = std::io::pipe().expect("a pipe");
        drop(reader);
        lines.write_rest(&mut writer);
        assert_eq!(lines.waiting.len(), 0);
    }
}
