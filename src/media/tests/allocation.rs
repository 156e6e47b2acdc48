//! In a steady call neither half of a leg allocates: an allocator that waits for another thread is a gap in the sound.
#![allow(unsafe_code, reason = "an allocator can't be written without; it only counts and passes on")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::net::SocketAddr;

use base::{Dice, Duration, Instant};
use media::leg::{Channel, Codec, LegCommand, LegId, Payload, Terms};
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
        remote_rtp: peer,
        remote_rtcp: peer,
        send: pcmu,
        receive: vec![pcmu],
        send_event: None,
        receive_event: None,
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

    let before = CALLS.get();
    let mut frame = [0.0; FRAME_SAMPLES];
    let mut held = ([0; 172], 0);
    for tick in 0..6_000_u32 {
        now += Duration::from_millis(10);
        frame.iter_mut().enumerate().for_each(|(at, sample)| *sample = (at % 40) as f32 / 80.0 - 0.25);
        sender.push(now, &frame);
        while let Some(packet) = sender.poll_packet() {
            let mut bytes = [0; 172];
            bytes.copy_from_slice(packet.bytes);
            if tick > 3_000 {
                bytes[4] ^= 0x40;
            }
            match dice.below(20) {
                0 => {}
                1..5 => held = (bytes, 172),
                _ => receiver.handle_packet(now, leg, Channel::Rtp, peer, &bytes),
            }
        }
        if dice.percent(20) {
            receiver.handle_packet(now, leg, Channel::Rtp, peer, &held.0[..held.1]);
        }
        receiver.pull(now, Role::Both, &mut frame);
        while receiver.poll_event().is_some() {}
        while receiver.poll_feedback().is_some() {}
    }
    assert_eq!(CALLS.get() - before, 0);
    let counts = receiver.counts(leg).expect("the leg is running");
    assert!(counts.concealed > 100 && counts.duplicate > 100 && counts.streams >= 2, "{counts:?}");
}
