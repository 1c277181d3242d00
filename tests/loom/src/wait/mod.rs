//! The crate's own files.

#[path = "../../../../src/wait/sleepers.rs"]
pub(crate) mod sleepers;

#[path = "../../../../src/wait/parker.rs"]
pub(crate) mod parker;

#[path = "../../../../src/wait/wait_queue.rs"]
pub(crate) mod wait_queue;

#[path = "../../../../src/wait/run_queue.rs"]
pub(crate) mod run_queue;

#[path = "../../../../src/wait/permits.rs"]
pub(crate) mod permits;

#[path = "../../../../src/wait/rw_permits.rs"]
pub(crate) mod rw_permits;
