//! What clients are told of the other side of a call (docs/api.md, parts 2 and 3).

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use sip::message::{Name, Uri};

/// Header fields of an INVITE that are told, and the bytes of one (part 3).
const MAX_HEADERS: usize = 16;
const MAX_HEADER_BYTES: usize = 512;

/// A URI as events have it (rule 2): no parameters.
pub(super) fn bare(uri: &Uri) -> String {
    uri.bare().to_string()
}

/// The header fields of an INVITE that a program shows or matches by, repeats joined.
pub(super) fn shown_headers<'a>(headers: impl Iterator<Item = (Name<'a>, &'a str)>) -> Vec<(String, String)> {
    let mut shown: Vec<(String, String)> = Vec::new();
    for (name, value) in headers.filter(|(name, _)| is_shown(*name)) {
        let has_room = shown.len() < MAX_HEADERS;
        match shown.iter_mut().find(|(known, _)| known.eq_ignore_ascii_case(name.as_str())) {
            Some((_, values)) => *values = cut(&format!("{values}, {value}")),
            None if has_room => shown.push((name.as_str().into(), cut(value))),
            None => {}
        }
    }
    shown
}

fn is_shown(name: Name<'_>) -> bool {
    match name {
        Name::UserToUser | Name::Diversion | Name::PAssertedIdentity | Name::AlertInfo => true,
        Name::Other(name) => name.get(..2).is_some_and(|start| start.eq_ignore_ascii_case("X-")),
        _ => false,
    }
}

fn cut(text: &str) -> String {
    let end = (0..=MAX_HEADER_BYTES.min(text.len())).rev().find(|at| text.is_char_boundary(*at));
    text.get(..end.unwrap_or(0)).unwrap_or_default().into()
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::message::Headers;

    #[test]
    fn rule_2_uris_are_told_without_parameters() {
        for (written, told) in [
            ("sip:ada:pw@pbx.example:5070;user=phone?Subject=x", "sip:ada@pbx.example:5070"),
            ("tel:+49-30;phone-context=pbx.example", "tel:+49-30"),
            ("urn:service:sos", "urn:service:sos"),
        ] {
            assert_eq!(bare(&Uri::parse(written).expect("a URI")), told);
        }
    }

    #[test]
    fn headers_that_programs_match_by_are_told_joined_and_bounded() {
        let mut headers = Headers::new();
        headers.push(Name::Subject, "not told");
        headers.push(Name::Other("X-Room"), "12");
        headers.push(Name::Other("x-room"), "13");
        headers.push(Name::AlertInfo, "ä".repeat(300));
        let shown = shown_headers(headers.iter());
        assert_eq!(shown.first(), Some(&("X-Room".into(), "12, 13".into())));
        assert_eq!(shown.get(1).map(|(_, value)| value.len()), Some(512));
        for number in 0..40 {
            headers.push(Name::Other(&format!("X-{number}")), number);
        }
        assert_eq!(shown_headers(headers.iter()).len(), MAX_HEADERS);
    }
}
