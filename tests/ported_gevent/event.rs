//! `test__event.py`. A result that is an error is a `Result`.

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::event::{AsyncResult, Event};
use greenlet::{join_all, kill_all, sleep, spawn, spawn_later, timeout, wait_any, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, SOON, timed};

/// test__event.py TestEventWait.test_cover (Y)
/// test__event.py TestAsyncResult.test_link (A)
#[test]
fn events_and_results_show_themselves() {
    leak_checked(|| {
        let event = Event::new();
        let unset = format!("{event:?}");
        event.set();
        assert_ne!(format!("{event:?}"), unset);
        let result = AsyncResult::new();
        let unset = format!("{result:?}");
        result.set(25);
        assert_ne!(format!("{result:?}"), unset);
    });
}

/// test__event.py TestGeventWaitOnEvent.test_set_during_wait (Y)
#[test]
fn who_was_woken_by_a_set_waits_again_after_a_clear() {
    timed(|| {
        let event = Rc::new(Event::new());
        let waiter = spawn(move || {
            let set = event.clone();
            let setter = spawn(move || set.set());
            event.wait();
            assert!(event.is_set());
            setter.join().unwrap();
            event.clear();
            assert!(!event.wait_timeout(SOON));
            assert!(!event.is_set());
        });
        waiter.join().unwrap();
    });
}

/// test__event.py TestAsyncResult.test_set_exc (A)
#[test]
fn a_result_may_be_an_error() {
    leak_checked(|| {
        let result = Rc::new(AsyncResult::<Result<u32, Expected>>::new());
        assert_eq!(result.try_get(), None);
        let get = result.clone();
        let waiter = spawn(move || get.get());
        yield_now();
        result.set(Err(Expected(1)));
        assert_eq!(waiter.join().unwrap(), Err(Expected(1)));
    });
}

/// test__event.py TestAsyncResult.test_set (Y)
/// test__event.py TestAsyncResult.test_set_with_timeout (Y)
/// test__event.py TestAsyncResult.test_nonblocking_get (Y)
#[test]
fn a_result_that_comes_too_late_was_waited_for_in_vain() {
    timed(|| {
        let result = Rc::new(AsyncResult::new());
        assert_eq!(result.try_get(), None);
        let set = result.clone();
        let setter = spawn_later(SOON, move || set.set("hello"));
        assert!(timeout(Duration::ZERO, || result.get()).is_err());
        assert!(timeout(SOON / 2, || result.get()).is_err());
        assert_eq!(timeout(SOON, || result.get()), Ok("hello"));
        setter.join().unwrap();
    });
}

/// Sets what a greenlet of another thread, or that thread itself, waits for.
fn cross_thread<T: Send + Sync + 'static>(
    make: fn() -> T,
    set: fn(&T),
    wait: fn(&T, bool) -> bool,
) {
    leak_checked(move || {
        for (limited, spawned) in [(false, false), (false, true), (true, false), (true, true)] {
            let shared = Arc::new((make(), Event::new()));
            let theirs = shared.clone();
            let thread = thread::spawn(move || {
                let done = Rc::new(Event::new());
                let busy = done.clone();
                let busy = spawn(move || while !busy.wait_timeout(SOON) {});
                let work = move || {
                    theirs.1.set();
                    wait(&theirs.0, limited)
                };
                let found = match spawned {
                    true => spawn(work).join().unwrap(),
                    false => work(),
                };
                done.set();
                busy.join().unwrap();
                found
            });
            shared.1.wait();
            set(&shared.0);
            assert!(thread.join().unwrap());
        }
        for _ in 0..2 {
            let shared = Arc::new(make());
            let theirs = shared.clone();
            let starter = spawn(move || thread::spawn(move || set(&theirs)));
            assert!(wait(&shared, true));
            starter.join().unwrap().join().unwrap();
        }
    });
}

/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use (Y)
/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use_bg (Y)
/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use_timed (Y)
/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use_timed_bg (Y)
/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use_set_in_bg (Y)
/// test__event.py TestAsyncResultCrossThread.test_cross_thread_use_set_in_bg2 (Y)
#[test]
fn results_and_events_are_set_across_threads() {
    cross_thread(
        AsyncResult::new,
        |result| result.set("from main"),
        |result, limited| match limited {
            true => result.get_timeout(HOUR) == Ok("from main"),
            false => result.get() == "from main",
        },
    );
    cross_thread(Event::new, Event::set, |event, limited| {
        match limited {
            true => assert!(event.wait_timeout(HOUR)),
            false => event.wait(),
        }
        event.is_set()
    });
}

/// test__event.py TestEvent_SetThenClear.test (Y)
#[test]
fn a_set_that_is_cleared_at_once_wakes_all() {
    leak_checked(|| {
        for number in [1, 100, 1000] {
            let event = Rc::new(Event::new());
            let waiters: Vec<_> = (0..number)
                .map(|_| {
                    let event = event.clone();
                    spawn(move || event.wait())
                })
                .collect();
            yield_now();
            event.set();
            event.clear();
            assert!(join_all(waiters).iter().all(Result::is_ok));
            assert!(!event.is_set());
        }
    });
}

/// test__event.py TestWait.test (A)
#[test]
fn several_kinds_are_waited_for_by_a_greenlet_each() {
    timed(|| {
        for count in [1, 2, 10] {
            let events: Vec<_> = (0..5).map(|_| Rc::new(Event::new())).collect();
            let results: Vec<_> = (0..5).map(|_| Rc::new(AsyncResult::new())).collect();
            let (set_events, set_results) = (events.clone(), results.clone());
            let sender = spawn(move || {
                for (event, result) in set_events.into_iter().zip(set_results).rev() {
                    sleep(SOON);
                    event.set();
                    sleep(SOON);
                    result.set(1);
                }
            });
            let for_events = events.into_iter().map(|event| spawn(move || event.wait()));
            let for_results = results
                .into_iter()
                .map(|result| spawn(move || result.wait()));
            let waiters: Vec<_> = for_events.chain(for_results).collect();
            let mut waiting: Vec<_> = waiters.iter().enumerate().collect();
            let mut ended = Vec::new();
            while ended.len() < count {
                let handles: Vec<_> = waiting.iter().map(|(_, handle)| *handle).collect();
                ended.push(waiting.remove(wait_any(&handles)).0);
            }
            assert_eq!(ended, [4, 9, 3, 8, 2, 7, 1, 6, 0, 5][..count]);
            assert_eq!(waiting.len(), 10 - count);
            kill_all(&waiters);
            sender.kill();
            sender.wait();
        }
    });
}

/// test__event.py TestEventBasics.test_wait_while_notifying (A)
#[test]
fn a_wait_on_a_set_event_does_not_let_those_run_who_were_woken() {
    leak_checked(|| {
        let (event, log) = (Rc::new(Event::new()), Rc::new(RefCell::new(Vec::new())));
        let waiters = [1, 2].map(|number| {
            let (event, log) = (event.clone(), log.clone());
            spawn(move || {
                event.wait();
                log.borrow_mut().push(number);
            })
        });
        yield_now();
        event.set();
        event.wait();
        log.borrow_mut().push(3);
        join_all(waiters);
        assert_eq!(log.take(), [3, 1, 2]);
    });
}

/// test__event.py TestEventBasics.test_gevent_wait_twice_when_already_set (Y)
#[test]
fn a_set_event_can_be_waited_for_again_and_again() {
    leak_checked(|| {
        let event = Event::new();
        event.set();
        event.wait();
        assert!(event.wait_timeout(HOUR));
        assert!(event.wait_timeout(Duration::ZERO));
    });
}
