//! Source: `test_leaks.py`, the tests of memory that no count of objects covers.
//!
//! Adapted: resident and reserved memory are measured in a child, where nothing else runs. A case prints nothing, and
//! panics if memory has grown.

use std::fs::read_to_string;
use std::thread;

use greenlet::{Greenlet, GreenletId, main};

use crate::child::{Case, run_well};
use crate::leaks::Drops;

pub(crate) const CASES: &[Case] = &[
    ("memory_of_finished", of_finished),
    ("memory_of_dropped", of_dropped),
    ("memory_of_left_over", of_left_over),
];

/// Growth up to here is noise; one control block leaked for every greenlet would be more.
const TOLERATED_KIB: u64 = 8 << 10;

/// What this process has in memory, and what it has reserved, in KiB.
fn usage() -> (u64, u64) {
    let status = read_to_string("/proc/self/status").unwrap();
    let field = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name)).unwrap();
        line.split_whitespace().nth(1).unwrap().parse().unwrap()
    };
    (field("VmRSS:"), field("VmSize:"))
}

fn assert_flat(before: (u64, u64), after: (u64, u64)) {
    let resident = after.0.saturating_sub(before.0);
    let reserved = after.1.saturating_sub(before.1);
    assert!(resident < TOLERATED_KIB, "{resident} KiB more resident");
    assert!(reserved < TOLERATED_KIB, "{reserved} KiB more reserved");
}

fn run_and_finish(count: u32) {
    for _ in 0..count {
        assert_eq!(Greenlet::new(|()| 1).switch(()), 1);
    }
}

fn of_finished() {
    run_and_finish(30_000);
    let before = usage();
    run_and_finish(1_000_000);
    assert_flat(before, usage());
}

/// test_untracked_memory_doesnt_increase (Y)
#[test]
#[cfg_attr(feature = "sanitizer", ignore = "AddressSanitizer keeps freed memory")]
fn a_million_finished_greenlets_leave_memory_flat() {
    run_well("memory_of_finished");
}

const UNFINISHED: u32 = 20_000;

/// Threads, each with many suspended greenlets at once, which it drops at its end. If they own themselves, that is not
/// their end, but the thread's is.
fn abandon(own_themselves: bool) {
    let one_thread = |drops: Drops| {
        let worker = move || -> Vec<GreenletId> {
            let start = |_| {
                let counted = drops.counted();
                let g = Greenlet::new(move |()| {
                    let _counted = counted;
                    let _myself = own_themselves.then(Greenlet::<(), ()>::current);
                    main().switch::<(), ()>(());
                });
                g.switch(());
                assert!(g.is_active());
                g
            };
            let greenlets: Vec<_> = (0..UNFINISHED).map(start).collect();
            assert_eq!(drops.count(), 0);
            let ids = greenlets.iter().map(|g| g.id()).collect();
            drop(greenlets);
            let left = if own_themselves { UNFINISHED } else { 0 };
            assert_eq!(drops.count(), UNFINISHED - left);
            ids
        };
        thread::spawn(worker).join().unwrap()
    };
    let mut before = None;
    for _ in 0..3 {
        // The names outlive what they name.
        let drops = Drops::default();
        let ids = one_thread(drops.clone());
        assert_eq!(ids.len(), UNFINISHED as usize);
        assert_eq!(drops.count(), UNFINISHED);
        before.get_or_insert_with(usage);
    }
    assert_flat(before.unwrap(), usage());
}

fn of_dropped() {
    abandon(false);
}

/// test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_thread (Y)
#[test]
#[cfg_attr(feature = "sanitizer", ignore = "AddressSanitizer keeps freed memory")]
fn unfinished_greenlets_dropped_in_their_thread_all_exit_and_leave_memory_flat() {
    run_well("memory_of_dropped");
}

fn of_left_over() {
    abandon(true);
}

/// test_untracked_memory_doesnt_increase_unfinished_thread_dealloc_in_main (A: they own themselves, and exit when
/// their thread ends, where upstream's do not exit at all)
#[test]
#[cfg_attr(feature = "sanitizer", ignore = "AddressSanitizer keeps freed memory")]
fn unfinished_greenlets_left_to_the_end_of_their_thread_all_exit_and_leave_memory_flat() {
    run_well("memory_of_left_over");
}
