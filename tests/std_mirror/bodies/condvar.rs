//! `Condvar`.

use std::time::{Duration, Instant};

use super::check;
use super::sync::{Arc, Condvar, Mutex, WaitTimeoutResult};
use super::thread;

const LONG: Duration = Duration::from_secs(600);
const SHORT: Duration = Duration::from_millis(2);

/// Has another one set the flag.
fn set_later(pair: &Arc<(Mutex<bool>, Condvar)>, all: bool) -> thread::JoinHandle<()> {
    let pair = pair.clone();
    thread::spawn(move || {
        let (flag, condvar) = &*pair;
        *flag.lock().unwrap() = true;
        match all {
            true => condvar.notify_all(),
            false => condvar.notify_one(),
        }
    })
}

fn flag() -> Arc<(Mutex<bool>, Condvar)> {
    Arc::new((Mutex::new(false), Condvar::new()))
}

#[test]
fn waits_until_another_one_has_started() {
    check(|| {
        for all in [false, true] {
            let pair = flag();
            let handle = set_later(&pair, all);
            let (started, condvar) = &*pair;
            let mut guard = started.lock().unwrap();
            while !*guard {
                guard = condvar.wait(guard).unwrap();
            }
            assert!(*guard);
            drop(guard);
            handle.join().unwrap();
        }
    });
}

#[test]
fn waits_while_it_is_pending() {
    check(|| {
        let pair = Arc::new((Mutex::new(true), Condvar::new()));
        let p = pair.clone();
        let handle = thread::spawn(move || {
            *p.0.lock().unwrap() = false;
            p.1.notify_one();
        });
        let guard = pair
            .1
            .wait_while(pair.0.lock().unwrap(), |pending| *pending);
        assert!(!*guard.unwrap());
        handle.join().unwrap();
    });
}

#[test]
fn a_limit_that_passes_is_said() {
    check(|| {
        let (mutex, condvar) = (Mutex::new(false), Condvar::new());
        let mut guard = mutex.lock().unwrap();
        loop {
            let start = Instant::now();
            let (again, result): (_, WaitTimeoutResult) =
                condvar.wait_timeout(guard, SHORT).unwrap();
            guard = again;
            // A wait may end for no reason.
            if result.timed_out() {
                assert!(start.elapsed() >= SHORT);
                break;
            }
        }
        assert!(!*guard);
        let (guard, result) = condvar
            .wait_timeout_while(guard, SHORT, |done| !*done)
            .unwrap();
        assert!(result.timed_out() && !*guard);
    });
}

#[test]
fn a_limit_that_does_not_pass_is_not_felt() {
    check(|| {
        let pair = flag();
        let handle = set_later(&pair, false);
        let mut guard = pair.0.lock().unwrap();
        while !*guard {
            let result;
            (guard, result) = pair.1.wait_timeout(guard, LONG).unwrap();
            assert!(!result.timed_out());
        }
        drop(guard);
        handle.join().unwrap();

        let pair = flag();
        let handle = set_later(&pair, true);
        let guard = pair.0.lock().unwrap();
        let (guard, result) = pair
            .1
            .wait_timeout_while(guard, LONG, |done| !*done)
            .unwrap();
        assert!(!result.timed_out() && *guard);
        drop(guard);
        handle.join().unwrap();
    });
}

#[test]
fn a_condition_that_does_not_hold_is_not_waited_for() {
    check(|| {
        let (mutex, condvar) = (Mutex::new(1), Condvar::new());
        let guard = condvar.wait_while(mutex.lock().unwrap(), |n| *n == 0);
        let (guard, result) = condvar
            .wait_timeout_while(guard.unwrap(), Duration::ZERO, |n| *n == 0)
            .unwrap();
        assert!(!result.timed_out() && *guard == 1);
    });
}

#[test]
fn all_are_woken() {
    check(|| {
        let shared = Arc::new((Mutex::new((0, false)), Condvar::new(), Condvar::new()));
        let handles: Vec<_> = (0..5)
            .map(|_| {
                let shared = shared.clone();
                thread::spawn(move || {
                    let (state, came, go) = &*shared;
                    let mut state = state.lock().unwrap();
                    state.0 += 1;
                    came.notify_one();
                    let state = go.wait_while(state, |(_, go)| !*go);
                    drop(state.unwrap());
                })
            })
            .collect();
        let (state, came, go) = &*shared;
        let guard = came.wait_while(state.lock().unwrap(), |(came, _)| *came < 5);
        guard.unwrap().1 = true;
        go.notify_all();
        for handle in handles {
            handle.join().unwrap();
        }
    });
}

#[test]
fn a_mutex_that_is_poisoned_meanwhile_is_an_error() {
    check(|| {
        let pair = flag();
        let p = pair.clone();
        let handle = thread::spawn(move || {
            let mut guard = p.0.lock().unwrap();
            *guard = true;
            p.1.notify_one();
            panic!("this poisons the mutex");
        });
        let mut guard = pair.0.lock();
        let woken = loop {
            match guard {
                Ok(set) if *set => panic!("set, and not poisoned"),
                Ok(unset) => guard = pair.1.wait(unset),
                Err(poisoned) => break poisoned.into_inner(),
            }
        };
        assert!(*woken);
        drop(woken);
        assert!(handle.join().is_err());
    });
}

#[test]
fn conversions_and_formats() {
    check(|| {
        static CONDVAR: Condvar = Condvar::new();
        CONDVAR.notify_one();
        let condvar = Condvar::default();
        condvar.notify_all();
        assert_eq!(format!("{condvar:?}"), "Condvar { .. }");
        let mutex = Mutex::new(());
        let waited = condvar.wait_timeout_while(mutex.lock().unwrap(), SHORT, |()| false);
        let result = waited.unwrap().1;
        assert_eq!(format!("{result:?}"), "WaitTimeoutResult(false)");
        let copy = result;
        assert_eq!(copy, result);
    });
}
