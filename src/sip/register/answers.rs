//! What a registrar answers, and what follows (RFC 3261 §10.2.4, §10.2.7, §10.2.8; RFC 5626 §4.5).

use base::Duration;

use super::bindings::{granted, seen_from};
use super::request::Want;
use super::{Asked, Event, Registration, State, Step};
use crate::invite::Seen;
use crate::message::{Response, Status};

/// The first wait after a failure (RFC 5626 §4.5, "base-time" where no flow works).
const RETRY_BASE: Duration = Duration::from_secs(30);

/// The longest wait after a failure (RFC 5626 §4.5, "max-time").
const RETRY_MAX: Duration = Duration::from_secs(1800);

/// The longest wait that a registrar may ask for by Retry-After: one that is mistaken by days would be as good as none.
const RETRY_AFTER_MAX: Duration = Duration::from_secs(3600);

/// A binding is refreshed this long before it ends, or in half its time if that is longer than it lasts: room for a
/// transaction that times out, and for one more.
const REFRESH_EARLY: Duration = Duration::from_secs(75);

/// The least time that a binding is refreshed after, whatever a registrar grants: no storm.
const REFRESH_MIN: Duration = Duration::from_secs(5);

impl Registration {
    /// The answer is told to nobody: something else is wanted by now.
    pub(super) fn on_awaited_response(
        &mut self,
        step: &mut Step<'_>,
        asked: Asked,
        response: &Response,
        then: Want,
    ) {
        if asked.want == Want::Remove {
            self.bindings.clear();
        } else if !response.status.is_success() {
            self.bindings = asked.before;
        }
        self.go_on(step, then);
    }

    pub(super) fn go_on(&mut self, step: &mut Step<'_>, then: Want) {
        match then {
            Want::Bind => self.reach(step.now, step.endpoint, Want::Bind),
            Want::Remove => self.unregister(step.now, step.endpoint, step.tray),
        }
    }

    pub(super) fn on_response(&mut self, step: &mut Step<'_>, mut asked: Asked, response: &Response) {
        let status = response.status;
        let wait = response.headers.retry_after().ok().flatten().map_or(0, u64::from);
        let wait = RETRY_AFTER_MAX.min(Duration::from_secs(wait));
        if status.is_success() {
            return self.on_success(step, asked, response);
        }
        self.bindings = asked.before.clone();
        if self.profile.take_challenge(response) {
            self.ask(step, asked);
        } else if let Some(refresh_at) = asked.corrects_until {
            self.stay_uncorrected(step.now, refresh_at);
        } else if let Some(target) = asked.target.redirected(response) {
            self.profile.forget_challenges();
            self.reach_target(step.now, step.endpoint, asked.want, target);
        } else if status == Status::INTERVAL_TOO_BRIEF && self.lengthen(&asked, response) {
            asked.request = self.write(step.now, asked.flow, asked.want, &asked.target);
            asked.is_lengthened = true;
            self.ask(step, asked);
        } else if status == Status::SERVICE_UNAVAILABLE {
            self.try_next(step, asked, status, wait);
        } else {
            self.on_failure(step, asked.want, status, wait);
        }
    }

    /// Takes the registrar's least time (RFC 3261 §10.2.8): once, else one that asks for more and more is never done.
    fn lengthen(&mut self, asked: &Asked, response: &Response) -> bool {
        let Ok(Some(least)) = response.headers.min_expires() else { return false };
        let least = Duration::from_secs(u64::from(least));
        let is_longer = !asked.is_lengthened && asked.want == Want::Bind && least > self.registrar.expires;
        if is_longer {
            self.registrar.expires = least;
        }
        is_longer
    }

    fn on_success(&mut self, step: &mut Step<'_>, asked: Asked, response: &Response) {
        self.failures = 0;
        if asked.want == Want::Remove {
            self.bindings.clear();
            return step.tray.push(Event::Unregistered);
        }
        let here = self.profile.address_on(asked.flow);
        let seen = seen_from(asked.flow, response);
        // Last, where the registrar is told no more that we are: behind a NAT some go on listing us there.
        let places = [here].into_iter().chain(seen).chain([asked.flow.local]);
        let user = &self.profile.contact_user;
        let Some(granted) = granted(user, places, self.registrar.expires, response) else {
            // Others are bound, and we are not: to try again at once would be answered as well.
            self.bindings = asked.before;
            return self.on_failure(step, asked.want, Status::SERVER_INTERNAL_ERROR, Duration::ZERO);
        };
        let early = REFRESH_EARLY.min(granted / 2);
        let refresh_at = step.now + REFRESH_MIN.max(granted.saturating_sub(early));
        self.bindings.grant(step.now + granted);
        self.is_beyond_nat = seen.is_some_and(|seen| seen != asked.flow.local);
        step.tray.push(Event::Registered);
        match seen.filter(|seen| *seen != here) {
            // Once for each refresh: a NAT may show another address each time.
            Some(address) if asked.corrects_until.is_none() => {
                self.profile.seen = Some(Seen { flow: asked.flow, address });
                let request = self.write(step.now, asked.flow, Want::Bind, &asked.target);
                let (before, corrects_until) = (self.bindings.clone(), Some(refresh_at));
                self.ask(step, Asked { request, before, corrects_until, ..asked });
            }
            _ => self.stay_bound(step.now, refresh_at),
        }
    }

    /// The hop doesn't work: it has perhaps another address (RFC 3263 §4.3).
    pub(super) fn try_next(&mut self, step: &mut Step<'_>, asked: Asked, status: Status, wait: Duration) {
        match step.endpoint.reach_next(asked.alternatives) {
            Some(route) => self.state = State::Reaching { route, want: asked.want, target: asked.target },
            None => self.on_failure(step, asked.want, status, wait),
        }
    }

    /// It is tried again where that may help, after `wait` at the least.
    pub(super) fn on_failure(&mut self, step: &mut Step<'_>, want: Want, status: Status, wait: Duration) {
        if want == Want::Remove {
            // A registrar that doesn't answer forgets the binding by itself.
            self.bindings.clear();
            step.tray.push(Event::Unregistered);
        } else if (500..600).contains(&status.code()) || status == Status::REQUEST_TIMEOUT {
            self.failures = self.failures.saturating_add(1);
            self.state = State::Waiting { retry_at: step.now + self.backoff().max(wait) };
            step.tray.push(Event::Failed(status));
        } else {
            step.tray.push(Event::Refused(status));
        }
    }

    /// RFC 5626 §4.5: doubled with each failure, and anything from half of that to all of it.
    fn backoff(&mut self) -> Duration {
        let doublings = self.failures.min(10);
        let most = RETRY_MAX.min(RETRY_BASE.saturating_mul(1 << doublings));
        self.dice.duration(most / 2, most)
    }
}
