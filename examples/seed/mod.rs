//! The programs that the seed of this project gives, each written anew. `tour` runs all of them.
#![allow(
    dead_code,
    reason = "every example that includes this uses its part of it"
)]

pub(crate) mod console;
pub(crate) mod greenlet;
