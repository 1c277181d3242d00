//! `thread::park` and the rest of `greenlet::thread`.
//!
//! No `try_x`: there is no such call.
//! No `fifo`: only one greenlet ever parks on a token.
//! No `drop_while_waited_on`: whoever parks holds it.

use std::cell::Cell;
use std::collections::HashSet;
use std::rc::Rc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, mpsc};
use std::time::{Duration, Instant};

use greenlet::thread::{self, Builder, Thread};
use greenlet::{Greenlet, GreenletExit, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let passed = Rc::new(Cell::new(false));
        let seen = passed.clone();
        let sleeper = thread::spawn(move || {
            thread::park();
            seen.set(true);
            3
        });
        yield_now();
        yield_now();
        assert!(!passed.get());
        sleeper.thread().unpark();
        assert_eq!(sleeper.join().unwrap(), 3);
        assert!(passed.get());
        // Before it parks, and twice: one park.
        thread::current().unpark();
        thread::current().unpark();
        thread::park();
        assert!(timeout(SOON, thread::park).is_err());
        // Before it first runs.
        let early = thread::spawn(thread::park);
        early.thread().unpark();
        early.join().unwrap();
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let began = Instant::now();
        thread::park_timeout(SOON);
        assert!(began.elapsed() >= SOON);
        thread::park_timeout(Duration::ZERO);
        thread::current().unpark();
        thread::park_timeout(HOUR);
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let sleeper = thread::spawn(thread::park);
        yield_now();
        let name = sleeper.thread().clone();
        sleeper.handle().kill();
        assert!(sleeper.join().unwrap_err().is::<GreenletExit>());
        name.unpark();
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let passed = Rc::new(Cell::new(false));
        let seen = passed.clone();
        let sleeper = thread::spawn(move || {
            thread::park();
            seen.set(true);
            thread::park();
        });
        yield_now();
        sleeper.thread().unpark();
        sleeper.handle().kill();
        assert!(sleeper.join().is_err());
        assert!(passed.get());
    });
}

#[test]
fn cross_thread() {
    leak_checked(|| {
        for spawns in [false, true] {
            let go = Arc::new(AtomicBool::new(false));
            let (tell, told) = mpsc::channel::<Thread>();
            let g = go.clone();
            let body = move || {
                tell.send(thread::current()).unwrap();
                while !g.load(Ordering::SeqCst) {
                    thread::park();
                }
            };
            let other = std::thread::spawn(move || match spawns {
                true => spawn(body).join().unwrap(),
                false => body(),
            });
            let name = told.recv().unwrap();
            go.store(true, Ordering::SeqCst);
            name.unpark();
            other.join().unwrap();
        }
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        const EACH: usize = 50_000;
        let turns = Arc::new(AtomicUsize::new(0));
        let main = thread::current();
        let t = turns.clone();
        let (tell, told) = mpsc::channel();
        let other = std::thread::spawn(move || {
            tell.send(thread::current()).unwrap();
            for n in 0..EACH {
                while t.load(Ordering::SeqCst) != 2 * n + 1 {
                    thread::park();
                }
                t.fetch_add(1, Ordering::SeqCst);
                main.unpark();
            }
        });
        let name = told.recv().unwrap();
        for n in 0..EACH {
            turns.fetch_add(1, Ordering::SeqCst);
            name.unpark();
            while turns.load(Ordering::SeqCst) != 2 * n + 2 {
                thread::park();
            }
        }
        other.join().unwrap();
        assert_eq!(turns.load(Ordering::SeqCst), 2 * EACH);
    });
}

#[test]
fn greenlets_are_told_apart() {
    leak_checked(|| {
        let mut ids = HashSet::from([thread::current().id()]);
        for _ in 0..3 {
            let handle = thread::spawn(|| (thread::current().id(), thread::current().id()));
            let outside = handle.thread().id();
            let (one, two) = handle.join().unwrap();
            assert!(one == two && one == outside);
            assert!(ids.insert(one));
        }
        // Those that share or inherit locals too.
        let shares = Greenlet::builder().share_locals();
        assert!(ids.insert(shares.spawn(|| thread::current().id()).join().unwrap()));
        let inherits = Greenlet::builder().inherit_locals();
        assert!(ids.insert(inherits.spawn(|| thread::current().id()).join().unwrap()));
    });
}

#[test]
fn names_are_those_that_were_given() {
    leak_checked(|| {
        let handle = Builder::new().name("given".into()).spawn(thread::current);
        let name = handle.unwrap().join().unwrap();
        assert_eq!(name.name(), Some("given"));
        assert_eq!(thread::spawn(thread::current).join().unwrap().name(), None);
    });
    let named = std::thread::Builder::new().name("of the os".into());
    let name = named.spawn(|| thread::current().name().map(str::to_owned));
    assert_eq!(name.unwrap().join().unwrap().as_deref(), Some("of the os"));
}

#[test]
fn panicking_is_about_this_greenlet() {
    struct Looks(Rc<Cell<Option<bool>>>);
    impl Drop for Looks {
        fn drop(&mut self) {
            self.0.set(Some(thread::panicking()));
        }
    }
    leak_checked(|| {
        assert!(!thread::panicking());
        let seen = Rc::new(Cell::new(None));
        let looks = Looks(seen.clone());
        let killed = spawn(move || {
            let _looks = looks;
            thread::sleep(HOUR);
        });
        yield_now();
        killed.kill();
        killed.wait();
        assert_eq!(seen.get(), Some(true));
        // Another that is in the middle of unwinding.
        struct Waits;
        impl Drop for Waits {
            fn drop(&mut self) {
                thread::sleep(SOON);
                assert!(thread::panicking());
            }
        }
        let waits = spawn(|| {
            let _waits = Waits;
            thread::park();
        });
        yield_now();
        waits.kill();
        yield_now();
        assert!(!thread::panicking());
        waits.wait();
    });
}

#[test]
fn parking_in_the_destructor_of_a_local_does_not_wait() {
    struct Parks(Rc<Cell<bool>>);
    impl Drop for Parks {
        fn drop(&mut self) {
            thread::park();
            self.0.set(true);
        }
    }
    thread::thread_local! {
        static LOCAL: Cell<Option<Parks>> = Cell::new(None);
    }
    leak_checked(|| {
        let done = Rc::new(Cell::new(false));
        let parks = Parks(done.clone());
        thread::spawn(move || LOCAL.set(Some(parks)))
            .join()
            .unwrap();
        assert!(done.get());
    });
}
