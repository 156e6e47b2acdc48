//! The phone as a process of its own, with a configuration of its own.

use std::fs;
use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::PathBuf;
use std::process::{Child, ChildStderr, Command, ExitStatus, Output, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::sync::mpsc::{Receiver, channel};
use std::thread;
use std::time::Instant;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::json;

use super::PATIENCE;
use super::program::{OPERATOR, Program, user};

/// The phone's command with these arguments.
pub(crate) fn neonphone(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_neonphone"));
    command
        .args(arguments)
        .env_remove("JOURNAL_STREAM")
        .env_remove("NOTIFY_SOCKET")
        .env_remove("NEONPHONE_LOG");
    command
}

/// Runs it to its end with this on standard input.
pub(crate) fn ran(arguments: &[&str], input: &str) -> Output {
    let mut command = neonphone(arguments);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    child.stdin.take().expect("piped").write_all(input.as_bytes()).expect("it reads");
    child.wait_with_output().expect("it ends")
}

/// A configuration file, removed when this is dropped.
pub(crate) struct ConfigFile(PathBuf);

impl ConfigFile {
    pub(crate) fn new(text: &str) -> Self {
        static COUNT: AtomicU32 = AtomicU32::new(0);
        let number = COUNT.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("neonphone-{}-{number}.toml", std::process::id()));
        fs::write(&path, text).expect("written");
        Self(path)
    }

    pub(crate) fn path(&self) -> &str {
        self.0.to_str().expect("a plain name")
    }
}

impl Drop for ConfigFile {
    fn drop(&mut self) {
        fs::remove_file(&self.0).ok();
    }
}

/// What a phone of these stories has where its configuration doesn't say otherwise: ports of the system's choice on
/// loopback, and no sound card.
const SETTINGS: [(&str, &str, &str); 4] = [
    ("[api]", "listen", "[\"127.0.0.1:0\"]"),
    ("[sip]", "listen", "[\"127.0.0.1:0\"]"),
    ("[audio]", "playback", "\"none\""),
    ("[audio]", "capture", "\"none\""),
];

/// A configuration with those of [`SETTINGS`] that it doesn't have itself, and a user of the API.
fn completed(config: &str) -> String {
    let mut config = format!("{config}\n{}", user(OPERATOR, ""));
    for (section, key, value) in SETTINGS {
        let setting = format!("{key} = {value}");
        match config.split_once(section) {
            None => config += &format!("{section}\n{setting}\n"),
            Some((before, own)) => {
                let is_set =
                    own.lines().take_while(|line| !line.starts_with('[')).any(|line| line.starts_with(key));
                if !is_set {
                    config = format!("{before}{section}\n{setting}{own}");
                }
            }
        }
    }
    config
}

/// A running phone.
pub(crate) struct Phone {
    child: Child,
    lines: Receiver<String>,
    /// Where its API listens, once it has started.
    pub(crate) api: SocketAddr,
    /// Where it listens for SIP, once it has started.
    pub(crate) sip: SocketAddr,
    _config: ConfigFile,
}

impl Phone {
    /// Starts it with this configuration, and [`SETTINGS`]; waits until it has started.
    pub(crate) fn start(config: &str) -> Self {
        Self::start_logging(config, "info")
    }

    /// The same, with this filter of its log, which must let pass what it says at its start.
    pub(crate) fn start_logging(config: &str, filter: &str) -> Self {
        Self::launch(neonphone, config, filter).started()
    }

    /// The same, where the system gives a process no more than this, in the words of `ulimit`.
    pub(crate) fn start_with_limit(limit: &str, config: &str) -> Self {
        let neonphone_in_shell = |arguments: &[&str]| {
            let mut command = Command::new("sh");
            let script = format!("ulimit {limit} && exec \"$0\" \"$@\"");
            command.args(["-c", &script, env!("CARGO_BIN_EXE_neonphone")]);
            command.args(arguments);
            command
        };
        Self::launch(neonphone_in_shell, config, "info").started()
    }

    /// Starts it, and leaves open whether that succeeds.
    pub(crate) fn try_start(config: &str) -> Self {
        Self::launch(neonphone, config, "info")
    }

    fn launch(start: impl Fn(&[&str]) -> Command, config: &str, filter: &str) -> Self {
        let config = ConfigFile::new(&completed(config));
        let mut command = start(&["--config", config.path()]);
        command.env("NEONPHONE_LOG", filter);
        let mut child = command.stdin(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it starts");
        let lines = lines_of(child.stderr.take().expect("piped"));
        let nowhere = SocketAddr::from(([0, 0, 0, 0], 0));
        Self { child, lines, api: nowhere, sip: nowhere, _config: config }
    }

    fn started(mut self) -> Self {
        self.api = self.says("the control API listens on ").parse().expect("an address");
        self.sip = self.says("SIP listens on ").parse().expect("an address");
        self.says("has started");
        self
    }

    /// A program that has authenticated.
    pub(crate) fn program(&self) -> Program {
        let mut program = self.stranger();
        program.authenticates();
        program
    }

    /// A program that has not.
    pub(crate) fn stranger(&self) -> Program {
        Program::connect(self.api, &[]).expect("an upgrade")
    }

    /// A program whose connection was closed, on a new one with the token of the old (rule 5), which is good once the
    /// phone has seen the close: that comes to it on its own way.
    pub(crate) fn program_again(&self, token: &str) -> Program {
        let until = Instant::now() + PATIENCE;
        loop {
            let mut program = self.stranger();
            program.token = token.into();
            if program.request("getstate", json!({})).is_ok() {
                return program;
            }
            assert!(Instant::now() < until, "the token was never good again");
        }
    }

    /// A TCP connection to the API.
    pub(crate) fn tcp(&self) -> TcpStream {
        let stream = TcpStream::connect(self.api).expect("the phone accepts");
        stream.set_read_timeout(Some(PATIENCE)).expect("set");
        stream
    }

    /// What an HTTP request is answered, until the phone closes.
    pub(crate) fn http(&self, request: &str) -> String {
        let mut stream = self.tcp();
        stream.write_all(request.as_bytes()).expect("sent");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer, and the end");
        answer
    }

    /// The rest of the first line of the log that has `words`.
    pub(crate) fn says(&self, words: &str) -> String {
        let until = Instant::now() + PATIENCE;
        let mut heard = Vec::new();
        while let Ok(line) = self.lines.recv_timeout(until.saturating_duration_since(Instant::now())) {
            if let Some((_, rest)) = line.split_once(words) {
                return rest.to_owned();
            }
            heard.push(line);
        }
        panic!("the phone never said {words:?}, but:\n{}", heard.join("\n"));
    }

    /// Whether it has said this already; what it said until then is gone.
    pub(crate) fn has_said(&self, words: &str) -> bool {
        self.lines.try_iter().any(|line| line.contains(words))
    }

    /// All that it still says until its end.
    pub(crate) fn last_words(&self) -> String {
        self.lines.iter().collect::<Vec<_>>().join("\n")
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill(self.pid(), signal).expect("it is there");
    }

    /// Waits for its end.
    pub(crate) fn end(&mut self) -> ExitStatus {
        let (told, ended) = channel::<()>();
        let pid = self.pid();
        // Ends the phone where it doesn't end by itself; the status says so.
        let guard = thread::spawn(move || {
            if ended.recv_timeout(PATIENCE).is_err() {
                kill(pid, Signal::SIGKILL).ok();
            }
        });
        let status = self.child.wait().expect("its status");
        told.send(()).ok();
        guard.join().expect("no panic");
        status
    }

    /// Its threads' names and how often each has waited.
    pub(crate) fn threads(&self) -> Vec<(String, u64)> {
        let tasks = fs::read_dir(format!("/proc/{}/task", self.child.id())).expect("it runs");
        let read = |task: io::Result<fs::DirEntry>| {
            let path = task.expect("a task").path();
            let status = fs::read_to_string(path.join("status")).expect("the thread runs");
            let field = |name: &str| {
                let line = status.lines().find_map(|line| line.strip_prefix(name));
                line.expect("the kernel tells it").trim().to_owned()
            };
            (field("Name:"), field("voluntary_ctxt_switches:").parse().expect("a number"))
        };
        tasks.map(read).collect()
    }

    /// How many descriptors it has open.
    pub(crate) fn descriptors(&self) -> usize {
        fs::read_dir(format!("/proc/{}/fd", self.child.id())).expect("it runs").count()
    }

    /// Closes the reading end of its log.
    pub(crate) fn stop_listening(&mut self) {
        self.lines = channel().1;
    }

    pub(crate) fn pid(&self) -> Pid {
        Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"))
    }
}

impl Drop for Phone {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Lines as they come, until nobody listens or the phone has closed its end.
fn lines_of(stderr: ChildStderr) -> Receiver<String> {
    let (sender, lines) = channel();
    thread::spawn(move || {
        for line in BufReader::new(stderr).lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                return;
            }
        }
    });
    lines
}
