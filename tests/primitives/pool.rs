//! `pool::Pool`.
//!
//! No `cross_thread`: a pool stays on its thread, by its type.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::pool::{Pool, PoolFull};
use greenlet::{GreenletExit, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let pool = Pool::new(2);
        let (inside, most) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        for _ in 0..10 {
            let (inside, most) = (inside.clone(), most.clone());
            drop(pool.spawn(move || {
                inside.set(inside.get() + 1);
                most.set(most.get().max(inside.get()));
                yield_now();
                inside.set(inside.get() - 1);
            }));
            assert!(pool.len() <= 2);
        }
        pool.join();
        assert_eq!((inside.get(), most.get()), (0, 2));
        assert_eq!((pool.free_count(), pool.len()), (2, 0));
        assert_eq!(pool.apply(|| 5), 5);
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let sleeper = pool.try_spawn(|| sleep(HOUR)).unwrap();
        let token = Token::new();
        assert_eq!(pool.try_spawn(move || drop(token)).unwrap_err(), PoolFull);
        assert_eq!(Token::alive(), 0);
        sleeper.kill();
        assert_eq!(pool.free_count(), 1, "it never ran");
        assert_eq!(pool.try_spawn(|| 3).unwrap().join().unwrap(), 3);
        assert!(Pool::new(0).try_spawn(|| ()).is_err());
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let order = Rc::new(RefCell::new(Vec::new()));
        let spawners: Vec<_> = (0..4)
            .map(|n| {
                let (pool, order) = (pool.clone(), order.clone());
                spawn(move || {
                    drop(pool.spawn(move || {
                        yield_now();
                        order.borrow_mut().push(n);
                    }));
                })
            })
            .collect();
        yield_now();
        assert!(pool.try_spawn(|| ()).is_err());
        greenlet::join_all(spawners);
        pool.join();
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let pool = Pool::new(1);
        pool.wait_available();
        let sleeper = pool.spawn(|| sleep(HOUR));
        assert!(timeout(SOON, || pool.spawn(|| ())).is_err());
        assert!(timeout(SOON, || pool.wait_available()).is_err());
        assert!(timeout(SOON, || pool.apply(|| ())).is_err());
        assert!(!pool.join_timeout(SOON));
        sleeper.kill();
        assert!(pool.join_timeout(HOUR));
        pool.wait_available();
        assert_eq!(pool.free_count(), 1);
        let nothing = Pool::new(0);
        assert!(timeout(SOON, || nothing.spawn(|| ())).is_err());
        assert!(nothing.join_timeout(Duration::ZERO));
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let sleeper = pool.spawn(|| sleep(HOUR));
        let p = pool.clone();
        let spawner = spawn(move || p.spawn(|| ()).join());
        let async_waits = pool.apply_async(|| (), |()| ());
        yield_now();
        spawner.kill();
        async_waits.kill();
        assert!(spawner.join().is_err() && async_waits.join().is_err());
        sleeper.kill();
        pool.join();
        assert_eq!(pool.free_count(), 1);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        for is_async in [false, true] {
            let pool = Pool::new(1);
            let first = pool.spawn(|| sleep(HOUR));
            yield_now();
            let p = pool.clone();
            let waits = match is_async {
                true => pool.apply_async(|| sleep(HOUR), |()| ()),
                false => spawn(move || {
                    drop(p.spawn(|| ()));
                    sleep(HOUR);
                }),
            };
            yield_now();
            first.kill();
            first.wait();
            // It has the slot, and has not run yet.
            waits.kill();
            assert!(waits.join().is_err());
            pool.join();
            assert_eq!(pool.free_count(), 1);
        }
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let done = Rc::new(Cell::new(0));
        for _ in 0..3 {
            let done = done.clone();
            drop(pool.apply_async(|| sleep(SOON), move |()| done.set(done.get() + 1)));
        }
        let p = pool.clone();
        let joiner = spawn(move || p.join());
        yield_now();
        drop(pool);
        joiner.join().unwrap();
        assert_eq!(done.get(), 3);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        let pool = Pool::new(7);
        let sum = Rc::new(Cell::new(0_u64));
        let spawners: Vec<_> = (0..20_u64)
            .map(|n| {
                let (pool, sum) = (pool.clone(), sum.clone());
                spawn(move || {
                    for m in 0..100_u64 {
                        let sum = sum.clone();
                        let handle = pool.spawn(move || {
                            (0..m % 3).for_each(|_| yield_now());
                            sum.set(sum.get() + 1);
                        });
                        if (n + m) % 5 == 0 {
                            handle.join().unwrap();
                        }
                    }
                })
            })
            .collect();
        for result in greenlet::join_all(spawners) {
            result.unwrap();
        }
        pool.join();
        assert_eq!((sum.get(), pool.free_count(), pool.len()), (2000, 7, 0));
    });
}

#[test]
fn a_slot_is_free_however_its_greenlet_ends() {
    leak_checked(|| {
        let pool = Pool::new(1);
        pool.spawn(|| panic!("a member")).join().unwrap_err();
        assert_eq!(pool.free_count(), 1);
        let killed = pool.spawn(|| sleep(HOUR));
        yield_now();
        killed.kill();
        killed.wait();
        assert_eq!(pool.free_count(), 1);
        pool.spawn(|| ()).kill();
        assert_eq!(pool.free_count(), 1);
        yield_now();
    });
}

#[test]
fn apply_from_a_member_runs_where_it_is() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let p = pool.clone();
        let nested = pool.spawn(move || {
            let me = greenlet::current();
            let q = p.clone();
            let inner = p.apply(move || q.apply(move || greenlet::current() == me));
            (inner, p.map(|n| n + 1, [1, 2]))
        });
        assert_eq!(nested.join().unwrap(), (true, vec![2, 3]));
        let panic = catch_unwind(AssertUnwindSafe(|| pool.apply(|| panic!("called"))));
        assert_eq!(panic.unwrap_err().downcast_ref::<&str>(), Some(&"called"));
    });
}

#[test]
fn a_call_that_is_killed_does_not_kill_its_caller() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let p = pool.clone();
        let killer = spawn(move || p.kill());
        let panic = catch_unwind(AssertUnwindSafe(|| pool.apply(|| sleep(HOUR))));
        let payload = panic.unwrap_err();
        assert!(!payload.is::<GreenletExit>());
        killer.join().unwrap();
    });
}

#[test]
fn apply_async_never_waits_and_calls_back_on_success_only() {
    leak_checked(|| {
        let pool = Pool::new(1);
        let seen = Rc::new(RefCell::new(Vec::new()));
        let job = |n: i32| {
            let (seen, p) = (seen.clone(), pool.clone());
            pool.apply_async(
                move || {
                    assert!(n != 1, "a job fails");
                    n
                },
                move |n| seen.borrow_mut().push((*n, p.free_count())),
            )
        };
        let jobs = [job(0), job(1), job(2)];
        assert_eq!((pool.len(), pool.free_count()), (3, 1));
        pool.join();
        let ends = jobs.map(|job| job.join().ok());
        assert_eq!(ends, [Some(0), None, Some(2)]);
        // The slot was free again by then.
        assert_eq!(*seen.borrow(), [(0, 1), (2, 1)]);
    });
}

#[test]
fn map_gives_the_results_in_order_and_the_first_panic_in_order() {
    leak_checked(|| {
        let pool = Pool::new(3);
        let backwards = pool.map(
            |n: u64| {
                sleep(SOON * (5 - n as u32));
                n * n
            },
            0..5,
        );
        assert_eq!(backwards, [0, 1, 4, 9, 16]);
        let done = Rc::new(Cell::new(0));
        let d = done.clone();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            pool.map(
                move |n: i32| {
                    if n % 2 == 1 {
                        (n..4).for_each(|_| yield_now());
                        panic!("item {n}");
                    }
                    sleep(SOON);
                    d.set(d.get() + 1);
                },
                0..5,
            )
        }));
        let payload = panic.unwrap_err();
        assert_eq!(payload.downcast_ref::<String>().unwrap(), "item 1");
        pool.join();
        assert_eq!(done.get(), 3);
        assert_eq!(pool.map(|n: i32| n, Vec::new()), [0; 0]);
    });
}

#[test]
fn imap_is_lazy_and_bounded() {
    leak_checked(|| {
        let pool = Pool::new(2);
        let drawn = Rc::new(Cell::new(0));
        let d = drawn.clone();
        let items = (0_u32..).inspect(move |_| d.set(d.get() + 1));
        let mut squares = pool.imap(|n| n * n, items).bound(3);
        yield_now();
        assert_eq!(drawn.get(), 0);
        assert_eq!(squares.next().unwrap().unwrap(), 0);
        assert_eq!(drawn.get(), 3);
        assert_eq!(squares.next().unwrap().unwrap(), 1);
        assert_eq!(drawn.get(), 4);
        drop(squares);
        pool.join();
        assert_eq!(pool.imap(|n: i32| n, []).count(), 0);
    });
}

#[test]
fn a_panic_is_an_item_of_its_own() {
    leak_checked(|| {
        let pool = Pool::new(2);
        let check = |n: i32| {
            assert!(n != 2, "an item fails");
            n
        };
        let in_order: Vec<_> = pool.imap(check, 0..5).map(Result::ok).collect();
        assert_eq!(in_order, [Some(0), Some(1), None, Some(3), Some(4)]);
        let mut unordered: Vec<_> = pool.imap_unordered(check, 0..5).map(Result::ok).collect();
        unordered.sort();
        assert_eq!(unordered, [None, Some(0), Some(1), Some(3), Some(4)]);
        // One in the iterator of the items comes out of `next`.
        let mut items = pool.imap(|n: i32| n, (0..2).map(|n| n / (1 - n)));
        assert!(catch_unwind(AssertUnwindSafe(|| items.next())).is_err());
        drop(items);
        pool.join();
    });
}

#[test]
fn imap_unordered_gives_what_ends_first() {
    leak_checked(|| {
        let pool = Pool::new(3);
        let turns = [30, 10, 20];
        let order: Vec<_> = pool
            .imap_unordered(
                |turns: u32| {
                    (0..turns).for_each(|_| yield_now());
                    turns
                },
                turns,
            )
            .map(Result::unwrap)
            .collect();
        assert_eq!(order, [10, 20, 30]);
        // Those that are killed count as well, whether they run or wait.
        let p = pool.clone();
        let mut calls = pool.imap_unordered(|_| sleep(HOUR), 0..5).bound(5);
        let killer = spawn(move || {
            yield_now();
            p.kill();
        });
        for _ in 0..5 {
            assert!(calls.next().unwrap().unwrap_err().is::<GreenletExit>());
        }
        assert!(calls.next().is_none());
        killer.join().unwrap();
    });
}

#[test]
fn a_killed_caller_of_map_leaves_the_calls_alone() {
    leak_checked(|| {
        let pool = Pool::new(2);
        let done = Rc::new(Cell::new(0));
        let (p, d) = (pool.clone(), done.clone());
        let caller = spawn(move || {
            p.map(
                move |_| {
                    sleep(SOON);
                    d.set(d.get() + 1);
                },
                0..10,
            )
        });
        yield_now();
        caller.kill();
        assert!(caller.join().is_err());
        pool.join();
        assert_eq!(done.get(), 2);
    });
}

#[test]
fn whoever_is_killed_with_its_call_dies_of_that() {
    leak_checked(|| {
        let call = Rc::new(RefCell::new(None));
        let told = call.clone();
        let caller = spawn(move || {
            let pool = Pool::new(1);
            pool.apply(move || {
                *told.borrow_mut() = Some(greenlet::current());
                sleep(HOUR);
            });
        });
        yield_now();
        yield_now();
        call.take().unwrap().kill();
        yield_now();
        // Its wait is over, for the call is dead.
        caller.kill();
        assert!(caller.join().unwrap_err().is::<GreenletExit>());
    });
}
