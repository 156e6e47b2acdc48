//! The files of the web page (rule 16), embedded from `src/ui`, so that a phone is one file. A file that is added there
//! is added to the list here.

use std::hash::{DefaultHasher, Hash, Hasher};

use phone::api::http::PageFile;

macro_rules! files {
    ($($name:literal),* $(,)?) => {
        [$(($name, include_bytes!(concat!("../../ui/", $name)).as_slice())),*]
    };
}

const FILES: &[(&str, &[u8])] = &files![
    "index.html",
    "page.css",
    "icon.svg",
    "page.js",
    "accounts.js",
    "call-card.js",
    "calls.js",
    "connection.js",
    "dial.js",
    "dom.js",
    "keypad.js",
    "levels.js",
    "messages.js",
    "notices.js",
    "session.js",
    "sign-in.js",
    "state.js",
    "wording.js",
];

/// All files, as browsers ask for them.
pub fn page() -> Vec<PageFile> {
    FILES.iter().map(|(name, body)| file(name, body)).collect()
}

fn file(name: &str, body: &'static [u8]) -> PageFile {
    // Any function of the content will do: a browser only asks whether it has changed since it last asked.
    let mut hasher = DefaultHasher::new();
    body.hash(&mut hasher);
    PageFile {
        path: format!("/{}", if name == "index.html" { "" } else { name }),
        content_type: content_type(name),
        etag: format!("\"{:016x}\"", hasher.finish()),
        body,
    }
}

/// By the end of the name; a test says that each file has one.
fn content_type(name: &str) -> &'static str {
    match name.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("svg") => "image/svg+xml",
        Some("webmanifest") => "application/manifest+json",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_file_of_the_page_is_served_with_a_type_of_its_own() {
        let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/src/ui");
        let there = std::fs::read_dir(folder).expect("a folder").map(|file| {
            format!("/{}", file.expect("a file").file_name().display()).replace("/index.html", "/")
        });
        let (mut there, page) = (there.collect::<Vec<_>>(), page());
        let mut served: Vec<_> = page.iter().map(|file| file.path.clone()).collect();
        there.sort();
        served.sort();
        assert_eq!(there, served);
        assert!(page.iter().all(|file| file.content_type != "application/octet-stream"));
    }

    #[test]
    fn files_that_differ_have_different_tags() {
        assert_ne!(file("a.js", b"one").etag, file("a.js", b"two").etag);
    }
}
