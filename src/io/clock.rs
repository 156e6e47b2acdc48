//! The one real clock of the process, and the alarm that wakes a poll at one of its instants. Both count
//! CLOCK_BOOTTIME: it goes on while the machine is suspended, so a resumed machine finds its registrations lapsed.

use std::io;
use std::os::fd::{AsFd, AsRawFd};

use base::{Duration, Instant};
use mio::unix::SourceFd;
use mio::{Interest, Registry, Token};
use nix::sys::time::TimeSpec;
use nix::sys::timerfd::{self, Expiration, TimerFd, TimerFlags, TimerSetTimeFlags};
use nix::time::{ClockId, clock_gettime};

/// The time now. Its origin is the boot of the machine.
pub fn now() -> Instant {
    let time = clock_gettime(ClockId::CLOCK_BOOTTIME).expect("every Linux since 2.6.39 has CLOCK_BOOTTIME");
    Instant::ZERO + Duration::from(time)
}

/// When the wall clock said `wall`, by what it says now: off by as much as it has been set since.
pub fn at(wall: Duration) -> Instant {
    let time = clock_gettime(ClockId::CLOCK_REALTIME).expect("every Linux has CLOCK_REALTIME");
    let age = Duration::from(time).saturating_sub(wall);
    Instant::ZERO + now().since(Instant::ZERO).saturating_sub(age)
}

/// A timer that wakes a poll, by a timerfd: exact to microseconds, where the poll's own timeout rounds up to a
/// millisecond and stands still in a suspended machine.
#[derive(Debug)]
pub struct Alarm {
    timer: TimerFd,
    set_to: Option<Instant>,
}

impl Alarm {
    /// An alarm that is not set. It rings as a readable event of `token`; nobody needs to read it, for mio is
    /// edge-triggered and each expiry is an edge of its own.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new(registry: &Registry, token: Token) -> io::Result<Self> {
        let flags = TimerFlags::TFD_NONBLOCK | TimerFlags::TFD_CLOEXEC;
        let timer = TimerFd::new(timerfd::ClockId::CLOCK_BOOTTIME, flags)?;
        registry.register(&mut SourceFd(&timer.as_fd().as_raw_fd()), token, Interest::READABLE)?;
        Ok(Self { timer, set_to: None })
    }

    /// Rings once at `at`, at once if that is past; never for `None`. What was set before is forgotten. Costs a
    /// system call only where `at` has changed.
    ///
    /// # Errors
    /// None that a correct system gives; handed on rather than hidden.
    pub fn set(&mut self, at: Option<Instant>) -> io::Result<()> {
        if self.set_to == at {
            return Ok(());
        }
        match at {
            // An expiry of 0 would mean 'never'.
            Some(at) => {
                let since_boot = at.since(Instant::ZERO).max(Duration::from_nanos(1));
                let once = Expiration::OneShot(TimeSpec::from_duration(since_boot));
                self.timer.set(once, TimerSetTimeFlags::TFD_TIMER_ABSTIME)?;
            }
            None => self.timer.unset()?,
        }
        self.set_to = at;
        Ok(())
    }

    /// True once for each time it was set and that time has come; it is not set any more then.
    pub fn is_due(&mut self, now: Instant) -> bool {
        let due = self.set_to.is_some_and(|at| at <= now);
        if due {
            self.set_to = None;
        }
        due
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use mio::{Events, Poll};
    use std::time::{SystemTime, UNIX_EPOCH};

    const ROUNDING: Duration = Duration::from_micros(1);

    #[test]
    fn the_wall_clock_s_times_are_known_on_the_phone_s_clock() {
        let before = now();
        let wall = SystemTime::now().duration_since(UNIX_EPOCH).expect("it is after 1970");
        let after = now();
        for ago in [Duration::ZERO, Duration::from_secs(1)] {
            let begun = now();
            let known = at(wall - ago) + ago;
            // The two clocks are read one after the other, and what lies between makes it later.
            let took = now().since(begun);
            assert!(
                before <= known + ROUNDING && known <= after + took + ROUNDING,
                "{before:?} {known:?} {after:?}"
            );
        }
        assert_eq!(at(Duration::ZERO), Instant::ZERO, "nothing was before the machine's boot");
        assert!(at(wall + Duration::from_secs(1)) <= now(), "and nothing is to come");
    }

    #[test]
    fn the_alarm_rings_at_its_time_each_time_it_is_set() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(4);
        let mut alarm = Alarm::new(poll.registry(), Token(1)).expect("an alarm");
        for wait in [Duration::from_millis(3), Duration::ZERO, Duration::from_millis(2)] {
            let before = now();
            alarm.set(Some(before + wait)).expect("set");
            assert!(wait.is_zero() || !alarm.is_due(before));
            poll.poll(&mut events, Some(Duration::from_secs(5))).expect("a poll");
            assert_eq!(events.iter().count(), 1);
            assert!(alarm.is_due(now()) && !alarm.is_due(now()));
        }
    }

    #[test]
    fn an_alarm_that_is_unset_stays_silent() {
        let mut poll = Poll::new().expect("a poll");
        let mut events = Events::with_capacity(4);
        let mut alarm = Alarm::new(poll.registry(), Token(1)).expect("an alarm");
        alarm.set(Some(now() + Duration::from_millis(10))).expect("set");
        alarm.set(None).expect("unset");
        poll.poll(&mut events, Some(Duration::from_millis(30))).expect("a poll");
        assert!(events.is_empty() && !alarm.is_due(now()));
    }
}
