//! Limits count from the call, also if the hub has not looked at the clock for long.

use std::time::{Duration, Instant};

use greenlet::event::Event;
use greenlet::lock::Semaphore;
use greenlet::{channel, sleep, spawn, timeout};

use crate::support::leak_checked;

const LIMIT: Duration = Duration::from_millis(5);

/// A slice that is several times as long.
fn compute() {
    let begin = Instant::now();
    while begin.elapsed() < 4 * LIMIT {
        std::hint::spin_loop();
    }
}

#[test]
fn no_limit_is_shorter_for_what_was_computed_before() {
    let waits: [fn(); 5] = [
        || sleep(LIMIT),
        || assert!(!Event::new().wait_timeout(LIMIT)),
        || assert!(!Semaphore::new(0).acquire_timeout(LIMIT)),
        || {
            let (_sender, receiver) = channel::unbounded::<u8>();
            assert!(receiver.recv_timeout(LIMIT).is_err());
        },
        || assert!(timeout(LIMIT, || Event::new().wait()).is_err()),
    ];
    for wait in waits {
        leak_checked(move || {
            let other = spawn(compute);
            compute();
            let begin = Instant::now();
            wait();
            assert!(begin.elapsed() >= LIMIT);
            other.join().unwrap();
        });
    }
}
