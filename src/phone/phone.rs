//! The one door of call control. It routes, and doesn't decide: accounts and calls do.

use base::{Dice, Instant, Seed};

use crate::interface::{Config, Input, Output};

/// Call control.
#[derive(Debug)]
pub struct Phone {
    outputs: alloc::collections::VecDeque<Output>,
}

impl Phone {
    /// Call control with `config`'s accounts about to connect.
    pub fn new(config: Config, seed: Seed, now: Instant) -> Self {
        let _ = (config, Dice::new(seed), now);
        Self { outputs: alloc::collections::VecDeque::new() }
    }

    /// Takes what happened. `now` never goes back.
    pub fn handle_input(&mut self, now: Instant, input: Input<'_>) {
        let _ = (now, input);
    }

    /// What the driver is to do next, `None` when it may wait.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// When `Input::Timeout` is due; `None` at rest.
    pub fn poll_timeout(&self) -> Option<Instant> {
        None
    }
}
