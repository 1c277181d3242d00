//! `test__timeout.py`, `test__api_timeout.py` and `test__api.py`. A limit is a function round another; what it gives in the end is its error.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::{Elapsed, SwitchError, hub, sleep, spawn, spawn_later, timeout, yield_now};

use crate::support::{Token, leak_checked};
use crate::{HOUR, Log, SOON, timed};

/// Nobody's turn, for ever.
fn wait() {
    sleep(HOUR * 1000);
}

/// test__timeout.py Test.test_expires (A)
/// test__timeout.py Test.test_context_manager (Y)
/// test__timeout.py Test.test_with_timeout (A)
#[test]
fn a_limit_ends_what_takes_longer_and_nothing_else() {
    timed(|| {
        for _ in 0..2 {
            let before = greenlet::__moment();
            assert!(timeout(SOON, wait).is_err());
            assert_eq!(greenlet::__moment() - before, SOON);
        }
        let value = timeout(SOON, || sleep(2 * SOON)).map_or("too late", |()| "in time");
        assert_eq!(value, "too late");
        assert_eq!(timeout(2 * SOON, || sleep(SOON)), Ok(()));
    });
}

/// test__timeout.py Test.test_expires_false (A)
/// test__timeout.py Test.test_context_manager_false (A)
/// test__timeout.py Test.test_expires_str (A)
/// test__timeout.py Test.test_context_manager_str (A)
#[test]
fn the_caller_makes_of_an_elapsed_limit_what_it_likes() {
    timed(|| {
        let _: Result<(), Elapsed> = timeout(SOON, wait); // forgotten
        let said = timeout(SOON, wait).map_err(|elapsed| format!("{elapsed}: XXX"));
        assert!(said.unwrap_err().ends_with("elapsed: XXX"));
    });
}

/// test__timeout.py Test.test_cancel (A)
/// test__api_timeout.py Test.test_api (A)
#[test]
fn a_limit_is_over_with_its_function() {
    timed(|| {
        assert_eq!(timeout(2 * SOON, || sleep(SOON)), Ok(()));
        assert_eq!(hub::stats().timers, 0);
        sleep(4 * SOON);
        assert!(timeout(SOON, || sleep(10 * SOON)).is_err());
        // It may be turned into another error, or panicked with.
        let result: std::io::Result<()> = timeout(SOON, wait).map_err(From::from);
        assert_eq!(result.unwrap_err().kind(), std::io::ErrorKind::TimedOut);
        assert!(
            catch_unwind(|| timeout(SOON, wait).map_err(std::panic::panic_any::<Elapsed>)).is_err()
        );
        assert!(timeout(HOUR, || sleep(SOON)).is_ok());
        sleep(SOON);
    });
}

/// test__api_timeout.py Test.test_ref (A)
#[test]
fn a_limit_keeps_nothing_of_its_function() {
    timed(|| {
        let token = Token::new();
        let held = token.clone();
        let ended = timeout(SOON, move || {
            let _held = held;
            wait();
        });
        assert!(ended.is_err());
        drop(token);
        assert_eq!(Token::alive(), 0);
    });
}

/// test__api_timeout.py Test.test_nested_timeout (Y)
/// test__api.py Test.test_nested_with_timeout (Y)
#[test]
fn of_nested_limits_the_one_that_is_up_counts() {
    timed(|| {
        let passed = |f: &dyn Fn()| {
            let before = greenlet::__moment();
            f();
            greenlet::__moment() - before
        };
        let outer = passed(&|| {
            let result = timeout(SOON, || {
                let inner = timeout(10 * SOON, wait);
                unreachable!("the inner one said {inner:?}")
            });
            assert_eq!(result, Err::<(), _>(Elapsed::default()));
        });
        assert_eq!(outer, SOON);
        let inner = passed(&|| {
            let result = timeout(20 * SOON, || {
                assert!(timeout(SOON, wait).is_err());
                // The outer one is still there.
                assert_eq!(hub::stats().timers, 1);
                sleep(5 * SOON);
                3
            });
            assert_eq!(result, Ok(3));
        });
        assert_eq!(inner, 6 * SOON);
    });
}

/// test__api_timeout.py Test.test_timeout_calls_update_now (A)
/// test__api_timeout.py Test.test_sleep_calls_update_now (A)
#[test]
fn limits_and_sleeps_count_from_the_call_however_long_nobody_waited() {
    leak_checked(|| {
        yield_now();
        std::thread::sleep(Duration::from_millis(20));
        let before = Instant::now();
        sleep(5 * SOON);
        assert!(before.elapsed() >= 5 * SOON);
        std::thread::sleep(Duration::from_millis(20));
        let before = Instant::now();
        assert!(timeout(5 * SOON, || sleep(HOUR)).is_err());
        assert!(before.elapsed() >= 5 * SOON);
    });
}

/// test__api.py Test.test_killing_dormant (A)
#[test]
fn one_that_catches_its_kill_goes_on_to_its_end() {
    timed(|| {
        let log = Log::default();
        let l = log.clone();
        let handle = spawn(move || {
            l.add("start");
            if catch_unwind(AssertUnwindSafe(wait)).is_err() {
                l.add("caught");
            }
            l.add("finished");
        });
        sleep(SOON);
        handle.kill();
        assert_eq!(log.take(), "start");
        assert!(handle.join().is_ok(), "it returned after all");
        assert_eq!(log.take(), "caught finished");
    });
}

/// test__api.py Test.test_sleep_invalid_switch (A)
#[test]
fn a_sleeper_cannot_be_switched_to() {
    leak_checked(|| {
        let sleeper = spawn(|| sleep(SOON));
        yield_now();
        let name = sleeper.greenlet();
        let switcher = spawn(move || {
            let refused = name.try_switch::<(), ()>(()).unwrap_err();
            assert!(matches!(refused, SwitchError::Parked { .. }), "{refused:?}");
        });
        switcher.join().unwrap();
        sleeper.join().unwrap();
    });
}

/// test__api.py TestTimers.test_timer_fired (Y)
/// test__api.py TestTimers.test_spawn_is_not_cancelled (Y)
#[test]
fn what_was_spawned_runs_also_if_its_spawner_has_ended() {
    timed(|| {
        let runs = Rc::new(Cell::new(0));
        let count = runs.clone();
        let spawner = spawn(move || {
            let (now, later) = (count.clone(), count.clone());
            drop(spawn(move || now.set(now.get() + 1)));
            drop(spawn_later(SOON, move || later.set(later.get() + 10)));
        });
        assert_eq!(runs.get(), 0);
        spawner.join().unwrap();
        yield_now();
        assert_eq!(runs.get(), 1);
        sleep(2 * SOON);
        assert_eq!(runs.get(), 11);
    });
}
