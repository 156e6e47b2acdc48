//! The phone's threads: a constant number, each with a name, made here and told to end here.

use std::fmt;
use std::io;
use std::net::SocketAddr;
use std::thread::{self, JoinHandle};
use std::time::{Duration, Instant};

use base::{Dice, Seed};
use crossbeam_channel::{Receiver, RecvTimeoutError, Sender, bounded, unbounded};
use log::{error, info, warn};
use phone::Phone;
use phone::api::Server;

use super::api::{self, ApiThread, Door, Listeners, Outlets};
use super::audio::SystemDevices;
use super::config::Config;
use super::log::Lines;
use super::mailbox::Mailbox;
use super::occupant::{self, PortKind};
use super::ports::Ports;
use super::signals::StopCall;
use super::sip::{MediaThreads, Names, SipThread, Sockets};
use super::{clock, hw, interface, rtp_receive, rtp_send, sip, sound, work};

/// How long calls and registrations may take to end.
const HANG_UP_WITHIN: Duration = Duration::from_millis(1_550);

/// How long the threads may take to end after that, and then the writing of the log. All together are 2 s.
const END_WITHIN: Duration = Duration::from_millis(350);
const WRITE_WITHIN: Duration = Duration::from_millis(100);

/// Why the phone doesn't start.
#[derive(Debug)]
pub enum StartError {
    /// The API can't listen on an address.
    Api(SocketAddr, io::Error),
    /// SIP can't.
    Sip(SocketAddr, io::Error),
    /// The system gives no random numbers.
    Random(getrandom::Error),
    /// The system has no more threads, descriptors or memory.
    System(io::Error),
}

impl From<io::Error> for StartError {
    fn from(error: io::Error) -> Self {
        Self::System(error)
    }
}

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Api(address, error) => {
                write!(f, "the control API can't listen on TCP {address}: ")?;
                explain(f, PortKind::Tcp, *address, error)?;
                f.write_str(" (`listen` in [api])")
            }
            Self::Sip(address, error) => {
                write!(f, "SIP can't listen on UDP {address}: ")?;
                explain(f, PortKind::Udp, *address, error)?;
                f.write_str(" (`listen` in [sip])")
            }
            Self::Random(error) => write!(f, "the system gives no random numbers: {error}"),
            Self::System(error) => write!(f, "the system refuses: {error}"),
        }
    }
}

impl std::error::Error for StartError {}

/// Says in plain words why an address can't be listened on, and the way out.
fn explain(
    f: &mut fmt::Formatter<'_>,
    kind: PortKind,
    address: SocketAddr,
    error: &io::Error,
) -> fmt::Result {
    match error.kind() {
        io::ErrorKind::AddrInUse => match occupant::of_port(kind, address.port()) {
            Some(program) => write!(f, "{program} has that port; stop it, or choose another port"),
            None => f.write_str("another program has that port; stop it, or choose another port"),
        },
        io::ErrorKind::AddrNotAvailable => {
            f.write_str("this machine has no such address; choose one that it has")
        }
        io::ErrorKind::PermissionDenied => {
            f.write_str("this user may not; choose a port from 1024 on, or grant CAP_NET_BIND_SERVICE")
        }
        _ => write!(f, "{error}"),
    }
}

/// The running phone.
pub struct Threads {
    api: Door,
    sip: Mailbox<sip::Letter>,
    receive: Mailbox<rtp_receive::Letter>,
    send: Mailbox<rtp_send::Letter>,
    sound: Mailbox<sound::Letter>,
    hw: Sender<hw::Letter>,
    jobs: Sender<work::Job>,
    end_log: Sender<()>,
    running: Running,
}

impl Threads {
    /// Binds all sockets, then starts all threads. `stop_call` is called when one of them ends.
    ///
    /// # Errors
    /// An address can't be had, or the system has no more threads or descriptors.
    pub fn start(config: Config, lines: Lines, stop_call: StopCall) -> Result<Self, StartError> {
        let (api_inbox, api) = api::inbox()?;
        let (sip_inbox, sip) = sip::inbox()?;
        let (receive_inbox, receive) = rtp_receive::inbox()?;
        let (send_inbox, send) = rtp_send::inbox()?;
        let (sound_inbox, sound) = sound::inbox()?;
        let (hw, hw_letters) = bounded(1);
        let (jobs, jobs_waiting) = bounded(work::JOBS_MAX);
        let (switch, wishes) = interface::switch();
        let (end_log, log_ends) = bounded(1);

        let listeners = Listeners::bind(&config.api.listen, &api_inbox)
            .map_err(|(at, error)| StartError::Api(at, error))?;
        let sockets =
            Sockets::bind(&config.sip, &sip_inbox).map_err(|(at, error)| StartError::Sip(at, error))?;
        listeners.addresses().for_each(|address| info!("the control API listens on {address}"));
        sockets.addresses().for_each(|address| info!("SIP listens on {address}"));

        let outlets = Outlets { sip: sip.clone(), work: jobs.clone(), interface: switch, door: api.clone() };
        let server = Server::new(config.api, api::page(), Dice::new(seed()?));
        let api_thread = ApiThread::new(api_inbox, listeners, outlets, server)?;

        let now = clock::now();
        let mut names = Names::of_machine();
        let endpoint = names.look(now).unwrap_or_default();
        let phone_config = phone::Config { endpoint, ..config.phone };
        let phone = Phone::new(phone_config, seed()?, now);
        let ports =
            Ports::new(config.rtp.ports, config.rtp.dscp, sockets.families(), &mut Dice::new(seed()?));
        let media = MediaThreads { receive: receive.clone(), send: send.clone(), sound: sound.clone() };
        let sip_thread = SipThread::new(sip_inbox, sockets, names, ports, media, api.clone(), phone)?;

        let receive_thread =
            rtp_receive::ReceiveThread::new(receive_inbox, send.clone(), sip.clone(), sound.clone());
        let send_thread =
            rtp_send::SendThread::new(send_inbox, Dice::new(seed()?), sip.clone(), sound.clone())?;
        let sound_thread = sound::SoundThread::new(
            sound_inbox,
            &sound,
            config.audio,
            SystemDevices,
            receive.clone(),
            send.clone(),
            |notice| warn!("{notice}"),
        );

        let mut running = Running::new(stop_call);
        running.spawn("log", move || {
            lines.write_until(&log_ends, &mut io::stderr());
            Ok(())
        })?;
        let commands = interface::Commands::new(config.interface);
        running.spawn("work", move || {
            work::run(&jobs_waiting, &wishes, commands);
            Ok(())
        })?;
        running.spawn("api", || api_thread.run())?;
        running.spawn("sip", || sip_thread.run())?;
        running.spawn("rtp-receive", || receive_thread.run())?;
        running.spawn("rtp-send", || send_thread.run())?;
        running.spawn("sound", || sound_thread.run())?;
        running.spawn("hw", move || {
            hw::run(&hw_letters);
            Ok(())
        })?;
        Ok(Self { api, sip, receive, send, sound, hw, jobs, end_log, running })
    }

    /// Hangs up, disconnects and ends all threads, within two seconds. True if all went well.
    pub fn stop(mut self) -> bool {
        // A thread that takes no letter has ended or stands still, which shows below.
        self.sip.post(sip::Letter::Stop).ok();
        self.running.wait_for("sip", HANG_UP_WITHIN);
        self.api.stop();
        self.receive.post(rtp_receive::Letter::Stop).ok();
        self.send.post(rtp_send::Letter::Stop).ok();
        self.sound.post(sound::Letter::Stop).ok();
        self.hw.try_send(hw::Letter::Stop).ok();
        self.jobs.try_send(work::Job::Stop).ok();
        let until = Instant::now() + END_WITHIN;
        for name in ["sip", "api", "rtp-receive", "rtp-send", "sound", "hw", "work"] {
            self.running.wait_for(name, until.saturating_duration_since(Instant::now()));
            if self.running.is_running(name) {
                error!("the {name} thread did not end in time");
            }
        }
        // The last, for it writes what the others say.
        self.end_log.try_send(()).ok();
        self.running.wait_for("log", WRITE_WITHIN);
        self.running.handles.is_empty()
    }
}

/// Numbers that nobody can foretell.
fn seed() -> Result<Seed, StartError> {
    let mut seed = Seed::default();
    getrandom::fill(&mut seed).map_err(StartError::Random)?;
    Ok(seed)
}

/// Threads that have not ended yet.
struct Running {
    handles: Vec<(&'static str, JoinHandle<()>)>,
    /// Every thread names itself here when it ends.
    ended: Receiver<&'static str>,
    end: Sender<&'static str>,
    stop_call: StopCall,
}

impl Running {
    fn new(stop_call: StopCall) -> Self {
        // One word for each thread: it can't grow.
        let (end, ended) = unbounded();
        Self { handles: Vec::new(), ended, end, stop_call }
    }

    fn spawn(
        &mut self,
        name: &'static str,
        body: impl FnOnce() -> io::Result<()> + Send + 'static,
    ) -> io::Result<()> {
        let last_words = LastWords { name, end: self.end.clone(), stop_call: self.stop_call.clone() };
        let handle = thread::Builder::new().name(name.into()).spawn(move || {
            let _last_words = last_words;
            if let Err(error) = body() {
                error!("the {name} thread has failed: {error}");
            }
        })?;
        self.handles.push((name, handle));
        Ok(())
    }

    fn is_running(&self, name: &str) -> bool {
        self.handles.iter().any(|(running, _)| *running == name)
    }

    /// Waits until the thread has ended, and joins it and whichever ended before it.
    fn wait_for(&mut self, name: &str, within: Duration) {
        let until = Instant::now() + within;
        while self.is_running(name) {
            match self.ended.recv_deadline(until) {
                Ok(ended) => self.join(ended),
                Err(RecvTimeoutError::Timeout | RecvTimeoutError::Disconnected) => return,
            }
        }
    }

    fn join(&mut self, name: &str) {
        let Some(index) = self.handles.iter().position(|(ended, _)| *ended == name) else { return };
        let (name, handle) = self.handles.swap_remove(index);
        // It is at its very end; a panic was printed by the panic hook, and is told here in the log's words.
        if handle.join().is_err() {
            error!("the {name} thread has panicked");
        }
    }
}

/// Tells, however a thread ends, that it has ended.
struct LastWords {
    name: &'static str,
    end: Sender<&'static str>,
    stop_call: StopCall,
}

impl Drop for LastWords {
    fn drop(&mut self) {
        // Nobody listens any more when the process is about to end.
        self.end.send(self.name).ok();
        self.stop_call.call();
    }
}
