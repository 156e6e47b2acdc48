//! Reading a request: from a text frame to an action with its parameters, or to the refusal that it has earned, in
//! the order of rule 3 (format, action; then, after the server has looked at the token, parameters) and with the
//! leniency of rule 2.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use base::Secret;
use serde_json::value::RawValue;

use super::action::Action;
use super::json::{Members, Scalar};
use crate::command::{CallId, Command, ConnectionId, Refusal, RefusalCode};

/// Header fields that a program may have sent along with an INVITE: as many as an event tells (part 3).
const MAX_HEADERS: usize = 16;

/// Longest value of one of them, in bytes.
const MAX_HEADER_BYTES: usize = 512;

/// Longest user name, in bytes: a REGISTER has it several times, escaped, and is one datagram.
const MAX_USER_BYTES: usize = 256;

/// A request whose format and action are good.
#[derive(Debug)]
pub(crate) struct Request<'a> {
    /// The caller's own mark, as it was written.
    pub(crate) id: Option<&'a RawValue>,
    /// What it asks for.
    pub(crate) action: Action,
    members: Members<'a>,
}

/// What a request asks for, with its parameters.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Asked {
    /// A new token. The server's to answer.
    Authenticate { user: String, password: Secret },
    /// The end of the token given. The server's to answer.
    Logout,
    /// The page shown or hidden. The server's to answer.
    ShowUi { show: bool },
    /// Call control's to answer.
    Command(Command),
}

/// Why a request is refused before anybody looks at the state of anything.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum RequestError {
    Binary,
    NotAnObject,
    NoAction,
    UnknownAction,
    GivenTwice(String),
    Missing(&'static str),
    Mistyped { parameter: &'static str, expected: &'static str },
    Header(String),
    TooManyHeaders,
}

impl RequestError {
    fn code(&self) -> RefusalCode {
        match self {
            Self::Binary | Self::NotAnObject | Self::NoAction => RefusalCode::BadFormat,
            _ => RefusalCode::InvalidArgument,
        }
    }
}

impl fmt::Display for RequestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Binary => f.write_str("the message is a binary frame, not a text frame"),
            Self::NotAnObject => f.write_str("the message is not one JSON object"),
            Self::NoAction => f.write_str("the message has no string `action`"),
            Self::UnknownAction => f.write_str("`action` is not one that this phone knows"),
            Self::GivenTwice(name) => write!(f, "{name:?} is given twice"),
            Self::Missing(parameter) => write!(f, "`{parameter}` is missing"),
            Self::Mistyped { parameter, expected } => write!(f, "`{parameter}` is not {expected}"),
            Self::Header(name) => write!(
                f,
                "`headers` has {name:?}, expected `X-…` or User-to-User with a text of at most {MAX_HEADER_BYTES} \
                 bytes and no control characters"
            ),
            Self::TooManyHeaders => write!(f, "`headers` has more than {MAX_HEADERS} members"),
        }
    }
}

impl From<RequestError> for Refusal {
    fn from(error: RequestError) -> Self {
        Self { code: error.code(), message: alloc::format!("{error}") }
    }
}

/// What a message has earned that is no request, with its `id` wherever it has one.
pub(crate) type Refused<'a> = (Option<&'a RawValue>, RequestError);

/// What a binary frame has earned, whatever it holds.
pub(crate) fn refuse_binary(bytes: &[u8]) -> Refused<'_> {
    let members = core::str::from_utf8(bytes).ok().and_then(Members::parse);
    (members.and_then(|members| members.get("id")), RequestError::Binary)
}

impl<'a> Request<'a> {
    /// Reads a text frame up to its action.
    ///
    /// # Errors
    /// 100 or 102.
    pub(crate) fn parse(text: &'a str) -> Result<Self, Refused<'a>> {
        let members = Members::parse(text).ok_or((None, RequestError::NotAnObject))?;
        let id = members.get("id");
        match action(&members) {
            Ok(action) => Ok(Self { id, action, members }),
            Err(error) => Err((id, error)),
        }
    }

    /// True for every action but the one that gives tokens.
    pub(crate) fn needs_token(&self) -> bool {
        self.action != Action::Authenticate
    }

    /// The `token`, if it is a text.
    pub(crate) fn token(&self) -> Option<Secret> {
        match Scalar::parse(self.members.get("token")?)? {
            Scalar::Text(token) => Some(Secret::new(token)),
            _ => None,
        }
    }

    /// Reads the parameters that the action has.
    ///
    /// # Errors
    /// 102: one is missing, of the wrong type or out of range, or any name is given twice.
    pub(crate) fn parameters(&self) -> Result<Asked, RequestError> {
        if let Some(name) = self.members.name_given_twice() {
            return Err(RequestError::GivenTwice(name));
        }
        Ok(Asked::Command(match self.action {
            Action::Authenticate => {
                let user = self.required("user", TEXT)?;
                return Ok(Asked::Authenticate {
                    user,
                    password: Secret::new(self.required("password", TEXT)?),
                });
            }
            Action::Logout => return Ok(Asked::Logout),
            Action::ShowUi => return Ok(Asked::ShowUi { show: self.required("show", BOOLEAN)? }),
            Action::SipRegister => Command::Register {
                domain: self.required("domain", TEXT)?,
                number: self.required("number", USER)?,
                password: Secret::new(self.required("password", TEXT)?),
                autodisconnect: self.optional("autodisconnect", BOOLEAN)?.unwrap_or(false),
            },
            Action::SipUnregister => Command::Unregister,
            Action::StartCall => Command::StartCall {
                number: self.required("number", NUMBER)?,
                headers: self.headers()?,
                connection: self.optional("connectionId", ID)?.map(ConnectionId),
            },
            Action::FinalizeCall => Command::FinalizeCall(self.call()?),
            Action::AcceptCall => Command::AcceptCall(self.call()?),
            Action::TransferCall => {
                Command::TransferCall { call: self.call()?, to: self.required("to", NUMBER)? }
            }
            Action::SendDtmf => {
                Command::SendDtmf { call: self.call()?, keys: self.required("DTMF", NUMBER)? }
            }
            Action::SetHold => Command::SetHold { call: self.call()?, hold: self.required("hold", BOOLEAN)? },
            Action::MuteCall => {
                Command::MuteCall { call: self.call()?, mute: self.required("mute", BOOLEAN)? }
            }
            Action::WatchLevels => Command::WatchLevels(self.required("watch", BOOLEAN)?),
            Action::GetState => Command::GetState,
        }))
    }

    fn call(&self) -> Result<CallId, RequestError> {
        self.required("callid", ID).map(CallId)
    }

    fn required<T>(&self, parameter: &'static str, kind: Kind<T>) -> Result<T, RequestError> {
        let value = self.members.get(parameter).ok_or(RequestError::Missing(parameter))?;
        Scalar::parse(value).and_then(kind.read).ok_or(kind.refuse(parameter))
    }

    /// `None` for a parameter that is absent or `null`.
    fn optional<T>(&self, parameter: &'static str, kind: Kind<T>) -> Result<Option<T>, RequestError> {
        match self.members.get(parameter).map(Scalar::parse) {
            None | Some(Some(Scalar::Null)) => Ok(None),
            Some(value) => value.and_then(kind.read).map(Some).ok_or(kind.refuse(parameter)),
        }
    }

    /// The header fields to send along with an INVITE (part 3).
    fn headers(&self) -> Result<Vec<(String, String)>, RequestError> {
        let Some(value) = self.members.get("headers").filter(|value| value.get() != "null") else {
            return Ok(Vec::new());
        };
        let expected = RequestError::Mistyped { parameter: "headers", expected: "an object" };
        let members = Members::parse(value.get()).ok_or(expected)?;
        if let Some(name) = members.name_given_twice() {
            return Err(RequestError::GivenTwice(name));
        }
        let headers = members.iter().map(header).collect::<Result<Vec<_>, _>>()?;
        if headers.len() > MAX_HEADERS { Err(RequestError::TooManyHeaders) } else { Ok(headers) }
    }
}

fn action(members: &Members<'_>) -> Result<Action, RequestError> {
    let Some(Scalar::Text(name)) = members.get("action").and_then(Scalar::parse) else {
        return Err(RequestError::NoAction);
    };
    name.parse().map_err(|_| RequestError::UnknownAction)
}

fn header((name, value): (&str, &RawValue)) -> Result<(String, String), RequestError> {
    let is_token = name.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-.!%*_+`'~".contains(&byte));
    let is_extension = name.len() > 2 && name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-"));
    let is_allowed = is_token && (is_extension || name.eq_ignore_ascii_case("User-to-User"));
    match Scalar::parse(value) {
        Some(Scalar::Text(text))
            if is_allowed && text.len() <= MAX_HEADER_BYTES && !text.contains(char::is_control) =>
        {
            Ok((name.to_owned(), text))
        }
        _ => Err(RequestError::Header(name.to_owned())),
    }
}

/// A type that a parameter may have: how it is read from a value, and what it is called in a refusal.
struct Kind<T> {
    read: fn(Scalar) -> Option<T>,
    called: &'static str,
}

impl<T> Kind<T> {
    fn refuse(&self, parameter: &'static str) -> RequestError {
        RequestError::Mistyped { parameter, expected: self.called }
    }
}

const TEXT: Kind<String> = Kind {
    read: |value| match value {
        Scalar::Text(text) => Some(text),
        _ => None,
    },
    called: "a string",
};

/// A number to call, a user name made of digits, or keys to send.
const NUMBER: Kind<String> = Kind {
    read: |value| match value {
        Scalar::Text(text) => Some(text),
        Scalar::Number(written) => Some(whole(&written).to_owned()).filter(|digits| is_digits(digits)),
        _ => None,
    },
    called: "a string or a whole number",
};

/// The user name of an account.
const USER: Kind<String> = Kind {
    read: |value| {
        let is_user =
            |text: &String| (1..=MAX_USER_BYTES).contains(&text.len()) && !text.contains(char::is_control);
        (NUMBER.read)(value).filter(is_user)
    },
    called: "a user name of 1 to 256 bytes without control characters",
};

const BOOLEAN: Kind<bool> = Kind {
    read: |value| match value {
        Scalar::Bool(value) => Some(value),
        Scalar::Text(text) => text.parse().ok(),
        _ => None,
    },
    called: "a boolean",
};

/// The number of a call or an account.
const ID: Kind<u32> = Kind {
    read: |value| match value {
        Scalar::Number(written) => read_id(whole(&written)),
        Scalar::Text(text) => read_id(&text),
        _ => None,
    },
    called: "an id that this phone has given",
};

fn read_id(digits: &str) -> Option<u32> {
    if is_digits(digits) { digits.parse().ok() } else { None }
}

/// A JSON number without a fraction of nothing but zeros: some languages know no other numbers than 7.0.
fn whole(written: &str) -> &str {
    match written.split_once('.') {
        Some((digits, zeros)) if zeros.bytes().all(|byte| byte == b'0') => digits,
        _ => written,
    }
}

fn is_digits(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn asked(text: &str) -> Result<Asked, RequestError> {
        Request::parse(text).map_err(|(_, error)| error)?.parameters()
    }

    fn is_mistyped(text: &str, named: &str) -> bool {
        matches!(asked(text), Err(RequestError::Mistyped { parameter, .. }) if parameter == named)
    }

    #[test]
    fn rule_2_names_match_without_regard_to_case() {
        let finalize = Ok(Asked::Command(Command::FinalizeCall(CallId(7))));
        for text in [
            r#"{"action":"finalizecall","callid":7}"#,
            r#"{"ACTION":"FinalizeCall","callId":7}"#,
            r#"{"Action":"FINALIZECALL","CALLID":"7","colour":"red"}"#,
        ] {
            assert_eq!(asked(text), finalize, "{text}");
        }
    }

    #[test]
    fn rule_2_transfercall_is_transferecall() {
        for name in ["transferecall", "transfercall", "TransferCall"] {
            assert_eq!(name.parse(), Ok(Action::TransferCall));
        }
    }

    #[test]
    fn rule_2_a_name_given_twice_in_any_case_is_refused() {
        let twice = |name: &str| Err(RequestError::GivenTwice(name.into()));
        assert_eq!(asked(r#"{"action":"acceptcall","callid":1,"callId":1}"#), twice("callid"));
        assert_eq!(asked(r#"{"action":"acceptcall","callid":1,"note":1,"note":2}"#), twice("note"));
        assert_eq!(asked(r#"{"action":"acceptcall","callid":1,"Action":"finalizecall"}"#), twice("action"));
        assert_eq!(
            asked(r#"{"action":"startcall","number":"1","headers":{"X-A":"1","x-a":"2"}}"#),
            twice("x-a")
        );
    }

    #[test]
    fn rule_2_ids_are_whole_numbers_or_digits() {
        for written in ["7", "\"7\"", "\"007\"", "7.0", "7.000"] {
            let text = alloc::format!(r#"{{"action":"acceptcall","callid":{written}}}"#);
            assert_eq!(asked(&text), Ok(Asked::Command(Command::AcceptCall(CallId(7)))), "{written}");
        }
        for written in [
            "-7",
            "7.5",
            "7e0",
            "4294967296",
            "\"7.0\"",
            "\"+7\"",
            "\" 7\"",
            "\"\"",
            "true",
            "null",
            "[7]",
            "{}",
        ] {
            let text = alloc::format!(r#"{{"action":"acceptcall","callid":{written}}}"#);
            assert!(is_mistyped(&text, "callid"), "{written}");
        }
        assert_eq!(asked(r#"{"action":"acceptcall"}"#), Err(RequestError::Missing("callid")));
    }

    #[test]
    fn rule_2_booleans_are_true_and_false_or_their_names_in_lower_case() {
        let autodisconnect = |written: &str| {
            let text = alloc::format!(
                r#"{{"action":"sipregister","domain":"d","number":"n","password":"p","autodisconnect":{written}}}"#
            );
            match asked(&text) {
                Ok(Asked::Command(Command::Register { autodisconnect, .. })) => Some(autodisconnect),
                refused => {
                    assert!(matches!(
                        refused,
                        Err(RequestError::Mistyped { parameter: "autodisconnect", expected: "a boolean" })
                    ));
                    None
                }
            }
        };
        assert_eq!([autodisconnect("true"), autodisconnect("\"true\"")], [Some(true); 2]);
        assert_eq!(["false", "\"false\"", "null"].map(autodisconnect), [Some(false); 3]);
        assert_eq!(["\"TRUE\"", "\"True\"", "0", "1", "\"1\"", "[]"].map(autodisconnect), [None; 6]);
    }

    #[test]
    fn rule_2_a_number_may_be_a_json_number_and_keeps_every_digit() {
        let number =
            |written: &str| match asked(&alloc::format!(r#"{{"action":"startcall","number":{written}}}"#)) {
                Ok(Asked::Command(Command::StartCall { number, .. })) => Some(number),
                _ => None,
            };
        assert_eq!(number("600").as_deref(), Some("600"));
        assert_eq!(number("600.0").as_deref(), Some("600"));
        assert_eq!(number("5571334115255713341152").as_deref(), Some("5571334115255713341152"));
        assert_eq!(number("\"+55 71\"").as_deref(), Some("+55 71"));
        for refused in ["-600", "6.5", "6e2", "null", "true", "[]"] {
            assert_eq!(number(refused), None, "{refused}");
        }
    }

    #[test]
    fn rule_2_dtmf_may_be_a_json_number_and_is_named_in_any_case() {
        let keys =
            |member: &str| match asked(&alloc::format!(r#"{{"action":"senddtmf","callid":"7",{member}}}"#)) {
                Ok(Asked::Command(Command::SendDtmf { call: CallId(7), keys })) => Some(keys),
                _ => None,
            };
        assert_eq!(keys(r#""DTMF":1122"#).as_deref(), Some("1122"));
        assert_eq!(keys(r#""dtmf":"1,2*#A""#).as_deref(), Some("1,2*#A"));
        assert_eq!(keys(r#""Dtmf":"ab""#).as_deref(), Some("ab"), "call control knows which keys there are");
        for refused in ["-1", "1.5", "1e3", "null", "true", "[1]"] {
            assert_eq!(keys(&alloc::format!(r#""DTMF":{refused}"#)), None, "{refused}");
        }
    }

    #[test]
    fn rule_2_hold_mute_and_show_are_booleans_or_their_names() {
        let call = CallId(7);
        for (action, parameter, asked_for) in [
            ("sethold", "hold", Asked::Command(Command::SetHold { call, hold: true })),
            ("mutecall", "Mute", Asked::Command(Command::MuteCall { call, mute: true })),
            ("showui", "SHOW", Asked::ShowUi { show: true }),
            ("watchlevels", "watch", Asked::Command(Command::WatchLevels(true))),
        ] {
            let text = |written: &str| {
                alloc::format!(r#"{{"action":"{action}","callId":7,"{parameter}":{written}}}"#)
            };
            for written in ["true", "\"true\""] {
                assert_eq!(asked(&text(written)).as_ref(), Ok(&asked_for), "{action}");
            }
            for written in ["1", "\"TRUE\"", "null"] {
                assert!(is_mistyped(&text(written), &parameter.to_ascii_lowercase()), "{action} {written}");
            }
        }
    }

    #[test]
    fn rule_2_a_transfer_by_either_spelling_has_a_call_and_a_number() {
        let transfer = Ok(Asked::Command(Command::TransferCall { call: CallId(7), to: "603".into() }));
        assert_eq!(asked(r#"{"action":"transferecall","callid":7,"to":"603"}"#), transfer);
        assert_eq!(asked(r#"{"action":"transfercall","callid":7,"to":603}"#), transfer);
        let missing = |parameter| Err(RequestError::Missing(parameter));
        assert_eq!(asked(r#"{"action":"transferecall","callid":7}"#), missing("to"));
        assert_eq!(asked(r#"{"action":"transferecall","to":"603"}"#), missing("callid"));
    }

    #[test]
    fn a_user_name_has_something_in_it_and_fits_a_register() {
        let account = |user: &str| {
            asked(&alloc::format!(
                r#"{{"action":"sipregister","domain":"d","number":"{user}","password":"p"}}"#
            ))
        };
        let longest = "1".repeat(MAX_USER_BYTES);
        for user in ["1000", "jürgen", &longest] {
            assert!(account(user).is_ok(), "{user}");
        }
        for user in ["", r"10\r\n00", r"\u007f", &alloc::format!("{longest}1")] {
            assert!(
                matches!(account(user), Err(RequestError::Mistyped { parameter: "number", .. })),
                "{user}"
            );
        }
    }

    #[test]
    fn rule_2_null_is_no_value_for_a_required_parameter() {
        assert!(is_mistyped(r#"{"action":"startcall","number":null}"#, "number"));
        assert!(is_mistyped(r#"{"action":"authenticate","user":null,"password":"p"}"#, "user"));
    }

    #[test]
    fn part_3_startcall_takes_headers_and_an_account() {
        let start = asked(
            r#"{"action":"startcall","number":"600","headers":{"X-Case":"7","user-to-user":"a;b"},"connectionId":"3"}"#,
        );
        let headers = alloc::vec![("X-Case".into(), "7".into()), ("user-to-user".into(), "a;b".into())];
        let connection = Some(ConnectionId(3));
        assert_eq!(
            start,
            Ok(Asked::Command(Command::StartCall { number: "600".into(), headers, connection }))
        );
    }

    #[test]
    fn part_3_other_header_names_and_types_are_refused() {
        let start = |headers: &str| {
            asked(&alloc::format!(r#"{{"action":"startcall","number":"600","headers":{headers}}}"#))
        };
        let long = |bytes: usize| alloc::format!(r#""X-A":"{}""#, "x".repeat(bytes));
        for refused in [
            r#""Via":"x""#,
            r#""X-":"x""#,
            r#""X-A B":"x""#,
            r#""X-A":7"#,
            r#""X-A":"a\r\nVia: b""#,
            r#""X-Ä":"x""#,
            &long(513),
        ] {
            let refusal = start(&alloc::format!("{{{refused}}}"));
            assert!(matches!(refusal, Err(RequestError::Header(_))), "{refused}");
        }
        assert!(start(&alloc::format!("{{{}}}", long(512))).is_ok());
        assert!(is_mistyped(r#"{"action":"startcall","number":"600","headers":["X-A"]}"#, "headers"));
        let many = |count: usize| {
            let members: Vec<String> = (0..count).map(|at| alloc::format!(r#""X-{at}":"x""#)).collect();
            start(&alloc::format!("{{{}}}", members.join(",")))
        };
        assert_eq!(many(17), Err(RequestError::TooManyHeaders));
        assert!(many(16).is_ok());
    }

    #[test]
    fn a_refusal_never_repeats_a_password() {
        let refused =
            asked(r#"{"action":"authenticate","user":7,"password":"geheim"}"#).expect_err("a refusal");
        assert!(!alloc::format!("{refused} {refused:?}").contains("geheim"));
    }
}
