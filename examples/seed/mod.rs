//! The programs that the seed of this project gives, each written anew. `tour` runs all of them.
#![allow(
    dead_code,
    reason = "every example that includes this uses its part of it"
)]

pub(crate) mod chain;
pub(crate) mod console;
pub(crate) mod deadlock;
pub(crate) mod downloads;
pub(crate) mod gevent;
pub(crate) mod greenlet;
pub(crate) mod mutex;
pub(crate) mod producer_consumer;
pub(crate) mod semaphore;
pub(crate) mod time;
