//! Random programs of spawned greenlets on simulated time, against a model: the same things happen in the same order at the same
//! moments, and nothing is left behind.
//!
//! `program` says what there is; a new primitive gets its operations there, in `model::step`, and in `real`.

#[path = "../support/mod.rs"]
mod support;

mod model;
mod pipe;
mod program;
mod real;

use std::cell::Cell;

use proptest::prelude::*;
use proptest::test_runner::{Config, RngAlgorithm, TestRng, TestRunner};

use crate::program::{Program, program};

/// The numbers are those of the environment, if it has them.
fn number_from_env(name: &str, otherwise: u64) -> u64 {
    let said = std::env::var(name).ok();
    said.map_or(otherwise, |said| said.parse().expect("a number"))
}

#[test]
fn programs_do_what_the_model_says() {
    let seed = number_from_env("GREENLET_TIME_SEED", 1);
    let cases = number_from_env("GREENLET_TIME_CASES", 2_000);
    let config = Config {
        cases: cases.try_into().unwrap(),
        failure_persistence: None,
        max_shrink_iters: 20_000,
        ..Config::default()
    };
    let mut bytes = [0; 16];
    bytes[..8].copy_from_slice(&seed.to_le_bytes());
    // Ten times as fast as the default in a debug build.
    let rng = TestRng::from_seed(RngAlgorithm::XorShift, &bytes);
    let steps = Cell::new(0);
    let result = TestRunner::new_with_rng(config, rng).run(&program(), |program: Program| {
        let expected = model::run(&program);
        let found = real::run(&program);
        prop_assert_eq!(&found.log, &expected.log);
        steps.set(steps.get() + found.log.len());
        prop_assert_eq!(found, expected);
        Ok(())
    });
    if let Err(error) = result {
        panic!("GREENLET_TIME_SEED={seed}: {error}");
    }
    // The generator makes programs that do something.
    let each = steps.get() as u64 / cases;
    assert!(each > 10, "{each} steps each");
}
