//! Reads bytes as a program of the switch graph, and compares what the crate does with the model.
//!
//! From the root of the repository, with the one check switched off that keeps memory for every greenlet there ever was:
//! `ASAN_OPTIONS=detect_stack_use_after_return=0 cargo +nightly fuzz run --fuzz-dir tests/fuzz switch_graph`.
#![no_main]

use std::panic;
use std::process;
use std::sync::Once;

use libfuzzer_sys::fuzz_target;

#[path = "../../switch_graph/bytes.rs"]
mod bytes;

#[path = "../../switch_graph/differences.rs"]
mod differences;

#[allow(dead_code, reason = "outcomes are counted elsewhere")]
#[path = "../../switch_graph/model.rs"]
mod model;

#[allow(dead_code, reason = "names are counted elsewhere")]
#[path = "../../switch_graph/program.rs"]
mod program;

#[path = "../../switch_graph/real.rs"]
mod real;

use bytes::program;
use program::Program;

fuzz_target!(|bytes: &[u8]| {
    let Some(program) = program(bytes) else {
        return;
    };
    be_quiet();
    let expected = model::run(&program).log;
    match panic::catch_unwind(|| real::run(&program)) {
        Ok(log) if log == expected => {}
        Ok(log) => fail(&program, &format!("expected {expected:#?}\nfound {log:#?}")),
        Err(_) => fail(&program, "the crate panicked"),
    }
    let census = greenlet::census();
    if (census.greenlets, census.stacks) != (1, 0) {
        fail(&program, &format!("leaked: {census:?}"));
    }
});

fn fail(program: &Program, what: &str) -> ! {
    eprintln!("GREENLET_GRAPH_PROGRAM=\"{program}\"\n{what}");
    process::abort()
}

/// The fuzzer's own hook would take every panic for a crash; programs panic all the time.
fn be_quiet() {
    static ONCE: Once = Once::new();
    ONCE.call_once(|| {
        real::be_quiet();
        panic::set_hook(Box::new(|info| {
            if !real::is_quiet() {
                eprintln!("{info}");
            }
        }));
    });
}
