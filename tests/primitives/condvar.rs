//! `sync::Condvar`.
//!
//! No `try_x`: it has no call that tries; `notify_one` and `notify_all` never wait.
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::{Duration, Instant};

use greenlet::sync::{Arc, Condvar, Mutex};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

type Pair<T> = Rc<(Mutex<T>, Condvar)>;

fn pair<T>(value: T) -> Pair<T> {
    Rc::new((Mutex::new(value), Condvar::new()))
}

/// Counts one up when it is notified.
fn waiter(pair: &Pair<u32>) -> JoinHandle<()> {
    let pair = pair.clone();
    spawn(move || {
        let guard = pair.0.lock().unwrap();
        *pair.1.wait(guard).unwrap() += 1;
    })
}

#[test]
fn smoke() {
    leak_checked(|| {
        let pair = pair(0);
        let handles: Vec<_> = (0..5).map(|_| waiter(&pair)).collect();
        yield_now();
        pair.1.notify_one();
        yield_now();
        assert_eq!(*pair.0.lock().unwrap(), 1);
        pair.1.notify_all();
        join_all(handles);
        assert_eq!(*pair.0.lock().unwrap(), 5);
        // Nobody is there to hear it.
        pair.1.notify_one();
        pair.1.notify_all();
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let pair = pair(());
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..6)
            .map(|n| {
                let (pair, order) = (pair.clone(), order.clone());
                spawn(move || {
                    let guard = pair.0.lock().unwrap();
                    let _guard = pair.1.wait(guard).unwrap();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        for woken in 1..4 {
            pair.1.notify_one();
            yield_now();
            assert_eq!(order.borrow().len(), woken);
        }
        pair.1.notify_all();
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4, 5]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let pair = pair(0);
        let start = Instant::now();
        let guard = pair.0.lock().unwrap();
        let (guard, result) = pair.1.wait_timeout(guard, SOON).unwrap();
        assert!(result.timed_out() && start.elapsed() >= SOON);
        assert!(pair.0.try_lock().is_err(), "it is locked again");
        let (guard, result) = pair.1.wait_timeout(guard, Duration::ZERO).unwrap();
        assert!(result.timed_out());
        let (guard, result) = pair.1.wait_timeout_while(guard, SOON, |n| *n == 0).unwrap();
        assert!(result.timed_out());
        let (guard, result) = pair
            .1
            .wait_timeout_while(guard, Duration::ZERO, |n| *n != 0)
            .unwrap();
        assert!(!result.timed_out());
        let p = pair.clone();
        let notifier = spawn(move || {
            *p.0.lock().unwrap() = 1;
            p.1.notify_all();
        });
        let (guard, result) = pair.1.wait_timeout_while(guard, HOUR, |n| *n == 0).unwrap();
        assert!(!result.timed_out() && *guard == 1);
        drop(guard);
        notifier.join().unwrap();
        let notifier = waiter(&pair);
        yield_now();
        let elapsed = timeout(SOON, || pair.1.wait(pair.0.lock().unwrap()).is_ok());
        assert!(elapsed.is_err() && pair.0.try_lock().is_ok());
        pair.1.notify_one();
        notifier.join().unwrap();
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn a_notification_before_the_limit_counts_even_if_the_mutex_comes_later() {
    leak_checked(|| {
        let pair = pair(());
        let p = pair.clone();
        let waiter = spawn(move || {
            let guard = p.0.lock().unwrap();
            p.1.wait_timeout(guard, Duration::from_millis(20))
                .unwrap()
                .1
                .timed_out()
        });
        yield_now();
        let guard = pair.0.lock().unwrap();
        pair.1.notify_one();
        sleep(Duration::from_millis(30));
        drop(guard);
        assert!(!waiter.join().unwrap());
    });
}

#[test]
fn wait_while_asks_under_the_lock() {
    leak_checked(|| {
        let pair = pair(3);
        let p = pair.clone();
        let handle = spawn(move || {
            let guard = p.1.wait_while(p.0.lock().unwrap(), |n| *n > 0);
            *guard.unwrap()
        });
        for _ in 0..3 {
            yield_now();
            *pair.0.lock().unwrap() -= 1;
            pair.1.notify_one();
        }
        assert_eq!(handle.join().unwrap(), 0);
    });
}

#[test]
fn waits_with_different_mutexes_share_a_condvar() {
    leak_checked(|| {
        let condvar = Rc::new(Condvar::new());
        let handles: Vec<_> = (0..2)
            .map(|n| {
                let condvar = condvar.clone();
                spawn(move || {
                    let own = Mutex::new(n);
                    *condvar.wait(own.lock().unwrap()).unwrap()
                })
            })
            .collect();
        yield_now();
        condvar.notify_all();
        let results: Vec<_> = join_all(handles).into_iter().map(Result::unwrap).collect();
        assert_eq!(results, [0, 1]);
    });
}

#[test]
fn a_mutex_that_was_poisoned_meanwhile_is_an_error() {
    leak_checked(|| {
        let pair = pair(7);
        let p = pair.clone();
        let waiter = spawn(move || {
            let woken = p.1.wait(p.0.lock().unwrap());
            *woken.unwrap_err().into_inner()
        });
        yield_now();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _guard = pair.0.lock().unwrap();
            panic!("poison");
        }));
        assert!(panic.is_err());
        pair.1.notify_one();
        assert_eq!(waiter.join().unwrap(), 7);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let pair = pair(0);
        let (killed, next) = (waiter(&pair), waiter(&pair));
        yield_now();
        killed.kill();
        pair.1.notify_one();
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert_eq!(*pair.0.lock().unwrap(), 1);
        assert!(!pair.0.is_poisoned());
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        // The mutex is free: the notified one goes on with it.
        let pair = pair(0);
        let victim = waiter(&pair);
        yield_now();
        pair.1.notify_one();
        victim.kill();
        victim.join().unwrap();
        assert_eq!(*pair.0.lock().unwrap(), 1);
    });
}

#[test]
fn a_notification_of_one_that_dies_before_it_has_the_mutex_goes_to_the_next() {
    leak_checked(|| {
        let pair = pair(0);
        let (victim, next) = (waiter(&pair), waiter(&pair));
        yield_now();
        let guard = pair.0.lock().unwrap();
        pair.1.notify_one();
        victim.kill();
        yield_now();
        drop(guard);
        assert!(victim.join().is_err());
        next.join().unwrap();
        assert_eq!(*pair.0.lock().unwrap(), 1);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let pair = Arc::new((Mutex::new(0), Condvar::new()));
            let p = pair.clone();
            // Each waits for its own parity, and hands over.
            let play = move |mine: u32| {
                for _ in 0..200 {
                    let turn = p.0.lock().unwrap();
                    let mut turn = p.1.wait_while(turn, |turn| *turn % 2 != mine).unwrap();
                    *turn += 1;
                    p.1.notify_one();
                }
            };
            let theirs = play.clone();
            let thread = thread::spawn(move || match spawns {
                true => spawn(move || theirs(1)).join().unwrap(),
                false => theirs(1),
            });
            play(0);
            thread.join().unwrap();
            assert_eq!(*pair.0.lock().unwrap(), 400);
        }
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 125_000;
        // A buffer of four places; two threads put, two take.
        let shared = Arc::new((Mutex::new(Vec::new()), Condvar::new(), Condvar::new()));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let puts = thread % 2 == 0;
                    let work = move || {
                        let (buffer, room, filled) = &*shared;
                        let mut sum = 0;
                        for n in 0..EACH / 10 {
                            let guard = buffer.lock().unwrap();
                            if puts {
                                let full = |buffer: &mut Vec<usize>| buffer.len() == 4;
                                room.wait_while(guard, full).unwrap().push(n);
                                filled.notify_one();
                            } else {
                                let empty = |buffer: &mut Vec<usize>| buffer.is_empty();
                                sum += filled.wait_while(guard, empty).unwrap().pop().unwrap();
                                room.notify_one();
                            }
                        }
                        sum
                    };
                    let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                    join_all(handles)
                        .into_iter()
                        .map(Result::unwrap)
                        .sum::<usize>()
                })
            })
            .collect();
        let sum: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        let each = EACH / 10;
        assert_eq!(sum, 20 * (each * (each - 1) / 2));
        assert!(shared.0.lock().unwrap().is_empty());
    });
}
