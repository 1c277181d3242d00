//! `sync::Barrier`.
//!
//! No `try_x`: it has no call that tries.
//! No `x_timeout`: std's has none; `greenlet::timeout` is tried in `kill_while_waiting`.
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use greenlet::sync::Barrier;
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn comer(barrier: &Rc<Barrier>) -> JoinHandle<bool> {
    let barrier = barrier.clone();
    spawn(move || barrier.wait().is_leader())
}

#[test]
fn smoke() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(3));
        for _ in 0..3 {
            let others = [comer(&barrier), comer(&barrier)];
            yield_now();
            assert!(others.iter().all(|other| !other.is_finished()));
            assert!(barrier.wait().is_leader(), "the last one leads");
            for led in join_all(others) {
                assert!(!led.unwrap());
            }
        }
        for n in [0, 1] {
            assert!(Barrier::new(n).wait().is_leader());
        }
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(5));
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..4)
            .map(|n| {
                let (barrier, order) = (barrier.clone(), order.clone());
                spawn(move || {
                    barrier.wait();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        barrier.wait();
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(2));
        let killed = comer(&barrier);
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        assert!(timeout(SOON, || barrier.wait()).is_err());
        let other = comer(&barrier);
        yield_now();
        assert!(!other.is_finished(), "the dead do not count");
        barrier.wait();
        other.join().unwrap();
    });
}

#[test]
fn one_that_is_about_to_die_does_not_count() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(3));
        let (first, killed) = (comer(&barrier), comer(&barrier));
        let b = barrier.clone();
        let last = spawn(move || {
            for _ in 0..5 {
                yield_now();
            }
            b.wait().is_leader()
        });
        yield_now();
        killed.kill();
        // This would be the third, before the killed one has gone.
        assert!(!barrier.wait().is_leader());
        assert!(killed.join().is_err());
        assert!(!first.join().unwrap());
        assert!(last.join().unwrap());
    });
}

#[test]
fn one_that_was_called_in_vain_comes_again() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(3));
        let passed = Rc::new(RefCell::new(Vec::new()));
        let come = |n| {
            let (barrier, passed) = (barrier.clone(), passed.clone());
            spawn(move || {
                barrier.wait();
                passed.borrow_mut().push(n);
            })
        };
        let (first, second) = (come(1), come(2));
        yield_now();
        let others = [3, 4, 5].map(come);
        // It is still in the queue when the next one comes.
        second.kill();
        for _ in 0..5 {
            yield_now();
        }
        assert_eq!(passed.borrow().len(), 3, "of four");
        let last = [come(6), come(7)];
        join_all([first].into_iter().chain(others).chain(last));
        assert_eq!(passed.borrow().len(), 6);
        assert!(second.join().is_err());
    });
}

#[test]
fn nobody_is_kept_busy_by_one_that_is_about_to_die_elsewhere() {
    leak_checked(|| {
        let barrier = Arc::new(Barrier::new(3));
        let (killed, was_killed) = mpsc::channel();
        let (go_on, may_go_on) = mpsc::channel();
        let b = barrier.clone();
        let elsewhere = thread::spawn(move || {
            let victim = spawn(move || b.wait().is_leader());
            yield_now();
            victim.kill();
            killed.send(()).unwrap();
            // The victim has no turn while the thread is in here.
            may_go_on.recv().unwrap();
            assert!(victim.join().is_err());
        });
        was_killed.recv().unwrap();
        let handles = [(); 2].map(|()| {
            let barrier = barrier.clone();
            spawn(move || barrier.wait().is_leader())
        });
        for _ in 0..5 {
            yield_now();
        }
        assert_eq!(greenlet::hub::stats().runnable, 0, "both wait");
        go_on.send(()).unwrap();
        assert!(barrier.wait().is_leader());
        join_all(handles);
        elsewhere.join().unwrap();
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let barrier = Rc::new(Barrier::new(2));
        let passed = Rc::new(RefCell::new(false));
        let (b, p) = (barrier.clone(), passed.clone());
        let victim = spawn(move || {
            b.wait();
            *p.borrow_mut() = true;
            sleep(HOUR);
        });
        yield_now();
        barrier.wait();
        victim.kill();
        assert!(victim.join().is_err());
        assert!(*passed.borrow(), "it had been let through");
        let other = comer(&barrier);
        yield_now();
        assert!(!other.is_finished());
        barrier.wait();
        other.join().unwrap();
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        let barrier = Arc::new(Barrier::new(3));
        let leaders = Arc::new(AtomicUsize::new(0));
        let work = {
            let (barrier, leaders) = (barrier.clone(), leaders.clone());
            move || {
                for _ in 0..100 {
                    if barrier.wait().is_leader() {
                        leaders.fetch_add(1, Ordering::Relaxed);
                    }
                }
            }
        };
        let threads: Vec<_> = [false, true]
            .into_iter()
            .map(|spawns| {
                let work = work.clone();
                thread::spawn(move || match spawns {
                    true => spawn(work).join().unwrap(),
                    false => work(),
                })
            })
            .collect();
        work();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(leaders.load(Ordering::Relaxed), 100);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const ROUNDS: usize = 25_000;
        let barrier = Arc::new(Barrier::new(40));
        let came = Arc::new(AtomicUsize::new(0));
        let leaders = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (barrier, came, leaders) = (barrier.clone(), came.clone(), leaders.clone());
                thread::spawn(move || {
                    let work = move || {
                        for round in 0..ROUNDS {
                            came.fetch_add(1, Ordering::Relaxed);
                            let leads = barrier.wait().is_leader();
                            leaders.fetch_add(usize::from(leads), Ordering::Relaxed);
                            let came = came.load(Ordering::Relaxed);
                            assert!(came >= 40 * (round + 1), "nobody passes before all came");
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
        assert_eq!(leaders.load(Ordering::Relaxed), ROUNDS);
        assert_eq!(came.load(Ordering::Relaxed), 40 * ROUNDS);
    });
}
