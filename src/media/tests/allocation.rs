//! In a steady call neither half of a leg allocates: an allocator that waits for another thread is a gap in the sound.
#![allow(unsafe_code, reason = "an allocator can't be written without; it only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::dtmf::Way;
use media::leg::{Channel, Codec, LegCommand, LegEvent, LegId, Payload, Terms, Tone};
use media::{FRAME_SAMPLES, Receiver, Role, Sender};

struct Counting;

thread_local! {
    static CALLS: Cell<u64> = const { Cell::new(0) };
}

fn note() {
    CALLS.set(CALLS.get() + 1);
}

// SAFETY: every call goes to the system's allocator as it came.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        note();
        // SAFETY: the caller's promise is passed on.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static ALLOCATOR: Counting = Counting;

#[test]
fn a_call_through_loss_jitter_and_a_jump_allocates_nothing() {
    let leg = LegId(1);
    let peer: SocketAddr = "192.0.2.1:4000".parse().expect("is an address");
    let pcmu = Payload { number: 0, codec: Codec::Pcmu };
    let terms = Terms {
        local_rtp: (core::net::Ipv4Addr::new(192, 0, 2, 10), 6_000).into(),
        remote_rtp: peer,
        remote_rtcp: peer,
        send: pcmu,
        receive: vec![pcmu],
        send_event: Some(101),
        receive_event: Some(101),
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    };
    let mut dice = Dice::new([4; 32]);
    let mut now = Instant::ZERO;
    let (mut sender, mut receiver) = (Sender::new(dice.fork()), Receiver::new());
    let start = LegCommand::Use(terms);
    sender.handle_command(now, leg, &start);
    receiver.handle_command(now, leg, &start);
    sender.handle_command(now, leg, &LegCommand::Meter(true));
    receiver.handle_command(now, leg, &LegCommand::Meter(true));

    let before = CALLS.get();
    let mut frame = [0.0; FRAME_SAMPLES];
    let (mut held, mut reports, mut keys, mut levels) = ([0; 172], 0, 0, 0);
    for tick in 0..6_000_u32 {
        now += Duration::from_millis(10);
        if tick == 2_000 {
            let key = '5'.try_into().expect("is a key");
            sender.handle_command(now, leg, &LegCommand::Key { key, way: Way::Event });
            receiver.handle_command(now, leg, &LegCommand::Tone(Some(Tone::CallWaiting)));
        }
        frame.iter_mut().enumerate().for_each(|(at, sample)| *sample = (at % 40) as f32 / 80.0 - 0.25);
        sender.push(now, &frame);
        levels += sender.poll_event().into_iter().count();
        while let Some(packet) = sender.poll_packet() {
            let mut bytes = [0; 172];
            let bytes = &mut bytes[..packet.bytes.len()];
            bytes.copy_from_slice(packet.bytes);
            if packet.channel == Channel::Rtcp {
                reports += 1;
            } else if tick > 3_000 {
                bytes[4] ^= 0x40;
            }
            match dice.below(20) {
                0 => {}
                1..5 if bytes.len() == held.len() => held.copy_from_slice(bytes),
                _ => receiver.handle_packet(now, leg, packet.channel, peer, bytes),
            }
        }
        if dice.percent(20) {
            receiver.handle_packet(now, leg, Channel::Rtp, peer, &held);
        }
        receiver.pull(now, Role::Both, &mut frame);
        while let Some((_, event)) = receiver.poll_event() {
            keys += u32::from(matches!(event, LegEvent::Key(_)));
            levels += usize::from(matches!(event, LegEvent::Level { .. }));
        }
        while let Some((_, feedback)) = receiver.poll_feedback() {
            sender.handle_feedback(now, leg, feedback);
        }
    }
    assert_eq!(CALLS.get() - before, 0);
    assert_eq!(levels, 2 * 600, "ten a second from each half");
    let stats = receiver.stats(leg).expect("the leg is running");
    let counts = stats.playout;
    assert!(counts.concealed > 100 && counts.duplicate > 100 && counts.streams >= 2, "{counts:?}");
    assert!(
        reports > 7 && stats.round_trip.is_some() && keys == 1,
        "{reports} reports, {keys} keys, {stats:?}"
    );
}
