//! `sync::{Once, OnceLock, LazyLock}`.
//!
//! No `x_timeout`: std's have none; `greenlet::timeout` is tried in `kill_while_waiting`.
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::sync::{LazyLock, Once, OnceLock};
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn panics<R>(f: impl FnOnce() -> R) -> String {
    let Err(payload) = catch_unwind(AssertUnwindSafe(f)) else {
        panic!("it did not panic");
    };
    match payload.downcast::<String>() {
        Ok(message) => *message,
        Err(payload) => (*payload.downcast::<&str>().unwrap()).to_owned(),
    }
}

/// Sets the value to its number, after one turn.
fn setter(cell: &Rc<OnceLock<u32>>, number: u32) -> JoinHandle<u32> {
    let cell = cell.clone();
    spawn(move || {
        *cell.get_or_init(|| {
            yield_now();
            number
        })
    })
}

#[test]
fn smoke() {
    leak_checked(|| {
        let once = Rc::new(Once::new());
        let times = Rc::new(Cell::new(0));
        let handles: Vec<_> = (0..4)
            .map(|_| {
                let (once, times) = (once.clone(), times.clone());
                spawn(move || {
                    once.call_once(|| {
                        yield_now();
                        times.set(times.get() + 1);
                    });
                    assert_eq!(times.get(), 1, "it has been done");
                })
            })
            .collect();
        yield_now();
        assert!(!once.is_completed());
        once.wait();
        assert_eq!(times.get(), 1);
        for result in join_all(handles) {
            result.unwrap();
        }

        let cell = Rc::new(OnceLock::new());
        let results = join_all((0..3).map(|n| setter(&cell, n)));
        assert!(results.into_iter().all(|result| result.unwrap() == 0));

        let token = Token::new();
        let lazy = Rc::new(LazyLock::new(move || {
            yield_now();
            (token, 5)
        }));
        let handles = (0..3).map(|_| {
            let lazy = lazy.clone();
            spawn(move || lazy.1)
        });
        let results = join_all(handles);
        assert!(results.into_iter().all(|result| result.unwrap() == 5));
        assert_eq!(Token::alive(), 1);
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let cell = Rc::new(OnceLock::new());
        assert_eq!(cell.get(), None);
        let setter = setter(&cell, 1);
        yield_now();
        assert_eq!(cell.get(), None, "it is being made");
        assert_eq!(format!("{cell:?}"), "OnceLock(<uninit>)");
        assert_eq!(cell.set(2), Err(2), "this waits for it");
        assert_eq!(cell.get(), Some(&1));
        setter.join().unwrap();
        let lazy = LazyLock::new(|| 3);
        assert_eq!(LazyLock::get(&lazy), None);
        assert_eq!(*lazy, 3);
        assert_eq!(LazyLock::get(&lazy), Some(&3));
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let once = Rc::new(Once::new());
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..4)
            .map(|n| {
                let (once, order) = (once.clone(), order.clone());
                spawn(move || {
                    once.call_once(yield_now);
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let cell = Rc::new(OnceLock::new());
        let slow = setter(&cell, 1);
        let (killed, next) = (setter(&cell, 2), setter(&cell, 3));
        yield_now();
        killed.kill();
        // The one that makes the value is queued behind, so this limit is not up before.
        assert!(killed.join().is_err());
        assert_eq!(slow.join().unwrap(), 1);
        assert_eq!(next.join().unwrap(), 1);

        let once = Once::new();
        assert!(timeout(SOON, || once.wait()).is_err());
        let cell = OnceLock::<u32>::new();
        assert!(timeout(SOON, || *cell.wait()).is_err());
        assert!(cell.set(1).is_ok());
        assert_eq!(*cell.wait(), 1);
    });
}

#[test]
fn one_that_is_killed_or_out_of_time_at_it_leaves_it_to_the_next() {
    leak_checked(|| {
        let cell = Rc::new(OnceLock::new());
        let c = cell.clone();
        let killed = spawn(move || {
            *c.get_or_init(|| {
                sleep(HOUR);
                1
            })
        });
        let (second, third) = (setter(&cell, 2), setter(&cell, 3));
        yield_now();
        killed.kill();
        assert!(killed.join().is_err());
        assert_eq!(second.join().unwrap(), 2);
        assert_eq!(third.join().unwrap(), 2);

        let once = Once::new();
        assert!(timeout(SOON, || once.call_once(|| sleep(HOUR))).is_err());
        assert!(!once.is_completed());
        once.call_once_force(|state| assert!(!state.is_poisoned()));
        assert!(once.is_completed());

        let poisoned = Once::new();
        panics(|| poisoned.call_once(|| panic!("poison")));
        let forced = timeout(SOON, || poisoned.call_once_force(|_| sleep(HOUR)));
        assert!(forced.is_err());
        poisoned.call_once_force(|state| assert!(state.is_poisoned()));
    });
}

#[test]
fn a_lazy_lock_whose_function_was_killed_is_poisoned() {
    leak_checked(|| {
        let lazy = LazyLock::new(|| sleep(HOUR));
        assert!(timeout(SOON, || *lazy).is_err());
        assert!(panics(|| *lazy).contains("poisoned"));
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let cell = Rc::new(OnceLock::new());
        let slow = setter(&cell, 1);
        let seen = Rc::new(Cell::new(0));
        let (c, s) = (cell.clone(), seen.clone());
        let victim = spawn(move || {
            s.set(*c.wait());
            sleep(HOUR);
        });
        yield_now();
        slow.wait();
        victim.kill();
        assert!(victim.join().is_err());
        assert_eq!(seen.get(), 1);
    });
}

#[test]
fn a_panic_poisons_a_once_for_those_who_wait_too() {
    leak_checked(|| {
        let once = Rc::new(Once::new());
        let runner = {
            let once = once.clone();
            spawn(move || {
                once.call_once(|| {
                    yield_now();
                    panic!("poison");
                })
            })
        };
        let call = {
            let once = once.clone();
            spawn(move || once.call_once(|| ()))
        };
        let wait = {
            let once = once.clone();
            spawn(move || once.wait())
        };
        let wait_force = {
            let once = once.clone();
            spawn(move || once.wait_force())
        };
        let all = [runner, call, wait];
        for result in join_all(all) {
            assert!(result.is_err());
        }
        assert!(!wait_force.is_finished());
        assert!(panics(|| once.call_once(|| ())).contains("poisoned"));
        once.call_once_force(|state| assert!(state.is_poisoned()));
        wait_force.join().unwrap();
        once.call_once(|| unreachable!());
    });
}

#[test]
fn a_panic_leaves_a_once_lock_unset() {
    leak_checked(|| {
        let cell = OnceLock::new();
        panics(|| cell.get_or_init(|| panic!("no value")));
        assert_eq!(cell.get(), None);
        assert_eq!(*cell.get_or_init(|| 1), 1);
    });
}

#[test]
fn coming_again_from_within_panics() {
    leak_checked(|| {
        let once = Once::new();
        assert!(panics(|| once.call_once(|| once.call_once(|| ()))).contains("itself"));
        let once = Once::new();
        assert!(panics(|| once.call_once(|| once.wait())).contains("itself"));
        let cell = OnceLock::new();
        assert!(panics(|| cell.get_or_init(|| *cell.get_or_init(|| 1))).contains("itself"));
        assert!(panics(|| cell.get_or_init(|| *cell.wait())).contains("itself"));
        assert_eq!(cell.set(2), Ok(()));
        static LAZY: LazyLock<u32> = LazyLock::new(|| *LAZY + 1);
        assert!(panics(|| *LAZY).contains("itself"));
        assert!(panics(|| *LAZY).contains("poisoned"));
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for _ in 0..20 {
            let cell = Arc::new(OnceLock::new());
            let calls = Arc::new(AtomicUsize::new(0));
            let work = {
                let (cell, calls) = (cell.clone(), calls.clone());
                move || {
                    *cell.get_or_init(|| {
                        yield_now();
                        calls.fetch_add(1, Ordering::Relaxed) + 1
                    })
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
            assert_eq!(*cell.wait(), 1);
            for thread in threads {
                assert_eq!(thread.join().unwrap(), 1);
            }
        }
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const CELLS: usize = 25_000;
        let cells: Arc<Vec<OnceLock<usize>>> =
            Arc::new((0..CELLS).map(|_| OnceLock::new()).collect());
        let made = Arc::new(AtomicUsize::new(0));
        let threads: Vec<_> = (0..4)
            .map(|_| {
                let (cells, made) = (cells.clone(), made.clone());
                thread::spawn(move || {
                    let work = move || {
                        let mut sum = 0;
                        for (n, cell) in cells.iter().enumerate() {
                            sum += cell.get_or_init(|| {
                                if n % 16 == 0 {
                                    yield_now();
                                }
                                made.fetch_add(1, Ordering::Relaxed);
                                n
                            });
                        }
                        sum
                    };
                    let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                    for sum in join_all(handles) {
                        assert_eq!(sum.unwrap(), CELLS * (CELLS - 1) / 2);
                    }
                })
            })
            .collect();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(made.load(Ordering::Relaxed), CELLS);
    });
}
