//! `test__iwait.py`, `test__joinall.py`, `test__issue330.py` and `test__issue607.py`. Greenlets are waited for; whoever waits for one of several other things
//! has a greenlet wait for each.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;

use greenlet::lock::Semaphore;
use greenlet::{
    AnyGreenlet, GreenletExit, JoinHandle, Outcome, kill_all, sleep, spawn, timeout, wait_all,
    wait_any, wait_any_timeout, yield_now,
};

use crate::support::{Token, leak_checked};
use crate::{Expected, HOUR, SOON, expected, is_killed, timed};

/// Of two semaphores the first is released; two wait.
fn semaphores() -> [JoinHandle<()>; 2] {
    let semaphores = [0, 1].map(|_| Rc::new(Semaphore::new(0)));
    let release = semaphores[0].clone();
    drop(spawn(move || release.release()));
    semaphores.map(|semaphore| {
        let token = Token::new();
        spawn(move || {
            semaphore.acquire();
            drop(token);
        })
    })
}

/// test__iwait.py Testiwait.test_noiter (A)
/// test__iwait.py Testiwait.test_iwait_partial (A)
/// test__iwait.py Testiwait.test_iwait_nogarbage (A)
#[test]
fn a_wait_for_any_leaves_nothing_with_the_others() {
    timed(|| {
        for _ in 0..3 {
            let [first, second] = semaphores();
            assert_eq!(wait_any(&[&first, &second]), 0);
            assert_eq!(wait_any_timeout(&[&second], SOON), None);
            assert_eq!(Token::alive(), 1);
            kill_all([&second]);
            first.join().unwrap();
        }
    });
}

/// test__joinall.py Test.test (Y)
#[test]
fn one_may_be_waited_for_twice_at_once() {
    leak_checked(|| {
        let [a, b] = [spawn(|| ()), spawn(|| ())];
        wait_all([&a, &b, &a]);
        assert!(a.is_finished() && b.is_finished());
        assert_eq!(wait_any(&[&a, &a]), 0);
    });
}

/// test__issue330.py TestSwitch.test_gevent_kill (A)
/// test__issue330.py TestSwitch.test_greenlet_kill (Y)
/// test__issue330.py TestSwitch.test_throw (A)
#[test]
fn one_that_is_killed_before_it_began_never_does() {
    let kills: [fn(&JoinHandle<()>); 3] = [
        |handle| AnyGreenlet::kill(&handle.greenlet()),
        |handle| handle.kill(),
        |handle| handle.throw(Box::new(GreenletExit)),
    ];
    leak_checked(move || {
        for kill in kills {
            let ran = Rc::new(Cell::new(false));
            let handles = [0, 1].map(|_| {
                let ran = ran.clone();
                spawn(move || ran.set(true))
            });
            handles.iter().for_each(kill);
            wait_all(&handles);
            yield_now();
            assert!(!ran.get());
            assert!(handles.into_iter().all(is_killed));
        }
    });
}

/// test__issue330.py TestSwitch.test_kill_exception (Y)
#[test]
fn what_is_thrown_at_a_yielding_one_can_be_caught_there() {
    leak_checked(|| {
        let handle = spawn(|| {
            let thrown = catch_unwind(AssertUnwindSafe(|| {
                loop {
                    yield_now();
                }
            }));
            let thrown: std::thread::Result<()> = thrown;
            expected(thrown.unwrap_err())
        });
        yield_now();
        handle.throw(Box::new(Expected(6)));
        assert_eq!(handle.join().unwrap(), Expected(6));
    });
}

/// test__issue607.py TestKillWithException.test_kill_without_exception (A)
/// test__issue607.py TestKillWithException.test_kill_with_exception (Y)
/// test__issue607.py TestKillWithException.test_kill_with_exception_after_started (Y)
#[test]
fn what_was_thrown_is_what_the_joiner_gets() {
    timed(|| {
        assert!(is_killed({
            let handle = spawn(|| sleep(HOUR));
            handle.kill();
            handle
        }));
        for started in [false, true] {
            let handle = spawn(|| sleep(HOUR));
            if started {
                assert!(timeout(SOON, || handle.wait()).is_err());
            }
            let outcome = Rc::new(Cell::new(None));
            let set = outcome.clone();
            handle.on_exit(move |how| set.set(Some(how)));
            handle.throw(Box::new(Expected(607)));
            handle.wait();
            yield_now();
            assert_eq!(outcome.get(), Some(Outcome::Killed));
            assert_eq!(expected(handle.join().unwrap_err()), Expected(607));
        }
    });
}
