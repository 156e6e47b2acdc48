//! What a line of a ladder expects of a text: `*` stands for anything, `{name}` for anything that is then called so,
//! and for the same again wherever the name comes again; `{name≠other}` is besides not what `other` is.

use std::collections::BTreeMap;

/// What names of a story stand for.
pub(crate) type Names = BTreeMap<String, String>;

enum Part<'a> {
    Text(&'a str),
    Anything,
    Named { name: &'a str, unlike: Option<&'a str> },
}

/// Whether `text` is what `pattern` expects; if so its new names are known from now on.
pub(crate) fn fits(pattern: &str, text: &str, names: &mut Names) -> bool {
    let mut found = names.clone();
    let is_it = fit(&parts(pattern), text, &mut found);
    if is_it {
        *names = found;
    }
    is_it
}

/// `text` with the names in it replaced by what they stand for.
pub(crate) fn fill(text: &str, names: &Names) -> String {
    names.iter().fold(text.to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
}

fn parts(pattern: &str) -> Vec<Part<'_>> {
    let mut parts = Vec::new();
    let mut rest = pattern;
    while let Some(at) = rest.find(['*', '{']) {
        let (text, special) = rest.split_at(at);
        parts.push(Part::Text(text));
        rest = match special.strip_prefix('{').and_then(|inner| inner.split_once('}')) {
            Some((inside, rest)) => {
                let (name, unlike) =
                    inside.split_once('≠').map_or((inside, None), |(name, it)| (name, Some(it)));
                parts.push(Part::Named { name, unlike });
                rest
            }
            None => {
                parts.push(Part::Anything);
                &special[1..]
            }
        };
    }
    parts.push(Part::Text(rest));
    parts
}

fn fit(parts: &[Part<'_>], text: &str, names: &mut Names) -> bool {
    let Some((first, rest)) = parts.split_first() else { return text.is_empty() };
    match first {
        Part::Text(expected) => text.strip_prefix(expected).is_some_and(|text| fit(rest, text, names)),
        Part::Anything => ends(text).any(|at| fit(rest, &text[at..], names)),
        Part::Named { name, .. } if names.contains_key(*name) => {
            let known = names[*name].clone();
            text.strip_prefix(known.as_str()).is_some_and(|text| fit(rest, text, names))
        }
        Part::Named { name, unlike } => ends(text).skip(1).any(|at| {
            let value = &text[..at];
            let is_unlike = unlike.is_none_or(|other| names.get(other).is_none_or(|other| other != value));
            let before = names.clone();
            names.insert((*name).to_owned(), value.to_owned());
            let is_it = is_unlike && fit(rest, &text[at..], names);
            if !is_it {
                *names = before;
            }
            is_it
        }),
    }
}

/// Where the part of a text that something stands for may end.
fn ends(text: &str) -> impl Iterator<Item = usize> + '_ {
    text.char_indices().map(|(at, _)| at).chain([text.len()])
}
