//! The floor of whatever needs a page each: as many fresh pages are touched, one after another, and nothing else is done.
//!
//! One mapping, without huge pages, as stacks of coroutines are. `spawn_many` and `sleepers` are the same work here; the latter tells
//! how much memory it took as well.

use measure::{Mapping, PAGE, Workload, grown, print_bytes, print_ns, time};

const WORKLOADS: &[Workload] = &[
    Workload::sized("spawn_many", |n| print_ns(touch(n))),
    Workload::sized("sleepers", sleepers),
];

fn main() {
    measure::main(WORKLOADS, |workload| workload.run());
}

/// What it takes to map and to touch a page, in nanoseconds.
fn touch(pages: usize) -> f64 {
    let took = time(1, || Mapping::new(pages * PAGE).touch());
    took.as_nanos() as f64 / pages as f64
}

fn sleepers(n: usize) {
    let ns = touch(n);
    print_bytes(grown() as f64 / n as f64);
    print_ns(ns);
}
