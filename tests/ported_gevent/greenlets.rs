//! `test__greenlet.py`. A link is [`on_exit`](greenlet::JoinHandle::on_exit): it is told the outcome, not the value, which is the joiner's; and
//! it cannot be taken back. Values are compared where gevent compares the greenlet that was passed.

use std::cell::{Cell, RefCell};
use std::collections::HashSet;
use std::rc::Rc;

use greenlet::event::AsyncResult;
use greenlet::queue::{Channel, Queue};
use greenlet::trace::Event as TraceEvent;
use greenlet::{
    Greenlet, GreenletExit, JoinHandle, Outcome, current, hub, join_all, kill_all, sleep, spawn,
    spawn_later, wait_all, wait_any, yield_now,
};

use crate::support::{Token, leak_checked};
use crate::{Expected, HOUR, SOON, expected, fail, is_killed, timed};

/// The results that are set when `handle` ends.
fn linked<T>(handle: &JoinHandle<T>) -> Rc<AsyncResult<Outcome>> {
    let result = Rc::new(AsyncResult::new());
    let set = result.clone();
    handle.on_exit(move |outcome| set.set(outcome));
    result
}

/// test__greenlet.py TestLink.test_link_to_asyncresult (A)
/// test__greenlet.py TestLink.test_link_to_asyncresult_exception (A)
/// test__event.py TestAsyncResultAsLinkTarget.test_set (A)
/// test__event.py TestAsyncResultAsLinkTarget.test_set_exception (A)
#[test]
fn an_end_sets_results_also_when_they_ask_after_it() {
    leak_checked(|| {
        let returns = spawn(|| 100);
        let fails: JoinHandle<()> = spawn(|| fail(1));
        assert_eq!(linked(&returns).get(), Outcome::Returned);
        assert_eq!(linked(&fails).get(), Outcome::Panicked);
        assert!(returns.is_finished() && fails.is_finished());
        for _ in 0..3 {
            assert_eq!(linked(&returns).get(), Outcome::Returned);
            assert_eq!(linked(&fails).get(), Outcome::Panicked);
        }
        assert_eq!(returns.join().unwrap(), 100);
        assert_eq!(expected(fails.join().unwrap_err()), Expected(1));
    });
}

/// test__greenlet.py TestLink.test_link_to_queue (A)
#[test]
fn an_end_puts_into_a_queue_also_when_asked_to_after_it() {
    leak_checked(|| {
        let handle = spawn(|| 100);
        let queue = Rc::new(Queue::new());
        for _ in 0..4 {
            let put = queue.clone();
            handle.on_exit(move |outcome| put.put(outcome).unwrap());
            assert_eq!(queue.get(), Ok(Outcome::Returned));
        }
    });
}

/// test__greenlet.py TestLink.test_link_to_channel (Y)
#[test]
fn what_is_done_on_exit_may_wait() {
    leak_checked(|| {
        let channel = Rc::new(Channel::new());
        for number in [101, 102, 103] {
            let put = channel.clone();
            spawn(|| ()).on_exit(move |_| put.put(number).unwrap());
        }
        let got: Vec<_> = channel.iter().take(3).collect();
        assert_eq!(got, [101, 102, 103]);
        hub::run();
    });
}

/// Asks for many things on exit, and checks that they happen, once each, in order.
fn check_exits<T>(handle: &JoinHandle<T>, outcome: Outcome) {
    let seen = Rc::new(RefCell::new(Vec::new()));
    let results: Vec<_> = (0..10).map(|_| linked(handle)).collect();
    for number in 0..10 {
        let seen = seen.clone();
        handle.on_exit(move |outcome| seen.borrow_mut().push((number, outcome)));
    }
    handle.wait();
    yield_now();
    assert_eq!(
        seen.take(),
        [outcome; 10].into_iter().enumerate().collect::<Vec<_>>()
    );
    for result in results {
        assert_eq!(result.try_get(), Some(outcome));
    }
}

/// test__greenlet.py TestReturn_link.test_return (A)
/// test__greenlet.py TestReturn_link.test_kill (A)
/// test__greenlet.py TestRaise_link.test_raise (A)
#[test]
fn an_end_is_told_to_all_who_ask_before_and_after() {
    timed(|| {
        let returns = spawn(|| 25);
        let killed = spawn(|| sleep(HOUR));
        let fails: JoinHandle<()> = spawn(|| fail(3));
        for round in 0..3 {
            check_exits(&returns, Outcome::Returned);
            if round == 0 {
                killed.kill();
            }
            check_exits(&killed, Outcome::Killed);
            check_exits(&fails, Outcome::Panicked);
        }
    });
}

/// test__greenlet.py TestStuff.test_minimal_id (A)
#[test]
fn ids_are_never_used_again() {
    leak_checked(|| {
        let mut ids = HashSet::from([current().id(), hub::greenlet().id()]);
        for _ in 0..100 {
            let handle = spawn(|| ());
            assert!(ids.insert(handle.greenlet().id()));
            handle.join().unwrap();
        }
        assert_eq!(ids.len(), 102);
    });
}

/// test__greenlet.py TestStuff.test_wait_noerrors (A)
/// test__greenlet.py TestStuff.test_wait_error (A)
#[test]
fn join_all_gives_all_results_in_order_also_beside_failures() {
    timed(|| {
        let handles = [1, 2, 3].map(|n| spawn(move || n));
        let values = join_all(handles).into_iter().map(Result::unwrap);
        assert!(values.eq([1, 2, 3]));
        let slow = spawn(|| {
            sleep(SOON);
            1
        });
        let fails = spawn(|| fail(2));
        let mut results = join_all([slow, fails]).into_iter();
        assert_eq!(results.next().unwrap().unwrap(), 1, "it was waited for");
        assert_eq!(expected(results.next().unwrap().unwrap_err()), Expected(2));
    });
}

/// test__greenlet.py TestStuff.test_joinall_exception_order (A)
/// test__greenlet.py TestStuff.test_joinall_count_raise_error (A)
#[test]
fn wait_any_tells_the_first_end_however_it_comes() {
    timed(|| {
        let late: JoinHandle<()> = spawn(|| {
            sleep(SOON);
            fail(1)
        });
        let early = spawn(|| fail(2));
        assert_eq!(wait_any(&[&late, &early]), 1);
        assert!(!late.is_finished());
        assert_eq!(expected(early.join().unwrap_err()), Expected(2));
        assert_eq!(expected(late.join().unwrap_err()), Expected(1));
    });
}

/// test__greenlet.py TestStuff.test_multiple_listeners_error (Y)
#[test]
fn a_panic_on_exit_leaves_the_others_alone() {
    leak_checked(|| {
        let runs: [fn() -> u32; 2] = [|| 5, || fail(5)];
        for run in runs {
            let handle = spawn(run);
            let seen = Rc::new(RefCell::new(Vec::new()));
            for number in [10, 20, 30] {
                let seen = seen.clone();
                handle.on_exit(move |_| {
                    seen.borrow_mut().push(number);
                    fail(number);
                });
            }
            handle.wait();
            assert_eq!(seen.take(), [10, 20, 30]);
        }
    });
}

/// test__greenlet.py TestStr.test_function (A)
/// test__greenlet.py TestStr.test_method (A)
/// test__greenlet.py TestStr.test_subclass (A)
#[test]
fn a_name_is_told_before_and_after_the_end() {
    leak_checked(|| {
        let nameless = spawn(|| ());
        assert_eq!(nameless.greenlet().name(), None);
        let named = Greenlet::builder().name("Foo").spawn(|| current().name());
        for _ in 0..2 {
            assert!(format!("{named:?}").contains("\"Foo\""), "{named:?}");
            wait_all([&named]);
        }
        assert_eq!(named.join().unwrap().as_deref(), Some("Foo"));
        nameless.join().unwrap();
    });
}

/// Whether it is as one should be that has not ended.
fn is_alive<T>(handle: &JoinHandle<T>) -> bool {
    !handle.is_finished() && !handle.greenlet().is_dead()
}

/// test__greenlet.py TestBasic.test_simple_exit (A)
/// test__greenlet.py TestBasic.test_error_exit (A)
/// test__greenlet.py TestBasic.test_exc_info_no_error (A)
#[test]
fn a_spawned_one_goes_from_waiting_to_its_outcome() {
    fn check(end: fn() -> u32, outcome: Outcome) -> std::thread::Result<u32> {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let handle = spawn(move || {
            sleep(SOON);
            end()
        });
        let log = seen.clone();
        handle.on_exit(move |outcome| log.borrow_mut().push(outcome));
        assert!(is_alive(&handle) && !handle.greenlet().is_active());
        yield_now();
        assert!(is_alive(&handle) && handle.greenlet().is_active());
        assert!(seen.borrow().is_empty());
        sleep(2 * SOON);
        assert!(handle.is_finished() && handle.greenlet().is_dead());
        assert!(!handle.greenlet().is_active());
        assert_eq!(seen.take(), [outcome]);
        handle.join()
    }
    timed(|| {
        assert_eq!(check(|| 5, Outcome::Returned).unwrap(), 5);
        let failed = check(|| fail(5), Outcome::Panicked);
        assert_eq!(expected(failed.unwrap_err()), Expected(5));
    });
}

/// How to kill.
type Kill = fn(&JoinHandle<()>);

/// Kills one that was spawned by `start` and had `turns`; nothing behind its first wait may run.
fn check_kill(start: fn(Rc<Cell<bool>>) -> JoinHandle<()>, turns: u32, kill: Kill, own: bool) {
    let ran = Rc::new(Cell::new(false));
    let seen = Rc::new(RefCell::new(Vec::new()));
    let handle = start(ran.clone());
    let log = seen.clone();
    handle.on_exit(move |outcome| log.borrow_mut().push(outcome));
    (0..turns).for_each(|_| yield_now());
    for _ in 0..2 {
        kill(&handle); // a second time does not hurt
        yield_now();
        yield_now();
        assert!(handle.is_finished() && handle.greenlet().is_dead());
        assert_eq!(*seen.borrow(), [Outcome::Killed]);
    }
    let payload = handle.join().unwrap_err();
    match own {
        true => assert_eq!(expected(payload), Expected(42)),
        false => assert!(payload.is::<GreenletExit>()),
    }
    assert!(!ran.get());
}

/// test__greenlet.py TestKill.test_block (A)
/// test__greenlet.py TestKill.test_non_block (A)
/// test__greenlet.py TestKill.test_block_killall (A)
/// test__greenlet.py TestKill.test_non_block_killal (A)
/// test__greenlet.py TestKill.test_non_type_exception (A)
/// test__greenlet.py TestKill.test_non_type_exception_non_block (A)
/// test__greenlet.py TestKill.test_non_type_exception_killall (A)
/// test__greenlet.py TestKill.test_non_type_exception_killall_non_block (A)
/// test__greenlet.py TestKill.test_non_exc_exception (A)
/// test__greenlet.py TestKill.test_non_exc_exception_non_block (A)
/// test__greenlet.py TestKill.test_non_exc_exception_killall (A)
/// test__greenlet.py TestKill.test_non_exc_exception_killall_non_block (A)
#[test]
fn a_kill_of_any_kind_strikes_in_every_state() {
    let kills: [(Kill, bool); 5] = [
        (|handle| handle.kill(), false),
        (
            |handle| {
                handle.kill();
                handle.wait();
            },
            false,
        ),
        (|handle| kill_all([handle]), false),
        (|handle| handle.throw(Box::new(Expected(42))), true),
        (
            |handle| {
                handle.throw(Box::new(Expected(42)));
                handle.wait();
            },
            true,
        ),
    ];
    timed(move || {
        for (kill, own) in kills {
            let queued = |ran: Rc<Cell<bool>>| spawn(move || ran.set(true));
            check_kill(queued, 0, kill, own);
            let delayed = |ran: Rc<Cell<bool>>| spawn_later(HOUR, move || ran.set(true));
            check_kill(delayed, 1, kill, own);
            let waiting = |ran: Rc<Cell<bool>>| {
                spawn(move || {
                    sleep(HOUR);
                    ran.set(true);
                })
            };
            check_kill(waiting, 1, kill, own);
        }
    });
}

/// test__greenlet.py TestRef.test_init (A)
/// test__greenlet.py TestRef.test_kill_scheduled (Y)
/// test__greenlet.py TestRef.test_kill_started (Y)
#[test]
fn a_killed_one_lets_go_of_what_it_captured() {
    timed(|| {
        let token = Token::new();
        let scheduled = spawn(move || {
            sleep(HOUR);
            drop(token);
        });
        assert_eq!(Token::alive(), 1);
        scheduled.kill();
        assert_eq!(Token::alive(), 0, "at once");
        let token = Token::new();
        let started = spawn(move || {
            sleep(HOUR);
            drop(token);
        });
        sleep(SOON);
        started.kill();
        started.wait();
        assert_eq!(Token::alive(), 0);
        assert!(is_killed(scheduled) && is_killed(started));
    });
}

/// test__greenlet.py TestDeadPropertyDuringSwitch.test_dead_is_false_for_current_greenlet_during_switch (Y)
#[test]
fn nobody_who_is_switched_to_seems_dead() {
    leak_checked(|| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = seen.clone();
        greenlet::trace::set(move |event, _, target| {
            if let TraceEvent::Switch = event {
                log.borrow_mut().push((target.id(), target.is_dead()));
            }
        });
        let handle = spawn(|| 42);
        let id = handle.greenlet().id();
        assert_eq!(handle.join().unwrap(), 42);
        greenlet::trace::clear();
        let seen = seen.take();
        assert!(seen.iter().any(|(target, _)| *target == id));
        assert!(seen.iter().all(|(_, is_dead)| !is_dead));
    });
}
