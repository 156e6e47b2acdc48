//! The small commands around the configuration.

use std::fs::File;
use std::io::{Read, Write};
use std::process::{ExitStatus, Stdio};

use neonphone::io::{config, password};
use nix::pty::openpty;

use crate::stage::{ConfigFile, neonphone, ran};

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).expect("the phone writes text")
}

#[test]
fn passwd_prints_a_user_whose_password_fits() {
    let output = ran(&["passwd", "the \"crm\""], "correct horse\n");
    assert!(output.status.success());
    let config = config::parse(&text(&output.stdout)).expect("it can be put into the file as it is");
    let user = &config.api.users[0];
    assert_eq!(user.name, "the \"crm\"");
    assert!(password::fits(&"correct horse".into(), Some(&user.password_hash)));
    assert!(!text(&output.stderr).contains("correct horse"));

    let again = ran(&["passwd", "the \"crm\""], "correct horse\n");
    assert_ne!(again.stdout, output.stdout, "the salt is another each time");
}

/// Types these two lines at a terminal where `passwd` asks; gives its exit, its output, and what the terminal showed.
fn typed(first: &str, second: &str) -> (ExitStatus, String, String) {
    let terminal = openpty(None, None).expect("a terminal");
    let mut command = neonphone(&["passwd", "crm"]);
    command.stdin(Stdio::from(terminal.slave)).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().expect("it starts");
    // The slave's last copy outside the child goes with the command, so the master sees its end.
    drop(command);
    let mut master = File::from(terminal.master);
    let mut questions = child.stderr.take().expect("piped");
    for (question, line) in [("New password of crm: ", first), ("\nThe same again: ", second)] {
        let mut asked = vec![0; question.len()];
        questions.read_exact(&mut asked).expect("a question");
        assert_eq!(text(&asked), question);
        writeln!(master, "{line}").expect("typed");
    }
    let output = child.wait_with_output().expect("it ends");
    let mut told = String::new();
    questions.read_to_string(&mut told).expect("text");
    let mut shown = Vec::new();
    // A terminal without a slave ends with an error.
    master.read_to_end(&mut shown).ok();
    assert!(!text(&shown).contains(first), "the terminal shows the password");
    (output.status, text(&output.stdout), told)
}

#[test]
fn at_a_terminal_the_password_is_asked_for_twice_and_does_not_show() {
    let (status, section, _) = typed("correct horse", "correct horse");
    assert!(status.success());
    let config = config::parse(&section).expect("it can be put into the file as it is");
    assert!(password::fits(&"correct horse".into(), Some(&config.api.users[0].password_hash)));

    let (status, section, told) = typed("correct horse", "correct house");
    assert_eq!((status.code(), section.as_str()), (Some(1), ""));
    assert_eq!(told, "\nneonphone: the passwords differ\n");
}

#[test]
fn an_empty_password_is_refused() {
    for input in ["", "\n"] {
        let output = ran(&["passwd", "crm"], input);
        assert_eq!(text(&output.stderr), "neonphone: the password is empty\n");
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn check_says_what_would_be_used_and_no_secret() {
    let file = ConfigFile::new(
        "[[accounts]]\nuser = \"1000\"\ndomain = \"pbx.example\"\npassword = \"hunter2\"\nauth_user = \"u1000\"\n",
    );
    let output = ran(&["check", file.path()], "");
    assert!(output.status.success());
    let expected = format!(
        "{} is right. What would be used:\n\
         API      127.0.0.1:15070, [::1]:15070, 32 connections\n\
         SIP      0.0.0.0:5060, [::]:5060, DSCP 24\n\
         account  1000@pbx.example, registers for 600 s, as u1000\n\
         calls    4 at once, declined with 486, transferred by redirection while they ring, ended after 60 s without \
         media\n\
         RTP      ports 16384 to 32767, DSCP 46\n\
         sound    speaker alsa:default, microphone alsa:default\n\n",
        file.path()
    );
    assert_eq!(text(&output.stdout), expected);
    let warnings = text(&output.stderr);
    assert!(warnings.contains("no program can use the phone"), "{warnings}");
    assert!(warnings.contains("anybody on this machine can read the passwords"), "{warnings}");
}

#[test]
fn check_of_a_wrong_file_tells_the_place_and_fails() {
    let file = ConfigFile::new("[sip]\nprot = 5060\n");
    for arguments in [["check", file.path()].as_slice(), &["--config", file.path()]] {
        let output = ran(arguments, "");
        let complaint = format!("neonphone: {}:2:1: unknown key `prot`: [sip] has listen, ", file.path());
        assert!(text(&output.stderr).starts_with(&complaint), "{}", text(&output.stderr));
        assert_eq!(output.status.code(), Some(1));
    }
}

#[test]
fn arguments_that_nobody_understands_are_told_with_the_way_out() {
    for (arguments, complaint) in [
        (["dial"].as_slice(), "not understood: \"dial\""),
        (&["passwd"], "passwd: whose? A NAME is missing"),
        (&["--prot"], "invalid option '--prot'"),
    ] {
        let output = ran(arguments, "");
        let expected = format!("neonphone: {complaint}; `neonphone --help` says what there is\n");
        assert_eq!(text(&output.stderr), expected);
        assert_eq!(output.status.code(), Some(2));
    }
    assert!(text(&ran(&["--help"], "").stdout).contains("neonphone passwd NAME"));
    assert!(text(&ran(&["--version"], "").stdout).starts_with("neonphone 0."));
}

#[test]
fn a_closed_standard_output_is_an_error_and_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = neonphone(&["--help"]);
    let output = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()));
}
