//! Kills in every state, and the greenlets beside them.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::{Duration, Instant};

use greenlet::lock::Semaphore;
use greenlet::{
    Greenlet, GreenletExit, JoinHandle, Outcome, SwitchError, sleep, sleep_until, spawn,
    spawn_later, yield_now,
};

use crate::support::{Bell, Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Far more than is needed, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

fn is_killed<T>(handle: JoinHandle<T>) -> bool {
    handle
        .join()
        .is_err_and(|payload| payload.is::<GreenletExit>())
}

#[test]
fn a_panic_leaves_the_others_alone() {
    leak_checked(|| {
        let handles: Vec<_> = (0..10)
            .map(|n| {
                spawn(move || {
                    sleep(SOON);
                    if n % 3 == 0 {
                        resume_unwind(Box::new(n));
                    }
                    sleep(SOON);
                    n
                })
            })
            .collect();
        for (n, result) in greenlet::join_all(handles).into_iter().enumerate() {
            match n % 3 {
                0 => assert_eq!(result.unwrap_err().downcast_ref(), Some(&(n as i32))),
                _ => assert_eq!(result.unwrap(), n as i32),
            }
        }
        assert!(!std::thread::panicking());
    });
}

#[test]
fn a_new_one_never_runs() {
    leak_checked(|| {
        let token = Token::new();
        let queued = spawn(move || unreachable!("{token:?}"));
        let delayed = spawn_later(HOUR, || unreachable!());
        for handle in [&queued, &delayed] {
            handle.kill();
            assert!(handle.is_finished() && handle.greenlet().is_dead());
            handle.kill();
        }
        assert_eq!(Token::alive(), 0);
        assert_eq!(greenlet::hub::stats().timers, 0);
        yield_now();
        let queued: JoinHandle<()> = queued;
        let delayed: JoinHandle<()> = delayed;
        assert!(is_killed(queued) && is_killed(delayed));
    });
}

#[test]
fn a_kill_by_name_is_the_queued_one() {
    leak_checked(|| {
        let handle = spawn(|| sleep(HOUR));
        yield_now();
        handle.greenlet().kill();
        assert!(!handle.is_finished(), "it has not had its turn");
        assert!(is_killed(handle));
    });
}

#[test]
fn a_granted_one_goes_on_to_its_next_wait() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let (s, rung) = (semaphore.clone(), Rc::new(Cell::new(0)));
        let bell = Bell(rung.clone());
        let handle = spawn(move || {
            s.acquire();
            drop(bell);
            s.acquire();
            unreachable!("killed there");
        });
        yield_now();
        semaphore.release();
        handle.kill();
        handle.kill();
        assert_eq!(rung.get(), 0);
        assert!(is_killed::<()>(handle));
        assert_eq!(rung.get(), 1);
        semaphore.release();
        assert!(semaphore.try_acquire());
    });
}

#[test]
fn a_yielding_one_goes_on_to_its_next_wait() {
    leak_checked(|| {
        let steps = Rc::new(Cell::new(0));
        let count = steps.clone();
        let handle = spawn(move || {
            for _ in 0..10 {
                count.set(count.get() + 1);
                yield_now();
            }
        });
        yield_now();
        assert_eq!(steps.get(), 1);
        handle.kill();
        assert!(is_killed(handle));
        assert_eq!(steps.get(), 2);
    });
}

#[test]
fn one_that_waits_in_a_switch_is_hit_there() {
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let bell = Bell(rung.clone());
        let inner = Greenlet::new(|()| sleep(HOUR));
        let target = inner.any();
        let handle = spawn(move || {
            let _bell = bell;
            target.switch::<(), ()>(());
        });
        yield_now();
        handle.kill();
        assert_eq!(rung.get(), 0, "queued");
        assert!(is_killed(handle));
        assert_eq!(rung.get(), 1);
        assert!(!inner.is_dead());
        inner.kill();
    });
}

#[test]
fn one_that_unwinds_is_not_hit_again() {
    leak_checked(|| {
        struct Slow(Rc<Cell<u32>>);
        impl Drop for Slow {
            fn drop(&mut self) {
                sleep(SOON);
                self.0.set(self.0.get() + 1);
                sleep(SOON);
                self.0.set(self.0.get() + 1);
            }
        }
        let steps = Rc::new(Cell::new(0));
        let slow = Slow(steps.clone());
        let handle = spawn(move || {
            let _slow = slow;
            sleep(HOUR);
        });
        yield_now();
        handle.kill();
        yield_now();
        for _ in 0..5 {
            handle.kill();
            handle.throw(Box::new("too late"));
            yield_now();
        }
        assert!(is_killed(handle));
        assert_eq!(steps.get(), 2);
    });
}

#[test]
fn a_kill_of_oneself_strikes_at_the_next_wait() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let (s, reached) = (slot.clone(), Rc::new(Cell::new(false)));
        let on = reached.clone();
        let handle = spawn(move || {
            let handle = s.take().unwrap();
            handle.kill();
            handle.kill();
            on.set(true);
            yield_now();
            unreachable!();
        });
        let greenlet = handle.greenlet();
        slot.replace(Some(handle));
        yield_now();
        assert!(reached.get() && greenlet.is_dead());
        // By name too.
        let handle = spawn(|| {
            greenlet::current().kill();
            sleep(HOUR);
        });
        assert!(is_killed(handle));
    });
}

#[test]
fn joining_oneself_panics_and_nothing_else() {
    leak_checked(|| {
        let slot: Rc<RefCell<Option<JoinHandle<()>>>> = Rc::default();
        let s = slot.clone();
        let handle = spawn(move || {
            let handle = s.take().unwrap();
            let error = catch_unwind(AssertUnwindSafe(|| handle.wait())).unwrap_err();
            let message = error.downcast_ref::<String>().unwrap();
            assert!(message.contains("waits for its own end"), "{message}");
            catch_unwind(AssertUnwindSafe(|| handle.wait_timeout(SOON))).unwrap_err();
            catch_unwind(AssertUnwindSafe(|| handle.join())).unwrap_err();
        });
        let greenlet = handle.greenlet();
        slot.replace(Some(handle));
        yield_now();
        assert!(greenlet.is_dead());
    });
}

#[test]
fn the_dead_stay_as_they_were() {
    leak_checked(|| {
        let handle = spawn(|| 5);
        handle.wait();
        handle.kill();
        handle.throw(Box::new("too late"));
        handle.greenlet().kill();
        assert!(matches!(
            handle.greenlet().try_throw::<()>(Box::new(1)),
            Err(SwitchError::Dead(_))
        ));
        assert_eq!(handle.join().unwrap(), 5);
    });
}

#[test]
fn a_payload_of_ones_own_arrives() {
    leak_checked(|| {
        let outcome = Rc::new(Cell::new(None));
        let ways: [fn(&JoinHandle<()>); 2] = [|_| (), |_| yield_now()];
        for prepare in ways {
            let handle = spawn(|| sleep(HOUR));
            let seen = outcome.clone();
            handle.on_exit(move |how| seen.set(Some(how)));
            prepare(&handle);
            handle.throw(Box::new(7));
            handle.kill();
            assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&7));
            yield_now();
            assert_eq!(outcome.take(), Some(Outcome::Killed));
        }
        // By name: the thrower waits for the end.
        let handle = spawn(|| sleep(HOUR));
        yield_now();
        let thrown = handle.greenlet().try_throw::<()>(Box::new(8));
        assert!(handle.is_finished(), "{thrown:?}");
        assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&8));
    });
}

#[test]
fn a_switch_into_a_spawned_one_is_refused() {
    leak_checked(|| {
        let handle = spawn(|| sleep(SOON));
        let greenlet = handle.greenlet();
        let refused = greenlet.try_switch::<(), ()>(());
        assert!(
            matches!(&refused, Err(SwitchError::Parked { waits_for, .. }) if waits_for.contains("first turn")),
            "{refused:?}"
        );
        yield_now();
        assert!(matches!(
            greenlet.try_switch::<i32, ()>(4),
            Err(SwitchError::Parked { value: 4, .. })
        ));
        handle.join().unwrap();
    });
}

#[test]
fn sleeps_of_no_length_and_of_any() {
    leak_checked(|| {
        let order = Rc::new(RefCell::new(Vec::new()));
        let long = spawn(|| sleep(Duration::MAX));
        let later = spawn_later(Duration::MAX, || ());
        let o = order.clone();
        let short = spawn(move || {
            sleep(Duration::ZERO);
            sleep_until(Instant::now() - SOON);
            o.borrow_mut().push("past");
            sleep(SOON);
            o.borrow_mut().push("soon");
        });
        short.join().unwrap();
        assert_eq!(*order.borrow(), ["past", "soon"]);
        assert!(!long.is_finished() && !later.is_finished());
        assert!(!long.wait_timeout(SOON));
        assert_eq!(greenlet::hub::stats().timers, 2);
        greenlet::kill_all([&long]);
        later.kill();
        assert_eq!(greenlet::hub::stats().timers, 0);
    });
}

#[test]
fn kills_in_a_circle() {
    leak_checked(|| {
        let slots: Rc<RefCell<Vec<JoinHandle<()>>>> = Rc::default();
        for n in 0..5 {
            let s = slots.clone();
            let handle = spawn(move || {
                let _token = Token::new();
                yield_now();
                s.borrow()[(n + 1) % 5].kill();
                sleep(HOUR);
            });
            slots.borrow_mut().push(handle);
        }
        let handles = loop {
            yield_now();
            if slots.borrow().iter().all(JoinHandle::is_finished) {
                break slots.take();
            }
        };
        for handle in handles {
            assert!(is_killed(handle));
        }
    });
}

#[test]
fn a_kill_that_comes_after_the_wake_up_hits_the_switch_that_comes_next() {
    leak_checked(|| {
        let units = Rc::new(Semaphore::new(0));
        let taken = units.clone();
        let handle = spawn(move || {
            taken.acquire();
            Greenlet::new(|()| sleep(HOUR)).switch(());
        });
        yield_now();
        units.release();
        handle.kill();
        let joined = handle.join_timeout(HOUR).unwrap();
        assert!(joined.unwrap_err().is::<GreenletExit>());
        // The wake-up has counted.
        assert_eq!(units.available(), 0);
    });
}

/// It arrives behind one without an owner, which it has to end first.
#[test]
fn a_kill_while_it_ends_another_hits_the_switch_that_comes_next() {
    struct Waits(Rc<Semaphore>);
    impl Drop for Waits {
        fn drop(&mut self) {
            self.0.acquire();
        }
    }
    leak_checked(|| {
        let victim = spawn(|| {
            yield_now();
            Greenlet::new(|()| sleep(HOUR)).switch(());
        });
        let may_end = Rc::new(Semaphore::new(0));
        let waits = Waits(may_end.clone());
        let owner = Rc::new(Cell::new(None));
        let own = owner.clone();
        let forsaken = Greenlet::<(), ()>::new(move |()| {
            let _waits = waits;
            drop(own.take());
            sleep(HOUR);
        });
        let name = forsaken.any();
        owner.set(Some(forsaken));
        let starter = spawn(move || name.switch::<(), ()>(()));
        sleep(SOON);
        victim.kill();
        sleep(SOON);
        may_end.release();
        assert!(victim.wait_timeout(LONG));
        assert!(is_killed(victim));
        starter.kill();
        starter.wait();
    });
}

#[test]
fn a_kill_while_it_yields_hits_the_switch_that_comes_next() {
    leak_checked(|| {
        let handle = spawn(|| {
            yield_now();
            Greenlet::new(|()| sleep(HOUR)).switch(());
        });
        yield_now();
        handle.kill();
        let joined = handle.join_timeout(HOUR).unwrap();
        assert!(joined.unwrap_err().is::<GreenletExit>());
    });
}
