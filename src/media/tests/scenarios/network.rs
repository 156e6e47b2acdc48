//! S47 and S49: what the network and rude peers do to packets.

use super::*;

/// Lets a voice of `seconds` through a network, and returns it with the delays in milliseconds at each of its seconds.
fn through(seconds: usize, mut fate: impl FnMut(usize) -> Vec<f64>) -> (World, Vec<f64>) {
    let mut world = World::new();
    let mut packets: Vec<(f64, Vec<u8>)> = (0..seconds * 50)
        .flat_map(|index| {
            let datagram = world.peer.next();
            fate(index).into_iter().map(move |late_ms| (index as f64 * 20.0 + late_ms, datagram.clone()))
        })
        .collect();
    packets.sort_by(|one, other| one.0.total_cmp(&other.0));
    let mut packets = packets.into_iter().peekable();
    let mut delays = Vec::new();
    for tick in 0..seconds * 100 {
        while let Some((_, datagram)) = packets.next_if(|(at_ms, _)| *at_ms <= tick as f64 * 10.0) {
            world.receive(PEER, &datagram);
        }
        world.pass(10);
        if tick % 100 == 99 {
            delays.push(world.stats().delay.as_secs_f64() * 1e3);
        }
    }
    (world, delays)
}

#[test]
fn s47_losses_reordering_and_doubles_are_not_heard_and_cost_little_delay() {
    let mut dice = Dice::new([1; 32]);
    let (mut world, delays) = through(30, |_| match dice.below(100) {
        0..2 => vec![],
        2..12 => vec![35.0],
        12..17 => vec![0.0, 5.0],
        _ => vec![0.0],
    });
    let stats = world.stats();
    assert_eq!(stats.playout.streams, 1);
    assert!(stats.playout.late < 5, "only at first: {stats:?}");
    assert!(stats.playout.duplicate > 30);
    assert!(delays[5..].iter().all(|delay| *delay < 80.0), "{delays:?}");
    // The tone goes on through a gap of one packet as if nothing were missing.
    let strange = world.strange_ms();
    assert!(strange < 1_000, "{strange} ms of 30 s");
}

#[test]
fn s47_bursts_of_200_ms_are_bridged_and_leave_no_delay() {
    let (world, delays) = through(30, |index| if index % 250 >= 240 { vec![] } else { vec![0.0] });
    assert!(delays[3..].iter().all(|delay| *delay < 60.0), "{delays:?}");
    assert_eq!(world.stats().playout.streams, 1);
    // Held up instead of lost, they come at once.
    let (_, delays) = through(30, |index| {
        let into = index % 500;
        vec![if into >= 490 { (500 - into) as f64 * 20.0 } else { 0.0 }]
    });
    assert!([9, 19, 29].iter().all(|second| delays[second - 1] < 60.0), "{delays:?}");
}

#[test]
fn s47_a_gap_of_three_seconds_is_heard_through_at_once_and_at_the_old_delay() {
    let mut world = World::new();
    world.speak(2_000);
    let before = world.stats().delay;
    for _ in 0..150 {
        world.peer.next();
    }
    world.pass(3_000);
    assert!(world.heard_again_after_ms(1_000) < 100);
    world.speak(4_000);
    assert!(world.stats().delay.abs_diff(before) < Duration::from_millis(20));
    // The peer's clock stood still meanwhile.
    world.pass(3_000);
    assert!(world.heard_again_after_ms(1_000) < 500);
    world.speak(4_000);
    assert!(world.stats().delay.abs_diff(before) < Duration::from_millis(20));
}

#[test]
fn s47_a_speaker_whose_clock_is_200_ppm_off_leaves_the_delay_as_it_was() {
    for pull_every_us in [9_998, 10_002] {
        let mut world = World::new();
        let start = world.now;
        let (mut sent, mut delays, mut frame) = (0, Vec::new(), [0.0; FRAME_SAMPLES]);
        for pulled in 1..=60_000_u64 {
            world.now = start + Duration::from_micros(pulled * pull_every_us);
            while (world.now - start).as_micros() >= sent * 20_000 {
                let datagram = world.peer.next();
                world.receive(PEER, &datagram);
                sent += 1;
            }
            world.receiver.pull(world.now, Role::Both, &mut frame);
            if pulled % 6_000 == 0 {
                delays.push(world.stats().delay);
            }
        }
        assert!(delays[0].abs_diff(delays[9]) < Duration::from_millis(10), "{delays:?}");
        let playout = world.stats().playout;
        assert_eq!((playout.late, playout.concealed), (0, 0), "{playout:?}");
    }
}

#[test]
fn s47_first_packets_out_of_order_leave_no_second_of_delay() {
    for seed in 0..10 {
        let mut dice = Dice::new([seed; 32]);
        let (_, delays) = through(10, |index| {
            let late = if index < 50 { dice.below(120) } else { 0 };
            vec![f64::from(late)]
        });
        assert!(delays[7..].iter().all(|delay| *delay < 60.0), "{delays:?}");
    }
}

#[test]
fn s49_the_right_part_of_odd_packets_is_decoded_and_the_rest_ignored() {
    let mut world = World::new();
    world.speak(1_000);
    world.heard.clear();
    for _ in 0..100 {
        let plain = world.peer.next();
        // The same packet with two contributing sources, an extension of a word, and padding of four bytes.
        let mut rich = plain[..12].to_vec();
        rich[0] = 0xb2;
        rich.extend([0, 0, 0, 1, 0, 0, 0, 2, 0xbe, 0xde, 0, 1, 9, 9, 9, 9]);
        rich.extend(&plain[12..]);
        rich.extend([0, 0, 0, 4]);
        let mut foreign = plain.clone();
        foreign[1] = 18;
        let mut cut_padding = plain.clone();
        (cut_padding[0], cut_padding[171]) = (0xa0, 0xff);
        let report =
            [0x80, 200, 0, 6, 0, 0, 0, 9, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        for datagram in [&plain[..7], &[], &foreign, &cut_padding, &report, &rich] {
            world.receive(PEER, datagram);
        }
        world.pass(20);
    }
    assert_eq!((world.strange_ms(), world.stats().lost), (0, 0));
    let refused = world.stats().refused;
    assert_eq!((refused.malformed, refused.foreign_type, refused.foreign_source), (400, 100, 0));
}

#[test]
fn s49_packets_of_any_length_are_played_and_may_change_it() {
    for samples in [80, 160, 240, 320, 480, 161, 33, 400] {
        let mut world = World::new();
        world.peer.samples = samples;
        let mut due = 0;
        for tick in 0..400 {
            while due <= tick * 80 {
                let datagram = world.peer.next();
                world.receive(PEER, &datagram);
                due += samples;
            }
            world.pass(10);
        }
        world.heard.drain(..8_000);
        let strange = world.strange_ms();
        assert!(strange <= 40, "{samples} samples a packet: {strange} ms");
    }
}

#[test]
fn s49_comfort_noise_is_a_pause_and_no_loss() {
    let mut world = World::new();
    for _ in 0..5 {
        world.speak(1_000);
        let noise = world.peer.packet(13, &[60]);
        world.receive(PEER, &noise);
        world.peer.sequence = world.peer.sequence.wrapping_add(1);
        world.peer.timestamp = world.peer.timestamp.wrapping_add(8_000);
        world.peer.at += 8_000;
        world.pass(1_000);
    }
    let stats = world.stats();
    assert_eq!((stats.lost, stats.playout.concealed, stats.playout.late), (0, 0, 0));
    let strange = world.strange_ms();
    assert!((4_900..5_400).contains(&strange), "{strange} ms of 5 s of pauses");
}

#[test]
fn s49_two_hundred_thousand_damaged_packets_harm_nothing() {
    let mut world = World::new();
    let mut dice = Dice::new([6; 32]);
    let report = {
        let mut report = vec![0x81, 200, 0, 12, 0, 0, 0, 9];
        report.extend([0; 44]);
        report.extend([0x81, 202, 0, 3, 0, 0, 0, 9, 1, 2, 65, 66, 0, 0, 0, 0]);
        report
    };
    for round in 0..200_000 {
        let event = world.peer.packet(101, &[dice.below(20) as u8, dice.u32() as u8, 3, 32]);
        let (channel, mut datagram) = match dice.below(4) {
            0 => (Channel::Rtcp, report.clone()),
            1 => (Channel::Rtp, event),
            _ => (Channel::Rtp, world.peer.next()),
        };
        for _ in 0..dice.below(5) {
            let at = dice.below(datagram.len() as u32) as usize;
            datagram[at] = dice.u32() as u8;
        }
        if dice.percent(10) {
            datagram.truncate(dice.below(datagram.len() as u32 + 1) as usize);
        }
        let from = address([PEER, PEER_RTCP, NAT, ATTACKER][dice.below(4) as usize]);
        world.receiver.handle_packet(world.now, LEG, channel, from, &datagram);
        if round % 4 == 0 {
            world.pass(10);
        }
        if round % 1_000 == 0 {
            world.heard.clear();
            world.sent.clear();
        }
    }
    assert!(world.heard.iter().all(|sample| sample.abs() <= 1.0));
    world.heard.clear();
    world.pass(2_000);
    world.peer = Stream { ssrc: 5, ..Stream::new() };
    assert!(world.heard_again_after_ms(2_000) < 500, "the peer is heard as if nothing had been");
}
