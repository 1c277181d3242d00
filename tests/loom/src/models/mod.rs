//! What is checked.

mod harness;
mod parking;
mod permits;
mod sleepers;
mod wait_queue;
