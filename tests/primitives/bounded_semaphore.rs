//! `lock::BoundedSemaphore`. What all locks have in common is in `tests/support/locks.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::lock::BoundedSemaphore;
use greenlet::{spawn, yield_now};

use crate::locks;
use crate::support::leak_checked;

#[test]
fn smoke() {
    locks::smoke::<BoundedSemaphore>();
}

#[test]
fn try_x() {
    locks::try_x::<BoundedSemaphore>();
}

#[test]
fn fifo() {
    locks::fifo::<BoundedSemaphore>();
}

#[test]
fn x_timeout() {
    locks::x_timeout::<BoundedSemaphore>();
}

#[test]
fn kill_while_waiting() {
    locks::kill_while_waiting::<BoundedSemaphore>();
}

#[test]
fn kill_after_grant() {
    locks::kill_after_grant::<BoundedSemaphore>();
}

#[test]
fn cross_thread() {
    locks::cross_thread::<BoundedSemaphore>();
}

#[test]
fn stress() {
    locks::stress::<BoundedSemaphore>();
}

#[test]
fn spinning_makes_progress() {
    locks::spinning_makes_progress::<BoundedSemaphore>();
}

#[test]
fn there_are_never_more_units_than_at_first() {
    leak_checked(|| {
        let semaphore = BoundedSemaphore::new(2);
        let held = semaphore.hold();
        semaphore.acquire();
        assert!(semaphore.locked() && !semaphore.try_acquire());
        semaphore.release();
        semaphore.release();
        let misuse = catch_unwind(AssertUnwindSafe(|| semaphore.release()));
        let message = *misuse.unwrap_err().downcast::<String>().unwrap();
        assert!(
            message.contains("more than the units it began with, 2"),
            "{message}"
        );
        assert!(catch_unwind(AssertUnwindSafe(|| drop(held))).is_err());
        assert_eq!(semaphore.available(), 2);
        assert!(catch_unwind(|| BoundedSemaphore::new(0)).is_err());
    });
}

#[test]
fn a_unit_that_is_handed_over_is_not_counted_as_free() {
    leak_checked(|| {
        let semaphore = Rc::new(BoundedSemaphore::new(1));
        semaphore.acquire();
        let s = semaphore.clone();
        let waiter = spawn(move || s.acquire());
        yield_now();
        semaphore.release();
        assert_eq!(semaphore.available(), 0);
        waiter.join().unwrap();
        semaphore.release();
        assert_eq!(semaphore.available(), 1);
    });
}
