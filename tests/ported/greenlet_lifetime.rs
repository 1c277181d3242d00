//! Carried over from greenlet's `tests/test_greenlet.py`: what the drop of the last owner does, and destructors that
//! switch. Behaviours only, in own words.
//!
//! Adapted: counts of references are counts of a captured value; the hook for errors that nobody can receive is the
//! panic hook; resurrection is to make an owner of oneself while one is killed. What else has
//! to do with threads is in `greenlet_threads.rs`.

use std::cell::{Cell, RefCell};
use std::panic::{catch_unwind, resume_unwind};
use std::process::Command;
use std::rc::Rc;
use std::sync::{Arc, Barrier};
use std::{env, mem, thread};

use greenlet::{AnyGreenlet, Generator, Greenlet, GreenletExit, State, current, main};

use crate::support::{Token, leak_checked};

/// Owners kept for later, or not.
type Kept = Rc<RefCell<Vec<Greenlet<(), ()>>>>;

/// Calls a function when dropped.
struct OnDrop<F: FnMut()>(F);

impl<F: FnMut()> Drop for OnDrop<F> {
    fn drop(&mut self) {
        (self.0)();
    }
}

/// Leaves for main and waits there; what is raised in the wait is the error.
fn wait() -> Result<(), greenlet::Payload> {
    let main = main();
    catch_unwind(|| main.switch::<(), ()>(()))
}

/// test_two_recursive_children (A: the count is that of a captured value)
#[test]
fn a_child_made_by_a_child_releases_what_it_captured() {
    leak_checked(|| {
        let log = Rc::new(RefCell::new(Vec::new()));
        let outer = log.clone();
        let g = Greenlet::new(move |()| {
            outer.borrow_mut().push('a');
            let inner = outer.clone();
            let child = Greenlet::new(move |()| {
                inner.borrow_mut().push('b');
                let parent = current().parent().expect("not main");
                parent.switch::<(), ()>(());
                inner.borrow_mut().push('-');
            });
            child.switch(());
            assert_eq!(Rc::strong_count(&outer), 3);
            outer.borrow_mut().push('c');
        });
        assert_eq!(Rc::strong_count(&log), 2);
        g.switch(());
        assert_eq!(*log.borrow(), ['a', 'b', 'c']);
        assert_eq!(Rc::strong_count(&log), 1);
    });
}

/// test_dealloc (Y)
#[test]
fn each_dropped_greenlet_gets_its_exit_in_the_order_of_drops() {
    leak_checked(|| {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let waiting = |name: &'static str| {
            let seen = seen.clone();
            Greenlet::new(move |()| {
                let payload = wait().expect_err("it is never resumed");
                seen.borrow_mut().push((name, payload.is::<GreenletExit>()));
                resume_unwind(payload)
            })
        };
        let g1: Greenlet<(), ()> = waiting("first");
        let g2: Greenlet<(), ()> = waiting("second");
        g1.switch(());
        g2.switch(());
        assert!(seen.borrow().is_empty());
        drop(g1);
        assert_eq!(*seen.borrow(), [("first", true)]);
        drop(g2);
        assert_eq!(*seen.borrow(), [("first", true), ("second", true)]);
    });
}

/// test_dealloc_catches_GreenletExit_throws_other (A: the panic hook, in a process of its own)
#[test]
fn an_error_during_a_drop_goes_to_the_hook_once() {
    const CHILD: &str = "GREENLET_PORTED_CHILD";
    const MESSAGE: &str = "raised in place of the exit";

    if env::var_os(CHILD).is_some() {
        leak_checked(|| {
            let g = Greenlet::<(), ()>::new(|()| {
                wait().expect_err("it is never resumed");
                panic!("{MESSAGE}");
            });
            g.switch(());
            let name = g.any();
            drop(g);
            assert!(name.is_dead());
        });
        return;
    }
    let mut child = Command::new(env::current_exe().unwrap());
    child.args([
        "--exact",
        "greenlet_lifetime::an_error_during_a_drop_goes_to_the_hook_once",
        "--nocapture",
    ]);
    let output = child.env(CHILD, "1").output().unwrap();
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success() && stdout.contains("1 passed"),
        "{output:?}"
    );
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(stderr.matches(MESSAGE).count(), 1, "{stderr}");
}

/// test_deepcopy (A: what is cloned is the handle; the continuation stays one)
#[test]
fn a_clone_is_another_handle_of_the_same_continuation() {
    /// `IS_CLONE` is the inherent constant where `T` is `Clone`, and the one of the trait elsewhere.
    struct Probe<T>(T);

    trait ClonesNot {
        const IS_CLONE: bool = false;
    }

    impl<T> ClonesNot for Probe<T> {}

    impl<T: Clone> Probe<T> {
        const IS_CLONE: bool = true;
    }

    leak_checked(|| {
        let found = (
            Probe::<Greenlet>::IS_CLONE,
            Probe::<Generator<u32>>::IS_CLONE,
        );
        assert_eq!(found, (true, false));
        let g = Greenlet::<(), u32>::new(|()| {
            let mut count = 0;
            loop {
                count += 1;
                main().switch::<u32, ()>(count);
            }
        });
        assert_eq!(g.switch(()), 1);
        let copy = g.clone();
        assert_eq!((&copy, copy.id()), (&g, g.id()));
        assert_eq!((copy.switch(()), g.switch(()), copy.switch(())), (2, 3, 4));
        drop(g);
        assert_eq!(copy.state(), State::Suspended);
        assert_eq!(copy.switch(()), 5);
    });
}

/// test_parent_restored_on_kill (A: an owner of oneself resurrects)
#[test]
fn the_dropper_is_parent_during_the_kill_only() {
    leak_checked(|| {
        let hub = Greenlet::new(|()| ());
        let parents = Rc::new(RefCell::new(Vec::new()));
        let kept = Kept::default();
        let (found, keep, to) = (parents.clone(), kept.clone(), hub.any());
        let g = Greenlet::with_parent(
            move |()| {
                wait().expect_err("it is never resumed");
                found.borrow_mut().extend(current().parent());
                keep.borrow_mut().push(Greenlet::current());
                to.switch::<(), ()>(());
            },
            &hub,
        );
        g.switch(());
        drop(g);
        assert_eq!(*parents.borrow(), [main()]);
        assert!(hub.is_dead());

        let g = kept.borrow_mut().pop().expect("it resurrected itself");
        assert_eq!(g.state(), State::Suspended);
        assert_eq!(g.parent().unwrap(), hub);
        let name = g.any();
        drop(g);
        assert!(name.is_dead());
        assert_eq!(name.parent().unwrap(), hub);
    });
}

/// test_dealloc_switch_args_not_lost (Y)
#[test]
fn a_value_arrives_although_its_sender_is_killed_for_leaving() {
    leak_checked(|| {
        let kept = Kept::default();
        let owner = Rc::new(RefCell::new(None::<Greenlet<(), ()>>));
        let child = Rc::new(RefCell::new(None::<AnyGreenlet>));
        let (keep, own, from) = (kept.clone(), owner.clone(), child.clone());
        let worker = Greenlet::new(move |()| {
            let parent = current().parent().expect("not main");
            let value: i32 = parent.switch(());
            drop(own.take());
            let initiator = from.take().expect("it sent the value");
            initiator.set_parent(&parent).unwrap();
            // Nobody owns this greenlet now: it is killed once it has left.
            let _revived = OnDrop(|| keep.borrow_mut().push(Greenlet::current()));
            parent.switch::<i32, ()>(value);
        });
        worker.switch(());
        let initiator = Greenlet::with_parent(|()| 42, &worker);
        child.replace(Some(initiator.any()));
        let name = worker.any();
        owner.replace(Some(worker));

        assert_eq!(initiator.switch(()), 42);
        assert_eq!(*kept.borrow(), [name]);
        assert!(kept.borrow()[0].is_dead());
    });
}

/// test_issue_245_reference_counting_subclass_no_threads (A: the count is that of a captured value)
#[test]
fn resurrected_greenlets_release_what_they_captured() {
    leak_checked(|| {
        let kept = Kept::default();
        let token = Rc::new(Token::new());
        for n in 1..=10 {
            let (keep, captured) = (kept.clone(), token.clone());
            let body = move |()| {
                let exit = wait().expect_err("it is never resumed");
                assert!(exit.is::<GreenletExit>());
                keep.borrow_mut().push(Greenlet::current());
                drop(captured);
            };
            Greenlet::new(body).switch(());
            assert_eq!(kept.borrow().len(), n);
        }
        assert!(kept.borrow().iter().all(|g| g.is_dead()));
        assert_eq!(Rc::strong_count(&kept), 1);
        assert_eq!(Rc::strong_count(&token), 1);
    });
}

/// test_issue_245_reference_counting_subclass_threads (A: the count is that of a captured value; half of the owners
/// are dropped when another thread says so, the others never)
#[test]
fn greenlets_of_many_threads_release_what_they_captured() {
    const THREADS: usize = 48;

    leak_checked(|| {
        let counted = Arc::new(());
        let checkpoint = Arc::new(Barrier::new(THREADS + 1));
        let threads: Vec<_> = (0..THREADS)
            .map(|n| {
                let (captured, checkpoint) = (counted.clone(), checkpoint.clone());
                thread::spawn(move || {
                    let g = Greenlet::new(move |()| {
                        let _captured = captured;
                        main().switch::<(), ()>(());
                    });
                    g.switch(());
                    checkpoint.wait();
                    checkpoint.wait();
                    if n % 2 == 0 {
                        drop(g);
                    } else {
                        // The end of the thread finds it.
                        mem::forget(g);
                    }
                })
            })
            .collect();
        checkpoint.wait();
        assert_eq!(Arc::strong_count(&counted), THREADS + 1);
        checkpoint.wait();
        for thread in threads {
            thread.join().unwrap();
        }
        assert_eq!(Arc::strong_count(&counted), 1);
    });
}

/// test_reentrant_switch_run_callable_has_del (A: captured values whose destructors switch, of a run that is
/// replaced, of one that starts, and of one that ends)
#[test]
fn captured_values_may_switch_when_dropped() {
    leak_checked(|| {
        // Replaced: the setter drops it, here by starting the greenlet with its new run.
        let log = Rc::new(RefCell::new(Vec::new()));
        let g = Greenlet::<()>::empty();
        let (seen, to) = (log.clone(), g.any());
        let unused = OnDrop(move || {
            seen.borrow_mut().push("unused dropped");
            to.switch::<(), ()>(());
        });
        g.set_run(move |()| drop(unused));
        let seen = log.clone();
        g.set_run(move |()| seen.borrow_mut().push("second run"));
        assert_eq!(*log.borrow(), ["unused dropped", "second run"]);
        assert!(g.is_dead());

        // Dropped first thing: the starter goes on before the body does.
        let seen = log.clone();
        let bomb = OnDrop(|| main().switch::<&str, ()>("from a destructor"));
        let g = Greenlet::new(move |()| {
            drop(bomb);
            seen.borrow_mut().push("body");
            "result"
        });
        assert_eq!(g.switch(()), "from a destructor");
        assert_eq!(log.borrow().len(), 2);
        assert_eq!(g.switch(()), "result");
        assert_eq!(log.borrow().last(), Some(&"body"));

        // Dropped last thing: the result waits for it.
        let ended = Rc::new(Cell::new(false));
        let has_ended = ended.clone();
        let bomb = OnDrop(|| main().switch::<&str, ()>("from a destructor"));
        let g = Greenlet::new(move |()| {
            let _bomb = bomb;
            has_ended.set(true);
            "result"
        });
        assert_eq!(g.switch(()), "from a destructor");
        assert!(ended.get() && !g.is_dead());
        assert_eq!(g.switch(()), "result");
        assert!(g.is_dead());
    });
}
