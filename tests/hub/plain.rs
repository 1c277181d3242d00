//! Plain greenlets in the hub: made by hand, switched to by hand, but they wait.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use greenlet::lock::Semaphore;
use greenlet::{
    AnyGreenlet, Generator, Greenlet, GreenletExit, State, SwitchError, sleep, spawn, yield_now,
};

use crate::support::{Bell, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);
/// Far more than is needed, also on a busy machine.
const LONG: Duration = Duration::from_secs(60);

/// A plain greenlet that sleeps in the hub for an hour.
fn parked(rung: &Rc<Cell<u32>>) -> Greenlet<(), ()> {
    let bell = Bell(rung.clone());
    let g = Greenlet::new(move |()| {
        let _bell = bell;
        sleep(HOUR);
    });
    let start = g.any();
    let starter = spawn(move || start.try_switch::<(), ()>(()).is_err());
    yield_now();
    assert_eq!(g.state(), State::Suspended);
    // The starter waits for it to come back.
    starter.kill();
    starter.wait();
    g
}

#[test]
fn a_switch_into_one_that_waits_is_refused_and_says_for_what() {
    leak_checked(|| {
        let rung = Rc::default();
        let g = parked(&rung);
        match g.try_switch(()) {
            Err(SwitchError::Parked { waits_for, .. }) => {
                assert!(waits_for.contains("a moment to come"), "{waits_for}");
                assert!(waits_for.contains("plain.rs"), "{waits_for}");
            }
            other => panic!("{other:?}"),
        }
        let message = catch_unwind(AssertUnwindSafe(|| g.switch(()))).unwrap_err();
        let message = message.downcast_ref::<String>().unwrap();
        assert!(message.contains("a moment to come"), "{message}");
        assert_eq!(rung.get(), 0);
        g.kill();
    });
}

#[test]
fn a_kill_of_one_that_waits_comes_back_when_it_is_dead() {
    leak_checked(|| {
        let rung = Rc::default();
        let g = parked(&rung);
        g.kill();
        assert!(g.is_dead());
        assert_eq!(rung.get(), 1);
    });
}

#[test]
fn all_who_kill_one_that_waits_go_on_when_it_is_dead() {
    leak_checked(|| {
        let rung = Rc::default();
        let g = parked(&rung);
        let (one, other) = (g.any(), g.any());
        let killers = [
            spawn(move || one.kill()),
            spawn(move || drop(g)),
            spawn(move || other.kill()),
        ];
        for killer in killers {
            assert!(killer.wait_timeout(LONG));
            assert_eq!(rung.get(), 1);
        }
    });
}

#[test]
fn all_who_throw_into_one_that_waits_go_on_when_it_is_dead() {
    leak_checked(|| {
        let target = spawn(|| sleep(HOUR));
        yield_now();
        let throwers = [1, 2].map(|n| {
            let name = target.greenlet();
            spawn(move || name.try_throw::<u8>(Box::new(n)).is_err())
        });
        for thrower in throwers {
            assert!(thrower.join_timeout(LONG).unwrap().unwrap());
        }
        assert_eq!(target.join().unwrap_err().downcast_ref(), Some(&1));
    });
}

/// The victim's end goes to one that sleeps, which is not there to take it.
#[test]
fn a_killer_goes_on_whose_victim_changes_its_parent() {
    struct Leaves(AnyGreenlet);
    impl Drop for Leaves {
        fn drop(&mut self) {
            greenlet::current().set_parent(&self.0).unwrap();
        }
    }
    leak_checked(|| {
        let sleeper = spawn(|| sleep(SOON));
        yield_now();
        let leaves = Leaves(sleeper.greenlet());
        let g = Greenlet::<(), ()>::new(move |()| {
            let _leaves = leaves;
            greenlet::main().switch::<(), ()>(())
        });
        g.switch(());
        let name = g.any();
        let killer = spawn(move || name.kill());
        assert!(killer.wait_timeout(LONG) && g.is_dead());
        sleeper.join().unwrap();
    });
}

#[test]
fn the_drop_of_the_owner_of_one_that_waits_ends_it() {
    leak_checked(|| {
        let rung = Rc::default();
        let g = parked(&rung);
        drop(g);
        assert_eq!(rung.get(), 1);
    });
}

#[test]
fn what_is_thrown_into_one_that_waits_ends_it() {
    leak_checked(|| {
        let rung = Rc::default();
        let g = parked(&rung);
        let thrown = g.try_throw(Box::new("thrown"));
        assert!(matches!(thrown, Err(SwitchError::Thrown(p)) if p.is::<&str>()));
        assert!(g.is_dead());
        assert_eq!(rung.get(), 1);
    });
}

#[test]
fn children_of_spawned_greenlets_may_sleep() {
    leak_checked(|| {
        let handles = (1..4).map(|n| {
            spawn(move || {
                let child = Greenlet::new(move |k: u64| {
                    sleep(SOON);
                    let me = greenlet::current();
                    assert!(me.parent().is_some());
                    k + n
                });
                child.any().switch::<u64, u64>(10)
            })
        });
        let results: Vec<_> = greenlet::join_all(handles)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(results, [11, 12, 13]);
    });
}

/// Its parent sleeps in the hub, and is not there to take it.
fn a_child_ends_while_its_parent_waits(end: fn(), main_is_parent: bool) {
    leak_checked(move || {
        let slot = Rc::new(RefCell::new(None));
        let woken = Rc::new(Cell::new(false));
        let (shelf, early) = (slot.clone(), woken.clone());
        let parent = move || {
            shelf.replace(Some(Greenlet::<(), ()>::new(move |()| end())));
            let began = std::time::Instant::now();
            sleep(SOON * 20);
            assert!(began.elapsed() >= SOON * 20, "woken by a child");
            early.set(true);
        };
        let starter = move || {
            let child = slot.take().expect("made before");
            let _ = child.try_switch(());
        };
        match main_is_parent {
            false => {
                let parent = spawn(parent);
                yield_now();
                let starter = spawn(starter);
                parent.join().unwrap();
                starter.kill();
                starter.wait();
            }
            true => {
                let starter = spawn(starter);
                parent();
                starter.kill();
                starter.wait();
            }
        }
        assert!(woken.get());
    });
}

#[test]
fn the_result_of_a_child_does_not_wake_its_parent_from_the_hub() {
    a_child_ends_while_its_parent_waits(|| (), false);
}

#[test]
fn the_exit_of_a_child_does_not_wake_its_parent_from_the_hub() {
    a_child_ends_while_its_parent_waits(|| resume_unwind(Box::new(GreenletExit)), false);
}

#[test]
fn the_result_of_a_child_does_not_wake_main_from_the_hub() {
    a_child_ends_while_its_parent_waits(|| (), true);
}

#[test]
fn the_panic_of_a_child_is_raised_at_its_parents_wait() {
    leak_checked(|| {
        let slot = Rc::new(RefCell::new(None));
        let shelf = slot.clone();
        let parent = spawn(move || {
            let child = Greenlet::<(), ()>::new(|()| resume_unwind(Box::new("child")));
            shelf.replace(Some(child));
            sleep(HOUR);
        });
        yield_now();
        let starter = spawn(move || drop(slot.take().expect("made before").try_switch(())));
        let payload = parent.join().unwrap_err();
        assert_eq!(payload.downcast_ref(), Some(&"child"));
        starter.kill();
        starter.wait();
    });
}

#[test]
fn generators_that_sleep() {
    leak_checked(|| {
        let handles = (0..3).map(|n| {
            spawn(move || {
                let numbers = Generator::new(move |yielder| {
                    for k in 0..3 {
                        sleep(SOON);
                        yielder.give(10 * n + k);
                    }
                });
                numbers.sum::<i32>()
            })
        });
        let sums: Vec<_> = greenlet::join_all(handles)
            .into_iter()
            .map(Result::unwrap)
            .collect();
        assert_eq!(sums, [3, 33, 63]);
    });
}

#[test]
fn a_killed_reader_ends_its_generator_that_sleeps() {
    leak_checked(|| {
        let rung = Rc::new(Cell::new(0));
        let handles: Vec<_> = (0..5)
            .map(|n| {
                let bell = Bell(rung.clone());
                spawn(move || {
                    let numbers = Generator::new(move |yielder| {
                        let _bell = bell;
                        yielder.give(n);
                        sleep(HOUR);
                    });
                    numbers.sum::<i32>()
                })
            })
            .collect();
        yield_now();
        greenlet::kill_all(&handles);
        assert_eq!(rung.get(), 5);
    });
}

#[test]
fn a_killed_reader_ends_its_generator_that_was_just_woken() {
    leak_checked(|| {
        greenlet::__simulate();
        let semaphore = Rc::new(Semaphore::new(0));
        let rung = Rc::new(Cell::new(0));
        let (s, bell) = (semaphore.clone(), Bell(rung.clone()));
        let reader = spawn(move || {
            let numbers = Generator::new(move |yielder| {
                let _bell = bell;
                s.acquire();
                sleep(HOUR);
                yielder.give(1);
            });
            numbers.sum::<i32>()
        });
        yield_now();
        semaphore.release();
        reader.kill();
        assert!(
            reader.wait_timeout(HOUR / 2),
            "its wait was not interrupted"
        );
        assert_eq!(rung.get(), 1);
    });
}

#[test]
fn what_a_plain_one_was_given_is_not_lost_when_it_is_killed() {
    leak_checked(|| {
        let semaphore = Rc::new(Semaphore::new(0));
        let s = semaphore.clone();
        let g = Greenlet::new(move |()| {
            s.acquire();
            s.release();
            sleep(HOUR);
        });
        let start = g.any();
        let starter = spawn(move || start.try_switch::<(), ()>(()).is_err());
        yield_now();
        semaphore.release();
        g.kill();
        assert!(g.is_dead());
        assert_eq!(semaphore.available(), 1);
        starter.kill();
        starter.wait();
    });
}

#[test]
fn the_end_of_all_waits_for_plain_ones_that_another_thread_wakes() {
    leak_checked(|| {
        let semaphore = Arc::new(Semaphore::new(0));
        let s = semaphore.clone();
        let hub = greenlet::hub::greenlet();
        let g = Greenlet::<(), ()>::with_parent(move |()| s.acquire(), &hub);
        let start = g.any();
        let starter = spawn(move || start.try_switch::<(), ()>(()).is_err());
        yield_now();
        starter.kill();
        starter.wait();
        let waker = thread::spawn(move || {
            thread::sleep(SOON * 50);
            semaphore.release();
        });
        greenlet::hub::run();
        assert!(g.is_dead(), "it was woken after `run` had returned");
        waker.join().unwrap();
    });
}
