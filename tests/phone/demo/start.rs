//! How the demonstration starts and ends.

use std::net::TcpListener;

use serde_json::json;

use super::{Demo, configure, neonphone_demo};
use crate::stage::Room;

#[test]
fn the_welcome_says_where_the_page_is_and_what_to_dial() {
    let mut demo = Demo::start();
    let welcome = demo.welcome();
    for words in
        ["http://localhost:", "see [[api.users]] in run/neonphone.toml", "600", "echo", "This phone is 1000"]
    {
        assert!(welcome.contains(words), "{words} is missing in\n{welcome}");
    }
    demo.stops();
}

#[test]
fn ctrl_c_ends_a_call_and_the_exchange_within_two_seconds() {
    let mut demo = Demo::start();
    demo.program.asks("startcall", json!({ "number": "600" }));
    for event in ["OnNewCall", "OnCallProgress", "OnAcceptCall"] {
        demo.program.hears(event);
    }
    demo.stops();
}

#[test]
fn a_port_that_is_taken_is_told_with_who_has_it_and_which_file_to_change() {
    let taken = TcpListener::bind("127.0.0.1:0").expect("a socket");
    let address = taken.local_addr().expect("bound").to_string();
    let room = Room::new();
    configure(&room, &address);
    let output = neonphone_demo(&room).output().expect("it ends");
    assert_eq!(output.status.code(), Some(1));
    let complaint = String::from_utf8_lossy(&output.stderr);
    let id = std::process::id();
    let way_out = format!(" ({id}) has that port; stop it, or choose another port (`listen` in [api])");
    assert!(complaint.contains(&format!("can't listen on TCP {address}: ")), "{complaint}");
    assert!(complaint.contains(&way_out), "{complaint}");
    assert!(complaint.contains("run/neonphone.toml"), "{complaint}");
    assert!(output.stdout.is_empty(), "nobody is welcome yet");
}
