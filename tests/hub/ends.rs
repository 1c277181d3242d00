//! Ends: of greenlets, of what they leave behind, of the thread and its hub.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;
use std::time::Duration;

use greenlet::{Greenlet, Outcome, ParentError, SwitchError, sleep, spawn, spawn_later, yield_now};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

greenlet::greenlet_local! {
    static LOCAL: RefCell<Vec<Token>> = RefCell::default();
}

#[test]
fn locals_of_spawned_ones_are_dropped_with_them() {
    leak_checked(|| {
        let handles: Vec<_> = (0..3)
            .map(|n| {
                spawn(move || {
                    LOCAL.with(|tokens| tokens.borrow_mut().push(Token::new()));
                    if n == 0 {
                        sleep(HOUR);
                    }
                    sleep(SOON);
                    LOCAL.with(|tokens| tokens.borrow().len())
                })
            })
            .collect();
        yield_now();
        assert_eq!(Token::alive(), 3);
        handles[0].kill();
        let results = greenlet::join_all(handles);
        assert_eq!(Token::alive(), 0);
        assert!(results.into_iter().skip(1).all(|n| n.unwrap() == 1));
    });
}

/// Spawns when dropped.
struct Spawner(Rc<Cell<u32>>);

impl Drop for Spawner {
    fn drop(&mut self) {
        let count = self.0.clone();
        drop(spawn(move || {
            sleep(SOON);
            count.set(count.get() + 1);
        }));
    }
}

#[test]
fn destructors_may_spawn() {
    leak_checked(|| {
        let count = Rc::new(Cell::new(0));
        let spawner = || Spawner(count.clone());
        let (a, b, c, d) = (spawner(), spawner(), spawner(), spawner());
        let never = spawn(move || drop(a));
        never.kill();
        let killed = spawn(move || {
            let _b = b;
            sleep(HOUR);
        });
        let result = spawn(move || c);
        let panics = spawn(move || {
            let _d = d;
            std::panic::resume_unwind(Box::new("panic"));
        });
        yield_now();
        killed.kill();
        drop(result.join().unwrap());
        let panics: greenlet::JoinHandle<()> = panics;
        panics.wait();
        greenlet::hub::run();
        assert_eq!(count.get(), 4);
    });
}

#[test]
fn those_on_exit_begin_in_order_and_before_joiners() {
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let handle = spawn(|| sleep(SOON));
        let l = log.clone();
        let handle = Rc::new(handle);
        let (joined, waits) = (log.clone(), handle.clone());
        let joiner = spawn(move || {
            waits.wait();
            joined.borrow_mut().push("joiner");
        });
        yield_now();
        for name in ["first", "second"] {
            let log = l.clone();
            handle.on_exit(move |how| {
                assert_eq!(how, Outcome::Returned);
                log.borrow_mut().push(name);
                let log = log.clone();
                drop(spawn(move || log.borrow_mut().push("spawned there")));
                sleep(SOON);
            });
        }
        joiner.join().unwrap();
        let l = log.clone();
        handle.on_exit(move |_| l.borrow_mut().push("late"));
        greenlet::hub::run();
        assert_eq!(
            *log.borrow(),
            [
                "first",
                "second",
                "joiner",
                "spawned there",
                "spawned there",
                "late"
            ]
        );
    });
}

#[test]
fn results_that_nobody_takes_are_dropped_where_they_are_left() {
    leak_checked(|| {
        let detached = Rc::new(Cell::new(-1));
        let seen = detached.clone();
        let handle = spawn(Token::new);
        handle.on_exit(move |_| seen.set(Token::alive()));
        drop(handle);
        assert_eq!(Token::alive(), 0);
        yield_now();
        yield_now();
        assert_eq!((Token::alive(), detached.get()), (0, 0));

        let ended = spawn(Token::new);
        ended.wait();
        assert_eq!(Token::alive(), 1);
        drop(ended);
        assert_eq!(Token::alive(), 0);

        let thrown = spawn(|| sleep(HOUR));
        yield_now();
        thrown.throw(Box::new(Token::new()));
        thrown.wait();
        assert_eq!(Token::alive(), 1);
        drop(thrown);
        assert_eq!(Token::alive(), 0);
    });
}

/// Waits when dropped, and says when it has.
struct Napping(Rc<Cell<bool>>);

impl Drop for Napping {
    fn drop(&mut self) {
        sleep(SOON);
        self.0.set(true);
    }
}

#[test]
fn a_result_that_nobody_takes_may_wait_while_it_is_dropped() {
    leak_checked(|| {
        let done = Rc::new(Cell::new(false));
        let result = Napping(done.clone());
        let handle = spawn(move || result);
        let name = handle.greenlet();
        drop(handle);
        sleep(10 * SOON);
        while !name.is_dead() {
            yield_now();
        }
        assert!(done.get());

        done.set(false);
        let result = Napping(done.clone());
        let handle = spawn(move || result);
        handle.wait();
        drop(handle);
        assert!(done.get());
    });
}

#[test]
fn a_hub_is_run_by_main_only() {
    leak_checked(|| {
        greenlet::__simulate();
        let message = spawn(|| {
            let error = catch_unwind(greenlet::hub::run).unwrap_err();
            let inner = Greenlet::new(|()| catch_unwind(greenlet::hub::run).is_err());
            assert!(inner.any().switch::<(), bool>(()));
            *error.downcast::<&str>().unwrap()
        });
        assert!(message.join().unwrap().contains("only the main greenlet"));
        greenlet::hub::run();
        assert!(greenlet::hub::run_timeout(SOON));
        let sleeper = spawn(|| sleep(SOON * 3));
        assert!(!greenlet::hub::run_timeout(Duration::ZERO));
        assert!(!greenlet::hub::run_timeout(SOON));
        assert!(greenlet::hub::run_timeout(HOUR));
        sleeper.join().unwrap();
    });
}

#[test]
fn the_hub_cannot_be_harmed() {
    leak_checked(|| {
        let hub = greenlet::hub::greenlet();
        assert!(catch_unwind(AssertUnwindSafe(|| hub.kill())).is_err());
        assert!(matches!(
            hub.try_throw::<()>(Box::new(1)),
            Err(SwitchError::Parked { .. })
        ));
        assert!(matches!(
            hub.try_switch::<i32, ()>(1),
            Err(SwitchError::Type { value: 1, .. })
        ));
        let child = Greenlet::<(), ()>::new(|()| ());
        assert!(matches!(hub.set_parent(&child), Err(ParentError::Hub)));
        assert!(!hub.is_dead());
        drop(hub.cast::<(), ()>());
        drop(child);
        sleep(SOON);
        assert!(!greenlet::hub::greenlet().is_dead());
    });
}

#[test]
fn a_switch_to_the_hub_is_a_wait_for_a_switch_back() {
    leak_checked(|| {
        let main = greenlet::main();
        let back = spawn(move || {
            yield_now();
            main.try_switch::<i32, ()>(5).is_ok()
        });
        let hub = greenlet::hub::greenlet();
        assert_eq!(hub.switch::<(), i32>(()), 5);
        back.kill();
        back.wait();
    });
}

#[test]
fn the_end_of_a_child_of_the_hub_is_dropped_there() {
    leak_checked(|| {
        let hub = greenlet::hub::greenlet();
        for way in 0..3 {
            let child = Greenlet::with_parent(
                move |()| {
                    sleep(SOON);
                    match way {
                        0 => Token::new(),
                        1 => std::panic::resume_unwind(Box::new("panic")),
                        _ => greenlet::current().throw(Box::new(greenlet::GreenletExit)),
                    }
                },
                &hub,
            );
            let name = child.any();
            let starter = spawn(move || drop(name.try_switch::<(), ()>(())));
            yield_now();
            sleep(SOON * 3);
            assert!(child.is_dead());
            assert_eq!(Token::alive(), 0);
            starter.kill();
            starter.wait();
        }
    });
}

/// Counts the drops that have ended, each of which sleeps first.
struct Slow(Arc<AtomicUsize>);

impl Drop for Slow {
    fn drop(&mut self) {
        sleep(SOON);
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

/// How many `Slow` ones were dropped when a thread was left in the middle of what `leave` began.
fn dropped_at_the_end(leave: impl FnOnce(&dyn Fn() -> Slow) + Send + 'static) -> usize {
    let count = Arc::new(AtomicUsize::new(0));
    let counted = count.clone();
    thread::spawn(move || leave(&|| Slow(counted.clone())))
        .join()
        .unwrap();
    count.load(Ordering::SeqCst)
}

#[test]
fn the_end_of_a_thread_ends_whatever_is_left() {
    let dropped = dropped_at_the_end(|slow| {
        let (parked, delayed, in_switch, plain, queued) = (slow(), slow(), slow(), slow(), slow());
        drop(spawn(move || {
            let _slow = parked;
            sleep(HOUR);
        }));
        drop(spawn_later(HOUR, move || drop(delayed)));
        drop(spawn(move || {
            let _slow = in_switch;
            let plain = Greenlet::new(move |()| {
                let _slow = plain;
                sleep(HOUR);
            });
            plain.switch(());
        }));
        yield_now();
        drop(spawn(move || drop(queued)));
    });
    assert_eq!(dropped, 5);
}

#[test]
fn the_end_of_a_thread_ends_those_that_are_killed_twice() {
    let dropped = dropped_at_the_end(|slow| {
        let swallows = slow();
        drop(spawn(move || {
            let _slow = swallows;
            let _ = catch_unwind(|| sleep(HOUR));
            sleep(HOUR);
        }));
        yield_now();
    });
    assert_eq!(dropped, 1);
}

#[test]
fn the_end_of_a_thread_ends_those_that_begin_there() {
    struct Spawner(Option<Slow>);
    impl Drop for Spawner {
        fn drop(&mut self) {
            let slow = self.0.take();
            drop(spawn(move || {
                let _slow = slow;
                sleep(HOUR);
            }));
        }
    }
    let dropped = dropped_at_the_end(|slow| {
        let spawner = Spawner(Some(slow()));
        drop(spawn(move || {
            let _spawner = spawner;
            sleep(HOUR);
        }));
        yield_now();
    });
    assert_eq!(dropped, 1);
}

#[test]
fn a_thread_that_only_asked_for_its_hub_ends() {
    for _ in 0..100 {
        thread::spawn(|| {
            let hub = greenlet::hub::greenlet();
            assert_eq!(hub.parent(), Some(greenlet::main()));
        })
        .join()
        .unwrap();
    }
}
