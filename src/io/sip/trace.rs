//! SIP messages in the log, for whoever asks for them by `trace` in [sip]: each as one record, as it went over the wire
//! but for what proves who somebody is. Digest credentials (RFC 7616 §3.4) lose their response, with which a password
//! could be guessed; other schemes' credentials, and passwords in URIs (RFC 3261 §19.1.1), go altogether.

use std::fmt::{self, Display, Write};

use log::info;
use sip::flow::Flow;

/// What stands in place of a secret.
const BLANK: &str = "***";

/// Which way a message went.
#[derive(Clone, Copy, Debug)]
pub(super) enum Way {
    In,
    Out,
}

/// Logs a message. What is nothing but line ends keeps a flow alive (RFC 5626 §3.5.1), and is no message.
pub(super) fn log(way: Way, flow: &Flow, message: &[u8]) {
    if message.iter().any(|byte| !matches!(byte, b'\r' | b'\n')) {
        info!("{}", Record { way, flow, message });
    }
}

struct Record<'a> {
    way: Way,
    flow: &'a Flow,
    message: &'a [u8],
}

impl Display for Record<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { way, flow: Flow { local, remote, .. }, message } = self;
        match way {
            Way::In => write!(f, "SIP from {remote} to {local}, {} bytes:", message.len())?,
            Way::Out => write!(f, "SIP to {remote} from {local}, {} bytes:", message.len())?,
        }
        let text = String::from_utf8_lossy(message);
        let mut field = Field::Open;
        for line in text.trim_end().lines() {
            field = field.next(line);
            f.write_char('\n')?;
            match field {
                Field::Open => write_line(f, line)?,
                Field::Credentials => write_credentials(f, line)?,
                Field::Folded => f.write_str(BLANK)?,
            }
        }
        Ok(())
    }
}

/// What kind of line a line is.
#[derive(Clone, Copy)]
enum Field {
    /// Without credentials.
    Open,
    /// The first line of a header field with some.
    Credentials,
    /// Its continuation (RFC 3261 §7.3.1), which nobody writes but who wants to hide something.
    Folded,
}

impl Field {
    fn next(self, line: &str) -> Self {
        const NAMES: [&str; 4] =
            ["Authorization", "Proxy-Authorization", "Authentication-Info", "Proxy-Authentication-Info"];
        let name = line.split(':').next().unwrap_or_default().trim();
        match self {
            Self::Credentials | Self::Folded if line.starts_with([' ', '\t']) => Self::Folded,
            _ if NAMES.iter().any(|known| known.eq_ignore_ascii_case(name)) => Self::Credentials,
            _ => Self::Open,
        }
    }
}

/// Writes a line whose URIs may have passwords.
fn write_line(f: &mut fmt::Formatter<'_>, line: &str) -> fmt::Result {
    let mut rest = line;
    while let Some(at) = after_scheme(rest) {
        let (before, uri) = rest.split_at_checked(at).unwrap_or((rest, ""));
        let end = uri.find(|c: char| c.is_whitespace() || "<>\"@".contains(c)).unwrap_or(uri.len());
        let (user, after) = uri.split_at_checked(end).unwrap_or((uri, ""));
        write_plain(f, before)?;
        match user.split_once(':') {
            Some((user, _)) if after.starts_with('@') => {
                write_plain(f, user)?;
                write!(f, ":{BLANK}")?;
            }
            _ => write_plain(f, user)?,
        }
        rest = after;
    }
    write_plain(f, rest)
}

/// Where the first URI's scheme has ended.
fn after_scheme(text: &str) -> Option<usize> {
    let lower = text.to_ascii_lowercase();
    let ends = ["sip:", "sips:"].map(|scheme| lower.find(scheme).map(|at| at.saturating_add(scheme.len())));
    ends.into_iter().flatten().min()
}

/// Writes the name and the parameters of a field with digest credentials, and only the name of one with others.
fn write_credentials(f: &mut fmt::Formatter<'_>, line: &str) -> fmt::Result {
    let (name, value) = line.split_once(':').unwrap_or((line, ""));
    write_plain(f, name)?;
    let has_scheme = name.to_ascii_lowercase().contains("authorization");
    let scheme = value.split_whitespace().next().unwrap_or_default();
    if has_scheme && !scheme.eq_ignore_ascii_case("Digest") {
        return write!(f, ": {BLANK}");
    }
    let mut separator = ':';
    for parameter in parameters(value) {
        f.write_char(separator)?;
        separator = ',';
        match parameter.split_once('=') {
            Some((name, _)) if is_secret(name) => {
                write_plain(f, name)?;
                write!(f, "={BLANK}")?;
            }
            _ => write_plain(f, parameter)?,
        }
    }
    Ok(())
}

/// The response, or the server's; the scheme may stand before its name.
fn is_secret(name: &str) -> bool {
    let name = name.split_whitespace().last().unwrap_or_default();
    name.eq_ignore_ascii_case("response") || name.eq_ignore_ascii_case("rspauth")
}

/// What commas outside of quotes separate.
fn parameters(value: &str) -> impl Iterator<Item = &str> {
    let (mut is_quoted, mut is_escaped) = (false, false);
    value.split(move |character| {
        match character {
            _ if is_escaped => is_escaped = false,
            '\\' if is_quoted => is_escaped = true,
            '"' => is_quoted = !is_quoted,
            ',' if !is_quoted => return true,
            _ => {}
        }
        false
    })
}

/// Writes text so that nothing in it can command a terminal.
fn write_plain(f: &mut fmt::Formatter<'_>, text: &str) -> fmt::Result {
    text.chars().try_for_each(|character| match character {
        '\t' => f.write_char(character),
        control if control.is_control() => write!(f, "{}", control.escape_default()),
        other => f.write_char(other),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use sip::flow::{Link, Transport};

    fn shown(message: &str) -> String {
        let (local, remote) = ("192.0.2.7:5060", "192.0.2.1:5070");
        let flow = Flow {
            link: Link::Sip(Transport::Udp),
            local: local.parse().expect("an address"),
            remote: remote.parse().expect("an address"),
        };
        Record { way: Way::Out, flow: &flow, message: message.as_bytes() }.to_string()
    }

    #[test]
    fn a_message_is_shown_with_its_way_and_all_of_its_lines() {
        let message =
            "BYE sip:a@192.0.2.1 SIP/2.0\r\nTo: <sip:a@pbx>;tag=1\r\nContent-Length: 4\r\n\r\nv=0\n";
        assert_eq!(
            shown(message),
            "SIP to 192.0.2.1:5070 from 192.0.2.7:5060, 77 bytes:\nBYE sip:a@192.0.2.1 SIP/2.0\n\
             To: <sip:a@pbx>;tag=1\nContent-Length: 4\n\nv=0"
        );
    }

    #[test]
    fn digest_credentials_lose_their_response_and_keep_what_helps() {
        for name in ["Authorization", "proxy-authorization ", "AUTHORIZATION"] {
            let field = format!(
                "{name}: Digest username=\"a, response=\\\"b\", Response = \"0123abc\" , nonce=\"n,1\", qop=auth"
            );
            assert!(
                shown(&format!("REGISTER sip:pbx SIP/2.0\r\n{field}\r\n")).ends_with(&format!(
                    "{name}: Digest username=\"a, response=\\\"b\", Response =***, nonce=\"n,1\", qop=auth"
                )),
                "{name}"
            );
        }
        assert!(shown("Authorization: Digest response=0123abc").ends_with(": Digest response=***"));
        let told = shown("Authentication-Info: rspauth=\"0123abc\", nc=00000001");
        assert!(told.ends_with("Authentication-Info: rspauth=***, nc=00000001"), "{told}");
    }

    #[test]
    fn other_credentials_and_folded_ones_are_not_shown_at_all() {
        for hidden in [
            "Authorization: Basic c2VjcmV0",
            "Authorization: c2VjcmV0==",
            "Authorization:",
            "Proxy-Authorization: Bearer",
            "Authorization: Digest nc=1,\r\n response=\r\n\t\"secret\"",
        ] {
            let shown = shown(hidden);
            assert!(!shown.contains("c2VjcmV0") && !shown.contains("secret"), "{shown}");
        }
        assert!(shown("Authorization: Digest nc=1,\r\n x\r\nTo: a").ends_with("\n***\nTo: a"));
    }

    #[test]
    fn passwords_in_uris_are_blanked() {
        for (line, shown_as) in [
            ("INVITE sip:bob:secret@host:5060 SIP/2.0", "INVITE sip:bob:***@host:5060 SIP/2.0"),
            (
                "Contact: <SIPS:a:secret@b>, \"c\" <sip:d:secret@e:1>;q=1",
                "Contact: <SIPS:a:***@b>, \"c\" <sip:d:***@e:1>;q=1",
            ),
            ("Contact: sip:a:secret@b,sip:d:secret@e,sip:f@g", "Contact: sip:a:***@b,sip:d:***@e,sip:f@g"),
            ("Route: <sip:192.0.2.1:5060;lr>", "Route: <sip:192.0.2.1:5060;lr>"),
            ("From: <sip:a@b>;tag=1", "From: <sip:a@b>;tag=1"),
        ] {
            assert!(shown(line).ends_with(&format!("\n{shown_as}")), "{}", shown(line));
        }
    }

    #[test]
    fn a_message_commands_no_terminal_and_forges_no_line() {
        let shown = shown("Subject: \u{1b}[2J\u{7}\rx\u{0}\r\nA: b");
        assert!(shown.ends_with("\nSubject: \\u{1b}[2J\\u{7}\\rx\\u{0}\nA: b"), "{shown}");
    }
}
