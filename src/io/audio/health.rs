//! What a device's callbacks leave behind for the threads: numbers, for they may neither log nor wait.

use std::sync::atomic::{AtomicBool, AtomicU32, Ordering::Relaxed};

use super::devices::Tally;
use crate::io::mailbox::Bell;

/// Errors without a block between them that make a device a failed one. Each xrun is one, and a device that recovers
/// from it gives a block next; one that doesn't repeats its error thousands of times a second.
const ERRORS_MAX: u32 = 8;

/// The state of an open device, written by its callbacks.
#[derive(Debug, Default)]
pub(super) struct Health {
    /// Frames of the largest block that the device asked for or gave, in frames of the device.
    pub(super) largest_block: AtomicU32,
    /// Blocks that went through, modulo 2³².
    pub(super) blocks: AtomicU32,
    /// Blocks for which the ring held too little, or had too little room.
    pub(super) starved: AtomicU32,
    /// Xruns that the device itself told.
    pub(super) xruns: AtomicU32,
    /// Real-time priority was refused to the callback's thread.
    pub(super) realtime_refused: AtomicBool,
    errors_in_a_row: AtomicU32,
    failed: AtomicBool,
}

/// An error of the device, as far as it matters to whoever keeps it.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Complaint {
    /// The device lost or repeated sound.
    Xrun,
    /// The device is gone.
    Gone,
    /// Anything else.
    Other,
}

impl Health {
    /// A block went through.
    pub(super) fn on_block(&self, frames: usize) {
        self.largest_block.fetch_max(u32::try_from(frames).unwrap_or(u32::MAX), Relaxed);
        self.blocks.fetch_add(1, Relaxed);
        self.errors_in_a_row.store(0, Relaxed);
    }

    /// The device complains. Rings once, when it has failed for good, and then returns true each time.
    pub(super) fn on_error(&self, complaint: Complaint, keeper: &Bell) -> bool {
        if complaint == Complaint::Xrun {
            self.xruns.fetch_add(1, Relaxed);
        }
        let in_a_row = self.errors_in_a_row.fetch_add(1, Relaxed).saturating_add(1);
        let failed = complaint == Complaint::Gone || in_a_row >= ERRORS_MAX;
        if failed && !self.failed.swap(true, Relaxed) {
            keeper.ring();
        }
        failed
    }

    /// What went wrong so far.
    pub(super) fn tally(&self) -> Tally {
        Tally {
            starved: self.starved.load(Relaxed),
            xruns: self.xruns.load(Relaxed),
            realtime_refused: self.realtime_refused.load(Relaxed),
        }
    }

    /// The device is to be closed, and opened again if it can be.
    pub(super) fn has_failed(&self) -> bool {
        self.failed.load(Relaxed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::io::mailbox::Inbox;
    use mio::{Events, Token};

    #[test]
    fn a_device_that_only_complains_has_failed_and_is_told_once() {
        let mut events = Events::with_capacity(4);
        let (mut inbox, mailbox) = Inbox::<()>::new(Token(1), 1).expect("an inbox");
        let health = Health::default();
        for _ in 0..100 {
            assert!(!health.on_error(Complaint::Xrun, &mailbox.bell()), "it recovers each time");
            health.on_block(480);
        }
        assert!(!health.has_failed());
        for _ in 0..5_000 {
            health.on_error(Complaint::Other, &mailbox.bell());
        }
        assert!(health.has_failed());
        inbox.poll.poll(&mut events, None).expect("the bell rang");
        inbox.poll.poll(&mut events, Some(std::time::Duration::ZERO)).expect("a poll");
        assert!(events.is_empty(), "the bell rang once");
    }

    #[test]
    fn a_device_that_is_gone_has_failed_at_once() {
        let (_inbox, mailbox) = Inbox::<()>::new(Token(1), 1).expect("an inbox");
        let health = Health::default();
        assert!(health.on_error(Complaint::Gone, &mailbox.bell()));
        assert!(health.has_failed());
    }
}
