//! What a switch costs, beside the machine switch that it wraps.
//!
//! * There and back: one greenlet that sends back what it gets, beside a corosensei coroutine that does.
//! * A ring: each greenlet passes a token to the next. The floor is a bare trampoline, which is the least that symmetric switching
//!   takes over coroutines that can only resume and suspend. The larger the ring, the more both sides wait for memory.
//!   A ring of one is a switch to oneself, which does not leave.
//! * At a depth: a switch does not copy stacks, so it costs the same under any number of frames.

mod support;

use std::cell::RefCell;
use std::hint::black_box;
use std::rc::Rc;
use std::time::Duration;

use greenlet::{AnyGreenlet, Greenlet};
use support::{Bench, RawEcho, RawRing, Target, time, under_frames};

fn main() {
    let bench = Bench::new("switch");
    let there_and_back = Target::Ratio(3.0);
    echo(&bench, "there and back, ()", there_and_back, ());
    echo(&bench, "there and back, i64", there_and_back, 7_i64);
    echo(
        &bench,
        "there and back, [u8; 64]",
        there_and_back,
        [7_u8; 64],
    );
    for depth in [0, 200, 400] {
        at_depth(&bench, depth);
    }
    let sizes: &[usize] = match bench.is_quick() {
        true => &[1, 2, 10, 100, 1_000, 10_000],
        false => &[1, 2, 10, 100, 1_000, 10_000, 100_000],
    };
    for size in sizes {
        ring(&bench, *size);
    }
}

/// A greenlet that sends back what it gets, for ever.
fn new_echo<T: 'static>() -> Greenlet<T> {
    let main = greenlet::main();
    Greenlet::new(move |mut value: T| {
        loop {
            value = main.switch(value);
        }
    })
}

fn echo<T: Copy + 'static>(bench: &Bench, name: &str, target: Target, value: T) {
    let greenlet = new_echo::<T>();
    let mut raw = RawEcho::<T>::new();
    bench.compare(
        name,
        target,
        500_000,
        |n| {
            time(n, || {
                black_box(greenlet.switch(black_box(value)));
            })
        },
        "raw resume + suspend",
        |n| {
            time(n, || {
                black_box(raw.resume(black_box(value)));
            })
        },
    );
}

fn at_depth(bench: &Bench, depth: usize) {
    let main = greenlet::main();
    let greenlet = Greenlet::<i64, i64>::new(move |mut value| {
        under_frames(depth, &mut || {
            loop {
                value = main.switch(value);
            }
        });
        value
    });
    let mut raw = RawEcho::<i64>::new();
    bench.compare(
        &format!("there and back, under {depth} frames"),
        Target::Ratio(3.0),
        500_000,
        |n| {
            time(n, || {
                black_box(greenlet.switch(black_box(7)));
            })
        },
        "raw resume + suspend",
        |n| {
            time(n, || {
                black_box(raw.resume(black_box(7)));
            })
        },
    );
}

/// Greenlets in a ring. Each takes a count of hops that are left, and passes one less on; at none, main gets it.
struct Ring(Vec<Greenlet<u64>>);

impl Ring {
    fn new(len: usize) -> Self {
        let first = Rc::new(RefCell::new(None::<AnyGreenlet>));
        let mut greenlets = Vec::<Greenlet<u64>>::with_capacity(len);
        for _ in 0..len {
            // Built from the last to the first; the last one's neighbour is not there yet.
            let neighbour = greenlets.last().map(Greenlet::any);
            let (first, main) = (first.clone(), greenlet::main());
            greenlets.push(Greenlet::new(move |mut left: u64| {
                let neighbour = neighbour
                    .or_else(|| first.borrow().clone())
                    .expect("the ring is closed before it runs");
                loop {
                    left = match left {
                        0 => main.switch::<u64, u64>(0),
                        _ => neighbour.switch::<u64, u64>(left - 1),
                    }
                }
            }));
        }
        *first.borrow_mut() = greenlets.last().map(Greenlet::any);
        greenlets.reverse();
        Ring(greenlets)
    }

    fn run(&self, hops: u64) -> Duration {
        time(1, || {
            black_box(self.0[0].switch(black_box(hops)));
        })
    }
}

fn ring(bench: &Bench, len: usize) {
    let greenlets = Ring::new(len);
    let mut raw = RawRing::new(len);
    // Everyone has run before the clock does.
    greenlets.run(len as u64);
    raw.run(len as u64);
    let target = match len {
        1 => Target::None,
        _ => Target::Ratio(1.2),
    };
    bench.compare(
        &format!("one way, ring of {len}"),
        target,
        1_000_000,
        |n| greenlets.run(n),
        "bare trampoline",
        |n| time(1, || raw.run(n)),
    );
}
