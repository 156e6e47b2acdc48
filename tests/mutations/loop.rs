//! A stable loop of damaged inputs, from a seed: the part of fuzzing that every run of the tests does.

use base::Dice;
use mutations::{DNS, HEAD, JSON, PHONE, RTCP, RTP, SDP, SIP, Target, damage};

/// Damages a target's examples so many times. A loop that hardly ever is taken seriously tests little.
fn run(target: Target, inputs: u32) {
    let examples = (target.examples)();
    let sound = examples.iter().filter(|example| (target.examine)(example)).count();
    assert!(sound * 3 >= examples.len(), "{} of {} examples are sound", sound, examples.len());
    let mut dice = Dice::new([5; 32]);
    let taken = (0..inputs).filter(|_| (target.examine)(&damage(&mut dice, &examples))).count();
    assert!(taken > inputs as usize / 20, "only {taken} of {inputs} inputs were taken");
}

#[test]
fn forty_thousand_damaged_messages_of_sip() {
    run(SIP, 40_000);
}

#[test]
fn forty_thousand_damaged_offers_and_answers() {
    run(SDP, 40_000);
}

#[test]
fn thirty_thousand_damaged_streams_of_rtp() {
    run(RTP, 30_000);
}

#[test]
fn twenty_thousand_damaged_reports_of_rtcp() {
    run(RTCP, 20_000);
}

#[test]
fn twenty_five_thousand_damaged_answers_of_name_servers() {
    run(DNS, 25_000);
}

#[test]
fn twenty_five_thousand_damaged_heads_of_http() {
    run(HEAD, 25_000);
}

#[test]
fn fifteen_thousand_damaged_requests_of_programs() {
    run(JSON, 15_000);
}

#[test]
fn five_thousand_damaged_lives_of_a_phone() {
    run(PHONE, 5_000);
}
