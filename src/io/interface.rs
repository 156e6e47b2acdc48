//! The commands that show and hide the user interface of a machine (docs/api.md, rule 16): a kiosk browser, a display's
//! backlight. The work thread runs them one after the other; when the interface is wanted otherwise meanwhile, only the
//! newest wish counts.

use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use base::{Duration, Instant};
use crossbeam_channel::{Receiver, Sender, bounded};
use log::{info, warn};
use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;

/// A command that has not ended after this long is killed, with all that it has started. Long enough for a service
/// manager to start a browser.
const MAX_TIME: Duration = Duration::from_secs(10);

/// How often it is looked whether a command has ended.
const LOOK: Duration = Duration::from_millis(50);

/// A program and its arguments, run without a shell; empty for none.
pub type CommandLine = Vec<String>;

/// What is run.
#[derive(Clone, PartialEq, Eq, Default, Debug)]
pub struct Config {
    /// When the interface is to be seen.
    pub show_command: CommandLine,
    /// When it is not.
    pub hide_command: CommandLine,
}

/// Where any thread says whether the interface is to be seen. Never waits.
#[derive(Clone, Debug)]
pub struct Switch {
    show: Arc<AtomicBool>,
    bell: Sender<()>,
}

/// The work thread's end of a [`Switch`].
#[derive(Debug)]
pub struct Wishes {
    show: Arc<AtomicBool>,
    /// Has something when the switch was turned.
    pub bell: Receiver<()>,
}

/// A switch and its other end.
pub fn switch() -> (Switch, Wishes) {
    let show = Arc::new(AtomicBool::new(true));
    let (sender, bell) = bounded(1);
    (Switch { show: show.clone(), bell: sender }, Wishes { show, bell })
}

impl Switch {
    /// The interface is to be seen, or not.
    pub fn turn(&self, show: bool) {
        self.show.store(show, Ordering::Release);
        // Full: the work thread has yet to look, and will find this.
        self.bell.try_send(()).ok();
    }
}

impl Wishes {
    /// The newest.
    pub fn newest(&self) -> bool {
        self.show.load(Ordering::Acquire)
    }
}

/// What runs, and what is to run next.
#[derive(Debug)]
pub struct Commands {
    config: Config,
    running: Option<Running>,
    /// What was wanted since it began.
    next: Option<bool>,
}

#[derive(Debug)]
struct Running {
    name: &'static str,
    child: Child,
    /// None once it was killed.
    kill_at: Option<Instant>,
}

impl Commands {
    /// Nothing runs.
    pub fn new(config: Config) -> Self {
        Self { config, running: None, next: None }
    }

    /// Runs the command for showing or hiding, as soon as the one that runs has ended.
    pub fn want(&mut self, now: Instant, show: bool) {
        self.next = Some(show);
        self.look(now);
    }

    /// How long until [`Self::look`] is to be called; none while nothing runs.
    pub fn look_in(&self) -> Option<Duration> {
        self.running.as_ref().map(|_| LOOK)
    }

    /// Looks whether the command that runs has ended, ends one that takes too long, and starts the next.
    pub fn look(&mut self, now: Instant) {
        if self.running.as_mut().is_some_and(|running| !running.has_ended(now)) {
            return;
        }
        self.running = self.next.take().and_then(|show| self.start(now, show));
    }

    fn start(&self, now: Instant, show: bool) -> Option<Running> {
        let (name, line) = match show {
            true => ("show_command", &self.config.show_command),
            false => ("hide_command", &self.config.hide_command),
        };
        let (program, arguments) = line.split_first()?;
        // In a group of its own, so that it can be killed with its children. What it complains of is read in the log.
        let spawned = Command::new(program)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .process_group(0)
            .spawn();
        match spawned {
            Ok(child) => Some(Running { name, child, kill_at: Some(now + MAX_TIME) }),
            Err(error) => {
                warn!("`{name}` can't be started: {program:?}: {error}");
                None
            }
        }
    }
}

impl Running {
    fn has_ended(&mut self, now: Instant) -> bool {
        match self.child.try_wait() {
            Ok(None) => {
                if self.kill_at.is_some_and(|at| at <= now) {
                    self.kill_at = None;
                    self.kill();
                }
                return false;
            }
            Ok(Some(status)) if status.success() => info!("`{}` has run", self.name),
            Ok(Some(status)) => warn!("`{}` has failed: {status}", self.name),
            Err(error) => warn!("nobody knows what became of `{}`: {error}", self.name),
        }
        true
    }

    fn kill(&self) {
        warn!("`{}` is killed: it has not ended within {} s", self.name, MAX_TIME.as_secs());
        let killed =
            i32::try_from(self.child.id()).map(|group| killpg(Pid::from_raw(group), Signal::SIGKILL));
        if !matches!(killed, Ok(Ok(()))) {
            warn!("`{}` can't be killed", self.name);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::fs;
    use std::path::PathBuf;

    use crate::io::clock;

    /// Longer than anything here takes on a busy machine.
    const DEADLINE: Duration = Duration::from_secs(20);

    /// What a script does until its test lets it go on.
    const WAIT: &str = "until [ -e \"$2.gate\" ]; do sleep 0.01; done;";

    /// A file that commands write to.
    struct Notes(PathBuf);

    impl Notes {
        fn new(name: &str) -> Self {
            let path = std::env::temp_dir().join(format!("neonphone-{}-{name}", std::process::id()));
            fs::write(&path, "").expect("written");
            Self(path)
        }

        /// A command that notes `word`, after `before`.
        fn command(&self, before: &str, word: &str) -> CommandLine {
            let script = format!("{before} echo \"$1\" >> \"$2\"");
            ["sh", "-c", &script, "sh", word, &self.0.display().to_string()].map(String::from).into()
        }

        /// Lets commands go on that wait for it.
        fn let_go(&self) {
            fs::write(self.gate(), "").expect("written");
        }

        fn gate(&self) -> PathBuf {
            self.0.with_extension("gate")
        }

        fn read(&self) -> String {
            fs::read_to_string(&self.0).expect("written by the commands").replace('\n', " ")
        }
    }

    impl Drop for Notes {
        fn drop(&mut self) {
            fs::remove_file(&self.0).ok();
            fs::remove_file(self.gate()).ok();
        }
    }

    fn run_to_rest(commands: &mut Commands) {
        let until = clock::now() + DEADLINE;
        while let Some(wait) = commands.look_in() {
            assert!(clock::now() < until, "a command does not end");
            std::thread::park_timeout(wait);
            commands.look(clock::now());
        }
    }

    #[test]
    fn rule_16_of_many_wishes_while_a_command_runs_only_the_newest_counts() {
        let notes = Notes::new("newest");
        let (show_command, hide_command) = (notes.command(WAIT, "show;&*"), notes.command("", "hide"));
        let mut commands = Commands::new(Config { show_command, hide_command });
        let now = clock::now();
        [true, false, true, true, false].into_iter().for_each(|show| commands.want(now, show));
        assert_eq!(notes.read(), "", "one after the other");
        notes.let_go();
        run_to_rest(&mut commands);
        assert_eq!(notes.read(), "show;&* hide ", "no shell has read the argument");
    }

    #[test]
    fn a_command_that_does_not_end_is_killed_with_its_children_and_the_next_runs() {
        let notes = Notes::new("stuck");
        let show_command = notes.command(WAIT, "never");
        let mut commands = Commands::new(Config { show_command, hide_command: notes.command("", "hide") });
        let now = clock::now();
        commands.want(now, true);
        commands.want(now, false);
        commands.look(now + (MAX_TIME - LOOK));
        assert_eq!(notes.read(), "", "one after the other");
        commands.look(now + MAX_TIME);
        run_to_rest(&mut commands);
        assert_eq!(notes.read(), "hide ");
    }

    #[test]
    fn a_command_that_is_missing_or_not_configured_does_no_harm() {
        let config =
            Config { show_command: vec!["/nonexistent/program".into()], hide_command: CommandLine::new() };
        let mut commands = Commands::new(config);
        commands.want(clock::now(), true);
        assert_eq!(commands.look_in(), None);
        commands.want(clock::now(), false);
        assert_eq!(commands.look_in(), None);
    }

    #[test]
    fn a_switch_never_waits_and_tells_the_newest_wish() {
        let (switch, wishes) = switch();
        [true, false, true, false].into_iter().for_each(|show| switch.turn(show));
        assert!(wishes.bell.try_recv().is_ok() && wishes.bell.try_recv().is_err());
        assert!(!wishes.newest());
    }
}
