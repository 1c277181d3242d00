//! Waits in destructors.

use std::cell::RefCell;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::time::Duration;

use greenlet::lock::{Lock, Semaphore};
use greenlet::pool::{Group, Pool};
use greenlet::sync::Mutex;
use greenlet::threadpool::ThreadPool;
use greenlet::{
    Elapsed, Greenlet, GreenletExit, SwitchError, scope, sleep, spawn, timeout, yield_now,
};

use crate::support::leak_checked;

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Far more than is needed, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

type Log = Rc<RefCell<Vec<&'static str>>>;

/// Sleeps when dropped.
struct Sleeper(Log, &'static str);

impl Drop for Sleeper {
    fn drop(&mut self) {
        sleep(SOON * 2);
        self.0.borrow_mut().push(self.1);
    }
}

#[test]
fn the_wait_of_a_destructor_is_not_interrupted_and_the_kill_strikes_later() {
    for way in 0..3 {
        leak_checked(move || {
            let log = Log::default();
            let l = log.clone();
            let victim = spawn(move || {
                let body = AssertUnwindSafe(|| {
                    let _sleeper = Sleeper(l.clone(), "slept");
                    match way {
                        0 => resume_unwind(Box::new("panic")),
                        _ => sleep(HOUR),
                    }
                });
                match way {
                    2 => assert!(timeout(SOON, body.0).is_err()),
                    _ => assert!(catch_unwind(body).is_err()),
                }
                l.borrow_mut().push("goes on");
                sleep(HOUR);
                l.borrow_mut().push("not reached");
            });
            yield_now();
            match way {
                0 => {}
                1 => {
                    victim.kill();
                    yield_now();
                }
                _ => sleep(SOON * 2),
            }
            // In its destructor.
            victim.kill();
            victim.kill();
            assert!(victim.join().unwrap_err().is::<GreenletExit>());
            assert_eq!(*log.borrow(), ["slept", "goes on"], "way {way}");
        });
    }
}

#[test]
fn several_unwind_at_once() {
    leak_checked(|| {
        let log = Log::default();
        let handles: Vec<_> = (0..10)
            .map(|n| {
                let l = log.clone();
                spawn(move || {
                    let _outer = Sleeper(l.clone(), "outer");
                    let _inner = Sleeper(l, "inner");
                    match n % 3 {
                        0 => panic!("on purpose"),
                        1 => sleep(HOUR),
                        _ => timeout(SOON, || sleep(HOUR)).unwrap(),
                    }
                })
            })
            .collect();
        yield_now();
        greenlet::kill_all(&handles);
        sleep(SOON * 3);
        greenlet::kill_all(&handles);
        assert_eq!(log.borrow().len(), 20);
        assert!(!std::thread::panicking());
    });
}

#[test]
fn others_are_interruptible_while_one_unwinds() {
    leak_checked(|| {
        greenlet::__simulate();
        let log = Log::default();
        let l = log.clone();
        let unwinds = spawn(move || {
            let _sleeper = Sleeper(l, "slept");
            resume_unwind(Box::new("panic"))
        });
        yield_now();
        assert_eq!(timeout(SOON, || sleep(HOUR)), Err(Elapsed::default()));
        let other = spawn(|| sleep(HOUR));
        yield_now();
        other.kill();
        other.wait();
        unwinds.join().unwrap_err();
    });
}

/// A panic that begins while another greenlet waits in a destructor is noted by the hook.
#[test]
fn a_panic_beside_a_waiting_destructor_poisons_and_is_shielded() {
    leak_checked(|| {
        let log = Log::default();
        let l = log.clone();
        let first = spawn(move || {
            let _sleeper = Sleeper(l, "first");
            resume_unwind(Box::new("panic"))
        });
        yield_now();
        let mutex = Rc::new(Mutex::new(()));
        let (l, m) = (log.clone(), mutex.clone());
        let second = spawn(move || {
            let _sleeper = Sleeper(l, "second");
            let _guard = m.lock().unwrap();
            panic!("on purpose")
        });
        let second: greenlet::JoinHandle<()> = second;
        yield_now();
        assert!(mutex.is_poisoned(), "a panic poisons");
        second.kill();
        second.join().unwrap_err();
        first.join().unwrap_err();
        assert_eq!(log.borrow().len(), 2);
    });
}

/// An unwind that no hook saw, begun while another greenlet waits in a destructor, cannot be told from that one's: std counts per
/// thread.
#[test]
fn an_unwind_beside_a_waiting_destructor_is_not_told_apart() {
    leak_checked(|| {
        let log = Log::default();
        let l = log.clone();
        let first = spawn(move || {
            let _sleeper = Sleeper(l, "first");
            resume_unwind(Box::new("panic"))
        });
        yield_now();
        let mutex = Rc::new(Mutex::new(()));
        let m = mutex.clone();
        let second = spawn(move || {
            let _guard = m.lock().unwrap();
            resume_unwind(Box::new("panic"))
        });
        second.join().unwrap_err();
        assert!(!mutex.is_poisoned());
        first.join().unwrap_err();
        assert_eq!(log.borrow().len(), 1);
    });
}

/// A wait that was taken for one of an unwinding greenlet is interrupted once nobody unwinds any more.
#[test]
fn a_kill_that_a_swallowed_one_keeps_off_strikes_in_the_end() {
    leak_checked(|| {
        let log = Log::default();
        let l = log.clone();
        let unwinds = spawn(move || {
            let _sleeper = Sleeper(l, "slept");
            sleep(HOUR)
        });
        let swallows = spawn(|| {
            let _ = catch_unwind(|| sleep(HOUR));
            sleep(HOUR)
        });
        yield_now();
        unwinds.kill();
        swallows.kill();
        yield_now();
        swallows.kill();
        swallows.join().unwrap_err();
        unwinds.join().unwrap_err();
    });
}

/// Whether what was raised was swallowed cannot be told while another greenlet unwinds: std counts per thread.
#[test]
fn a_swallowed_kill_shields_as_long_as_another_greenlet_unwinds() {
    leak_checked(|| {
        greenlet::__simulate();
        let log = Log::default();
        let l = log.clone();
        let unwinds = spawn(move || {
            let _sleeper = Sleeper(l, "slept");
            sleep(HOUR)
        });
        let swallows = spawn(move || {
            let _ = catch_unwind(|| sleep(HOUR));
            let amid = timeout(SOON, || sleep(SOON * 20));
            (amid, log.borrow().len())
        });
        yield_now();
        unwinds.kill();
        swallows.kill();
        assert_eq!(swallows.join().unwrap(), (Err(Elapsed::default()), 1));
        unwinds.join().unwrap_err();
    });
}

/// Switches when dropped, to a greenlet that sleeps.
struct Switcher(Log);

impl Drop for Switcher {
    fn drop(&mut self) {
        Greenlet::new(|()| sleep(SOON * 20)).switch(());
        self.0.borrow_mut().push("switched");
    }
}

/// A destructor that waits for another greenlet in a switch, not in the hub.
#[test]
fn a_limit_is_felt_while_a_destructor_waits_in_a_switch() {
    leak_checked(|| {
        greenlet::__simulate();
        let switcher = Switcher(Log::default());
        let first = spawn(move || {
            let _switcher = switcher;
            resume_unwind(Box::new("panic"))
        });
        let first: greenlet::JoinHandle<()> = first;
        yield_now();
        let second = spawn(|| timeout(SOON, || sleep(SOON * 5)).is_err());
        let felt = second.join().unwrap();
        first.join().unwrap_err();
        assert!(felt);
    });
}

#[test]
fn nothing_is_poisoned_while_a_destructor_waits_in_a_switch() {
    leak_checked(|| {
        let switcher = Switcher(Log::default());
        let mutex = Rc::new(Mutex::new(()));
        let m = mutex.clone();
        let second = spawn(move || {
            let _guard = m.lock().unwrap();
            yield_now();
        });
        yield_now();
        let first = spawn(move || {
            let _switcher = switcher;
            resume_unwind(Box::new("panic"))
        });
        let first: greenlet::JoinHandle<()> = first;
        second.join().unwrap();
        first.join().unwrap_err();
        assert!(!mutex.is_poisoned());
    });
}

#[test]
fn a_kill_does_not_strike_a_destructor_that_waits_in_a_switch() {
    leak_checked(|| {
        let log = Log::default();
        let switcher = Switcher(log.clone());
        let victim = spawn(move || {
            let _switcher = switcher;
            resume_unwind(Box::new("panic"))
        });
        let victim: greenlet::JoinHandle<()> = victim;
        yield_now();
        victim.kill();
        let payload = victim.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"panic"));
        assert_eq!(*log.borrow(), ["switched"]);
    });
}

/// One that waits in a switch is killed there while another unwinds, and waits for just that.
#[test]
fn one_in_a_switch_is_killed_while_another_unwinds_and_waits_for_it() {
    struct Locks(Rc<Lock>);
    impl Drop for Locks {
        fn drop(&mut self) {
            self.0.acquire();
            self.0.release();
        }
    }
    for begins_before in [true, false] {
        leak_checked(move || {
            let lock = Rc::new(Lock::new());
            let locks = Locks(lock.clone());
            let unwinds = spawn(move || {
                let _locks = locks;
                sleep(HOUR);
            });
            let switches = spawn({
                let lock = lock.clone();
                move || {
                    let _held = lock.hold();
                    if !begins_before {
                        // The other one unwinds by then.
                        yield_now();
                        yield_now();
                    }
                    Greenlet::new(|()| sleep(HOUR)).switch(());
                }
            });
            yield_now();
            unwinds.kill();
            for _ in 0..5 {
                yield_now();
            }
            assert!(!unwinds.is_finished());
            switches.kill();
            assert!(switches.join().unwrap_err().is::<GreenletExit>());
            assert!(unwinds.join().unwrap_err().is::<GreenletExit>());
        });
    }
}

/// Sleeps for an hour when dropped, unless it is interrupted.
struct Forever;

impl Drop for Forever {
    fn drop(&mut self) {
        sleep(HOUR);
    }
}

/// Has a greenlet be killed in a wait on the `way`, on which a panic that says so unwinds it as well, and looks that it dies of the kill.
fn dies_beside_a_panic(says: &'static str, way: fn()) {
    leak_checked(move || {
        let killed = spawn(move || {
            let caught = catch_unwind(way).unwrap_err();
            assert_eq!(caught.downcast_ref(), Some(&says));
            sleep(HOUR);
        });
        yield_now();
        killed.kill();
        assert!(killed.wait_timeout(LONG));
        assert!(killed.join().unwrap_err().is::<GreenletExit>());
    });
}

/// The greenlet whose victim panics is killed while it drops what only the victim has kept.
#[test]
fn a_kill_beside_a_panic_of_the_victim_is_not_lost() {
    dies_beside_a_panic("instead", || {
        let forever = Forever;
        let kept = Greenlet::new(move |()| drop(forever));
        let victim = Greenlet::<(), ()>::new(|()| {
            let _itself = Greenlet::<(), ()>::current();
            let back = greenlet::current().parent().unwrap();
            catch_unwind(|| back.switch::<(), ()>(())).unwrap_err();
            panic!("instead");
        });
        victim.switch(());
        victim.set_parent(&kept).unwrap();
        drop(kept);
        let name = victim.any();
        drop(victim);
        name.kill();
    });
}

#[test]
fn a_kill_beside_a_panic_of_what_never_ran_is_not_lost() {
    struct Fails;
    impl Drop for Fails {
        fn drop(&mut self) {
            panic!("fails");
        }
    }
    dies_beside_a_panic("fails", || {
        let group = Group::new();
        let (fails, forever) = (Fails, Forever);
        drop(group.spawn(move || drop(fails)));
        drop(group.spawn(move || drop(forever)));
        group.kill();
    });
}

/// Has a limit elapse when `back` has control come back to main: behind a greenlet that has lost its owner, what that has kept is dropped first, and
/// waits. `then` is given what comes.
fn feels_a_limit_on_the_way(back: fn(), then: fn(Result<(), SwitchError<()>>)) {
    leak_checked(move || {
        let end = timeout(SOON, || {
            let forever = Forever;
            let kept = Greenlet::new(move |()| drop(forever));
            let owner = Rc::new(RefCell::new(None));
            let own = owner.clone();
            let forsaken = Greenlet::<(), ()>::new(move |()| {
                drop(own.take());
                back();
            });
            forsaken.set_parent(&kept).unwrap();
            drop(kept);
            let name = forsaken.any();
            owner.replace(Some(forsaken));
            then(name.try_switch(()));
            sleep(LONG);
        });
        assert_eq!(end, Err(Elapsed::default()));
    });
}

#[test]
fn a_limit_that_elapses_on_the_way_of_something_thrown_is_felt_at_the_next_wait() {
    feels_a_limit_on_the_way(
        || greenlet::main().throw(Box::new("thrown")),
        |end| drop(end.unwrap_err()),
    );
}

#[test]
fn a_limit_that_elapses_on_the_way_of_a_value_takes_its_place() {
    feels_a_limit_on_the_way(
        || greenlet::main().switch(()),
        |end| panic!("the limit is not felt: {end:?}"),
    );
}

/// A limit that was taken up before another greenlet began to unwind is felt while it does.
#[test]
fn a_drop_in_an_unwind_that_has_to_wait_leaves_others_as_ever() {
    struct Slow;
    impl Drop for Slow {
        fn drop(&mut self) {
            sleep(SOON * 20);
        }
    }
    leak_checked(|| {
        greenlet::__simulate();
        let owned = Greenlet::new(|()| {
            let _slow = Slow;
            sleep(HOUR);
        });
        let start = owned.any();
        let starter = spawn(move || drop(start.try_switch::<(), ()>(())));
        yield_now();
        starter.kill();
        starter.wait();
        let owner = spawn(move || {
            let _owned = owned;
            resume_unwind(Box::new("panic"))
        });
        let owner: greenlet::JoinHandle<()> = owner;
        let other = spawn(|| timeout(SOON, || sleep(SOON * 5)).is_err());
        let felt = other.join().unwrap();
        owner.join().unwrap_err();
        assert!(felt);
    });
}

#[test]
fn a_result_may_wait_when_it_is_dropped() {
    leak_checked(|| {
        let log = Log::default();
        drop(spawn({
            let l = log.clone();
            move || Sleeper(l, "result")
        }));
        greenlet::hub::run();
        assert_eq!(*log.borrow(), ["result"]);
    });
}

#[test]
fn payloads_may_panic_when_they_are_dropped() {
    struct Bad;
    impl Drop for Bad {
        fn drop(&mut self) {
            if !std::thread::panicking() {
                resume_unwind(Box::new("payload"));
            }
        }
    }
    leak_checked(|| {
        let handle = spawn(|| sleep(HOUR));
        yield_now();
        handle.throw(Box::new(Bad));
        handle.throw(Box::new(Bad));
        let payload = handle.join().unwrap_err();
        assert!(payload.is::<Bad>());
        std::mem::forget(payload);
        // It comes too late to be raised.
        let handle = spawn(|| ());
        let target = handle.greenlet();
        let thrower = spawn(move || target.kill());
        handle.throw(Box::new(1));
        drop(handle);
        thrower.join().unwrap();
    });
}

/// Waits for a unit when dropped.
struct Waits(Rc<Semaphore>);

impl Drop for Waits {
    fn drop(&mut self) {
        self.0.acquire();
    }
}

#[test]
fn whoever_comes_back_from_a_switch_while_another_unwinds_is_well() {
    for by_a_kill in [false, true] {
        leak_checked(move || {
            let [last, gate] = [(); 2].map(|()| Rc::new(Semaphore::new(0)));
            let mutex = Rc::new(Mutex::new(()));
            let (locked, g_waits) = (mutex.clone(), gate.clone());
            let well = spawn(move || {
                let guard = locked.lock().unwrap();
                let there = greenlet::current();
                let g = Greenlet::new(move |()| {
                    let _waits = by_a_kill.then(|| Waits(g_waits.clone()));
                    match by_a_kill {
                        false => g_waits.acquire(),
                        true => there.switch(()),
                    }
                });
                g.switch(());
                if by_a_kill {
                    g.kill();
                }
                assert!(!greenlet::thread::panicking());
                drop(guard);
                sleep(HOUR);
            });
            let until = last.clone();
            let unwinding = spawn(move || {
                let _waits = Waits(until);
                resume_unwind(Box::new("panic"));
            });
            yield_now();
            gate.release();
            yield_now();
            yield_now();
            drop(mutex.try_lock().expect("free, and not poisoned"));
            well.kill();
            assert!(well.wait_timeout(LONG), "it cannot be killed");
            assert!(!unwinding.is_finished());
            last.release();
            unwinding.join().unwrap_err();
        });
    }
}

/// One that unwinds, and waits in a destructor until it has the unit.
fn unwinds_until_let_go() -> (greenlet::JoinHandle<()>, Rc<Semaphore>) {
    let through = Rc::new(Semaphore::new(0));
    let waits = Waits(through.clone());
    let unwinds = spawn(move || {
        let _waits = waits;
        resume_unwind(Box::new("first"))
    });
    yield_now();
    (unwinds, through)
}

/// Whoever leaves while others unwind, and comes back when they are through, unwinds by itself if it does.
#[test]
fn an_unwind_after_that_of_others_is_ones_own() {
    leak_checked(|| {
        let (first, through) = unwinds_until_let_go();
        let go = Rc::new(Semaphore::new(0));
        let mutex = Rc::new(Mutex::new(()));
        let (m, g) = (mutex.clone(), go.clone());
        let second: greenlet::JoinHandle<()> = spawn(move || {
            let _guard = m.lock().unwrap();
            // The first time back it is beside the other one, the second time alone.
            yield_now();
            g.acquire();
            resume_unwind(Box::new("own"))
        });
        for _ in 0..3 {
            yield_now();
        }
        through.release();
        first.join().unwrap_err();
        go.release();
        second.join().unwrap_err();
        assert!(mutex.is_poisoned());
    });
}

/// What a call made elsewhere has panicked with is a panic of whoever waits for it, also beside one that unwinds.
#[test]
fn the_panic_of_a_call_poisons_while_another_greenlet_unwinds() {
    let calls: [fn(); 4] = [
        || Pool::new(1).apply(|| resume_unwind(Box::new("call"))),
        || ThreadPool::new(1).apply(|| resume_unwind(Box::new("call"))),
        || drop(Pool::new(1).map(|()| -> () { resume_unwind(Box::new("call")) }, [()])),
        || {
            let job = ThreadPool::new(1).apply_async(|| resume_unwind(Box::new("call")), |()| ());
            job.join().unwrap_or_else(|payload| resume_unwind(payload))
        },
    ];
    for (way, call) in calls.into_iter().enumerate() {
        leak_checked(move || {
            let (first, through) = unwinds_until_let_go();
            let mutex = Rc::new(Mutex::new(()));
            let m = mutex.clone();
            let second = spawn(move || {
                let _guard = m.lock().unwrap();
                call();
            });
            second.join().unwrap_err();
            through.release();
            first.join().unwrap_err();
            assert_eq!(mutex.is_poisoned(), way < 3, "way {way}");
        });
    }
}

/// Sleeps for long when dropped.
struct Slow(Duration);

impl Drop for Slow {
    fn drop(&mut self) {
        sleep(self.0);
    }
}

/// The limit elapses in the destructor of what a child had captured that never ran.
#[test]
fn a_limit_that_elapses_while_a_scope_kills_its_children_is_not_lost() {
    leak_checked(|| {
        // If both had elapsed at once, nothing would end the destructor's sleep.
        greenlet::__simulate();
        let ended = timeout(SOON * 5, || {
            let inner = timeout(Duration::ZERO, || {
                scope(|s| {
                    let slow = Slow(HOUR);
                    s.spawn(move || drop(slow));
                    sleep(SOON);
                });
            });
            assert!(inner.is_err());
            sleep(HOUR);
        });
        assert!(ended.is_err());
    });
}

/// It waits where it drops the last owner of one that waits in a destructor.
#[test]
fn a_throw_at_one_that_waits_for_the_end_of_what_it_dropped_is_no_panic_of_its_own() {
    leak_checked(|| {
        let mutex = Rc::new(Mutex::new(()));
        let m = mutex.clone();
        let victim = spawn(move || {
            let back = greenlet::current();
            let owned = Greenlet::new(move |()| {
                let _slow = Slow(SOON * 5);
                back.switch::<(), ()>(());
            });
            owned.switch(());
            let _guard = m.lock().unwrap();
            drop(owned);
            sleep(HOUR);
        });
        yield_now();
        victim.throw(Box::new("thrown"));
        let payload = victim.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"thrown"));
        assert!(!mutex.is_poisoned());
        greenlet::hub::run();
    });
}

#[test]
fn a_panic_through_a_scope_poisons_while_another_greenlet_unwinds() {
    leak_checked(|| {
        let (first, through) = unwinds_until_let_go();
        let mutex = Rc::new(Mutex::new(()));
        let m = mutex.clone();
        let second: greenlet::JoinHandle<()> = spawn(move || {
            let _guard = m.lock().unwrap();
            scope(|_| panic!("through a scope"))
        });
        second.join().unwrap_err();
        through.release();
        first.join().unwrap_err();
        assert!(mutex.is_poisoned());
    });
}
