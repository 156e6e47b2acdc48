//! The lexical rules that all header fields share (RFC 3261 §25.1): tokens, quoted strings, separators, numbers.

use alloc::borrow::Cow;
use alloc::string::String;
use core::fmt;

/// `text` without the white space around it.
pub(crate) fn trim(text: &str) -> &str {
    text.trim_ascii()
}

/// `token` = 1*(alphanum / "-" / "." / "!" / "%" / "*" / "_" / "+" / "`" / "'" / "~")
pub(crate) const fn is_token_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'-' | b'.' | b'!' | b'%' | b'*' | b'_' | b'+' | b'`' | b'\'' | b'~')
}

/// Whether `text` is one token.
pub(crate) fn is_token(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(is_token_byte)
}

/// `1*DIGIT` as a number, leading zeros allowed, no sign. `None` too where it is too large for `T`: a number of a
/// peer's never wraps around.
pub(crate) fn number<T: core::str::FromStr>(digits: &str) -> Option<T> {
    let all_digits = !digits.is_empty() && digits.bytes().all(|byte| byte.is_ascii_digit());
    if all_digits { digits.parse().ok() } else { None }
}

/// Where the first `wanted` is that stands neither in a quoted string nor between `<` and `>`.
pub(crate) fn find_outside(text: &str, wanted: u8) -> Option<usize> {
    // Before most of them is no quote and no bracket.
    let plain = text.bytes().position(|byte| byte == wanted || matches!(byte, b'"' | b'<'))?;
    let (mut quoted, mut escaped, mut bracketed) = (false, false, false);
    for (at, byte) in text.bytes().enumerate().skip(plain) {
        if escaped {
            escaped = false;
        } else if quoted {
            match byte {
                b'\\' => escaped = true,
                b'"' => quoted = false,
                _ => {}
            }
        } else if byte == wanted && !bracketed {
            return Some(at);
        } else {
            match byte {
                b'"' if !bracketed => quoted = true,
                b'<' => bracketed = true,
                b'>' => bracketed = false,
                _ => {}
            }
        }
    }
    None
}

/// The parts between separators that stand neither in a quoted string nor between `<` and `>`, trimmed. An empty
/// text has one empty part.
pub(crate) fn split_outside(text: &str, separator: u8) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    core::iter::from_fn(move || {
        let text = rest?;
        let (part, left) = match find_outside(text, separator).and_then(|at| text.split_at_checked(at)) {
            Some((part, left)) => (part, left.get(1..)),
            None => (text, None),
        };
        rest = left;
        Some(trim(part))
    })
}

/// Splits `text` at the first `separator`, which goes away.
pub(crate) fn split_once_outside(text: &str, separator: u8) -> Option<(&str, &str)> {
    let (before, after) = text.split_at_checked(find_outside(text, separator)?)?;
    Some((before, after.get(1..)?))
}

/// The content of a quoted string that is all of `text`, its escapes undone. `None` if it is no quoted string, or
/// has no end.
pub(crate) fn unquote(text: &str) -> Option<String> {
    let mut content = String::with_capacity(text.len());
    let mut chars = text.strip_prefix('"')?.chars();
    loop {
        match chars.next()? {
            '"' => break,
            '\\' => content.push(chars.next()?),
            other => content.push(other),
        }
    }
    chars.next().is_none().then_some(content)
}

/// Prints its text as a quoted string.
pub(crate) struct Quoted<'a>(pub(crate) &'a str);

impl fmt::Display for Quoted<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        use fmt::Write;
        f.write_char('"')?;
        for character in self.0.chars() {
            if matches!(character, '"' | '\\') {
                f.write_char('\\')?;
            }
            f.write_char(character)?;
        }
        f.write_char('"')
    }
}

/// Bytes as text: UTF-8, and what isn't as Latin-1, as old devices write display names.
pub(crate) fn decode(bytes: &[u8]) -> Cow<'_, str> {
    if let Ok(text) = core::str::from_utf8(bytes) {
        return Cow::Borrowed(text);
    }
    let mut text = String::with_capacity(bytes.len());
    for chunk in bytes.utf8_chunks() {
        text.push_str(chunk.valid());
        text.extend(chunk.invalid().iter().map(|byte| char::from(*byte)));
    }
    Cow::Owned(text)
}
