//! `lock::Semaphore`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::{join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(2));
        let inside = Rc::new(RefCell::new((0, 0)));
        let handles: Vec<_> = (0..10)
            .map(|_| {
                let (semaphore, inside) = (semaphore.clone(), inside.clone());
                spawn(move || {
                    let _unit = semaphore.hold();
                    inside.borrow_mut().0 += 1;
                    let most = inside.borrow().0.max(inside.borrow().1);
                    inside.borrow_mut().1 = most;
                    yield_now();
                    inside.borrow_mut().0 -= 1;
                })
            })
            .collect();
        join_all(handles);
        assert_eq!(*inside.borrow(), (0, 2));
        assert_eq!(semaphore.available(), 2);
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let semaphore = Semaphore::new(1);
        assert!(semaphore.try_acquire());
        assert!(!semaphore.try_acquire() && semaphore.locked());
        semaphore.release();
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (semaphore, order) = (semaphore.clone(), order.clone());
                spawn(move || {
                    semaphore.acquire();
                    order.borrow_mut().push(n);
                    semaphore.release();
                })
            })
            .collect();
        yield_now();
        semaphore.release();
        assert!(!semaphore.try_acquire(), "a newcomer overtook");
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let semaphore = Semaphore::new(0);
        assert!(!semaphore.acquire_timeout(SOON));
        assert!(!semaphore.acquire_timeout(Duration::ZERO));
        assert!(timeout(SOON, || semaphore.acquire()).is_err());
        semaphore.release();
        assert!(semaphore.acquire_timeout(HOUR));
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let wait = || {
            let semaphore = semaphore.clone();
            spawn(move || semaphore.acquire())
        };
        let (first, second) = (wait(), wait());
        yield_now();
        first.kill();
        semaphore.release();
        assert!(first.join().is_err());
        second.join().unwrap();
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let s = semaphore.clone();
        let victim = spawn(move || {
            s.acquire();
            s.release();
            sleep(HOUR);
        });
        yield_now();
        semaphore.release();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(semaphore.available(), 1);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let (there, back) = (Arc::new(Semaphore::new(0)), Arc::new(Semaphore::new(0)));
        for spawns in [false, true] {
            let (t, b) = (there.clone(), back.clone());
            let work = move || {
                for _ in 0..100 {
                    t.acquire();
                    b.release();
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for _ in 0..100 {
                there.release();
                back.acquire();
            }
            thread.join().unwrap();
        }
        assert_eq!((there.available(), back.available()), (0, 0));
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 250_000;
        let semaphore = Arc::new(Semaphore::new(3));
        let (inside, sum) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (semaphore, inside, sum) = (semaphore.clone(), inside.clone(), sum.clone());
                thread::spawn(move || {
                    let work = move || {
                        for n in 0..EACH / 10 {
                            let _unit = semaphore.hold();
                            assert!(inside.fetch_add(1, Ordering::SeqCst) < 3);
                            if n % 7 == 0 {
                                yield_now();
                            }
                            sum.fetch_add(1, Ordering::SeqCst);
                            inside.fetch_sub(1, Ordering::SeqCst);
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
        assert_eq!(sum.load(Ordering::SeqCst), 4 * EACH);
        assert_eq!(semaphore.available(), 3);
    });
}
