//! Asking for a new password: twice without echo where a person types, one line where a program writes.

use std::fmt;
use std::io::{self, BufRead, IsTerminal, Stdin, Write};

use base::Secret;
use nix::sys::termios::{LocalFlags, SetArg, Termios, tcgetattr, tcsetattr};

/// Why there is no new password.
#[derive(Debug)]
pub enum PasswordError {
    /// Nothing was typed.
    Empty,
    /// The second time it was another.
    Different,
    /// Standard input can't be read, or is no text.
    Unreadable(io::Error),
}

impl fmt::Display for PasswordError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("the password is empty"),
            Self::Different => f.write_str("the passwords differ"),
            Self::Unreadable(error) => write!(f, "the password can't be read: {error}"),
        }
    }
}

impl std::error::Error for PasswordError {}

/// A new password for `user`, from standard input.
///
/// # Errors
/// It is empty, was typed differently the second time, or can't be read.
pub fn new_password(user: &str) -> Result<Secret, PasswordError> {
    let stdin = io::stdin();
    let password = if stdin.is_terminal() {
        let first = ask(&stdin, &format!("New password of {user}: "))?;
        if ask(&stdin, "The same again: ")? != first {
            return Err(PasswordError::Different);
        }
        first
    } else {
        read_line(&stdin)?
    };
    if password.expose().is_empty() { Err(PasswordError::Empty) } else { Ok(password) }
}

fn ask(terminal: &Stdin, question: &str) -> Result<Secret, PasswordError> {
    // Before the question: what somebody types at once must not show either.
    let silence = Silence::on(terminal).map_err(PasswordError::Unreadable)?;
    let mut words = io::stderr();
    write!(words, "{question}").map_err(PasswordError::Unreadable)?;
    let line = read_line(terminal);
    drop(silence);
    // The line end that was typed didn't show.
    writeln!(words).map_err(PasswordError::Unreadable)?;
    line
}

fn read_line(input: &Stdin) -> Result<Secret, PasswordError> {
    let mut line = String::new();
    input.lock().read_line(&mut line).map_err(PasswordError::Unreadable)?;
    Ok(Secret::new(line.trim_end_matches(['\r', '\n'])))
}

/// A terminal that doesn't show what is typed, until this is dropped.
struct Silence<'a> {
    terminal: &'a Stdin,
    before: Termios,
}

impl<'a> Silence<'a> {
    fn on(terminal: &'a Stdin) -> io::Result<Self> {
        let before = tcgetattr(terminal)?;
        let mut silent = before.clone();
        silent.local_flags.remove(LocalFlags::ECHO);
        tcsetattr(terminal, SetArg::TCSAFLUSH, &silent)?;
        Ok(Self { terminal, before })
    }
}

impl Drop for Silence<'_> {
    fn drop(&mut self) {
        // A terminal that is gone shows nothing anyway.
        tcsetattr(self.terminal, SetArg::TCSAFLUSH, &self.before).ok();
    }
}
