//! Timing for the benches, and the raw coroutines they are measured beside.
//!
//! A figure and its floor are timed in turns, for several rounds, so that whatever else the machine does meets
//! both. The best round of each counts: nothing makes code faster than it is. Only ratios within one run mean something.
#![allow(dead_code, reason = "each bench uses its part")]
#![allow(unsafe_code)]

pub(crate) mod net;

use std::cell::Cell;
use std::hint::black_box;
use std::num::NonZeroUsize;
use std::ptr;
use std::time::{Duration, Instant};

use corosensei::{Coroutine, stack};

/// What a figure has to reach.
#[derive(Clone, Copy)]
pub(crate) enum Target {
    /// At most so many times the floor.
    Ratio(f64),
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// Only to be seen.
    None,
}

/// One bench program: its arguments, and the table that it prints.
pub(crate) struct Bench {
    quick: bool,
    filters: Vec<String>,
}

impl Bench {
    /// Reads the arguments, and prints the head of the table. `--quick`, or `BENCH_QUICK` in the environment, asks for fewer and
    /// shorter rounds. An argument without dashes asks for the lines only whose name contains it. Others, like the `--bench` that
    /// cargo passes, mean nothing here.
    pub(crate) fn new(title: &str) -> Self {
        let quick = std::env::args().any(|argument| argument == "--quick")
            || std::env::var_os("BENCH_QUICK").is_some();
        let filters = std::env::args()
            .skip(1)
            .filter(|argument| !argument.starts_with('-'));
        let filters = filters.collect();
        println!("{title}");
        println!(
            "{:<44} {:>10} {:>10}   {:>10} {:>10} {:>7}  {:<9} floor",
            "nanoseconds", "best", "median", "floor", "median", "ratio", "target"
        );
        Bench { quick, filters }
    }

    pub(crate) fn is_quick(&self) -> bool {
        self.quick
    }

    /// Times `ours` beside `floor`, both called with a number of iterations to do, and prints a line.
    ///
    /// Each gives the time those iterations took, so that it may prepare and clear up off the clock.
    pub(crate) fn compare(
        &self,
        name: &str,
        target: Target,
        iterations: u64,
        mut ours: impl FnMut(u64) -> Duration,
        floor_name: &str,
        mut floor: impl FnMut(u64) -> Duration,
    ) {
        if !self.is_asked_for(name) {
            return;
        }
        let rounds = if self.quick { 7 } else { 41 };
        let iterations = self.scale(iterations);
        let (mut our_times, mut floor_times) = (Vec::new(), Vec::new());
        // The first round warms up.
        for round in 0..=rounds {
            let times = (floor(iterations), ours(iterations));
            if round > 0 {
                floor_times.push(per_iteration(times.0, iterations));
                our_times.push(per_iteration(times.1, iterations));
            }
        }
        print_line(name, target, &mut our_times, &mut floor_times, floor_name);
    }

    /// As [`compare`](Self::compare), for work that is done once a round and costs `units`: few rounds, as many units in a quick
    /// run as in a full one.
    pub(crate) fn compare_whole(
        &self,
        name: &str,
        target: Target,
        units: u64,
        mut ours: impl FnMut() -> Duration,
        floor_name: &str,
        mut floor: impl FnMut() -> Duration,
    ) {
        if !self.is_asked_for(name) {
            return;
        }
        let rounds = if self.quick { 2 } else { 9 };
        let (mut our_times, mut floor_times) = (Vec::new(), Vec::new());
        for _ in 0..rounds {
            floor_times.push(per_iteration(floor(), units));
            our_times.push(per_iteration(ours(), units));
        }
        print_line(name, target, &mut our_times, &mut floor_times, floor_name);
    }

    pub(crate) fn is_asked_for(&self, name: &str) -> bool {
        self.filters.is_empty() || self.filters.iter().any(|filter| name.contains(filter))
    }

    fn scale(&self, iterations: u64) -> u64 {
        if self.quick {
            (iterations / 10).max(1)
        } else {
            iterations
        }
    }
}

fn per_iteration(time: Duration, iterations: u64) -> f64 {
    time.as_nanos() as f64 / iterations as f64
}

fn print_line(name: &str, target: Target, ours: &mut [f64], floor: &mut [f64], floor_name: &str) {
    ours.sort_by(f64::total_cmp);
    floor.sort_by(f64::total_cmp);
    let (best, best_floor) = (ours[0], floor[0]);
    let target = match target {
        Target::Ratio(ratio) => format!("<= {ratio:.1} x"),
        Target::Nanoseconds(ns) => format!("<= {ns:.0} ns"),
        Target::None => String::new(),
    };
    println!(
        "{name:<44} {best:>10.2} {:>10.2}   {best_floor:>10.2} {:>10.2} {:>7.2}  {target:<9} {floor_name}",
        ours[ours.len() / 2],
        floor[floor.len() / 2],
        best / best_floor,
    );
}

/// How long `iterations` calls of `f` take.
#[inline]
pub(crate) fn time(iterations: u64, mut f: impl FnMut()) -> Duration {
    let start = Instant::now();
    for _ in 0..iterations {
        f();
    }
    start.elapsed()
}

/// Calls `last` under `frames` frames of its own.
pub(crate) fn under_frames(frames: usize, last: &mut dyn FnMut()) {
    let room = black_box([frames; 4]);
    match frames {
        0 => last(),
        _ => under_frames(frames - 1, last),
    }
    black_box(&room);
}

/// What a stack of the default size takes up.
pub(crate) const SLOT: usize = 64 << 10;

/// Address space for `slots` stacks side by side: no guards, no colours, no pool. Never given back.
pub(crate) struct Memory {
    start: *mut u8,
    slots: usize,
}

impl Memory {
    pub(crate) fn new(slots: usize) -> Self {
        // SAFETY: a new private mapping at an address of the kernel's choice.
        let start = unsafe {
            libc::mmap(
                ptr::null_mut(),
                slots * SLOT,
                libc::PROT_READ | libc::PROT_WRITE,
                libc::MAP_PRIVATE | libc::MAP_ANONYMOUS | libc::MAP_NORESERVE,
                -1,
                0,
            )
        };
        assert_ne!(start, libc::MAP_FAILED, "no address space");
        // SAFETY: advice about the mapping just made. As for greenlets' stacks, huge pages would back what nobody touches.
        #[cfg(target_os = "linux")]
        unsafe {
            libc::madvise(start, slots * SLOT, libc::MADV_NOHUGEPAGE);
        }
        Memory {
            start: start.cast(),
            slots,
        }
    }

    /// Writes to the highest page of every slot, as the first frame on a stack does.
    pub(crate) fn touch(&self) {
        for slot in 1..=self.slots {
            // SAFETY: in bounds of the mapping, on which no stack was made.
            unsafe { self.start.add(slot * SLOT - 64).write_volatile(1) };
        }
    }

    /// Takes the touched pages away again.
    pub(crate) fn forget(&self) {
        // SAFETY: the whole of a mapping on which no stack was made.
        let done =
            unsafe { libc::madvise(self.start.cast(), self.slots * SLOT, libc::MADV_DONTNEED) };
        assert_eq!(done, 0, "madvise");
    }

    /// All slots as stacks.
    fn into_stacks(self) -> impl Iterator<Item = RawStack> {
        let start = self.start as usize;
        (0..self.slots).map(move |slot| RawStack(start + slot * SLOT))
    }
}

/// A slot of a [`Memory`], by its lowest address.
pub(crate) struct RawStack(usize);

impl RawStack {
    pub(crate) fn new() -> Self {
        let mut stacks = Memory::new(1).into_stacks();
        stacks.next().expect("one was asked for")
    }
}

// SAFETY: a slot is mapped for ever, belongs to one `RawStack` only, and both its ends are aligned to a page. There is no
// guard page: what runs on raw stacks here needs a few hundred bytes.
unsafe impl stack::Stack for RawStack {
    #[inline]
    fn base(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0 + SLOT).expect("not at null")
    }

    #[inline]
    fn limit(&self) -> NonZeroUsize {
        NonZeroUsize::new(self.0).expect("not at null")
    }
}

/// A coroutine that gives back what it is resumed with, for ever.
pub(crate) struct RawEcho<T: Copy + 'static>(Coroutine<T, T, (), RawStack>);

impl<T: Copy + 'static> RawEcho<T> {
    pub(crate) fn new() -> Self {
        RawEcho(Coroutine::with_stack(
            RawStack::new(),
            |yielder, mut value| loop {
                value = yielder.suspend(value);
            },
        ))
    }

    #[inline]
    pub(crate) fn resume(&mut self, value: T) -> T {
        let yielded = self.0.resume(value).as_yield();
        // It is a loop: there is no other case.
        yielded.expect("never returns")
    }
}

impl<T: Copy + 'static> Drop for RawEcho<T> {
    fn drop(&mut self) {
        // SAFETY: its frames hold nothing that needs a drop.
        unsafe { self.0.force_reset() };
    }
}

type Node = Coroutine<(), (), (), RawStack>;

/// The bare trampoline: coroutines in a ring; each says who is next and suspends, a loop resumes that one.
pub(crate) struct RawRing {
    next: &'static Cell<*mut Node>,
    nodes: Vec<Node>,
}

impl RawRing {
    pub(crate) fn new(len: usize) -> Self {
        RawRing::build(len, None)
    }

    /// Each calls down so many frames before it suspends, and returns from them after.
    pub(crate) fn recursing(len: usize, frames: usize) -> Self {
        RawRing::build(len, Some(frames))
    }

    fn build(len: usize, frames: Option<usize>) -> Self {
        let next = &*Box::leak(Box::new(Cell::new(ptr::null_mut::<Node>())));
        let mut nodes = Vec::with_capacity(len);
        let first: *mut Node = nodes.as_mut_ptr();
        next.set(first);
        for (index, stack) in Memory::new(len).into_stacks().enumerate() {
            let neighbour = first.wrapping_add((index + 1) % len);
            nodes.push(Coroutine::with_stack(stack, move |yielder, ()| {
                let pass_on = || {
                    next.set(neighbour);
                    yielder.suspend(());
                };
                match frames {
                    Some(frames) => loop {
                        under_frames(frames, &mut { pass_on });
                    },
                    None => loop {
                        pass_on();
                    },
                }
            }));
        }
        RawRing { next, nodes }
    }

    /// Lets `hops` coroutines run in turn.
    #[inline]
    pub(crate) fn run(&mut self, hops: u64) {
        for _ in 0..hops {
            // SAFETY: points into `nodes`, which neither moves nor grows any more and is borrowed by this call.
            unsafe { (*self.next.get()).resume(()) };
        }
    }
}

impl Drop for RawRing {
    fn drop(&mut self) {
        for node in &mut self.nodes {
            // SAFETY: its frames hold nothing that needs a drop.
            unsafe { node.force_reset() };
        }
    }
}
