//! Checks a digest (RFC 7616 §3.4.1) as a server does, from the text alone.

use std::fmt::Write;

use md5::Md5;
use sha2::{Digest, Sha256};

use super::Fault;
use super::wire::Wire;

/// Whether the credentials in this field of a request are by who knows `password`.
pub(crate) fn check(request: &Wire, field: &str, password: &str) -> Result<(), Fault> {
    let fields = request.values(field);
    if fields.is_empty() {
        return Err(Fault::new(format!("there is no {field}")));
    }
    fields.iter().try_for_each(|field| check_one(request, field, password))
}

fn check_one(request: &Wire, field: &str, password: &str) -> Result<(), Fault> {
    let param = |name: &str| parameter(field, name);
    let get = |name: &str| param(name).unwrap_or_default();
    let algorithm = param("algorithm").unwrap_or_else(|| "MD5".to_owned());
    let hash = |text: &str| match algorithm.starts_with("SHA-256") {
        true => hex(&Sha256::digest(text.as_bytes())),
        false => hex(&Md5::digest(text.as_bytes())),
    };
    let (nonce, cnonce) = (get("nonce"), get("cnonce"));
    let mut secret = hash(&format!("{}:{}:{password}", get("username"), get("realm")));
    if algorithm.ends_with("-sess") {
        secret = hash(&format!("{secret}:{nonce}:{cnonce}"));
    }
    let method = request.first.split(' ').next().unwrap_or_default();
    let asked = match param("qop").as_deref() {
        Some("auth-int") => hash(&format!("{method}:{}:{}", get("uri"), hash(&request.body))),
        _ => hash(&format!("{method}:{}", get("uri"))),
    };
    let expected = match param("qop") {
        Some(qop) => hash(&format!("{secret}:{nonce}:{}:{cnonce}:{qop}:{asked}", get("nc"))),
        None => hash(&format!("{secret}:{nonce}:{asked}")),
    };
    if get("uri") != request.request_uri() {
        return Err(Fault::new("the digest is for another URI"));
    }
    if get("response") == expected { Ok(()) } else { Err(Fault::new(format!("wrong digest in {field}"))) }
}

/// A parameter of credentials, its quotes and escapes undone.
fn parameter(field: &str, name: &str) -> Option<String> {
    let start = [", ", " "].iter().find_map(|before| {
        let sought = format!("{before}{name}=");
        Some(field.find(&sought)? + sought.len())
    })?;
    let rest = &field[start..];
    let Some(quoted) = rest.strip_prefix('"') else {
        return Some(rest.split(',').next().unwrap_or_default().to_owned());
    };
    let mut value = String::new();
    let mut chars = quoted.chars();
    while let Some(char) = chars.next() {
        match char {
            '"' => return Some(value),
            '\\' => value.extend(chars.next()),
            char => value.push(char),
        }
    }
    None
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        write!(text, "{byte:02x}").expect("writing to a String can't fail");
        text
    })
}
