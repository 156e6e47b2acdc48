//! The exchange's registrar (RFC 3261 §10.3), and the passwords that it asks for (§22).

use std::collections::BTreeMap;
use std::time::Duration;

use base::{Dice, Instant, Secret};
use sip::digest::{Authorization, Challenge, Credentials};
use sip::message::{Contacts, Headers, Name, NameAddr, Request, Response, Status, Uri};

use super::{Habits, user_of};

pub(super) struct Registrar {
    habits: Habits,
    passwords: BTreeMap<String, Secret>,
    bindings: BTreeMap<String, Vec<Binding>>,
    nonces: BTreeMap<String, Instant>,
    dice: Dice,
}

/// Where a user is.
struct Binding {
    contact: NameAddr,
    until: Instant,
    /// Call-ID and number of the REGISTER: an older one of the same phone changes nothing.
    made_by: (String, u32),
}

impl Registrar {
    pub(super) fn new(habits: Habits, passwords: &[(&str, &str)], dice: Dice) -> Self {
        let passwords = passwords.iter().map(|(user, word)| ((*user).into(), (*word).into())).collect();
        Self { habits, passwords, bindings: BTreeMap::new(), nonces: BTreeMap::new(), dice }
    }

    /// Contacts of a user at `now`.
    pub(super) fn find(&self, now: Instant, user: &str) -> Vec<Uri> {
        self.current(now, user).map(|binding| binding.contact.uri.clone()).collect()
    }

    pub(super) fn binds_any(&self, now: Instant) -> bool {
        self.bindings.keys().any(|user| self.current(now, user).next().is_some())
    }

    pub(super) fn forget(&mut self) {
        if self.dice.percent(50) {
            self.bindings.clear();
        } else {
            self.nonces.clear();
        }
    }

    pub(super) fn register(&mut self, now: Instant, request: &Request) -> Response {
        self.try_to_register(now, request).unwrap_or_else(|refusal| refusal)
    }

    fn try_to_register(&mut self, now: Instant, request: &Request) -> Result<Response, Response> {
        let refuse = |status| Response::to_request(request, status);
        self.authenticate(now, request, Status::UNAUTHORIZED)?;
        let headers = &request.headers;
        let user = user_of(&headers.to().map_err(|_| refuse(Status::BAD_REQUEST))?.uri);
        let call_id = headers.call_id().map_err(|_| refuse(Status::BAD_REQUEST))?;
        let number = headers.cseq().map_err(|_| refuse(Status::BAD_REQUEST))?.number;
        let Ok(Contacts::List(contacts)) = headers.contacts() else {
            return Err(refuse(Status::BAD_REQUEST));
        };
        for contact in contacts {
            let asked = expires(&contact, headers);
            let (least, most) = self.habits.grants;
            if asked > Duration::ZERO && asked < least {
                let mut brief = refuse(Status::INTERVAL_TOO_BRIEF);
                brief.headers.push(Name::MinExpires, least.as_secs());
                return Err(brief);
            }
            let known = self.bindings.entry(user.clone()).or_default();
            let is_newer = |it: &Binding| it.until > now && it.made_by.0 == call_id && it.made_by.1 >= number;
            if known.iter().any(is_newer) {
                return Err(refuse(Status::SERVER_INTERNAL_ERROR));
            }
            known.retain(|it| !it.contact.uri.is_equivalent(&contact.uri));
            if asked > Duration::ZERO {
                let (until, made_by) = (now + asked.min(most), (call_id.into(), number));
                known.push(Binding { contact, until, made_by });
            }
        }
        let mut response = refuse(Status::OK);
        for binding in self.current(now, &user) {
            let seconds = binding.until.since(now).as_secs();
            response.headers.push(Name::Contact, format_args!("{};expires={seconds}", binding.contact));
        }
        Ok(response)
    }

    fn current(&self, now: Instant, user: &str) -> impl Iterator<Item = &Binding> {
        self.bindings.get(user).into_iter().flatten().filter(move |binding| binding.until > now)
    }

    /// Only those who know a password get further.
    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        request: &Request,
        asks: Status,
    ) -> Result<(), Response> {
        let (asked_in, answered_in) = match asks {
            Status::UNAUTHORIZED => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let user = request.headers.from().map(|from| user_of(&from.uri)).unwrap_or_default();
        let answer = request.headers.get(answered_in).and_then(|value| Authorization::parse(value).ok());
        let credentials = self.passwords.get(&user).map(|password| Credentials {
            user: user.clone(),
            realm: None,
            password: password.clone(),
        });
        let is_right = answer
            .as_ref()
            .zip(credentials)
            .is_some_and(|(answer, credentials)| answer.is_by(&credentials, &request.method, &request.body));
        let is_fresh = answer
            .as_ref()
            .and_then(|answer| self.nonces.get(&answer.nonce))
            .is_some_and(|made_at| now.since(*made_at) < self.habits.nonce_lives);
        if is_right && is_fresh {
            return Ok(());
        }
        let nonce = self.dice.hex(4);
        self.nonces.insert(nonce.clone(), now);
        let mut response = Response::to_request(request, asks);
        for algorithm in self.habits.algorithms {
            let challenge = Challenge {
                realm: self.habits.realm.into(),
                nonce: nonce.clone(),
                opaque: None,
                algorithm: Some(*algorithm),
                qop: self.habits.qop,
                stale: is_right && self.habits.says_stale,
            };
            response.headers.push(asked_in, challenge);
        }
        Err(response)
    }
}

fn expires(contact: &NameAddr, headers: &Headers) -> Duration {
    let seconds = contact.expires().or(headers.expires().ok().flatten()).unwrap_or(3600);
    Duration::from_secs(seconds.into())
}
