//! `neonphone`: arguments, then the phone itself, or one of the small commands around its configuration.

use std::ffi::OsString;
use std::fmt::Display;
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use log::{error, info, warn};
#[cfg(feature = "demo")]
use neonphone::demo::Demo;
use neonphone::io::config::{self, Loaded};
use neonphone::io::signals::StopSignals;
use neonphone::io::terminal::new_password;
use neonphone::io::threads::Threads;
use neonphone::io::{descriptors, log as phone_log, memory, password};
use sd_notify::NotifyState;

const HELP: &str = "\
neonphone, a SIP softphone that programs drive over a WebSocket

neonphone [--config FILE]   run the phone
neonphone demo              try it: with an exchange of its own, and a configuration that it writes into ./run
neonphone check [FILE]      say whether a configuration is right, and what would be used
neonphone passwd NAME       ask for a password, and print the configuration of an API user
neonphone --version
neonphone --help

Without FILE the configuration is /etc/neonphone.toml, or else ./neonphone.toml; docs/neonphone.toml explains
it. NEONPHONE_LOG chooses what is logged: error, warn, info (the usual), debug or trace; `trace = true` in
[sip] adds each SIP message.";

/// The exit code for arguments that can't be understood, as shells and many programs have it.
const MISUSED: u8 = 2;

/// What the arguments ask for.
enum Task {
    Run { config: Option<PathBuf> },
    Demo,
    Check { config: Option<PathBuf> },
    Passwd { user: String },
    Version,
    Help,
}

fn main() -> ExitCode {
    memory::keep_little();
    descriptors::take_all();
    match read_arguments() {
        Ok(Task::Run { config }) => run(config.as_deref()),
        Ok(Task::Demo) => demo(),
        Ok(Task::Check { config }) => check(config.as_deref()),
        Ok(Task::Passwd { user }) => passwd(&user),
        Ok(Task::Version) => print(concat!("neonphone ", env!("CARGO_PKG_VERSION"))),
        Ok(Task::Help) => print(HELP),
        Err(error) => {
            complain(format_args!("{error}; `neonphone --help` says what there is"));
            ExitCode::from(MISUSED)
        }
    }
}

fn read_arguments() -> Result<Task, lexopt::Error> {
    use lexopt::prelude::{Long, Short, Value};
    let mut arguments = lexopt::Parser::from_env();
    let mut config: Option<PathBuf> = None;
    let mut words: Vec<OsString> = Vec::new();
    while let Some(argument) = arguments.next()? {
        match argument {
            Long("config") | Short('c') => config = Some(arguments.value()?.into()),
            Long("version") | Short('V') => return Ok(Task::Version),
            Long("help") | Short('h') => return Ok(Task::Help),
            Value(word) => words.push(word),
            _ => return Err(argument.unexpected()),
        }
    }
    let words: Vec<&str> = words.iter().map(|word| word.to_str().unwrap_or_default()).collect();
    match *words {
        [] => Ok(Task::Run { config }),
        ["demo"] if config.is_none() => Ok(Task::Demo),
        ["check"] => Ok(Task::Check { config }),
        ["check", file] if config.is_none() => Ok(Task::Check { config: Some(file.into()) }),
        ["passwd", user] if !user.is_empty() => Ok(Task::Passwd { user: user.into() }),
        ["passwd"] => Err("passwd: whose? A NAME is missing".into()),
        [unknown, ..] => Err(format!("not understood: {unknown:?}").into()),
    }
}

/// Runs the phone as its configuration says.
fn run(config: Option<&Path>) -> ExitCode {
    match config::load(config) {
        Ok(loaded) => serve(loaded, ""),
        Err(error) => fail(error),
    }
}

/// Runs a phone of a ready configuration, and the exchange that it calls.
#[cfg(feature = "demo")]
fn demo() -> ExitCode {
    match Demo::start(Path::new("run")) {
        Ok((demo, loaded)) => {
            let ended = serve(loaded, demo.welcome());
            // After the phone, whose last words to the exchange want an answer.
            demo.stop();
            ended
        }
        Err(error) => fail(error),
    }
}

#[cfg(not(feature = "demo"))]
fn demo() -> ExitCode {
    fail("this build has no demonstration exchange: it was made without the cargo feature `demo`")
}

/// Runs the phone until a signal stops it. Once it runs, `welcome` is printed.
fn serve(loaded: Loaded, welcome: &str) -> ExitCode {
    let mut signals = match StopSignals::new() {
        Ok(signals) => signals,
        Err(error) => return fail(error),
    };
    let lines = phone_log::start();
    warn_of(&loaded);
    let threads = match Threads::start(loaded.config, lines, signals.stop_call()) {
        Ok(threads) => threads,
        Err(error) => {
            complain(error);
            return fail(format_args!("the configuration is {}", loaded.path.display()));
        }
    };
    info!("neonphone {} has started with {}", env!("CARGO_PKG_VERSION"), loaded.path.display());
    notify(&NotifyState::Ready);
    if !welcome.is_empty() {
        print(welcome);
    }

    let signal = signals.wait();
    notify(&NotifyState::Stopping);
    match signal {
        Some(name) => info!("{name}: hanging up, disconnecting, ending"),
        None => error!("a thread has ended by itself: ending"),
    }
    if threads.stop() && signal.is_some() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

fn warn_of(loaded: &Loaded) {
    if loaded.exposed {
        warn!("{}", exposed(loaded));
    }
    if loaded.config.api.users.is_empty() {
        warn!("{}", NO_USER);
    }
}

fn exposed(loaded: &Loaded) -> String {
    let path = loaded.path.display();
    format!("anybody on this machine can read the passwords in {path}: chmod 600 {path}")
}

const NO_USER: &str =
    "no program can use the phone: `neonphone passwd NAME` prints a user for the configuration";

/// Tells systemd, where it waits for that.
fn notify(state: &NotifyState<'_>) {
    if let Err(error) = sd_notify::notify(std::slice::from_ref(state)) {
        warn!("systemd can't be told of start or stop: {error}");
    }
}

/// Says whether a configuration is right, and what would be used.
fn check(config: Option<&Path>) -> ExitCode {
    let loaded = match config::load(config) {
        Ok(loaded) => loaded,
        Err(error) => return fail(error),
    };
    if loaded.exposed {
        complain(format_args!("warning: {}", exposed(&loaded)));
    }
    if loaded.config.api.users.is_empty() {
        complain(format_args!("warning: {NO_USER}"));
    }
    print(format_args!("{} is right. What would be used:\n{}", loaded.path.display(), loaded.config))
}

/// Prints the configuration of an API user, with the hash of a password that is asked for.
fn passwd(user: &str) -> ExitCode {
    let password = match new_password(user) {
        Ok(password) => password,
        Err(error) => return fail(error),
    };
    let mut salt = password::Salt::default();
    if let Err(error) = getrandom::fill(&mut salt) {
        return fail(error);
    }
    let hash = password::hash(&password, salt);
    print(config::user_section(user, &hash))
}

/// Writes to standard output, and where that can't be done says so by the exit code.
fn print(text: impl Display) -> ExitCode {
    match writeln!(io::stdout(), "{text}") {
        Ok(()) => ExitCode::SUCCESS,
        Err(_) => ExitCode::FAILURE,
    }
}

fn fail(error: impl Display) -> ExitCode {
    complain(error);
    ExitCode::FAILURE
}

/// Writes to standard error. There is nowhere to tell that this fails.
fn complain(text: impl Display) {
    writeln!(io::stderr(), "neonphone: {text}").ok();
}
