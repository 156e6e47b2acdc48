//! The messages of RFC 4475 and RFC 5118, as ../shared/sip/torture has them, against the verdicts of its manifest.

use std::fs;
use std::path::PathBuf;

use serde_json::Value;
use sip::message::Message;

/// The torture messages and their manifest, or nothing where this machine doesn't have them.
fn torture_messages() -> Vec<(Value, Vec<u8>)> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../../shared/sip/torture");
    let Ok(manifest) = fs::read_to_string(folder.join("manifest.json")) else {
        println!("skipped: {} is not there", folder.display());
        return Vec::new();
    };
    let manifest: Value = serde_json::from_str(&manifest).expect("the manifest is JSON");
    let entries = manifest["messages"].as_array().expect("the manifest lists messages").clone();
    let wanted = entries.into_iter().filter(|entry| entry["skip"] != Value::Bool(true));
    wanted
        .map(|entry| {
            let file = folder.join(entry["file"].as_str().expect("an entry names its file"));
            let bytes = fs::read(file).expect("the manifest's files are there");
            (entry, bytes)
        })
        .collect()
}

#[test]
fn each_torture_message_is_taken_or_refused_as_its_rfc_says() {
    let mut wrong = Vec::new();
    for (entry, bytes) in torture_messages() {
        let verdict = Message::parse(&bytes);
        let fits = match (entry["parse"].as_str(), &verdict) {
            (Some("accept"), Ok(_)) | (Some("either"), _) => true,
            (Some("reject"), Err(error)) => {
                error.answer.is_some() || entry["no_reply_ok"] == Value::Bool(true)
            }
            (Some("drop"), Err(error)) => error.answer.is_none(),
            _ => false,
        };
        if !fits {
            wrong.push(format!("{}: should be {}, is {verdict:?}", entry["name"], entry["parse"]));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn what_a_refused_torture_message_is_answered_is_allowed_by_its_rfc() {
    for (entry, bytes) in torture_messages() {
        let Some(answer) = Message::parse(&bytes).err().and_then(|error| error.answer) else { continue };
        let allowed = entry["ua_allowed_status"].as_array().expect("an entry lists the statuses allowed");
        let status = Value::from(answer.status.code());
        assert!(allowed.contains(&status), "{} is answered {status}", entry["name"]);
    }
}

#[test]
fn each_torture_message_that_is_taken_prints_to_something_that_reads_the_same() {
    for (entry, bytes) in torture_messages() {
        let Ok(message) = Message::parse(&bytes) else { continue };
        assert_eq!(Message::parse(&message.to_bytes()).as_ref(), Ok(&message), "{}", entry["name"]);
    }
}
