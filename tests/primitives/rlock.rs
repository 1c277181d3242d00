//! `lock::RLock`. What all locks have in common is in `tests/support/locks.rs`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::lock::RLock;
use greenlet::{spawn, yield_now};

use crate::locks;
use crate::support::leak_checked;

#[test]
fn smoke() {
    locks::smoke::<RLock>();
}

#[test]
fn try_x() {
    locks::try_x::<RLock>();
}

#[test]
fn fifo() {
    locks::fifo::<RLock>();
}

#[test]
fn x_timeout() {
    locks::x_timeout::<RLock>();
}

#[test]
fn kill_while_waiting() {
    locks::kill_while_waiting::<RLock>();
}

#[test]
fn kill_after_grant() {
    locks::kill_after_grant::<RLock>();
}

#[test]
fn cross_thread() {
    locks::cross_thread::<RLock>();
}

#[test]
fn stress() {
    locks::stress::<RLock>();
}

#[test]
fn spinning_makes_progress() {
    locks::spinning_makes_progress::<RLock>();
}

fn message_of(misuse: impl FnOnce()) -> String {
    let payload = catch_unwind(AssertUnwindSafe(misuse)).unwrap_err();
    *payload.downcast::<String>().unwrap()
}

#[test]
fn its_owner_may_take_it_again() {
    leak_checked(|| {
        let lock = Rc::new(RLock::new());
        lock.acquire();
        assert!(lock.try_acquire() && lock.acquire_timeout(Duration::ZERO));
        let l = lock.clone();
        let other = spawn(move || {
            l.acquire();
            l.release();
        });
        for _ in 0..2 {
            lock.release();
            yield_now();
            assert!(lock.locked() && !other.is_finished());
        }
        lock.release();
        other.join().unwrap();
        assert!(!lock.locked());
    });
}

#[test]
fn a_release_by_another_panics_and_names_both() {
    leak_checked(|| {
        let lock = Rc::new(RLock::new());
        lock.acquire();
        let me = greenlet::current().id();
        let l = lock.clone();
        let other = spawn(move || message_of(|| l.release()));
        let id = other.greenlet().id();
        let message = format!("{id} released an `RLock` that greenlet {me} has taken");
        assert_eq!(other.join().unwrap(), message);
        lock.release();
        let message = format!("main ({me}) released an `RLock` that nobody has taken");
        assert_eq!(message_of(|| lock.release()), message);
        assert!(lock.try_acquire());
        lock.release();
    });
}

#[test]
fn a_release_by_another_thread_panics() {
    leak_checked(|| {
        let lock = Arc::new(RLock::new());
        lock.acquire();
        let l = lock.clone();
        let message = thread::spawn(move || message_of(|| l.release()));
        let me = greenlet::current().id();
        let message = message.join().unwrap();
        assert!(
            message.ends_with(&format!("greenlet {me} has taken")),
            "{message}"
        );
        lock.release();
        assert!(!lock.locked());
    });
}

#[test]
fn two_that_wait_for_each_other_are_a_deadlock() {
    leak_checked(|| {
        let locks = Rc::new((RLock::new(), RLock::new()));
        let l = locks.clone();
        let first = spawn(move || {
            let _a = l.0.hold();
            yield_now();
            let _b = l.1.hold();
        });
        let l = locks.clone();
        let second = spawn(move || {
            let _b = l.1.hold();
            yield_now();
            let _a = l.0.hold();
        });
        yield_now();
        yield_now();
        let deadlocks = greenlet::hub::deadlocks();
        assert_eq!(deadlocks.len(), 1);
        assert_eq!(deadlocks[0].cycle().len(), 2);
        first.kill();
        assert!(first.join().is_err());
        second.join().unwrap();
    });
}
