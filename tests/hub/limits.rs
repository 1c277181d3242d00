//! Limits.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::{Elapsed, Greenlet, GreenletExit, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

fn no_timer_is_left() {
    assert_eq!(greenlet::hub::stats().timers, 0);
}

#[test]
fn limits_nest_both_ways() {
    leak_checked(|| {
        let inner = timeout(HOUR, || timeout(SOON, || sleep(HOUR)));
        assert_eq!(inner, Ok(Err(Elapsed::default())));
        let outer = timeout(SOON, || timeout(HOUR, || sleep(HOUR)));
        assert_eq!(outer, Err(Elapsed::default()));
        let same = timeout(SOON, || timeout(SOON, || sleep(HOUR)));
        assert!(same.is_err() || same == Ok(Err(Elapsed::default())));
        no_timer_is_left();
    });
}

#[test]
fn both_elapsed_the_outer_one_counts() {
    leak_checked(|| {
        let outer = timeout(SOON, || {
            timeout(SOON, || {
                // Work that does not wait.
                std::thread::sleep(SOON * 3);
                sleep(HOUR);
            })
        });
        assert!(outer.is_err());
        no_timer_is_left();
    });
}

#[test]
fn a_limit_of_zero_is_up_at_the_first_wait() {
    leak_checked(|| {
        assert_eq!(timeout(Duration::ZERO, || 5), Ok(5));
        assert!(timeout(Duration::ZERO, yield_now).is_err());
        assert!(timeout(Duration::ZERO, || timeout(HOUR, || sleep(SOON))).is_err());
        yield_now();
    });
}

#[test]
fn a_result_that_comes_late_counts_and_the_limit_is_over() {
    leak_checked(|| {
        let result = timeout(SOON, || {
            std::thread::sleep(SOON * 2);
            5
        });
        assert_eq!(result, Ok(5));
        sleep(SOON);
        no_timer_is_left();
    });
}

#[test]
fn a_swallowed_one_strikes_once() {
    leak_checked(|| {
        let result = timeout(SOON, || {
            assert!(catch_unwind(|| sleep(HOUR)).is_err());
            sleep(SOON);
            "goes on"
        });
        assert_eq!(result, Ok("goes on"));
        no_timer_is_left();
    });
}

#[test]
fn a_kill_passes_through_limits() {
    leak_checked(|| {
        let handle = spawn(|| timeout(HOUR, || timeout(HOUR, || sleep(HOUR))));
        yield_now();
        handle.kill();
        assert!(handle.join().unwrap_err().is::<GreenletExit>());
        no_timer_is_left();
    });
}

#[test]
fn a_panic_passes_through_limits() {
    leak_checked(|| {
        let body = || timeout(HOUR, || timeout(SOON, || resume_unwind(Box::new(3))));
        let handle = spawn(move || body().unwrap().unwrap());
        let handle: greenlet::JoinHandle<()> = handle;
        assert_eq!(handle.join().unwrap_err().downcast_ref(), Some(&3));
        no_timer_is_left();
    });
}

#[test]
fn a_limit_in_a_destructor_is_not_felt_while_it_unwinds() {
    struct Limited(Rc<Cell<u32>>);
    impl Drop for Limited {
        fn drop(&mut self) {
            let result = timeout(SOON, || sleep(SOON * 5));
            self.0.set(if result.is_ok() { 1 } else { 2 });
        }
    }
    leak_checked(|| {
        let seen = Rc::new(Cell::new(0));
        drop(Limited(seen.clone()));
        assert_eq!(seen.replace(0), 2, "nothing unwinds");
        let limited = Limited(seen.clone());
        let handle = spawn(move || {
            let _limited = limited;
            sleep(HOUR);
        });
        yield_now();
        handle.kill();
        handle.wait();
        assert_eq!(seen.get(), 1);
        no_timer_is_left();
    });
}

#[test]
fn limits_of_a_plain_greenlet_are_its_own() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let s = semaphore.clone();
        let g = Greenlet::new(move |()| timeout(SOON, || s.acquire()).is_err());
        let result = timeout(HOUR, || g.any().switch::<(), bool>(()));
        assert_eq!(result, Ok(true));
        assert_eq!(semaphore.available(), 0);
        no_timer_is_left();
    });
}

#[test]
fn a_limit_that_elapses_in_a_switch_strikes_at_the_next_wait() {
    leak_checked(|| {
        let handle = spawn(|| {
            timeout(SOON, || {
                let g = Greenlet::new(|()| sleep(SOON * 5));
                g.switch(());
                yield_now();
                "not reached"
            })
        });
        assert_eq!(handle.join().unwrap(), Err(Elapsed::default()));
    });
}

#[test]
fn a_spawned_one_is_under_no_limit_of_its_spawner() {
    leak_checked(|| {
        let mut child = None;
        let result = timeout(SOON, || {
            child = Some(spawn(|| {
                sleep(SOON * 5);
                7
            }));
            sleep(HOUR);
        });
        assert!(result.is_err());
        assert_eq!(child.unwrap().join().unwrap(), 7);
    });
}

#[test]
fn what_is_thrown_inside_is_not_taken_for_an_elapsed_limit() {
    leak_checked(|| {
        let handle = spawn(|| timeout(HOUR, || sleep(HOUR)));
        yield_now();
        handle.throw(Box::new(Elapsed::default()));
        assert!(handle.join().unwrap_err().is::<Elapsed>());
        let caught = catch_unwind(AssertUnwindSafe(|| {
            timeout(HOUR, || resume_unwind(Box::new(Elapsed::default())))
        }));
        let caught: Result<Result<(), Elapsed>, _> = caught;
        assert!(caught.is_err());
    });
}
