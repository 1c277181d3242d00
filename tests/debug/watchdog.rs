//! Who keeps a thread to itself.

use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};

use greenlet::debug::{Hogged, Watchdog};
use greenlet::{Greenlet, sleep, spawn};

use crate::support::world_checked;

const LIMIT: Duration = Duration::from_millis(20);
const LONG: Duration = Duration::from_secs(60);
/// Whether reports say where one is.
const HAS_FRAMES: bool = cfg!(target_env = "gnu");

fn watch() -> (Watchdog, Receiver<Hogged>) {
    watch_for(LIMIT)
}

fn watch_for(limit: Duration) -> (Watchdog, Receiver<Hogged>) {
    let (tell, told) = channel();
    let watchdog = Watchdog::with(limit, move |hogged| _ = tell.send(hogged)).unwrap();
    (watchdog, told)
}

/// Keeps the thread until `greenlet` was told of.
#[inline(never)]
fn hog_until_told(told: &Receiver<Hogged>, name: &str) -> Option<Hogged> {
    let began = Instant::now();
    while began.elapsed() < LONG {
        match told.try_recv() {
            Ok(hogged) if hogged.name.as_deref() == Some(name) => return Some(hogged),
            _ => std::hint::spin_loop(),
        }
    }
    None
}

#[test]
fn a_hog_is_told_of_with_its_name_and_calls() {
    world_checked(|| {
        let (watchdog, told) = watch();
        let hog = Greenlet::builder().name("the hog").spawn(move || {
            let hogged = hog_until_told(&told, "the hog");
            (hogged, told)
        });
        let id = hog.greenlet().id();
        let (hogged, _told) = hog.join().unwrap();
        let hogged = hogged.expect("it was told of");
        if cfg!(target_os = "linux") {
            assert_eq!(hogged.greenlet, Some(id));
            assert!(hogged.since >= LIMIT);
            let text = hogged.to_string();
            assert!(text.contains("greenlet `the hog` (#"), "{text}");
            assert!(text.contains("hog_until_told") || !HAS_FRAMES, "{text}");
        }
        drop(watchdog);
    });
}

#[test]
fn one_that_blocks_its_thread_is_told_of() {
    world_checked(|| {
        let (watchdog, told) = watch();
        let blocked = Greenlet::builder().name("blocked").spawn(move || {
            loop {
                let hogged = told.recv_timeout(LONG).expect("it was told of");
                if hogged.name.as_deref() == Some("blocked") {
                    return hogged;
                }
            }
        });
        let hogged = blocked.join().unwrap();
        let text = hogged.to_string();
        assert!(text.contains("recv_timeout") || !HAS_FRAMES, "{text}");
        drop(watchdog);
    });
}

#[test]
fn main_is_told_of_if_it_keeps_others_waiting_and_not_alone() {
    world_checked(|| {
        {
            let main = greenlet::main().id();
            let (watchdog, told) = watch();
            sleep(Duration::from_millis(1));
            // Nobody else is there.
            let began = Instant::now();
            while began.elapsed() < 5 * LIMIT {
                let hogged = told.try_recv().ok();
                assert!(hogged.is_none_or(|hogged| hogged.greenlet != Some(main)));
            }
            let waiting = spawn(|| ());
            let began = Instant::now();
            let found = loop {
                assert!(began.elapsed() < LONG, "it was not told of");
                if let Ok(hogged) = told.try_recv()
                    && hogged.greenlet == Some(main)
                {
                    break hogged;
                }
            };
            let text = found.to_string();
            assert!(text.contains("main_is_told_of") || !HAS_FRAMES, "{text}");
            waiting.join().unwrap();
            drop(watchdog);
        }
    });
}

#[test]
fn whoever_waits_is_not_told_of() {
    world_checked(|| {
        {
            let id = greenlet::main().id();
            // Longer than the system keeps it from running while it does not wait.
            let limit = 20 * LIMIT;
            let (watchdog, told) = watch_for(limit);
            let sleeper = spawn(move || sleep(4 * limit));
            let ids = [id, sleeper.greenlet().id()];
            sleeper.join().unwrap();
            drop(watchdog);
            // All that was told is of other tests' threads.
            let mut all = told.iter();
            assert!(all.all(|hogged| !hogged.greenlet.is_some_and(|id| ids.contains(&id))));
        }
    });
}

#[test]
fn it_ends_when_dropped() {
    world_checked(|| {
        {
            let (watchdog, told) = watch();
            drop(watchdog);
            // Its callback is dropped, and with it the sender.
            while told.recv().is_ok() {}
        }
    });
}
