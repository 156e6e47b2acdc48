//! RTCP that goes out.

use super::*;
use crate::leg::{Reception, ReportedSender};

const RECEPTION: Reception =
    Reception { ssrc: 0xaabb_ccdd, highest: 0x1_0063, expected: 100, received: 75, jitter: 12, sender: None };

impl World {
    fn hear(&mut self, reception: Reception) {
        self.sender.handle_feedback(self.now, LEG, Feedback::Received(reception));
    }

    /// Time passes until the next report.
    fn next_report(&mut self) -> &Report {
        let before = self.reports.len();
        while self.reports.len() == before {
            self.speak(1);
        }
        &self.reports[before]
    }
}

#[test]
fn reports_come_every_five_seconds_more_or_less_and_never_in_step() {
    let mut world = World::new(terms());
    world.speak(60_000);
    let times: Vec<Duration> = world.reports.iter().map(|report| report.at - Instant::ZERO).collect();
    assert!((Duration::from_millis(1_250)..Duration::from_millis(3_760)).contains(&times[0]));
    let gaps: Vec<Duration> = times.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!(gaps.iter().all(|gap| (2_500..=7_510).contains(&gap.as_millis())), "{gaps:?}");
    assert!((105..135).contains(&times.len()), "{} in ten minutes", times.len());
    assert!(gaps.iter().max() > gaps.iter().min().map(|least| *least * 2).as_ref());
    assert!(world.reports.iter().all(|report| report.to == terms().remote_rtcp));
}

#[test]
fn a_report_says_what_was_sent_and_when() {
    let mut world = World::new(terms());
    let first = world.speak(2).pop().expect("a packet");
    let report = world.next_report();
    assert_eq!(report.bytes[..4], [0x80, 200, 0, 6]);
    let packets = (report.at - Instant::ZERO).as_millis() as u32 / 20;
    assert_eq!((report.word(4), report.word(20), report.word(24)), (first.ssrc, packets, packets * 160));
    let samples = (report.at - Instant::ZERO).as_millis() as u32 * 8;
    assert_eq!(report.word(16), first.timestamp.wrapping_add(samples), "timestamp and clock are one moment");
    assert_eq!(u64::from(report.word(8)), (report.at - Instant::ZERO).as_secs());
    assert_eq!(report.bytes[28..32], [0x81, 202, 0, 8]);
    assert_eq!((report.word(32), &report.bytes[36..38]), (first.ssrc, &[1, 24][..]));
    let name = report.bytes[38..62].to_vec();
    assert!(name.iter().all(u8::is_ascii_hexdigit));
    assert_eq!(world.next_report().bytes[38..62], name, "the name stays");
}

#[test]
fn a_report_says_what_was_received_since_the_one_before() {
    let mut world = World::new(terms());
    let sender = Some(ReportedSender { middle: 0x1234_5678, arrival: world.now });
    world.hear(Reception { sender, ..RECEPTION });
    let report = world.next_report();
    assert_eq!(report.bytes[..4], [0x81, 200, 0, 12]);
    assert_eq!((report.word(28), report.word(32)), (0xaabb_ccdd, 64 << 24 | 25));
    assert_eq!((report.word(36), report.word(40), report.word(44)), (0x1_0063, 12, 0x1234_5678));
    let since = (report.at - Instant::ZERO).as_secs_f64();
    assert!((f64::from(report.word(48)) / 65_536.0 - since).abs() < 0.001);
    world.hear(Reception { expected: 200, received: 185, ..RECEPTION });
    assert_eq!(world.next_report().word(32), 15, "none of the last hundred was lost");
    assert_eq!(world.next_report().bytes[0], 0x80, "nothing came since: no block");
    world.hear(Reception { expected: 200, received: 210, ..RECEPTION });
    assert_eq!(world.next_report().word(32), 0x00ff_fff6, "ten came twice");
    world.hear(Reception { expected: 20, received: 15, ..RECEPTION });
    assert_eq!(world.next_report().word(32), 64 << 24 | 5, "the sequence numbers jumped");
    world.hear(Reception { ssrc: 5, expected: 2, received: 1, ..RECEPTION });
    assert_eq!(world.next_report().word(32), 128 << 24 | 1, "another stream begins at nothing");
}

#[test]
fn who_is_on_hold_reports_as_a_receiver_soon_and_goes_on() {
    let mut world = World::new(terms());
    world.speak(1_000);
    world.tell(Terms { sending: false, ..terms() });
    let kinds: Vec<u8> = (0..4).map(|_| world.next_report().bytes[1]).collect();
    assert_eq!(kinds, [200, 200, 201, 201]);
}

#[test]
fn reports_follow_their_own_latch_until_new_sdp() {
    let mut world = World::new(terms());
    let [latched, moved] = ["198.51.100.7:61001", "192.0.2.2:5001"].map(address);
    world.sender.handle_feedback(world.now, LEG, Feedback::Latched(address("198.51.100.7:61000")));
    assert_eq!(world.next_report().to, terms().remote_rtcp);
    world.sender.handle_feedback(world.now, LEG, Feedback::LatchedRtcp(latched));
    assert_eq!(world.next_report().to, latched);
    world.tell(Terms { mute: true, ..terms() });
    assert_eq!(world.next_report().to, latched);
    world.tell(Terms { remote_rtcp: moved, ..terms() });
    assert_eq!(world.next_report().to, moved);
}

#[test]
fn nothing_is_reported_to_an_address_that_is_none() {
    for nowhere in ["0.0.0.0:4001", "[::]:4001", "192.0.2.1:0"] {
        let mut world = World::new(Terms { remote_rtcp: address(nowhere), ..terms() });
        world.speak(2_000);
        assert_eq!(world.reports.len(), 0);
    }
}

#[test]
fn a_leg_says_goodbye_if_it_ever_said_anything() {
    let mut world = World::new(terms());
    let ssrc = world.speak(2)[0].ssrc;
    world.sender.handle_command(world.now, LEG, &LegCommand::End { tone: None });
    assert!(world.fetch().is_empty());
    let goodbye = world.reports.pop().expect("a last report");
    assert_eq!(goodbye.bytes[64..68], [0x81, 203, 0, 1]);
    assert_eq!((goodbye.bytes.len(), goodbye.word(68)), (72, ssrc));
    assert_eq!(world.sender.poll_event(), Some((LEG, LegEvent::Ended(Half::Send))));

    let mut silent = World::new(Terms { sending: false, ..terms() });
    silent.speak(10);
    silent.sender.handle_command(silent.now, LEG, &LegCommand::End { tone: None });
    silent.fetch();
    assert_eq!(silent.reports.len(), 0);
}
