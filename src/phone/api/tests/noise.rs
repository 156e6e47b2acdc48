//! Damaged input from a seed: no text and no head panics, keeps a reply back, or makes the server say what is no
//! JSON. A part of fuzzing that needs nothing but the stable compiler.

use super::*;
use crate::api::http::{Verdict, judge};
use crate::command::Done;

const INPUTS: u32 = 20_000;

/// Cuts, doubles, swaps and overwrites, up to eight times.
fn damage(dice: &mut Dice, sound: &[u8]) -> Vec<u8> {
    let mut bytes = sound.to_vec();
    for _ in 0..=dice.below(8) {
        let mut place = || dice.below(u32::try_from(bytes.len()).expect("short") + 1) as usize;
        let (from, to) = (place(), place());
        let (from, to) = (from.min(to), from.max(to));
        match dice.below(4) {
            0 => bytes.drain(from..to).for_each(drop),
            1 => {
                let piece = bytes[from..to].to_vec();
                bytes.splice(from..from, piece);
            }
            2 => bytes.insert(from, b"{}[]\",:\\0-e\r\n \xff\x00"[dice.below(16) as usize]),
            _ => bytes.iter_mut().skip(from).take(1).for_each(|byte| *byte = dice.u32() as u8),
        }
        bytes.truncate(4096);
    }
    bytes
}

#[test]
fn damaged_requests_get_one_reply_each_and_never_a_panic() {
    let mut world = World::new();
    let token = world.join(CRM, "crm");
    let mut dice = Dice::new([1; 32]);
    let sound = [
        alloc::format!(
            r#"{{"id":[1,{{"a":null}}],"token":"{token}","action":"startcall","number":"+55 71","headers":{{"X-A":"é\u00e9"}},"connectionId":3}}"#
        ),
        alloc::format!(r#"{{"id":"x","token":"{token}","action":"finalizecall","callid":"7"}}"#),
        alloc::format!(
            r#"{{"token":"{token}","action":"sipregister","domain":"d","number":1,"password":"p","autodisconnect":"true"}}"#
        ),
        r#"{"action":"authenticate","user":"crm","password":"wrong"}"#.into(),
    ];
    for number in 0..INPUTS {
        let bytes = damage(&mut dice, sound[number as usize % sound.len()].as_bytes());
        world.send(CRM, &String::from_utf8_lossy(&bytes));
        if !world.server.may_read(CRM) {
            match world.checks.pop() {
                // Never fits: tokens that give way would spoil the rest.
                Some(_) => world.hand(Input::PasswordChecked { client: CRM, fits: false }),
                None => world.reply(CRM, Ok(Done::Accepted)),
            }
            world.pass(Duration::from_secs(8));
        }
        world.commands.clear();
        assert!(world.take(CRM)["success"].is_boolean());
    }
}

#[test]
fn damaged_heads_get_a_verdict_and_never_a_panic() {
    let mut dice = Dice::new([2; 32]);
    let sound = "GET /version?x HTTP/1.1\r\nHost: localhost:15070\r\nOrigin: https://crm.example\r\nUpgrade: websocket\r\n\
                 Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n";
    let mut upgrades = 0;
    for number in 0..INPUTS {
        let sound = if number % 2 == 0 { sound.replace("/version", "/") } else { sound.into() };
        let bytes = damage(&mut dice, sound.as_bytes());
        match judge(&bytes, &config(), &[], true) {
            Verdict::Upgrade { head_bytes, .. } => {
                upgrades += 1;
                assert!(head_bytes <= bytes.len());
            }
            Verdict::Answer(answer) | Verdict::Refuse(answer, _) => {
                assert!(answer.starts_with(b"HTTP/1.1 "));
                let head_end = answer.windows(4).position(|bytes| bytes == b"\r\n\r\n");
                assert!(head_end.is_some(), "an answer has a head");
            }
            Verdict::Incomplete => {}
        }
    }
    assert!(upgrades > 100, "damage leaves some heads whole: {upgrades}");
}
