//! Slices and delays, exact to the nanosecond on simulated time: it passes where a test says so.

use std::time::Duration;

use greenlet::hub::{self, Histogram, Measured, measure, measured};
use greenlet::{__pass as pass, __simulate as simulate};
use greenlet::{Greenlet, sleep, spawn, trace, yield_now};

use crate::support::leak_checked;

const fn ns(nanos: u64) -> Duration {
    Duration::from_nanos(nanos)
}

/// Count, sum and maximum.
fn figures(histogram: &Histogram) -> (u64, Duration, Duration) {
    (histogram.count(), histogram.sum(), histogram.max())
}

/// Runs `act` on simulated time, while it is measured.
fn measure_it(act: impl FnOnce()) -> Measured {
    measure(true);
    act();
    measure(false);
    measured()
}

#[test]
fn a_slice_is_from_one_switch_to_the_next() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            let worker = Greenlet::builder().name("worker").spawn(|| {
                pass(ns(1_000));
                yield_now();
                pass(ns(5_000));
            });
            let other = spawn(|| pass(ns(300)));
            pass(ns(20));
            worker.join().unwrap();
            pass(ns(1_000_000));
            other.join().unwrap();
        });
        // Main's first, the worker's two, the other's; main's last is not over.
        assert_eq!(figures(&found.slices), (4, ns(6_320), ns(5_000)));
        let longest = found.longest.unwrap();
        assert_eq!(longest.name.as_deref(), Some("worker"));
        assert_eq!(longest.took, ns(5_000));
        assert!(longest.created_at.unwrap().file().ends_with("measured.rs"));
    });
}

#[test]
fn a_delay_is_from_becoming_runnable_to_running() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            let first = spawn(|| pass(ns(7_000)));
            let second = spawn(|| pass(ns(100)));
            pass(ns(5_000));
            // Main is runnable from the end of the first, and runs after the second.
            first.join().unwrap();
            second.join().unwrap();
        });
        assert_eq!(figures(&found.delays), (3, ns(17_100), ns(12_000)));
    });
}

#[test]
fn what_the_hub_waits_is_nobodys() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            let sleeper = spawn(|| {
                sleep(Duration::from_secs(3600));
                pass(ns(50));
            });
            sleeper.join().unwrap();
        });
        assert_eq!(figures(&found.slices), (3, ns(50), ns(50)));
        assert_eq!(figures(&found.delays), (3, ns(0), ns(0)));
    });
}

#[test]
fn a_yield_with_nobody_else_ends_no_slice() {
    leak_checked(|| {
        simulate();
        yield_now();
        let found = measure_it(|| {
            spawn(|| pass(ns(1))).join().unwrap();
            pass(ns(10));
            yield_now();
            pass(ns(20));
            let other = spawn(|| ());
            yield_now();
            other.join().unwrap();
        });
        // Whether the hub is visited in between or not, main's two parts are not more than one slice together.
        let (count, sum, _) = figures(&found.slices);
        assert!(count >= 4, "{found}");
        assert_eq!(sum, ns(31));
    });
}

#[test]
fn switches_by_hand_are_measured_as_any() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            let main = greenlet::main();
            let g = Greenlet::builder().name("by hand").build(move |()| {
                pass(ns(200));
                main.switch::<(), ()>(());
                pass(ns(400));
            });
            pass(ns(100));
            g.switch(());
            g.switch(());
        });
        assert_eq!(figures(&found.slices), (4, ns(700), ns(400)));
        // Nobody waited for a turn.
        assert_eq!(found.delays.count(), 0);
        assert_eq!(found.longest.unwrap().name.as_deref(), Some("by hand"));
    });
}

#[test]
fn what_observers_and_destructors_do_belongs_to_who_arrives() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            trace::set(|_, _, _| pass(ns(10)));
            let g = Greenlet::new(|()| pass(ns(100)));
            g.switch(());
            trace::clear();
            // Ends main's slice.
            let g = Greenlet::new(|()| ());
            g.switch(());
        });
        // Main until the switch, the first with its observer, main with its, the second.
        assert_eq!(figures(&found.slices), (4, ns(120), ns(110)));
    });
}

#[test]
fn a_kill_ends_slices_as_any_switch_does() {
    leak_checked(|| {
        struct Last;
        impl Drop for Last {
            fn drop(&mut self) {
                pass(ns(30));
            }
        }
        simulate();
        let found = measure_it(|| {
            let parked = spawn(|| {
                let _last = Last;
                sleep(Duration::from_secs(60));
            });
            let unborn = spawn(|| ());
            unborn.kill();
            yield_now();
            parked.kill();
            assert!(parked.join().is_err());
            pass(ns(500));
            // Takes the dead one's place, and has not waited for a turn.
            Greenlet::new(|()| ()).switch(());
        });
        // Main's two, the parked one's two; main's third, and the last one's.
        assert_eq!(figures(&found.slices), (6, ns(530), ns(500)));
        // The start and the death of the parked one, main's yield and its join.
        assert_eq!(figures(&found.delays), (4, ns(0), ns(0)));
    });
}

#[test]
fn it_begins_from_nothing_and_what_was_found_stays() {
    leak_checked(|| {
        simulate();
        assert_eq!(figures(&measured().slices), (0, ns(0), ns(0)));
        let once = || {
            spawn(|| pass(ns(70))).join().unwrap();
        };
        let first = measure_it(once);
        // Off.
        once();
        assert_eq!(measured(), first);
        let queued = spawn(|| ());
        pass(ns(1_000));
        let second = measure_it(|| queued.join().unwrap());
        // Who was queued before is not counted, main is.
        assert_eq!(figures(&second.delays), (1, ns(0), ns(0)));
        assert_eq!(figures(&first.slices), (2, ns(70), ns(70)));
        assert_eq!(figures(&second.slices), (2, ns(0), ns(0)));
    });
}

#[test]
fn every_thread_is_measured_by_itself() {
    leak_checked(|| {
        simulate();
        measure(true);
        std::thread::spawn(|| spawn(|| ()).join().unwrap())
            .join()
            .unwrap();
        measure(false);
        assert_eq!(measured().slices.count(), 0);
    });
}

#[test]
fn it_is_written_as_tables_and_who_ran_longest() {
    leak_checked(|| {
        simulate();
        let found = measure_it(|| {
            let g = Greenlet::builder().name("long");
            g.spawn(|| pass(ns(2_500_000))).join().unwrap();
        });
        let text = found.to_string();
        assert!(text.starts_with("slices: 2, 2.5ms in all, 2.5ms at most\n"));
        assert!(text.contains("delays: 2, 0.0ns in all, 0.0ns at most\n"));
        assert!(text.contains("longest slice: 2.5ms of greenlet `long` (#"));
        assert!(text.contains("measured.rs"));
    });
}

#[test]
fn stats_count_who_lives_waits_and_what_stacks_there_are() {
    leak_checked(|| {
        let before = hub::stats();
        assert_eq!((before.live, before.parked, before.stacks), (1, 0, 0));
        let sleeper = spawn(|| sleep(Duration::from_secs(3600)));
        let suspended = Greenlet::new(|()| greenlet::main().switch::<(), ()>(()));
        suspended.switch(());
        let new = Greenlet::new(|()| ());
        let queued = spawn(|| {
            let main_waits = hub::stats();
            yield_now();
            main_waits
        });
        yield_now();
        // Main yields, the sleeper sleeps.
        let now = hub::stats();
        assert_eq!((now.live, now.parked, now.runnable), (5, 1, 1));
        assert_eq!((now.stacks, now.pooled_stacks), (3, 0));
        assert_eq!(now.stack_bytes, greenlet::census().reserved_bytes);
        assert!(now.stack_bytes > 0);
        let during = queued.join().unwrap();
        assert_eq!((during.parked, during.runnable), (1, 1));
        sleeper.kill();
        assert!(sleeper.join().is_err());
        drop((suspended, new));
        let after = hub::stats();
        assert_eq!((after.live, after.parked, after.stacks), (1, 0, 0));
        assert_eq!(after.pooled_stacks, 3);
    });
}
