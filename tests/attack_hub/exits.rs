//! Threads that end with work undone, and code that runs then.

use std::cell::RefCell;
use std::mem;
use std::panic::catch_unwind;
use std::rc::Rc;
use std::thread;
use std::time::Duration;

use greenlet::sync::{Arc, Mutex};
use greenlet::{Greenlet, greenlet_local, scope, sleep, spawn, timeout, yield_now};

use crate::support::leak_checked;

const HOUR: Duration = Duration::from_secs(3600);

#[test]
fn captures_of_one_that_never_runs_are_gone_when_it_was_joined() {
    struct Logs(Rc<RefCell<Vec<&'static str>>>);
    impl Drop for Logs {
        fn drop(&mut self) {
            yield_now();
            self.0.borrow_mut().push("dropped");
        }
    }
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let captured = Logs(log.clone());
        let never_runs = Rc::new(spawn(move || drop(captured)));
        let (theirs, their_log) = (never_runs.clone(), log.clone());
        let joiner = spawn(move || {
            theirs.wait();
            their_log.borrow_mut().push("joined");
        });
        never_runs.kill();
        joiner.join().unwrap();
        drop(never_runs);
        assert_eq!(*log.borrow(), ["dropped", "joined"]);
    });
}

#[test]
fn destructors_at_the_end_of_threads_wait_for_other_threads() {
    struct Counts(Arc<Mutex<u32>>);
    impl Drop for Counts {
        fn drop(&mut self) {
            *self.0.lock().unwrap() += 1;
            yield_now();
        }
    }
    fn short_life(mutex: &Arc<Mutex<u32>>) {
        for _ in 0..3 {
            let mutex = mutex.clone();
            drop(spawn(move || {
                let _counts = Counts(mutex.clone());
                let _held = mutex.lock().unwrap();
                sleep(HOUR);
            }));
        }
        yield_now();
    }
    let mutex = Arc::new(Mutex::new(0));
    let threads: Vec<_> = (0..4)
        .map(|_| {
            let mutex = mutex.clone();
            thread::spawn(move || {
                for _ in 0..50 {
                    let mutex = mutex.clone();
                    thread::spawn(move || short_life(&mutex)).join().unwrap();
                }
            })
        })
        .collect();
    for thread in threads {
        thread.join().unwrap();
    }
    assert_eq!(*mutex.lock().unwrap(), 600);
}

/// Waits in every way.
struct Waits;

impl Drop for Waits {
    fn drop(&mut self) {
        let mutex = Arc::new(Mutex::new(1));
        let held = mutex.lock().unwrap();
        let theirs = mutex.clone();
        let other = spawn(move || *theirs.lock().unwrap());
        sleep(Duration::from_millis(1));
        drop(held);
        assert_eq!(other.join().unwrap(), 1);
        assert!(timeout(Duration::from_millis(1), || sleep(HOUR)).is_err());
        scope(|s| drop(s.spawn(yield_now)));
        drop(spawn(|| sleep(HOUR)));
        yield_now();
    }
}

#[test]
fn thread_locals_wait_before_and_after_the_librarys_own_end() {
    thread_local! {
        static AFTER: Waits = const { Waits };
        static BEFORE: Waits = const { Waits };
    }
    for _ in 0..20 {
        let life = || {
            AFTER.with(|_| ());
            yield_now();
            BEFORE.with(|_| ());
            drop(spawn(|| sleep(HOUR)));
            yield_now();
        };
        thread::spawn(life).join().unwrap();
    }
}

#[test]
fn greenlet_locals_wait_and_spawn_at_the_end_of_the_thread() {
    struct Spawns;
    impl Drop for Spawns {
        fn drop(&mut self) {
            spawn(|| sleep(Duration::from_millis(1))).join().unwrap();
            drop(spawn(|| drop(catch_unwind(|| sleep(HOUR)))));
            yield_now();
        }
    }
    greenlet_local! {
        static LOCAL: Spawns = Spawns;
    }
    for _ in 0..20 {
        let life = || {
            LOCAL.with(|_| ());
            drop(spawn(|| {
                LOCAL.with(|_| ());
                sleep(HOUR);
            }));
            yield_now();
            let suspended = Greenlet::new(|()| {
                LOCAL.with(|_| ());
                greenlet::main().switch::<(), ()>(());
            });
            suspended.switch(());
            mem::forget(suspended);
        };
        thread::spawn(life).join().unwrap();
    }
}
