//! What the example `soak` does, for a short time; where faults of the system are made, for a minute, and with them.
//!
//! `GREENLET_CHAOS_SECONDS` and `GREENLET_CHAOS_SEED` say for how long, and with which seed.

#[path = "../examples/chaos/mod.rs"]
mod chaos;

use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// Faults are made on all threads alike.
fn alone() -> MutexGuard<'static, ()> {
    static RUNS: Mutex<()> = Mutex::new(());
    RUNS.lock().unwrap_or_else(PoisonError::into_inner)
}

/// The numbers are those of the environment, if it has them.
fn number_from_env(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |said| said.parse().expect("a number"))
}

fn total(faults: &[(&str, u64)]) -> u64 {
    faults.iter().map(|made| made.1).sum()
}

#[test]
fn nothing_is_lost_leaked_or_left_waiting() {
    let _alone = alone();
    let seconds = match cfg!(greenlet_faults) {
        true => 60,
        false => 5,
    };
    let length = Duration::from_secs(number_from_env("GREENLET_CHAOS_SECONDS", seconds));
    let seed = number_from_env("GREENLET_CHAOS_SEED", 1);
    println!("GREENLET_CHAOS_SEED={seed}");
    let tally = chaos::run::run(length, seed);
    println!("{tally}");
    assert_eq!(
        tally.never_done(),
        [""; 0],
        "nobody has ever come to their end"
    );
    let made = chaos::faults::made();
    println!("{made:#?}");
    let never: Vec<_> = made.iter().filter(|made| made.1 == 0).collect();
    assert!(never.is_empty(), "never made: {never:?}");
}

#[test]
fn on_simulated_time_the_same_happens_each_time() {
    let _alone = alone();
    let length = Duration::from_millis(500);
    let before = chaos::faults::made();
    let [one, same, other] = [1, 1, 2].map(|seed| chaos::exact::exact(length, seed));
    assert!(one.1.begun() > 1_000, "{} acts", one.1.begun());
    if chaos::faults::are_on() {
        assert_ne!(total(&before), total(&chaos::faults::made()), "no faults");
    }
    assert_eq!(one.0, same.0, "the same seed, another trace");
    assert_ne!(one.0, other.0);
}
