//! `sync::RwLock`.
//!
//! No `x_timeout`: std's has none; `greenlet::timeout` is tried in `kill_while_waiting`.
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::atomic::{AtomicIsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::sync::{Arc, RwLock, RwLockWriteGuard, TryLockError};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Notes its name once it has locked, and holds the lock for one turn.
fn locker(lock: &Rc<RwLock<Log>>, name: &'static str) -> JoinHandle<()> {
    let lock = lock.clone();
    spawn(move || {
        if name.starts_with('w') {
            let log = lock.write().unwrap();
            log.borrow_mut().push(name);
            yield_now();
        } else {
            let log = lock.read().unwrap();
            log.borrow_mut().push(name);
            yield_now();
        }
    })
}

#[test]
fn smoke() {
    leak_checked(|| {
        let lock = Rc::new(RwLock::new(0));
        let readers = Rc::new(Cell::new((0, 0)));
        let handles = (0..12).map(|n| {
            let (lock, readers) = (lock.clone(), readers.clone());
            spawn(move || {
                if n % 4 == 0 {
                    let mut value = lock.write().unwrap();
                    assert_eq!(readers.get().0, 0, "a writer is alone");
                    let before = *value;
                    yield_now();
                    *value = before + 1;
                } else {
                    let value = lock.read().unwrap();
                    let (now, most) = readers.get();
                    readers.set((now + 1, most.max(now + 1)));
                    let before = *value;
                    yield_now();
                    assert_eq!(*value, before);
                    readers.set((readers.get().0 - 1, readers.get().1));
                }
            })
        });
        for result in join_all(handles) {
            result.unwrap();
        }
        assert_eq!(*lock.read().unwrap(), 3);
        assert_eq!(
            readers.get(),
            (0, 3),
            "those between two writers are in together"
        );
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let lock = RwLock::new(1);
        let (one, two) = (lock.try_read().unwrap(), lock.try_read().unwrap());
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(one);
        assert!(lock.try_write().is_err(), "one reader is left");
        drop(two);
        let writer = lock.try_write().unwrap();
        assert!(matches!(lock.try_read(), Err(TryLockError::WouldBlock)));
        assert!(matches!(lock.try_write(), Err(TryLockError::WouldBlock)));
        drop(writer);
        assert_eq!(*lock.try_read().unwrap(), 1);
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let first = lock.read().unwrap();
        let handles: Vec<_> = ["w1", "r1", "r2", "w2", "w3", "r3"]
            .into_iter()
            .map(|name| locker(&lock, name))
            .collect();
        yield_now();
        assert!(lock.try_read().is_err(), "a newcomer overtook the writer");
        assert!(log.borrow().is_empty());
        drop(first);
        assert!(lock.try_write().is_err() && lock.try_read().is_err());
        join_all(handles);
        assert_eq!(*log.borrow(), ["w1", "r1", "r2", "w2", "w3", "r3"]);
    });
}

#[test]
fn readers_that_wait_one_behind_the_other_come_in_together() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let writer = lock.write().unwrap();
        let handles: Vec<_> = ["r1", "r2", "r3", "w1", "r4"]
            .into_iter()
            .map(|name| locker(&lock, name))
            .collect();
        yield_now();
        drop(writer);
        yield_now();
        assert_eq!(*log.borrow(), ["r1", "r2", "r3"], "all are in now");
        join_all(handles);
        assert_eq!(log.borrow()[3..], ["w1", "r4"]);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let writer = lock.write().unwrap();
        let killed = [locker(&lock, "r-killed"), locker(&lock, "w-killed")];
        let next = [locker(&lock, "w1"), locker(&lock, "r1")];
        yield_now();
        for handle in &killed {
            handle.kill();
        }
        assert!(timeout(SOON, || lock.read().is_ok()).is_err());
        assert!(timeout(SOON, || lock.write().is_ok()).is_err());
        drop(writer);
        join_all(next);
        for result in join_all(killed) {
            assert!(result.is_err());
        }
        assert_eq!(*log.borrow(), ["w1", "r1"]);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn a_waiting_writer_that_gives_up_lets_in_the_readers_behind_it() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let reader = lock.read().unwrap();
        let writer = locker(&lock, "w1");
        let behind = [locker(&lock, "r1"), locker(&lock, "r2")];
        yield_now();
        writer.kill();
        join_all(behind);
        assert_eq!(*log.borrow(), ["r1", "r2"]);
        assert!(writer.join().is_err());
        assert!(lock.try_read().is_ok());
        drop(reader);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn readers_do_not_overtake_a_writer_for_one_that_was_killed() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let writer = lock.write().unwrap();
        let killed = locker(&lock, "r-killed");
        let others = [locker(&lock, "w1"), locker(&lock, "r1")];
        yield_now();
        killed.kill();
        drop(writer);
        join_all(others);
        assert!(killed.join().is_err());
        assert_eq!(*log.borrow(), ["w1", "r1"]);
    });
}

#[test]
fn a_writer_does_not_come_in_beside_readers_for_one_that_was_killed() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let guard = lock.write().unwrap();
        let reader = locker(&lock, "r1");
        let killed = locker(&lock, "r-killed");
        let writer = locker(&lock, "w1");
        yield_now();
        killed.kill();
        drop(guard);
        yield_now();
        assert_eq!(*log.borrow(), ["r1"], "the reader is in");
        join_all([reader, writer]);
        assert!(killed.join().is_err());
        assert_eq!(*log.borrow(), ["r1", "w1"]);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        for write in [false, true] {
            let lock = Rc::new(RwLock::new(Cell::new(0)));
            let guard = lock.write().unwrap();
            let l = lock.clone();
            let victim = spawn(move || {
                if write {
                    l.write().unwrap().set(1);
                    let _guard = l.write().unwrap();
                    sleep(HOUR);
                } else {
                    let guard = l.read().unwrap();
                    guard.set(1);
                    sleep(HOUR);
                }
            });
            yield_now();
            drop(guard);
            victim.kill();
            assert!(victim.join().is_err());
            assert!(!lock.is_poisoned());
            assert_eq!(lock.try_write().unwrap().get(), 1);
        }
    });
}

#[test]
fn only_the_panic_of_a_writer_poisons() {
    leak_checked(|| {
        let lock = Rc::new(RwLock::new(0));
        let l = lock.clone();
        let victim = spawn(move || {
            let _guard = l.write().unwrap();
            sleep(HOUR);
        });
        yield_now();
        victim.kill();
        victim.wait();
        assert!(!lock.is_poisoned());
        let elapsed = timeout(SOON, || {
            let _guard = lock.write().unwrap();
            sleep(HOUR);
        });
        assert!(elapsed.is_err() && !lock.is_poisoned());
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.read().unwrap();
            panic!("a reader's");
        }));
        assert!(panic.is_err() && !lock.is_poisoned());
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _guard = lock.write().unwrap();
            panic!("a writer's");
        }));
        assert!(panic.is_err() && lock.is_poisoned());
        assert_eq!(*lock.read().unwrap_err().into_inner(), 0);
        assert!(matches!(lock.try_write(), Err(TryLockError::Poisoned(_))));
        lock.clear_poison();
        assert!(lock.read().is_ok());
    });
}

#[test]
fn a_downgraded_writer_lets_in_readers_but_no_writer() {
    leak_checked(|| {
        let log = Log::default();
        let lock = Rc::new(RwLock::new(log.clone()));
        let writer = lock.write().unwrap();
        let handles: Vec<_> = ["r1", "r2", "w1", "r3"]
            .into_iter()
            .map(|name| locker(&lock, name))
            .collect();
        yield_now();
        let reader = RwLockWriteGuard::downgrade(writer);
        for _ in 0..3 {
            yield_now();
        }
        assert_eq!(*log.borrow(), ["r1", "r2"]);
        drop(reader);
        join_all(handles);
        assert_eq!(*log.borrow(), ["r1", "r2", "w1", "r3"]);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let lock = Arc::new(RwLock::new(0));
        let threads: Vec<_> = [false, true]
            .into_iter()
            .map(|spawns| {
                let lock = lock.clone();
                let work = move || {
                    for _ in 0..100 {
                        let mut value = lock.write().unwrap();
                        yield_now();
                        *value += 1;
                        let value = RwLockWriteGuard::downgrade(value);
                        let before = *value;
                        yield_now();
                        assert_eq!(*value, before);
                    }
                };
                thread::spawn(move || match spawns {
                    true => spawn(work).join().unwrap(),
                    false => work(),
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.read().unwrap(), 200);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 250_000;
        let lock = Arc::new(RwLock::new(0_usize));
        // Readers count up, a writer counts one down.
        let inside = Arc::new(AtomicIsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (lock, inside) = (lock.clone(), inside.clone());
                thread::spawn(move || {
                    let work = move || {
                        for n in 0..EACH / 10 {
                            if n % 5 == 0 {
                                let mut sum = lock.write().unwrap();
                                assert_eq!(inside.fetch_sub(1, Ordering::Relaxed), 0);
                                *sum += 1;
                                if n % 60 == 0 {
                                    yield_now();
                                }
                                assert_eq!(inside.fetch_add(1, Ordering::Relaxed), -1);
                            } else {
                                let sum = lock.read().unwrap();
                                let before = *sum;
                                assert!(inside.fetch_add(1, Ordering::Relaxed) >= 0);
                                if n % 64 == 0 {
                                    yield_now();
                                }
                                assert!(inside.fetch_sub(1, Ordering::Relaxed) >= 1);
                                assert_eq!(*sum, before);
                            }
                        }
                    };
                    let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                    for result in join_all(handles) {
                        result.unwrap();
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(*lock.read().unwrap(), 4 * EACH / 5);
        assert!(lock.try_write().is_ok());
    });
}

#[test]
fn writers_that_give_up_at_any_time_do_not_lock_anybody_out() {
    leak_checked(|| {
        let lock = Arc::new(RwLock::new(0_usize));
        let threads: Vec<_> = (0..4)
            .map(|thread| {
                let lock = lock.clone();
                thread::spawn(move || {
                    let work = move |k: usize| {
                        let mut written = 0;
                        for n in 0..300 {
                            let limit = Duration::from_micros((n * 7 + k * 3) as u64 % 50);
                            if (n + k + thread).is_multiple_of(2) {
                                let wrote = timeout(limit, || {
                                    let mut value = lock.write().unwrap();
                                    *value += 1;
                                    drop(value);
                                    1
                                });
                                written += wrote.unwrap_or(0);
                            } else {
                                let _ = timeout(limit, || drop(lock.read().unwrap()));
                            }
                            yield_now();
                        }
                        written
                    };
                    let handles: Vec<_> = (0..8)
                        .map(|k| {
                            let work = work.clone();
                            spawn(move || work(k))
                        })
                        .collect();
                    join_all(handles)
                        .into_iter()
                        .map(|written| written.unwrap())
                        .sum::<usize>()
                })
            })
            .collect();
        let written: usize = threads.into_iter().map(|t| t.join().unwrap()).sum();
        assert_eq!(*lock.try_write().unwrap(), written);
    });
}
