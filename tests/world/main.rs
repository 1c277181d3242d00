//! What the crate does with the system: files, names, sockets, servers, pipes, the standard streams, child processes, signals. One file a subject.
//!
//! Every test runs under `world_checked`, so one at a time: what is left behind is counted in the whole process.
#![allow(
    clippy::duplicate_mod,
    reason = "what holds for every kind of connection is a module of each"
)]

use std::env;
use std::process::Command;

#[path = "../support/mod.rs"]
mod support;

mod asynchronous;
mod closing;
mod exhaustion;
mod faults;
mod fork;
mod forks;
mod fs;
mod hubs;
mod interrupts;
mod limits;
mod listing;
mod names;
mod pipe;
mod process;
mod resolve;
mod scale;
mod server;
mod signal;
mod signals;
mod sockets;
mod stdin;
mod tcp;
mod udp;
mod unix;

/// Runs an ignored test of this binary in another process, which plays that [role].
fn child(test: &str, role: &str) -> Command {
    let mut command = Command::new(env::current_exe().unwrap());
    command.args([
        "--exact",
        test,
        "--ignored",
        "--nocapture",
        "--test-threads=1",
    ]);
    command.env("WORLD_ROLE", role);
    command
}

fn role() -> String {
    env::var("WORLD_ROLE").expect("this is run by other tests")
}
