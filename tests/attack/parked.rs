//! Greenlets that are parked in the hub, or queued to run, met by what is meant for suspended ones.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::{Generator, Greenlet, GreenletExit, SwitchError, sleep, spawn, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(2);

/// A spawned greenlet that makes a child, and then sleeps; the child's body is `body`. On simulated time, so that it sleeps while anybody can run.
fn child_of_a_sleeper<B: 'static>(
    body: impl FnOnce(()) -> B + 'static,
) -> (greenlet::JoinHandle<()>, Greenlet<(), B>) {
    greenlet::__simulate();
    let child = Rc::new(RefCell::new(None));
    let made = child.clone();
    let handle = spawn(move || {
        *made.borrow_mut() = Some(Greenlet::new(body));
        sleep(SOON);
    });
    yield_now();
    let child = child.borrow_mut().take().unwrap();
    (handle, child)
}

/// Runs the child from a greenlet that nobody waits for.
fn run<B: 'static>(child: Greenlet<(), B>) {
    let other = spawn(move || drop(child.try_switch(())));
    yield_now();
    other.kill();
    other.wait();
}

#[test]
fn a_result_for_a_parked_parent_is_raised_at_its_wait() {
    leak_checked(|| {
        let (parent, child) = child_of_a_sleeper(|()| (5_u64, Token::new()));
        run(child);
        let payload = parent.join().unwrap_err();
        let text = payload.downcast_ref::<String>().unwrap();
        assert!(text.contains("u64") && text.contains("parked"), "{text}");
    });
}

#[test]
fn a_panic_for_a_parked_parent_is_raised_at_its_wait() {
    leak_checked(|| {
        let (parent, child) = child_of_a_sleeper(|()| -> () { std::panic::panic_any(7) });
        run(child);
        assert_eq!(*parent.join().unwrap_err().downcast::<i32>().unwrap(), 7);
    });
}

#[test]
fn nothing_for_a_parked_parent_does_not_disturb_it() {
    leak_checked(|| {
        let (parent, child) = child_of_a_sleeper(|()| ());
        run(child);
        parent.join().unwrap();
    });
}

#[test]
fn a_death_does_not_start_a_spawned_parent() {
    leak_checked(|| {
        let runs = Rc::new(Cell::new(0));
        let counted = runs.clone();
        let parent = spawn(move || {
            counted.set(counted.get() + 1);
            sleep(SOON);
        });
        let child = Greenlet::with_parent(|()| (), &parent.greenlet());
        run(child);
        parent.join().unwrap();
        assert_eq!(runs.get(), 1);
    });
}

#[test]
fn an_observer_that_waits_does_not_confuse_the_wait_it_interrupts() {
    leak_checked(|| {
        let gate = Rc::new(Semaphore::new(0));
        let waiting = {
            let gate = gate.clone();
            spawn(move || gate.acquire_timeout(Duration::from_secs(3600)))
        };
        yield_now();
        let nested = Rc::new(Cell::new(false));
        let seen = Rc::new(Cell::new(0));
        let count = seen.clone();
        let slow = Rc::new(Semaphore::new(0));
        greenlet::trace::set(move |_, _, _| {
            count.set(count.get() + 1);
            if !nested.replace(true) {
                assert!(!slow.acquire_timeout(SOON));
                nested.set(false);
            }
        });
        gate.release();
        assert!(waiting.join().unwrap());
        greenlet::trace::clear();
        assert!(seen.get() > 0);
        assert_eq!(greenlet::hub::stats().timers, 0);
        assert_eq!(gate.available(), 0);
    });
}

#[test]
fn a_switch_into_a_parked_greenlet_is_refused_and_says_what_it_waits_for() {
    leak_checked(|| {
        let handle = spawn(|| sleep(SOON));
        let refused = handle.greenlet().try_switch::<i32, ()>(5).unwrap_err();
        let SwitchError::Parked {
            value, waits_for, ..
        } = &refused
        else {
            panic!("{refused}");
        };
        assert_eq!((*value, waits_for.as_str()), (5, "its first turn"));
        yield_now();
        let refused = handle.greenlet().try_switch::<(), ()>(()).unwrap_err();
        assert!(
            refused.to_string().contains("a moment to come"),
            "{refused}"
        );
        assert!(refused.to_string().contains("parked.rs"), "{refused}");
        let panic = catch_unwind(AssertUnwindSafe(|| {
            handle.greenlet().switch::<(), ()>(());
        }));
        assert!(panic.is_err());
        handle.join().unwrap();
    });
}

#[test]
fn a_kill_of_a_plain_greenlet_that_sleeps_waits_for_its_end() {
    leak_checked(|| {
        let token = Token::new();
        let sleeper = Greenlet::<()>::new(move |()| {
            let _token = token;
            sleep(Duration::from_secs(3600));
        });
        let inner = sleeper.clone();
        let starter = spawn(move || drop(inner.try_switch(())));
        yield_now();
        assert_eq!(Token::alive(), 1);
        sleeper.kill();
        assert!(sleeper.is_dead());
        assert_eq!(Token::alive(), 0);
        starter.kill();
        starter.wait();
    });
}

#[test]
fn the_drop_of_the_last_owner_of_a_sleeper_kills_it() {
    leak_checked(|| {
        let token = Token::new();
        let starter = spawn(move || {
            let sleeper = Greenlet::<()>::new(move |()| {
                let _token = token;
                sleep(Duration::from_secs(3600));
            });
            sleeper.switch(());
        });
        yield_now();
        assert_eq!(Token::alive(), 1);
        starter.kill();
        starter.wait();
        assert_eq!(Token::alive(), 0);
    });
}

/// The wake-up of the body is on its way when the generator is dropped, so that counts first.
#[test]
fn the_body_of_a_dropped_generator_that_was_just_woken_dies_where_it_gives() {
    leak_checked(|| {
        let token = Token::new();
        let killed = Rc::new(Cell::new(false));
        let gives = killed.clone();
        let consumer = spawn(move || {
            let mut generator = Generator::new(move |y| {
                let _token = token;
                y.give(1);
                sleep(SOON);
                let result = catch_unwind(AssertUnwindSafe(|| y.give(2)));
                let payload = result.unwrap_err();
                gives.set(payload.is::<GreenletExit>());
                resume_unwind(payload);
            });
            generator.next();
            generator.next()
        });
        yield_now();
        // The hub finds that the time is over when it comes round to kill.
        std::thread::sleep(2 * SOON);
        consumer.kill();
        assert!(consumer.join().unwrap_err().is::<GreenletExit>());
        assert!(killed.get());
    });
}
