//! `lock::Lock`. What all locks have in common is in `tests/support/locks.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::panic::{AssertUnwindSafe, RefUnwindSafe, UnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;

use greenlet::event::{AsyncResult, Event};
use greenlet::lock::{BoundedSemaphore, Condition, Lock, RLock};
use greenlet::{spawn, yield_now};

use crate::locks;
use crate::support::leak_checked;

#[test]
fn smoke() {
    locks::smoke::<Lock>();
}

#[test]
fn try_x() {
    locks::try_x::<Lock>();
}

#[test]
fn fifo() {
    locks::fifo::<Lock>();
}

#[test]
fn x_timeout() {
    locks::x_timeout::<Lock>();
}

#[test]
fn kill_while_waiting() {
    locks::kill_while_waiting::<Lock>();
}

#[test]
fn kill_after_grant() {
    locks::kill_after_grant::<Lock>();
}

#[test]
fn cross_thread() {
    locks::cross_thread::<Lock>();
}

#[test]
fn stress() {
    locks::stress::<Lock>();
}

#[test]
fn spinning_makes_progress() {
    locks::spinning_makes_progress::<Lock>();
}

fn message_of(misuse: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(misuse)).unwrap_err();
    *payload.downcast::<String>().unwrap()
}

#[test]
fn anybody_may_release() {
    leak_checked(|| {
        let lock = Rc::new(Lock::new());
        lock.acquire();
        let l = lock.clone();
        let releaser = spawn(move || l.release());
        lock.acquire(); // waits for the release
        releaser.join().unwrap();
        lock.release();

        let lock = Arc::new(Lock::new());
        lock.acquire();
        let l = lock.clone();
        thread::spawn(move || l.release()).join().unwrap();
        assert!(lock.try_acquire());
    });
}

#[test]
fn a_release_too_many_panics_in_the_caller() {
    leak_checked(|| {
        let lock = Lock::new();
        let message = "a `Lock` was released that is not taken";
        assert_eq!(message_of(|| lock.release()), message);
        assert!(
            lock.try_acquire() && !lock.try_acquire(),
            "it has done no harm"
        );
        lock.release();
        let held = lock.hold();
        lock.release();
        assert_eq!(message_of(|| drop(held)), message);
        // Not while the thread panics, which would end the process.
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _held = lock.hold();
            lock.release();
            std::panic::resume_unwind(Box::new("first"));
        }));
        assert_eq!(*panic.unwrap_err().downcast::<&str>().unwrap(), "first");
    });
}

#[test]
fn a_wait_for_what_anybody_may_release_is_no_deadlock() {
    leak_checked(|| {
        let lock = Rc::new(Lock::new());
        let l = lock.clone();
        lock.acquire();
        let waiter = spawn(move || l.acquire());
        yield_now();
        assert!(
            greenlet::hub::deadlocks().is_empty(),
            "anybody may release it"
        );
        waiter.kill();
        assert!(waiter.join().is_err());
        assert_eq!(format!("{lock:?}"), "Lock { locked: true, waiting: 0 }");
        lock.release();
    });
}

#[test]
fn locks_and_events_are_shared_between_threads_and_may_be_static() {
    fn shared<T: Send + Sync + UnwindSafe + RefUnwindSafe>(_: &T) {}
    static LOCK: Lock = Lock::new();
    static RLOCK: RLock = RLock::new();
    static UNITS: BoundedSemaphore = BoundedSemaphore::new(1);
    static CONDITION: Condition = Condition::new();
    static OVER: Condition<&Lock> = Condition::over(&LOCK);
    static EVENT: Event = Event::new();
    static RESULT: AsyncResult<u8> = AsyncResult::new();
    shared(&(&LOCK, &RLOCK, &UNITS));
    shared(&(&CONDITION, &OVER, &EVENT, &RESULT));
    leak_checked(|| {
        let held = OVER.hold();
        assert!(!LOCK.try_acquire());
        drop(held);
        assert!(LOCK.try_acquire());
        LOCK.release();
    });
}
