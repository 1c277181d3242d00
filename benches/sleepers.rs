//! What very many sleeping greenlets cost: their memory, beside a page each, and the time to spawn them, to have each run and go to
//! sleep, to wake and to join them, beside the touch of as many pages.

mod support;

use std::fs;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::{JoinHandle, join_all, kill_all, sleep, spawn, trim_stacks, yield_now};
use support::{Bench, Memory, Target};

const PAGE: u64 = 4096;

fn main() {
    let bench = Bench::new("sleepers");
    let count: u64 = match bench.is_quick() {
        true => 10_000,
        false => 1_000_000,
    };
    // First, while no stack is in the pool.
    memory(&bench, count);
    time_of(&bench, count);
}

/// Not nanoseconds: bytes. What the process has more of, while all sleep, than before there was any.
fn memory(bench: &Bench, count: u64) {
    let before = resident();
    let name = format!("{count} sleepers: bytes of memory each");
    if !bench.is_asked_for(&name) {
        return;
    }
    let sleepers = spawn_all(count, Instant::now() + Duration::from_secs(3600));
    yield_now();
    let bytes = resident().saturating_sub(before) as f64 / count as f64;
    let ratio = bytes / PAGE as f64;
    println!(
        "{name:<44} {bytes:>10.0} {:>10}   {PAGE:>10} {:>10} {ratio:>7.2}  <= 4700   a page",
        "", ""
    );
    kill_all(&sleepers);
    trim_stacks();
}

/// The time until all sleep, and from when they are due until all are joined. In between the thread itself sleeps, off the clock.
fn time_of(bench: &Bench, count: u64) {
    let pages = Memory::new(count as usize);
    let nap = Duration::from_micros(count * 4).max(Duration::from_millis(100));
    bench.compare_whole(
        &format!("{count} sleepers: spawn, run, wake and join"),
        Target::Ratio(1.3),
        count,
        || {
            let start = Instant::now();
            let due = start + nap;
            let sleepers = spawn_all(count, due);
            yield_now();
            let went_to_sleep = start.elapsed();
            assert!(went_to_sleep < nap, "some woke before all slept");
            thread::sleep(due.saturating_duration_since(Instant::now()));
            let start = Instant::now();
            join_all(sleepers);
            let took = went_to_sleep + start.elapsed();
            // The next ones are to touch their pages as well.
            trim_stacks();
            took
        },
        "touch as many pages",
        || {
            let start = Instant::now();
            pages.touch();
            let took = start.elapsed();
            pages.forget();
            took
        },
    );
}

fn spawn_all(count: u64, due: Instant) -> Vec<JoinHandle<()>> {
    let nap = move || sleep(due.saturating_duration_since(Instant::now()));
    (0..count).map(|_| spawn(nap)).collect()
}

/// What of this process is in memory, in bytes.
fn resident() -> u64 {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let pages = statm.split(' ').nth(1).and_then(|pages| pages.parse().ok());
    pages.unwrap_or(0_u64) * PAGE
}
