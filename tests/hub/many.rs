//! Many at once.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use greenlet::{sleep, spawn, spawn_later, yield_now};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn a_hundred_thousand_sleep() {
    leak_checked(|| {
        // AddressSanitizer takes a millisecond for each.
        const MANY: usize = if cfg!(feature = "sanitizer") {
            5_000
        } else {
            100_000
        };
        let woken = Rc::new(Cell::new(0));
        let handles: Vec<_> = (0..MANY)
            .map(|n| {
                let woken = woken.clone();
                spawn(move || {
                    sleep(match n % 2 {
                        0 => SOON,
                        _ => HOUR,
                    });
                    woken.set(woken.get() + 1);
                })
            })
            .collect();
        for handle in handles.iter().step_by(2) {
            handle.wait();
        }
        assert_eq!(woken.get(), MANY / 2);
        greenlet::kill_all(&handles);
        assert_eq!(woken.get(), MANY / 2);
    });
    // The stacks of the thread that has ended are not held for ever by anybody.
    assert_eq!(greenlet::census().stacks, 0);
}

#[test]
fn a_storm_of_yields_does_not_keep_timers_waiting() {
    leak_checked(|| {
        let fired = Rc::new(Cell::new(false));
        let f = fired.clone();
        let timer = spawn_later(SOON, move || f.set(true));
        let storm: Vec<_> = (0..10)
            .map(|_| {
                let fired = fired.clone();
                spawn(move || {
                    let mut yields = 0_u64;
                    while !fired.get() {
                        assert!(yields < 1_000_000_000, "the timer never came");
                        yields += 1;
                        yield_now();
                    }
                })
            })
            .collect();
        for result in greenlet::join_all(storm) {
            result.unwrap();
        }
        timer.join().unwrap();
    });
}
