//! `test__pool.py`. A pool always has a size; a greenlet that was spawned elsewhere cannot be put into one. What comes out of `imap` and
//! `imap_unordered` are results, so that a failure does not end the iteration.

use std::cell::Cell;
use std::iter;
use std::rc::Rc;

use greenlet::event::Event;
use greenlet::pool::{Pool, PoolFull};
use greenlet::queue::Queue;
use greenlet::{sleep, spawn, spawn_later, timeout};

use crate::support::leak_checked;
use crate::{Expected, HOUR, Log, SOON, expected, fail, failure, is_killed, timed};

/// test__pool.py TestCoroutinePool.test_apply_async (Y)
/// test__pool.py TestCoroutinePool.test_apply (Y)
/// test__pool.py TestCoroutinePool.test_apply_raises (Y)
/// test__pool.py PoolBasicTests.test_apply (Y)
/// test__pool.py TestPool.test_apply (Y)
#[test]
fn calls_give_what_the_function_does() {
    leak_checked(|| {
        for size in [1, 2, 10] {
            let pool = Pool::new(size);
            let done = Rc::new(Event::new());
            let set = done.clone();
            drop(pool.apply_async(move || set.set(), |()| ()));
            done.wait();
            let text = String::from("foo");
            assert_eq!(pool.apply(move || (text, 1)), ("foo".to_owned(), 1));
            assert_eq!(failure(|| pool.apply(|| fail(3))), Expected(3));
            pool.join();
            assert_eq!(pool.free_count(), size);
        }
    });
}

/// test__pool.py TestCoroutinePool.test_multiple_coros (Y)
#[test]
fn members_wait_for_each_other() {
    timed(|| {
        let (event, log) = (Rc::new(Event::new()), Log::default());
        let pool = Pool::new(2);
        let (set, wait, l, m) = (event.clone(), event, log.clone(), log.clone());
        let consumer = pool.spawn(move || {
            l.add("cons1");
            wait.wait();
            l.add("cons2");
        });
        let produce = move || {
            sleep(SOON);
            m.add("prod");
            set.set();
        };
        let producer = pool.apply_async(produce, |()| ());
        consumer.join().unwrap();
        producer.join().unwrap();
        assert_eq!(log.take(), "cons1 prod cons2");
    });
}

/// test__pool.py TestCoroutinePool.test_reentrant (Y)
#[test]
fn a_call_within_a_call_needs_no_second_slot() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let inner = pool.clone();
        assert_eq!(pool.apply(move || inner.apply(|| 5 + 1)), 6);
        let event = Rc::new(Event::new());
        let set = event.clone();
        drop(pool.apply_async(move || set.set(), |()| ()));
        event.wait();
        pool.join();
    });
}

/// test__pool.py PoolBasicTests.test_execute_async (A)
#[test]
fn an_asynchronous_call_beyond_the_last_slot_does_not_wait() {
    leak_checked(|| {
        let pool = Pool::new(2);
        let log = Log::default();
        let add = |n: u32| {
            let log = log.clone();
            move || log.add(n.to_string())
        };
        assert_eq!(pool.free_count(), 2);
        let first = pool.spawn(add(1));
        assert_eq!(pool.free_count(), 1);
        first.join().unwrap();
        assert_eq!((log.take().as_str(), pool.free_count()), ("1", 2));
        let calls = [2, 3, 4].map(|n| pool.apply_async(add(n), |()| ()));
        assert_eq!(log.take(), "", "nobody had a turn");
        assert!(calls.into_iter().all(|call| call.join().is_ok()));
        assert_eq!(log.take(), "2 3 4");
    });
}

/// test__pool.py PoolBasicTests.test_add_method_non_blocking (A)
/// test__pool.py PoolBasicTests.test_add_method_timeout (A)
/// test__pool.py PoolBasicTests.test_start_method_timeout (A)
#[test]
fn a_full_pool_takes_nobody() {
    timed(|| {
        let pool = Pool::new(1);
        let first = pool.spawn(|| sleep(HOUR));
        assert_eq!(pool.try_spawn(|| ()).unwrap_err(), PoolFull);
        let before = greenlet::__moment();
        assert!(timeout(SOON, || pool.spawn(|| unreachable!())).is_err());
        assert_eq!(greenlet::__moment() - before, SOON);
        assert_eq!((pool.free_count(), pool.len()), (0, 1));
        first.kill();
        first.wait();
        assert_eq!((pool.free_count(), pool.len()), (1, 0));
    });
}

const SIZES: [usize; 5] = [1, 2, 3, 10, 1000];

/// test__pool.py TestPool.test_map (Y)
/// test__pool.py TestPool.test_empty_map (Y)
/// test__pool.py TestPool.test_imap_list_small (Y)
/// test__pool.py TestPool.test_imap_it_small (Y)
/// test__pool.py TestPool.test_imap_it_large (Y)
/// test__pool.py TestPool.test_empty_imap (Y)
/// test__pool.py TestPool.test_imap_unordered (Y)
/// test__pool.py TestPool.test_empty_imap_unordered (Y)
#[test]
fn a_function_is_called_for_as_many_items_as_there_are() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            for length in [0, 10, 100, 1000] {
                let squares = (0..length).map(|n: u32| n * n).collect::<Vec<_>>();
                assert_eq!(pool.map(|n| n * n, 0..length), squares);
                let mut results = pool.imap(|n| n * n, 0..length);
                for square in &squares {
                    assert_eq!(results.next().unwrap().unwrap(), *square);
                }
                assert!(results.next().is_none() && results.next().is_none());
                let results = pool.imap_unordered(|n| n * n, 0..length);
                let mut found: Vec<_> = results.map(Result::unwrap).collect();
                found.sort();
                assert_eq!(found, squares);
            }
            assert!(pool.is_empty());
        }
    });
}

/// test__pool.py TestPool.test_imap_random (Y)
/// test__pool.py TestPool.test_imap_unordered_random (Y)
#[test]
fn calls_that_take_differently_long_are_put_in_order_or_not() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            let call = |n: u32| {
                sleep(SOON * (n * 7 % 10));
                n
            };
            let results = pool.imap(call, 0..10).map(Result::unwrap);
            assert!(results.eq(0..10));
            let mut found: Vec<_> = pool
                .imap_unordered(call, 0..10)
                .map(Result::unwrap)
                .collect();
            assert_eq!(found.is_sorted(), size == 1);
            found.sort();
            assert!(found.into_iter().eq(0..10));
        }
    });
}

/// test__pool.py TestPool.test_async (Y)
/// test__pool.py TestPool.test_async_callback (Y)
/// test__pool.py TestPool.test_async_timeout (Y)
#[test]
fn an_asynchronous_call_takes_its_time() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            let found = Rc::new(Cell::new(0));
            let set = found.clone();
            let slow = || {
                sleep(5 * SOON);
                49
            };
            let before = greenlet::__moment();
            let call = pool.apply_async(slow, move |value| set.set(*value));
            assert_eq!(call.join().unwrap(), 49);
            assert_eq!(greenlet::__moment() - before, 5 * SOON);
            assert_eq!(found.get(), 49);
            let call = pool.apply_async(slow, |_| ());
            let call = call.join_timeout(SOON).expect_err("it takes longer");
            assert_eq!(greenlet::__moment() - before, 6 * SOON);
            assert_eq!(call.join().unwrap(), 49);
        }
    });
}

/// test__pool.py TestPool.test_terminate (A)
#[test]
fn a_kill_in_the_middle_of_a_map_ends_the_calls_of_the_moment() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            let mapped = pool.clone();
            let map = spawn(move || mapped.map(|_| sleep(HOUR), 0..2 * size));
            sleep(SOON);
            assert_eq!(pool.len(), size);
            let before = greenlet::__moment();
            pool.kill();
            assert_eq!(greenlet::__moment(), before);
            // Calls for the items that are left are made, but nobody will have the results.
            map.wait();
            assert_eq!(greenlet::__moment(), before);
            assert_eq!(pool.len(), size);
            assert!(!is_killed(map), "it failed");
            pool.kill();
            assert!(pool.is_empty());
        }
    });
}

/// test__pool.py TestPool.test_imap_unordered_sleep (Y)
#[test]
fn results_come_in_the_order_of_their_ends() {
    timed(|| {
        for (size, order) in [(1, [10, 1, 2]), (2, [1, 2, 10]), (3, [1, 2, 10])] {
            let pool = Pool::new(size);
            let call = |n: u32| {
                sleep(n * SOON);
                n
            };
            let results = pool.imap_unordered(call, [10, 1, 2]);
            assert!(results.map(Result::unwrap).eq(order));
        }
    });
}

/// test__pool.py TestPool.test_imap_no_stop (A)
/// test__pool.py TestPool.test_imap_unordered_no_stop (A)
/// test__pool.py TestPool.test_imap_final_sleep (Y)
/// test__pool.py TestPool.test_imap_unordered_final_sleep (Y)
#[test]
fn the_items_may_be_waited_for_also_the_end_of_them() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            for ordered in [true, false] {
                let queue = Rc::new(Queue::new());
                queue.put(123).unwrap();
                let ending = queue.clone();
                let end = spawn_later(SOON, move || ending.shutdown());
                let items = queue.iter();
                let mut found: Vec<u32> = match ordered {
                    true => pool.imap(|n| n, items).map(Result::unwrap).collect(),
                    false => pool
                        .imap_unordered(|n| n, items)
                        .map(Result::unwrap)
                        .collect(),
                };
                assert_eq!(found, [123]);
                end.join().unwrap();
                let sleepy = (0..3).chain(iter::from_fn(|| {
                    sleep(SOON);
                    None
                }));
                found = match ordered {
                    true => pool.imap(|n| n * n, sleepy).map(Result::unwrap).collect(),
                    false => pool
                        .imap_unordered(|n| n * n, sleepy)
                        .map(Result::unwrap)
                        .collect(),
                };
                found.sort();
                assert_eq!(found, [0, 1, 4]);
            }
        }
    });
}

/// test__pool.py TestPool.test_imap_unordered_bounded_queue (Y)
#[test]
fn no_more_calls_are_made_ahead_than_the_bound_says() {
    timed(|| {
        for size in SIZES {
            let pool = Pool::new(size);
            let calls = Rc::new(Cell::new(0));
            let count = |calls: &Rc<Cell<usize>>| {
                let calls = calls.clone();
                move |n: usize| {
                    calls.set(calls.get() + 1);
                    n
                }
            };
            let check = |(i, result): (usize, std::thread::Result<usize>)| {
                assert!(calls.get() <= i + 1, "{} calls at {i}", calls.get());
                sleep(SOON);
                result.unwrap()
            };
            let results = pool.imap(count(&calls), 0..100).bound(1);
            assert!(results.enumerate().map(check).eq(0..100));
            calls.set(0);
            let results = pool.imap_unordered(count(&calls), 0..100).bound(1);
            assert!(results.enumerate().map(check).eq(0..100));
        }
    });
}

/// test__pool.py TestPool0.test_wait_full (Y)
#[test]
fn a_pool_without_slots_is_full_for_ever() {
    timed(|| {
        let pool = Pool::new(0);
        assert_eq!(pool.free_count(), 0);
        assert!(pool.try_spawn(|| ()).is_err());
        assert!(timeout(SOON, || pool.wait_available()).is_err());
    });
}

/// test__pool.py TestJoinEmpty.test (Y)
#[test]
fn the_join_of_an_empty_pool_does_not_switch() {
    leak_checked(|| {
        let other = spawn(|| ());
        let pool = Pool::new(1);
        pool.join();
        assert!(pool.join_timeout(SOON));
        assert!(!other.is_finished());
        other.join().unwrap();
    });
}

/// test__pool.py TestSpawn.test (Y)
/// test__pool.py TestSpawn.testSpawnAndWait (Y)
#[test]
fn a_spawn_beyond_the_last_slot_waits_for_one() {
    timed(|| {
        let pool = Pool::new(1);
        let before = greenlet::__moment();
        drop(pool.spawn(|| sleep(10 * SOON)));
        assert_eq!(pool.len(), 1);
        drop(pool.spawn(|| sleep(10 * SOON)));
        assert_eq!(greenlet::__moment() - before, 10 * SOON);
        assert_eq!(pool.len(), 1);
        assert!(!pool.join_timeout(SOON));
        assert!(pool.join_timeout(HOUR));
        assert_eq!(greenlet::__moment() - before, 20 * SOON);
        assert!(pool.is_empty());
    });
}

/// 1, 2, and a failure.
fn failing() -> impl Iterator<Item = u32> {
    [1, 2, 0].into_iter().map(|n| match n {
        0 => fail(9),
        n => n,
    })
}

/// test__pool.py TestErrorInIterator.test (Y)
/// test__pool.py TestErrorInIterator.test_unordered (Y)
#[test]
fn a_failure_of_the_items_comes_out_where_they_are_drawn() {
    leak_checked(|| {
        let pool = Pool::new(3);
        assert_eq!(failure(|| pool.map(|_| (), failing())), Expected(9));
        assert_eq!(
            failure(|| pool.imap(|_| (), failing()).count()),
            Expected(9)
        );
        let unordered = || pool.imap_unordered(|_| (), failing()).count();
        assert_eq!(failure(unordered), Expected(9));
        pool.join();
        assert_eq!(pool.free_count(), 3);
    });
}

/// test__pool.py TestErrorInHandler.test_map (Y)
/// test__pool.py TestErrorInHandler.test_imap (A)
/// test__pool.py TestErrorInHandler.test_imap_unordered (A)
#[test]
fn a_failed_call_is_one_result_of_several() {
    fn divide(n: u32) -> u32 {
        10u32.checked_div(n).unwrap_or_else(|| fail(0))
    }
    leak_checked(|| {
        let pool = Pool::new(3);
        assert_eq!(failure(|| pool.map(divide, [1, 0, 2])), Expected(0));
        let pool = Pool::new(1);
        let mut results = pool.imap(divide, [1, 0, 2]);
        assert_eq!(results.next().unwrap().unwrap(), 10);
        assert_eq!(expected(results.next().unwrap().unwrap_err()), Expected(0));
        assert_eq!(results.next().unwrap().unwrap(), 5);
        assert!(results.next().is_none());
        let mut results = pool.imap_unordered(divide, [1, 0, 2]);
        assert_eq!(results.next().unwrap().unwrap(), 10);
        assert_eq!(expected(results.next().unwrap().unwrap_err()), Expected(0));
        assert_eq!(results.next().unwrap().unwrap(), 5);
        assert!(results.next().is_none());
    });
}
