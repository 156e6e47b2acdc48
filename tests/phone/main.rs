//! The whole phone: the real binary, driven by programs over their WebSockets, towards servers and callers of scripted
//! bytes. Its commands, start and end are told in `commands`, `life`, `log` and `secrets`; registrations and calls in
//! `calls`, `addresses` and `ringing`; each rule of the contract (docs/api.md, part 2) in `rules`, what `showui` does on the
//! machine in `interface`; what noise, rest and torture messages do to a phone in `flood`, `rest` and `torture`; the
//! exchange for newcomers in `demo`.

mod addresses;
mod calls;
mod commands;
#[cfg(feature = "demo")]
mod demo;
mod flood;
mod interface;
mod life;
mod log;
mod rest;
mod ringing;
mod rules;
mod secrets;
mod stage;
mod torture;
