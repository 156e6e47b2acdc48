//! What a device's callbacks leave behind for the threads: numbers, for they may neither log nor wait.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use base::{Duration, Instant};

use super::devices::Tally;
use crate::io::mailbox::Bell;

/// A device that does nothing but complain for this long has failed. One that recovers gives a block next; one that
/// doesn't repeats its error thousands of times a second. PulseAudio's plugin complains so at each start until its
/// server has answered, which is no failure.
const COMPLAINTS_MAX: Duration = Duration::from_millis(20);

/// No complaint since the last block.
const NEVER: u64 = 0;

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
    /// The first complaint since the last block, as [`Instant::as_nanos`], or [`NEVER`].
    complains_since: AtomicU64,
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
        self.complains_since.store(NEVER, Relaxed);
    }

    /// The device complains. Rings once, when it has failed for good, and then returns true each time.
    pub(super) fn on_error(&self, now: Instant, complaint: Complaint, keeper: &Bell) -> bool {
        if complaint == Complaint::Xrun {
            self.xruns.fetch_add(1, Relaxed);
        }
        // Only the device's one thread writes here.
        let mut since = self.complains_since.load(Relaxed);
        if since == NEVER {
            since = now.as_nanos();
            self.complains_since.store(since, Relaxed);
        }
        let failed = complaint == Complaint::Gone || now - Instant::from_nanos(since) >= COMPLAINTS_MAX;
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

    fn millis(count: u64) -> Instant {
        Instant::ZERO + Duration::from_secs(1) + Duration::from_millis(count)
    }

    #[test]
    fn a_device_that_only_complains_has_failed_and_is_told_once() {
        let mut events = Events::with_capacity(4);
        let (mut inbox, mailbox) = Inbox::<()>::new(Token(1), 1).expect("an inbox");
        let health = Health::default();
        for at in 0..100 {
            assert!(!health.on_error(millis(at), Complaint::Xrun, &mailbox.bell()), "it recovers each time");
            health.on_block(480);
        }
        for at in 100..120 {
            assert!(!health.on_error(millis(at), Complaint::Other, &mailbox.bell()), "it may recover yet");
        }
        assert!(!health.has_failed());
        for at in 120..5_000 {
            assert!(health.on_error(millis(at), Complaint::Other, &mailbox.bell()));
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
        assert!(health.on_error(millis(0), Complaint::Gone, &mailbox.bell()));
        assert!(health.has_failed());
    }
}
