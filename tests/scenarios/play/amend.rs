//! What a ladder says of a message of the peer's, below its line.

use super::Fault;
use super::line::Step;
use super::wire::Wire;

/// Where the peer's sound comes from, where a ladder doesn't say.
const SOUND: &str = "192.0.2.20:4000 8 0";

/// Puts what is listed below a line of the peer in place of the defaults: header fields, `no` fields, and the body.
pub(crate) fn amend(wire: &mut Wire, step: &Step, lines: &[String]) -> Result<(), Fault> {
    let mut replaced: Vec<&str> = Vec::new();
    let mut body = if step.has("sdp") { describe(SOUND) } else { Vec::new() };
    for line in lines {
        if let Some(text) = line.strip_prefix('|') {
            body.push(text.trim_start().to_owned());
        } else if let Some(text) = line.strip_prefix("sdp: ") {
            body = describe(text);
        } else if let Some(name) = line.strip_prefix("no ") {
            wire.remove(name);
        } else {
            let (name, value) = line
                .split_once(": ")
                .or_else(|| line.strip_suffix(':').map(|name| (name, "")))
                .ok_or_else(|| Fault::new(format!("no header field: {line}")))?;
            if replaced.contains(&name) || name == "Via+" {
                wire.push(name.trim_end_matches('+'), value);
            } else {
                wire.set(name, value);
                replaced.push(name);
            }
        }
    }
    if !body.is_empty() {
        if !replaced.contains(&"Content-Type") {
            wire.push("Content-Type", "application/sdp");
        }
        wire.body = body.iter().map(|line| format!("{line}\r\n")).collect();
        if step.has("cut") {
            wire.body.truncate(wire.body.len() - 2);
        }
    }
    wire.set("Content-Length", wire.body.len().to_string());
    Ok(())
}

/// `192.0.2.20:4000 8 0; a=sendonly; o=2`: the lines of a description of sound there, by these formats, with more
/// lines, and with another version than 1.
fn describe(text: &str) -> Vec<String> {
    let mut parts = text.split("; ");
    let (place, formats) = parts.next().unwrap_or_default().split_once(' ').unwrap_or((text, "8 0"));
    let (host, port) = place.split_once(':').unwrap_or((place, "4000"));
    let mut version = "1";
    let mut attributes = Vec::new();
    for part in parts {
        match part.strip_prefix("o=") {
            Some(number) => version = number,
            None => attributes.push(part.to_owned()),
        }
    }
    let mut lines: Vec<String> = Vec::from([
        String::from("v=0"),
        format!("o=peer 7 {version} IN IP4 {host}"),
        String::from("s=-"),
        format!("c=IN IP4 {host}"),
        String::from("t=0 0"),
        format!("m=audio {port} RTP/AVP {formats}"),
    ]);
    lines.extend(attributes);
    lines
}
