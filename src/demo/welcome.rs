//! What whoever tries the phone is told: where its page is, how to sign in, and what to dial.

use std::fmt::Write;
use std::net::SocketAddr;

use super::home::{API_USER, Home};
use super::numbers::NUMBERS;
use super::registrar::{PASSWORD, USERS};
use crate::io::config::Loaded;

/// The text, for a phone of this configuration and an exchange at this address.
pub(super) fn text(loaded: &Loaded, home: &Home, exchange: SocketAddr) -> String {
    let mut text = String::from("neonphone and its demonstration exchange are running.\n\n");
    let page = loaded.config.api.listen.first().copied().map(page).unwrap_or_default();
    let file = loaded.path.display();
    let credentials = match home.password_for(&loaded.config) {
        Some(password) => {
            let kept_in = home.password.display();
            format!("  user       {API_USER}\n  password   {}   (kept in {kept_in})", password.expose())
        }
        None => format!("  user       see [[api.users]] in {file}"),
    };
    let [own, second] = USERS;
    let mut write = |line: std::fmt::Arguments<'_>| {
        writeln!(text, "{line}").expect("writing to a String can't fail");
    };
    write(format_args!("  page       {page}\n{credentials}\n\nNumbers to call:"));
    for number in &NUMBERS {
        write(format_args!("  {:<5} {}", number.digits, number.does));
    }
    write(format_args!("  {second:<5} a second phone, once it has registered"));
    write(format_args!(
        "\nThis phone is {own}. Another one on this machine can be {second}: domain {exchange}, password {PASSWORD}.\n\
         The configuration is {file}. Ctrl-C ends all."
    ));
    text
}

/// Where a browser finds the page of a phone that listens at `address`.
fn page(address: SocketAddr) -> String {
    let ip = address.ip();
    if ip.is_loopback() || ip.is_unspecified() {
        format!("http://localhost:{}/", address.port())
    } else {
        format!("http://{address}/")
    }
}
