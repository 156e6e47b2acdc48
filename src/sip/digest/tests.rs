use alloc::string::{String, ToString};
use alloc::vec::Vec;

use base::{Dice, Secret};

use super::*;
use crate::message::{Name, Request, Response, Status, Uri};

fn mufasa(password: &str) -> Credentials {
    Credentials { user: "Mufasa".into(), realm: None, password: Secret::from(password) }
}

fn get(body: &[u8]) -> (Method, Vec<u8>) {
    (Method::Other("GET".into()), body.to_vec())
}

#[test]
fn the_example_of_rfc_2617_has_its_digest() {
    let sent = r#"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093",
        uri="/dir/index.html", qop=auth, nc=00000001, cnonce="0a4f113b",
        response="6629fae49393a05397450978507c4ef1", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    let authorization = Authorization::parse(&sent.replace('\n', " ")).expect("it is well formed");
    let (method, body) = get(b"");
    assert!(authorization.is_by(&mufasa("Circle Of Life"), &method, &body));
    assert!(!authorization.is_by(&mufasa("Circle of Life"), &method, &body));
    assert!(!authorization.is_by(&mufasa("Circle Of Life"), &Method::Invite, &body));
}

#[test]
fn the_example_of_rfc_7616_has_its_digests_with_md5_and_sha_256() {
    for (algorithm, response) in [
        ("MD5", "8ca523f5e9506fed4657c9700eebdbec"),
        ("SHA-256", "753927fa0e85d155564e2e272a28d1802ca10daf4496794697cf8db5856cb6c1"),
    ] {
        let sent = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm={algorithm}, nonce=\"7ypf/xlj9XXwfDPEoM4URrv/xwf94BcCAzFZH4GiTo0v\", nc=00000001, \
             cnonce=\"f2/wE4q74E6zIJEtWaHKaf5wv/H5QzzpXusqGemxURZJ\", qop=auth, response=\"{response}\", \
             opaque=\"FQhe/qaU925kfnzjCev0ciny7QMkPqMAFRtzCUYo5tdS\""
        );
        let authorization = Authorization::parse(&sent).expect("it is well formed");
        let (method, body) = get(b"");
        assert!(authorization.is_by(&mufasa("Circle of Life"), &method, &body), "{algorithm}");
    }
}

#[test]
fn a_server_of_rfc_2069_gets_an_answer_without_qop() {
    // The example of RFC 2069 §2.4 with the digest of its errata.
    let sent = r#"Digest username="Mufasa", realm="testrealm@host.com", nonce="dcd98b7102dd2f0e8b11d0f600bfb0c093", uri="/dir/index.html", response="1949323746fe6a43ef61f9606e7febea", opaque="5ccc069c403ebaf9f0171e9517f40e41""#;
    let authorization = Authorization::parse(sent).expect("it is well formed");
    let (method, body) = get(b"");
    assert!(authorization.is_by(&mufasa("CircleOfLife"), &method, &body));
    assert!(!authorization.to_string().contains("cnonce"));
}

#[test]
fn the_secret_of_a_session_holds_both_nonces_or_the_one_that_there_is() {
    // By the formulas of RFC 2617 §3.2.2.2, for no RFC has an example.
    for (protection, response) in [
        ("qop=auth, nc=00000001, cnonce=\"xyz\"", "1158a7dfc36dd7c3f685fc2d1f14e5df"),
        ("opaque=\"\"", "58fd90e4ca47d839c7376e39ee8c38fd"),
    ] {
        let sent = format!(
            "Digest username=\"Mufasa\", realm=\"http-auth@example.org\", uri=\"/dir/index.html\", \
             algorithm=MD5-sess, nonce=\"abc\", {protection}, response=\"{response}\""
        );
        let authorization = Authorization::parse(&sent).expect("it is well formed");
        let (method, body) = get(b"");
        assert!(authorization.is_by(&mufasa("Circle of Life"), &method, &body), "{protection}");
    }
}

#[test]
fn a_count_has_eight_hexadecimal_digits() {
    for (count, read) in [("0000000a", Some(10)), ("1", None), ("+0000001", None), ("000000001", None)] {
        let sent = format!(
            "Digest username=\"u\", realm=\"r\", nonce=\"n\", uri=\"sip:a\", response=\"x\", qop=auth, \
             cnonce=\"c\", nc={count}"
        );
        let authorization = Authorization::parse(&sent).ok();
        assert_eq!(authorization.and_then(|it| it.protection).map(|it| it.count), read, "{count}");
    }
}

/// A phone that has an account, and the requests it sends.
struct Phone {
    authenticator: Authenticator,
    dice: Dice,
    /// CSeq of its last request.
    number: u32,
}

impl Phone {
    fn new() -> Self {
        let credentials = Credentials { user: "1000".into(), realm: None, password: "pw\"1000".into() };
        Self { authenticator: Authenticator::new(credentials), dice: Dice::new([3; 32]), number: 1 }
    }

    fn credentials(&self) -> Credentials {
        Credentials { user: "1000".into(), realm: None, password: "pw\"1000".into() }
    }

    /// Its last request is challenged so. True if it sends it again.
    fn is_challenged(&mut self, name: Name<'static>, values: &[&str]) -> bool {
        let mut response = Response::new(Status::UNAUTHORIZED);
        response.headers.push(Name::CSeq, format_args!("{} REGISTER", self.number));
        for value in values {
            response.headers.push(name, value);
        }
        self.authenticator.take_challenge(&response)
    }

    fn register(&mut self) -> Request {
        let uri = Uri::parse("sip:example.org").expect("it is a URI");
        let mut request = Request::new(Method::Register, uri);
        self.number += 1;
        request.body = b"body".to_vec();
        self.authenticator.sign(&mut request, &mut self.dice);
        request
    }

    fn answers(&mut self, name: Name<'static>) -> Vec<Authorization> {
        let request = self.register();
        request
            .headers
            .all(name)
            .map(|value| Authorization::parse(value).expect("we write it well"))
            .collect()
    }
}

const CHALLENGE: &str = r#"Digest realm="sip \"here\"", nonce="abc", qop="auth,auth-int", opaque="o""#;

#[test]
fn a_request_is_signed_anew_with_a_rising_count_and_the_server_agrees() {
    let mut phone = Phone::new();
    assert_eq!(phone.register().headers.get(Name::Authorization), None);
    assert!(phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]));
    for count in 1..=3 {
        let answers = phone.answers(Name::Authorization);
        let [answer] = answers.as_slice() else { panic!("one answer, not {answers:?}") };
        assert!(answer.is_by(&phone.credentials(), &Method::Register, b"body"));
        assert_eq!(answer.protection.as_ref().map(|protection| protection.count), Some(count));
        assert_eq!((answer.realm.as_str(), answer.opaque.as_deref()), ("sip \"here\"", Some("o")));
    }
}

#[test]
fn every_algorithm_and_qop_of_a_challenge_is_answered_in_kind() {
    for algorithm in ["MD5", "md5", "MD5-sess", "SHA-256", "SHA-256-sess"] {
        for qop in ["", ", qop=auth", ", qop=\"auth-int\""] {
            let mut phone = Phone::new();
            let challenge = format!("Digest realm=\"r\", nonce=\"n\", algorithm={algorithm}{qop}");
            assert!(phone.is_challenged(Name::ProxyAuthenticate, &[&challenge]));
            let answers = phone.answers(Name::ProxyAuthorization);
            let [answer] = answers.as_slice() else { panic!("one answer, not {answers:?}") };
            assert!(answer.is_by(&phone.credentials(), &Method::Register, b"body"), "{challenge}");
            let covers_body = !answer.is_by(&phone.credentials(), &Method::Register, b"other");
            assert_eq!(covers_body, qop.contains("auth-int"), "{challenge}");
        }
    }
}

#[test]
fn of_a_realms_challenges_the_first_that_can_be_answered_counts() {
    let mut phone = Phone::new();
    assert!(phone.is_challenged(
        Name::WwwAuthenticate,
        &[
            "Basic realm=\"r\"",
            "Digest realm=\"r\", nonce=\"1\", algorithm=SHA-512-256, qop=\"auth\"",
            "Digest realm=\"r\", nonce=\"2\", algorithm=SHA-256, qop=\"auth\"",
            "Digest realm=\"r\", nonce=\"3\", algorithm=MD5, qop=\"auth\"",
            "Digest realm=\"other\", nonce=\"4\"",
        ]
    ));
    let nonces: Vec<String> = phone.answers(Name::Authorization).into_iter().map(|it| it.nonce).collect();
    assert_eq!(nonces, ["2", "4"]);
}

#[test]
fn two_answers_refused_mean_a_wrong_password_and_later_all_begins_anew() {
    let mut phone = Phone::new();
    let stale = format!("{CHALLENGE}, stale=TRUE");
    assert!(phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]));
    phone.register();
    assert!(phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]), "the first refusal");
    phone.register();
    assert!(!phone.is_challenged(Name::WwwAuthenticate, &[&stale]), "the second refusal");
    assert_eq!(phone.register().headers.get(Name::Authorization), None);
    assert!(phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]), "hours later");
}

#[test]
fn a_nonce_that_has_lapsed_is_no_refusal_where_it_is_called_stale() {
    for (first, refusals_before) in [(format!("{CHALLENGE}, stale=true"), 0), (CHALLENGE.to_string(), 1)] {
        let mut phone = Phone::new();
        assert!(phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]));
        phone.register();
        phone.register();
        assert!(phone.is_challenged(Name::WwwAuthenticate, &[&first]), "it has been good");
        let mut refusals = refusals_before;
        loop {
            phone.register();
            refusals += 1;
            if !phone.is_challenged(Name::WwwAuthenticate, &[CHALLENGE]) {
                break;
            }
        }
        assert_eq!(refusals, 2, "{first}");
    }
}

#[test]
fn a_proxy_and_a_server_of_one_realm_refuse_each_for_itself() {
    let mut phone = Phone::new();
    for name in [Name::WwwAuthenticate, Name::ProxyAuthenticate].repeat(2) {
        assert!(phone.is_challenged(name, &[CHALLENGE]));
        phone.register();
    }
}

#[test]
fn of_many_realms_at_once_four_are_answered() {
    let mut phone = Phone::new();
    let challenges: Vec<String> =
        (0..9).map(|realm| format!("Digest realm=\"{realm}\", nonce=\"n\"")).collect();
    let challenges: Vec<&str> = challenges.iter().map(String::as_str).collect();
    assert!(phone.is_challenged(Name::WwwAuthenticate, &challenges));
    let realms: Vec<String> = phone.answers(Name::Authorization).into_iter().map(|it| it.realm).collect();
    assert_eq!(realms, ["0", "1", "2", "3"]);
}

#[test]
fn challenges_that_never_end_are_answered_four_times() {
    let mut phone = Phone::new();
    let is_challenged_by = |phone: &mut Phone, realm: usize| {
        phone.register();
        phone.is_challenged(Name::WwwAuthenticate, &[&format!("Digest realm=\"{realm}\", nonce=\"n\"")])
    };
    assert_eq!((0..100).take_while(|realm| is_challenged_by(&mut phone, *realm)).count(), 4);
    assert!(phone.answers(Name::Authorization).is_empty());
}

#[test]
fn a_challenge_that_cannot_be_answered_is_no_reason_to_try_again() {
    for challenge in [
        "Basic realm=\"r\"",
        "Digest nonce=\"n\"",
        "Digest realm=\"r\"",
        "Digest realm=\"r\", nonce=\"n\", qop=\"token\"",
        "Digest realm=\"r\", nonce=\"n",
        "Digest",
        "",
    ] {
        assert!(!Phone::new().is_challenged(Name::WwwAuthenticate, &[challenge]), "{challenge}");
    }
}

#[test]
fn credentials_of_one_realm_are_not_told_to_another() {
    let mut phone = Phone::new();
    phone.authenticator =
        Authenticator::new(Credentials { realm: Some("mine".into()), ..phone.credentials() });
    assert!(!phone.is_challenged(Name::WwwAuthenticate, &["Digest realm=\"other\", nonce=\"n\""]));
    assert!(phone.is_challenged(Name::WwwAuthenticate, &["Digest realm=\"mine\", nonce=\"n\""]));
}

#[test]
fn a_challenge_prints_to_what_it_was_read_from() {
    let challenge = Challenge::parse(CHALLENGE).expect("it is well formed");
    assert_eq!(Challenge::parse(&challenge.to_string()), Ok(challenge));
}
