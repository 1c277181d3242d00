//! What `yield_now` costs with so many runnable greenlets, beside the bare trampoline with as many coroutines;
//! and what it costs while it is measured,
//! and with the feature `tracing` if there is a subscriber.

mod support;

use std::cell::Cell;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::{JoinHandle, hub, kill_all, spawn, yield_now};
use support::{Bench, RawRing, Target};

fn main() {
    let bench = Bench::new("yield");
    let sizes: &[usize] = match bench.is_quick() {
        true => &[2, 10, 1_000],
        false => &[2, 10, 100, 1_000, 10_000, 100_000],
    };
    for size in sizes {
        ring(&bench, *size, "");
    }
    hub::measure(true);
    for size in sizes {
        ring(&bench, *size, ", measured");
    }
    hub::measure(false);
    #[cfg(feature = "tracing")]
    {
        let _set =
            tracing::subscriber::set_default(tracing_subscriber::registry::Registry::default());
        for size in sizes {
            ring(&bench, *size, ", in spans");
        }
    }
}

fn ring(bench: &Bench, size: usize, how: &str) {
    let name = format!("yield_now, {size} runnable{how}");
    if !bench.is_asked_for(&name) {
        return;
    }
    let runs = Rc::new(Cell::new(0_u64));
    // Main is one of them.
    let others: Vec<JoinHandle<()>> = (1..size)
        .map(|_| {
            let runs = runs.clone();
            spawn(move || {
                loop {
                    runs.set(runs.get() + 1);
                    yield_now();
                }
            })
        })
        .collect();
    yield_now();
    let mut raw = RawRing::new(size);
    raw.run(size as u64);
    let target = match size {
        2 if how.is_empty() => Target::Nanoseconds(12.0),
        100_000 if how.is_empty() => Target::Ratio(1.0),
        _ => Target::None,
    };
    let floor = |n: u64| {
        let start = Instant::now();
        raw.run(n);
        start.elapsed()
    };
    bench.compare(
        &name,
        target,
        1_000_000_u64.max(size as u64 * 3),
        |n| rounds(n, size, &runs),
        "bare trampoline, a ring",
        floor,
    );
    kill_all(&others);
}

/// Whole rounds of all greenlets, at least `n` yields; the time that `n` of them took.
fn rounds(n: u64, size: usize, runs: &Cell<u64>) -> Duration {
    runs.set(0);
    let whole = n.div_ceil(size as u64);
    let start = Instant::now();
    for _ in 0..whole {
        yield_now();
    }
    let took = start.elapsed();
    let done = runs.get() + whole;
    assert!(done >= whole * size as u64, "{done} yields");
    took.mul_f64(n as f64 / done as f64)
}
