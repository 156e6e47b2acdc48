//! The work thread: what may block or take long, so that no other thread does.

use std::io::Write;

use base::Secret;
use crossbeam_channel::{Receiver, select};

use super::log::Lines;
use super::password;

/// Something to do, in the order of the queue.
pub enum Job {
    /// Check a password against an Argon2id hash: some 20 ms of work.
    CheckPassword {
        /// What was typed.
        password: Secret,
        /// A PHC string, as `neonphone passwd` prints it. Without one no password fits, and the answer takes as long.
        hash: Option<Secret>,
        /// Called on the work thread with the verdict: posts it to whoever asked.
        answer: Box<dyn FnOnce(bool) + Send>,
    },
    /// End the thread, once the jobs before this one are done and the log lines written.
    Stop,
}

/// Jobs that may wait, over all who ask. A client of the control API has one request in flight, so its 32
/// connections and a few sockets that were just closed fit.
pub const JOBS_MAX: usize = 64;

/// Runs until it is told to stop: does `jobs`, and writes the log's `lines` to `out`.
pub fn run(jobs: &Receiver<Job>, lines: &Lines, out: &mut dyn Write) {
    loop {
        select! {
            recv(lines.waiting) -> line => {
                if let Ok(line) = line {
                    lines.write(&line, out);
                }
            }
            recv(jobs) -> job => match job {
                Ok(Job::CheckPassword { password, hash, answer }) => {
                    answer(password::fits(&password, hash.as_ref()));
                }
                Ok(Job::Stop) | Err(_) => break,
            },
        }
    }
    lines.write_rest(out);
}
