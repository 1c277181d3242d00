//! Bare coroutines, without a scheduler: the least that a switch, a hop and a life cost.
//!
//! * `switch`, `switch_deep`: one coroutine on corosensei's default stack is resumed with an integer, and suspends with it.
//! * `ring`, `yield`: a coroutine can only suspend to whoever resumed it. So each says who is next, and a loop resumes that one: the
//!   bare trampoline, which is the least of a symmetric switch, and of a scheduler. Stacks of 16 KiB side by side, without guards.
//! * `spawn_join`: a coroutine is made, runs to its end and is dropped, always on the same stack.
//!
//! The feature `unwind` is off, as it is below `greenlet`: it lets a suspended coroutine be dropped, by a look at every resume.
#![allow(unsafe_code)]

mod ring;

use std::hint::black_box;

use corosensei::stack::DefaultStack;
use corosensei::{Coroutine, CoroutineResult, Yielder};
use measure::{Workload, calibrate, print_ns, time, under_frames};

/// Frames below the coroutine's end.
const DEEP: usize = 200;

const WORKLOADS: &[Workload] = &[
    Workload::plain("switch", || there_and_back(0)),
    Workload::plain("switch_deep", || there_and_back(DEEP)),
    Workload::sized("ring", ring::hop),
    Workload::sized("yield", ring::hop),
    Workload::plain("spawn_join", spawn_join),
];

fn main() {
    measure::main(WORKLOADS, |workload| workload.run());
}

fn there_and_back(frames: usize) {
    let mut echo: Coroutine<u64, u64, ()> =
        Coroutine::new(move |yielder: &Yielder<u64, u64>, mut value| {
            under_frames(frames, &mut || {
                loop {
                    value = yielder.suspend(value);
                }
            });
        });
    print_ns(calibrate(1, |rounds| {
        time(rounds, || {
            black_box(echo.resume(black_box(7)).as_yield());
        })
    }));
    // SAFETY: its frames hold nothing that needs a drop.
    unsafe { echo.force_reset() };
}

fn spawn_join() {
    let mut stack = Some(DefaultStack::default());
    print_ns(calibrate(1, |rounds| {
        time(rounds, || {
            let reused = stack.take().expect("is back");
            let mut coroutine = Coroutine::<(), (), (), _>::with_stack(reused, |_, ()| ());
            assert!(matches!(coroutine.resume(()), CoroutineResult::Return(())));
            stack = Some(coroutine.into_stack());
        })
    }));
}
