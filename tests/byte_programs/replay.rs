//! The corpus, and some random inputs.

use std::env;
use std::fs;
use std::panic;
use std::sync::{Mutex, MutexGuard, Once, PoisonError};

use crate::corpus::inputs;
use crate::primitives;
use crate::streams;
use crate::support::{leak_checked, world_checked};

const RANDOM: u64 = 300;

/// Programs panic all the time.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !primitives::is_deliberate(info.payload()) {
                before(info);
            }
        }));
    });
}

/// Those of the corpus, and random ones.
fn all(target: &str) -> Vec<(String, Vec<u8>)> {
    if let Some(file) = env::var_os("GREENLET_INPUT") {
        return vec![(format!("{file:?}"), fs::read(file).unwrap())];
    }
    let random = env::var("GREENLET_RANDOM_INPUTS").map_or(RANDOM, |text| text.parse().unwrap());
    let random = (0..random).map(|number| (format!("random {number}"), random_bytes(number)));
    let kept = inputs(target).unwrap_or_default();
    kept.into_iter().chain(random).collect()
}

/// The upper bits of a linear congruential generator's numbers.
fn random_bytes(number: u64) -> Vec<u8> {
    let mut state = number;
    let length = 20 + number * 7 % 400;
    let bytes = (0..length).map(|_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 56) as u8
    });
    bytes.collect()
}

/// One test at a time: files that another reads would be taken for descriptors of this one's.
fn alone() -> MutexGuard<'static, ()> {
    static ALONE: Mutex<()> = Mutex::new(());
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn whatever_primitives_are_used_for_their_promises_hold() {
    let _alone = alone();
    be_quiet();
    for (name, bytes) in all("primitives") {
        leak_checked(move || {
            if let Err(fault) = primitives::run(&bytes) {
                panic!("{name}: {fault}");
            }
        });
    }
}

#[test]
fn whatever_streams_are_used_for_bytes_come_in_order() {
    let _alone = alone();
    for (name, bytes) in all("streams") {
        world_checked(move || {
            if let Err(fault) = streams::run(&bytes) {
                panic!("{name}: {fault}");
            }
        });
    }
}
