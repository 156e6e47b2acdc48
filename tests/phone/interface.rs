//! What `showui` does on the machine (rule 16): the commands of the configuration.

use nix::sys::signal::Signal;
use serde_json::json;

use crate::stage::Stage;

#[test]
fn commands_that_show_and_hide_are_run_and_what_they_complain_of_is_in_the_log() {
    let mut stage = Stage::with(
        "[interface]\nshow_command = [\"sh\", \"-c\", \"echo shown $0 >&2\", \"$HOME;\"]\n\
         hide_command = [\"false\"]\n",
    );
    stage.program.asks("showui", json!({ "show": true }));
    assert_eq!(stage.program.hears("OnShowUI"), json!({ "show": true }));
    assert_eq!(stage.phone.says("shown "), "$HOME;", "no shell but the one that was named");
    stage.phone.says("`show_command` has run");
    stage.program.asks("showui", json!({ "show": false }));
    assert_eq!(stage.phone.says("`hide_command` has failed: "), "exit status: 1");
}

#[test]
fn a_command_that_does_not_end_keeps_nobody_waiting() {
    let mut stage = Stage::with("[interface]\nshow_command = [\"sleep\", \"15\"]\n");
    stage.program.asks("showui", json!({ "show": true }));
    stage.phone.program().asks("getstate", json!({}));
    stage.phone.signal(Signal::SIGTERM);
    assert_eq!(stage.phone.end().code(), Some(0));
}
