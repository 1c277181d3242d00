//! `test__greenletset.py`: groups and `kill_all`. A kill does not wait here; `kill_all` and the kill of a group do.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;

use greenlet::pool::Group;
use greenlet::{JoinHandle, kill_all, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;
use crate::{Expected, HOUR, LATER, SOON, expected, fail, is_killed, timed};

/// test__greenletset.py Test.test_basic (Y)
/// test__greenletset.py Test.test_waitall (Y)
#[test]
fn a_group_shrinks_as_its_members_end() {
    timed(|| {
        let group = Group::new();
        drop(group.spawn(|| sleep(SOON)));
        assert_eq!(group.len(), 1);
        drop(group.spawn(|| sleep(5 * SOON)));
        assert_eq!(group.len(), 2);
        sleep(2 * SOON);
        assert_eq!(group.len(), 1);
        let before = greenlet::__moment();
        group.join();
        assert_eq!(greenlet::__moment() - before, 3 * SOON);
        assert!(group.is_empty());
    });
}

/// test__greenletset.py Test.test_kill_block (Y)
#[test]
fn the_kill_of_a_group_leaves_it_empty() {
    timed(|| {
        let group = Group::new();
        drop(group.spawn(|| sleep(SOON)));
        drop(group.spawn(|| sleep(HOUR)));
        let before = greenlet::__moment();
        group.kill();
        assert!(group.is_empty());
        assert_eq!(greenlet::__moment(), before);
    });
}

/// test__greenletset.py Test.test_kill_noblock (A)
#[test]
fn members_that_are_killed_leave_when_they_had_their_turn() {
    timed(|| {
        let group = Group::new();
        let members = [1, 2].map(|n| group.spawn(move || sleep(n * HOUR)));
        yield_now();
        members.iter().for_each(JoinHandle::kill);
        assert_eq!(group.len(), 2);
        yield_now();
        assert!(group.is_empty());
    });
}

/// Survives everything but an [`Expected`], and counts the rest.
fn undead(shots: Rc<Cell<u32>>) {
    loop {
        match catch_unwind(AssertUnwindSafe(|| sleep(HOUR))) {
            Err(payload) if payload.is::<Expected>() => resume_unwind(payload),
            Err(_) => shots.set(shots.get() + 1),
            Ok(()) => (),
        }
    }
}

/// test__greenletset.py Test.test_kill_fires_once (A)
#[test]
fn each_kill_strikes_a_survivor_once() {
    leak_checked(|| {
        let shots: [Rc<Cell<u32>>; 2] = Default::default();
        let handles = shots.clone().map(|shots| spawn(move || undead(shots)));
        let count = || (shots[0].get(), shots[1].get());
        let group = Group::new();
        handles.iter().for_each(|handle| group.add(handle));
        yield_now();
        // Several before it had its turn are one.
        handles[0].kill();
        handles[0].kill();
        assert_eq!(count(), (0, 0));
        yield_now();
        assert_eq!(count(), (1, 0));
        // A later one strikes again, and whoever waits for the end waits in vain.
        assert!(timeout(LATER, || group.kill()).is_err());
        assert_eq!(count(), (2, 1));
        assert_eq!(group.len(), 2);
        for handle in handles {
            handle.throw(Box::new(Expected(1)));
            assert_eq!(expected(handle.join().unwrap_err()), Expected(1));
        }
        group.join();
    });
}

/// test__greenletset.py Test.test_killall_subclass (Y)
#[test]
fn a_killed_group_does_not_run_those_that_wait_for_their_first_turn() {
    leak_checked(|| {
        let group = Group::new();
        let fails: JoinHandle<()> = group.spawn(|| fail(1));
        let sleeps = group.spawn(|| sleep(HOUR));
        group.kill();
        assert!(is_killed(fails) && is_killed(sleeps));
    });
}

/// test__greenletset.py Test.test_killall_iterable_argument_non_block (A)
#[test]
fn any_iterator_of_handles_can_be_killed() {
    timed(|| {
        let mut handles: Vec<_> = (0..4).map(|_| spawn(|| sleep(SOON))).collect();
        yield_now();
        kill_all(
            handles
                .iter()
                .filter(|handle| !handle.is_finished())
                .take(2),
        );
        let ended: Vec<_> = handles.iter().map(JoinHandle::is_finished).collect();
        assert_eq!(ended, [true, true, false, false]);
        assert!(handles.drain(..2).all(is_killed));
        assert!(handles.into_iter().all(|handle| handle.join().is_ok()));
    });
}

/// Two that take their time to die.
fn slow_to_die() -> [JoinHandle<()>; 2] {
    [1, 2].map(|_| {
        spawn(|| {
            let killed = catch_unwind(AssertUnwindSafe(|| sleep(HOUR))).unwrap_err();
            sleep(LATER);
            resume_unwind(killed);
        })
    })
}

/// test__greenletset.py Test.test_killall_iterable_argument_timeout_not_started (Y)
/// test__greenletset.py Test.test_killall_iterable_argument_timeout_started (Y)
#[test]
fn a_limit_ends_the_wait_for_the_killed_and_nothing_else() {
    timed(|| {
        let new = slow_to_die();
        assert!(timeout(SOON, || kill_all(&new)).is_ok());
        assert!(new.into_iter().all(is_killed));
        let started = slow_to_die();
        yield_now();
        assert!(timeout(SOON, || kill_all(&started)).is_err());
        assert!(started.iter().all(|handle| !handle.is_finished()));
        assert!(started.into_iter().all(is_killed));
    });
}
