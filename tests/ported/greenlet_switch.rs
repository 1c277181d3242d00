//! Carried over from greenlet's `tests/test_greenlet.py`: switching, also where it is refused and while something else
//! is under way. Behaviours only, in own words.
//!
//! Adapted: values are typed and there is one of them, so `()` stands for "no arguments" and a wrong type for wrong
//! arguments; what Python raises in the switcher is a refusal that hands the value back. There are no frames to look at:
//! where a greenlet waits is told by the refusal. The failing stack switch is a stack that cannot be had.

use std::cell::{Cell, RefCell};
use std::panic::{AssertUnwindSafe, catch_unwind, panic_any};
use std::rc::Rc;
use std::sync::{Mutex, TryLockError};
use std::{fs, thread};

use greenlet::{AnyGreenlet, Greenlet, State, SwitchError, current, main};

use crate::support::leak_checked;

/// More address space than any machine has.
const TOO_LARGE: usize = 1 << 60;

type Log<T> = Rc<RefCell<Vec<T>>>;

/// Leaves for the parent of the running greenlet, and waits.
fn leave() {
    let parent = current().parent().expect("not main");
    parent.switch::<(), ()>(());
}

/// A greenlet and its creator take turns to write into a log.
fn take_turns() -> Vec<u32> {
    let log = Log::default();
    let inner = log.clone();
    let g = Greenlet::new(move |()| {
        inner.borrow_mut().push(1);
        leave();
        inner.borrow_mut().push(3);
    });
    log.borrow_mut().push(0);
    g.switch(());
    log.borrow_mut().push(2);
    g.switch(());
    log.borrow_mut().push(4);
    log.take()
}

/// test_simple (Y)
#[test]
fn a_body_alternates_with_its_creator() {
    leak_checked(|| assert_eq!(take_turns(), [0, 1, 2, 3, 4]));
}

/// test_threads (Y)
#[test]
fn each_of_ten_threads_has_greenlets_of_its_own() {
    leak_checked(|| {
        let threads: Vec<_> = (0..10).map(|_| thread::spawn(take_turns)).collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), [0, 1, 2, 3, 4]);
        }
    });
}

/// test_switch_no_run_raises_AttributeError (A: an empty handle, and the refusal gives the value back)
#[test]
fn a_switch_without_a_run_fails_in_the_switcher() {
    leak_checked(|| {
        let g = Greenlet::<u32>::empty();
        let refused = g.try_switch(7).unwrap_err();
        assert!(refused.to_string().contains("run"), "{refused}");
        assert!(matches!(refused, SwitchError::NoRun(7)));
        assert_eq!(g.state(), State::New);
        let loud = catch_unwind(|| g.switch(7)).unwrap_err();
        let message = loud.downcast_ref::<String>().unwrap();
        assert!(message.contains("has no run"), "{message}");
        g.set_run(|n| n + 1);
        assert_eq!(g.switch(7), 8);
    });
}

/// test_throw_no_run_raises_AttributeError (A: an empty handle, and the refusal gives the payload back)
#[test]
fn a_throw_without_a_run_is_about_the_run() {
    leak_checked(|| {
        let g = Greenlet::<u32>::empty();
        let refused = g.try_throw(Box::new("not raised")).unwrap_err();
        assert!(refused.to_string().contains("run"), "{refused}");
        let SwitchError::NoRun(payload) = refused else {
            panic!("{refused:?}");
        };
        assert_eq!(payload.downcast_ref(), Some(&"not raised"));
        assert_eq!(g.state(), State::New);
    });
}

/// test_two_children (Y)
#[test]
fn two_children_take_turns_and_die() {
    leak_checked(|| {
        let log = Log::default();
        let child = |log: &Log<u32>| {
            let log = log.clone();
            Greenlet::new(move |()| {
                log.borrow_mut().push(1);
                leave();
                log.borrow_mut().extend([1, 1]);
            })
        };
        let (g, h) = (child(&log), child(&log));
        g.switch(());
        assert_eq!(log.borrow().len(), 1);
        h.switch(());
        assert_eq!(log.borrow().len(), 2);
        h.switch(());
        assert_eq!(log.borrow().len(), 4);
        assert!(h.is_dead() && !g.is_dead());
        g.switch(());
        assert_eq!(log.borrow().len(), 6);
        assert!(g.is_dead());
    });
}

/// test_frame (A: only the dead part; there are no frames)
#[test]
fn active_until_the_end_then_dead() {
    leak_checked(|| {
        let g = Greenlet::new(|()| {
            leave_with("of what?");
            "meaning of life"
        });
        assert!(!g.is_active() && !g.is_dead());
        assert_eq!(g.switch(()), "of what?");
        assert!(g.is_active() && !g.is_dead());
        assert_eq!(g.switch(()), "meaning of life");
        assert!(!g.is_active() && g.is_dead());
    });

    fn leave_with(value: &'static str) {
        let parent = current().parent().expect("not main");
        parent.switch::<&str, ()>(value);
    }
}

/// test_exc_state (A: what was caught is a local; `panicking` belongs to the thread, as documented)
#[test]
fn a_greenlet_started_during_an_unwind_does_not_disturb_it() {
    /// Runs a greenlet while it is dropped, and remembers what that greenlet saw.
    struct Switches(Rc<Cell<Option<(bool, bool)>>>);

    impl Drop for Switches {
        fn drop(&mut self) {
            let inner = Greenlet::new(|()| {
                let own = catch_unwind(|| panic_any("inner")).unwrap_err();
                leave();
                (own.downcast_ref() == Some(&"inner"), thread::panicking())
            });
            inner.any().switch::<(), ()>(());
            self.0.set(Some(inner.switch(())));
        }
    }

    leak_checked(|| {
        let seen = Rc::new(Cell::new(None));
        let saw = seen.clone();
        let f = Greenlet::new(move |()| {
            let caught = catch_unwind(|| panic_any("handled")).unwrap_err();
            // Handled, so what runs meanwhile finds nothing under way.
            let clean = Greenlet::new(|()| !thread::panicking()).switch(());
            assert_eq!(caught.downcast_ref(), Some(&"handled"));
            let unwound = catch_unwind(AssertUnwindSafe(|| {
                let _switches = Switches(saw);
                panic_any("outer");
            }));
            assert_eq!(unwound.unwrap_err().downcast_ref(), Some(&"outer"));
            clean && !thread::panicking()
        });
        assert!(f.switch(()));
        assert_eq!(seen.get(), Some((true, true)));
        assert!(!thread::panicking());
    });
}

/// test_can_access_f_back_of_suspended_greenlet (A: no frames; a refusal tells where the greenlet waits)
#[test]
fn a_suspended_greenlet_tells_where_it_waits() {
    const LINE_OF_WAIT: u32 = line!() + 3;

    fn inner() -> u32 {
        main().switch::<(), u32>(())
    }

    fn outer() -> u32 {
        let before = [1, 2, 3];
        let answer = inner();
        before.iter().sum::<u32>() + answer
    }

    leak_checked(|| {
        let hub = Greenlet::new(|()| outer());
        hub.any().switch::<(), ()>(());
        // Another one runs, on a stack of its own.
        Greenlet::new(|()| ()).switch(());
        let refused = hub.any().try_switch::<&str, u32>("ten").unwrap_err();
        let SwitchError::Type {
            waits_at, expected, ..
        } = refused
        else {
            panic!("{refused:?}");
        };
        assert_eq!((waits_at.file(), waits_at.line()), (file!(), LINE_OF_WAIT));
        assert_eq!(expected, "u32");
        assert_eq!(hub.any().switch::<u32, u32>(10), 16);
    });
}

/// test_get_stack_with_nested_c_calls (A: C's calling convention instead of C, and no frames)
#[test]
fn foreign_frames_are_left_and_resumed() {
    extern "C-unwind" fn call(function: extern "C-unwind" fn(u64) -> u64, argument: u64) -> u64 {
        function(argument)
    }

    extern "C-unwind" fn recurse(n: u64) -> u64 {
        if n > 0 {
            return n * call(recurse, n - 1);
        }
        let parent = current().parent().expect("not main");
        parent.switch::<(), u64>(())
    }

    leak_checked(|| {
        let g = Greenlet::new(|n: u64| recurse(n));
        let abandoned = Greenlet::new(|n: u64| recurse(n));
        g.any().switch::<u64, ()>(5);
        abandoned.any().switch::<u64, ()>(5);
        // The exit unwinds the same frames.
        let name = abandoned.any();
        drop(abandoned);
        assert!(name.is_dead());
        assert_eq!(g.any().switch::<u64, u64>(10), 1200);
    });
}

/// test_switching_holding_critical_section_no_crash (A: each holds the guard of a mutex)
#[test]
fn a_sort_key_may_switch_while_guards_are_held() {
    /// Sorts under a guard; the first key that is asked for goes to `other`.
    fn sort(list: &Mutex<Vec<u32>>, other: &AnyGreenlet) {
        let mut list = list.lock().unwrap();
        let asked = Cell::new(false);
        list.sort_by_key(|n| {
            if !asked.replace(true) {
                other.switch::<(), ()>(());
            }
            *n
        });
    }

    leak_checked(|| {
        let first = Rc::new(Mutex::new(vec![2, 3, 1]));
        let second = Rc::new(Mutex::new(vec![6, 4, 5]));
        let (g1, g2) = (Greenlet::<()>::empty(), Greenlet::<()>::empty());
        let (list, to) = (first.clone(), g2.any());
        g1.set_run(move |()| {
            sort(&list, &to);
            to.switch(())
        });
        let (list, to, other) = (second.clone(), g1.any(), first.clone());
        g2.set_run(move |()| {
            assert!(matches!(other.try_lock(), Err(TryLockError::WouldBlock)));
            sort(&list, &to);
            assert_eq!(*other.lock().unwrap(), [1, 2, 3]);
            // Blocks the thread.
            let path = concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml");
            assert!(fs::read_to_string(path).unwrap().contains("greenlet"));
        });
        g1.switch(());
        assert!(g2.is_dead() && !g1.is_dead());
        assert_eq!(*first.lock().unwrap(), [1, 2, 3]);
        assert_eq!(*second.lock().unwrap(), [4, 5, 6]);
    });
}

/// test_failed_to_initialstub (A: there is no memory for the stack)
#[test]
fn a_greenlet_that_cannot_get_its_stack_stays_new() {
    leak_checked(|| {
        let runs = Rc::new(Cell::new(0));
        let inner = runs.clone();
        let builder = Greenlet::builder().stack_size(TOO_LARGE);
        let g = builder.build(move |value: String| {
            inner.set(inner.get() + 1);
            value
        });
        for _ in 0..2 {
            let refused = g.try_switch("keep this".to_owned()).unwrap_err();
            assert!(matches!(refused, SwitchError::NoStack { .. }));
            assert_eq!(refused.into_value().as_deref(), Some("keep this"));
            assert_eq!(g.state(), State::New);
        }
        let refused = g.try_throw(Box::new(5)).unwrap_err();
        let payload = refused.into_value().expect("control never left");
        assert_eq!(payload.downcast_ref(), Some(&5));
        assert_eq!(g.state(), State::New);
        drop(g);
        assert_eq!((runs.get(), Rc::strong_count(&runs)), (0, 1));
    });
}

/// test_failed_to_switch_into_running (A: the resume that fails is one with the wrong type)
#[test]
fn a_refused_resume_changes_nothing_and_can_be_repeated() {
    leak_checked(|| {
        let log = Log::default();
        let inner = log.clone();
        let g = Greenlet::new(move |()| {
            for n in 1..3 {
                inner.borrow_mut().push(n);
                leave();
            }
            inner.borrow_mut().push(3);
        });
        g.switch(());
        assert_eq!(*log.borrow(), [1]);
        g.switch(());
        assert_eq!(*log.borrow(), [1, 2]);
        let refused = g.any().try_switch::<u8, ()>(9).unwrap_err();
        assert_eq!(refused.into_value(), Some(9));
        assert_eq!((g.state(), log.borrow().len()), (State::Suspended, 2));
        g.switch(());
        assert_eq!(*log.borrow(), [1, 2, 3]);
        assert!(g.is_dead());
    });
}
