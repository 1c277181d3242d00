//! `lock::Condition`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::lock::{Condition, Lock, RLock};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn spawn_wait(condition: &Rc<Condition>) -> JoinHandle<()> {
    let condition = condition.clone();
    spawn(move || {
        let _held = condition.hold();
        condition.wait();
    })
}

fn notify(condition: &Condition, n: usize) {
    let _held = condition.hold();
    condition.notify(n);
}

#[test]
fn smoke() {
    leak_checked(|| {
        let shared = Rc::new((Condition::new(), RefCell::new(Vec::new())));
        let consumers = [(); 3].map(|()| {
            let shared = shared.clone();
            spawn(move || {
                let (condition, items) = &*shared;
                let mut sum = 0;
                for _ in 0..10 {
                    let _held = condition.hold();
                    condition.wait_for(|| !items.borrow().is_empty());
                    sum += items.borrow_mut().pop().unwrap();
                }
                sum
            })
        });
        for item in 0..30 {
            let (condition, items) = &*shared;
            let _held = condition.hold();
            items.borrow_mut().push(item);
            condition.notify_one();
            yield_now();
        }
        let sums = join_all(consumers).into_iter().map(Result::unwrap);
        assert_eq!(sums.sum::<usize>(), 30 * 29 / 2);
        assert!(!shared.0.lock().locked());
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let condition = Rc::new(Condition::over(Lock::new()));
        assert!(condition.try_acquire() && !condition.try_acquire());
        assert!(!condition.acquire_timeout(SOON));
        condition.release();
        condition.acquire();
        condition.notify_one(); // nobody waits, and it is not remembered
        assert!(!condition.wait_timeout(Duration::ZERO));
        condition.release();
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let shared = Rc::new((Condition::new(), RefCell::new(Vec::new())));
        let handles: Vec<_> = (0..6)
            .map(|n| {
                let shared = shared.clone();
                spawn(move || {
                    let _held = shared.0.hold();
                    shared.0.wait();
                    shared.1.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        let (condition, order) = &*shared;
        notify(condition, 2);
        assert!(order.borrow().is_empty(), "a notification does not switch");
        yield_now();
        assert_eq!(*order.borrow(), [0, 1]);
        let held = condition.hold();
        condition.notify_one();
        yield_now();
        assert_eq!(*order.borrow(), [0, 1], "the lock is taken");
        drop(held);
        let held = condition.hold();
        condition.notify_all();
        drop(held);
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let condition = Rc::new(Condition::new());
        let held = condition.hold();
        assert!(!condition.wait_timeout(SOON));
        assert!(!condition.wait_timeout(Duration::ZERO));
        assert!(timeout(SOON, || condition.wait()).is_err());
        assert!(!condition.wait_for_timeout(SOON, || false));
        assert!(condition.wait_for_timeout(SOON, || true));
        let c = condition.clone();
        let notifier = spawn(move || notify(&c, 1));
        assert!(
            condition.wait_timeout(HOUR),
            "those who have given up ate it"
        );
        drop(held);
        notifier.join().unwrap();
        assert!(!condition.lock().locked());
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let condition = Rc::new(Condition::new());
        let (killed, next) = (spawn_wait(&condition), spawn_wait(&condition));
        yield_now();
        killed.kill();
        notify(&condition, 1);
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert!(!condition.lock().locked());
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let condition = Rc::new(Condition::new());
        let reached = Rc::new(Cell::new(false));
        let (c, r) = (condition.clone(), reached.clone());
        let victim = spawn(move || {
            let _held = c.hold();
            c.wait();
            r.set(true);
            sleep(HOUR);
        });
        yield_now();
        notify(&condition, 1);
        victim.kill();
        assert!(victim.join().is_err());
        assert!(reached.get() && !condition.lock().locked());
    });
}

/// What one was notified of that is killed while it waits for the lock goes to the next.
#[test]
fn a_notification_of_one_who_is_killed_before_it_has_the_lock_is_passed_on() {
    leak_checked(|| {
        let condition = Rc::new(Condition::new());
        let (killed, next) = (spawn_wait(&condition), spawn_wait(&condition));
        yield_now();
        let held = condition.hold();
        condition.notify_one();
        yield_now(); // it waits for the lock
        killed.kill();
        yield_now();
        assert!(!killed.is_finished(), "it needs the lock to die");
        drop(held);
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert!(!condition.lock().locked());
    });
}

#[test]
fn whatever_ends_the_wait_the_lock_is_taken_as_often_as_before() {
    leak_checked(|| {
        let condition = Rc::new(Condition::new());
        let c = condition.clone();
        let victim = spawn(move || {
            let _once = c.hold();
            let _twice = c.hold();
            assert!(timeout(SOON, || c.wait()).is_err());
            assert!(!c.wait_timeout(SOON));
            // It is still taken twice, and no more.
            c.release();
            assert!(c.lock().locked());
            c.release();
            assert!(!c.lock().locked());
            c.acquire();
            c.acquire();
            // Both guards are dropped by the kill, which would be a misuse without the lock.
            c.wait();
        });
        sleep(SOON * 10);
        while condition.lock().locked() {
            sleep(SOON);
        }
        let held = condition.hold();
        victim.kill();
        yield_now();
        assert!(!victim.is_finished(), "it needs the lock to die");
        drop(held);
        let death = victim.join().unwrap_err();
        assert!(death.is::<greenlet::GreenletExit>());
        assert!(!condition.lock().locked());
    });
}

#[test]
fn without_the_lock_it_panics() {
    leak_checked(|| {
        fn misused(act: impl FnOnce()) -> String {
            let payload = catch_unwind(AssertUnwindSafe(act)).unwrap_err();
            *payload.downcast::<String>().unwrap()
        }
        let waited = "a `Condition` was waited on without its lock";
        let notified = "a `Condition` was notified without its lock";
        let condition = Rc::new(Condition::new());
        assert_eq!(misused(|| condition.wait()), waited);
        assert_eq!(misused(|| condition.wait_for(|| true)), waited);
        assert_eq!(misused(|| condition.notify_all()), notified);
        let c = condition.clone();
        let holder = spawn(move || {
            let _held = c.hold();
            yield_now();
        });
        yield_now();
        assert_eq!(misused(|| assert!(condition.wait_timeout(SOON))), waited);
        holder.join().unwrap();
        let over_lock = Condition::over(Lock::new());
        assert_eq!(misused(|| over_lock.wait()), waited);
    });
}

#[test]
fn several_may_be_over_one_lock() {
    leak_checked(|| {
        let lock = Rc::new(RLock::new());
        let not_empty = Rc::new(Condition::over(lock.clone()));
        let not_full = Rc::new(Condition::over(lock.clone()));
        let item = Rc::new(Cell::new(None));
        let (e, f, i) = (not_empty.clone(), not_full.clone(), item.clone());
        let consumer = spawn(move || {
            let _held = e.hold();
            let mut sum = 0;
            for _ in 0..10 {
                e.wait_for(|| i.get().is_some());
                sum += i.take().unwrap();
                f.notify_one();
            }
            sum
        });
        let held = lock.hold();
        for n in 0..10 {
            not_full.wait_for(|| item.get().is_none());
            item.set(Some(n));
            not_empty.notify_one();
        }
        drop(held);
        assert_eq!(consumer.join().unwrap(), 45);
        assert!(!lock.locked());
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let shared = Arc::new((Condition::over(Lock::new()), AtomicUsize::new(0)));
            let s = shared.clone();
            // Each adds one when the number is even, or odd.
            let work = move |rest: usize| {
                let (condition, number) = &*s;
                for _ in 0..100 {
                    let _held = condition.hold();
                    condition.wait_for(|| number.load(Ordering::Relaxed) % 2 == rest);
                    number.fetch_add(1, Ordering::Relaxed);
                    condition.notify_all();
                }
            };
            let theirs = work.clone();
            let thread = thread::spawn(move || match spawns {
                true => spawn(move || theirs(1)).join().unwrap(),
                false => theirs(1),
            });
            work(0);
            thread.join().unwrap();
            assert_eq!(shared.1.load(Ordering::Relaxed), 200);
        }
    });
}

/// Two threads give tickets, two take them; a million operations.
#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 250_000;
        let shared = Arc::new((Condition::over(Lock::new()), AtomicUsize::new(0)));
        let threads = [true, true, false, false].map(|gives| {
            let shared = shared.clone();
            thread::spawn(move || {
                let work = move || {
                    let (condition, tickets) = &*shared;
                    for n in 0..EACH / 10 {
                        let _held = condition.hold();
                        if gives {
                            tickets.fetch_add(1, Ordering::Relaxed);
                            condition.notify_one();
                        } else {
                            condition.wait_for(|| tickets.load(Ordering::Relaxed) > 0);
                            tickets.fetch_sub(1, Ordering::Relaxed);
                        }
                        if n % 64 == 0 {
                            yield_now();
                        }
                    }
                };
                let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                for result in join_all(handles) {
                    result.unwrap();
                }
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(shared.1.load(Ordering::Relaxed), 0);
    });
}
