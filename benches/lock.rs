//! What a lock costs, beside std's: free, and handed to and fro between two.

mod support;

use std::hint::black_box;
use std::rc::Rc;
use std::sync;

use greenlet::lock::Semaphore;
use greenlet::sync::{Mutex, RwLock};
use greenlet::{spawn, yield_now};
use support::{Bench, RawRing, Target, time};

fn main() {
    let bench = Bench::new("lock");
    let (ours, std) = (Mutex::new(0_u64), sync::Mutex::new(0_u64));
    bench.compare(
        "Mutex, free: lock + unlock",
        Target::Ratio(1.0),
        1_000_000,
        |n| time(n, || *black_box(&ours).lock().expect("well") += 1),
        "std's Mutex",
        |n| time(n, || *black_box(&std).lock().expect("well") += 1),
    );
    let semaphore = Semaphore::new(1);
    bench.compare(
        "Semaphore, free: acquire + release",
        Target::Ratio(1.0),
        1_000_000,
        |n| {
            time(n, || {
                black_box(&semaphore).acquire();
                black_box(&semaphore).release();
            })
        },
        "std's Mutex",
        |n| time(n, || *black_box(&std).lock().expect("well") += 1),
    );
    read_and_write(&bench);
    handed_over(&bench);
}

fn read_and_write(bench: &Bench) {
    let (ours, std) = (RwLock::new(0_u64), sync::RwLock::new(0_u64));
    bench.compare(
        "RwLock, free: read + unlock",
        Target::Ratio(1.0),
        1_000_000,
        |n| time(n, || _ = black_box(*black_box(&ours).read().expect("well"))),
        "std's RwLock",
        |n| time(n, || _ = black_box(*black_box(&std).read().expect("well"))),
    );
    bench.compare(
        "RwLock, free: write + unlock",
        Target::Ratio(1.0),
        1_000_000,
        |n| time(n, || *black_box(&ours).write().expect("well") += 1),
        "std's RwLock",
        |n| time(n, || *black_box(&std).write().expect("well") += 1),
    );
}

/// Each gives its unit to the other one, and waits for it to come back.
fn handed_over(bench: &Bench) {
    let units = Rc::new((Semaphore::new(0), Semaphore::new(0)));
    let theirs = units.clone();
    let other = spawn(move || {
        loop {
            theirs.0.acquire();
            theirs.1.release();
        }
    });
    yield_now();
    let mut raw = RawRing::new(2);
    bench.compare(
        "a unit handed over, there and back",
        Target::None,
        200_000,
        |n| {
            time(n, || {
                units.0.release();
                units.1.acquire();
            })
        },
        "two switches, bare",
        |n| time(n, || raw.run(2)),
    );
    other.kill();
    other.wait();
}
