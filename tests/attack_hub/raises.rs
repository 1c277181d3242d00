//! What is raised, caught, and taken for something else.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::sync::Mutex;
use greenlet::{Greenlet, GreenletExit, Outcome, greenlet_local, trace};

use crate::support::leak_checked;

const HOUR: Duration = Duration::from_secs(3600);

greenlet_local! {
    static COPIED: Copied = Copied(false);
}

struct Copied(bool);

impl Clone for Copied {
    fn clone(&self) -> Self {
        panic!("cannot be copied")
    }
}

#[test]
fn a_panic_while_locals_are_inherited_comes_out_of_spawn() {
    leak_checked(|| {
        COPIED.with(|copied| assert!(!copied.0));
        let spawn = || drop(Greenlet::builder().inherit_locals().spawn(|| ()));
        assert!(catch_unwind(AssertUnwindSafe(spawn)).is_err());
    });
}

#[test]
fn a_kill_that_an_observer_swallows_is_no_error_of_the_librarys() {
    leak_checked(|| {
        let sleeper = greenlet::spawn(|| greenlet::sleep(HOUR));
        greenlet::yield_now();
        let me = sleeper.greenlet();
        trace::set(move |_, _, to| {
            if *to == me {
                let _ = catch_unwind(AssertUnwindSafe(greenlet::yield_now));
            }
        });
        sleeper.kill();
        let _ = sleeper.wait_timeout(Duration::from_millis(5));
        trace::clear();
        sleeper.kill();
        let payload = sleeper.join().unwrap_err();
        assert!(
            payload.is::<GreenletExit>(),
            "{:?}",
            payload.downcast_ref::<&str>()
        );
    });
}

#[test]
fn a_panic_after_a_kill_was_caught_is_a_panic() {
    leak_checked(|| {
        let handle = greenlet::spawn(|| {
            let killed = catch_unwind(|| greenlet::sleep(HOUR)).is_err();
            assert!(!killed, "a failure of its own");
        });
        let seen = Rc::new(Cell::new(None));
        let s = seen.clone();
        handle.on_exit(move |how| s.set(Some(how)));
        greenlet::yield_now();
        handle.kill();
        handle.wait();
        greenlet::yield_now();
        assert_eq!(seen.get(), Some(Outcome::Panicked));
    });
}

#[test]
fn a_panic_after_a_kill_was_caught_is_not_lost_by_a_scope() {
    leak_checked(|| {
        let scope = || {
            greenlet::scope(|s| {
                let child = s.spawn(|| {
                    let killed = catch_unwind(|| greenlet::sleep(HOUR)).is_err();
                    assert!(!killed, "a failure of its own");
                });
                greenlet::yield_now();
                child.kill();
            });
        };
        assert!(catch_unwind(AssertUnwindSafe(scope)).is_err());
    });
}

#[test]
fn a_panic_after_a_kill_was_caught_poisons() {
    leak_checked(|| {
        let mutex = Rc::new(Mutex::new(()));
        let m = mutex.clone();
        let handle = greenlet::spawn(move || {
            let _held = m.lock().unwrap();
            let killed = catch_unwind(|| greenlet::sleep(HOUR)).is_err();
            assert!(!killed, "a failure of its own");
        });
        greenlet::yield_now();
        handle.kill();
        handle.wait();
        assert!(mutex.is_poisoned());
    });
}

#[test]
fn deadlines_that_no_wheel_can_hold() {
    leak_checked(|| {
        let mut far = Instant::now();
        for shift in (20..64).rev() {
            if let Some(later) = far.checked_add(Duration::from_secs(1 << shift)) {
                far = later;
            }
        }
        let sleeper = greenlet::spawn(move || greenlet::sleep_until(far));
        greenlet::sleep(Duration::from_millis(1));
        assert!(!sleeper.is_finished());
        sleeper.kill();
        sleeper.wait();
    });
}
