//! What each section of the file means: its keys, read into the settings of the machine that they are for.

use std::ops::RangeInclusive;
use std::str::FromStr;

use base::{Duration, Secret};
use phone::accounts;
use phone::api::{self, Action, RegisterFinalized, Rights, User};
use phone::domain::Domain;

use super::document::Section;
use super::{Config, Rtp};
use crate::io::{audio, interface, password, ports, sip};

/// Calls at once at most, each with its own ports and its share of the processor.
const MOST_CALLS: u16 = 32;

/// How long a registration may be asked to last, in seconds, and how long it is when the file doesn't say.
const EXPIRES_SECONDS: RangeInclusive<u32> = 60..=86_400;
const USUAL_EXPIRES: Duration = Duration::from_secs(600);

const ADDRESSES: &str = "expected a list of addresses with port, [\"192.0.2.1:5060\", \"[::]:5060\"]";

/// Takes the whole file.
pub(super) fn read(mut file: Section<'_>) -> Config {
    let mut phone = phone::Config::default();
    let api = read_api(file.section("api"), &mut phone);
    let sip = read_sip(file.section("sip"));
    read_calls(file.section("calls"), &mut phone);
    let rtp = read_rtp(file.section("rtp"), phone.max_calls);
    let audio = read_audio(file.section("audio"));
    let interface = read_interface(file.section("interface"));
    phone.accounts = read_accounts(file.sections("accounts"));
    file.end();
    Config { api, sip, rtp, audio, interface, phone }
}

fn read_api(mut section: Section<'_>, phone: &mut phone::Config) -> api::Config {
    let mut config = api::Config::default();
    set(&mut config.listen, section.list("listen", ADDRESSES));
    set(&mut config.hosts, section.list("hosts", "expected a list of host names in quotes"));
    set(&mut config.max_connections, section.number("max_connections", 1..=1024u16).map(usize::from));
    set(&mut config.register_finalized, section.parsed("register_finalized").map(|Finalized(when)| when));
    let grace = section.number("autodisconnect_seconds", 0..=3600u32);
    set(&mut phone.autodisconnect_grace, grace.map(|seconds| Duration::from_secs(seconds.into())));
    config.users = section.sections("users").into_iter().map(read_user).collect();
    if let Err(wrong) = config.check() {
        section.fault(wrong);
    }
    section.end();
    config
}

fn read_user(mut section: Section<'_>) -> User {
    let name = section.required_text("name");
    let password_hash = Secret::new(section.required_text("password_hash"));
    if !password_hash.expose().is_empty() && !password::is_hash(&password_hash) {
        section.fault("`password_hash`: expected what `neonphone passwd` prints");
    }
    let rights = section.list::<Action>("rights", "expected a list of the API's actions in quotes");
    let origins = section.list("origins", "expected a list of origins, [\"https://crm.example\"]");
    section.end();
    User {
        name,
        password_hash,
        rights: rights.map_or(Rights::All, Rights::Only),
        origins: origins.unwrap_or_default(),
    }
}

fn read_sip(mut section: Section<'_>) -> sip::Config {
    let mut config = sip::Config::default();
    set(&mut config.listen, section.list("listen", ADDRESSES));
    set(&mut config.dscp, section.number("dscp", 0..=63u8));
    set(&mut config.trace, section.boolean("trace"));
    let family = |ipv4: bool| config.listen.iter().filter(|at| at.is_ipv4() == ipv4).count();
    if config.listen.is_empty() || family(true) > 1 || family(false) > 1 {
        section.fault("`listen`: expected one address of each family, or of one");
    }
    section.end();
    config
}

fn read_calls(mut section: Section<'_>, phone: &mut phone::Config) {
    set(&mut phone.max_calls, section.number("max", 1..=MOST_CALLS).map(usize::from));
    set(&mut phone.decline_status, section.one_of("decline_status", &[480, 486, 603]));
    section.end();
}

fn read_rtp(mut section: Section<'_>, max_calls: usize) -> Rtp {
    let mut config = Rtp::default();
    let first = section.number("first_port", 1024..=65_535u16).unwrap_or(*config.ports.start());
    let last = section.number("last_port", 1024..=65_535u16).unwrap_or(*config.ports.end());
    config.ports = first..=last;
    set(&mut config.dscp, section.number("dscp", 0..=63u8));
    // Each call has a pair, and two more are always ready.
    let needed = max_calls.saturating_add(ports::LENT_PER_FAMILY);
    if usize::from(ports::pairs(&config.ports)) < needed {
        section.fault(format_args!(
            "`first_port` to `last_port` are too few for {max_calls} calls: expected {} ports, even first",
            needed.saturating_mul(2)
        ));
    }
    section.end();
    config
}

fn read_audio(mut section: Section<'_>) -> audio::Config {
    let mut config = audio::Config::default();
    set(&mut config.playback, section.parsed("playback"));
    set(&mut config.capture, section.parsed("capture"));
    section.end();
    config
}

fn read_interface(mut section: Section<'_>) -> interface::Config {
    const EXPECTED: &str = "expected a program and its arguments, [\"systemctl\", \"start\", \"kiosk\"]";
    let mut config = interface::Config::default();
    set(&mut config.show_command, section.list("show_command", EXPECTED));
    set(&mut config.hide_command, section.list("hide_command", EXPECTED));
    section.end();
    config
}

fn read_accounts(sections: Vec<Section<'_>>) -> Vec<accounts::Settings> {
    let mut accounts: Vec<accounts::Settings> = Vec::new();
    for mut section in sections {
        let user = section.required_text("user");
        // A domain that is missing or wrong is a fault, so nothing is ever sent to the one that stands in for it.
        let nowhere = || Domain { host: "invalid".into(), port: None };
        if !section.has("domain") {
            section.fault("`domain` is missing");
        }
        let password = Secret::new(section.text("password").unwrap_or_default());
        let domain = section.parsed("domain").unwrap_or_else(nowhere);
        let account = accounts::Settings {
            auth_user: section.text("auth_user"),
            outbound_proxy: section.parsed("outbound_proxy"),
            display_name: section.text("display_name").unwrap_or_default(),
            expires: section
                .number("expires", EXPIRES_SECONDS)
                .map_or(USUAL_EXPIRES, |seconds| Duration::from_secs(seconds.into())),
            default: section.boolean("default").unwrap_or(false),
            ..accounts::Settings::new(user, password, domain)
        };
        if accounts.iter().any(|other| other.user == account.user && other.domain == account.domain) {
            section.fault("an account before this one has the same user and domain");
        }
        if account.default && accounts.iter().any(|other| other.default) {
            section.fault("`default`: an account before this one is the default already");
        }
        accounts.push(account);
        section.end();
    }
    accounts
}

/// Keeps the default of a key that is absent, or wrong and told so.
fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// Reads `register_finalized`.
struct Finalized(RegisterFinalized);

impl FromStr for Finalized {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "always" => Ok(Self(RegisterFinalized::Always)),
            "failure" => Ok(Self(RegisterFinalized::Failure)),
            _ => Err("expected \"always\" or \"failure\""),
        }
    }
}
