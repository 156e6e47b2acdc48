//! The sound thread with devices that fail as they are told.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicBool, Ordering::SeqCst};
use std::sync::mpsc;
use std::sync::{Arc, Mutex};

use super::*;

/// Devices that a test opens, breaks and counts.
#[derive(Clone, Default)]
struct TestDevices {
    /// What the next openings of a microphone come to; beyond them they succeed.
    refusals: Arc<Mutex<VecDeque<AudioError>>>,
    broken: Arc<AtomicBool>,
    /// No sound goes through it.
    mute: Arc<AtomicBool>,
    open: Arc<Mutex<Vec<&'static str>>>,
}

struct TestDevice {
    name: &'static str,
    devices: TestDevices,
}

impl TestDevices {
    fn open(&self, name: &'static str) -> Box<dyn Opened> {
        self.open.lock().expect("no test has failed").push(name);
        Box::new(TestDevice { name, devices: self.clone() })
    }

    fn opened(&self) -> Vec<&'static str> {
        self.open.lock().expect("no test has failed").clone()
    }
}

impl Devices for TestDevices {
    fn open_capture(
        &mut self,
        _device: &Device,
        _reader: &Bell,
        _keeper: &Bell,
    ) -> Result<(Capture, Box<dyn Opened>), AudioError> {
        match self.refusals.lock().expect("no test has failed").pop_front() {
            Some(error) => Err(error),
            None => Ok((Capture::silence(), self.open("microphone"))),
        }
    }

    fn open_playback(
        &mut self,
        _device: &Device,
        _writer: &Bell,
        _keeper: &Bell,
    ) -> Result<(Playback, Box<dyn Opened>), AudioError> {
        Ok((Playback::nowhere(), self.open("speaker")))
    }
}

impl Opened for TestDevice {
    fn attend(&mut self, _now: Instant) -> Result<bool, AudioError> {
        if self.name == "microphone" && self.devices.broken.swap(false, SeqCst) {
            return Err(AudioError::Lost);
        }
        Ok(!self.devices.mute.load(SeqCst))
    }

    fn tally(&self) -> Tally {
        Tally { starved: 30, ..Tally::default() }
    }
}

impl Drop for TestDevice {
    fn drop(&mut self) {
        self.devices.open.lock().expect("no test has failed").retain(|name| *name != self.name);
    }
}

/// A sound thread that is turned by hand, and what it writes.
struct World {
    thread: SoundThread<TestDevices>,
    own: Mailbox<Letter>,
    devices: TestDevices,
    receive: Inbox<rtp_receive::Letter>,
    send: Inbox<rtp_send::Letter>,
    notices: mpsc::Receiver<Notice>,
}

impl World {
    fn new(config: Config) -> Self {
        let (inbox, own) = inbox().expect("an inbox");
        let (receive, to_receive) = rtp_receive::inbox().expect("an inbox");
        let (send, to_send) = rtp_send::inbox().expect("an inbox");
        let (notify, notices) = mpsc::channel();
        let devices = TestDevices::default();
        let thread =
            SoundThread::new(inbox, &own, config, devices.clone(), to_receive, to_send, move |notice| {
                notify.send(notice).expect("the test listens");
            });
        Self { thread, own, devices, receive, send, notices }
    }

    fn post(&mut self, letter: Letter) -> bool {
        self.own.post(letter).expect("room");
        self.thread.turn().expect("turned")
    }

    /// What rtp-send was given: true for a microphone, false for none.
    fn microphones(&self) -> Vec<bool> {
        let letters = self.send.letters.try_iter();
        letters.map(|letter| matches!(letter, rtp_send::Letter::Use(Some(_)))).collect()
    }

    fn speakers(&self) -> Vec<bool> {
        let letters = self.receive.letters.try_iter();
        letters.map(|letter| matches!(letter, rtp_receive::Letter::Use(_, Some(_)))).collect()
    }

    fn look(&mut self) {
        self.own.bell().ring();
        self.thread.turn().expect("turned");
    }

    /// The microphone is looked at, and again after a while.
    fn look_later(&mut self) {
        self.look();
        if let State::Open { moves_since: Some(since), .. } = &mut self.thread.lines[0].state {
            *since = Instant::ZERO;
        }
        self.look();
    }

    /// The microphone fails.
    fn breaks(&mut self) {
        self.devices.broken.store(true, SeqCst);
        self.look();
    }

    /// The time for another attempt at the microphone has come.
    fn retry(&mut self) {
        let State::Failed { retry_at: Some(at), .. } = &mut self.thread.lines[0].state else {
            panic!("nothing is to be tried again");
        };
        *at = clock::now();
        self.thread.turn().expect("turned");
    }

    fn told(&self) -> Vec<String> {
        self.notices.try_iter().map(|notice| notice.to_string()).collect()
    }
}

#[test]
fn devices_open_for_the_first_call_after_silence_and_close_with_the_thread() {
    let mut world = World::new(Config::default());
    assert!(world.post(Letter::CallsBegan));
    assert_eq!(world.devices.opened(), ["microphone", "speaker"]);
    assert_eq!((world.microphones(), world.speakers()), (vec![true, true], vec![true, true]));

    world.post(Letter::CallsEnded);
    world.post(Letter::CallsBegan);
    assert_eq!((world.microphones(), world.speakers()), (vec![], vec![]), "they were still open");

    assert!(!world.post(Letter::Stop));
    assert_eq!(world.devices.opened(), [""; 0]);
    assert_eq!((world.microphones(), world.speakers()), (vec![false], vec![false]));
    assert_eq!(world.told().len(), 2, "each lost sound");
}

#[test]
fn a_ringer_of_its_own_opens_with_the_others_and_leaves_speech_to_the_speaker() {
    let config = Config { ring: Some(Device::None), ..Config::default() };
    let mut world = World::new(config);
    world.post(Letter::CallsBegan);
    assert_eq!(world.devices.opened(), ["microphone", "speaker", "speaker"]);
    let roles: Vec<media::Role> = world
        .receive
        .letters
        .try_iter()
        .filter_map(|letter| match letter {
            rtp_receive::Letter::Use(role, _) => Some(role),
            _ => None,
        })
        .collect();
    assert_eq!(roles, [media::Role::Playback, media::Role::Ring].repeat(2));
}

#[test]
fn devices_close_a_while_after_the_last_call() {
    let mut world = World::new(Config::default());
    world.post(Letter::CallsBegan);
    world.post(Letter::CallsEnded);
    assert!(matches!(world.thread.need, Need::NextCall { until } if until - clock::now() > LINGER / 2));
    assert_eq!(world.devices.opened(), ["microphone", "speaker"]);

    world.thread.need = Need::NextCall { until: clock::now() };
    world.thread.turn().expect("turned");
    assert_eq!(world.devices.opened(), [""; 0]);
    assert_eq!(world.thread.wait(), None, "and then the thread sleeps");
}

const FAILED: &str =
    "no microphone, calls go on without: alsa:default: the device is gone or has stopped working";

#[test]
fn a_device_lost_in_a_call_is_replaced_by_silence_and_opened_again() {
    let mut world = World::new(Config::default());
    world.post(Letter::CallsBegan);
    world.microphones();
    world.speakers();

    world.breaks();
    assert_eq!((world.microphones(), world.speakers()), (vec![true], vec![]), "silence stands in");
    assert_eq!(world.devices.opened(), ["speaker"]);
    assert_eq!(world.told(), [FAILED]);

    world.retry();
    assert_eq!(world.devices.opened(), ["speaker", "microphone"]);
    assert_eq!(world.microphones(), [true]);
    assert_eq!(world.told(), [""; 0], "it may fail again at once");
    world.look_later();
    assert_eq!(world.told(), ["the microphone alsa:default works again"]);
}

#[test]
fn a_device_that_worked_for_a_while_is_opened_again_at_once() {
    let mut world = World::new(Config::default());
    world.post(Letter::CallsBegan);
    world.microphones();
    world.look_later();
    world.breaks();
    assert_eq!(world.devices.opened(), ["speaker", "microphone"]);
    assert_eq!(world.microphones(), [true, true], "silence, and the device again");
    world.post(Letter::Stop);
    assert!(world.told()[0].ends_with("opened again 1 times"), "only the summary tells of it");
}

#[test]
fn a_device_that_opens_but_never_works_is_told_once_and_tried_less_and_less_often() {
    for is_mute in [false, true] {
        let mut world = World::new(Config::default());
        world.devices.mute.store(is_mute, SeqCst);
        world.post(Letter::CallsBegan);
        for pauses in [1, 2, 4, 8] {
            if is_mute {
                world.look_later();
            }
            world.breaks();
            let State::Failed { backoff, .. } = world.thread.lines[0].state else { panic!("it has failed") };
            assert_eq!(backoff, FIRST_BACKOFF * pauses);
            world.retry();
        }
        assert_eq!(world.told(), [FAILED]);
    }
}

#[test]
fn a_file_that_can_be_written_no_more_keeps_what_it_has() {
    let mut world =
        World::new(Config { capture: Device::Wav("voice.wav".into()), playback: Device::None, ring: None });
    world.post(Letter::CallsBegan);
    world.look_later();
    world.breaks();
    assert!(matches!(world.thread.lines[0].state, State::Failed { retry_at: None, .. }));
    assert_eq!(world.devices.opened(), ["speaker"], "opened again it would be empty");
    assert_eq!(world.told().len(), 1);
}

#[test]
fn a_machine_without_a_card_is_told_once_and_tried_less_and_less_often() {
    let mut world = World::new(Config::default());
    world
        .devices
        .refusals
        .lock()
        .expect("no test has failed")
        .extend((0..2).map(|_| AudioError::NoSuchDevice));
    world.post(Letter::CallsBegan);
    assert_eq!(world.microphones(), [true], "silence");
    let first = world.thread.wait().expect("it is tried again");
    assert!(first <= FIRST_BACKOFF);

    world.retry();
    assert!(
        matches!(world.thread.lines[0].state, State::Failed { backoff, .. } if backoff == FIRST_BACKOFF * 2)
    );
    assert_eq!(world.told().len(), 1);
    assert!(world.microphones().is_empty(), "silence goes on");
}

#[test]
fn a_file_that_fails_is_not_written_anew_within_the_call() {
    let mut world =
        World::new(Config { capture: Device::Wav("voice.wav".into()), playback: Device::None, ring: None });
    world.devices.refusals.lock().expect("no test has failed").push_back(AudioError::WavEmpty);
    world.post(Letter::CallsBegan);
    assert!(matches!(world.thread.lines[0].state, State::Failed { retry_at: None, .. }));
    assert_eq!(world.told(), ["no microphone, calls go on without: wav:voice.wav: no sound in the file"]);
}
