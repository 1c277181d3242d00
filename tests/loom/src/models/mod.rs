//! What is checked.

mod biased;
mod harness;
mod parking;
mod permits;
mod rw_permits;
mod sleepers;
mod wait_queue;
