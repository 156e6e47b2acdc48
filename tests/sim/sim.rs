//! The simulator: two whole phones and an exchange over a network that is never there, held to the contract
//! (docs/api.md, part 2, rules 4, 7, 8 and 9) in many worlds. A world follows from its number alone.
//!
//! `SEEDS=n` in the environment runs `n` worlds; `SEED=x` runs that one, and prints what happened in it. A world that
//! fails prints its number and its ladder.

mod clients;
mod exchange;
mod invariants;
mod network;
mod trace;
mod world;

use network::Weather;
use world::World;

/// Worlds in a run of all tests.
const WORLDS: u64 = 500;

fn world(number: u64) -> World {
    let weather = match number % 5 {
        0 => Weather::Fair,
        1 => Weather::Outages,
        _ => Weather::Rough,
    };
    World::new(number, weather)
}

/// The worlds of one of two tests, which run side by side.
fn worlds(share: u64) -> Box<dyn Iterator<Item = u64>> {
    let number = |name: &str| std::env::var(name).ok().and_then(|value| value.parse::<u64>().ok());
    match number("SEED") {
        Some(seed) => Box::new((seed..=seed).filter(move |seed| seed % 2 == share)),
        None => Box::new((share..number("SEEDS").unwrap_or(WORLDS)).step_by(2)),
    }
}

fn promises_are_kept_in(numbers: impl Iterator<Item = u64>) {
    for number in numbers {
        let mut world = world(number);
        world.live();
        if std::env::var_os("SEED").is_some() {
            println!("{}", world.into_trace());
        }
    }
}

#[test]
fn every_promise_is_kept_whatever_clients_and_the_network_do_in_even_worlds() {
    promises_are_kept_in(worlds(0));
}

#[test]
fn every_promise_is_kept_whatever_clients_and_the_network_do_in_odd_worlds() {
    promises_are_kept_in(worlds(1));
}

#[test]
fn the_same_seed_gives_the_same_bytes_twice() {
    for number in 0..20 {
        let [one, other] = [(); 2].map(|()| {
            let mut world = world(number);
            world.live();
            world.into_trace()
        });
        assert!(one.datagrams() > 0);
        assert!(one == other, "world {number} differs from itself");
    }
}
