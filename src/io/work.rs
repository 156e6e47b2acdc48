//! The work thread: what may take long, so that no other thread does.

use base::Secret;
use crossbeam_channel::{Receiver, after, never, select};

use super::clock;
use super::interface::{Commands, Wishes};
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
    /// End the thread, once the jobs before this one are done.
    Stop,
}

/// Jobs that may wait, over all who ask. A client of the control API has one request in flight, so its 32
/// connections and a few sockets that were just closed fit.
pub const JOBS_MAX: usize = 64;

/// Runs until it is told to stop: does `jobs`, and runs `commands` as `wishes` tell.
pub fn run(jobs: &Receiver<Job>, wishes: &Wishes, mut commands: Commands) {
    loop {
        let look = commands.look_in().map_or_else(never, after);
        select! {
            recv(jobs) -> job => match job {
                Ok(Job::CheckPassword { password, hash, answer }) => {
                    answer(password::fits(&password, hash.as_ref()));
                }
                Ok(Job::Stop) | Err(_) => return,
            },
            recv(wishes.bell) -> wish => match wish {
                Ok(()) => commands.want(clock::now(), wishes.newest()),
                // The api thread has ended, and the phone does soon.
                Err(_) => return,
            },
            recv(look) -> _ => commands.look(clock::now()),
        }
    }
}
