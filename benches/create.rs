//! What a greenlet costs that does next to nothing.
//!
//! Stacks come from the pool: the first rounds have filled it. The floor of a whole life is a corosensei coroutine on a stack
//! that is used again and again; of a greenlet that never starts, and so never has a stack, an allocation of about its size.

mod support;

use std::hint::black_box;

use corosensei::Coroutine;
use greenlet::Greenlet;
use support::{Bench, RawStack, Target, time};

/// About what a greenlet and a small body take up on the heap.
const RECORD: [usize; 40] = [0; 40];

fn main() {
    let bench = Bench::new("create");
    let mut stack = Some(RawStack::new());
    let raw_life = |n| {
        time(n, || {
            let reused = stack.take().expect("given back");
            let mut raw = Coroutine::<u64, (), u64, RawStack>::with_stack(reused, |_, value| value);
            black_box(raw.resume(black_box(7)).as_return());
            stack = Some(raw.into_stack());
        })
    };
    bench.compare(
        "create, run, die",
        Target::Nanoseconds(60.0),
        100_000,
        |n| {
            time(n, || {
                let greenlet = Greenlet::new(|value: u64| value);
                black_box(greenlet.switch(black_box(7)));
            })
        },
        "raw, on one stack",
        raw_life,
    );
    bench.compare(
        "create, drop unstarted",
        Target::None,
        100_000,
        |n| {
            time(n, || {
                black_box(&Greenlet::new(|value: u64| value));
            })
        },
        "allocate, free",
        |n| {
            time(n, || {
                black_box(&Box::new(black_box(RECORD)));
            })
        },
    );
    bench.compare(
        "create with a name, drop unstarted",
        Target::None,
        100_000,
        |n| {
            time(n, || {
                let builder = Greenlet::builder().name(black_box("worker"));
                black_box(&builder.build(|value: u64| value));
            })
        },
        "allocate, free, twice",
        |n| {
            time(n, || {
                black_box(&Box::new(black_box(RECORD)));
                black_box(&String::from(black_box("worker")));
            })
        },
    );
    bench.compare(
        "create, start, drop suspended: a kill",
        Target::None,
        20_000,
        |n| {
            time(n, || {
                let main = greenlet::main();
                let greenlet = Greenlet::new(move |value: u64| main.switch::<u64, u64>(value));
                black_box(greenlet.switch(black_box(7)));
            })
        },
        "one unwind, caught",
        |n| {
            time(n, || {
                let thrown = std::panic::catch_unwind(|| {
                    std::panic::resume_unwind(Box::new(black_box(7_u64)));
                });
                black_box(thrown.is_err());
            })
        },
    );
}
