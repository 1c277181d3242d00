//! The wait protocol under a model checker: every order in which its threads can meet, and all that the memory model lets them see.
//!
//! `wait/`, `util/slot_list`, `util/bias` and `util/biased` are the crate's own files. They find loom's primitives in `util/primitive`, under the usual names.
//! Each file of `models` checks one statement at a time, with few threads and few steps.
#![allow(dead_code, reason = "not all of the crate's files is checked here")]
#![cfg(test)]

mod models;
mod sys;
mod util;
mod wait;
