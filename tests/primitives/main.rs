//! The same tests for every primitive, under the same names, each under the leak check.
//!
//! | name | what it shows |
//! |---|---|
//! | `smoke` | does what it is for, uncontended and contended |
//! | `try_x` | the calls that never wait |
//! | `fifo` | whoever waits is served in the order of coming |
//! | `x_timeout` | a limit that elapses leaves nothing behind; one that does not is not felt |
//! | `kill_while_waiting` | a killed waiter takes nothing along, the next one is served |
//! | `kill_after_grant` | a waiter that is killed after something was handed to it, and before it runs, loses nothing |
//! | `cross_thread` | between two hubs, and between a hub and a plain thread |
//! | `drop_while_waited_on` | what happens to waiters when the other side goes |
//! | `stress` | four threads, a million operations in all, a checksum |
//!
//! A file that has no test of a name says why: ``//! No `fifo`: …``.

use std::fs;

#[path = "../support/mod.rs"]
mod support;

#[path = "../support/locks.rs"]
mod locks;
#[path = "../support/queues.rs"]
mod queues;

mod async_result;
mod barrier;
mod bounded_semaphore;
mod channel;
mod condition;
mod condvar;
mod event;
mod group;
mod joinable_queue;
mod lifo_queue;
mod lock;
mod mpsc;
mod mutex;
mod once;
mod pool;
mod priority_queue;
mod queue;
mod readiness;
mod rendezvous;
mod rendezvous_channel;
mod rlock;
mod rwlock;
mod scope;
mod select;
mod semaphore;
mod thread_park;
mod threadpool;
mod wait_any;

const NAMES: &[&str] = &[
    "smoke",
    "try_x",
    "fifo",
    "x_timeout",
    "kill_while_waiting",
    "kill_after_grant",
    "cross_thread",
    "drop_while_waited_on",
    "stress",
];

#[test]
fn every_primitive_has_every_test() {
    let mut seen = 0;
    for entry in fs::read_dir("tests/primitives").unwrap() {
        let path = entry.unwrap().path();
        if path.ends_with("main.rs") {
            continue;
        }
        let text = fs::read_to_string(&path).unwrap();
        for name in NAMES {
            let tested = text.contains(&format!("#[test]\nfn {name}()"));
            let excused = text.contains(&format!("//! No `{name}`: "));
            assert!(
                tested != excused,
                "{}: `{name}` is missing, or excused and there",
                path.display()
            );
        }
        seen += 1;
    }
    assert!(seen > 1);
}
