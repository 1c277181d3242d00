//! What allocates, counted by the allocator: an operation on a channel does not, once the channel has grown to what is needed at a time.
#![allow(unsafe_code, reason = "an allocator is unsafe by nature")]

use std::alloc::{GlobalAlloc, Layout, System};
use std::cell::Cell;

use greenlet::channel::{Select, bounded, never, select, unbounded};
use greenlet::{spawn, yield_now};

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

/// How often the second of two equal rounds allocates.
fn allocations(mut round: impl FnMut()) -> usize {
    round();
    let before = ALLOCATIONS.get();
    round();
    ALLOCATIONS.get() - before
}

#[test]
fn send_and_recv_allocate_nothing() {
    leak_checked(|| {
        let (s, r) = unbounded();
        let made = allocations(|| {
            for n in 0..1000 {
                s.send([n; 8]).unwrap();
                s.send([n; 8]).unwrap();
                assert_eq!((r.recv(), r.try_recv()), (Ok([n; 8]), Ok([n; 8])));
            }
        });
        assert_eq!(made, 0);
        assert!(allocations(|| drop(Box::new(1))) > 0, "the count counts");
    });
}

#[test]
fn waiting_allocates_nothing() {
    for capacity in [0, 1] {
        leak_checked(move || {
            let ((there, t), (back, b)) = (bounded(capacity), bounded(capacity));
            let echo = spawn(move || t.iter().for_each(|n| back.send(n).unwrap()));
            let made = allocations(|| {
                for n in 0..1000 {
                    there.send(n).unwrap();
                    assert_eq!(b.recv(), Ok(n));
                }
            });
            assert_eq!(made, 0);
            drop(there);
            echo.join().unwrap();
        });
    }
}

#[test]
fn select_allocates_nothing() {
    for capacity in [0, 1] {
        leak_checked(move || {
            let ((there, t), (back, b)) = (bounded(capacity), bounded(capacity));
            let idle = never::<i32>();
            let echo = spawn(move || {
                let mut select = Select::new();
                select.recv(&t);
                while let Ok(n) = select.select().recv(&t) {
                    select! { send(back, n) -> result => result.unwrap(), recv(idle) -> _ => {} }
                }
            });
            let idle = never::<i32>();
            let made = allocations(|| {
                for n in 0..1000 {
                    yield_now();
                    select! { send(there, n) -> result => result.unwrap(), recv(idle) -> _ => {} }
                    select! { recv(b) -> m => assert_eq!(m, Ok(n)), recv(idle) -> _ => {} }
                }
            });
            assert_eq!(made, 0);
            drop(there);
            echo.join().unwrap();
        });
    }
}
