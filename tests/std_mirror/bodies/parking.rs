//! `park`, `park_timeout`, `unpark`.

use std::time::{Duration, Instant};

use super::check;
use super::sync::Arc;
use super::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use super::thread::{self, Builder, Thread, park_timeout};

const LONG: Duration = Duration::from_secs(600);

#[test]
fn a_parked_thread_goes_on_when_it_is_unparked() {
    check(|| {
        static QUEUED: AtomicBool = AtomicBool::new(false);
        static FLAG: AtomicBool = AtomicBool::new(false);
        let parked = thread::spawn(|| {
            QUEUED.store(true, Ordering::Release);
            // It may come back for no reason.
            while !FLAG.load(Ordering::Acquire) {
                thread::park();
            }
        });
        thread::sleep(Duration::from_millis(10));
        while !QUEUED.load(Ordering::Acquire) {
            thread::yield_now();
        }
        FLAG.store(true, Ordering::Release);
        parked.thread().unpark();
        parked.join().unwrap();
    });
}

#[test]
fn a_built_thread_parks() {
    check(|| {
        let queued = Arc::new(AtomicBool::new(false));
        let q = queued.clone();
        let parked = Builder::new().spawn(move || {
            q.store(true, Ordering::Release);
            thread::park();
        });
        let parked = parked.unwrap();
        while !queued.load(Ordering::Acquire) {
            thread::yield_now();
        }
        parked.thread().unpark();
        parked.join().unwrap();
    });
}

#[test]
fn an_unpark_that_comes_first_is_not_lost() {
    check(|| {
        thread::current().unpark();
        thread::park();
        let handle = thread::spawn(thread::park);
        handle.thread().unpark();
        handle.join().unwrap();
    });
}

#[test]
fn unparks_do_not_add_up() {
    check(|| {
        let me = thread::current();
        me.unpark();
        me.unpark();
        let beginning = Instant::now();
        thread::park_timeout(LONG);
        assert!(beginning.elapsed() < LONG);
        park_at_least(Duration::from_millis(2));
    });
}

/// Parks until the limit has passed, however often it comes back for no reason.
fn park_at_least(limit: Duration) {
    let beginning = Instant::now();
    let mut remaining = limit;
    loop {
        park_timeout(remaining);
        let elapsed = beginning.elapsed();
        if elapsed >= limit {
            break;
        }
        remaining = limit - elapsed;
    }
}

#[test]
fn a_limit_ends_a_park() {
    check(|| park_at_least(Duration::from_millis(3)));
}

#[test]
fn two_take_turns() {
    fn play(turn: &AtomicU32, parity: u32, other: impl Fn() -> Thread) {
        loop {
            match turn.load(Ordering::Acquire) {
                10.. => return other().unpark(),
                n if n % 2 == parity => {
                    turn.store(n + 1, Ordering::Release);
                    other().unpark();
                }
                _ => thread::park(),
            }
        }
    }
    check(|| {
        let turn = AtomicU32::new(0);
        let main = thread::current();
        thread::scope(|s| {
            let even = s.spawn(|| play(&turn, 0, || main.clone()));
            play(&turn, 1, || even.thread().clone());
        });
        assert_eq!(turn.into_inner(), 10);
    });
}
