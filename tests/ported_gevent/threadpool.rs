//! `test__threadpool.py`. A pool has at least one thread; its threads cannot be resized or killed; and it may be used from any thread.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::thread::sleep as block;
use std::time::Instant;

use greenlet::lock::Semaphore;
use greenlet::threadpool::ThreadPool;
use greenlet::{JoinHandle, sleep, spawn, wait_any, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, SOON, expected, fail, failure};

const SIZES: [usize; 4] = [1, 2, 3, 10];

/// test__threadpool.py PoolBasicTests.test_execute_async (Y)
#[test]
fn asynchronous_calls_do_not_wait_for_a_thread() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let (gate, log) = (
            Arc::new(Semaphore::new(0)),
            Arc::new(Mutex::new(Vec::new())),
        );
        let calls: Vec<_> = (1..=4)
            .map(|n| {
                let (gate, log) = (gate.clone(), log.clone());
                let call = move || {
                    gate.acquire();
                    log.lock().unwrap().push(n);
                };
                pool.apply_async(call, |()| ())
            })
            .collect();
        assert_eq!(*log.lock().unwrap(), []);
        (0..4).for_each(|_| gate.release());
        assert!(calls.into_iter().all(|call| call.join().is_ok()));
        let mut log = log.lock().unwrap().clone();
        log.sort();
        assert_eq!(log, [1, 2, 3, 4]);
    });
}

/// test__threadpool.py PoolBasicTests.test_apply (Y)
/// test__threadpool.py PoolBasicTests.test_apply_raises (Y)
/// test__threadpool.py TestPool.test_apply (Y)
/// test__threadpool.py PoolBasicTests.test_init_valueerror (A)
#[test]
fn a_call_gives_what_the_function_does() {
    leak_checked(|| {
        for size in SIZES {
            let pool = ThreadPool::new(size);
            let text = String::from("foo");
            assert_eq!(pool.apply(move || (text, 1)), ("foo".to_owned(), 1));
            assert_eq!(failure(|| pool.apply(|| fail(4))), Expected(4));
            assert_eq!(pool.apply(|| 5), 5);
        }
        assert!(std::panic::catch_unwind(|| ThreadPool::new(0)).is_err());
    });
}

/// test__threadpool.py _AbstractPoolTest.test_map (Y)
/// test__threadpool.py TestPool.test_imap_list_small (Y)
/// test__threadpool.py TestPool.test_imap_it_small (Y)
/// test__threadpool.py TestPool.test_imap_it_large (Y)
/// test__threadpool.py TestPool.test_imap_unordered (Y)
#[test]
fn threads_call_a_function_for_as_many_items_as_there_are() {
    leak_checked(|| {
        for size in SIZES {
            let pool = ThreadPool::new(size);
            for length in [0, 10, 500] {
                let squares = (0..length).map(|n: u32| n * n).collect::<Vec<_>>();
                assert_eq!(pool.map(|n| n * n, 0..length), squares);
                let mut results = pool.imap(|n| n * n, 0..length);
                for square in &squares {
                    assert_eq!(results.next().unwrap().unwrap(), *square);
                }
                assert!(results.next().is_none());
                let results = pool.imap_unordered(|n| n * n, 0..length);
                let mut found: Vec<_> = results.map(Result::unwrap).collect();
                found.sort();
                assert_eq!(found, squares);
            }
        }
    });
}

/// test__threadpool.py TestPool.test_imap_random (Y)
/// test__threadpool.py TestPool.test_imap_unordered_random (Y)
#[test]
fn threads_that_take_differently_long_give_results_in_order_or_not() {
    leak_checked(|| {
        for size in SIZES {
            let pool = ThreadPool::new(size);
            let call = |n: u32| {
                block(SOON * (n * 7 % 10));
                n
            };
            assert!(pool.imap(call, 0..10).map(Result::unwrap).eq(0..10));
            let mut found: Vec<_> = pool
                .imap_unordered(call, 0..10)
                .map(Result::unwrap)
                .collect();
            found.sort();
            assert!(found.into_iter().eq(0..10));
        }
    });
}

/// test__threadpool.py TestPool.test_imap_unordered_sleep (Y)
#[test]
fn threads_give_results_in_the_order_of_their_ends() {
    leak_checked(|| {
        let one = ThreadPool::new(1);
        assert!(
            one.imap_unordered(|n| n, [10, 1, 2])
                .map(Result::unwrap)
                .eq([10, 1, 2])
        );
        let two = ThreadPool::new(2);
        // The first ends when the other two have.
        let ends = Arc::new(Semaphore::new(0));
        let call = move |n| {
            match n {
                10 => (0..2).for_each(|_| ends.acquire()),
                _ => ends.release(),
            }
            n
        };
        let found: Vec<_> = two
            .imap_unordered(call, [10, 1, 2])
            .map(Result::unwrap)
            .collect();
        assert_eq!(found.iter().sum::<u32>(), 13);
        assert_ne!(found[0], 10);
    });
}

/// test__threadpool.py TestPool.test_async (Y)
/// test__threadpool.py TestPool.test_async_callback (Y)
/// test__threadpool.py TestPool.test_async_timeout (Y)
/// test__threadpool.py TestTPE.test_future (A)
#[test]
fn an_asynchronous_call_lets_greenlets_run_meanwhile() {
    leak_checked(|| {
        for size in SIZES {
            let pool = ThreadPool::new(size);
            let found = Rc::new(Cell::new(0));
            let set = found.clone();
            let (open, gate) = mpsc::channel::<()>();
            let slow = move || {
                gate.recv().unwrap();
                49
            };
            let call = pool.apply_async(slow, move |value| set.set(*value));
            let call = call.join_timeout(SOON).expect_err("it waits");
            assert_eq!(found.get(), 0);
            let beside = spawn(|| 2016);
            assert_eq!(beside.join().unwrap(), 2016);
            open.send(()).unwrap();
            call.wait();
            assert_eq!(found.get(), 49);
            // What is asked for after the end happens, and once.
            let ends = Rc::new(RefCell::new(Vec::new()));
            for n in [1, 2] {
                let ends = ends.clone();
                call.on_exit(move |_| ends.borrow_mut().push(n));
            }
            yield_now();
            yield_now();
            assert_eq!(ends.take(), [1, 2]);
            assert_eq!(call.join().unwrap(), 49);
        }
    });
}

/// test__threadpool.py TestTPE.test_future_wait_module_function (A)
/// test__threadpool.py TestTPE.test_future_wait_gevent_function (A)
#[test]
fn calls_and_greenlets_are_waited_for_together() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        let (open, gate) = mpsc::channel::<()>();
        let call = pool.apply_async(move || gate.recv().is_ok(), |_| ());
        let beside: JoinHandle<bool> = spawn(|| true);
        assert_eq!(wait_any(&[&call, &beside]), 1);
        open.send(()).unwrap();
        assert_eq!(wait_any(&[&call]), 0);
        assert!(call.join().unwrap() && beside.join().unwrap());
    });
}

/// test__threadpool.py TestPool2.test_recursive_apply (Y)
#[test]
fn a_call_from_a_thread_of_the_pool_may_use_greenlets() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let again = pool.clone();
        let found = pool.apply(move || {
            again.apply(|| {
                yield_now();
                sleep(SOON);
                "B"
            })
        });
        assert_eq!(found, "B");
    });
}

/// test__threadpool.py TestJoinEmpty.test (Y)
/// test__threadpool.py TestRefCount.test (A)
/// test__threadpool.py TestSpawn.test_basics (A)
#[test]
fn a_pool_has_jobs_until_they_have_ended() {
    leak_checked(|| {
        let pool = ThreadPool::new(1);
        pool.join();
        assert!(pool.is_empty());
        let gates = ["a", "b"].map(|_| Arc::new(Semaphore::new(0)));
        let log = Arc::new(Mutex::new(String::new()));
        let jobs: Vec<_> = ["a", "b"]
            .into_iter()
            .zip(gates.clone())
            .map(|(item, gate)| {
                let log = log.clone();
                pool.spawn(move || {
                    gate.acquire();
                    log.lock().unwrap().push_str(item);
                })
            })
            .collect();
        assert_eq!(pool.len(), 2);
        gates[0].release();
        jobs[0].wait();
        assert_eq!(*log.lock().unwrap(), "a");
        gates[1].release();
        assert!(pool.join_timeout(HOUR));
        assert_eq!(*log.lock().unwrap(), "ab");
        assert!(pool.is_empty() && jobs.into_iter().all(|job| job.join().is_ok()));
    });
}

/// test__threadpool.py TestSpawn.test_cannot_spawn_from_other_thread (A)
#[test]
fn a_job_may_spawn_into_another_pool() {
    leak_checked(|| {
        let (first, second) = (ThreadPool::new(1), ThreadPool::new(2));
        let job = first.spawn(move || second.spawn(|| "Hi").join().unwrap());
        assert_eq!(job.join().unwrap(), "Hi");
    });
}

/// 1, 2, and a failure.
fn failing() -> impl Iterator<Item = u32> {
    (1..4).inspect(|n| {
        if *n == 3 {
            fail(9);
        }
    })
}

/// test__threadpool.py TestErrorInIterator.test (Y)
/// test__threadpool.py TestErrorInIterator.test_unordered (Y)
/// test__threadpool.py TestThreadResult.test_exception_in_on_async_doesnt_crash (A)
#[test]
fn a_failure_of_the_items_or_the_callback_comes_out_there() {
    leak_checked(|| {
        let pool = ThreadPool::new(3);
        assert_eq!(failure(|| pool.map(|_| (), failing())), Expected(9));
        assert_eq!(
            failure(|| pool.imap(|_| (), failing()).count()),
            Expected(9)
        );
        let unordered = || pool.imap_unordered(|_| (), failing()).count();
        assert_eq!(failure(unordered), Expected(9));
        let call = pool.apply_async(|| 5, |_| fail(10));
        assert_eq!(expected(call.join().unwrap_err()), Expected(10));
        assert_eq!(pool.apply(|| 6), 6);
    });
}

/// Counts itself, on whatever thread.
struct Counted(Arc<AtomicUsize>);

impl Counted {
    fn new(count: &Arc<AtomicUsize>) -> Self {
        count.fetch_add(1, Ordering::SeqCst);
        Counted(count.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::SeqCst);
    }
}

/// test__threadpool.py TestRef.test (A)
#[test]
fn a_job_keeps_nothing_of_what_it_captured_or_gave() {
    leak_checked(|| {
        let pool = ThreadPool::new(2);
        let alive = Arc::new(AtomicUsize::new(0));
        let (first, second) = (Counted::new(&alive), Counted::new(&alive));
        let found = pool.apply(move || {
            let _both = (&first, &second);
            Counted::new(&first.0)
        });
        assert_eq!(alive.load(Ordering::SeqCst), 1, "the result");
        drop(found);
        assert_eq!(alive.load(Ordering::SeqCst), 0);
    });
}

/// test__threadpool.py TestPool.test_terminate (A)
#[test]
fn who_waits_for_threads_can_be_killed_and_they_go_on() {
    leak_checked(|| {
        for size in SIZES {
            let pool = ThreadPool::new(size);
            let (mapped, began) = (pool.clone(), Instant::now());
            let calls = 2 * size;
            let map = spawn(move || mapped.map(|_| block(SOON), 0..calls));
            yield_now();
            map.kill();
            map.wait();
            assert!(map.join().is_err());
            pool.join();
            assert!(pool.is_empty() && began.elapsed() >= 2 * SOON);
        }
    });
}
