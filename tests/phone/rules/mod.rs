//! The rules of the contract (docs/api.md, part 2), each sentence of them that can be seen from outside; the rule's number
//! is in each story's name. What takes longer than a few seconds is told in virtual time instead: by src/phone (its
//! `phone/tests.rs` and `api/tests`), src/sip/tests and tests/sim.

mod accounts;
mod additions;
mod browsers;
mod calls;
mod connections;
mod dtmf;
mod holding;
mod numbers;
mod registrations;
mod replies;
mod tokens;
mod transfers;
