//! The workloads on threads of the system, by std with its default settings: 2 MiB of address space for each one's stack.
//!
//! No timers to cancel, and a thread cannot be killed.

mod serve;
mod spawned;
mod waits;

use measure::{Workload, refuse};

/// More than that the system may not let a process have.
const MOST: usize = 10_000;

const WORKLOADS: &[Workload] = &[
    Workload::sized("yield", |n| spawned::yields(few(n))),
    Workload::plain("spawn_join", spawned::spawn_join),
    Workload::sized("spawn_many", |n| spawned::spawn_many(few(n))),
    Workload::plain("channel", waits::channel),
    Workload::plain("mutex", waits::mutex),
    Workload::sized("sleepers", |n| waits::sleepers(few(n))),
    Workload::sized("fanout", |n| waits::fanout(few(n))),
    Workload::plain("serve_echo", || serve::serve(serve::echo)),
    Workload::plain("serve_http", || serve::serve(serve::http)),
];

fn main() {
    measure::main(WORKLOADS, |workload| workload.run());
}

fn few(n: usize) -> usize {
    if n > MOST {
        refuse(&format!(
            "{n} threads: {MOST} are the most that a process can count on"
        ));
    }
    n
}
