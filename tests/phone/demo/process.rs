//! The demonstration as a process in a folder of its own.

use std::fs;
use std::io::{BufRead, BufReader, Read};
use std::net::SocketAddr;
use std::process::{Child, ChildStderr, Command, ExitStatus, Stdio};
use std::thread;
use std::time::{Duration, Instant};

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::stage::{OPERATOR, PATIENCE, Program, Room, STOP, neonphone, user};

/// `neonphone demo`, run in this room.
pub(crate) fn neonphone_demo(room: &Room) -> Command {
    let mut command = neonphone(&["demo"]);
    command.current_dir(room.file("")).stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
    command
}

/// Writes a configuration that whoever tries the phone may have made of the ready one: its API at this address, with
/// the user of [`Program`], and the sound of the room.
pub(crate) fn configure(room: &Room, api: &str) {
    let sections = [
        &format!("[api]\nlisten = [\"{api}\"]\n[sip]\nlisten = [\"127.0.0.1:0\"]\n"),
        &room.audio(),
        &user(OPERATOR, ""),
    ];
    fs::create_dir(room.file("run")).expect("a folder");
    fs::write(room.file("run/neonphone.toml"), sections.map(String::as_str).concat()).expect("written");
}

/// The running demonstration, and a program that has authenticated.
pub(crate) struct Demo {
    child: Child,
    pub(crate) program: Program,
    pub(crate) room: Room,
}

impl Demo {
    /// Starts it, and waits until its account is connected.
    pub(crate) fn start() -> Self {
        let room = Room::new();
        configure(&room, "127.0.0.1:0");
        let mut child = neonphone_demo(&room).spawn().expect("it starts");
        let api = api_of(child.stderr.take().expect("piped"));
        let mut program = Program::connect(api, &[]).expect("an upgrade");
        program.authenticates();
        let mut demo = Self { child, program, room };
        let until = Instant::now() + PATIENCE;
        while demo.state()["accounts"][0]["state"] != "connected" {
            assert!(Instant::now() < until, "the account doesn't connect");
        }
        // The program may have come before, after or between the two events of that.
        demo.program.forgets();
        demo
    }

    /// What `getstate` tells now.
    pub(crate) fn state(&mut self) -> Value {
        self.program.asks("getstate", json!({}))
    }

    /// Lets the only call last so long.
    pub(crate) fn speaks_for(&mut self, span: Duration) {
        let until = Instant::now() + PATIENCE;
        while u128::from(self.state()["calls"][0]["duration"].as_u64().expect("a call")) < span.as_millis() {
            assert!(Instant::now() < until, "time stands still");
        }
    }

    /// The lines that it prints at its start.
    pub(crate) fn welcome(&mut self) -> String {
        let mut lines = BufReader::new(self.child.stdout.take().expect("piped")).lines();
        let until_last = |line: &String| !line.contains("Ctrl-C");
        lines.by_ref().map(|line| line.expect("text")).take_while(until_last).collect::<Vec<_>>().join("\n")
    }

    /// Ctrl-C: it must end in order.
    pub(crate) fn stops(mut self) -> Room {
        let asked = Instant::now();
        let pid = Pid::from_raw(i32::try_from(self.child.id()).expect("a process id"));
        kill(pid, Signal::SIGINT).expect("it is there");
        let status: ExitStatus = self.child.wait().expect("its status");
        assert_eq!(status.code(), Some(0));
        assert!(asked.elapsed() < STOP, "it took {:?}", asked.elapsed());
        std::mem::replace(&mut self.room, Room::new())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

/// Where its API listens, as its log says; the log is read to its end.
fn api_of(stderr: ChildStderr) -> SocketAddr {
    let mut log = BufReader::new(stderr);
    let mut line = String::new();
    loop {
        line.clear();
        assert_ne!(log.read_line(&mut line).expect("text"), 0, "it has ended");
        if let Some((_, address)) = line.split_once("the control API listens on ") {
            thread::spawn(move || log.read_to_end(&mut Vec::new()));
            return address.trim().parse().expect("an address");
        }
    }
}
