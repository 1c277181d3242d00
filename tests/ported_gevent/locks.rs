//! `test__semaphore.py`, `test__lock.py`, `test__thread.py`, and of `lock_tests.py` and `test__threading_2.py` what the tests of the primitives do not
//! show yet. A unit is handed over (see `differences`).

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::lock::{BoundedSemaphore, Lock, RLock, Semaphore};
use greenlet::sync::Condvar;
use greenlet::{Greenlet, JoinHandle, sleep, spawn, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, LATER, SOON, fail, failure, is_killed, timed};

/// test__semaphore.py TestSemaphore.test_release_twice (A)
/// test__semaphore.py TestSemaphore.test_rawlink_on_unacquired_runs_notifiers (A)
/// lock_tests.py SemaphoreTests.test_release_unacquired (Y)
#[test]
fn a_semaphore_may_be_released_more_often_than_it_was_acquired() {
    leak_checked(|| {
        let semaphore = Semaphore::new(1);
        semaphore.release();
        semaphore.release();
        assert_eq!(semaphore.available(), 3);
        (0..3).for_each(|_| semaphore.acquire());
        assert!(semaphore.locked());
    });
}

/// test__semaphore.py TestSemaphore.test_semaphore_in_class_with_del (Y)
#[test]
fn a_destructor_may_acquire() {
    struct Holder(Semaphore);
    impl Drop for Holder {
        fn drop(&mut self) {
            self.0.acquire();
            assert!(self.0.locked());
        }
    }
    leak_checked(|| {
        drop(Holder(Semaphore::new(1)));
        spawn(|| drop(Holder(Semaphore::new(1)))).join().unwrap();
    });
}

/// A kind of lock, as the tests over several threads use it.
#[derive(Clone, Copy)]
struct Ways<L> {
    make: fn() -> L,
    acquire: fn(&L),
    acquire_timeout: fn(&L, Duration) -> bool,
    release: fn(&L),
}

const SEMAPHORE: Ways<Semaphore> = Ways {
    make: || Semaphore::new(1),
    acquire: Semaphore::acquire,
    acquire_timeout: Semaphore::acquire_timeout,
    release: Semaphore::release,
};

const BOUNDED: Ways<BoundedSemaphore> = Ways {
    make: || BoundedSemaphore::new(1),
    acquire: BoundedSemaphore::acquire,
    acquire_timeout: BoundedSemaphore::acquire_timeout,
    release: BoundedSemaphore::release,
};

const LOCK: Ways<Lock> = Ways {
    make: Lock::new,
    acquire: Lock::acquire,
    acquire_timeout: Lock::acquire_timeout,
    release: Lock::release,
};

const RLOCK: Ways<RLock> = Ways {
    make: RLock::new,
    acquire: RLock::acquire,
    acquire_timeout: RLock::acquire_timeout,
    release: RLock::release,
};

/// Held here while another thread asks for it, which is to get it only if it is released.
fn one_then_another<L: Send + Sync + 'static>(ways: Ways<L>) {
    leak_checked(move || {
        for (released, limit) in [(true, None), (true, Some(HOUR)), (false, Some(SOON))] {
            let lock = Arc::new((ways.make)());
            (ways.acquire)(&lock);
            let theirs = lock.clone();
            let thread = thread::spawn(move || {
                let taken = match limit {
                    None => {
                        (ways.acquire)(&theirs);
                        true
                    }
                    Some(limit) => (ways.acquire_timeout)(&theirs, limit),
                };
                if taken {
                    (ways.release)(&theirs);
                }
                taken
            });
            if released {
                sleep(LATER);
                (ways.release)(&lock);
            }
            assert_eq!(thread.join().unwrap(), released);
            if !released {
                // Nobody is told, as nobody waits any more.
                (ways.release)(&lock);
            }
            assert!((ways.acquire_timeout)(&lock, HOUR));
            (ways.release)(&lock);
        }
    });
}

/// test__semaphore.py TestSemaphoreMultiThread.test_acquire_in_one_then_another (Y)
/// test__semaphore.py TestSemaphoreMultiThread.test_acquire_in_one_then_another_timed (Y)
#[test]
fn what_one_thread_releases_another_acquires() {
    one_then_another(SEMAPHORE);
    one_then_another(BOUNDED);
    one_then_another(LOCK);
    one_then_another(RLOCK);
}

fn gives_up<L: Send + Sync + 'static>(ways: Ways<L>) {
    leak_checked(move || {
        let lock = Arc::new((ways.make)());
        (ways.acquire)(&lock);
        let theirs = lock.clone();
        let waiter = spawn(move || {
            (ways.acquire)(&theirs);
            // Asked for while it is held by who was woken just now.
            let asked = theirs.clone();
            let thread = thread::spawn(move || (ways.acquire_timeout)(&asked, SOON));
            assert!(!thread.join().unwrap());
            (ways.release)(&theirs);
        });
        yield_now();
        (ways.release)(&lock);
        waiter.join().unwrap();
        assert!((ways.acquire_timeout)(&lock, HOUR));
        (ways.release)(&lock);
    });
}

/// test__semaphore.py TestSemaphoreMultiThread.test_acquire_in_one_wait_greenlet_wait_thread_gives_up (Y)
#[test]
fn a_thread_gives_up_while_a_greenlet_of_another_holds_it() {
    gives_up(SEMAPHORE);
    gives_up(BOUNDED);
    gives_up(LOCK);
    gives_up(RLOCK);
}

/// Two threads that do nothing but acquire and release.
fn duel<L: Send + Sync + 'static>(ways: Ways<L>, limit: Option<Duration>, sleeps: bool) {
    const ROUNDS: u32 = 10_000;
    leak_checked(move || {
        let shared = Arc::new(((ways.make)(), AtomicBool::new(false)));
        let threads = [0, 1].map(|_| {
            let shared = shared.clone();
            thread::spawn(move || {
                let (lock, held) = &*shared;
                for round in 0..ROUNDS {
                    match limit {
                        None => (ways.acquire)(lock),
                        Some(limit) => assert!((ways.acquire_timeout)(lock, limit)),
                    }
                    assert!(!held.swap(true, Ordering::Relaxed));
                    held.store(false, Ordering::Relaxed);
                    (ways.release)(lock);
                    if sleeps && round % 1000 == 0 {
                        sleep(SOON);
                    }
                }
            })
        });
        threads
            .into_iter()
            .for_each(|thread| thread.join().unwrap());
        assert!((ways.acquire_timeout)(&shared.0, SOON));
        (ways.release)(&shared.0);
    });
}

/// test__semaphore.py TestSemaphoreMultiThread.test_dueling_threads (Y)
/// test__semaphore.py TestSemaphoreMultiThread.test_dueling_threads_timeout (Y)
/// test__semaphore.py TestSemaphoreMultiThread.test_dueling_threads_with_hub (Y)
#[test]
fn two_threads_that_fight_for_it_both_make_progress() {
    for (limit, sleeps) in [(None, false), (Some(HOUR), false), (None, true)] {
        duel(SEMAPHORE, limit, sleeps);
        duel(BOUNDED, limit, sleeps);
        duel(LOCK, limit, sleeps);
        duel(RLOCK, limit, sleeps);
    }
}

/// Acquires, and has one spawned that releases and spawns the next of its kind, until somebody says stop.
fn acquire_and_go_on(semaphore: Rc<Semaphore>, stop: Rc<Cell<bool>>) {
    if stop.get() {
        return;
    }
    semaphore.acquire();
    let release = spawn(move || {
        semaphore.release();
        if !stop.get() {
            spawn(move || acquire_and_go_on(semaphore, stop)).wait();
        }
    });
    release.wait();
}

/// test__semaphore.py TestSemaphoreFair.test_fair_or_hangs (Y)
#[test]
fn a_waiter_is_not_starved_by_two_who_come_again_and_again() {
    leak_checked(|| {
        let (semaphore, stop) = (Rc::new(Semaphore::new(1)), Rc::new(Cell::new(false)));
        let others: [JoinHandle<()>; 2] = [0, 1].map(|_| {
            let (semaphore, stop) = (semaphore.clone(), stop.clone());
            spawn(move || acquire_and_go_on(semaphore, stop))
        });
        let (asked, set) = (semaphore.clone(), stop.clone());
        let stopper = spawn(move || {
            asked.acquire();
            set.set(true);
        });
        // It would wait for ever.
        stopper.join().unwrap();
        semaphore.release();
        assert!(others.into_iter().all(|other| other.join().is_ok()));
    });
}

/// lock_tests.py BaseLockTests.test_acquire_destroy (Y)
/// lock_tests.py BaseSemaphoreTests.test_acquire_destroy (Y)
#[test]
fn what_is_held_may_be_dropped() {
    fn check<L: 'static>(ways: Ways<L>) {
        let lock = (ways.make)();
        (ways.acquire)(&lock);
        drop(lock);
    }
    leak_checked(|| {
        check(SEMAPHORE);
        check(BOUNDED);
        check(LOCK);
        check(RLOCK);
    });
}

/// lock_tests.py BaseLockTests.test_with (Y)
/// lock_tests.py BaseSemaphoreTests.test_with (Y)
#[test]
fn a_guard_releases_also_when_the_scope_fails() {
    fn check<L: 'static, G>(lock: L, hold: fn(&L) -> G, locked: fn(&L) -> bool) {
        let guard = hold(&lock);
        assert!(locked(&lock));
        drop(guard);
        assert!(!locked(&lock));
        let failed = failure::<()>(|| {
            let _held = hold(&lock);
            fail(1)
        });
        assert_eq!(failed, Expected(1));
        assert!(!locked(&lock));
    }
    leak_checked(|| {
        // Leaked, so that a guard's type need not say how long it borrows.
        let lock: &'static Lock = Box::leak(Box::new(Lock::new()));
        check(lock, |lock| lock.hold(), |lock| lock.locked());
        let lock: &'static RLock = Box::leak(Box::new(RLock::new()));
        check(lock, |lock| lock.hold(), |lock| lock.locked());
        let semaphore: &'static Semaphore = Box::leak(Box::new(Semaphore::new(1)));
        check(semaphore, |lock| lock.hold(), |lock| lock.locked());
        let semaphore: &'static BoundedSemaphore = Box::leak(Box::new(BoundedSemaphore::new(1)));
        check(semaphore, |lock| lock.hold(), |lock| lock.locked());
    });
}

/// lock_tests.py LockTests.test_reacquire (Y)
#[test]
fn a_lock_that_is_taken_twice_waits_for_somebody_else() {
    leak_checked(|| {
        let (lock, phase) = (Rc::new(Lock::new()), Rc::new(Cell::new(0)));
        let (again, set) = (lock.clone(), phase.clone());
        let taker = spawn(move || {
            for number in 1..=2 {
                again.acquire();
                set.set(number);
            }
        });
        (0..5).for_each(|_| yield_now());
        assert_eq!(phase.get(), 1);
        lock.release();
        taker.join().unwrap();
        assert_eq!(phase.get(), 2);
    });
}

/// lock_tests.py RLockTests.test_release_unacquired (Y)
#[test]
fn an_rlock_is_released_as_often_as_it_was_acquired() {
    leak_checked(|| {
        let lock = RLock::new();
        let refused = || catch_unwind(AssertUnwindSafe(|| lock.release())).is_err();
        assert!(refused());
        lock.acquire();
        lock.acquire();
        lock.release();
        lock.acquire();
        lock.release();
        lock.release();
        assert!(refused() && !lock.locked());
    });
}

/// lock_tests.py BaseSemaphoreTests.test_acquire_contended (Y)
/// lock_tests.py BaseSemaphoreTests.test_try_acquire_contended (Y)
#[test]
fn as_many_get_in_as_there_are_units() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(7));
        semaphore.acquire();
        let inside = Rc::new(Cell::new(0));
        let waiters: Vec<_> = (0..10)
            .map(|_| {
                let (semaphore, inside) = (semaphore.clone(), inside.clone());
                spawn(move || {
                    semaphore.acquire();
                    inside.set(inside.get() + 1);
                })
            })
            .collect();
        yield_now();
        assert_eq!(inside.get(), 6);
        assert!(!semaphore.try_acquire());
        for expected in 7..=10 {
            semaphore.release();
            yield_now();
            assert_eq!(inside.get(), expected);
        }
        assert!(waiters.into_iter().all(|waiter| waiter.join().is_ok()));
        assert_eq!(semaphore.available(), 0);
    });
}

/// test__threading_2.py ThreadTests.test_various_ops (Y)
/// test__threading_2.py ThreadTests.test_various_ops_small_stack (Y)
/// test__threading_2.py ThreadTests.test_various_ops_large_stack (Y)
#[test]
fn three_of_ten_are_at_work_whatever_their_stacks() {
    timed(|| {
        for stack in [64 << 10, 256 << 10, 1 << 20] {
            let shared = Rc::new((BoundedSemaphore::new(3), RLock::new(), Cell::new(0)));
            let workers: Vec<_> = (0..10)
                .map(|n| {
                    let shared = shared.clone();
                    let name = format!("worker {n}");
                    Greenlet::builder()
                        .name(name)
                        .stack_size(stack)
                        .spawn(move || {
                            let (semaphore, lock, working) = &*shared;
                            let _permit = semaphore.hold();
                            let enter = lock.hold();
                            working.set(working.get() + 1);
                            assert!(working.get() <= 3);
                            drop(enter);
                            sleep(SOON * (n % 3));
                            let _leave = lock.hold();
                            working.set(working.get() - 1);
                        })
                })
                .collect();
            assert!(workers.into_iter().all(|worker| worker.join().is_ok()));
            assert_eq!(shared.2.get(), 0);
            assert_eq!(shared.0.available(), 3);
        }
    });
}

/// test__threading_2.py ThreadTests.test_foreign_thread (Y)
#[test]
fn a_thread_that_knows_of_no_greenlets_uses_locks() {
    leak_checked(|| {
        let shared = Arc::new((greenlet::sync::Mutex::new(0), Condvar::new()));
        let theirs = shared.clone();
        let thread = thread::spawn(move || {
            *theirs.0.lock().unwrap() = 1;
            theirs.1.notify_all();
        });
        let number = shared.0.lock().unwrap();
        let number = shared.1.wait_while(number, |number| *number == 0).unwrap();
        assert_eq!(*number, 1);
        drop(number);
        thread.join().unwrap();
    });
}

/// test__threading_2.py ThreadTests.test_finalize_runnning_thread (A)
#[test]
fn a_holder_that_is_killed_lets_go_of_its_lock() {
    timed(|| {
        let lock = Rc::new(Lock::new());
        let held = lock.clone();
        let holder = spawn(move || {
            let _held = held.hold();
            sleep(HOUR);
        });
        yield_now();
        assert!(lock.locked());
        holder.kill();
        assert!(lock.acquire_timeout(SOON));
        assert!(is_killed(holder));
    });
}
