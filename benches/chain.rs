//! The workloads of the `chain.py` that comes with Python's greenlet, in Rust.
//!
//! Its deep variants recurse anew for every switch; here they are measured so, and beside it with the recursion done once, which
//! shows the switch alone. Its reading of suspended frames has no counterpart.
//!
//! The chain is 100 000 greenlets, each waiting for a number from its predecessor and passing it on increased by one. What it costs is
//! mostly the kernel's work to back 100 000 stacks with a page each; so its floor is to touch as many pages.

mod support;

use std::hint::black_box;
use std::time::{Duration, Instant};

use greenlet::{AnyGreenlet, Greenlet};
use support::{Bench, Memory, RawRing, Target, time, under_frames};

fn main() {
    let bench = Bench::new("chain");
    create(&bench);
    current(&bench);
    for depth in [0, 200, 400] {
        ping_pong(&bench, depth, Recursion::EachTime);
    }
    for depth in [200, 400] {
        ping_pong(&bench, depth, Recursion::Once);
    }
    chain(&bench);
}

fn create(bench: &Bench) {
    bench.compare(
        "create, no body",
        Target::None,
        100_000,
        |n| {
            time(n, || {
                black_box(&Greenlet::<()>::empty());
            })
        },
        "allocate, free",
        |n| {
            time(n, || {
                black_box(&Box::new(black_box([0_usize; 40])));
            })
        },
    );
}

fn current(bench: &Bench) {
    thread_local! {
        static HERE: std::cell::Cell<usize> = const { std::cell::Cell::new(1) };
    }
    bench.compare(
        "current()",
        Target::None,
        1_000_000,
        |n| {
            time(n, || {
                black_box(&greenlet::current());
            })
        },
        "read a thread-local",
        |n| {
            time(n, || {
                black_box(HERE.get());
            })
        },
    );
}

#[derive(Clone, Copy)]
enum Recursion {
    /// Down before every switch, and up after it.
    EachTime,
    /// Down to where all the switches are.
    Once,
}

/// Two greenlets that switch to each other, so and so many times each.
fn ping_pong(bench: &Bench, depth: usize, recursion: Recursion) {
    let volley = move |times: u64, other: &AnyGreenlet| {
        let mut switch = || other.switch::<(), ()>(());
        match recursion {
            Recursion::EachTime => {
                for _ in 0..times {
                    under_frames(depth, &mut switch);
                }
            }
            Recursion::Once => under_frames(depth, &mut || {
                for _ in 0..times {
                    switch();
                }
            }),
        }
    };
    let ours = |n: u64| {
        let pong = Greenlet::<()>::empty();
        let other = pong.any();
        let ping = Greenlet::new(move |()| volley(n / 2, &other));
        let other = ping.any();
        pong.set_run(move |()| volley(n / 2, &other));
        time(1, || ping.switch(()))
    };
    let iterations = match (recursion, depth) {
        (Recursion::EachTime, 1..) => 20_000,
        _ => 500_000,
    };
    let kind = match recursion {
        Recursion::EachTime => "recursing anew",
        Recursion::Once => "staying there",
    };
    let mut raw = match recursion {
        Recursion::EachTime => RawRing::recursing(2, depth),
        Recursion::Once => RawRing::new(2),
    };
    bench.compare(
        &format!("switch, {depth} frames, {kind}"),
        Target::None,
        iterations,
        ours,
        "bare trampoline",
        |n| time(1, || raw.run(n)),
    );
}

/// Builds the chain, sends a number through it, and kills it; how long each took.
fn run_chain(links: u64) -> [Duration; 3] {
    let start = Instant::now();
    let main = greenlet::main();
    let mut chain = Vec::new();
    let mut next = main.clone();
    for _ in 0..links {
        let (back, onward) = (main.clone(), next);
        let link = Greenlet::new(move |primed: u64| {
            let count = back.switch::<u64, u64>(primed);
            onward.switch::<u64, u64>(count + 1)
        });
        link.switch(0);
        next = link.any();
        chain.push(link);
    }
    let built = start.elapsed();
    let start = Instant::now();
    let count = next.switch::<u64, u64>(0);
    assert_eq!(count, links, "every link counted");
    let passed = start.elapsed();
    let start = Instant::now();
    drop(next);
    drop(chain);
    [built, passed, start.elapsed()]
}

fn chain(bench: &Bench) {
    let links = match bench.is_quick() {
        true => 10_000,
        false => 100_000,
    };
    let pages = Memory::new(links as usize);
    let touch = || {
        pages.forget();
        time(1, || pages.touch())
    };
    let fresh = || {
        greenlet::trim_stacks();
        run_chain(links)
    };
    let compare = |name: &str, ours: &dyn Fn() -> Duration| {
        let name = format!("chain of {links}, {name}");
        bench.compare_whole(&name, Target::None, links, ours, "touch a page", touch);
    };
    compare("fresh stacks: build", &|| fresh()[0]);
    compare("fresh stacks: pass a number", &|| fresh()[1]);
    compare("fresh stacks: kill", &|| fresh()[2]);
    compare("fresh stacks: sum", &|| fresh().iter().sum());
    compare("pooled stacks: sum", &|| run_chain(links).iter().sum());
    assert_eq!(greenlet::census().stacks, 0, "everyone is dead");
}
