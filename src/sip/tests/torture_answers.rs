//! The torture messages of RFC 4475 and 5118, answered by an endpoint and the plainest of users: each answer is one
//! that a phone may give.

use std::path::PathBuf;
use std::time::Duration;

use base::{Dice, Instant};
use serde_json::Value;
use sip::endpoint::{Abilities, Config, Endpoint, Event, Input, Output};
use sip::flow::{Flow, Link, Transport};
use sip::message::{Method, Request, Response, Status};

const ABILITIES: Abilities<'_> = Abilities {
    methods: &[Method::Invite, Method::Ack, Method::Cancel, Method::Bye, Method::Options],
    extensions: &[],
    content_types: &["application/sdp"],
};

/// A user without dialogs, who is busy.
fn answer(request: &Request) -> Response {
    if let Err(refusal) = ABILITIES.inspect(request) {
        return refusal;
    }
    let is_in_dialog = request.headers.to().is_ok_and(|to| to.tag().is_some());
    let status = match request.method {
        _ if is_in_dialog => Status::CALL_OR_TRANSACTION_DOES_NOT_EXIST,
        Method::Invite => Status::BUSY_HERE,
        _ => Status::OK,
    };
    Response::to_request(request, status)
}

/// The statuses that a datagram is answered with, from its arrival until all is at rest, without repeats.
fn statuses(datagram: &[u8]) -> Vec<u64> {
    let mut endpoint = Endpoint::new(&Config::default(), Dice::new([9; 32]));
    let flow = Flow {
        link: Link::Sip(Transport::Udp),
        local: "192.0.2.10:5060".parse().expect("an address"),
        remote: "192.0.2.1:5060".parse().expect("an address"),
    };
    let mut now = Instant::ZERO + Duration::from_secs(60);
    endpoint.handle_input(now, Input::Datagram { flow, bytes: datagram });
    let mut statuses = Vec::new();
    loop {
        while let Some(output) = endpoint.poll_output() {
            match output {
                Output::Event(Event::Request { transaction, request, .. }) => {
                    endpoint.respond(now, transaction, answer(&request));
                }
                Output::Event(_) => {}
                Output::Send { flow: to, bytes } => {
                    assert_eq!((to.local, to.remote.ip()), (flow.local, flow.remote.ip()));
                    statuses.push(status_of(&bytes));
                }
                other => panic!("{other:?}"),
            }
        }
        let Some(due) = endpoint.poll_timeout() else { break };
        now = due;
        endpoint.handle_input(now, Input::Timeout);
    }
    statuses.dedup();
    statuses
}

fn status_of(bytes: &[u8]) -> u64 {
    let text = String::from_utf8_lossy(bytes);
    let code =
        text.strip_prefix("SIP/2.0 ").and_then(|rest| rest.get(..3)).and_then(|code| code.parse().ok());
    code.unwrap_or_else(|| panic!("no answer: {text}"))
}

#[test]
fn each_torture_message_is_answered_as_a_phone_may() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sip/torture");
    let Ok(manifest) = std::fs::read_to_string(folder.join("manifest.json")) else {
        println!("skipped: no torture messages in {}", folder.display());
        return;
    };
    let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let messages = manifest["messages"].as_array().expect("the manifest lists messages");
    let mut faults = Vec::new();
    let mut answered = 0;
    for message in messages.iter().filter(|message| message["skip"] != true) {
        let name = message["name"].as_str().expect("a message has a name");
        let file = message["file"].as_str().expect("a message has a file");
        let got = statuses(&std::fs::read(folder.join(file)).expect("the file is there"));
        let allowed = message["ua_allowed_status"].as_array().expect("a message has its answers");
        let all_allowed = got.iter().all(|status| allowed.contains(&Value::from(*status)));
        if !all_allowed || (got.is_empty() && message["no_reply_ok"] != true && !allowed.is_empty()) {
            faults.push(format!("{name}: {got:?}, allowed {}", message["ua_allowed_status"]));
        }
        answered += usize::from(!got.is_empty());
    }
    assert!(faults.is_empty(), "{}", faults.join("\n"));
    assert!(answered >= 50, "only {answered} were answered");
}
