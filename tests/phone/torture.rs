//! The torture messages of RFC 4475 and 5118 at a phone in a call: each is answered as a phone may, and the call goes on
//! as if nothing had come.

use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};
use std::{fs, io};

use serde_json::Value;

use crate::stage::{Ear, Stage};

/// Packets of the quiet stretch, which the others are compared with: two seconds.
const QUIET: usize = 100;

/// How much longer the gaps of the other stretch may be. A busy machine makes gaps of its own at any time; a phone that
/// thinks too long about a message would make them many times as long.
const SLOWER: u32 = 3;

/// One message, and the peer that sends it: an address of its own, so that all that comes there is its answer.
struct Torture {
    name: String,
    bytes: Vec<u8>,
    /// Statuses that a phone may answer with.
    allowed: Vec<u64>,
    may_be_silent: bool,
    socket: UdpSocket,
}

impl Torture {
    /// Reads a message as the manifest tells of it; `None` for one that is none for a phone.
    fn read(folder: &Path, number: u8, told: &Value) -> io::Result<Option<Self>> {
        if told["skip"] == true {
            return Ok(None);
        }
        let text = |name: &str| told[name].as_str().expect("the manifest says so").to_owned();
        let bytes = with_own_names(number, &fs::read(folder.join(text("file")))?);
        let allowed = told["ua_allowed_status"].as_array().expect("the manifest says so");
        let allowed: Vec<u64> = allowed.iter().filter_map(Value::as_u64).collect();
        // Loopback is wide; other runs have their own part of it.
        let [.., high, low] = std::process::id().to_be_bytes();
        let address = Ipv4Addr::new(127, 100 + high % 100, low, number);
        // RFC 3261 §18.2.2: the answer goes where the message came from, but to the port that its Via names.
        let socket = UdpSocket::bind((address, via_port(&bytes)))?;
        socket.set_nonblocking(true)?;
        let may_be_silent = told["no_reply_ok"] == true || allowed.is_empty();
        Ok(Some(Self { name: text("name"), bytes, allowed, may_be_silent, socket }))
    }

    fn send(&self, phone: SocketAddr) {
        self.socket.send_to(&self.bytes, phone).expect("sent");
    }

    /// What is wrong with the answers that have come.
    fn fault(&self) -> Option<String> {
        let mut buffer = [0; 65_536];
        let mut statuses = Vec::new();
        while let Ok(length) = self.socket.recv(&mut buffer) {
            let text = String::from_utf8_lossy(&buffer[..length]);
            let status = text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)?.parse().ok());
            statuses.push(status.unwrap_or_else(|| panic!("no answer: {text}")));
        }
        let is_fine = statuses.iter().all(|status| self.allowed.contains(status));
        let is_silent = statuses.is_empty() && !self.may_be_silent;
        (!is_fine || is_silent).then(|| format!("{}: {statuses:?}, allowed {:?}", self.name, self.allowed))
    }
}

/// Some messages have the same branch or From tag, and would be repeats of one another or forks of one request (RFC 3261
/// §17.2.3, §8.2.2.2): a number goes into each.
fn with_own_names(number: u8, message: &[u8]) -> Vec<u8> {
    let mut own = Vec::new();
    for (at, byte) in message.iter().enumerate() {
        let is_name = [&b"z9hG4bK"[..], b";tag="].iter().any(|before| message[..at].ends_with(before));
        if is_name && byte.is_ascii_alphanumeric() {
            own.extend(number.to_string().bytes());
        }
        own.push(*byte);
    }
    own
}

/// The port of the first Via: 5060 where it names none, or can't be read.
fn via_port(message: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(message).to_lowercase();
    let via = text.lines().find_map(|line| line.strip_prefix("via:").or_else(|| line.strip_prefix("v:")));
    let sent_by = via.and_then(|via| via.split_whitespace().nth(1)?.split([';', ',']).next());
    let port = sent_by.and_then(|sent_by| sent_by.rsplit_once(':')?.1.parse().ok());
    port.unwrap_or(5060)
}

/// How a stretch of the call went: the gaps between its packets, shortest first.
fn gaps(mut arrivals: Vec<Instant>) -> Vec<Duration> {
    arrivals.sort_unstable();
    let mut gaps: Vec<Duration> = arrivals.windows(2).map(|pair| pair[1] - pair[0]).collect();
    gaps.sort_unstable();
    gaps
}

#[test]
fn torture_messages_are_answered_as_a_phone_may_and_a_call_goes_on_as_without_them() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../shared/sip/torture");
    let Ok(manifest) = fs::read_to_string(folder.join("manifest.json")) else {
        return println!("skipped: no torture messages in {}", folder.display());
    };
    let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let messages = manifest["messages"].as_array().expect("the manifest lists messages");
    let read = (1..).zip(messages).map(|(number, told)| Torture::read(&folder, number, told));
    let messages: Vec<Torture> = match read.filter_map(Result::transpose).collect() {
        Ok(messages) => messages,
        Err(error) => return println!("skipped: somebody has port 5060 of all addresses: {error}"),
    };
    assert!(messages.len() > 50, "{} messages", messages.len());

    let mut stage = Stage::registered_with("[calls]\npeers = [\"127.0.0.0/8\"]\n");
    let mut ear = Ear::new();
    let mut call = stage.calls(&ear);
    let mut converse = |_| {
        let packet = ear.converse(call.rtp);
        (packet.sequence, Instant::now())
    };
    let (mut sequences, quiet): (Vec<u16>, Vec<Instant>) = (0..QUIET).map(&mut converse).unzip();
    let (others, tortured): (Vec<u16>, Vec<Instant>) = messages
        .iter()
        .map(|message| {
            message.send(stage.phone.sip);
            converse(0)
        })
        .unzip();

    // None is lost, and they come in their time.
    sequences.extend(others);
    assert!(sequences.windows(2).all(|pair| pair[1] == pair[0].wrapping_add(1)), "{sequences:?}");
    let (quiet, tortured) = (gaps(quiet), gaps(tortured));
    for part in [50, 90] {
        let at = |gaps: &[Duration]| gaps[gaps.len() * part / 100];
        let (quiet, tortured) = (at(&quiet), at(&tortured));
        println!(
            "{part} of 100 gaps are shorter than {quiet:?}, and than {tortured:?} among torture messages"
        );
        assert!(tortured <= quiet * SLOWER, "{quiet:?}, then {tortured:?}");
    }

    stage.peer.asks_for_options(stage.phone.sip);
    let faults: Vec<String> = messages.iter().filter_map(Torture::fault).collect();
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    stage.program.hears_no_more();
    stage.is_hung_up(&mut call);
}
