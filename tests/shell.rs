//! The binary as whoever installs it meets it: its commands, its start, its end, and its rest.

#[path = "shell/process.rs"]
mod process;
#[path = "shell/registrar.rs"]
mod registrar;

use std::net::TcpStream;
use std::process::Stdio;
use std::time::{Duration, Instant};

use neonphone::io::{config, password};
use nix::sys::signal::Signal;

use process::{ConfigFile, Phone, QUIET, neonphone, ran};
use registrar::Registrar;

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
         calls    4 at once, declined with 486\n\
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
        let expected =
            format!("neonphone: {}:2:1: unknown key `prot`: [sip] has listen, dscp\n", file.path());
        assert_eq!(text(&output.stderr), expected);
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
fn the_api_accepts_as_soon_as_the_phone_has_started() {
    let phone = Phone::start(QUIET);
    let (api, _) = phone.ready();
    TcpStream::connect(api).expect("it accepts");
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it_and_what_to_change() {
    let taken = std::net::UdpSocket::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("bound").to_string();
    let config =
        QUIET.replace("[sip]\n    listen = [\"127.0.0.1:0\"]", &format!("[sip]\nlisten = [\"{address}\"]"));
    let mut phone = Phone::start(&config);
    let complaint = phone.says(&format!("neonphone: SIP can't listen on UDP {address}: "));
    let id = std::process::id();
    let way_out = format!(" ({id}) has that port; stop it, or choose another port (`listen` in [sip])");
    assert!(complaint.ends_with(&way_out), "{complaint}");
    assert_eq!(phone.end().code(), Some(1));
}

#[test]
fn the_threads_are_named_and_all_sleep_while_there_is_nothing_to_do() {
    let phone = Phone::start(QUIET);
    let (api, _) = phone.ready();
    let _client = TcpStream::connect(api).expect("it accepts");
    let names: Vec<String> = phone.threads().into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["neonphone", "work", "api", "sip", "rtp-receive", "rtp-send", "sound", "hw"]);

    // Rest begins once two looks, a second apart, find no thread awake in between; and then it lasts.
    let look = |pause: Duration| {
        let before = phone.threads();
        let (_keep, never) = std::sync::mpsc::channel::<()>();
        never.recv_timeout(pause).expect_err("nobody writes");
        before == phone.threads()
    };
    assert!((0..10).any(|_| look(Duration::from_secs(1))), "it never rests");
    assert!(look(Duration::from_secs(3)), "a thread woke for nothing");
}

#[test]
fn sigterm_and_sigint_stop_it_in_order_within_two_seconds() {
    for signal in [Signal::SIGTERM, Signal::SIGINT] {
        let mut phone = Phone::start(QUIET);
        phone.ready();
        let asked = Instant::now();
        phone.signal(signal);
        assert_eq!(phone.end().code(), Some(0));
        assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
    }
}

#[test]
fn a_registered_phone_disconnects_before_it_ends() {
    let mut registrar = Registrar::new("127.0.0.2");
    let mut phone = Phone::start(&[QUIET, &registrar.account()].concat());
    let (_, sip) = phone.ready();

    let register = registrar.request("REGISTER");
    assert_eq!(register.from, sip, "by the socket that it listens on");
    assert!(register.text.contains(&format!("Via: SIP/2.0/UDP {sip};")), "{}", register.text);
    assert!(register.text.contains(&format!("<sip:1000@{sip}")), "{}", register.text);
    registrar.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");

    // An answer is on its way to the phone only once another request has been answered after it.
    registrar.send(sip, &registrar.options(sip));
    registrar.response("200");

    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    let farewell = registrar.request("REGISTER");
    assert!(
        farewell.text.contains("Expires: 0\r\n") || farewell.text.contains(";expires=0"),
        "{}",
        farewell.text
    );
    registrar.answer(&farewell, "200 OK", "");
    assert_eq!(phone.end().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

#[test]
fn a_registrar_that_never_answers_does_not_keep_it_from_ending() {
    let mut registrar = Registrar::new("127.0.0.1");
    let mut phone = Phone::start(&[QUIET, &registrar.account()].concat());
    let (_, sip) = phone.ready();
    let register = registrar.request("REGISTER");
    registrar.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");
    registrar.send(sip, &registrar.options(sip));
    registrar.response("200");

    let asked = Instant::now();
    phone.signal(Signal::SIGTERM);
    registrar.request("REGISTER");
    assert_eq!(phone.end().code(), Some(0));
    assert!(asked.elapsed() < Duration::from_secs(2), "it took {:?}", asked.elapsed());
}

#[test]
fn a_second_signal_ends_it_at_once() {
    let mut registrar = Registrar::new("127.0.0.1");
    let mut phone = Phone::start(&[QUIET, &registrar.account()].concat());
    let (_, sip) = phone.ready();
    let register = registrar.request("REGISTER");
    registrar.answer(&register, "200 OK", "Contact: <sip:1000@127.0.0.1>;expires=600\r\n");
    registrar.send(sip, &registrar.options(sip));
    registrar.response("200");

    phone.signal(Signal::SIGTERM);
    registrar.request("REGISTER");
    let asked = Instant::now();
    phone.signal(Signal::SIGINT);
    assert_eq!(phone.end().code(), Some(1));
    assert!(asked.elapsed() < Duration::from_secs(1), "it took {:?}", asked.elapsed());
}

#[test]
fn a_log_that_nobody_reads_any_more_does_no_harm() {
    let mut phone = Phone::start(QUIET);
    let (api, _) = phone.ready();
    phone.stop_listening();
    TcpStream::connect(api).expect("it accepts");
    phone.signal(Signal::SIGTERM);
    assert_eq!(phone.end().code(), Some(0));
}

#[test]
fn a_closed_standard_output_is_an_error_and_no_panic() {
    let (reader, writer) = std::io::pipe().expect("a pipe");
    drop(reader);
    let mut command = neonphone(&["--help"]);
    let output = command.stdout(Stdio::from(writer)).stderr(Stdio::piped()).output().expect("it runs");
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(1), String::new()));
}
