//! Threads: their turns, and their lives.

use std::sync::{Arc, Barrier};
use std::thread::{self, yield_now};
use std::time::{Duration, Instant};

use measure::{calibrate, print_ns, time};

pub(crate) fn yields(n: usize) {
    print_ns(calibrate(n, |rounds| {
        let all = Arc::new(Barrier::new(n));
        let yielders: Vec<_> = (0..n)
            .map(|_| {
                let all = all.clone();
                thread::spawn(move || {
                    all.wait();
                    let begun = Instant::now();
                    for _ in 0..rounds {
                        yield_now();
                    }
                    (begun, Instant::now())
                })
            })
            .collect();
        let laps = yielders.into_iter().map(|one| one.join().expect("returns"));
        span(laps)
    }));
}

/// From when the first began until the last ended.
fn span(laps: impl Iterator<Item = (Instant, Instant)>) -> Duration {
    let (begun, ended): (Vec<_>, Vec<_>) = laps.unzip();
    let begun = begun.into_iter().min().expect("there is one");
    ended.into_iter().max().expect("there is one") - begun
}

pub(crate) fn spawn_join() {
    print_ns(calibrate(1, |rounds| {
        time(rounds, || thread::spawn(|| ()).join().expect("returns"))
    }));
}

pub(crate) fn spawn_many(n: usize) {
    let took = time(1, || {
        let handles: Vec<_> = (0..n).map(|_| thread::spawn(|| ())).collect();
        for handle in handles {
            handle.join().expect("returns");
        }
    });
    print_ns(took.as_nanos() as f64 / n as f64);
}
