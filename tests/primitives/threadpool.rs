//! `threadpool::ThreadPool`.
//!
//! No `try_x`: nothing is tried; `is_finished` is in `smoke`.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Barrier, mpsc};
use std::thread;
use std::time::Duration;

use greenlet::threadpool::{JoinHandle, ThreadPool};
use greenlet::{sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// A job that goes on until the sender is dropped.
fn held_up(pool: &ThreadPool) -> (mpsc::Sender<()>, JoinHandle<bool>) {
    let (hold, held) = mpsc::channel();
    (hold, pool.spawn(move || held.recv().is_err()))
}

#[test]
fn smoke() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let here = thread::current().id();
        assert_ne!(pool.apply(|| thread::current().id()), here);
        // Others run while one waits.
        let (hold, job) = held_up(&pool);
        let holder = spawn(move || {
            yield_now();
            drop(hold);
        });
        assert!(!job.is_finished());
        assert!(job.join().unwrap());
        holder.join().unwrap();
        let panic = pool.spawn(|| panic!("a job")).join().unwrap_err();
        assert_eq!(panic.downcast_ref::<&str>(), Some(&"a job"));
        pool.join();
        assert!(pool.is_empty());
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (tell, told) = mpsc::channel();
        let (hold, first) = held_up(&pool);
        for n in 0..5 {
            let tell = tell.clone();
            drop(pool.spawn(move || tell.send(n)));
        }
        assert_eq!(pool.len(), 6);
        drop((hold, tell));
        first.wait();
        pool.join();
        assert!(told.into_iter().eq(0..5));
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        assert!(pool.join_timeout(Duration::ZERO));
        let (hold, job) = held_up(&pool);
        assert!(!job.wait_timeout(SOON));
        let job = job.join_timeout(SOON).unwrap_err();
        assert!(!pool.join_timeout(SOON));
        assert!(timeout(SOON, || pool.join()).is_err());
        assert!(timeout(SOON, || pool.apply(|| ())).is_err());
        assert!(timeout(SOON, || job.wait()).is_err());
        drop(hold);
        assert!(job.join_timeout(HOUR).unwrap().unwrap());
        assert!(pool.join_timeout(HOUR));
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (hold, job) = held_up(&pool);
        let joiner = spawn(move || job.join());
        let done = Arc::new(AtomicUsize::new(0));
        let (p, d) = (pool.clone(), done.clone());
        let applier = spawn(move || p.apply(move || d.fetch_add(1, Ordering::SeqCst)));
        yield_now();
        joiner.kill();
        applier.kill();
        assert!(joiner.join().is_err() && applier.join().is_err());
        drop(hold);
        pool.join();
        assert_eq!(done.load(Ordering::SeqCst), 1, "the job was left alone");
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (hold, job) = held_up(&pool);
        let job = Rc::new(job);
        let j = job.clone();
        let joiner = spawn(move || {
            j.wait();
            5
        });
        yield_now();
        drop(hold);
        // The thread has woken it, but it has not run: the hub has not looked.
        while !job.is_finished() {
            thread::sleep(SOON);
        }
        joiner.kill();
        assert_eq!(joiner.join().unwrap(), 5);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let threads: Vec<_> = (0..3_u32)
            .map(|n| {
                let pool = pool.clone();
                thread::spawn(move || {
                    let p = pool.clone();
                    let spawned = spawn(move || p.apply(move || n * 2));
                    pool.apply(move || n) + spawned.join().unwrap()
                })
            })
            .collect();
        let sums: Vec<_> = threads.into_iter().map(|t| t.join().unwrap()).collect();
        assert_eq!(sums, [0, 3, 6]);
        // A handle may be joined elsewhere.
        let job = pool.spawn(|| 7);
        assert_eq!(
            thread::spawn(move || job.join().unwrap()).join().unwrap(),
            7
        );
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (hold, first) = held_up(&pool);
        let queued = pool.spawn(|| 3);
        let (sent, received) = mpsc::channel();
        drop(pool.spawn(move || sent.send(4)));
        drop(pool);
        drop(hold);
        assert!(first.join().unwrap());
        assert_eq!(queued.join().unwrap(), 3);
        assert_eq!(received.recv(), Ok(4));
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 500;
        let pool = ThreadPool::new(3);
        let done = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..3)
            .map(|_| {
                let (pool, done) = (pool.clone(), done.clone());
                thread::spawn(move || {
                    let handles = (0..4).map(|_| {
                        let (pool, done) = (pool.clone(), done.clone());
                        spawn(move || {
                            for n in 0..EACH {
                                let done = done.clone();
                                let job = pool.spawn(move || {
                                    done.fetch_add(1, Ordering::SeqCst);
                                    n
                                });
                                if n % 3 > 0 {
                                    assert_eq!(job.join().unwrap(), n);
                                }
                            }
                        })
                    });
                    for result in greenlet::join_all(handles) {
                        result.unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        pool.join();
        assert_eq!(done.load(Ordering::SeqCst), 12 * EACH);
    });
}

#[test]
fn there_are_no_more_threads_than_asked_for() {
    leak_checked(|| {
        let pool = ThreadPool::new(3);
        // Three at once.
        let barrier = Arc::new(Barrier::new(3));
        let at_once = pool.map(
            move |_| {
                barrier.wait();
                thread::current().id()
            },
            0..3,
        );
        let at_once: HashSet<_> = at_once.into_iter().collect();
        assert_eq!(at_once.len(), 3);
        let later = pool.map(|_| thread::current().id(), 0..50);
        assert!(later.iter().all(|id| at_once.contains(id)));
        assert!(catch_unwind(|| ThreadPool::new(0)).is_err());
    });
}

#[test]
fn apply_from_a_thread_of_the_pool_runs_where_it_is() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let p = pool.clone();
        let (ids, mapped) = pool.apply(move || {
            let q = p.clone();
            let inner = p.apply(move || q.apply(|| thread::current().id()));
            ((inner, thread::current().id()), p.map(|n| n + 1, [1, 2]))
        });
        assert_eq!((ids.0, mapped), (ids.1, vec![2, 3]));
        // Another pool is another matter.
        let other = ThreadPool::new(1);
        let (one, two) = pool.apply(move || {
            let two = other.apply(|| thread::current().id());
            (thread::current().id(), two)
        });
        assert_ne!(one, two);
    });
}

#[test]
fn a_job_may_use_greenlets() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let sums = pool.map(
            |n: u32| {
                let handles = (0..n).map(|m| {
                    spawn(move || {
                        yield_now();
                        m
                    })
                });
                let results = greenlet::join_all(handles).into_iter();
                results.map(Result::unwrap).sum::<u32>()
            },
            0..5,
        );
        assert_eq!(sums, [0, 0, 1, 3, 6]);
    });
}

#[test]
fn apply_async_calls_back_on_the_callers_thread_and_on_success_only() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let here = thread::current().id();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let jobs = [0, 1, 2].map(|n| {
            let seen = seen.clone();
            pool.apply_async(
                move || {
                    assert!(n != 1, "a job fails");
                    n
                },
                move |n| {
                    assert_eq!(thread::current().id(), here);
                    seen.borrow_mut().push(*n);
                },
            )
        });
        let ends = jobs.map(|job| job.join().ok());
        assert_eq!(ends, [Some(0), None, Some(2)]);
        seen.borrow_mut().sort();
        assert_eq!(*seen.borrow(), [0, 2]);
    });
}

#[test]
fn map_gives_the_results_in_order_and_the_first_panic_in_order() {
    leak_checked(|| {
        let pool = ThreadPool::new(3);
        let backwards = pool.map(
            |n: u32| {
                thread::sleep(SOON * (5 - n));
                n * n
            },
            0..5,
        );
        assert_eq!(backwards, [0, 1, 4, 9, 16]);
        let panic = catch_unwind(AssertUnwindSafe(|| {
            pool.map(|n: u32| assert!(n.is_multiple_of(2), "item {n}"), 0..5)
        }));
        let payload = panic.unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "item 1");
        pool.join();
    });
}

#[test]
fn imap_is_lazy_and_bounded() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let drawn = Rc::new(Cell::new(0));
        let d = drawn.clone();
        let items = (0_u32..).inspect(move |_| d.set(d.get() + 1));
        let mut squares = pool.imap(|n| n * n, items).bound(3);
        assert_eq!(drawn.get(), 0);
        assert_eq!(squares.next().unwrap().unwrap(), 0);
        assert_eq!(squares.next().unwrap().unwrap(), 1);
        assert_eq!(drawn.get(), 4);
        drop(squares);
        let check = |n: u32| {
            assert!(n != 2, "an item fails");
            n
        };
        let in_order: Vec<_> = pool.imap(check, 0..5).map(Result::ok).collect();
        assert_eq!(in_order, [Some(0), Some(1), None, Some(3), Some(4)]);
        let mut unordered: Vec<_> = pool.imap_unordered(check, 0..5).map(Result::ok).collect();
        unordered.sort();
        assert_eq!(unordered, [None, Some(0), Some(1), Some(3), Some(4)]);
    });
}

#[test]
fn imap_unordered_gives_what_ends_first() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let (tell, told) = mpsc::channel::<()>();
        let told = std::sync::Mutex::new(told);
        let mut calls = pool.imap_unordered(
            move |waits| {
                if waits {
                    told.lock().unwrap().recv().unwrap_err();
                }
                waits
            },
            [true, false],
        );
        assert!(!calls.next().unwrap().unwrap());
        drop(tell);
        assert!(calls.next().unwrap().unwrap());
        assert!(calls.next().is_none());
    });
}

#[test]
fn what_nobody_takes_is_dropped_whatever_it_does() {
    struct Panics;
    impl Drop for Panics {
        fn drop(&mut self) {
            panic!("in drop");
        }
    }
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (hold, first) = held_up(&pool);
        drop(pool.spawn(|| Panics));
        let next = pool.spawn(|| 1);
        drop(hold);
        first.wait();
        assert_eq!(next.join().unwrap(), 1, "the thread goes on");
        pool.join();
        sleep(SOON);
    });
}
