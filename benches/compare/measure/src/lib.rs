//! What the contestants written in Rust share: they read their arguments, count and print in the same way.
//!
//! A contestant is called as `CONTESTANT WORKLOAD [N]`. It measures once, prints lines of a key and a figure, and ends with 0.
//! `CONTESTANT list` names its workloads. What it does not have it refuses, with a line on stderr and the code 64.

mod http;
mod lap;
mod memory;
mod sleepers;
mod timing;
mod workload;

pub use http::{ANSWER, end_of_head};
pub use lap::Lap;
pub use memory::{Mapping, PAGE, grown};
pub use sleepers::{Asleep, Sleepers};
pub use timing::{calibrate, time, under_frames};
pub use workload::{Workload, main, print_bytes, print_ns, print_port, refuse};
