//! The exchange's registrar (RFC 3261 §10.3): who its users are, where they are bound to, and whether a request is
//! theirs (§22, RFC 8760).

use std::collections::VecDeque;
use std::time::Duration;

use base::{Dice, Instant, Secret};
use sip::digest::{Algorithm, Authorization, Challenge, Credentials, Qop};
use sip::message::{Contacts, Name, NameAddr, Request, Response, Status, Uri};

/// Who may register: two, so that they can call each other.
pub(super) const USERS: [&str; 2] = ["1000", "1001"];

/// The password of each. No secret: the exchange hears this machine only, and has nothing worth stealing.
pub(super) const PASSWORD: &str = "demo";

const REALM: &str = "neonphone demo";

/// How long a nonce is taken for an answer; then the client gets another, told by `stale`.
const NONCE_LIVES: Duration = Duration::from_secs(600);

/// Nonces that are known: whoever asks for more of them than that in ten minutes without answering makes others ask
/// once more.
const MAX_NONCES: usize = 64;

/// The longest binding that is granted.
const BINDING_LIVES: Duration = Duration::from_secs(3600);

/// How long a binding lasts where nobody says (RFC 3261 §10.2.1.1 leaves it to the registrar).
const USUAL_EXPIRES: u32 = 3600;

/// Users, their bindings, and the nonces that were given out.
#[derive(Debug)]
pub(super) struct Registrar {
    users: [User; USERS.len()],
    /// The oldest first.
    nonces: VecDeque<(String, Instant)>,
    dice: Dice,
}

#[derive(Debug)]
struct User {
    name: &'static str,
    /// The phone that registered last: here a user has one.
    binding: Option<Binding>,
}

#[derive(Debug)]
struct Binding {
    contact: NameAddr,
    until: Instant,
    /// Call-ID and number of the REGISTER: an older one of the same phone changes nothing.
    made_by: (String, u32),
}

impl Registrar {
    pub(super) fn new(dice: Dice) -> Self {
        Self { users: USERS.map(|name| User { name, binding: None }), nonces: VecDeque::new(), dice }
    }

    /// Where a user can be called.
    pub(super) fn contact(&self, now: Instant, user: &str) -> Option<&Uri> {
        let binding = self.users.iter().find(|it| it.name == user)?.binding.as_ref()?;
        (binding.until > now).then_some(&binding.contact.uri)
    }

    /// Answers a REGISTER.
    pub(super) fn register(&mut self, now: Instant, request: &Request) -> Response {
        match self.bind(now, request) {
            Ok(user) => user.bindings(now, request),
            Err(refusal) => refusal,
        }
    }

    fn bind(&mut self, now: Instant, request: &Request) -> Result<&User, Response> {
        let refuse = |status| Response::to_request(request, status);
        let bad = |_| refuse(Status::BAD_REQUEST);
        let name = self.authenticate(now, request, Status::UNAUTHORIZED)?;
        let headers = &request.headers;
        if user_of(&headers.to().map_err(bad)?.uri) != name {
            return Err(refuse(Status::FORBIDDEN));
        }
        let made_by = (headers.call_id().map_err(bad)?.to_owned(), headers.cseq().map_err(bad)?.number);
        let expires = headers.expires().ok().flatten();
        let contacts = headers.contacts().map_err(bad)?;
        let user = self.users.iter_mut().find(|user| user.name == name);
        let user = user.ok_or_else(|| refuse(Status::NOT_FOUND))?;
        match contacts {
            Contacts::All if expires == Some(0) => user.binding = None,
            Contacts::All => return Err(refuse(Status::BAD_REQUEST)),
            // RFC 3261 §10.3, step 7: this REGISTER came late, a newer one has been answered.
            Contacts::List(contacts) if !contacts.is_empty() && user.knows_better(&made_by) => {
                return Err(refuse(Status::SERVER_INTERNAL_ERROR));
            }
            Contacts::List(contacts) => {
                for contact in contacts {
                    let seconds = contact.expires().or(expires).unwrap_or(USUAL_EXPIRES);
                    user.bind(now, contact, seconds, &made_by);
                }
            }
        }
        Ok(user)
    }

    /// Finds whose request it is, by the password that it was signed with; asks for that by `status`, 401 or 407.
    ///
    /// # Errors
    /// The challenge, or 400.
    pub(super) fn authenticate(
        &mut self,
        now: Instant,
        request: &Request,
        status: Status,
    ) -> Result<&'static str, Response> {
        let (asked_in, answered_in) = match status {
            Status::UNAUTHORIZED => (Name::WwwAuthenticate, Name::Authorization),
            _ => (Name::ProxyAuthenticate, Name::ProxyAuthorization),
        };
        let from = request.headers.from().map_err(|_| Response::to_request(request, Status::BAD_REQUEST))?;
        let claimed = user_of(&from.uri);
        let answers = request.headers.all(answered_in).filter_map(|value| Authorization::parse(value).ok());
        let signed = answers.filter(|answer| answer.realm == REALM).find_map(|answer| {
            let user = USERS.into_iter().find(|user| *user == claimed)?;
            let credentials = Credentials { user: user.into(), realm: None, password: Secret::new(PASSWORD) };
            let is_right = answer.is_by(&credentials, &request.method, &request.body);
            is_right.then_some((user, answer.nonce))
        });
        match signed {
            Some((user, nonce)) if self.is_fresh(now, &nonce) => Ok(user),
            signed => Err(self.challenge(now, request, status, asked_in, signed.is_some())),
        }
    }

    fn is_fresh(&self, now: Instant, nonce: &str) -> bool {
        let given_at = self.nonces.iter().find(|(known, _)| known == nonce).map(|(_, at)| *at);
        given_at.is_some_and(|at| now.since(at) < NONCE_LIVES)
    }

    fn challenge(
        &mut self,
        now: Instant,
        request: &Request,
        status: Status,
        asked_in: Name<'static>,
        stale: bool,
    ) -> Response {
        let nonce = self.dice.hex(4);
        if self.nonces.len() >= MAX_NONCES {
            self.nonces.pop_front();
        }
        self.nonces.push_back((nonce.clone(), now));
        let mut response = Response::to_request(request, status);
        // RFC 8760 §2.3: the preferred first.
        for algorithm in [Algorithm::Sha256, Algorithm::Md5] {
            let challenge = Challenge {
                realm: REALM.into(),
                nonce: nonce.clone(),
                opaque: None,
                algorithm: Some(algorithm),
                qop: Some(Qop::Auth),
                stale,
            };
            response.headers.push(asked_in, challenge);
        }
        response
    }
}

impl User {
    /// Whether the binding was made by a newer REGISTER of the same phone.
    fn knows_better(&self, (call_id, number): &(String, u32)) -> bool {
        let made_by = self.binding.as_ref().map(|known| &known.made_by);
        made_by.is_some_and(|(its_call_id, its_number)| its_call_id == call_id && its_number >= number)
    }

    fn bind(&mut self, now: Instant, contact: NameAddr, seconds: u32, made_by: &(String, u32)) {
        if seconds > 0 {
            let until = now + Duration::from_secs(seconds.into()).min(BINDING_LIVES);
            self.binding = Some(Binding { contact, until, made_by: made_by.clone() });
        } else {
            self.binding.take_if(|known| known.contact.uri.is_equivalent(&contact.uri));
        }
    }

    /// RFC 3261 §10.3, step 8.
    fn bindings(&self, now: Instant, register: &Request) -> Response {
        let mut response = Response::to_request(register, Status::OK);
        if let Some(Binding { contact, until, .. }) = self.binding.as_ref().filter(|it| it.until > now) {
            let mut contact = contact.clone();
            contact.params.set("expires", Some(&until.since(now).as_secs().to_string()));
            response.headers.push(Name::Contact, contact);
        }
        response
    }
}

/// The user part of a URI, its escapes undone; empty where there is none.
pub(super) fn user_of(uri: &Uri) -> String {
    uri.as_sip().and_then(|uri| uri.user_text()).unwrap_or_default().into_owned()
}
