//! A JSON object as an ordered list of members whose values are read when asked for. A map would silently keep the
//! last of two members with one name, and lose how a number or an `id` was written. RFC 8259.

use alloc::borrow::ToOwned;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt;

use serde::de::{Deserialize, Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// The members of an object, in the order in which they were written.
#[derive(Debug)]
pub(crate) struct Members<'a>(Vec<(String, &'a RawValue)>);

impl<'a> Members<'a> {
    /// The members of the object that `text` is; `None` if it is no JSON or no object.
    pub(crate) fn parse(text: &'a str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// The first member of that name in any case.
    pub(crate) fn get(&self, name: &str) -> Option<&'a RawValue> {
        self.iter().find(|(given, _)| given.eq_ignore_ascii_case(name)).map(|(_, value)| value)
    }

    /// All of them.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &'a RawValue)> {
        self.0.iter().map(|(name, value)| (name.as_str(), *value))
    }

    /// A name that two members have, differing in case at most.
    pub(crate) fn name_given_twice(&self) -> Option<String> {
        let mut names: Vec<String> = self.0.iter().map(|(name, _)| name.to_ascii_lowercase()).collect();
        names.sort_unstable();
        names.iter().zip(names.iter().skip(1)).find(|(one, next)| one == next).map(|(name, _)| name.clone())
    }
}

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;

        impl<'de> Visitor<'de> for InOrder {
            type Value = Members<'de>;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut members = Vec::new();
                while let Some((name, value)) = map.next_entry::<&RawValue, &RawValue>()? {
                    let name = match Scalar::parse(name) {
                        Some(Scalar::Text(name)) => name,
                        // No text can hold it: half a surrogate pair. As it was written it is no name that anybody knows.
                        _ => name.get().to_owned(),
                    };
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }

        deserializer.deserialize_map(InOrder)
    }
}

/// A value that is neither object nor array, as far as the contract tells kinds apart.
#[derive(PartialEq, Eq, Debug)]
pub(crate) enum Scalar {
    Null,
    Bool(bool),
    /// As it was written, so that no digit is lost.
    Number(String),
    Text(String),
}

impl Scalar {
    /// `None` for an object or array, and for a string that no Unicode text can hold (half a surrogate pair).
    pub(crate) fn parse(value: &RawValue) -> Option<Self> {
        let written = value.get();
        match written.as_bytes().first()? {
            b'n' => Some(Self::Null),
            b't' => Some(Self::Bool(true)),
            b'f' => Some(Self::Bool(false)),
            b'"' => serde_json::from_str(written).ok().map(Self::Text),
            b'-' | b'0'..=b'9' => Some(Self::Number(written.to_owned())),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn scalar(written: &str) -> Option<Scalar> {
        Scalar::parse(serde_json::from_str(written).expect("JSON"))
    }

    #[test]
    fn members_keep_order_and_every_one_of_a_name() {
        let members = Members::parse(r#" {"b": 1, "A": [2, {}], "a": 3} "#).expect("an object");
        let seen: Vec<_> = members.iter().map(|(name, value)| (name, value.get())).collect();
        assert_eq!(seen, [("b", "1"), ("A", "[2, {}]"), ("a", "3")]);
        assert_eq!(members.name_given_twice().as_deref(), Some("a"));
        assert_eq!(members.get("a").map(RawValue::get), Some("[2, {}]"));
    }

    #[test]
    fn only_a_whole_object_is_one() {
        for text in ["", "[]", "7", "null", "{", "{} {}", "{\"a\":}", "{\"a\":1,}", "{a:1}", "\u{feff}{}"] {
            assert!(Members::parse(text).is_none(), "{text}");
        }
        assert!(Members::parse("{}").is_some());
    }

    #[test]
    fn a_name_that_no_text_can_hold_is_one_that_nobody_knows() {
        let members = Members::parse(r#"{"id":1,"\ud800":2,"\u0069D":3}"#).expect("an object");
        assert_eq!(members.get("id").map(RawValue::get), Some("1"));
        assert_eq!(members.name_given_twice().as_deref(), Some("id"));
    }

    #[test]
    fn nesting_as_deep_as_a_message_may_be_does_not_exhaust_the_stack() {
        let deep = alloc::format!("{{\"id\":{}{}}}", "[".repeat(30_000), "]".repeat(30_000));
        assert!(Members::parse(&deep).is_some());
    }

    #[test]
    fn scalars_are_told_apart_and_numbers_keep_their_digits() {
        assert_eq!(scalar("null"), Some(Scalar::Null));
        assert_eq!(scalar("true"), Some(Scalar::Bool(true)));
        assert_eq!(scalar("12345678901234567890123"), Some(Scalar::Number("12345678901234567890123".into())));
        assert_eq!(scalar(r#""\u00e9""#), Some(Scalar::Text("é".into())));
        assert_eq!(scalar("{}"), None);
        assert_eq!(scalar("[1]"), None);
        assert_eq!(scalar(r#""\ud800""#), None);
    }
}
