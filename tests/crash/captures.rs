//! Bodies that capture much, little, or what has to lie at round addresses; arguments and results of the same kinds.

use std::cell::Cell;
use std::hint::black_box;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::ptr;
use std::rc::Rc;

use greenlet::Greenlet;

use crate::{Case, Says, say, succeeds};

pub(crate) const CASES: &[Case] = &[
    ("large_captures", large_captures),
    ("large_values", large_values),
    (
        "two_kilobytes_on_default_stack",
        two_kilobytes_on_default_stack,
    ),
    ("over_aligned_captures", over_aligned_captures),
    ("over_aligned_values", over_aligned_values),
    ("empty_captures", empty_captures),
    ("captures_are_dropped_once", captures_are_dropped_once),
    ("captured_drop_panics_unrun", drop_panics_unrun),
    (
        "captured_drop_panics_when_killed_new",
        drop_panics_killed_new,
    ),
    (
        "captured_drop_panics_after_the_run",
        drop_panics_after_the_run,
    ),
    (
        "captured_drop_panics_when_thrown_at",
        drop_panics_when_thrown_at,
    ),
    ("captured_drop_panics_in_set_run", drop_panics_in_set_run),
];

/// The body in each of the ways to give it: with the greenlet, and later.
fn both_ways<A: 'static, B: 'static, F: FnOnce(A) -> B + 'static>(
    make: impl Fn() -> F,
) -> [Greenlet<A, B>; 2] {
    let size = 1 << 20;
    let first = Greenlet::builder().stack_size(size).build(make());
    let replaced: fn(A) -> B = |_| unreachable!("is replaced");
    let second = Greenlet::builder().stack_size(size).build(replaced);
    second.set_run(make());
    [first, second]
}

fn pattern<const N: usize>() -> [u8; N] {
    std::array::from_fn(|i| (i * 7 + N) as u8)
}

fn large_captures() {
    fn check<const N: usize>() {
        let body = || {
            let captured = black_box(pattern::<N>());
            move |n: usize| {
                greenlet::main().switch::<u8, ()>(captured[n]);
                captured
            }
        };
        for g in both_ways(body) {
            let byte: u8 = g.any().switch(N / 2);
            assert_eq!(byte, pattern::<N>()[N / 2]);
            let all: [u8; N] = g.any().switch(());
            assert!(all == pattern::<N>(), "{N} bytes came back changed");
        }
        drop(both_ways(body));
    }
    check::<1025>();
    check::<4096>();
    check::<{ 40 << 10 }>();
}

fn large_values() {
    let g = Greenlet::builder().stack_size(4 << 20);
    let g = g.build(|first: [u8; 10_000]| {
        let second: [u8; 5_000] = greenlet::main().switch(first);
        (sum(&first) + sum(&second), pattern::<7_000>())
    });
    let back: [u8; 10_000] = g.any().switch(pattern::<10_000>());
    assert!(back == pattern::<10_000>());
    let (total, bytes): (u64, [u8; 7_000]) = g.any().switch([1u8; 5_000]);
    assert_eq!(total, sum(&back) + 5_000);
    assert!(bytes == pattern::<7_000>());
}

fn sum(bytes: &[u8]) -> u64 {
    bytes.iter().map(|&byte| u64::from(byte)).sum()
}

/// On the stack that a greenlet has if nothing is said: next to nothing of it is needed for this.
fn two_kilobytes_on_default_stack() {
    let captured = black_box([1u8; 2048]);
    let g = Greenlet::new(move |()| sum(&captured));
    assert_eq!(g.switch(()), 2048);
    let g = Greenlet::new(|bytes: [u8; 2048]| sum(&bytes));
    assert_eq!(g.switch(black_box([1; 2048])), 2048);
    let g = Greenlet::new(|()| black_box([1u8; 2048]));
    assert_eq!(sum(&g.switch(())), 2048);
}

#[test]
fn two_kilobytes_captured_sent_or_returned_fit_the_default_stack() {
    succeeds("two_kilobytes_on_default_stack");
}

#[test]
fn bodies_may_capture_much() {
    succeeds("large_captures");
}

#[test]
fn values_may_be_large() {
    succeeds("large_values");
}

#[derive(Clone, Copy)]
#[repr(align(64))]
struct Line(u64);

#[derive(Clone, Copy)]
#[repr(align(4096))]
struct Page(u64);

/// Whether `value` lies where its type says. The address is hidden, or the compiler would know the answer.
fn is_aligned<T>(value: &T) -> bool {
    black_box(ptr::from_ref(value).addr()).is_multiple_of(align_of::<T>())
}

fn over_aligned_captures() {
    let body = || {
        let (line, page) = (Line(64), Page(4096));
        move |()| {
            let aligned = is_aligned(&line) && is_aligned(&page);
            greenlet::main().switch::<bool, ()>(aligned);
            let still = is_aligned(&line) && is_aligned(&page);
            (still, black_box(&line).0 + black_box(&page).0)
        }
    };
    for _ in 0..3 {
        for g in both_ways(body) {
            let aligned: bool = g.any().switch(());
            assert!(aligned);
            assert_eq!(g.switch(()), (true, 64 + 4096));
        }
    }
    drop(both_ways(body));
}

fn over_aligned_values() {
    for depth in 0..10 {
        // Stack pointers of every kind.
        let g = Greenlet::builder().stack_size(1 << 20);
        let g = g.build(move |first: Page| {
            let padding = black_box(vec![0u8; depth]);
            assert!(is_aligned(&first));
            let line: Line = greenlet::main().switch(Page(first.0 + padding.len() as u64));
            assert!(is_aligned(&line));
            Page(line.0 + 1)
        });
        let name = g.any();
        let page: Page = name.switch(Page(1));
        assert!(is_aligned(&page) && page.0 == 1 + depth as u64);
        let page = g.any().switch::<Line, Page>(Line(2));
        assert!(is_aligned(&page) && page.0 == 3);
    }
}

#[test]
fn captures_lie_at_round_addresses() {
    succeeds("over_aligned_captures");
}

#[test]
fn values_lie_at_round_addresses() {
    succeeds("over_aligned_values");
}

fn empty_captures() {
    #[derive(PartialEq, Debug)]
    struct Empty;
    #[repr(align(256))]
    struct EmptyButAligned;
    let body = || {
        let (says, aligned) = (Says0, EmptyButAligned);
        move |argument: Empty| {
            assert!(is_aligned(&aligned));
            let _says = says;
            argument
        }
    };
    for g in both_ways(body) {
        assert_eq!(size_of_val(&body()), 0);
        assert_eq!(g.switch(Empty), Empty);
        assert!(g.is_dead());
    }
}

/// Empty, and not trivial to drop.
struct Says0;

impl Drop for Says0 {
    fn drop(&mut self) {
        say("empty");
    }
}

#[test]
fn bodies_may_capture_nothing_that_takes_room() {
    // Two that ran, and one for each measured.
    assert_eq!(succeeds("empty_captures"), ["empty"; 4]);
}

fn captures_are_dropped_once() {
    struct Counts(Rc<Cell<u32>>, [u64; 100]);
    impl Drop for Counts {
        fn drop(&mut self) {
            assert!(self.1 == [5; 100]);
            self.0.set(self.0.get() + 1);
        }
    }
    let dropped = Rc::new(Cell::new(0));
    let expect = |n: u32| assert_eq!(dropped.replace(0), n);
    let body = || {
        let counts = Counts(dropped.clone(), [5; 100]);
        move |()| {
            let _counts = counts;
            greenlet::main().switch::<(), ()>(());
        }
    };
    drop(both_ways(body));
    expect(2);
    for g in both_ways(body) {
        g.switch(());
        expect(0);
        g.switch(());
        expect(1);
    }
    for g in both_ways(body) {
        g.switch(());
        drop(g);
        expect(1);
    }
    for g in both_ways(body) {
        g.kill();
        expect(1);
        drop(g);
        expect(0);
    }
    for g in both_ways(body) {
        assert!(g.try_throw(Box::new("born dead")).is_err());
        expect(1);
    }
}

#[test]
fn captures_are_dropped_exactly_once_however_it_ends() {
    succeeds("captures_are_dropped_once");
}

/// Its destructor panics.
struct Panics(&'static str);

impl Drop for Panics {
    fn drop(&mut self) {
        panic!("{}", self.0);
    }
}

/// Says with what `run` panics.
fn say_panic(run: impl FnOnce()) {
    match catch_unwind(AssertUnwindSafe(run)) {
        Ok(()) => say("no panic"),
        Err(payload) => match payload.downcast_ref::<String>() {
            Some(message) => say(message),
            None => say(payload.downcast_ref::<&str>().expect("has a message")),
        },
    }
}

fn panicking_body(when: &'static str) -> impl FnOnce(()) {
    let (says, panics) = (Says("the other capture"), Panics(when));
    move |()| {
        let (_says, _panics) = (says, panics);
    }
}

fn drop_panics_unrun() {
    for g in both_ways(|| panicking_body("unrun")) {
        say_panic(|| drop(g));
    }
}

fn drop_panics_killed_new() {
    for g in both_ways(|| panicking_body("killed")) {
        say_panic(|| g.kill());
        assert!(g.is_dead());
    }
}

fn drop_panics_after_the_run() {
    for g in both_ways(|| panicking_body("run")) {
        say_panic(|| g.switch(()));
        assert!(g.is_dead());
    }
}

fn drop_panics_when_thrown_at() {
    for g in both_ways(|| panicking_body("lost")) {
        say_panic(|| g.throw(Box::new("thrown")));
        assert!(g.is_dead());
    }
}

fn drop_panics_in_set_run() {
    for g in both_ways(|| panicking_body("replaced")) {
        say_panic(|| g.set_run(|()| say("runs all the same")));
        g.switch(());
    }
}

#[test]
fn panic_of_a_captured_destructor_goes_to_whoever_drops_the_body() {
    let other = "the other capture";
    let runs = "runs all the same";
    for (case, expected) in [
        ("captured_drop_panics_unrun", &[other, "unrun"][..]),
        ("captured_drop_panics_when_killed_new", &[other, "killed"]),
        ("captured_drop_panics_after_the_run", &[other, "run"]),
        // The first error wins; the panic hook has seen the other.
        ("captured_drop_panics_when_thrown_at", &[other, "thrown"]),
        (
            "captured_drop_panics_in_set_run",
            &[other, "replaced", runs],
        ),
    ] {
        // Twice: once for each way to give a body.
        assert_eq!(succeeds(case), expected.repeat(2), "{case}");
    }
}
