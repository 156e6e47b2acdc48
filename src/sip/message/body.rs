//! Bodies: what they are called (RFC 3261 §7.4.1), and the parts of those that have several (RFC 2046 §5.1, RFC 5621 §4).

use alloc::string::String;
use alloc::vec::Vec;

use super::parse::take_line;
use super::{Headers, Name, Params, lex};

/// What a value of Content-Type or Accept calls a body, without its parameters.
pub(crate) fn media_type(value: &str) -> &str {
    lex::trim(value.split(';').next().unwrap_or_default())
}

/// What of a body is of one of these types, given in lower case, and of which: all of it, or the first such part of a body
/// of several. One that Content-Type doesn't name is of the first of the types. `None` too for an empty body.
pub fn part_of<'a, 't>(headers: &Headers, body: &'a [u8], types: &[&'t str]) -> Option<(&'t str, &'a [u8])> {
    let known = |content_type: &str| {
        types.iter().copied().find(|known| known.eq_ignore_ascii_case(media_type(content_type)))
    };
    if body.is_empty() {
        return None;
    }
    let Some(content_type) = headers.get(Name::ContentType) else { return Some((types.first()?, body)) };
    let Some(boundary) = boundary(content_type) else { return Some((known(content_type)?, body)) };
    parts(body, &boundary)
        .into_iter()
        .filter_map(split_part)
        .find_map(|(content_type, content)| Some((known(&content_type)?, content)))
}

/// What separates the parts of a body of this type; `None` of one without parts.
fn boundary(content_type: &str) -> Option<String> {
    let is_multipart = content_type.get(..10).is_some_and(|start| start.eq_ignore_ascii_case("multipart/"));
    let params = content_type.get(content_type.find(';').filter(|_| is_multipart)?..)?;
    let params = Params::parse(params).ok()?;
    let value = params.get("boundary")?;
    Some(lex::unquote(value).unwrap_or_else(|| value.into()))
}

/// What stands between the lines of the boundary. A last part without an end goes to the end of the body.
fn parts<'a>(body: &'a [u8], boundary: &str) -> Vec<&'a [u8]> {
    let (mut parts, mut begin, mut at) = (Vec::new(), None, 0_usize);
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let next = at.saturating_add(line.len());
        let mark = line.strip_prefix(b"--").and_then(|rest| rest.strip_prefix(boundary.as_bytes()));
        if let Some(tail @ (b"" | b"--")) = mark.map(<[u8]>::trim_ascii_end) {
            parts.extend(begin.and_then(|begin| body.get(begin..at)));
            begin = tail.is_empty().then_some(next);
        }
        at = next;
    }
    parts.extend(begin.and_then(|begin| body.get(begin..)));
    parts
}

/// What a part is called, and its content. The line end before a boundary stays with the content: no type that there is
/// minds it.
fn split_part(part: &[u8]) -> Option<(String, &[u8])> {
    let (mut content_type, mut at) = (String::from("text/plain"), 0);
    loop {
        let (line, next) = take_line(part, at)?;
        if line.is_empty() {
            return Some((content_type, part.get(next..)?));
        }
        let line = lex::decode(line);
        if let Some((name, value)) = line.split_once(':')
            && Name::parse(lex::trim(name)) == Name::ContentType
        {
            content_type = value.into();
        }
        at = next;
    }
}
