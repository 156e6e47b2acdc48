#![allow(clippy::arithmetic_side_effects, reason = "numbers of a test's own")]

use alloc::vec::Vec;

use base::Dice;

use super::*;

const NAME: &[u8; CNAME_BYTES] = b"0123456789abcdef01234567";

fn at_ms(ms: u64) -> Instant {
    Instant::ZERO + Duration::from_millis(ms)
}

/// A sender report as the RFC draws it: its clock, and blocks of last report and delay.
fn sender_report(ntp: u64, blocks: &[(u32, u32)]) -> Vec<u8> {
    let mut bytes = Vec::from([0x80 | blocks.len() as u8, 200, 0, 6 + 6 * blocks.len() as u8, 0, 0, 0, 9]);
    bytes.extend(ntp.to_be_bytes());
    bytes.extend([0; 12]);
    for (last, delay) in blocks {
        bytes.extend([0; 16]);
        bytes.extend(last.to_be_bytes());
        bytes.extend(delay.to_be_bytes());
    }
    bytes
}

#[test]
fn a_report_is_written_as_the_rfc_draws_it() {
    let report = Outgoing {
        ssrc: 0x0102_0304,
        sent: Some(Sent { ntp: 0x1122_3344_5566_7788, timestamp: 160, packets: 2, payload_bytes: 320 }),
        block: Some(Block {
            ssrc: 0xaabb_ccdd,
            fraction_lost: 64,
            lost: -2,
            highest: 0x1_0005,
            jitter: 80,
            sender: Some(ReportedSender { middle: 0xdead_beef, arrival: at_ms(500) }),
        }),
        cname: NAME,
        is_goodbye: true,
    };
    let mut datagram = [0xff; MAX_BYTES];
    assert_eq!(report.write(at_ms(2_000), &mut datagram), MAX_BYTES);
    let mut expected = Vec::from([
        0x81, 200, 0, 12, 1, 2, 3, 4, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88, // SR, clock
        0, 0, 0, 160, 0, 0, 0, 2, 0, 0, 1, 64, // timestamp, packets, bytes
        0xaa, 0xbb, 0xcc, 0xdd, 64, 0xff, 0xff, 0xfe, 0, 1, 0, 5, 0, 0, 0, 80, // block
        0xde, 0xad, 0xbe, 0xef, 0, 1, 0x80, 0, // last report, 1.5 s ago
        0x81, 202, 0, 8, 1, 2, 3, 4, 1, 24, // SDES, CNAME
    ]);
    expected.extend(NAME);
    expected.extend([0, 0, 0x81, 203, 0, 1, 1, 2, 3, 4]);
    assert_eq!(datagram.as_slice(), expected);
}

#[test]
fn who_sent_and_received_nothing_reports_so() {
    let report = Outgoing { ssrc: 7, sent: None, block: None, cname: NAME, is_goodbye: false };
    let mut datagram = [0; MAX_BYTES];
    let size = report.write(at_ms(0), &mut datagram);
    assert_eq!(datagram[..12], [0x80, 201, 0, 1, 0, 0, 0, 7, 0x81, 202, 0, 8]);
    assert_eq!(size, 44);
}

#[test]
fn the_round_trip_is_what_our_clock_says_less_what_the_peer_took() {
    let sent = middle(ntp_at(at_ms(1_000_000)));
    let held = 0x8000;
    let report = sender_report(0, &[(0, 0), (sent.wrapping_add(0x5000_0000), 0), (sent, held)]);
    let report = Incoming::parse(&report).expect("is RTCP");
    let took = report.round_trip(at_ms(1_000_620)).expect("the third block is ours");
    assert!(took.abs_diff(Duration::from_millis(120)) < Duration::from_micros(40), "{took:?}");
    assert_eq!(report.round_trip(at_ms(1_000_499)), Some(Duration::ZERO), "a peer whose clock is fast");
    assert_eq!(report.round_trip(at_ms(1_020_000)), None, "nothing takes twenty seconds");
}

#[test]
fn the_senders_clock_is_known_by_its_middle() {
    let bytes = sender_report(0x1111_2222_3333_4444, &[]);
    let report = Incoming::parse(&bytes).expect("is RTCP");
    assert_eq!(report.ssrc(), 9);
    let arrival = at_ms(4);
    assert_eq!(report.sender(arrival), Some(ReportedSender { middle: 0x2222_3333, arrival }));
    assert!(Incoming::parse(&[0x80, 201, 0, 1, 0, 0, 0, 7]).expect("is RTCP").sender(arrival).is_none());
}

#[test]
fn what_is_no_compound_packet_is_refused_wherever_it_is_cut() {
    let mut whole = sender_report(1, &[(1, 1)]);
    whole.extend([0x81, 203, 0, 1, 0, 0, 0, 9]);
    assert!(Incoming::parse(&whole).is_some());
    for end in (0..whole.len()).filter(|end| *end != 52) {
        assert!(Incoming::parse(&whole[..end]).is_none(), "{end} bytes");
    }
    for (at, byte) in [(0, 0xa1), (0, 0x41), (0, 0x9f), (1, 203), (1, 0), (3, 11), (52, 0)] {
        let mut damaged = whole.clone();
        damaged[at] = byte;
        assert!(Incoming::parse(&damaged).is_none(), "byte {at}");
    }
}

#[test]
fn nonsense_harms_nothing() {
    let mut dice = Dice::new([8; 32]);
    let mut whole = sender_report(u64::MAX, &[(1, 1), (2, 2)]);
    whole.extend([0x81, 202, 0, 3, 0, 0, 0, 9, 1, 2, 65, 66, 0, 0, 0, 0]);
    for _ in 0..200_000 {
        let mut damaged = whole.clone();
        for _ in 0..=dice.below(6) {
            let at = dice.below(damaged.len() as u32) as usize;
            damaged[at] = dice.u32() as u8;
        }
        damaged.truncate(dice.below(damaged.len() as u32 + 1) as usize);
        if let Some(report) = Incoming::parse(&damaged) {
            report.ssrc();
            report.sender(at_ms(5));
            report.round_trip(at_ms(u64::from(dice.u32())));
        }
    }
}
