//! Tasks: their turns, and their lives.

use std::sync::Arc;
use std::time::Instant;

use measure::{Lap, calibrate, print_ns};
use tokio::spawn;
use tokio::task::yield_now;

use crate::{run, runtime};

pub(crate) fn yields(n: usize) {
    let runtime = runtime();
    print_ns(calibrate(n, |rounds| {
        run(&runtime, async move {
            let lap = Arc::new(Lap::of(n));
            let yielders: Vec<_> = (0..n)
                .map(|_| spawn(yield_often(rounds, lap.clone())))
                .collect();
            for yielder in yielders {
                yielder.await.expect("returns");
            }
            lap.took()
        })
    }));
}

async fn yield_often(rounds: u64, lap: Arc<Lap>) {
    // After that all have begun.
    yield_now().await;
    lap.begin();
    for _ in 1..rounds {
        yield_now().await;
    }
    lap.done();
    // None ends while the clock runs.
    yield_now().await;
}

pub(crate) fn spawn_join() {
    let runtime = runtime();
    print_ns(calibrate(1, |rounds| {
        run(&runtime, async move {
            let start = Instant::now();
            for _ in 0..rounds {
                spawn(async {}).await.expect("returns");
            }
            start.elapsed()
        })
    }));
}

pub(crate) fn spawn_many(n: usize) {
    let took = run(&runtime(), async move {
        let start = Instant::now();
        let handles: Vec<_> = (0..n).map(|_| spawn(async {})).collect();
        for handle in handles {
            handle.await.expect("returns");
        }
        start.elapsed()
    });
    print_ns(took.as_nanos() as f64 / n as f64);
}
