//! The tests that all locks have in common which one greenlet holds at a time.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::event::Event;
use greenlet::lock::{BoundedSemaphore, Lock, RLock};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

pub trait AnyLock: Send + Sync + 'static {
    fn make() -> Self;
    fn acquire(&self);
    fn try_acquire(&self) -> bool;
    fn acquire_timeout(&self, limit: Duration) -> bool;
    fn release(&self);
    fn locked(&self) -> bool;
    fn with<R>(&self, f: impl FnOnce() -> R) -> R;
}

macro_rules! any_lock {
    ($lock:ty, $make:expr) => {
        impl AnyLock for $lock {
            fn make() -> Self {
                $make
            }
            fn acquire(&self) {
                self.acquire();
            }
            fn try_acquire(&self) -> bool {
                self.try_acquire()
            }
            fn acquire_timeout(&self, limit: Duration) -> bool {
                self.acquire_timeout(limit)
            }
            fn release(&self) {
                self.release();
            }
            fn locked(&self) -> bool {
                self.locked()
            }
            fn with<R>(&self, f: impl FnOnce() -> R) -> R {
                let _held = self.hold();
                f()
            }
        }
    };
}

any_lock!(Lock, Lock::new());
any_lock!(RLock, RLock::new());
any_lock!(BoundedSemaphore, BoundedSemaphore::new(1));

fn spawn_once<L: AnyLock>(lock: &Rc<L>) -> JoinHandle<()> {
    let lock = lock.clone();
    spawn(move || {
        lock.acquire();
        lock.release();
    })
}

pub fn smoke<L: AnyLock>() {
    leak_checked(|| {
        let shared = Rc::new((L::make(), Cell::new(0)));
        let handles = (0..10).map(|_| {
            let shared = shared.clone();
            spawn(move || {
                let (lock, sum) = &*shared;
                lock.with(|| {
                    let before = sum.get();
                    yield_now();
                    sum.set(before + 1);
                });
            })
        });
        join_all(handles);
        assert_eq!(shared.1.get(), 10);
        assert!(!shared.0.locked());
    });
}

/// One greenlet tries while another holds the lock.
pub fn try_x<L: AnyLock>() {
    leak_checked(|| {
        let lock = Rc::new(L::make());
        assert!(lock.try_acquire() && lock.locked());
        let l = lock.clone();
        assert!(!spawn(move || l.try_acquire()).join().unwrap());
        lock.release();
        assert!(!lock.locked());
        let l = lock.clone();
        let other = spawn(move || l.try_acquire().then(|| l.release()).is_some());
        assert!(other.join().unwrap());
    });
}

pub fn fifo<L: AnyLock>() {
    leak_checked(|| {
        let lock = Rc::new(L::make());
        let order = Rc::new(RefCell::new(Vec::new()));
        lock.acquire();
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (lock, order) = (lock.clone(), order.clone());
                spawn(move || lock.with(|| order.borrow_mut().push(n)))
            })
            .collect();
        yield_now();
        lock.release();
        assert!(!lock.try_acquire(), "a newcomer overtook");
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    });
}

pub fn x_timeout<L: AnyLock>() {
    leak_checked(|| {
        let lock = Rc::new(L::make());
        let l = lock.clone();
        let enough = Rc::new(Event::new());
        let e = enough.clone();
        let holder = spawn(move || l.with(|| e.wait()));
        yield_now();
        assert!(!lock.acquire_timeout(Duration::ZERO));
        assert!(!lock.acquire_timeout(SOON));
        assert!(timeout(SOON, || lock.acquire()).is_err());
        enough.set();
        assert!(lock.acquire_timeout(HOUR));
        lock.release();
        holder.join().unwrap();
        assert!(!lock.locked());
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

pub fn kill_while_waiting<L: AnyLock>() {
    leak_checked(|| {
        let lock = Rc::new(L::make());
        lock.acquire();
        let (killed, next) = (spawn_once(&lock), spawn_once(&lock));
        yield_now();
        killed.kill();
        lock.release();
        assert!(killed.join().is_err());
        next.join().unwrap();
        assert!(!lock.locked());
    });
}

pub fn kill_after_grant<L: AnyLock>() {
    leak_checked(|| {
        let lock = Rc::new(L::make());
        let reached = Rc::new(Cell::new(false));
        lock.acquire();
        let (l, r) = (lock.clone(), reached.clone());
        let victim = spawn(move || {
            l.with(|| {
                r.set(true);
                sleep(HOUR);
            });
        });
        yield_now();
        lock.release();
        victim.kill();
        assert!(victim.join().is_err());
        assert!(reached.get() && !lock.locked());
    });
}

pub fn cross_thread<L: AnyLock>() {
    leak_checked(|| {
        let shared = Arc::new((L::make(), AtomicUsize::new(0)));
        let threads = [false, true].map(|spawns| {
            let shared = shared.clone();
            let work = move || {
                for _ in 0..100 {
                    shared.0.with(|| {
                        let before = shared.1.load(Ordering::Relaxed);
                        yield_now();
                        shared.1.store(before + 1, Ordering::Relaxed);
                    });
                }
            };
            thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            })
        });
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(shared.1.load(Ordering::Relaxed), 200);
    });
}

pub fn stress<L: AnyLock>() {
    leak_checked(|| {
        const EACH: usize = 250_000;
        let shared = Arc::new((L::make(), AtomicUsize::new(0)));
        let threads = [(); 4].map(|()| {
            let shared = shared.clone();
            thread::spawn(move || {
                let work = move || {
                    for n in 0..EACH / 10 {
                        shared.0.with(|| {
                            let before = shared.1.load(Ordering::Relaxed);
                            if n % 64 == 0 {
                                yield_now();
                            }
                            shared.1.store(before + 1, Ordering::Relaxed);
                        });
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
        assert_eq!(shared.1.load(Ordering::Relaxed), 4 * EACH);
        assert!(!shared.0.locked());
    });
}

/// A greenlet that tries again and again, and yields, gets the lock.
pub fn spinning_makes_progress<L: AnyLock>() {
    leak_checked(|| {
        let shared = Rc::new((L::make(), Cell::new(0)));
        let handles = (0..4).map(|_| {
            let shared = shared.clone();
            spawn(move || {
                for _ in 0..10 {
                    while !shared.0.try_acquire() {
                        yield_now();
                    }
                    yield_now();
                    shared.1.set(shared.1.get() + 1);
                    shared.0.release();
                }
            })
        });
        join_all(handles);
        assert_eq!(shared.1.get(), 40);
    });
}
