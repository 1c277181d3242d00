//! Programs that are read from bytes, so that a fuzzer can look for them. What it has found worth keeping, in `tests/fuzz/corpus`, is run again here.
//!
//! `GREENLET_INPUT` names a file to be run instead; `GREENLET_RANDOM_INPUTS` says how many random ones are run as well.

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/corpus.rs"]
mod corpus;

mod bytes;

mod primitives;

mod replay;

mod streams;
