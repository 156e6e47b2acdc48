//! One connection: its tokens, its request in flight, and the deadlines of its silence and of its output.

use alloc::boxed::Box;

use base::{Duration, Instant};
use serde_json::value::RawValue;

use crate::api::sessions::{Source, Tokens};

/// A connection that is not loopback and has been silent for this long is pinged, and is lost after as long again
/// (rule 7).
const SILENCE: Duration = Duration::from_secs(20);

/// Output may wait for this long (rule 6).
const MAX_WAIT: Duration = Duration::from_secs(10);

/// What a request in flight waits for.
#[derive(Debug)]
pub(super) enum Waiting {
    /// Call control's reply.
    Reply,
    /// Whether a password fits.
    PasswordCheck,
    /// The time to say that it didn't (rule 14).
    Delay(Instant),
}

/// What is known of a client that might be gone without a word.
#[derive(Debug)]
enum Silence {
    /// A loopback connection's end is always told.
    Loopback,
    /// Heard of less than 20 s ago.
    Heard { ping_at: Instant },
    /// Asked whether it is there.
    Pinged { lost_at: Instant },
}

/// A connection.
#[derive(Debug)]
pub(super) struct Connection {
    pub(super) source: Source,
    pub(super) tokens: Tokens,
    /// It has had a token, so call control may know it.
    pub(super) was_authenticated: bool,
    /// It wants `OnAudioLevel`.
    pub(super) watches_levels: bool,
    /// Of the last event sent.
    pub(super) seq: u64,
    /// Of the request in flight.
    pub(super) id: Option<Box<RawValue>>,
    pub(super) waiting: Option<Waiting>,
    silence: Silence,
    /// When output that has been waiting without a break has waited for too long.
    stuck_at: Option<Instant>,
}

impl Connection {
    pub(super) fn new(now: Instant, source: Source) -> Self {
        let is_loopback = source.address.is_loopback();
        Self {
            source,
            tokens: Tokens::default(),
            was_authenticated: false,
            watches_levels: false,
            seq: 0,
            id: None,
            waiting: None,
            silence: if is_loopback { Silence::Loopback } else { Silence::Heard { ping_at: now + SILENCE } },
            stuck_at: None,
        }
    }

    /// The client has shown that it is there.
    pub(super) fn hear(&mut self, now: Instant) {
        if !matches!(self.silence, Silence::Loopback) {
            self.silence = Silence::Heard { ping_at: now + SILENCE };
        }
    }

    /// The client was asked whether it is there.
    pub(super) fn ping(&mut self, now: Instant) {
        self.silence = Silence::Pinged { lost_at: now + SILENCE };
    }

    /// The request in flight is answered. Nothing was read meanwhile, so the silence begins anew.
    pub(super) fn settle(&mut self, now: Instant) {
        self.waiting = None;
        self.hear(now);
    }

    pub(super) fn note_output(&mut self, now: Instant, waits: bool) {
        self.stuck_at = waits.then(|| self.stuck_at.unwrap_or(now + MAX_WAIT));
    }

    /// When something is to be done about it.
    pub(super) fn deadline(&self) -> Option<Instant> {
        let request = match (&self.waiting, &self.silence) {
            (Some(Waiting::Delay(until)), _) => Some(*until),
            // Nothing is read, so silence means nothing.
            (Some(_), _) | (None, Silence::Loopback) => None,
            (None, Silence::Heard { ping_at: at } | Silence::Pinged { lost_at: at }) => Some(*at),
        };
        request.into_iter().chain(self.stuck_at).min()
    }

    pub(super) fn is_lost(&self, now: Instant) -> bool {
        let is_past = |at: Instant| at <= now;
        let is_silent = matches!(self.silence, Silence::Pinged { lost_at } if is_past(lost_at));
        is_silent || self.stuck_at.is_some_and(is_past)
    }

    pub(super) fn delay_is_over(&self, now: Instant) -> bool {
        matches!(self.waiting, Some(Waiting::Delay(until)) if until <= now)
    }
}
