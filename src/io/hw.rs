//! The hw thread: keys, hook and lamps of a handset. Without such devices it rests on its mailbox.

use crossbeam_channel::Receiver;

/// What other threads write to the hw thread.
#[derive(Debug)]
pub enum Letter {
    /// End the thread.
    Stop,
}

/// Runs until it is told to stop.
pub fn run(letters: &Receiver<Letter>) {
    match letters.recv() {
        Ok(Letter::Stop) | Err(_) => {}
    }
}
