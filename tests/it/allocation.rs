//! What allocates, counted by the allocator.
//!
//! Contract: "A value moves from sender to receiver without a heap allocation".
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;
use std::time::Duration;

use greenlet::readiness::{wait_readable_timeout, wait_writable};
use greenlet::{AnyGreenlet, Greenlet, hub, spawn, yield_now};

use crate::support::leak_checked;

struct Counting;

thread_local! {
    static ALLOCATIONS: Cell<usize> = const { Cell::new(0) };
}

// SAFETY: all is left to the system's allocator; counting allocates nothing, as the thread-local needs no
// initialisation and has no destructor.
unsafe impl GlobalAlloc for Counting {
    unsafe fn alloc(&self, layout: Layout) -> *mut u8 {
        ALLOCATIONS.set(ALLOCATIONS.get() + 1);
        // SAFETY: as promised by the caller.
        unsafe { System.alloc(layout) }
    }

    unsafe fn dealloc(&self, block: *mut u8, layout: Layout) {
        // SAFETY: as promised by the caller.
        unsafe { System.dealloc(block, layout) }
    }
}

#[global_allocator]
static COUNTING: Counting = Counting;

fn allocations(run: impl FnOnce()) -> usize {
    let before = ALLOCATIONS.get();
    run();
    ALLOCATIONS.get() - before
}

#[test]
fn measuring_allocates_nothing_once_everybody_was_runnable() {
    leak_checked(|| {
        let other = spawn(|| {
            loop {
                yield_now();
            }
        });
        // Both are unnamed, so a longest slice would allocate nothing either.
        hub::measure(true);
        yield_now();
        yield_now();
        let made = allocations(|| {
            for _ in 0..1000 {
                yield_now();
            }
        });
        hub::measure(false);
        assert_eq!(made, 0);
        assert!(hub::measured().slices.count() >= 2000);
        other.kill();
        assert!(other.join().is_err());
    });
}

#[test]
fn a_switch_allocates_nothing() {
    leak_checked(|| {
        let main = greenlet::main();
        let g = Greenlet::<[u64; 32], [u64; 32]>::new(move |mut value| {
            loop {
                value[0] += 1;
                value = main.switch(value);
            }
        });
        let mut value = g.switch([0; 32]);
        let made = allocations(|| {
            for _ in 0..1000 {
                value = g.switch(value);
            }
        });
        assert_eq!((made, value[0]), (0, 1001));
        assert!(allocations(|| drop(Box::new(1))) > 0, "the count counts");
    });
}

#[test]
fn a_ring_and_a_refusal_allocate_nothing() {
    leak_checked(|| {
        fn passes(next: AnyGreenlet) -> Greenlet<u32> {
            Greenlet::<u32, u32>::new(move |mut n| {
                loop {
                    n = next.switch(n + 1);
                }
            })
        }
        let mut ring = vec![passes(greenlet::main())];
        for _ in 1..10 {
            let next = ring.last().expect("one").any();
            ring.push(passes(next));
        }
        let first = ring.last().expect("ten").clone();
        assert_eq!(first.switch(0), 10);
        let made = allocations(|| {
            for _ in 0..100 {
                assert_eq!(first.switch(0), 10);
            }
        });
        assert_eq!(made, 0);
        first.kill();
        let made = allocations(|| assert!(first.try_switch(1).is_err()));
        assert_eq!(made, 0, "what is refused for a dead target");
    });
}

#[test]
fn a_greenlet_is_one_allocation() {
    leak_checked(|| {
        let run = || Greenlet::new(|n: u32| n + 1).switch(1);
        run();
        let made = allocations(|| {
            for _ in 0..100 {
                run();
            }
        });
        assert_eq!(
            made, 100,
            "created, started, run and ended on a pooled stack"
        );
    });
}

#[test]
fn a_wait_for_a_descriptor_allocates_nothing() {
    leak_checked(|| {
        let (reader, writer) = std::io::pipe().unwrap();
        let kept = reader.try_clone().unwrap();
        // Another one waits all the while.
        let another = spawn(move || wait_readable_timeout(&kept, Duration::from_secs(3600)));
        wait_writable(&writer).unwrap();
        let made = allocations(|| {
            for _ in 0..1000 {
                wait_writable(&writer).unwrap();
            }
        });
        assert_eq!(made, 0);
        another.kill();
        assert!(another.join().is_err());
    });
}
