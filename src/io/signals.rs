//! SIGTERM and SIGINT: the first asks for an orderly stop, the second ends the process at once.

use std::io;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use signal_hook::consts::{SIGINT, SIGTERM};
use signal_hook::flag;
use signal_hook::iterator::{Handle, Signals};

/// The exit code of a process that a second signal ended.
const IMPATIENT: i32 = 1;

/// What the main thread sleeps on while the phone runs.
pub struct StopSignals(Signals);

impl StopSignals {
    /// Takes both signals from now on.
    ///
    /// # Errors
    /// What the system says when it has no more descriptors.
    pub fn new() -> io::Result<Self> {
        let told_before = Arc::new(AtomicBool::new(false));
        for signal in [SIGTERM, SIGINT] {
            // In this order the first signal only sets the flag that the second one finds set.
            flag::register_conditional_shutdown(signal, IMPATIENT, told_before.clone())?;
            flag::register(signal, told_before.clone())?;
        }
        Ok(Self(Signals::new([SIGTERM, SIGINT])?))
    }

    /// Sleeps until there is a signal, whose name is returned, or [`StopCall`] is called: then none.
    pub fn wait(&mut self) -> Option<&'static str> {
        let signal = self.0.forever().next()?;
        Some(if signal == SIGTERM { "SIGTERM" } else { "SIGINT" })
    }

    /// Wakes the main thread without a signal.
    pub fn stop_call(&self) -> StopCall {
        StopCall(self.0.handle())
    }
}

/// Wakes the main thread because something has ended that must not.
#[derive(Clone)]
pub struct StopCall(Handle);

impl StopCall {
    /// Wakes it.
    pub fn call(&self) {
        self.0.close();
    }
}
