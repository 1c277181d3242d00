//! `greenlet::scope`.
//!
//! No `try_x`: nothing here is tried.
//! No `cross_thread`: a scope stays on its thread, by its type.
//! No `drop_while_waited_on`: nobody can drop a scope; that its owner dies is tried in `kill_while_waiting` and below.

use std::cell::{Cell, RefCell};
use std::mem;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::rc::Rc;
use std::thread as std_thread;
use std::time::Duration;

use greenlet::{
    Greenlet, GreenletExit, ScopedJoinHandle, current, scope, sleep, spawn, timeout, yield_now,
};

use crate::support::{Token, leak_checked};

const SOON: Duration = Duration::from_millis(1);
const HOUR: Duration = Duration::from_secs(3600);

/// Lives in an owner's frame: it must not be gone while a child lives that borrows it.
struct Frame {
    alive: Cell<bool>,
    children: Cell<usize>,
    killed: Cell<usize>,
    _token: Token,
}

impl Frame {
    fn new() -> Self {
        Frame {
            alive: Cell::new(true),
            children: Cell::new(0),
            killed: Cell::new(0),
            _token: Token::new(),
        }
    }

    fn child(&self) -> Child<'_> {
        self.children.set(self.children.get() + 1);
        Child(self)
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        self.alive.set(false);
        assert_eq!(self.children.get(), 0, "a child outlives what it borrows");
    }
}

/// Held by a child; its end takes several turns.
struct Child<'a>(&'a Frame);

impl Drop for Child<'_> {
    fn drop(&mut self) {
        for _ in 0..3 {
            yield_now();
            assert!(self.0.alive.get(), "the frame is gone");
        }
        self.0.children.set(self.0.children.get() - 1);
    }
}

/// Counts the kills that unwind it.
struct CountKill<'a>(&'a Frame);

impl Drop for CountKill<'_> {
    fn drop(&mut self) {
        if greenlet::thread::panicking() {
            self.0.killed.set(self.0.killed.get() + 1);
        }
    }
}

#[test]
fn smoke() {
    leak_checked(|| {
        let mut numbers = vec![1, 2, 3];
        let mut sum = 0;
        let text = String::from("abc");
        let length = scope(|s| {
            s.spawn(|| {
                yield_now();
                numbers.push(4);
                sum = numbers.iter().sum();
            });
            let length = s.spawn(|| text.len());
            length.join().unwrap()
        });
        assert_eq!((sum, length, numbers.len()), (10, 3, 4));
        assert_eq!(scope(|_| 5), 5);
    });
}

#[test]
fn fifo() {
    leak_checked(|| {
        let order = RefCell::new(Vec::new());
        scope(|s| {
            for n in 0..5 {
                let order = &order;
                s.spawn(move || order.borrow_mut().push(n));
            }
        });
        assert_eq!(order.into_inner(), [0, 1, 2, 3, 4]);
    });
}

#[test]
fn x_timeout() {
    leak_checked(|| {
        let frame = Frame::new();
        // While the owner waits at the end, and while it waits inside.
        for inside in [false, true] {
            let elapsed = timeout(SOON, || {
                scope(|s| {
                    for _ in 0..3 {
                        s.spawn(|| {
                            let _child = frame.child();
                            let _kill = CountKill(&frame);
                            sleep(HOUR);
                        });
                    }
                    if inside {
                        sleep(HOUR);
                    }
                });
            });
            assert!(elapsed.is_err());
            assert_eq!(frame.children.get(), 0);
        }
        assert_eq!(frame.killed.get(), 6);
        let done = timeout(HOUR, || {
            scope(|s| s.spawn(|| sleep(SOON)).join().unwrap());
            7
        });
        assert_eq!(done, Ok(7));
        yield_now();
    });
}

#[test]
fn kill_while_waiting() {
    leak_checked(|| {
        // What the owner does when it is killed, `turns` after it began.
        for place in 0..4 {
            for turns in 0..6 {
                let owner = spawn(move || {
                    let frame = Frame::new();
                    scope(|s| {
                        for n in 0..3 {
                            let frame = &frame;
                            s.spawn(move || {
                                let _child = frame.child();
                                match n {
                                    0 => sleep(HOUR),
                                    1 => (0..100).for_each(|_| yield_now()),
                                    _ => greenlet::thread::park(),
                                }
                            });
                        }
                        let joined = s.spawn(|| {
                            let _child = frame.child();
                            sleep(HOUR);
                        });
                        match place {
                            0 => {}
                            1 => sleep(HOUR),
                            2 => _ = joined.join(),
                            _ => (0..1000).for_each(|_| yield_now()),
                        }
                    });
                });
                for _ in 0..turns {
                    yield_now();
                }
                owner.kill();
                // A second one, while the first has it wait for the children.
                yield_now();
                owner.kill();
                let payload = owner.join().unwrap_err();
                assert!(payload.is::<GreenletExit>());
            }
        }
    });
}

#[test]
fn kill_after_grant() {
    leak_checked(|| {
        let after = Rc::new(Cell::new(0));
        let seen = after.clone();
        let owner = spawn(move || {
            let mut borrowed = 0;
            scope(|s| {
                s.spawn(|| borrowed += 1);
            });
            // The children had ended when the kill came: it is raised at the next wait.
            seen.set(borrowed);
            sleep(HOUR);
            seen.set(99);
        });
        yield_now(); // the owner waits, the child is queued
        let killer = {
            let owner = owner.greenlet();
            spawn(move || owner.kill())
        };
        yield_now(); // the child ends, then the kill
        killer.join().unwrap();
        assert!(owner.join().unwrap_err().is::<GreenletExit>());
        assert_eq!(after.get(), 1);
    });
}

#[test]
fn stress() {
    leak_checked(|| {
        let mut counts = vec![0_u32; 100];
        for _ in 0..100 {
            scope(|s| {
                for count in &mut counts {
                    s.spawn(move || {
                        yield_now();
                        *count += 1;
                    });
                }
            });
        }
        assert!(counts.iter().all(|count| *count == 100));
    });
}

#[test]
fn a_panic_in_the_closure_kills_the_children_and_waits_for_them() {
    leak_checked(|| {
        let frame = Frame::new();
        let panic = catch_unwind(AssertUnwindSafe(|| {
            scope(|s| {
                s.spawn(|| {
                    let _child = frame.child();
                    let _kill = CountKill(&frame);
                    sleep(HOUR);
                });
                yield_now();
                let captured = frame.child();
                s.spawn(move || {
                    let _captured = captured;
                    unreachable!("it is killed before it runs");
                });
                panic!("in the closure");
            });
        }));
        assert_eq!(
            panic.unwrap_err().downcast_ref::<&str>(),
            Some(&"in the closure")
        );
        assert_eq!((frame.children.get(), frame.killed.get()), (0, 1));
    });
}

#[test]
fn a_panic_of_a_child_is_the_scopes_unless_it_is_joined() {
    leak_checked(|| {
        let panic = catch_unwind(|| {
            scope(|s| {
                drop(s.spawn(|| panic!("first")));
                // The others are not killed.
                s.spawn(|| sleep(SOON));
            });
        });
        assert_eq!(
            panic.unwrap_err().downcast_ref::<&str>(),
            Some(&"a scoped greenlet panicked")
        );
        scope(|s| {
            let joined = s.spawn(|| panic!("joined")).join();
            assert_eq!(joined.unwrap_err().downcast_ref::<&str>(), Some(&"joined"));
        });
        // A forgotten handle does not hide it, nor does it hold the scope up.
        let panic = catch_unwind(|| {
            scope(|s| mem::forget(s.spawn(|| panic!("forgotten"))));
        });
        assert!(panic.is_err());
        // A kill is no panic.
        scope(|s| {
            let killed = s.spawn(|| sleep(HOUR));
            yield_now();
            killed.kill();
            let never_ran = s.spawn(|| ());
            never_ran.kill();
            assert!(never_ran.is_finished());
            assert!(never_ran.join().unwrap_err().is::<GreenletExit>());
        });
    });
}

#[test]
fn a_result_that_nobody_takes_is_dropped_before_the_scope_returns() {
    leak_checked(|| {
        let frame = Frame::new();
        scope(|s| {
            drop(s.spawn(|| frame.child()));
            let kept = s.spawn(|| frame.child());
            sleep(SOON);
            assert!(kept.is_finished());
            assert_eq!(frame.children.get(), 1);
        });
        assert_eq!(frame.children.get(), 0);
        // A result whose destructor panics is a panic of the child.
        struct Panics;
        impl Drop for Panics {
            fn drop(&mut self) {
                panic!("in drop");
            }
        }
        let panic = catch_unwind(|| scope(|s| drop(s.spawn(|| Panics))));
        assert!(panic.is_err());
    });
}

#[test]
fn a_child_that_survives_its_kill_keeps_the_owner_waiting() {
    leak_checked(|| {
        let owner = spawn(|| {
            let frame = Frame::new();
            scope(|s| {
                s.spawn(|| {
                    let _child = frame.child();
                    let killed = catch_unwind(|| sleep(HOUR));
                    assert!(killed.is_err());
                    sleep(SOON);
                    assert!(frame.alive.get());
                });
            });
        });
        yield_now();
        yield_now();
        owner.kill();
        assert!(!owner.wait_timeout(Duration::ZERO));
        assert!(owner.join().is_err());
    });
}

#[test]
fn a_child_may_kill_its_owner() {
    leak_checked(|| {
        for owner_waits_inside in [false, true] {
            let owner = spawn(move || {
                let frame = Frame::new();
                let me = current();
                scope(|s| {
                    s.spawn(|| {
                        let _child = frame.child();
                        me.kill();
                        sleep(HOUR);
                    });
                    if owner_waits_inside {
                        sleep(HOUR);
                    }
                });
            });
            assert!(owner.join().unwrap_err().is::<GreenletExit>());
        }
    });
}

#[test]
fn a_plain_greenlet_that_loses_its_last_owner_ends_its_scope() {
    leak_checked(|| {
        for waits_in_a_switch in [false, true] {
            let owner = Greenlet::<()>::new(move |()| {
                let frame = Frame::new();
                scope(|s| {
                    for _ in 0..2 {
                        s.spawn(|| {
                            let _child = frame.child();
                            sleep(HOUR);
                        });
                    }
                    yield_now();
                    if waits_in_a_switch {
                        greenlet::main().switch::<(), ()>(());
                    }
                });
            });
            let name = owner.any();
            // Main has to be switched to by somebody: it waits in a switch, and not in the hub.
            let main = greenlet::main();
            let back = Greenlet::<()>::new(move |()| main.switch::<(), ()>(()));
            let waker = spawn(move || {
                if !waits_in_a_switch {
                    sleep(SOON);
                    back.switch(());
                }
            });
            owner.switch(());
            waker.kill();
            waker.wait();
            assert!(!name.is_dead());
            drop(owner);
            while !name.is_dead() {
                yield_now();
            }
        }
    });
}

#[test]
fn scopes_nest_and_die_from_the_outside_in() {
    leak_checked(|| {
        let owner = spawn(|| {
            let outer = Frame::new();
            scope(|s| {
                for _ in 0..2 {
                    s.spawn(|| {
                        let _child = outer.child();
                        let inner = Frame::new();
                        scope(|t| {
                            t.spawn(|| {
                                let _one = inner.child();
                                let _two = outer.child();
                                sleep(HOUR);
                            });
                            // The outer scope, from inside the inner one.
                            s.spawn(|| {
                                let _child = outer.child();
                                sleep(HOUR);
                            });
                        });
                    });
                }
            });
        });
        for _ in 0..5 {
            yield_now();
        }
        owner.kill();
        assert!(owner.join().unwrap_err().is::<GreenletExit>());
    });
}

#[test]
fn who_is_spawned_while_the_children_are_killed_never_runs() {
    leak_checked(|| {
        let elapsed = timeout(SOON, || {
            let frame = Frame::new();
            scope(|s| {
                s.spawn(|| {
                    let killed = catch_unwind(|| sleep(HOUR)).unwrap_err();
                    let late = frame.child();
                    let late = s.spawn(move || {
                        let _late = late;
                        unreachable!("it is killed before it runs");
                    });
                    assert!(late.is_finished());
                    resume_unwind(killed);
                });
            });
        });
        assert!(elapsed.is_err());
    });
}

#[test]
fn what_comes_while_the_owner_unwinds_is_raised_behind_the_scope() {
    leak_checked(|| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let log = seen.clone();
        let owner = spawn(move || {
            let elapsed = timeout(SOON, || {
                scope(|s| {
                    s.spawn(|| {
                        let _ = catch_unwind(|| sleep(HOUR));
                        log.borrow_mut().push("the limit kills the child");
                        let _ = catch_unwind(|| sleep(HOUR));
                        log.borrow_mut().push("the kill does so once more");
                    });
                });
            });
            assert!(elapsed.is_err());
            log.borrow_mut().push("the limit is told first");
            sleep(HOUR);
            log.borrow_mut().push("not to be reached");
        });
        while seen.borrow().is_empty() {
            sleep(SOON);
        }
        owner.kill();
        assert!(owner.join().unwrap_err().is::<GreenletExit>());
        assert_eq!(
            *seen.borrow(),
            [
                "the limit kills the child",
                "the kill does so once more",
                "the limit is told first"
            ]
        );
    });
}

#[test]
fn an_outer_limit_that_elapses_meanwhile_is_not_lost() {
    leak_checked(|| {
        // If both had elapsed at once, the child would be killed once only, and sleep on.
        greenlet::__simulate();
        let outer = timeout(SOON * 20, || {
            let inner = timeout(SOON, || {
                scope(|s| {
                    s.spawn(|| {
                        let _ = catch_unwind(|| sleep(HOUR));
                        let _ = catch_unwind(|| sleep(HOUR));
                    });
                });
            });
            assert!(inner.is_err());
            sleep(HOUR);
        });
        assert!(outer.is_err());
    });
}

#[test]
fn a_mutex_is_not_poisoned_by_a_limit_that_goes_through_a_scope() {
    leak_checked(|| {
        let mutex = greenlet::sync::Mutex::new(0);
        let elapsed = timeout(SOON, || {
            let _guard = mutex.lock().unwrap();
            scope(|s| {
                s.spawn(|| sleep(HOUR));
            });
        });
        assert!(elapsed.is_err());
        assert!(!mutex.is_poisoned());
        let panic = catch_unwind(AssertUnwindSafe(|| {
            let _guard = mutex.lock().unwrap();
            scope(|s| drop(s.spawn(|| panic!("child"))));
        }));
        assert!(panic.is_err() && mutex.is_poisoned());
    });
}

#[test]
fn the_hub_ends_owners_and_children_with_their_thread() {
    for inside in [true, false] {
        let (told, tell) = std::sync::mpsc::channel::<()>();
        std_thread::spawn(move || {
            let told = (told.clone(), told);
            let body = move || {
                let frame = Frame::new();
                let (first, second) = told;
                scope(|s| {
                    let frame = &frame;
                    s.spawn(move || {
                        let _child = frame.child();
                        let _first = first;
                        sleep(HOUR);
                    });
                    s.spawn(move || {
                        let _child = frame.child();
                        let _second = second;
                        greenlet::thread::park();
                    });
                    if inside {
                        sleep(HOUR);
                    }
                });
            };
            drop(spawn(body));
            for _ in 0..5 {
                yield_now();
            }
            assert_eq!(Token::alive(), 1);
        })
        .join()
        .unwrap();
        // Both children dropped what they had captured.
        assert!(tell.recv().is_err());
    }
}

#[test]
fn a_deadlock_of_children_ends_the_scope() {
    leak_checked(|| {
        // Others of this process could wake them, as far as is known: so it is a limit that ends the wait here.
        let frame = Frame::new();
        let elapsed = timeout(SOON, || {
            scope(|s| {
                let first = s.spawn(|| {
                    let _child = frame.child();
                    greenlet::thread::park();
                });
                s.spawn(move || {
                    let _child = frame_of(&first);
                    first.join()
                });
            });
        });
        assert!(elapsed.is_err());
    });

    fn frame_of<T>(handle: &ScopedJoinHandle<'_, T>) -> String {
        format!("{handle:?}")
    }
}

#[test]
fn handles_name_their_greenlets() {
    leak_checked(|| {
        scope(|s| {
            let named = greenlet::thread::Builder::new()
                .name("child".into())
                .stack_size(1 << 16)
                .spawn_scoped(s, || current().name())
                .unwrap();
            assert_eq!(named.thread().name(), Some("child"));
            assert_eq!(named.greenlet().name().as_deref(), Some("child"));
            assert_eq!(named.join().unwrap().as_deref(), Some("child"));
        });
    });
}
