//! What each section of the file means: its keys, read into the settings of the machine that they are for.

use std::ops::RangeInclusive;
use std::str::FromStr;

use base::{Duration, Secret};
use phone::RingingTransfer;
use phone::accounts::{self, DtmfWay};
use phone::api::{self, Action, RegisterFinalized, Rights, User};
use phone::domain::Domain;
use phone::number::DialRule;

use super::document::Section;
use super::{Config, Rtp};
use crate::io::{audio, interface, password, ports, sip};

/// Calls at once at most, each with its own ports and its share of the processor.
const MOST_CALLS: u16 = 32;

/// How long a registration may be asked to last, in seconds, and how long it is when the file doesn't say.
const EXPIRES_SECONDS: RangeInclusive<u32> = 60..=86_400;
const USUAL_EXPIRES: Duration = Duration::from_secs(600);

/// How long a call may last without media, in seconds, where that ends it: media is told as lost after 5 s.
const MEDIA_TIMEOUT_SECONDS: RangeInclusive<u32> = 10..=86_400;

const DTMF_WAYS: [(&str, DtmfWay); 4] = [
    ("auto", DtmfWay::Auto),
    ("rfc4733", DtmfWay::Rfc4733),
    ("info", DtmfWay::Info),
    ("inband", DtmfWay::InBand),
];

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
    set(
        &mut config.max_connections,
        section.number("max_connections", 1..=api::Config::MOST_CONNECTIONS).map(usize::from),
    );
    let when = [("always", RegisterFinalized::Always), ("failure", RegisterFinalized::Failure)];
    set(&mut config.register_finalized, section.choice("register_finalized", &when));
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
    let user = User {
        name,
        password_hash,
        rights: rights.map_or(Rights::All, Rights::Only),
        origins: origins.unwrap_or_default(),
    };
    if let Err(wrong) = user.check() {
        section.fault(wrong);
    }
    section.end();
    user
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
    let ways = [("redirect", RingingTransfer::Redirect), ("answer", RingingTransfer::Answer)];
    set(&mut phone.ringing_transfer, section.choice("ringing_transfer", &ways));
    let timeout = section.number_or_zero("media_timeout", MEDIA_TIMEOUT_SECONDS);
    set(&mut phone.media_timeout, timeout.map(|seconds| Duration::from_secs(seconds.into())));
    let expected = "expected a list of addresses and networks, [\"192.0.2.7\", \"10.0.0.0/8\"]";
    set(&mut phone.peers, section.list("peers", expected));
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
    config.ring = section.parsed("ring");
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
            dtmf: section.choice("dtmf", &DTMF_WAYS).unwrap_or_default(),
            dial_rules: read_dial_rules(section.sections("dial_rules")),
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

fn read_dial_rules(sections: Vec<Section<'_>>) -> Vec<DialRule> {
    let mut rules: Vec<DialRule> = Vec::new();
    for mut section in sections {
        let [prefix, replacement] = ["prefix", "replacement"].map(|key| {
            if !section.has(key) {
                section.fault(format_args!("`{key}` is missing"));
            }
            section.parsed(key).map(|DialText(text)| text)
        });
        if let (Some(prefix), Some(replacement)) = (prefix, replacement) {
            if rules.iter().any(|other| other.prefix == prefix) {
                section.fault("a rule before this one has the same prefix");
            }
            rules.push(DialRule { prefix, replacement });
        }
        section.end();
    }
    rules
}

/// Keeps the default of a key that is absent, or wrong and told so.
fn set<T>(setting: &mut T, value: Option<T>) {
    if let Some(value) = value {
        *setting = value;
    }
}

/// A part of a number that is dialled; may be empty.
struct DialText(String);

impl FromStr for DialText {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_dialled = text.bytes().all(|byte| byte.is_ascii_digit() || b"+*#".contains(&byte));
        is_dialled.then(|| Self(text.into())).ok_or("expected digits, +, * and #")
    }
}
