//! `%HH` in URIs (RFC 3261 §19.1.2, §25.1).

use alloc::borrow::Cow;
use alloc::string::String;
use alloc::vec::Vec;
use core::fmt::Write;

/// What a user part may hold without escapes: `unreserved / user-unreserved`.
const fn is_user_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'_' | b'.' | b'!' | b'~' | b'*' | b'\'' | b'(' | b')')
        || matches!(byte, b'&' | b'=' | b'+' | b'$' | b',' | b';' | b'?' | b'/')
}

/// Plain text as a user part.
pub(super) fn escape_user(text: &str) -> String {
    escape(text.bytes().map(|byte| (byte, false)))
}

/// A user part as somebody wrote it, with what may not stand in it escaped; escapes that are there stay.
pub(super) fn mend_user(text: &str) -> String {
    escape(bytes(text))
}

fn escape(bytes: impl Iterator<Item = (u8, bool)>) -> String {
    let mut escaped = String::new();
    for (byte, was_escaped) in bytes {
        if is_user_byte(byte) && !was_escaped {
            escaped.push(char::from(byte));
        } else {
            write!(escaped, "%{byte:02X}").expect("writing to a String can't fail");
        }
    }
    escaped
}

/// A text of a URI, byte by byte: the byte, and whether it was escaped. A `%` without two digits is itself.
fn bytes(text: &str) -> impl Iterator<Item = (u8, bool)> + '_ {
    let mut rest = text.as_bytes();
    core::iter::from_fn(move || {
        if let [b'%', high, low, left @ ..] = rest
            && let (Some(high), Some(low)) = (hex_digit(*high), hex_digit(*low))
        {
            rest = left;
            return Some((high << 4 | low, true));
        }
        let (first, left) = rest.split_first()?;
        rest = left;
        Some((*first, false))
    })
}

fn hex_digit(byte: u8) -> Option<u8> {
    char::from(byte).to_digit(16).and_then(|digit| u8::try_from(digit).ok())
}

/// The text that the escapes stand for; bytes that are no UTF-8 become U+FFFD.
pub(super) fn unescape(text: &str) -> Cow<'_, str> {
    if !text.contains('%') {
        return Cow::Borrowed(text);
    }
    let plain: Vec<u8> = bytes(text).map(|(byte, _)| byte).collect();
    Cow::Owned(String::from_utf8_lossy(&plain).into_owned())
}

/// RFC 3261 §19.1.4: a character is the same as its escape, unless it is reserved.
fn comparable(text: &str) -> impl Iterator<Item = (u8, bool)> + '_ {
    let is_reserved =
        |byte: u8| matches!(byte, b';' | b'/' | b'?' | b':' | b'@' | b'&' | b'=' | b'+' | b'$' | b',');
    bytes(text).map(move |(byte, escaped)| (byte, escaped && is_reserved(byte)))
}

/// Whether both texts are the same, with regard to case.
pub(super) fn is_same(one: &str, other: &str) -> bool {
    comparable(one).eq(comparable(other))
}

/// Whether both texts are the same, without regard to case.
pub(super) fn is_same_any_case(one: &str, other: &str) -> bool {
    let lower = |(byte, escaped): (u8, bool)| (byte.to_ascii_lowercase(), escaped);
    comparable(one).map(lower).eq(comparable(other).map(lower))
}
