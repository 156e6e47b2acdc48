//! The work thread: what may block or take long, so that no other thread does.

use base::Secret;

/// Something to do, in the order of the queue.
pub enum Job {
    /// Check a password against an Argon2id hash: some 20 ms of work.
    CheckPassword {
        /// What was typed.
        password: Secret,
        /// A PHC string, as `neonphone passwd` prints it. An empty one fits no password, and takes as long to say so.
        hash: String,
        /// Called on the work thread with the verdict: posts it to whoever asked.
        answer: Box<dyn FnOnce(bool) + Send>,
    },
    /// End the thread, once the jobs before this one are done and the log lines written.
    Stop,
}

/// Jobs that may wait, over all who ask. A client of the control API has one request in flight, so its 32
/// connections and a few sockets that were just closed fit.
pub const JOBS_MAX: usize = 64;
