//! What it costs to wait for an event that another greenlet sets, and to wake very many with one.

mod support;

use std::hint::black_box;
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::event::{AsyncResult, Event};
use greenlet::{JoinHandle, kill_all, spawn, wait_all, yield_now};
use support::{Bench, RawRing, Target, time};

fn main() {
    let bench = Bench::new("event");
    there_and_back(&bench);
    async_result(&bench);
    wakes(&bench, 1_000);
    wakes(&bench, 100_000);
}

/// Each sets what the other waits for, and waits for its own.
fn there_and_back(bench: &Bench) {
    let events = Rc::new((Event::new(), Event::new()));
    let theirs = events.clone();
    let other = spawn(move || {
        loop {
            theirs.0.wait();
            theirs.0.clear();
            theirs.1.set();
        }
    });
    yield_now();
    let mut raw = RawRing::new(2);
    bench.compare(
        "Event, set and waited for, there and back",
        Target::None,
        200_000,
        |n| {
            time(n, || {
                events.0.set();
                events.1.wait();
                events.1.clear();
            })
        },
        "two switches, bare",
        |n| time(n, || raw.run(2)),
    );
    other.kill();
    other.wait();
}

/// A new one for every result, which the other greenlet gives.
fn async_result(bench: &Bench) {
    let results = greenlet::channel::unbounded::<Rc<AsyncResult<u64>>>();
    let (ask, asked) = results;
    let other = spawn(move || {
        for result in asked {
            result.set(1);
        }
    });
    yield_now();
    let mut raw = RawRing::new(2);
    bench.compare(
        "AsyncResult, made, asked for, set and got",
        Target::None,
        200_000,
        |n| {
            time(n, || {
                let result = Rc::new(AsyncResult::new());
                ask.send(result.clone()).expect("is there");
                black_box(result.get());
            })
        },
        "two switches, bare",
        |n| time(n, || raw.run(2)),
    );
    drop(ask);
    other.join().expect("returns");
}

/// One event for all: each of them waits, is woken and runs.
fn wakes(bench: &Bench, count: usize) {
    let name = format!("Event, wakes {count}: a waiter");
    if !bench.is_asked_for(&name) {
        return;
    }
    let events = Rc::new((Event::new(), Event::new()));
    let waiters: Vec<JoinHandle<()>> = (0..count)
        .map(|_| {
            let events = events.clone();
            spawn(move || {
                loop {
                    events.0.wait();
                    events.1.wait();
                }
            })
        })
        .collect();
    let yielders: Vec<JoinHandle<()>> = (0..count)
        .map(|_| {
            spawn(|| {
                loop {
                    yield_now();
                }
            })
        })
        .collect();
    let round = |event: &Event| {
        event.set();
        yield_now();
        event.clear();
    };
    yield_now();
    // Those that yield are timed alone.
    let floor: Vec<Duration> = (0..9).map(|_| time(1, yield_now)).collect();
    kill_all(&yielders);
    let mut floor = floor.into_iter().cycle();
    bench.compare_whole(
        &name,
        Target::None,
        count as u64 * 2,
        || {
            let start = Instant::now();
            round(&events.0);
            round(&events.1);
            start.elapsed()
        },
        "yield_now, as many runnable",
        || floor.next().expect("has no end") * 2,
    );
    kill_all(&waiters);
    wait_all(&waiters);
}
