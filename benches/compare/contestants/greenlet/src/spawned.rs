//! Spawned greenlets: their turns, and their lives.

use std::rc::Rc;

use greenlet::{join_all, spawn, wait_all, yield_now};
use measure::{Lap, calibrate, print_ns, time};

pub(crate) fn yields(n: usize) {
    print_ns(calibrate(n, |rounds| {
        let lap = Rc::new(Lap::of(n));
        let yielders: Vec<_> = (0..n)
            .map(|_| {
                let lap = lap.clone();
                spawn(move || yield_often(rounds, &lap))
            })
            .collect();
        wait_all(&yielders);
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
        time(rounds, || spawn(|| ()).join().expect("returns"))
    }));
}

pub(crate) fn spawn_many(n: usize) {
    let took = time(1, || {
        let handles: Vec<_> = (0..n).map(|_| spawn(|| ())).collect();
        for result in join_all(handles) {
            result.expect("returns");
        }
    });
    print_ns(took.as_nanos() as f64 / n as f64);
}
