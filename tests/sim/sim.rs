//! The simulator: three whole phones and an exchange over a network that is never there, held to the contract
//! (docs/api.md, part 2, rules 4, 7 to 9, 11, 12, 17 and 18) in many worlds. A world follows from its number alone.
//!
//! `SEEDS=n` in the environment runs `n` worlds; `SEED=x` runs that one, and prints what happened in it. A world that
//! fails prints its number and its ladder.

mod agreement;
mod clients;
mod exchange;
mod faults;
mod network;
mod sound;
mod station;
mod tally;
mod trace;
mod transitions;
mod witness;
mod world;

use std::sync::Mutex;
use std::sync::atomic::{AtomicU64, Ordering};

use faults::Fault;
use network::Weather;
use tally::Tally;
use world::World;

/// Worlds in a run of all tests.
const WORLDS: u64 = 2_000;

fn world(number: u64) -> World {
    let weather = match number % 5 {
        0 => Weather::Fair,
        1 => Weather::Outages,
        _ => Weather::Rough,
    };
    World::new(number, weather)
}

/// Lives these worlds side by side, on all processors.
fn live(numbers: std::ops::Range<u64>) -> Tally {
    let next = AtomicU64::new(numbers.start);
    let tally = Mutex::new(Tally::default());
    let live_next = || {
        while let Some(number) = Some(next.fetch_add(1, Ordering::Relaxed)).filter(|at| numbers.contains(at))
        {
            let mut world = world(number);
            world.live();
            let (_, taken) = world.into_trace();
            tally.lock().expect("no world has failed").add(taken);
        }
    };
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(live_next);
        }
    });
    tally.into_inner().expect("no world has failed")
}

fn number(name: &str) -> Option<u64> {
    std::env::var(name).ok().and_then(|value| value.parse().ok())
}

#[test]
fn every_promise_is_kept_whatever_clients_and_the_network_do() {
    if let Some(seed) = number("SEED") {
        let mut world = world(seed);
        world.live();
        return println!("{}", world.into_trace().0);
    }
    let worlds = number("SEEDS").unwrap_or(WORLDS);
    let tally = live(0..worlds);
    println!("{tally}");
    assert_eq!(tally.forbidden(), [""; 0], "transitions that no machine may make");
    if worlds >= WORLDS {
        assert_eq!(tally.never_taken(), [""; 0], "transitions that no world has shown");
    }
}

/// Worlds that a planted fault may pass through before it is caught.
const WORLDS_FOR_A_FAULT: u64 = 1_000;

#[test]
fn every_planted_fault_is_caught() {
    for fault in Fault::ALL {
        let is_caught = |number: &u64| {
            let mut world = world(*number);
            world.plant(fault);
            std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| world.live())).is_err()
        };
        let caught = (0..WORLDS_FOR_A_FAULT).find(is_caught);
        let number = caught.unwrap_or_else(|| panic!("{fault:?} is caught in no world"));
        println!("{fault:?}: caught in world {number}");
    }
}

#[test]
fn the_same_seed_gives_the_same_bytes_twice() {
    for number in 0..20 {
        let [one, other] = [(); 2].map(|()| {
            let mut world = world(number);
            world.live();
            world.into_trace().0
        });
        assert!(one.datagrams() > 0);
        assert!(one == other, "world {number} differs from itself");
    }
}
