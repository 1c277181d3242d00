//! `test__hub_join.py`, `test__hub_join_timeout.py`, `test__hub.py`, `test__order.py`, `test__sleep0.py`, `test__loop_callback.py`, `test__core_callback.py`,
//! `test__core_timer.py` and `test__systemerror.py`. There is no loop below the hub to be used by itself.

use std::cell::{Cell, RefCell};
use std::process::ExitStatus;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::event::Event;
use greenlet::{hub, join_all, sleep, spawn, spawn_later, timeout, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, Log, SOON, expected, fail, is_killed, timed};

/// test__hub_join.py TestJoin.test_join_many_times (Y)
/// test__hub.py TestSleep.test_simple (Y)
#[test]
fn a_hub_is_run_to_its_end_again_and_again() {
    timed(|| {
        hub::run();
        hub::run();
        sleep(SOON);
        yield_now();
        assert!(hub::run_timeout(HOUR));
    });
}

/// test__hub_join.py TestJoin.test_join_in_new_thread_doesnt_leak_hub_or_greenlet (Y)
/// test__hub_join.py TestJoin.test_destroy_in_main_thread_from_new_thread (A)
#[test]
fn a_thread_leaves_nothing_of_its_hub_behind() {
    for _ in 0..10 {
        // The leak check runs it on a thread that ends.
        leak_checked(|| {
            assert_eq!(spawn(|| 5).join().unwrap(), 5);
            hub::run();
        });
    }
    leak_checked(|| {
        let before = greenlet::census();
        for _ in 0..10 {
            thread::spawn(|| drop(spawn(|| sleep(HOUR))))
                .join()
                .unwrap();
        }
        assert_eq!(greenlet::census(), before);
    });
}

/// test__hub_join_timeout.py Test.test_callback (Y)
/// test__hub_join_timeout.py Test.test_later (Y)
/// test__hub_join_timeout.py Test.test_timeout (Y)
/// test__hub_join_timeout.py Test.test_event (Y)
/// test__loop_callback.py Test.test (A)
#[test]
fn a_hub_is_run_for_as_long_as_there_is_something_to_do() {
    timed(|| {
        for _ in 0..4 {
            let before = greenlet::__moment();
            let passed = || greenlet::__moment() - before;
            let now = spawn(|| 5);
            assert!(hub::run_timeout(HOUR));
            assert!(now.is_finished() && passed().is_zero());
            let later = spawn_later(SOON, || 5);
            assert!(hub::run_timeout(HOUR));
            assert!(later.is_finished());
            assert_eq!(passed(), SOON);
            let much_later = spawn_later(HOUR, || 5);
            assert!(!hub::run_timeout(SOON));
            assert!(!much_later.is_finished());
            let event = Rc::new(Event::new());
            let set = event.clone();
            let setter = spawn_later(SOON, move || set.set());
            event.wait();
            assert!(setter.is_finished() && !much_later.is_finished());
            assert_eq!(passed(), 3 * SOON);
            much_later.kill();
            hub::run();
            assert_eq!(passed(), 3 * SOON);
            assert!(is_killed(much_later));
            assert_eq!((now.join().unwrap(), later.join().unwrap()), (5, 5));
            setter.join().unwrap();
        }
    });
}

/// test__hub.py TestExceptionInMainloop.test_sleep (A)
/// test__hub.py TestHandleError.test_exception_in_custom_handle_error_does_not_crash (A)
/// test__systemerror.py Test.test_exception (Y)
/// test__systemerror.py Test.test_sys_exit (A)
/// test__systemerror.py Test.test_keyboard_interrupt (A)
/// test__systemerror.py Test.test_system_error (A)
#[test]
fn what_one_fails_with_is_its_joiners_and_nobody_elses() {
    timed(|| {
        let before = greenlet::__moment();
        let fails = spawn_later(SOON, || fail(1));
        let exits = spawn(|| std::panic::resume_unwind(Box::new(ExitStatus::default())));
        sleep(5 * SOON);
        assert_eq!(greenlet::__moment() - before, 5 * SOON);
        assert!(fails.is_finished() && exits.is_finished());
        let payload: std::thread::Result<()> = exits.join();
        assert!(payload.unwrap_err().is::<ExitStatus>());
        let payload: std::thread::Result<()> = fails.join();
        assert_eq!(expected(payload.unwrap_err()), Expected(1));
    });
}

/// test__order.py Test.test_greenlet_link (Y)
#[test]
fn those_on_exit_run_in_the_order_in_which_they_were_asked_for() {
    leak_checked(|| {
        for count in [2, 3, 4, 1000] {
            let log = Rc::new(RefCell::new(Vec::new()));
            let add = |n: usize| {
                let log = log.clone();
                move || log.borrow_mut().push(n)
            };
            let handle = spawn(add(0));
            for n in 1..count {
                let add = add(n);
                handle.on_exit(move |_| add());
            }
            handle.join().unwrap();
            assert!(log.take().into_iter().eq(0..count));
        }
    });
}

/// test__order.py TestSleep0.test (Y)
#[test]
fn two_that_yield_take_turns() {
    leak_checked(|| {
        let log = Log::default();
        for name in ["1", "2"] {
            let log = log.clone();
            drop(spawn(move || {
                log.add(format!("{name}A"));
                sleep(Duration::ZERO);
                log.add(format!("{name}B"));
            }));
        }
        hub::run();
        assert_eq!(log.take(), "1A 2A 1B 2B");
    });
}

/// test__sleep0.py script (Y)
#[test]
fn a_limit_ends_a_loop_that_does_nothing_but_yield() {
    leak_checked(|| {
        let turns = Cell::new(0_u64);
        let ended: Result<(), _> = timeout(10 * SOON, || {
            loop {
                yield_now();
                turns.set(turns.get() + 1);
            }
        });
        assert!(ended.is_err() && turns.get() > 0);
    });
}

/// test__core_callback.py Test.test (A)
#[test]
fn what_is_called_off_before_its_turn_does_not_run() {
    leak_checked(|| {
        let calls = Rc::new(Cell::new(0));
        let count = |calls: &Rc<Cell<u32>>| {
            let calls = calls.clone();
            move || calls.set(calls.get() + 1)
        };
        let runs = spawn(count(&calls));
        yield_now();
        assert_eq!(calls.get(), 1);
        runs.join().unwrap();
        let called_off = spawn(count(&calls));
        called_off.kill();
        yield_now();
        assert_eq!(calls.get(), 1);
        assert!(is_killed(called_off));
    });
}

/// test__core_timer.py Test.test_main (A)
/// test__core_timer.py TestAgain.test_main (A)
/// test__core_timer.py TestTimerResolution.test_resolution (A)
#[test]
fn timers_go_off_when_they_are_due_in_the_order_in_which_they_are() {
    timed(|| {
        let began = greenlet::__moment();
        let sleepers = [5, 1, 3, 1, 0].map(|n| {
            spawn(move || {
                // And again.
                for _ in 0..3 {
                    sleep(n * SOON);
                }
                (n, greenlet::__moment() - began)
            })
        });
        let ends = Rc::new(RefCell::new(Vec::new()));
        for (number, sleeper) in sleepers.iter().enumerate() {
            let ends = ends.clone();
            sleeper.on_exit(move |_| ends.borrow_mut().push(number));
        }
        for result in join_all(sleepers) {
            let (n, passed) = result.unwrap();
            assert_eq!(passed, 3 * n * SOON);
        }
        assert_eq!(ends.take(), [4, 1, 3, 2, 0]);
    });
}
