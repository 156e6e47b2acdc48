//! The configuration file: what it means, and how its faults are told.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use super::ConfigError;
use crate::io::config;

fn example() -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/neonphone.toml");
    fs::read_to_string(path).expect("the example is part of the project")
}

/// The example with every setting on: a `#` with no space behind it is a setting that is off.
fn example_with_all_on() -> String {
    let on = |line: &str| match line.strip_prefix('#') {
        Some(rest) if rest.starts_with(|first: char| first == '[' || first.is_ascii_lowercase()) => {
            rest.to_owned()
        }
        _ => line.to_owned(),
    };
    example().lines().map(on).collect::<Vec<_>>().join("\n")
}

/// The keys of a text as `section.key`, and the sections themselves.
fn keys_in(text: &str) -> BTreeSet<String> {
    let mut section = String::new();
    let mut keys = BTreeSet::new();
    for line in text.lines() {
        if let Some(name) = line.strip_prefix('[') {
            section = name.trim_matches(['[', ']']).to_owned();
            keys.insert(section.clone());
        } else if let Some((key, _)) = line.split_once(" = ").filter(|_| !line.starts_with('#')) {
            keys.insert(format!("{section}.{key}"));
        }
    }
    keys
}

/// The faults of `text`, one a line.
fn faults(text: &str) -> Vec<String> {
    let faults = config::parse(text).expect_err("this text has faults");
    faults.iter().map(ToString::to_string).collect()
}

fn file(name: &str, text: &str, mode: u32) -> PathBuf {
    let path = std::env::temp_dir().join(format!("neonphone-{}-{name}.toml", std::process::id()));
    fs::write(&path, text).expect("written");
    fs::set_permissions(&path, fs::Permissions::from_mode(mode)).expect("changed");
    path
}

#[test]
fn the_example_says_what_holds_without_it() {
    assert_eq!(
        config::parse(&example()).expect("the example is right"),
        config::parse("").expect("nothing is needed")
    );
}

#[test]
fn the_example_has_every_key_and_no_other() {
    let all = example_with_all_on();
    config::parse(&all).expect("the example is right with everything on");
    assert_eq!(keys_in(&all), config::known_keys(&all));
}

#[test]
fn each_key_reaches_the_settings_that_it_is_for() {
    let text = r#"
        [api]
        listen = ["192.0.2.1:8080"]
        hosts = ["phone.example"]
        max_connections = 5
        register_finalized = "failure"
        autodisconnect_seconds = 0
        [[api.users]]
        name = "crm"
        password_hash = "$argon2id$v=19$m=12288,t=3,p=1$CQkJCQkJCQkJCQkJCQkJCQ$IJSNyeVCCwwGxDC1vjNv8B+nMAJmV8mpPs7RT1BvZkw"
        rights = ["StartCall"]
        origins = ["https://crm.example"]
        [sip]
        listen = ["127.0.0.1:5070"]
        dscp = 40
        trace = true
        [calls]
        max = 2
        decline_status = 603
        ringing_transfer = "answer"
        media_timeout = 0
        peers = ["192.0.2.7", "10.0.0.0/8"]
        [rtp]
        first_port = 20_001
        last_port = 20_010
        dscp = 0
        [audio]
        playback = "wav:/tmp/heard.wav"
        capture = "none"
        ring = "alsa:bell"
        [interface]
        show_command = ["cogctl", "open", "http://localhost:15070/"]
        hide_command = ["cogctl", "quit"]
        [[accounts]]
        user = "1000"
        auth_user = "u1000"
        password = "pw1000"
        domain = "PBX.example:5080"
        outbound_proxy = "[::1]"
        display_name = "Door"
        expires = 60
        default = true
        dtmf = "info"
        [[accounts.dial_rules]]
        prefix = "0"
        replacement = "+55"
    "#;
    let config = config::parse(text).expect("right");
    assert_eq!(config.api.listen, ["192.0.2.1:8080".parse().expect("an address")]);
    assert_eq!(config.api.hosts, ["phone.example"]);
    assert_eq!(config.api.max_connections, 5);
    assert_eq!(config.api.register_finalized, phone::api::RegisterFinalized::Failure);
    assert!(config.phone.autodisconnect_grace.is_zero());
    let user = &config.api.users[0];
    assert_eq!((user.name.as_str(), user.origins.len()), ("crm", 1));
    assert_eq!(user.rights, phone::api::Rights::Only(vec![phone::api::Action::StartCall]));
    assert_eq!(config.sip.listen, ["127.0.0.1:5070".parse().expect("an address")]);
    assert_eq!((config.sip.dscp, config.rtp.dscp), (40, 0));
    assert!(config.sip.trace);
    assert_eq!((config.phone.max_calls, config.phone.decline_status), (2, 603));
    assert_eq!(config.rtp.ports, 20_001..=20_010);
    assert_eq!(config.audio.playback.to_string(), "wav:/tmp/heard.wav");
    assert_eq!(config.audio.capture.to_string(), "none");
    assert_eq!(config.audio.ring.map(|ring| ring.to_string()).as_deref(), Some("alsa:bell"));
    assert_eq!(config.phone.ringing_transfer, phone::RingingTransfer::Answer);
    assert!(config.phone.media_timeout.is_zero());
    let peers: Vec<String> = config.phone.peers.iter().map(ToString::to_string).collect();
    assert_eq!(peers, ["192.0.2.7/32", "10.0.0.0/8"]);
    assert_eq!(config.interface.show_command, ["cogctl", "open", "http://localhost:15070/"]);
    assert_eq!(config.interface.hide_command, ["cogctl", "quit"]);
    let account = &config.phone.accounts[0];
    assert_eq!((account.user.as_str(), account.auth_user.as_deref()), ("1000", Some("u1000")));
    assert_eq!(account.password.expose(), "pw1000");
    assert_eq!(account.domain.to_string(), "pbx.example:5080");
    assert_eq!(account.outbound_proxy.as_ref().map(ToString::to_string).as_deref(), Some("[::1]"));
    assert_eq!(
        (account.display_name.as_str(), account.expires.as_secs(), account.default),
        ("Door", 60, true)
    );
    assert_eq!(account.dtmf, phone::accounts::DtmfWay::Info);
    let rule = &account.dial_rules[0];
    assert_eq!((rule.prefix.as_str(), rule.replacement.as_str()), ("0", "+55"));
}

#[test]
fn all_faults_are_told_at_once_with_place_and_expectation() {
    let text = r#"
[sip]
listen = "0.0.0.0:5060"
prot = 5060
dscp = 64

[calls]
max = 0
decline_status = 404
[rtp]
first_port = 20000
last_port = 20003
[audio]
playback = "pulse"
capture = 7
[[accounts]]
domain = "sips:pbx"
expires = "soon"
default = "yes"
"#;
    assert_eq!(
        faults(text),
        [
            "3:10: `listen`: expected a list of addresses with port, [\"192.0.2.1:5060\", \"[::]:5060\"]",
            "4:1: unknown key `prot`: [sip] has listen, dscp, trace",
            "5:8: `dscp`: expected a whole number from 0 to 63",
            "8:7: `max`: expected a whole number from 1 to 32",
            "9:18: `decline_status`: expected one of 480, 486, 603",
            "10:2: [rtp]: `first_port` to `last_port` are too few for 4 calls: expected 12 ports, even first",
            "14:12: `playback`: expected alsa:NAME, wav:PATH or none",
            "15:11: `capture`: expected a text in quotes",
            "16:1: [accounts]: `user` is missing",
            "17:10: `domain`: expected ;transport=udp or none: other transports are not available",
            "18:11: `expires`: expected a whole number from 60 to 86400",
            "19:11: `default`: expected true or false",
        ]
    );
}

#[test]
fn faults_of_settings_for_calls_are_told_with_what_was_expected() {
    let text = r#"
[calls]
ringing_transfer = "refer"
media_timeout = 9
peers = ["pbx.example"]
[interface]
show_command = "systemctl start kiosk"
[[accounts]]
user = "1000"
domain = "pbx"
dtmf = "RFC2833"
[[accounts.dial_rules]]
prefix = "0 "
[[accounts.dial_rules]]
prefix = ""
replacement = "9"
[[accounts.dial_rules]]
prefix = ""
replacement = "8"
"#;
    assert_eq!(
        faults(text),
        [
            "3:20: `ringing_transfer`: expected \"redirect\" or \"answer\"",
            "4:17: `media_timeout`: expected 0, or a whole number from 10 to 86400",
            "5:9: `peers`: expected a list of addresses and networks, [\"192.0.2.7\", \"10.0.0.0/8\"]",
            "7:16: `show_command`: expected a program and its arguments, [\"systemctl\", \"start\", \"kiosk\"]",
            "11:8: `dtmf`: expected \"auto\" or \"rfc4733\" or \"info\" or \"inband\"",
            "12:1: [accounts.dial_rules]: `replacement` is missing",
            "13:10: `prefix`: expected digits, +, * and #",
            "17:1: [accounts.dial_rules]: a rule before this one has the same prefix",
        ]
    );
}

#[test]
fn what_is_no_toml_is_told_with_its_place() {
    let faults = faults("[sip]\ndscp = \n[rtp]\nfirst_port = = 3\n");
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(faults[0].starts_with("2:") && faults[0].contains(": this is no TOML: "), "{faults:?}");
    assert!(faults[1].starts_with("4:"), "{faults:?}");
}

#[test]
fn a_password_is_in_no_message() {
    for text in [
        "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\npassword = hunter2\n",
        "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\npassword = \"hunter2\n",
        "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\npassword = [\"hunter2\"]\n",
        "[[api.users]]\nname = \"crm\"\npassword_hash = \"hunter2\"\n",
        "password = \"hunter2\"",
    ] {
        let told = faults(text).join("\n");
        assert!(!told.is_empty() && !told.contains("hunter2"), "{told}");
    }
    let right = "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\npassword = \"hunter2\"\n";
    assert!(!format!("{:?}", config::parse(right).expect("right")).contains("hunter2"));
}

#[test]
fn an_account_is_told_only_once_and_only_one_is_the_default() {
    let account = "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\ndefault = true\n";
    assert_eq!(
        faults(&[account, account].concat()),
        [
            "5:1: [accounts]: `default`: an account before this one is the default already",
            "5:1: [accounts]: an account before this one has the same user and domain",
        ]
    );
}

#[test]
fn passwords_that_anybody_may_read_are_noticed() {
    let text = "[[accounts]]\nuser = \"1\"\ndomain = \"pbx\"\npassword = \"hunter2\"\n";
    for (mode, exposed) in [(0o644, true), (0o640, false)] {
        let path = file(&format!("mode-{mode:o}"), text, mode);
        assert_eq!(config::load(Some(&path)).expect("right").exposed, exposed);
        fs::remove_file(path).expect("removed");
    }
    let path = file("harmless", "[sip]\ndscp = 0\n", 0o644);
    assert!(!config::load(Some(&path)).expect("right").exposed);
    fs::remove_file(path).expect("removed");
}

#[test]
fn a_file_that_is_not_there_or_wrong_is_named() {
    let missing = Path::new("/nonexistent/neonphone.toml");
    let error = config::load(Some(missing)).expect_err("no file");
    assert_eq!(error.to_string(), "there is no configuration file /nonexistent/neonphone.toml");

    let path = file("wrong", "[sip]\ndscp = 64\n[rpt]\n", 0o600);
    let error = config::load(Some(&path)).expect_err("wrong");
    assert!(matches!(error, ConfigError::Wrong(..)));
    let name = path.display();
    let expected = format!(
        "{name}:2:8: `dscp`: expected a whole number from 0 to 63\n\
         {name}:3:2: unknown key `rpt`: the file has api, sip, calls, rtp, audio, interface, accounts"
    );
    assert_eq!(error.to_string(), expected);

    fs::write(&path, b"[calls]\n# caf\xe9\n").expect("written");
    let error = config::load(Some(&path)).expect_err("wrong");
    assert_eq!(error.to_string(), format!("{name}:2:6: this is no UTF-8"));
    fs::remove_file(path).expect("removed");
}
