//! `event::Event`.
//!
//! No `drop_while_waited_on`: waiters borrow it, so it cannot be dropped.

use std::cell::{Cell, RefCell};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::event::Event;
use greenlet::{JoinHandle, join_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn spawn_wait(event: &Rc<Event>) -> JoinHandle<()> {
    let event = event.clone();
    spawn(move || event.wait())
}

#[test]
fn smoke() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let waiters: Vec<_> = (0..10).map(|_| spawn_wait(&event)).collect();
        yield_now();
        assert!(waiters.iter().all(|waiter| !waiter.is_finished()));
        event.set();
        for waiter in join_all(waiters) {
            waiter.unwrap();
        }
        event.wait();
        event.clear();
        assert!(!event.wait_timeout(SOON));
        event.set();
        event.set();
        assert!(event.wait_timeout(Duration::ZERO));
    });
}

#[test]
fn try_x() {
    leak_checked(|| {
        let event = Event::new();
        assert!(!event.is_set());
        event.set();
        let other = spawn(|| ());
        event.wait();
        assert!(event.is_set() && event.wait_timeout(HOUR));
        assert!(!other.is_finished(), "a wait for a set event switched");
        other.join().unwrap();
        event.clear();
        assert!(!event.is_set());
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let order = Rc::new(RefCell::new(Vec::new()));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let (event, order) = (event.clone(), order.clone());
                spawn(move || {
                    event.wait();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        yield_now();
        event.set();
        assert!(order.borrow().is_empty(), "`set` does not switch");
        join_all(handles);
        assert_eq!(*order.borrow(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        assert!(!event.wait_timeout(SOON));
        assert!(!event.wait_timeout(Duration::ZERO));
        assert!(timeout(SOON, || event.wait()).is_err());
        let e = event.clone();
        let setter = spawn(move || e.set());
        assert!(event.wait_timeout(HOUR));
        setter.join().unwrap();
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let (killed, next) = (spawn_wait(&event), spawn_wait(&event));
        yield_now();
        killed.kill();
        event.set();
        assert!(killed.join().is_err());
        next.join().unwrap();
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let reached = Rc::new(Cell::new(false));
        let (e, r) = (event.clone(), reached.clone());
        let victim = spawn(move || {
            e.wait();
            r.set(true);
            sleep(HOUR);
        });
        yield_now();
        event.set();
        event.clear();
        victim.kill();
        assert!(victim.join().is_err());
        assert!(reached.get());
    });
}

#[test]
fn a_set_wakes_all_who_wait_then_even_if_cleared_at_once() {
    for waiters in [1, 100, 1000] {
        leak_checked(move || {
            let event = Rc::new(Event::new());
            let early: Vec<_> = (0..waiters).map(|_| spawn_wait(&event)).collect();
            yield_now();
            event.set();
            event.clear();
            let late = spawn_wait(&event);
            for waiter in join_all(early) {
                waiter.unwrap();
            }
            yield_now();
            assert!(!late.is_finished(), "it came after the set");
            event.set();
            late.join().unwrap();
        });
    }
}

#[test]
fn those_woken_by_one_set_run_in_a_row() {
    leak_checked(|| {
        let event = Rc::new(Event::new());
        let order = Rc::new(RefCell::new(Vec::new()));
        let say = |what: usize, waits: bool| {
            let (event, order) = (event.clone(), order.clone());
            spawn(move || {
                if waits {
                    event.wait();
                }
                order.borrow_mut().push(what);
            })
        };
        let waiters = [say(1, true), say(2, true)];
        yield_now();
        let before = say(0, false);
        event.set();
        let after = say(3, false);
        join_all(waiters);
        join_all([before, after]);
        assert_eq!(*order.borrow(), [0, 1, 2, 3]);
    });
}

/// How many can wait at once.
#[test]
fn a_hundred_thousand_are_woken_in_order() {
    leak_checked(|| {
        const WAITERS: usize = 100_000;
        let event = Rc::new(Event::new());
        let next = Rc::new(Cell::new(0));
        let waiters: Vec<_> = (0..WAITERS)
            .map(|n| {
                let (event, next) = (event.clone(), next.clone());
                spawn(move || {
                    event.wait();
                    assert_eq!(next.replace(n + 1), n);
                })
            })
            .collect();
        yield_now();
        event.set();
        for waiter in join_all(waiters) {
            waiter.unwrap();
        }
        assert_eq!(next.get(), WAITERS);
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let events: Arc<Vec<_>> = Arc::new((0..200).map(|_| Event::new()).collect());
            let theirs = events.clone();
            let work = move || {
                for pair in theirs.chunks(2) {
                    pair[0].wait();
                    pair[1].set();
                }
            };
            let thread = thread::spawn(move || match spawns {
                true => spawn(work).join().unwrap(),
                false => work(),
            });
            for pair in events.chunks(2) {
                pair[0].set();
                pair[1].wait();
            }
            thread.join().unwrap();
        }
    });
}

/// One thread sets, three of ten greenlets each wait for every event; a million operations.
#[test]
fn stress() {
    leak_checked(|| {
        const EVENTS: usize = 33_000;
        let events: Arc<Vec<_>> = Arc::new((0..EVENTS).map(|_| Event::new()).collect());
        let waited = Arc::new(AtomicUsize::new(0));
        let threads = [(); 3].map(|()| {
            let (events, waited) = (events.clone(), waited.clone());
            thread::spawn(move || {
                let work = move || {
                    for event in events.iter() {
                        event.wait();
                        waited.fetch_add(1, Ordering::Relaxed);
                    }
                };
                let handles: Vec<_> = (0..10).map(|_| spawn(work.clone())).collect();
                for result in join_all(handles) {
                    result.unwrap();
                }
            })
        });
        for (n, event) in events.iter().enumerate() {
            event.set();
            if n % 16 == 0 {
                thread::yield_now();
            }
        }
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(waited.load(Ordering::Relaxed), 30 * EVENTS);
    });
}
