//! A configuration as a person reads it: what `neonphone check` says would be used. Secrets don't print.

use std::fmt::{self, Display, Write};

use base::Secret;
use phone::RingingTransfer;
use phone::accounts::{DtmfWay, Settings};
use phone::api::{Rights, User};

use super::Config;

impl Display for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "API      {}, {} connections", list(&self.api.listen), self.api.max_connections)?;
        for user in &self.api.users {
            writeln!(f, "user     {}", Shown(user))?;
        }
        let trace = if self.sip.trace { ", every message logged" } else { "" };
        writeln!(f, "SIP      {}, DSCP {}{trace}", list(&self.sip.listen), self.sip.dscp)?;
        for account in &self.phone.accounts {
            writeln!(f, "account  {}", Shown(account))?;
        }
        writeln!(f, "calls    {}", Shown(&self.phone))?;
        let (first, last) = (self.rtp.ports.start(), self.rtp.ports.end());
        writeln!(f, "RTP      ports {first} to {last}, DSCP {}", self.rtp.dscp)?;
        write!(f, "sound    speaker {}, microphone {}", self.audio.playback, self.audio.capture)?;
        match &self.audio.ring {
            Some(ring) => writeln!(f, ", rings by {ring}")?,
            None => f.write_char('\n')?,
        }
        for (name, command) in
            [("show", &self.interface.show_command), ("hide", &self.interface.hide_command)]
        {
            if !command.is_empty() {
                writeln!(f, "{name}     {}", command.join(" "))?;
            }
        }
        Ok(())
    }
}

/// One line of a list.
struct Shown<'a, T>(&'a T);

impl Display for Shown<'_, User> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.name)?;
        match &self.0.rights {
            Rights::All => f.write_str(", every action")?,
            Rights::Only(actions) => write!(f, ", {} actions", actions.len())?,
        }
        if !self.0.origins.is_empty() {
            write!(f, ", from {}", list(&self.0.origins))?;
        }
        Ok(())
    }
}

impl Display for Shown<'_, phone::Config> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let calls = self.0;
        write!(f, "{} at once, declined with {}", calls.max_calls, calls.decline_status)?;
        f.write_str(match calls.ringing_transfer {
            RingingTransfer::Redirect => ", transferred by redirection while they ring",
            RingingTransfer::Answer => ", answered to be transferred while they ring",
        })?;
        match calls.media_timeout.as_secs() {
            0 => f.write_str(", not ended without media")?,
            seconds => write!(f, ", ended after {seconds} s without media")?,
        }
        match calls.peers.len() {
            0 => Ok(()),
            _ => write!(f, ", also from {}", list(&calls.peers)),
        }
    }
}

impl Display for Shown<'_, Settings> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let account = self.0;
        write!(f, "{}@{}, registers for {} s", account.user, account.domain, account.expires.as_secs())?;
        if let Some(name) = &account.auth_user {
            write!(f, ", as {name}")?;
        }
        if let Some(proxy) = &account.outbound_proxy {
            write!(f, ", by {proxy}")?;
        }
        f.write_str(match account.dtmf {
            DtmfWay::Auto => "",
            DtmfWay::Rfc4733 => ", keys by RFC 4733",
            DtmfWay::Info => ", keys by INFO",
            DtmfWay::InBand => ", keys as tones",
        })?;
        if !account.dial_rules.is_empty() {
            write!(f, ", {} dial rules", account.dial_rules.len())?;
        }
        f.write_str(if account.default { ", default" } else { "" })
    }
}

/// The section of an API user, ready for the file.
pub fn user_section(name: &str, password_hash: &Secret) -> String {
    // A basic string of TOML: quotes, backslashes and control characters are escaped.
    let escape = |character: char| match character {
        '"' | '\\' => format!("\\{character}"),
        control if control.is_control() => format!("\\u{:04X}", u32::from(control)),
        other => other.to_string(),
    };
    let name: String = name.chars().map(escape).collect();
    format!("[[api.users]]\nname = \"{name}\"\npassword_hash = \"{}\"", password_hash.expose())
}

fn list<T: Display>(items: &[T]) -> String {
    items.iter().map(T::to_string).collect::<Vec<_>>().join(", ")
}
