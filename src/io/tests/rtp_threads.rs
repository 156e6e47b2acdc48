//! The RTP and sound threads as they run in the phone: two of each, WAV files for microphones and speakers, and the
//! loopback between them.

use std::f32::consts::TAU;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering::Relaxed};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};
use std::{io, thread};

use base::Dice;
use crossbeam_channel::{Receiver, RecvTimeoutError};
use media::Role;
use media::leg::{Codec, Half, LegCommand, LegEvent, LegId, Payload, Terms};
use mio::Token;

use super::allocations::allocations;
use crate::io::audio::{Capture, Config, Device, Playback, SystemDevices};
use crate::io::mailbox::{Inbox, Mailbox};
use crate::io::ports::LegSockets;
use crate::io::rtp_receive::{self, ReceiveThread};
use crate::io::rtp_send::{self, SendThread};
use crate::io::sound::{self, SoundThread};
use crate::io::{sip, udp};

const LEG: LegId = LegId(1);
const DEADLINE: Duration = Duration::from_secs(20);

/// Turns of a thread until its call counts as steady, and those that are counted then. A call of 3 s has more.
const SETTLED: u32 = 40;
const STEADY: u32 = 60;
const LAST_STEADY: u32 = SETTLED + STEADY;

/// Turns until the thread is to stop. Returns what it allocated during [`STEADY`] turns.
fn run(woken: &AtomicU32, mut turn: impl FnMut() -> io::Result<bool>) -> Option<u64> {
    let (mut turns, mut settled, mut steady) = (0, 0, None);
    while turn().expect("turned") {
        woken.fetch_add(1, Relaxed);
        turns += 1;
        match turns {
            SETTLED => settled = allocations(),
            LAST_STEADY => steady = Some(allocations() - settled),
            _ => {}
        }
    }
    steady
}

/// The sound of a phone: its three threads, and the ear of its call control.
struct Phone {
    receive: Mailbox<rtp_receive::Letter>,
    send: Mailbox<rtp_send::Letter>,
    sound: Mailbox<sound::Letter>,
    sip: Receiver<sip::Letter>,
    /// How often rtp-receive and rtp-send woke.
    woken: [Arc<AtomicU32>; 2],
    /// The two, and what they allocated in a steady call.
    rtp_threads: [JoinHandle<Option<u64>>; 2],
    sound_thread: JoinHandle<()>,
}

impl Phone {
    fn start(capture: Device, playback: Device) -> Self {
        let (to_receive, receive) = rtp_receive::inbox().expect("an inbox");
        let (to_send, send) = rtp_send::inbox().expect("an inbox");
        let (to_sound, sound) = sound::inbox().expect("an inbox");
        let (to_sip, sip) = Inbox::new(Token(0), 64).expect("an inbox");
        let config = Config { capture, playback, ring: None };
        let notify = |notice| panic!("{notice}");
        let mut receiving = ReceiveThread::new(to_receive, send.clone(), sip.clone(), sound.clone());
        let mut sending = SendThread::new(to_send, Dice::new([7; 32]), sip, sound.clone()).expect("a thread");
        let sounding =
            SoundThread::new(to_sound, &sound, config, SystemDevices, receive.clone(), send.clone(), notify);
        let woken: [Arc<AtomicU32>; 2] = Default::default();
        let [woken_receiving, woken_sending] = woken.clone();
        Self {
            receive,
            send,
            sound,
            sip: to_sip.letters,
            woken,
            rtp_threads: [
                thread::spawn(move || run(&woken_receiving, || receiving.turn())),
                thread::spawn(move || run(&woken_sending, || sending.turn())),
            ],
            sound_thread: thread::spawn(move || sounding.run().expect("run")),
        }
    }

    /// Begins a call on `sockets` with whoever receives at `peer`.
    fn call(&self, sockets: LegSockets, peer: SocketAddr) {
        let sockets = Arc::new(sockets);
        self.sound.post(sound::Letter::CallsBegan).expect("room");
        self.receive.post(rtp_receive::Letter::Start { leg: LEG, sockets: sockets.clone() }).expect("room");
        self.send.post(rtp_send::Letter::Start { leg: LEG, sockets }).expect("room");
        self.tell(LegCommand::Use(terms(peer)));
    }

    /// Tells both halves of the leg.
    fn tell(&self, command: LegCommand) {
        self.receive.post(rtp_receive::Letter::Leg { leg: LEG, command: command.clone() }).expect("room");
        self.send.post(rtp_send::Letter::Leg { leg: LEG, command }).expect("room");
    }

    fn next_event(&self) -> LegEvent {
        match self.sip.recv_timeout(DEADLINE).expect("an event of the leg") {
            sip::Letter::Leg { leg: LEG, event } => event,
            other => panic!("not of the leg: {other:?}"),
        }
    }

    /// Ends the call, then the threads.
    fn hang_up(self) -> [Option<u64>; 2] {
        self.tell(LegCommand::End { tone: None });
        let mut ended: Vec<LegEvent> = (0..2).map(|_| self.next_event()).collect();
        ended.sort_by_key(|event| *event == LegEvent::Ended(Half::Send));
        assert_eq!(ended, [LegEvent::Ended(Half::Receive), LegEvent::Ended(Half::Send)]);
        self.stop()
    }

    fn stop(self) -> [Option<u64>; 2] {
        self.sound.post(sound::Letter::Stop).expect("room");
        self.sound_thread.join().expect("the sound thread ends well");
        self.receive.post(rtp_receive::Letter::Stop).expect("room");
        self.send.post(rtp_send::Letter::Stop).expect("room");
        self.rtp_threads.map(|thread| thread.join().expect("an RTP thread ends well"))
    }
}

/// G.711 both ways with `peer`.
fn terms(peer: SocketAddr) -> Terms {
    let pcmu = Payload { number: 0, codec: Codec::Pcmu };
    Terms {
        local_rtp: (Ipv4Addr::LOCALHOST, 0).into(),
        remote_rtp: peer,
        remote_rtcp: SocketAddr::new(peer.ip(), peer.port().wrapping_add(1)),
        send: pcmu,
        receive: vec![pcmu],
        send_event: None,
        receive_event: None,
        ptime_ms: 20,
        sending: true,
        receiving: true,
        mute: false,
        watch: false,
    }
}

fn bind() -> UdpSocket {
    udp::bind((Ipv4Addr::LOCALHOST, 0).into(), 46).expect("a socket")
}

fn bind_pair() -> (LegSockets, SocketAddr) {
    let sockets = LegSockets { rtp: bind(), rtcp: bind() };
    udp::stamp(&sockets.rtp).expect("stamped");
    let address = sockets.rtp.local_addr().expect("an address");
    (sockets, address)
}

/// A path of this test's own.
fn path(name: &str) -> PathBuf {
    std::env::temp_dir().join(format!("neonphone-rtp-{}-{name}.wav", std::process::id()))
}

/// 3 s that are nowhere like themselves a little later: a tone that glides through the telephone band, in syllables.
fn write_speech(path: &Path) {
    let spec = hound::WavSpec {
        channels: 1,
        sample_rate: 16_000,
        bits_per_sample: 16,
        sample_format: hound::SampleFormat::Int,
    };
    let mut file = hound::WavWriter::create(path, spec).expect("a file");
    let mut phase = 0.0;
    for at in 0..48_000 {
        let seconds = at as f32 / 16_000.0;
        phase += TAU * (400.0 + 700.0 * seconds) / 16_000.0;
        let syllable = (TAU * 4.0 * seconds).sin().max(0.0);
        file.write_sample((f32::sin(phase) * syllable * 16_000.0) as i16).expect("written");
    }
    file.finalize().expect("finished");
}

fn read(path: &Path) -> Vec<f32> {
    let mut file = hound::WavReader::open(path).expect("a file");
    file.samples::<i16>().map(|sample| f32::from(sample.expect("a sample"))).collect()
}

/// How like `reference` is the most alike stretch of `heard`: 1 is the same but for loudness.
fn likeness(reference: &[f32], heard: &[f32]) -> f32 {
    let product = |a: &[f32], b: &[f32]| a.iter().zip(b).map(|(a, b)| a * b).sum::<f32>();
    let energy = product(reference, reference);
    heard
        .windows(reference.len())
        .map(|stretch| product(stretch, reference) / (product(stretch, stretch) * energy).sqrt().max(1.0))
        .fold(0.0, f32::max)
}

#[test]
fn two_phones_hear_each_other_without_a_gap_and_without_an_allocation() {
    let [voice, heard_there, heard_here] = ["voice", "there", "here"].map(path);
    write_speech(&voice);
    let here = Phone::start(Device::Wav(voice.clone()), Device::Wav(heard_here.clone()));
    let there = Phone::start(Device::Wav(voice.clone()), Device::Wav(heard_there.clone()));
    let (sockets_here, address_here) = bind_pair();
    let (sockets_there, address_there) = bind_pair();
    // What comes from here passes through the test's hands; that address is the one that counts there.
    let wire = bind();
    let wire_address = wire.local_addr().expect("an address");
    there.call(sockets_there, wire_address);
    here.call(sockets_here, wire_address);

    let packets = pass_on_between(&wire, address_here, address_there, 200);
    assert!(
        packets.windows(2).all(|pair| pair[1].0 == pair[0].0.wrapping_add(1)),
        "each number once: {packets:?}"
    );
    assert!(packets.windows(2).all(|pair| pair[1].1 == pair[0].1.wrapping_add(160)), "no time is missing");

    assert_eq!((here.next_event(), there.next_event()), (LegEvent::Arrived, LegEvent::Arrived));
    let woken = here.woken.each_ref().map(|woken| woken.load(Relaxed));
    let ticks = packets.len() as u32;
    assert!(
        woken.iter().all(|woken| *woken < ticks + 40),
        "{ticks} ticks, but letters, wake them: {woken:?}"
    );
    assert_eq!(here.hang_up(), [Some(0); 2], "nothing was allocated in the steady call");
    there.hang_up();
    // A syllable of the voice as it was spoken.
    let spoken: Vec<f32> = read(&voice).into_iter().step_by(2).skip(8_000).take(1_000).collect();
    for heard in [&heard_here, &heard_there] {
        let likeness = likeness(&spoken, &read(heard));
        assert!(likeness > 0.95, "{}: {likeness}", heard.display());
    }
    for path in [voice, heard_here, heard_there] {
        std::fs::remove_file(path).expect("removed");
    }
}

/// Hands packets on both ways, until `count` of those of `here` have passed.
fn pass_on_between(wire: &UdpSocket, here: SocketAddr, there: SocketAddr, count: usize) -> Vec<(u16, u32)> {
    wire.set_nonblocking(false).expect("blocking");
    wire.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    let mut packet = [0; 2048];
    let mut passed = Vec::new();
    while passed.len() < count {
        let (size, from) = wire.recv_from(&mut packet).expect("a packet");
        assert_eq!(size, 172, "20 ms of G.711 and a header");
        let to = if from == here { there } else { here };
        wire.send_to(&packet[..size], to).expect("handed on");
        if from == here {
            let sequence = u16::from_be_bytes([packet[2], packet[3]]);
            passed.push((sequence, u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]])));
        }
    }
    passed
}

#[test]
fn a_call_whose_address_this_machine_has_lost_is_heard_from_another() {
    let phone = Phone::start(Device::None, Device::None);
    let peer = bind();
    let address = peer.local_addr().expect("an address");
    phone.call(bind_pair().0, address);
    let lost = "192.0.2.1:0".parse().expect("an address");
    phone.tell(LegCommand::Use(Terms { local_rtp: lost, ..terms(address) }));
    peer.set_nonblocking(false).expect("blocking");
    peer.set_read_timeout(Some(DEADLINE)).expect("a deadline");
    for _ in 0..30 {
        peer.recv_from(&mut [0; 2048]).expect("a packet");
    }
    phone.hang_up();
}

#[test]
fn timestamps_do_not_run_ahead_of_a_thread_that_stood_still() {
    let (inbox, send) = rtp_send::inbox().expect("an inbox");
    let (_, sound) = sound::inbox().expect("an inbox");
    let sip = Inbox::new(Token(0), 64).expect("an inbox").1;
    let mut thread = SendThread::new(inbox, Dice::new([7; 32]), sip, sound).expect("a thread");
    let (sockets, _) = bind_pair();
    let peer = bind();
    peer.set_nonblocking(true).expect("set");
    let terms = terms(peer.local_addr().expect("bound"));
    for letter in [
        rtp_send::Letter::Start { leg: LEG, sockets: Arc::new(sockets) },
        rtp_send::Letter::Leg { leg: LEG, command: LegCommand::Use(terms) },
        rtp_send::Letter::Use(Some(Capture::silence())),
    ] {
        send.post(letter).expect("room");
    }
    let mut timestamps = Vec::new();
    let mut turn = |timestamps: &mut Vec<u32>| {
        thread.turn().expect("turned");
        let mut packet = [0; 200];
        while peer.recv(&mut packet).is_ok() {
            timestamps.push(u32::from_be_bytes([packet[4], packet[5], packet[6], packet[7]]));
        }
    };
    let begun = Instant::now();
    while timestamps.is_empty() {
        turn(&mut timestamps);
    }
    thread::sleep(Duration::from_millis(500));
    while timestamps.len() < 15 {
        turn(&mut timestamps);
    }
    let sent_ms = timestamps[14].wrapping_sub(timestamps[0]) / 8;
    let passed_ms = begun.elapsed().as_millis();
    assert!(u128::from(sent_ms) <= passed_ms, "{sent_ms} ms of {passed_ms}");
}

#[test]
fn without_a_call_nothing_wakes_the_rtp_threads() {
    let phone = Phone::start(Device::None, Device::None);
    let event = phone.sip.recv_timeout(Duration::from_millis(200));
    assert_eq!(event.expect_err("nothing happens"), RecvTimeoutError::Timeout);
    assert_eq!(phone.woken.each_ref().map(|woken| woken.load(Relaxed)), [0, 0]);
    phone.stop();
}

/// A receiving thread that is turned by hand, with one leg, and what it is written to and writes.
struct Receiving {
    thread: ReceiveThread,
    receive: Mailbox<rtp_receive::Letter>,
    sip: Receiver<sip::Letter>,
    /// Keep the mailboxes of threads that don't run.
    _others: (Inbox<rtp_send::Letter>, Inbox<sound::Letter>, mio::Poll),
    /// The leg's peer, and where it sends to.
    peer: UdpSocket,
    address: SocketAddr,
    sockets: Option<LegSockets>,
}

impl Receiving {
    fn new() -> Self {
        let (inbox, receive) = rtp_receive::inbox().expect("an inbox");
        let (to_send, send) = rtp_send::inbox().expect("an inbox");
        let (to_sound, sound) = sound::inbox().expect("an inbox");
        let (to_sip, sip) = Inbox::new(Token(0), 64).expect("an inbox");
        let thread = ReceiveThread::new(inbox, send, sip, sound);
        let (sockets, address) = bind_pair();
        let _others = (to_send, to_sound, to_sip.poll);
        Self { thread, receive, sip: to_sip.letters, _others, peer: bind(), address, sockets: Some(sockets) }
    }

    fn hear(&self, datagram: &[u8]) {
        self.peer.send_to(datagram, self.address).expect("sent");
    }

    fn begin(&mut self) {
        let sockets = Arc::new(self.sockets.take().expect("begun once"));
        let command = LegCommand::Use(terms(self.peer.local_addr().expect("an address")));
        self.receive.post(rtp_receive::Letter::Start { leg: LEG, sockets }).expect("room");
        self.receive.post(rtp_receive::Letter::Leg { leg: LEG, command }).expect("room");
        self.turn();
    }

    /// A speaker asks for sound from now on.
    fn play(&mut self) {
        let speaker = rtp_receive::Letter::Use(Role::Both, Some(Playback::nowhere()));
        self.receive.post(speaker).expect("room");
    }

    fn turn(&mut self) {
        self.thread.turn().expect("turned");
    }
}

#[test]
fn what_came_before_a_leg_is_not_heard_in_it() {
    let mut world = Receiving::new();
    world.hear(&[0; 172]);
    world.hear(&rtp_packet(1));
    world.begin();
    assert!(world.sip.is_empty(), "the packet was from before");

    world.play();
    world.hear(&rtp_packet(2));
    while world.sip.is_empty() {
        world.turn();
    }
}

#[test]
fn a_flood_on_a_leg_is_read_in_turns_and_to_its_end() {
    let mut world = Receiving::new();
    world.begin();
    (0..70).for_each(|_| world.hear(b"noise"));
    world.hear(&rtp_packet(1));
    world
        .receive
        .post(rtp_receive::Letter::Leg { leg: LegId(2), command: LegCommand::End { tone: None } })
        .expect("room");
    world.turn();
    assert!(
        matches!(world.sip.try_recv(), Ok(sip::Letter::Leg { leg: LegId(2), .. })),
        "the letter didn't wait for the flood's end"
    );
    assert!(world.sip.is_empty(), "which is further than a turn reads");
    // Without a speaker nothing would wake these.
    world.turn();
    world.turn();
    assert!(matches!(world.sip.try_recv(), Ok(sip::Letter::Leg { leg: LEG, event: LegEvent::Arrived })));
}

/// 20 ms of silence in G.711 µ-law.
fn rtp_packet(sequence: u8) -> [u8; 172] {
    let mut packet = [0xff; 172];
    packet[..12].copy_from_slice(&[0x80, 0, 0, sequence, 0, 0, 0, sequence, 9, 9, 9, 9]);
    packet
}
