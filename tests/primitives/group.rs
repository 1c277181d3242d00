//! `pool::Group`.
//!
//! No `try_x`: there is no such call.
//! No `cross_thread`: a group stays on its thread, by its type.
//! No `stress`: `pool` has it, on the same set.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::pool::Group;
use greenlet::{GreenletExit, sleep, spawn, timeout, yield_now};

use crate::support::{Bell, Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn smoke() {
    leak_checked(|| {
        let group = Group::new();
        group.join();
        group.wait_available();
        let handles: Vec<_> = (0..3)
            .map(|n| {
                group.spawn(move || {
                    yield_now();
                    n
                })
            })
            .collect();
        assert_eq!((group.len(), group.is_empty()), (3, false));
        group.join();
        assert!(group.is_empty());
        let results: Vec<_> = handles.into_iter().map(|h| h.join().unwrap()).collect();
        assert_eq!(results, [0, 1, 2]);
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let group = Group::new();
        drop(group.spawn(|| sleep(SOON)));
        let order = Rc::new(RefCell::new(Vec::new()));
        let joiners: Vec<_> = (0..3)
            .map(|n| {
                let (group, order) = (group.clone(), order.clone());
                spawn(move || {
                    group.join();
                    order.borrow_mut().push(n);
                })
            })
            .collect();
        greenlet::join_all(joiners);
        assert_eq!(*order.borrow(), [0, 1, 2]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let group = Group::new();
        assert!(group.join_timeout(Duration::ZERO));
        let sleeper = group.spawn(|| sleep(HOUR));
        assert!(!group.join_timeout(SOON));
        assert!(timeout(SOON, || group.join()).is_err());
        sleeper.kill();
        assert!(group.join_timeout(HOUR));
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        let group = Group::new();
        let sleeper = group.spawn(|| sleep(HOUR));
        let g = group.clone();
        let joiner = spawn(move || g.join());
        yield_now();
        joiner.kill();
        assert!(joiner.join().is_err());
        assert!(!sleeper.is_finished());
        group.kill();
        assert!(sleeper.join().unwrap_err().is::<GreenletExit>());
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let group = Group::new();
        drop(group.spawn(yield_now));
        let g = group.clone();
        let joiner = spawn(move || {
            g.join();
            5
        });
        yield_now();
        yield_now();
        assert!(group.is_empty());
        joiner.kill();
        assert_eq!(joiner.join().unwrap(), 5);
    });
}

#[test]
fn drop_while_waited_on() {
    leak_checked(|| {
        let group = Group::new();
        let done = Rc::new(Cell::new(false));
        let seen = done.clone();
        drop(group.spawn(move || {
            sleep(SOON);
            seen.set(true);
        }));
        let g = group.clone();
        let joiner = spawn(move || g.join());
        yield_now();
        drop(group);
        joiner.join().unwrap();
        assert!(done.get());
    });
}

#[test]
fn members_leave_however_they_end() {
    leak_checked(|| {
        let group = Group::new();
        let (bell, rung) = (Rc::new(Cell::new(0)), Rc::new(Cell::new(0)));
        let captured = Bell(rung.clone());
        drop(group.spawn(|| panic!("a member")));
        let killed = group.spawn(|| sleep(HOUR));
        let never_ran = group.spawn(move || drop(captured));
        never_ran.kill();
        assert_eq!((group.len(), rung.get()), (2, 1));
        yield_now();
        killed.kill();
        group.join();
        bell.set(1);
        assert!(group.is_empty());
    });
}

#[test]
fn a_member_that_was_spawned_elsewhere_leaves_at_its_end() {
    leak_checked(|| {
        let group = Group::new();
        let handle = spawn(|| sleep(SOON));
        group.add(&handle);
        group.add(&spawn(|| sleep(HOUR)));
        assert_eq!(group.len(), 2);
        handle.join().unwrap();
        assert!(!group.join_timeout(SOON));
        assert_eq!(group.len(), 1);
        group.kill();
        assert!(group.is_empty());
        let ended = spawn(|| ());
        ended.wait();
        group.add(&ended);
        assert!(group.is_empty());
    });
}

#[test]
fn a_kill_hits_all_and_waits_for_them() {
    leak_checked(|| {
        let group = Group::new();
        let cleaned = Rc::new(Cell::new(0));
        for n in 0..4 {
            let (cleaned, token) = (cleaned.clone(), Token::new());
            drop(group.spawn(move || {
                let _token = token;
                let _ = catch_unwind(|| sleep(HOUR));
                (0..n).for_each(|_| yield_now());
                cleaned.set(cleaned.get() + 1);
            }));
        }
        yield_now();
        drop(group.spawn(|| unreachable!("it is killed before it runs")));
        group.kill();
        assert_eq!((cleaned.get(), group.len()), (4, 0));
        group.kill();
        // One of which a capture panics.
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        let panics = Panics;
        drop(group.spawn(move || drop(panics)));
        let other = group.spawn(|| ());
        assert!(catch_unwind(AssertUnwindSafe(|| group.kill())).is_err());
        assert!(other.is_finished() && group.is_empty());
        yield_now();
    });
}

#[test]
fn a_member_may_kill_its_group() {
    leak_checked(|| {
        let group = Group::new();
        let g = group.clone();
        let other = group.spawn(|| sleep(HOUR));
        let killer = group.spawn(move || g.kill());
        group.join();
        assert!(killer.join().is_err() && other.join().is_err());
    });
}
