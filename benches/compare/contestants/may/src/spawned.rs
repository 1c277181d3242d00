//! Coroutines: their turns, and their lives.

use std::sync::Arc;

use may::coroutine::yield_now;
use may::go;
use measure::{Lap, calibrate, print_ns, time};

pub(crate) fn yields(n: usize) {
    print_ns(calibrate(n, |rounds| {
        let lap = Arc::new(Lap::of(n));
        let yielders: Vec<_> = (0..n)
            .map(|_| {
                let lap = lap.clone();
                go!(move || yield_often(rounds, &lap))
            })
            .collect();
        for yielder in yielders {
            yielder.join().expect("returns");
        }
        lap.took()
    }));
}

fn yield_often(rounds: u64, lap: &Lap) {
    // After that all have begun.
    yield_now();
    lap.begin();
    for _ in 1..rounds {
        yield_now();
    }
    lap.done();
    // None ends while the clock runs.
    yield_now();
}

pub(crate) fn spawn_join() {
    print_ns(calibrate(1, |rounds| {
        time(rounds, || go!(|| ()).join().expect("returns"))
    }));
}

pub(crate) fn spawn_many(n: usize) {
    let took = time(1, || {
        let handles: Vec<_> = (0..n).map(|_| go!(|| ())).collect();
        for handle in handles {
            handle.join().expect("returns");
        }
    });
    print_ns(took.as_nanos() as f64 / n as f64);
}
