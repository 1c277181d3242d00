//! Observers of greenlets that wait in the hub.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::trace::{self, Event};
use greenlet::{AnyGreenlet, Greenlet, sleep, spawn, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn the_way_to_a_waiting_greenlet_leads_through_the_hub() {
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let seen = log.clone();
        let handle = spawn(yield_now);
        let (main, hub, other) = (
            greenlet::main(),
            greenlet::hub::greenlet(),
            handle.greenlet(),
        );
        trace::set(move |event, from, to| {
            seen.borrow_mut().push((event, from.clone(), to.clone()));
        });
        yield_now();
        handle.wait();
        trace::clear();
        let way = |from: &AnyGreenlet, to: &AnyGreenlet| (Event::Switch, from.clone(), to.clone());
        assert_eq!(
            *log.borrow(),
            [
                way(&main, &hub),
                way(&hub, &other),
                way(&other, &hub),
                way(&hub, &main),
                way(&main, &hub),
                way(&hub, &other),
                way(&other, &hub),
                way(&hub, &main),
            ]
        );
    });
}

/// An observer that panics when that greenlet arrives.
fn refuse(name: AnyGreenlet) {
    trace::set(move |_, _, to| assert!(*to != name, "refused"));
}

#[test]
fn whoever_joins_one_is_told_of_the_panic_of_an_observer_that_has_kept_it_from_running() {
    leak_checked(|| {
        let captured = Token::new();
        let refused = spawn(move || drop(captured));
        refuse(refused.greenlet());
        let payload = refused.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"refused"));
    });
}

#[test]
fn a_scope_is_told_of_the_panic_of_an_observer_that_has_unwound_a_child() {
    leak_checked(|| {
        let scoped = catch_unwind(|| {
            greenlet::scope(|s| {
                s.spawn(|| {
                    let child = Greenlet::new(|()| ());
                    refuse(greenlet::current());
                    child.switch(());
                });
            });
        });
        let message = scoped.unwrap_err();
        assert_eq!(message.downcast_ref(), Some(&"a scoped greenlet panicked"));
    });
}

#[test]
fn an_observer_may_wait_itself() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let taken = semaphore.clone();
        let taker = spawn(move || taken.acquire_timeout(HOUR));
        yield_now();
        let busy = Rc::new(Cell::new(false));
        let inside = busy.clone();
        trace::set(move |_, _, _| {
            if !inside.replace(true) {
                sleep(SOON);
                yield_now();
                inside.set(false);
            }
        });
        semaphore.release();
        assert!(taker.join().unwrap(), "the unit was handed over");
        trace::clear();
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn an_observer_may_switch_away() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let taken = semaphore.clone();
        let taker = spawn(move || taken.acquire_timeout(HOUR));
        yield_now();
        let busy = Rc::new(Cell::new(false));
        let inside = busy.clone();
        trace::set(move |_, _, _| {
            if !inside.replace(true) {
                let aside = Greenlet::new(|()| sleep(SOON));
                aside.switch(());
                inside.set(false);
            }
        });
        semaphore.release();
        assert!(taker.join().unwrap());
        trace::clear();
        assert_eq!(semaphore.available(), 0);
    });
}

#[test]
fn what_an_observer_panics_with_is_raised_at_the_next_wait() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let taken = semaphore.clone();
        let reached = Rc::new(Cell::new(false));
        let granted = reached.clone();
        let taker = spawn(move || {
            taken.acquire();
            granted.set(true);
            sleep(HOUR);
        });
        let target = taker.greenlet();
        yield_now();
        trace::set(move |_, _, to| {
            if *to == target {
                resume_unwind(Box::new("observer"));
            }
        });
        semaphore.release();
        let payload = taker.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"observer"));
        assert!(reached.get() && trace::get().is_none());
    });
}

#[test]
fn a_death_is_seen_even_if_what_it_leaves_switches() {
    struct Switches;
    impl Drop for Switches {
        fn drop(&mut self) {
            yield_now();
        }
    }
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let taken = semaphore.clone();
        let deaf = spawn(move || taken.acquire());
        yield_now();
        semaphore.release();
        let next = spawn(|| ());
        let (main, dying) = (greenlet::main(), deaf.greenlet());
        let seen = Rc::new(Cell::new(0));
        let count = seen.clone();
        trace::set(move |_, from, to| {
            if *from == dying && *to == main {
                count.set(count.get() + 1);
            }
        });
        // It does not wait any more, so nobody hears of that.
        let thrown = deaf.greenlet().try_throw::<()>(Box::new(Switches));
        drop(thrown);
        trace::clear();
        assert!(next.is_finished(), "nothing was switched to");
        assert_eq!(seen.get(), 1);
        next.join().unwrap();
        deaf.wait();
    });
}
