//! What it costs to spawn a greenlet and to join it, beside the coroutine that it needs at least, and the touch of the pages it needs at most.

mod support;

use std::hint::black_box;
use std::time::Instant;

use greenlet::{join_all, spawn};
use support::{Bench, Memory, RawStack, Target, time};

fn main() {
    let bench = Bench::new("spawn_join");
    one_after_another(&bench);
    all_at_once(&bench, 1_000);
    all_at_once(&bench, 100_000);
}

fn one_after_another(bench: &Bench) {
    let mut stack = Some(RawStack::new());
    bench.compare(
        "spawn + join, one after another",
        Target::Nanoseconds(100.0),
        100_000,
        |n| time(n, || spawn(|| ()).join().expect("returns")),
        "corosensei on a reused stack",
        |n| {
            time(n, || {
                let mut coroutine =
                    corosensei::Coroutine::with_stack(stack.take().expect("is back"), |_, ()| ());
                let _: corosensei::CoroutineResult<(), ()> = coroutine.resume(());
                stack = Some(coroutine.into_stack());
            })
        },
    );
}

fn all_at_once(bench: &Bench, count: usize) {
    let pages = Memory::new(count);
    bench.compare_whole(
        &format!("spawn {count}, then join all"),
        Target::None,
        count as u64,
        || {
            let start = Instant::now();
            let handles: Vec<_> = (0..count).map(|n| spawn(move || n)).collect();
            let sum: usize = join_all(handles).into_iter().map(Result::unwrap).sum();
            black_box(sum);
            start.elapsed()
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
