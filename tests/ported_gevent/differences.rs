//! Where the crate differs from gevent on purpose, and no other test shows it. `README.md` lists all such places.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicU32, Ordering};

use greenlet::lock::{Lock, Semaphore};
use greenlet::queue::{GetError, PriorityQueue, Queue};
use greenlet::threadpool::ThreadPool;
use greenlet::{hub, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, Log, SOON, timed};

#[test]
fn a_released_unit_is_the_first_waiters_and_no_newcomers() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let waits = semaphore.clone();
        let waiter = spawn(move || waits.acquire());
        yield_now();
        semaphore.release();
        assert!(!semaphore.try_acquire(), "it was handed over");
        assert_eq!(semaphore.available(), 0);
        waiter.join().unwrap();
    });
}

#[test]
fn whoever_takes_a_lock_again_and_again_lets_others_have_it_in_between() {
    leak_checked(|| {
        let (lock, log) = (Rc::new(Lock::new()), Log::default());
        let both = ["a", "b"].map(|name| {
            let (lock, log) = (lock.clone(), log.clone());
            spawn(move || {
                for _ in 0..3 {
                    let _held = lock.hold();
                    log.add(name);
                    yield_now();
                }
            })
        });
        assert!(join_all(both).iter().all(Result::is_ok));
        assert_eq!(log.take(), "a b a b a b");
    });
}

#[test]
fn a_failed_try_does_not_switch() {
    leak_checked(|| {
        let lock = Lock::new();
        lock.acquire();
        let other = spawn(|| ());
        assert!(!lock.try_acquire());
        assert!(!other.is_finished());
        other.join().unwrap();
    });
}

#[test]
fn an_item_that_is_put_is_the_first_getters_and_cannot_be_stolen() {
    leak_checked(|| {
        let queue = Rc::new(Queue::new());
        let get = queue.clone();
        let getter = spawn(move || get.get());
        yield_now();
        queue.put(1).unwrap();
        assert_eq!(queue.try_get(), Err(GetError::Empty));
        assert_eq!(getter.join().unwrap(), Ok(1));

        // Also if a better one comes before the getter has run.
        let queue = Rc::new(PriorityQueue::new());
        let getters = [0, 1].map(|_| {
            let queue = queue.clone();
            spawn(move || queue.get().unwrap())
        });
        yield_now();
        queue.put(5).unwrap();
        queue.put(1).unwrap();
        let got = join_all(getters).into_iter().map(Result::unwrap);
        assert!(got.eq([5, 1]));
    });
}

#[test]
fn a_woken_one_keeps_what_it_got_when_it_is_killed() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let (waits, log) = (semaphore.clone(), Log::default());
        let l = log.clone();
        let waiter = spawn(move || {
            waits.acquire();
            l.add("acquired");
            let _ = catch_unwind(AssertUnwindSafe(|| sleep(HOUR)));
            l.add("killed");
            waits.release();
        });
        yield_now();
        semaphore.release();
        waiter.kill();
        waiter.wait();
        assert_eq!(log.take(), "acquired killed");
        assert_eq!(semaphore.available(), 1);
        waiter.join().unwrap();
    });
}

#[test]
fn a_kill_does_not_wait_for_its_victim() {
    leak_checked(|| {
        let victim = spawn(|| sleep(HOUR));
        yield_now();
        let other = spawn(|| ());
        victim.kill();
        assert!(!victim.is_finished() && !other.is_finished());
        hub::run();
        assert!(victim.is_finished() && other.is_finished());
    });
}

#[test]
fn a_second_kill_of_a_group_strikes_survivors_again() {
    leak_checked(|| {
        let shots = Rc::new(Cell::new(0));
        let count = shots.clone();
        let group = greenlet::pool::Group::new();
        let survivor = group.spawn(move || {
            while count.get() < 2 {
                let thrown = catch_unwind(AssertUnwindSafe(|| sleep(HOUR)));
                assert!(thrown.is_err());
                count.set(count.get() + 1);
            }
        });
        yield_now();
        assert!(timeout(SOON, || group.kill()).is_err());
        assert_eq!(shots.get(), 1);
        group.kill();
        assert_eq!(shots.get(), 2);
        survivor.join().unwrap();
    });
}

#[test]
fn a_limit_belongs_to_a_function_and_ends_with_it_however_it_is_left() {
    timed(|| {
        let left = catch_unwind(|| timeout(SOON, || resume_unwind(Box::new(Expected(1)))));
        assert!(left.is_err());
        assert_eq!(hub::stats().timers, 0);
        sleep(2 * SOON);
        // Whoever is spawned inside is not under it.
        let inside = timeout(SOON, || spawn(|| sleep(3 * SOON))).unwrap();
        assert!(inside.join().is_ok());
    });
}

#[test]
fn nobody_but_the_joiner_is_told_of_a_failure_and_the_hook_runs_once() {
    static HOOKED: AtomicU32 = AtomicU32::new(0);
    let before = std::panic::take_hook();
    std::panic::set_hook(Box::new(move |info| {
        match info.payload().downcast_ref::<Expected>() {
            Some(Expected(4711)) => _ = HOOKED.fetch_add(1, Ordering::SeqCst),
            _ => before(info),
        }
    }));
    leak_checked(|| {
        let fails = spawn(|| std::panic::panic_any(Expected(4711)));
        yield_now();
        assert_eq!(HOOKED.load(Ordering::SeqCst), 1);
        let result: std::thread::Result<()> = fails.join();
        assert!(result.is_err());
        assert_eq!(HOOKED.load(Ordering::SeqCst), 1);
        let pool = ThreadPool::new(1);
        let job = pool.spawn(|| std::panic::panic_any(Expected(4711)));
        let result: std::thread::Result<()> = job.join();
        assert!(result.is_err());
        assert_eq!(HOOKED.load(Ordering::SeqCst), 2);
        // A kill is no failure.
        let killed = spawn(|| sleep(HOUR));
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        assert_eq!(HOOKED.load(Ordering::SeqCst), 2);
    });
}
