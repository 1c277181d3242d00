//! What a timer costs, with few and with a million others pending: a limit that does not elapse is armed and cancelled, a short sleep
//! is armed and fires.

mod support;

use std::collections::BTreeMap;
use std::hint::black_box;
use std::time::{Duration, Instant};

use greenlet::{JoinHandle, kill_all, sleep, spawn_later, timeout};
use support::{Bench, Target, time};

fn main() {
    let bench = Bench::new("timers");
    let sizes: &[u64] = match bench.is_quick() {
        true => &[0, 100_000],
        false => &[0, 1_000, 1_000_000],
    };
    for pending in sizes {
        arm_and_cancel(&bench, *pending);
    }
    nap(&bench);
}

/// Greenlets that are to start at some time within an hour.
fn others(count: u64) -> Vec<JoinHandle<()>> {
    let hour = 3_600_000_000;
    let later =
        |n: u64| Duration::from_micros(60_000_000 + n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % hour);
    (0..count).map(|n| spawn_later(later(n), || ())).collect()
}

fn arm_and_cancel(bench: &Bench, pending: u64) {
    let name = format!("a limit, armed and cancelled, {pending} pending");
    if !bench.is_asked_for(&name) {
        return;
    }
    let others = others(pending);
    let limit = Duration::from_secs(30);
    let mut tree = BTreeMap::new();
    let start = Instant::now();
    for n in 0..pending {
        let at =
            start + Duration::from_micros(n.wrapping_mul(0x9E37_79B9_7F4A_7C15) % 3_600_000_000);
        tree.insert((at, n), n);
    }
    bench.compare(
        &name,
        Target::Nanoseconds(100.0),
        200_000,
        |n| time(n, || timeout(limit, || black_box(())).expect("is quick")),
        "the clock, and a tree of as many",
        |n| {
            time(n, || {
                let key = (Instant::now() + limit, u64::MAX);
                tree.insert(key, 0);
                tree.remove(black_box(&key));
            })
        },
    );
    kill_all(&others);
}

fn nap(bench: &Bench) {
    let moment = Duration::from_micros(1);
    bench.compare(
        "sleep for a microsecond",
        Target::None,
        20_000,
        |n| time(n, || sleep(moment)),
        "the thread's sleep",
        |n| time(n, || std::thread::sleep(moment)),
    );
}
