//! The clock of a call without a sound card.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::errno::Errno;
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{ClockId, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};

use super::TICK;

/// Ticks that a late thread makes up for, 200 ms of sound: as much as a sound card's ring would have held for it.
const CATCH_UP_MAX: u64 = 10;

/// Wakes a poll every [`TICK`] while it runs: a timerfd, exact to microseconds and without drift, where the poll's own
/// timeout rounds up to a millisecond.
#[derive(Debug)]
pub struct Ticker {
    timer: TimerFd,
    running: bool,
}

impl Ticker {
    /// A ticker that stands still. A tick is an event of `token`.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        // Not the core's clock: sound that a suspended machine missed is not made up for.
        let timer = TimerFd::new(ClockId::CLOCK_MONOTONIC, flags)?;
        registry.register(&mut SourceFd(&timer.as_fd().as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, running: false })
    }

    /// Lets it run, the first tick one period from now, or stops it. Nothing happens where it does so already, so a
    /// device that replaces another keeps the pace.
    ///
    /// # Errors
    /// None that a correct system gives; handed on rather than hidden.
    pub fn run(&mut self, running: bool) -> io::Result<()> {
        match (self.running, running) {
            (false, true) => {
                let period = Expiration::Interval(TimeSpec::from_duration(TICK));
                self.timer.set(period, TimerSetTimeFlags::empty())?;
            }
            (true, false) => self.timer.unset()?,
            _ => {}
        }
        self.running = running;
        Ok(())
    }

    /// Ticks since the last call. A thread that comes late gets several, and so catches up instead of drifting; beyond
    /// 200 ms the rest is dropped.
    pub fn due(&mut self) -> usize {
        let mut count = [0; 8];
        match nix::unistd::read(&self.timer, &mut count) {
            Ok(_) => u64::from_ne_bytes(count).min(CATCH_UP_MAX) as usize,
            Err(Errno::EAGAIN | Errno::EINTR) => 0,
            Err(error) => unreachable!("a timerfd of our own can be read: {error}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};

    #[test]
    fn ticks_come_at_their_pace_and_are_made_up_for() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(4);
        let mut ticker = Ticker::new(poll.registry(), Token(3)).expect("a ticker");
        ticker.run(true).expect("started");
        ticker.run(true).expect("running already");

        let begun = std::time::Instant::now();
        let mut ticks = 0;
        while ticks < 5 {
            poll.poll(&mut events, Some(TICK * 100)).expect("a poll");
            ticks += ticker.due();
        }
        assert!(begun.elapsed() >= TICK * ticks as u32, "{ticks} ticks in {:?}", begun.elapsed());
    }

    #[test]
    fn a_ticker_that_stands_still_wakes_nobody() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(4);
        let mut ticker = Ticker::new(poll.registry(), Token(3)).expect("a ticker");
        ticker.run(true).expect("started");
        ticker.run(false).expect("stopped");
        poll.poll(&mut events, Some(TICK * 2)).expect("a poll");
        assert!(events.is_empty());
        assert_eq!(ticker.due(), 0);
    }
}
