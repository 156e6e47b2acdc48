//! Our REFER, and what the peer tells of it (RFC 3515; RFC 5589 §6): the subscription that it makes lives on when the
//! call has ended (RFC 5057 §4).

use base::Instant;

use super::Line;
use super::asking::Draft;
use crate::invite::{Event, SIPFRAG, Step};
use crate::message::{Headers, Method, Name, NameAddr, Params, Request, Response, Status, Uri, part_of};
use crate::transaction::GIVE_UP;

/// Our REFERs in one dialog, one at a time.
#[derive(Debug, Default)]
pub(super) struct Refer {
    state: State,
    /// How many there were.
    count: u32,
}

/// How far the latest has come.
#[derive(Debug, Default)]
pub(super) enum State {
    /// None is under way.
    #[default]
    Idle,
    /// It waits for its answer. NOTIFYs may be faster.
    Asked,
    /// It waits for its answer, and the last NOTIFY was faster.
    Told,
    /// The peer goes about it, and tells how it goes. Once the call has ended that is awaited no longer than `until`.
    Subscribed { number: u32, until: Option<Instant> },
}

/// What becomes of a REFER, as a NOTIFY tells.
struct Progress {
    status: Option<Status>,
    is_last: bool,
}

impl Refer {
    /// The REFER to compose; none while another one has no answer. One that was accepted is forgotten.
    pub(super) fn ask(&mut self, step: &Step<'_>, line: &Line, to: &Uri) -> Option<Draft> {
        if matches!(self.state, State::Asked | State::Told) {
            return None;
        }
        self.state = State::Asked;
        self.count = self.count.saturating_add(1);
        let mut draft = line.target_refresh(Method::Refer);
        draft.headers.push(Name::ReferTo, NameAddr::new(to.clone()));
        draft.headers.push(Name::ReferredBy, NameAddr::new(step.profile.address.uri.clone()));
        Some(draft)
    }

    pub(super) const fn is_idle(&self) -> bool {
        matches!(self.state, State::Idle)
    }

    pub(super) const fn state(&self) -> &State {
        &self.state
    }

    /// Takes the final answer to the REFER of this number.
    pub(super) fn on_answered(&mut self, number: Option<u32>, status: Status, until: Option<Instant>) {
        self.state = match (&self.state, number) {
            (State::Asked, Some(number)) if status.is_success() => State::Subscribed { number, until },
            _ => State::Idle,
        };
    }

    /// Takes a NOTIFY; `asked` is the number of a REFER that is out. What it gives back is what to tell, if anything.
    ///
    /// # Errors
    /// The answer that refuses it.
    pub(super) fn take_notify(
        &mut self,
        notify: &Request,
        asked: Option<u32>,
    ) -> Result<Option<Event>, Response> {
        let refusal = |status| Response::to_request(notify, status);
        let id = read_event(&notify.headers).map_err(refusal)?;
        let number = match self.state {
            State::Idle | State::Told => None,
            State::Asked => asked,
            State::Subscribed { number, .. } => Some(number),
        };
        // RFC 3515 §2.4.6. Where there was but one REFER it is meant, whatever a server between has made of its number.
        let is_another = self.count > 1 && id.is_some_and(|id| Some(id) != number);
        if number.is_none() || is_another {
            return Err(refusal(Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST));
        }
        let Progress { status, is_last } = Progress::read(notify).map_err(refusal)?;
        if is_last {
            self.state = if matches!(self.state, State::Asked) { State::Told } else { State::Idle };
        }
        let told = status.or(is_last.then_some(Status::TRYING));
        Ok(told.map(|status| Event::ReferProgress { status, is_last }))
    }

    /// The call has ended. A REFER that is not out yet never will be.
    pub(super) fn on_end(&mut self, now: Instant, is_out: bool) {
        match &mut self.state {
            State::Subscribed { until, .. } => *until = Some(now + GIVE_UP),
            State::Asked if !is_out => self.state = State::Idle,
            State::Idle | State::Asked | State::Told => {}
        }
    }

    pub(super) const fn poll_timeout(&self) -> Option<Instant> {
        match self.state {
            State::Subscribed { until, .. } => until,
            State::Idle | State::Asked | State::Told => None,
        }
    }

    pub(super) fn on_timeout(&mut self, now: Instant) {
        if self.poll_timeout().is_some_and(|until| until <= now) {
            self.state = State::Idle;
        }
    }
}

impl Progress {
    /// RFC 6665 §4.1.3, RFC 3515 §2.4.4 and §2.4.5. A body that doesn't say a status says nothing.
    fn read(notify: &Request) -> Result<Self, Status> {
        let state = notify.headers.one(Name::SubscriptionState).map_err(|_| Status::BAD_REQUEST)?;
        let state = state.split(';').next().unwrap_or_default().trim_ascii();
        let fragment = part_of(&notify.headers, &notify.body, &[SIPFRAG]);
        let status = fragment.and_then(|(_, fragment)| status_of(fragment));
        Ok(Self { status, is_last: state.eq_ignore_ascii_case("terminated") })
    }
}

/// The id in Event (RFC 3515 §2.4.6), if the event is `refer`.
///
/// # Errors
/// The status to answer with: 489 for any other event (RFC 6665 §4.1.3).
fn read_event(headers: &Headers) -> Result<Option<u32>, Status> {
    let event = headers.one(Name::Event).map_err(|_| Status::BAD_EVENT)?;
    let (package, params) =
        event.split_at_checked(event.find(';').unwrap_or(event.len())).unwrap_or((event, ""));
    if !package.trim_ascii().eq_ignore_ascii_case("refer") {
        return Err(Status::BAD_EVENT);
    }
    let params = Params::parse(params).map_err(|_| Status::BAD_REQUEST)?;
    // An id that is no number is none of ours.
    Ok(params.get("id").map(|id| id.parse().unwrap_or(0)))
}

/// The status in a Status-Line, with which a body of type `message/sipfrag` begins here (RFC 3420).
fn status_of(fragment: &[u8]) -> Option<Status> {
    let line = fragment.split(|byte| matches!(byte, b'\r' | b'\n')).next()?;
    let rest = line.strip_prefix(b"SIP/2.0 ")?;
    let code = core::str::from_utf8(rest.get(..3)?).ok()?;
    let is_whole = rest.get(3).is_none_or(|byte| *byte == b' ');
    if is_whole { Status::new(code.parse().ok()?) } else { None }
}
