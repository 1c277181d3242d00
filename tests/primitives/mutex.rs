//! `sync::Mutex`.
//!
//! No `x_timeout`: std's has none; `greenlet::timeout` is tried in `kill_while_waiting`.
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::sync::{Arc, Mutex, TryLockError};
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let sum = Rc::new(Mutex::new(0));
        let handles = (0..10).map(|_| {
            let sum = sum.clone();
            spawn(move || {
                let mut guard = sum.lock().unwrap();
                let before = *guard;
                yield_now();
                *guard = before + 1;
            })
        });
        join_all(handles);
        assert_eq!(*sum.lock().unwrap(), 10);
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let mutex = Mutex::new(1);
        let guard = mutex.try_lock().unwrap();
        assert!(matches!(mutex.try_lock(), Err(TryLockError::WouldBlock)));
        drop(guard);
        assert_eq!(*mutex.try_lock().unwrap(), 1);
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let order = Rc::new(Mutex::new(Vec::new()));
        let guard = order.lock().unwrap();
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let order = order.clone();
                spawn(move || order.lock().unwrap().push(n))
            })
            .collect();
        yield_now();
        drop(guard);
        assert!(order.try_lock().is_err(), "a newcomer overtook");
        join_all(handles);
        assert_eq!(*order.lock().unwrap(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let mutex = Rc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let wait = || {
            let mutex = mutex.clone();
            spawn(move || *mutex.lock().unwrap() += 1)
        };
        let (killed, next) = (wait(), wait());
        yield_now();
        killed.kill();
        assert!(timeout(SOON, || mutex.lock().is_ok()).is_err());
        drop(guard);
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let mutex = Rc::new(Mutex::new(0));
        let guard = mutex.lock().unwrap();
        let m = mutex.clone();
        let victim = spawn(move || {
            let mut guard = m.lock().unwrap();
            *guard += 1;
            sleep(HOUR);
        });
        yield_now();
        drop(guard);
        victim.kill();
        assert!(victim.join().is_err());
        assert!(!mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap(), 1);
    });
}

#[test]
fn a_panic_poisons_and_a_kill_does_not() {
    leak_checked(|| {
        let mutex = Rc::new(Mutex::new(0));
        let m = mutex.clone();
        let victim = spawn(move || {
            let _guard = m.lock().unwrap();
            sleep(HOUR);
        });
        yield_now();
        victim.kill();
        victim.wait();
        assert!(!mutex.is_poisoned());
        assert!(
            timeout(SOON, || {
                let _guard = mutex.lock().unwrap();
                sleep(HOUR);
            })
            .is_err()
        );
        assert!(!mutex.is_poisoned());
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().unwrap();
            panic!("poison");
        }));
        assert!(panic.is_err() && mutex.is_poisoned());
        assert_eq!(*mutex.lock().unwrap_err().into_inner(), 0);
        mutex.clear_poison();
        assert!(mutex.lock().is_ok());
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let mutex = Arc::new(Mutex::new(RefCell::new(0)));
        let threads: Vec<_> = [false, true]
            .into_iter()
            .map(|spawns| {
                let mutex = mutex.clone();
                let work = move || {
                    for _ in 0..100 {
                        let guard = mutex.lock().unwrap();
                        yield_now();
                        *guard.borrow_mut() += 1;
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
        assert_eq!(*mutex.lock().unwrap().borrow(), 200);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 250_000;
        let sum = Arc::new(Mutex::new(0_usize));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let sum = sum.clone();
                thread::spawn(move || {
                    let work = move || {
                        for n in 0..EACH / 10 {
                            let mut sum = sum.lock().unwrap();
                            let before = *sum;
                            if n % 64 == 0 {
                                yield_now();
                            }
                            *sum = before + 1;
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
        assert_eq!(*sum.lock().unwrap(), 4 * EACH);
    });
}
