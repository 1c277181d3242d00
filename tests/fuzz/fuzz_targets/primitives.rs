//! Reads bytes as a program that uses every primitive, and checks what has to hold whatever it does.
//!
//! From the root of the repository, with the one check switched off that keeps memory for every greenlet there ever was:
//! `ASAN_OPTIONS=detect_stack_use_after_return=0 cargo +nightly fuzz run --fuzz-dir tests/fuzz primitives`.
#![no_main]

use std::panic;

use libfuzzer_sys::fuzz_target;

#[path = "../../byte_programs/bytes.rs"]
mod bytes;

#[path = "../../byte_programs/primitives/mod.rs"]
mod primitives;

fuzz_target!(
    init: {
        // The fuzzer's own hook takes every panic for a crash; programs panic all the time.
        let before = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            if !primitives::is_deliberate(info.payload()) {
                before(info);
            }
        }));
    },
    |bytes: &[u8]| {
        if let Err(fault) = primitives::run(bytes) {
            panic!("{fault}");
        }
    }
);
