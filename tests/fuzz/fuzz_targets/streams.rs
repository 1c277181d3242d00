//! Reads bytes as a program that writes to and reads from two ends of a connection, and checks every byte.
//!
//! From the root of the repository, with the one check switched off that keeps memory for every greenlet there ever was:
//! `ASAN_OPTIONS=detect_stack_use_after_return=0 cargo +nightly fuzz run --fuzz-dir tests/fuzz streams`.
#![no_main]

use libfuzzer_sys::fuzz_target;

#[path = "../../byte_programs/bytes.rs"]
mod bytes;

#[path = "../../byte_programs/streams/mod.rs"]
mod streams;

fuzz_target!(
    init: {
        // As Rust's own `main` does, which is not there: a write to a pipe that nobody reads is to fail.
        // SAFETY: no handler is set that could do anything.
        unsafe { libc::signal(libc::SIGPIPE, libc::SIG_IGN) };
    },
    |bytes: &[u8]| {
        if let Err(fault) = streams::run(bytes) {
            panic!("{fault}");
        }
    }
);
